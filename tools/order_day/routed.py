"""Orders through the cores as they ship: the router's decisions and its plans, the ledger's claims and its sourcing.

One order after the other is talked to its end, in memory. What the ledger says of stock is known to the planner at once.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import cast

from agents.codec import digest
from agents.inventory.channels import References
from agents.inventory.decide import decide
from agents.inventory.orders.decide import decide_order
from agents.inventory.orders.rows import ORDERS, Order, OrderArrival, OrderPolicy, Stage
from agents.inventory.orders.words import OrderKind, OrderRecord
from agents.inventory.rows import Arrival
from agents.inventory.transactions import Kind, PolicySettings, Transaction
from agents.order_router import Planner
from agents.runtime.levels_view import LevelsView
from agents.runtime.reference import Reference, reference_key, reference_transaction
from tools.order_day.routing import Problem, Taken
from tools.order_day.topology_file import WEIGHT
from tools.scenario.memory_rows import MemoryRows

BEGINS_MS = 1_767_268_800_000
MOST_RECORDS = 500
"""An order that is talked of longer than this is a bug."""


class MemoryLevels:
    """The levels as the router's view has them, from the rows themselves."""

    is_current = True

    def __init__(self, rows: MemoryRows) -> None:
        self._rows = rows

    def of(self, sku: str) -> Mapping[str, tuple[int, int]]:
        """See `LevelsView.of`."""
        return {place: (row.revision, row.unpromised) for place, row in self._rows.positions(sku).items()}


class OneBook:
    """The rows of the router: no more than one order is open at a time."""

    def __init__(self, rows: MemoryRows) -> None:
        self.open: Order | None = None
        self._rows = rows

    def begin(self) -> None:
        """The order before is over and forgotten."""
        self.open = None

    def order(self, order_id: str) -> Order | None:  # noqa: ARG002 - there is only one
        """See `OrderRows.order`."""
        return self.open

    def references(self) -> References:
        """See `OrderRows.references`: those that the ledger has."""
        return self._rows.references()


class Onhand:
    """Router and ledger, in memory."""

    def __init__(self, problem: Problem, split_must_save: int | None = None) -> None:
        """`split_must_save` as in the policy of orders."""
        self._rows = MemoryRows()
        self._book = OneBook(self._rows)
        self._policy = OrderPolicy()
        self._planner = Planner(cast("LevelsView", MemoryLevels(self._rows)), split_must_save)
        self._records = 0
        seeds: list[Reference] = [
            PolicySettings(rule="default", distance_weight=WEIGHT, zone_weight=WEIGHT),
            *problem.places.values(),
        ]
        for seed in seeds:
            self._decide(reference_transaction(seed, reference_key(seed), "topology"))
        for (sku, place), units in problem.stock.items():
            self._decide(
                Transaction(
                    transaction_id=f"opening-{place}",
                    source="wms",
                    kind=Kind.RECEIPT,
                    sku=sku,
                    location=place,
                    quantity=units,
                    occurred_at_ms=BEGINS_MS,
                )
            )

    def route(self, order: OrderRecord) -> Sequence[Taken]:
        """See `Router.route`."""
        self._book.begin()
        to_router: deque[OrderRecord] = deque([order])
        for _ in range(MOST_RECORDS):
            if not to_router:
                break
            self._hear(to_router.popleft(), to_router)
            known = self._book.open
            if not to_router and known is not None and known.stage is Stage.PLANNING:
                plan = self._planner.plan(order.order_id, known, self._rows.references(), BEGINS_MS)
                assert plan is not None
                to_router.append(plan)
        assert not to_router, f"{order.order_id} is talked of for ever"
        found = self._book.open
        assert found is not None
        return [
            Taken(line.line, place, units)
            for line in found.lines
            for place, units in sums([(each.location, each.quantity) for part in line.parts for each in part.allocated])
        ]

    def _hear(self, record: OrderRecord, to_router: deque[OrderRecord]) -> None:
        """One record of the router, and what the ledger says to what follows."""
        self._records += 1
        decision = decide_order(self._book, OrderArrival(record, f"orders-0-{self._records}", BEGINS_MS), self._policy)
        for (table, _), row in decision.changes.items():
            if table == ORDERS:
                self._book.open = cast("Order | None", row)
        for transaction in decision.transactions:
            to_router.extend(self._decide(transaction))

    def _decide(self, transaction: Transaction) -> list[OrderRecord]:
        """One transaction of the ledger; what the router hears of it."""
        self._records += 1
        cause = f"transactions-0-{self._records}"
        arrival = Arrival(transaction, cause, self._records, BEGINS_MS, digest(transaction))
        decision = decide(self._rows, arrival)
        self._rows.apply(decision.changes)
        return [
            OrderRecord(
                record_id=answer.event_id,
                source="stock_keeper",
                kind=OrderKind.ANSWER,
                order_id=answer.order_id,
                answer=answer,
            )
            for answer in decision.answers
            if answer.routed and answer.order_id is not None
        ]


def sums(units: Sequence[tuple[str, int]]) -> Sequence[tuple[str, int]]:
    """By place."""
    found: dict[str, int] = {}
    for place, quantity in units:
        found[place] = found.get(place, 0) + quantity
    return list(found.items())

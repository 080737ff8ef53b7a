"""The order router of a conversation: its core, its rows, and what must hold between it and the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agents.inventory.channels import References
from agents.inventory.orders.decide import decide_order
from agents.inventory.orders.planning import plan_record
from agents.inventory.orders.rows import (
    ORDERS,
    OVER,
    Key,
    Order,
    OrderArrival,
    OrderDecision,
    OrderPolicy,
    OrderRow,
    Stage,
)
from agents.inventory.orders.slots import CLAIM_LINE, sku_of
from agents.inventory.orders.words import OrderKind, OrderRecord, Read, key_of
from agents.inventory.reservations import Claim
from agents.inventory.rows import CHANNELS, CLAIMS, LOCATIONS
from agents.inventory.transactions import ORDER_ROUTER, ChannelReference, Kind, LocationReference
from tools.scenario.agents import Decided, LogName
from tools.scenario.ledger import Ledger

DecidedOrder = Decided[OrderRecord, OrderDecision]


class OrderBook:
    """The rows of the router."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}
        self._locations: dict[str, LocationReference] = {}
        self._channels: dict[str, ChannelReference] = {}

    def order(self, order_id: str) -> Order | None:
        """See `OrderRows.order`."""
        return self.orders.get(order_id)

    def references(self) -> References:
        """See `OrderRows.references`."""
        return References(self._locations, self._channels)

    def rows(self) -> tuple[Mapping[str, Any], ...]:
        """All that it keeps: orders, places, channels."""
        return self.orders, self._locations, self._channels

    def apply(self, changes: Mapping[tuple[str, Key], Any]) -> None:
        """Take over changed rows; None removes one. Dates and what others keep are left out."""
        tables: dict[str, dict[str, Any]] = {ORDERS: self.orders, LOCATIONS: self._locations, CHANNELS: self._channels}
        for (name, key), row in changes.items():
            rows = tables.get(name)
            if rows is None:
                continue
            if row is None:
                rows.pop(str(key[0]), None)
            else:
                rows[str(key[0])] = row


class Router:
    """Implements `Agent`."""

    name = "orders"
    hears = (OrderRecord,)

    def __init__(self, ledger: Ledger, policy: OrderPolicy | None = None) -> None:
        self.policy = policy or OrderPolicy()
        self.book = OrderBook()
        self.decided: list[DecidedOrder] = []
        self._ledger = ledger
        self._changelog: dict[tuple[str, Key], OrderRow | None] = {}
        self._confirmed: set[str] = set()
        self._broken: list[str] = []

    def log_of(self, record: OrderRecord) -> LogName:
        """See `Agent.log_of`."""
        return ("order", key_of(record))

    def decide(self, record: OrderRecord, cause: str, at_ms: int) -> Sequence[Any]:
        """See `Agent.decide`: to the ledger, and to who counts."""
        decision = decide_order(self.book, OrderArrival(record, cause, at_ms), self.policy)
        self.book.apply(decision.changes)
        self._changelog |= decision.changes
        self.decided.append(Decided(record, at_ms, cause, decision))
        self._broken += self._faults_of_step(record, decision)
        return [*decision.transactions, *decision.routings]

    def dates(self) -> Iterator[int]:
        """See `Agent.dates`."""
        yield from (order.due_ms for order in self.book.orders.values() if order.due_ms is not None)

    def wakes(self, now_ms: int) -> Iterator[OrderRecord]:
        """See `Agent.wakes`."""
        for order_id, order in sorted(self.book.orders.items()):
            if order.due_ms is not None and order.due_ms <= now_ms:
                yield wake_record(order_id)

    def forget(self) -> None:
        """See `Agent.forget`."""
        self.decided = []

    def crash(self) -> bool:
        """See `Agent.crash`."""
        before, self.book = self.book, OrderBook()
        self.book.apply(self._changelog)
        return self.book.rows() == before.rows()

    def plans(self, on_its_way: Sequence[OrderRecord]) -> Iterator[OrderRecord]:
        """A plan for each order that waits for one and has none on its way."""
        references = self.book.references()
        planned = {record.order_id for record in on_its_way if record.kind is OrderKind.PLAN}
        now_ms, split_must_save = self._ledger.now_ms, self.policy.split_must_save
        for order_id, order in sorted(self.book.orders.items()):
            if order.stage is Stage.PLANNING and order_id not in planned:
                yield plan_record(order_id, order, self._levels, references, now_ms, split_must_save)

    def _levels(self, sku: str) -> dict[str, Read]:
        """What is read of the levels of a SKU, as they are published."""
        return {
            place: Read(place, row.revision, row.unpromised - row.safety_stock)
            for place, row in self._ledger.rows.positions(sku).items()
        }

    # -- what must hold --------------------------------------------------------------------------------------------

    def broken(self) -> list[str]:
        """Since the last time: what must hold after every step and did not, as sentences."""
        broken, self._broken = self._broken, []
        return broken

    def _faults_of_step(self, record: OrderRecord, decision: OrderDecision) -> Iterator[str]:
        """Only forward, and never more than ordered."""
        order = self.book.orders.get(record.order_id)
        if order is None:
            self._confirmed.discard(record.order_id)
            return
        if order.stage is Stage.CONFIRMED:
            self._confirmed.add(record.order_id)
        is_late = record.order_id in self._confirmed and record.kind is OrderKind.ANSWER and order.stage not in OVER
        if is_late and any(sent.kind is Kind.RELEASE and sent.quantity is None for sent in decision.transactions):
            yield f"{record.order_id} is confirmed and releases a claim: from then on only what is too much"
        for line in order.lines:
            asked = sum(part.quantity for part in line.parts) + line.shipped + line.cancelled + line.unfillable
            if asked > line.quantity:
                yield f"{record.order_id} line {line.line} asks for {asked} of {line.quantity}"

    def claims_of(self, order_id: str) -> dict[tuple[str, int], Claim]:
        """Open claims of an order by (SKU, claim line)."""
        return {
            (str(sku), int(line)): row
            for (sku, holder, line), row in self._ledger.rows.tables[CLAIMS].items()
            if holder == order_id and isinstance(row, Claim)
        }

    def disagreements(self) -> Iterator[str]:
        """When nobody has anything to say, the router knows exactly what the ledger holds for each order."""
        for order_id, order in self.book.orders.items():
            claims = self.claims_of(order_id)
            if order.stage in OVER:
                if claims:
                    yield f"{order_id} is {order.stage} and still holds {claims}"
                continue
            believed = {
                (line.sku, part.claim_line): sum(place.quantity for place in (*part.reserved, *part.allocated))
                for line in order.lines
                for part in line.parts
                if part.reserved or part.allocated
            }
            believed |= {(sku_of(slot), CLAIM_LINE): 1 for slot in order.slots if slot.held}
            held = {
                key: units
                for key, claim in claims.items()
                if (units := sum(leg.reserved + leg.allocated for leg in claim.legs))
            }
            if believed != held:
                yield f"{order_id}: the router believes {believed}, the ledger holds {held}"


def wake_record(order_id: str) -> OrderRecord:
    """The record that wakes an order. Its id is never remembered."""
    return OrderRecord(record_id="wake", source=ORDER_ROUTER, kind=OrderKind.WAKE, order_id=order_id)

"""Router and ledger talk to each other over logs, one for each SKU and each order; a seed decides who is heard next.

Both cores are the real ones, see tools/scenario/conversation.py. After every step of the router its invariants are checked.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from agents.inventory.answers import Answer
from agents.inventory.orders.rows import OrderPolicy, Stage
from agents.inventory.orders.validation import problem_of
from agents.inventory.orders.words import OrderedLine, OrderKind, OrderRecord, Routing
from agents.inventory.reservations import Claim
from agents.inventory.transactions import Kind, LocationReference, Transaction
from agents.runtime.reference import Reference, reference_transaction
from tools.scenario.agents import LogName
from tools.scenario.conversation import Conversation
from tools.scenario.memory_rows import MemoryRows
from tools.scenario.router import DecidedOrder
from tools.scenario.visiting import visits


class World(Conversation):
    """One ledger, one router, and the logs between them, heard in an order that a seed decides."""

    def __init__(self, seed: int, policy: OrderPolicy | None = None) -> None:
        super().__init__(policy=policy, choose=self.anybody)
        self.random = random.Random(seed)
        self.routings: list[Routing] = []
        self.answers: list[Answer] = []
        self.heard: list[DecidedOrder] = []
        self.sent: list[Transaction] = []
        self.ignored: list[str] = []
        self.buried: list[str] = []
        self._told = 0

    @property
    def stock(self) -> MemoryRows:
        """The ledger's rows."""
        return self.ledger.rows

    # -- told from outside -----------------------------------------------------------------------------------------

    def fact(self, kind: Kind, sku: str, location: str, quantity: int, **fields: Any) -> None:
        """A fact that the warehouse reports."""
        fields = {"location": location, "quantity": quantity, "occurred_at_ms": self.now_ms, **fields}
        self.publish(Transaction(transaction_id=self.number(), source="wms", kind=kind, sku=sku, **fields))

    def tell(self, kind: OrderKind, order_id: str, **fields: Any) -> OrderRecord:
        """What the shop or the warehouse says of an order."""
        record = OrderRecord(record_id=self.number(), source="shop", kind=kind, order_id=order_id, **fields)
        assert problem_of(record) is None, problem_of(record)
        self.report(record)
        return record

    def limit(self, location: str, shipments: int | None, **fields: Any) -> None:
        """What is said of a place from now on: so many shipments leave it in a day."""
        self.refer(LocationReference(location, daily_capacity=shipments, **fields))

    def refer(self, reference: Reference) -> None:
        """What is so of a place or a channel from now on."""
        self.publish(reference_transaction(reference, self.number(), "ops"))

    def place(self, order_id: str, lines: Mapping[int, tuple[str, int]], **fields: Any) -> OrderRecord:
        """A new order: line -> (SKU, quantity)."""
        ordered = tuple([OrderedLine(number, sku, quantity) for number, (sku, quantity) in lines.items()])
        return self.tell(OrderKind.PLACED, order_id, lines=ordered, **{"occurred_at_ms": self.now_ms, **fields})

    def number(self) -> str:
        """The next id."""
        self._told += 1
        return f"n{self._told}"

    # -- going on --------------------------------------------------------------------------------------------------

    def anybody(self, waiting: Sequence[LogName]) -> LogName:
        """The log that is heard next."""
        return self.random.choice(sorted(waiting))

    def listen(self, record: Transaction | OrderRecord) -> None:
        """One step; time passes, and now and then the planner looks at the levels in the middle of it all."""
        self.now_ms += self.random.randrange(20)
        super().listen(record)
        self.note()
        if self.random.random() < 0.3:
            self.plan()

    def think_again(self) -> bool:
        """A plan, or the next visit of what a reference record concerns."""
        if self.plan():
            return True
        visit = next(visits(self.stock), None)
        if visit is not None:
            self.publish(visit)
        return visit is not None

    def wake_ledger(self) -> None:
        """What is due is told as any record, to be heard in its turn."""
        for sku in self.stock.due_skus(self.now_ms):
            self.publish(Transaction(transaction_id="expire", source="onhand", kind=Kind.EXPIRE, sku=sku))

    def note(self) -> None:
        """Keep what was said, and check what must hold after every step."""
        since = self.taken()
        self.answers += [answer for decision in since.ledger for answer in decision.answers]
        self.heard += since.orders
        for each in since.orders:
            self.routings += each.decision.routings
            self.sent += each.decision.transactions
            self.ignored += [each.decision.ignored] if each.decision.ignored is not None else []
            self.buried += [each.decision.dead_letter] if each.decision.dead_letter is not None else []
        assert self.broken() == []

    # -- looked at -------------------------------------------------------------------------------------------------

    def claims(self, sku: str) -> list[Claim]:
        """Open claims of a SKU."""
        return list(self.stock.claims(sku).values())

    def stage(self, order_id: str) -> Stage:
        """How far the order has come."""
        return self.book.orders[order_id].stage

    def agree(self) -> None:
        """When nobody has anything to say, the router knows exactly what the ledger holds for each order."""
        assert list(self.disagreements()) == []

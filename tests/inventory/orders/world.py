"""Router and ledger talk to each other over logs, one for each SKU and each order; a seed decides who is heard next.

Both cores are the real ones. What is between them here is what is between them in life: each log keeps its order, and
nothing else does.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Mapping
from typing import Any

from agents.codec import digest
from agents.inventory.answers import Answer
from agents.inventory.decide import decide
from agents.inventory.orders.decide import decide_order
from agents.inventory.orders.planning import make_plan
from agents.inventory.orders.rows import (
    ORDERS,
    OVER,
    Order,
    OrderArrival,
    OrderDecision,
    OrderPolicy,
    Stage,
)
from agents.inventory.orders.validation import problem_of
from agents.inventory.orders.words import OrderedLine, OrderKind, OrderRecord, Read, Routing
from agents.inventory.reservations import Claim
from agents.inventory.rows import Arrival
from agents.inventory.transactions import Kind, Transaction
from tools.scenario.memory_rows import MemoryRows
from tools.scenario.words import BEGINS_MS


class OrderBook:
    """The rows of the router."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}

    def order(self, order_id: str) -> Order | None:
        """The order, or None."""
        return self.orders.get(order_id)

    def apply(self, decision: OrderDecision) -> None:
        """Take over what a decision changed."""
        for (table, key), row in decision.changes.items():
            if table != ORDERS:
                continue
            if row is None:
                self.orders.pop(str(key[0]), None)
            else:
                assert isinstance(row, Order)
                self.orders[str(key[0])] = row


class World:
    """One ledger, one router, and the logs between them."""

    def __init__(self, seed: int, policy: OrderPolicy | None = None) -> None:
        self.random = random.Random(seed)
        self.policy = policy or OrderPolicy()
        self.now_ms = BEGINS_MS
        self.stock = MemoryRows()
        self.book = OrderBook()
        self.skus: dict[str, deque[Transaction]] = {}
        self.orders: dict[str, deque[OrderRecord]] = {}
        self.routings: list[Routing] = []
        self.answers: list[Answer] = []
        self.sent: list[Transaction] = []
        self.ignored: list[str] = []
        self.confirmed: set[str] = set()
        self._numbers = 0

    # -- told from outside -----------------------------------------------------------------------------------------

    def fact(self, kind: Kind, sku: str, location: str, quantity: int, **fields: Any) -> None:
        """A fact that the warehouse reports."""
        fields = {"location": location, "quantity": quantity, "occurred_at_ms": self.now_ms, **fields}
        self.publish(Transaction(transaction_id=self.number(), source="wms", kind=kind, sku=sku, **fields))

    def publish(self, transaction: Transaction) -> None:
        """To the ledger's log."""
        self.skus.setdefault(transaction.sku, deque()).append(transaction)

    def tell(self, kind: OrderKind, order_id: str, **fields: Any) -> None:
        """To the router's log."""
        record = OrderRecord(record_id=self.number(), source="shop", kind=kind, order_id=order_id, **fields)
        assert problem_of(record) is None, problem_of(record)
        self.orders.setdefault(order_id, deque()).append(record)

    def place(self, order_id: str, lines: Mapping[int, tuple[str, int]], **fields: Any) -> None:
        """A new order: line -> (SKU, quantity)."""
        ordered = tuple([OrderedLine(number, sku, quantity) for number, (sku, quantity) in lines.items()])
        self.tell(OrderKind.PLACED, order_id, lines=ordered, **fields)

    def number(self) -> str:
        """The next id."""
        self._numbers += 1
        return f"n{self._numbers}"

    # -- going on --------------------------------------------------------------------------------------------------

    def run(self, most_steps: int = 10_000) -> None:
        """Until nobody has anything to say."""
        for _ in range(most_steps):
            if not self.step():
                return
        raise AssertionError(f"still talking after {most_steps} steps")

    def step(self) -> bool:
        """Let one log be heard. False when all are empty."""
        waiting: list[tuple[str, str]] = [("sku", sku) for sku, log in self.skus.items() if log]
        waiting += [("order", order_id) for order_id, log in self.orders.items() if log]
        if not waiting:
            self.plan()
            return any(self.orders.values())
        which, name = self.random.choice(sorted(waiting))
        self.now_ms += self.random.randrange(20)
        if which == "sku":
            self.decide_stock(self.skus[name].popleft())
        else:
            self.decide_order(self.orders[name].popleft())
        if self.random.random() < 0.3:
            self.plan()
        return True

    def decide_stock(self, transaction: Transaction) -> None:
        """One step of the ledger; what carries an order's id is told to the router."""
        self._numbers += 1
        arrival = Arrival(
            transaction, f"transactions-0-{self._numbers}", self._numbers, self.now_ms, digest(transaction)
        )
        decision = decide(self.stock, arrival)
        self.stock.apply(decision.changes)
        for answer in decision.answers:
            self.answers.append(answer)
            if answer.routed and answer.order_id is not None:
                record = OrderRecord(
                    record_id=answer.event_id,
                    source="stock_keeper",
                    kind=OrderKind.ANSWER,
                    order_id=answer.order_id,
                    answer=answer,
                )
                self.orders.setdefault(answer.order_id, deque()).append(record)

    def decide_order(self, record: OrderRecord) -> None:
        """One step of the router; what it sends goes to the ledger."""
        self._numbers += 1
        arrival = OrderArrival(record, f"orders-0-{self._numbers}", self.now_ms)
        decision = decide_order(self.book, arrival, self.policy)
        self.book.apply(decision)
        self.check(record, decision)
        self.routings += decision.routings
        if decision.ignored is not None:
            self.ignored.append(decision.ignored)
        for transaction in decision.transactions:
            self.sent.append(transaction)
            self.publish(transaction)

    def check(self, record: OrderRecord, decision: OrderDecision) -> None:
        """What must hold after every step of the router."""
        order = self.book.orders.get(record.order_id)
        if order is None:
            return
        if order.stage is Stage.CONFIRMED:
            self.confirmed.add(record.order_id)
        if record.order_id in self.confirmed and record.kind is OrderKind.ANSWER:
            released = [sent for sent in decision.transactions if sent.kind is Kind.RELEASE]
            assert all(sent.quantity is not None for sent in released), "only forward: a surplus, never a claim"
        for line in order.lines:
            asked = sum(part.quantity for part in line.parts) + line.shipped + line.cancelled + line.unfillable
            assert asked <= line.quantity, f"{record.order_id} line {line.line} asks for {asked}: {line}"

    def plan(self) -> None:
        """The planner looks at the levels as they are, and says what it thinks."""
        for order_id, order in sorted(self.book.orders.items()):
            queued = self.orders.setdefault(order_id, deque())
            if order.stage is not Stage.PLANNING or any(record.kind is OrderKind.PLAN for record in queued):
                continue
            lines = [OrderedLine(line.line, line.sku, line.quantity) for line in order.lines]
            stock = {
                line.sku: {
                    place: Read(place, row.revision, row.unpromised)
                    for place, row in self.stock.positions(line.sku).items()
                }
                for line in lines
            }
            plan = make_plan(lines, stock, len)
            queued.append(
                OrderRecord(
                    record_id=f"plan-{order.attempt}",
                    source="order_router",
                    kind=OrderKind.PLAN,
                    order_id=order_id,
                    attempt=order.attempt,
                    plan=plan.lines,
                )
            )

    def pass_time(self, milliseconds: int) -> None:
        """The clock goes on; what is due by then wakes."""
        ends_ms = self.now_ms + milliseconds
        while True:
            dates = [order.due_ms for order in self.book.orders.values() if order.due_ms is not None]
            dates += [claim.due_ms for sku in self.skus for claim in self.claims(sku) if claim.due_ms is not None]
            due = min((date for date in dates if date <= ends_ms), default=None)
            if due is None:
                break
            self.now_ms = max(self.now_ms, due)
            self.wake()
            self.run()
        self.now_ms = ends_ms

    def wake(self) -> None:
        """Say to everybody that something is due."""
        for order_id, order in sorted(self.book.orders.items()):
            if order.due_ms is not None and order.due_ms <= self.now_ms:
                wake = OrderRecord(record_id="wake", source="order_router", kind=OrderKind.WAKE, order_id=order_id)
                self.orders.setdefault(order_id, deque()).append(wake)
        for sku in self.skus:
            if any(claim.due_ms is not None and claim.due_ms <= self.now_ms for claim in self.claims(sku)):
                self.publish(Transaction(transaction_id="expire", source="onhand", kind=Kind.EXPIRE, sku=sku))

    # -- looked at -------------------------------------------------------------------------------------------------

    def claims(self, sku: str) -> list[Claim]:
        """Open claims of a SKU."""
        return list(self.stock.claims(sku).values())

    def claims_of(self, order_id: str) -> dict[tuple[str, int], Claim]:
        """Open claims of an order by (SKU, claim line)."""
        return {
            (sku, line): claim
            for sku in self.skus
            for (holder, line), claim in self.stock.claims(sku).items()
            if holder == order_id
        }

    def stage(self, order_id: str) -> Stage:
        """How far the order has come."""
        return self.book.orders[order_id].stage

    def agree(self) -> None:
        """When nobody has anything to say, the router knows exactly what the ledger holds for each order."""
        for order_id, order in self.book.orders.items():
            claims = self.claims_of(order_id)
            if order.stage in OVER:
                assert not claims, f"{order_id} is {order.stage} and still holds {claims}"
                continue
            believed = {
                (line.sku, part.claim_line): sum(place.quantity for place in (*part.reserved, *part.allocated))
                for line in order.lines
                for part in line.parts
                if part.reserved or part.allocated
            }
            held = {
                key: units
                for key, claim in claims.items()
                if (units := sum(leg.reserved + leg.allocated for leg in claim.legs))
            }
            assert believed == held, f"{order_id}: the router believes {believed}, the ledger holds {held}"

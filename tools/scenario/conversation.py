"""Ledger and order router in memory, talking to each other until nobody has anything to say.

Both cores are the real ones. Between them is what is between them in life: a log for each SKU and each order, and each log
keeps its order, nothing else does. Which log is heard next is somebody's choice: a scenario hears what was said first, a
test lets a seed decide.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any, NamedTuple

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
from agents.inventory.orders.words import OrderKind, OrderRecord, Read, answer_record
from agents.inventory.reservations import Claim
from agents.inventory.rows import CLAIMS, DUE, Decision
from agents.inventory.transactions import ORDER_ROUTER, Kind, Transaction
from tools.scenario.ledger import Ledger

LogName = tuple[str, str]
"""(`sku` or `order`, its name)."""
Choose = Callable[[Sequence[LogName]], LogName]
"""Of the logs in which somebody waits, that whose first record came first in front, the one to be heard next."""
MOST_STEPS = 10_000


class Decided(NamedTuple):
    """One record of an order, and what the router decided."""

    record: OrderRecord
    at_ms: int
    cause: str
    """`topic-partition-offset`: the events that follow from it begin with it."""
    decision: OrderDecision


def first_come(waiting: Sequence[LogName]) -> LogName:
    """What was said first is heard first."""
    return waiting[0]


class OrderBook:
    """The rows of the router."""

    def __init__(self) -> None:
        self.orders: dict[str, Order] = {}

    def order(self, order_id: str) -> Order | None:
        """See `OrderRows.order`."""
        return self.orders.get(order_id)

    def apply(self, decision: OrderDecision) -> None:
        """Take over what a decision changed."""
        for (table, key), row in decision.changes.items():
            if table == ORDERS:
                self.put(key, row)

    def put(self, key: Key, row: Any) -> None:
        """Set an order, or forget it with None."""
        if row is None:
            self.orders.pop(str(key[0]), None)
        else:
            self.orders[str(key[0])] = row


class Conversation:
    """One ledger, one router, and the logs between them."""

    def __init__(
        self, ledger: Ledger | None = None, policy: OrderPolicy | None = None, choose: Choose = first_come
    ) -> None:
        self.ledger = Ledger() if ledger is None else ledger
        self.policy = policy or OrderPolicy()
        self.book = OrderBook()
        self.decisions: list[Decision] = []
        """What the ledger decided in the conversation since `taken`."""
        self.decided: list[Decided] = []
        """What the router decided, likewise."""
        self._choose = choose
        self._logs: dict[LogName, deque[tuple[int, Transaction | OrderRecord]]] = {}
        self._numbers = count(1)
        self._changelog: dict[Key, OrderRow | None] = {}
        self._confirmed: set[str] = set()
        self._broken: list[str] = []

    @property
    def now_ms(self) -> int:
        """The clock of both."""
        return self.ledger.now_ms

    @now_ms.setter
    def now_ms(self, time_ms: int) -> None:
        self.ledger.now_ms = time_ms

    # -- told from outside -----------------------------------------------------------------------------------------

    def publish(self, transaction: Transaction) -> None:
        """Into the ledger's log."""
        self._append(("sku", transaction.sku), transaction)

    def report(self, record: OrderRecord) -> None:
        """Into the router's log."""
        self._append(("order", record.order_id), record)

    def hear(self, decision: Decision) -> None:
        """What the ledger decided of itself: the router hears of its own claims."""
        self.decisions.append(decision)
        for answer in decision.answers:
            if answer.routed and answer.order_id is not None:
                self.report(answer_record(answer.order_id, answer))

    def taken(self) -> tuple[list[Decision], list[Decided]]:
        """What was decided since the last time."""
        said = self.decisions, self.decided
        self.decisions, self.decided = [], []
        return said

    def _append(self, name: LogName, record: Transaction | OrderRecord) -> None:
        self._logs.setdefault(name, deque()).append((next(self._numbers), record))

    # -- going on --------------------------------------------------------------------------------------------------

    def run(self, most_steps: int = MOST_STEPS) -> None:
        """Until nobody has anything to say."""
        for _ in range(most_steps):
            if not self.step():
                return
        raise AssertionError(f"still talking after {most_steps} steps")

    def step(self) -> bool:
        """Let one log be heard. False when all are empty."""
        waiting = self.waiting()
        if not waiting:
            return self.think_again()
        name = self._choose(waiting)
        _, record = self._logs[name].popleft()
        self.listen(record)
        return True

    def waiting(self) -> list[LogName]:
        """The logs in which somebody waits, the one whose first record came first in front."""
        heads = {name: log[0][0] for name, log in self._logs.items() if log}
        return sorted(heads, key=lambda name: heads[name])

    def waiting_of(self, order_id: str) -> list[OrderRecord]:
        """What waits in the log of an order."""
        return [record for _, record in self._logs.get(("order", order_id), ()) if isinstance(record, OrderRecord)]

    def listen(self, record: Transaction | OrderRecord) -> None:
        """One step of the ledger or of the router; what it sends goes to the other."""
        if isinstance(record, Transaction):
            self.hear(self.ledger.send(record))
            return
        cause = f"orders-0-{next(self._numbers)}"
        decision = decide_order(self.book, OrderArrival(record, cause, self.now_ms), self.policy)
        self.book.apply(decision)
        self._changelog |= {key: row for (table, key), row in decision.changes.items() if table == ORDERS}
        self.decided.append(Decided(record, self.now_ms, cause, decision))
        self._broken += self._faults_of_step(record, decision)
        for transaction in decision.transactions:
            self.publish(transaction)

    def think_again(self) -> bool:
        """When all have been heard: the planner looks at the levels as they are. False when it has nothing to say."""
        return self.plan()

    def plan(self) -> bool:
        """A plan for each order that waits for one and has none on its way; whether there was any."""
        place_of = self.ledger.rows.references().location
        planned = False
        for order_id, order in sorted(self.book.orders.items()):
            if order.stage is not Stage.PLANNING:
                continue
            if any(record.kind is OrderKind.PLAN for record in self.waiting_of(order_id)):
                continue
            self.report(plan_record(order_id, order, self._levels, place_of, self.now_ms, self.policy.split_must_save))
            planned = True
        return planned

    def _levels(self, sku: str) -> dict[str, Read]:
        """What is read of the levels of a SKU, as they are published."""
        return {
            place: Read(place, row.revision, row.unpromised - row.safety_stock)
            for place, row in self.ledger.rows.positions(sku).items()
        }

    # -- time ------------------------------------------------------------------------------------------------------

    def pass_time(self, milliseconds: int) -> None:
        """The clock goes on from one thing that is due to the next; everybody is woken and heard."""
        ends_ms = self.now_ms + milliseconds
        for _ in range(MOST_STEPS):
            due = min((date for date in self._dates() if date <= ends_ms), default=None)
            if due is None:
                self.now_ms = max(self.now_ms, ends_ms)
                return
            self.now_ms = max(self.now_ms, due)
            self.wake()
            self.run()
        raise AssertionError(f"still waking after {MOST_STEPS} dates")

    def _dates(self) -> Iterator[int]:
        yield from (order.due_ms for order in self.book.orders.values() if order.due_ms is not None)
        yield from (int(key[0]) for key in self.ledger.rows.tables[DUE])

    def wake(self) -> None:
        """Say to everybody that something is due."""
        for order_id, order in sorted(self.book.orders.items()):
            if order.due_ms is not None and order.due_ms <= self.now_ms:
                self.report(wake_record(order_id))
        self.wake_ledger()

    def wake_ledger(self) -> None:
        """What is due on idle SKUs expires, and what a reference record concerns is visited; the router hears of it."""
        for decision in self.ledger.wake():
            self.hear(decision)

    def crash(self) -> None:
        """Both lose all rows, and rebuild them from their changelogs."""
        self.ledger.crash()
        changelog, self.book = self._changelog, OrderBook()
        for key, row in changelog.items():
            self.book.put(key, row)

    # -- looked at -------------------------------------------------------------------------------------------------

    def claims_of(self, order_id: str) -> dict[tuple[str, int], Claim]:
        """Open claims of an order by (SKU, claim line)."""
        return {
            (str(sku), int(line)): row
            for (sku, holder, line), row in self.ledger.rows.tables[CLAIMS].items()
            if holder == order_id and isinstance(row, Claim)
        }

    def faults(self) -> list[str]:
        """What must hold after every step and did not; and where all is said, how router and ledger disagree."""
        return self.broken() + ([] if self.waiting() else [*self.disagreements()])

    def broken(self) -> list[str]:
        """Since the last time: what must hold after every step of the router and did not, as sentences."""
        broken, self._broken = self._broken, []
        return broken

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

    def _faults_of_step(self, record: OrderRecord, decision: OrderDecision) -> Iterator[str]:
        """Only forward, and never more than ordered."""
        order = self.book.orders.get(record.order_id)
        if order is None:
            self._confirmed.discard(record.order_id)
            return
        if order.stage is Stage.CONFIRMED:
            self._confirmed.add(record.order_id)
        is_late = record.order_id in self._confirmed and record.kind is OrderKind.ANSWER
        if is_late and any(sent.kind is Kind.RELEASE and sent.quantity is None for sent in decision.transactions):
            yield f"{record.order_id} is confirmed and releases a claim: from then on only what is too much"
        for line in order.lines:
            asked = sum(part.quantity for part in line.parts) + line.shipped + line.cancelled + line.unfillable
            if asked > line.quantity:
                yield f"{record.order_id} line {line.line} asks for {asked} of {line.quantity}"


def wake_record(order_id: str) -> OrderRecord:
    """The record that wakes an order. Its id is never remembered."""
    return OrderRecord(record_id="wake", source=ORDER_ROUTER, kind=OrderKind.WAKE, order_id=order_id)

"""What a scenario says to ledger and router, as records: to be sent to a real one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec

from agents.inventory.capacity import is_capacity
from agents.inventory.orders.rows import Order
from agents.inventory.orders.words import REFERENCE_KINDS, OrderKind, OrderRecord, Routing
from agents.inventory.rows import POSITIONS, Decision, Key
from agents.inventory.transactions import Transaction
from agents.inventory.units import MILLISECONDS_PER_DAY
from agents.runtime.partitioner import partition_of
from tools.scenario.conversation import Conversation
from tools.scenario.ledger import Ledger
from tools.scenario.parser import parse
from tools.scenario.runner import Result, Runner

TIMES = ("occurred_at_ms", "due_at_ms", "promise_by_ms")
HEARD_OF_ONHAND = frozenset({OrderKind.ANSWER, OrderKind.PLAN}) | REFERENCE_KINDS
"""What the router is told by the ledger and by its planner. WAKE records are told by the scenario: no worker wakes in its time."""
DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Told:
    """One transaction, when it came, and what became of it."""

    at_ms: int
    transaction: Transaction
    decision: Decision


@dataclass(frozen=True)
class ToldOrder:
    """One record of an order, and when it came."""

    at_ms: int
    record: OrderRecord


@dataclass
class Recording:
    """One scenario: all it told the ledger, up to the first difference from its text."""

    path: Path
    told: list[Told | ToldOrder] = field(default_factory=list)
    before: list[tuple[int, int]] = field(default_factory=list)
    """Before each of them: how many transactions the router had asked, and how many answers and plans it was told."""
    asked: int = 0
    heard: int = 0
    """The same in the end."""
    crashes: list[int] = field(default_factory=list)
    """After how many transactions all rows are lost."""
    difference: Result | None = None
    positions: dict[Key, Any] = field(default_factory=dict)
    """How it ends."""
    orders: dict[str, Order] = field(default_factory=dict)
    """Likewise."""
    routings: list[Routing] = field(default_factory=list)
    """All that the router decided about lines."""
    takes_capacity: bool = False
    """It claims the days of places: their SKUs are named by the router, and lie in any partition."""

    has_others: bool = False
    """It speaks of campaigns, demand or KPIs: it cannot be told to workers."""

    @property
    def has_orders(self) -> bool:
        """Whether it speaks of orders."""
        return any(isinstance(told, ToldOrder) for told in self.told)

    @property
    def order_ids(self) -> frozenset[str]:
        """The orders that it names."""
        return frozenset(told.record.order_id for told in self.told if isinstance(told, ToldOrder))

    def tell(self, told: Told | ToldOrder) -> None:
        """Write down what the scenario tells."""
        self.before.append((self.asked, self.heard))
        self.told.append(told)


class RecordingLedger(Ledger):
    """A ledger in memory that writes down what it is told."""

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self.recording = recording
        self.is_asked = False
        """Whether it is the router that sends: then nobody tells it."""

    def send(self, transaction: Transaction) -> Decision:
        """Decide, and write it down."""
        decision = super().send(transaction)
        if self.is_asked:
            self.recording.asked += 1
        else:
            self.recording.tell(Told(self.now_ms, transaction, decision))
        return decision

    def crash(self) -> None:
        """Lose all rows, and write down when."""
        self.recording.crashes.append(len(self.recording.told))
        super().crash()


class RecordingConversation(Conversation):
    """A ledger and a router that write down what they are told, and count what follows from it."""

    def __init__(self, recording: Recording) -> None:
        self.recorder = RecordingLedger(recording)
        super().__init__(self.recorder)
        self.recording = recording

    def listen(self, record: Any) -> None:
        """One step, written down if it is the scenario's own."""
        if not isinstance(record, Transaction | OrderRecord):
            super().listen(record)
            return
        if isinstance(record, Transaction):
            self.recording.takes_capacity |= is_capacity(record.sku)
            self.recorder.is_asked = True
            super().listen(record)
            self.recorder.is_asked = False
            return
        if record.kind in HEARD_OF_ONHAND:
            self.recording.heard += 1
        else:
            self.recording.tell(ToldOrder(self.now_ms, record))
        super().listen(record)
        self.recording.routings += self.router.decided[-1].decision.routings


def record(path: Path) -> Recording:
    """Play a scenario in memory. Raises Unreadable."""
    recording = Recording(path)
    talk = RecordingConversation(recording)
    for result in Runner(talk=talk).run(parse(path.read_text(encoding="utf-8"))):
        if result.differences:
            recording.difference = result
    recording.has_others = talk.others is not None
    recording.positions = dict(talk.ledger.rows.tables[POSITIONS])
    recording.orders = dict(talk.book.orders)
    return recording


@dataclass
class Elsewhere:
    """The same transactions at another time, about SKUs that live in one partition."""

    partition: int
    partitions: int
    days: int
    """Whole days later."""
    watched: str = ""
    """The topic that whoever watches hears the edges from."""
    names: dict[str, str] = field(default_factory=dict)
    orders: frozenset[str] = frozenset()
    """The names of orders: holders of claims, too."""

    def record(self, record: OrderRecord) -> OrderRecord:
        """The record of an order there and then."""
        times = {name: self.time(at_ms) for name in TIMES if (at_ms := getattr(record, name, None)) is not None}
        lines = tuple(msgspec.structs.replace(line, sku=self.sku(line.sku)) for line in record.lines)
        return msgspec.structs.replace(record, order_id=self.order(record.order_id), lines=lines, **times)

    def transaction(self, transaction: Transaction) -> Transaction:
        """The transaction there and then."""
        changes: dict[str, Any] = {}
        if transaction.sku:
            changes["sku"] = self.sku(transaction.sku)
        for name in ("holder", "order_id"):
            if getattr(transaction, name) in self.orders:
                changes[name] = self.order(getattr(transaction, name))
        for name in TIMES:
            time_ms = getattr(transaction, name)
            if time_ms is not None:
                changes[name] = self.time(time_ms)
        if transaction.expires_on is not None and DATE.fullmatch(transaction.expires_on):
            later = date.fromisoformat(transaction.expires_on) + timedelta(days=self.days)
            changes["expires_on"] = later.isoformat()
        if transaction.watcher is not None:
            changes["watcher"] = msgspec.structs.replace(transaction.watcher, topic=self.watched)
        if transaction.policy is not None and transaction.policy.sku is not None:
            changes["policy"] = msgspec.structs.replace(transaction.policy, sku=self.sku(transaction.policy.sku))
        if transaction.item is not None and transaction.item.kit:
            kit = tuple(msgspec.structs.replace(part, sku=self.sku(part.sku)) for part in transaction.item.kit)
            changes["item"] = msgspec.structs.replace(transaction.item, kit=kit)
        return msgspec.structs.replace(transaction, **changes)

    def sku(self, name: str) -> str:
        """A name like it, whose partition is the one."""
        if name not in self.names:
            number = 0
            while partition_of(f"{name}~{number}".encode(), self.partitions) != self.partition:
                number += 1
            self.names[name] = f"{name}~{number}"
        return self.names[name]

    def order(self, name: str) -> str:
        """Likewise of an order."""
        return self.sku(name)

    def time(self, time_ms: int) -> int:
        """So many days later."""
        return time_ms + self.days * MILLISECONDS_PER_DAY

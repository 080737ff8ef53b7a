"""What a scenario says to the ledger, as records: to be sent to a real one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import msgspec

from agents.inventory.rows import POSITIONS, Decision, Key
from agents.inventory.transactions import Transaction
from agents.inventory.units import MILLISECONDS_PER_DAY
from agents.runtime.partitioner import partition_of
from tools.scenario.ledger import Ledger
from tools.scenario.parser import parse
from tools.scenario.runner import Result, Runner

TIMES = ("occurred_at_ms", "due_at_ms", "promise_by_ms")
DATE = re.compile(r"\d{4}-\d\d-\d\d")


@dataclass(frozen=True)
class Told:
    """One transaction, when it came, and what became of it."""

    at_ms: int
    transaction: Transaction
    decision: Decision


@dataclass
class Recording:
    """One scenario: all it told the ledger, up to the first difference from its text."""

    path: Path
    told: list[Told] = field(default_factory=list)
    crashes: list[int] = field(default_factory=list)
    """After how many transactions all rows are lost."""
    difference: Result | None = None
    positions: dict[Key, Any] = field(default_factory=dict)
    """How it ends."""


class RecordingLedger(Ledger):
    """A ledger in memory that writes down what it is told."""

    def __init__(self, recording: Recording) -> None:
        super().__init__()
        self.recording = recording

    def send(self, transaction: Transaction) -> Decision:
        """Decide, and write it down."""
        decision = super().send(transaction)
        self.recording.told.append(Told(self.now_ms, transaction, decision))
        return decision

    def crash(self) -> None:
        """Lose all rows, and write down when."""
        self.recording.crashes.append(len(self.recording.told))
        super().crash()


def record(path: Path) -> Recording:
    """Play a scenario in memory. Raises Unreadable."""
    recording = Recording(path)
    ledger = RecordingLedger(recording)
    for result in Runner(ledger).run(parse(path.read_text(encoding="utf-8"))):
        if result.differences:
            recording.difference = result
    recording.positions = dict(ledger.rows.tables[POSITIONS])
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

    def transaction(self, transaction: Transaction) -> Transaction:
        """The transaction there and then."""
        changes: dict[str, Any] = {}
        if transaction.sku:
            changes["sku"] = self.sku(transaction.sku)
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

    def time(self, time_ms: int) -> int:
        """So many days later."""
        return time_ms + self.days * MILLISECONDS_PER_DAY

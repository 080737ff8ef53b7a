"""A virtual broker: logs, transactions with epochs, and a last stable offset. It keeps time by the world's clock.

What it promises is what Apache Kafka 4 promises: a transactional id has one live epoch; a new one fences the old one off
and ends what that had left open; each transaction is ended by a marker, which takes an offset; a reader of committed
records sees nothing beyond the first open transaction, and nothing of an aborted one; a late request to end a
transaction ends the one that its epoch has open by then (transactions of version 1, which librdkafka speaks).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any

from agents.runtime.partitioner import partition_of
from tests.simulation.loop import Clock

Headers = list[tuple[str, bytes | str | None]]


class Outcome(Enum):
    """What became of a transaction."""

    OPEN = "open"
    COMMITTED = "committed"
    ABORTED = "aborted"


class FencedOff(Exception):
    """The epoch is not the live one."""


class Transaction:
    """One transaction of one producer."""

    __slots__ = ("begun_ms", "entries", "first", "number", "outcome", "session")

    def __init__(self, session: Session, number: int, begun_ms: int) -> None:
        self.session = session
        self.number = number
        self.begun_ms = begun_ms
        self.outcome = Outcome.OPEN
        self.entries: list[Entry] = []
        self.first: dict[PartitionLog, int] = {}
        """First offset by partition."""


class Session:
    """A transactional id as its coordinator knows it."""

    __slots__ = ("epoch", "name", "transaction")

    def __init__(self, name: str) -> None:
        self.name = name
        self.epoch = 0
        self.transaction: Transaction | None = None


class Entry:
    """One offset of a log: a record, or the marker that ends a transaction."""

    __slots__ = (
        "at_ms",
        "goes_after_ms",
        "headers",
        "is_marker",
        "key",
        "log",
        "offset",
        "transaction",
        "value",
        "writer",
    )

    def __init__(
        self,
        log: PartitionLog,
        at_ms: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers | None,
        transaction: Transaction | None,
        writer: Any,
        *,
        is_marker: bool = False,
    ) -> None:
        self.log = log
        self.offset = len(log.entries)
        self.at_ms = at_ms
        self.key = key
        self.value = value
        self.headers = headers
        self.transaction = transaction
        self.writer = writer
        self.is_marker = is_marker
        self.goes_after_ms: int | None = None
        """Of a tombstone that was cleaned once: when it may be removed."""

    @property
    def is_committed(self) -> bool:
        """Whether it is a record that readers of committed records see, once they come that far."""
        return not self.is_marker and (self.transaction is None or self.transaction.outcome is Outcome.COMMITTED)


class PartitionLog:
    """One partition of a topic."""

    __slots__ = ("entries", "number", "open", "topic")

    def __init__(self, topic: str, number: int) -> None:
        self.topic = topic
        self.number = number
        self.entries: list[Entry | None] = []
        """By offset; None where a record was compacted away."""
        self.open: list[Transaction] = []

    @property
    def end(self) -> int:
        """The next offset."""
        return len(self.entries)

    @property
    def stable_end(self) -> int:
        """The last stable offset: nothing before it is undecided."""
        if not self.open:
            return len(self.entries)
        return min([transaction.first[self] for transaction in self.open])

    def read(self, start: int, most: int, *, committed: bool) -> tuple[list[Entry], int]:
        """At most so many records from `start` on, and the offset to go on from."""
        end = self.stable_end if committed else len(self.entries)
        found: list[Entry] = []
        at = start
        while at < end and len(found) < most:
            entry = self.entries[at]
            at += 1
            if entry is None or entry.is_marker:
                continue
            if committed and not entry.is_committed:
                continue
            found.append(entry)
        return found, at

    def committed(self, start: int, end: int) -> list[Entry]:
        """The committed records within [start, end)."""
        return [entry for entry in self.entries[start:end] if entry is not None and entry.is_committed]

    def compact(self, now_ms: int, delete_retention_ms: int) -> int:
        """Remove what a later committed record of the same key has replaced. Returns how many records went.

        A tombstone goes `delete_retention_ms` after the first cleaning that met it: whoever began to read before that has
        so long to come to it.
        """
        last: dict[bytes | None, int] = {}
        stable = self.stable_end
        for entry in self.entries[:stable]:
            if entry is not None and entry.is_committed:
                last[entry.key] = entry.offset
        removed = 0
        for offset in range(stable - 1):  # the last record stays, as the active segment does
            entry = self.entries[offset]
            if entry is None or not entry.is_committed:
                continue
            goes = last[entry.key] != offset
            if not goes and entry.value is None:
                if entry.goes_after_ms is None:
                    entry.goes_after_ms = now_ms + delete_retention_ms
                goes = now_ms > entry.goes_after_ms
            if goes:
                self.entries[offset] = None
                removed += 1
        return removed


class Broker:
    """Topics and transactional ids."""

    def __init__(self, clock: Clock, topics: dict[str, int]) -> None:
        """`topics`: partitions by name."""
        self._clock = clock
        self.topics = {name: [PartitionLog(name, n) for n in range(count)] for name, count in topics.items()}
        self.sessions: dict[str, Session] = {}
        self.append_skew_ms = 0
        """How far the broker's clock is off: record times may go back."""
        self.on_ended: Callable[[Transaction], None] = lambda _: None
        self.on_begun: Callable[[Transaction], None] = lambda _: None
        self._transactions = 0

    def log(self, topic: str, partition: int, key: bytes | None = None) -> PartitionLog:
        """The log of a partition; of the key's where it is -1."""
        logs = self.topics[topic]
        return logs[partition if partition >= 0 else partition_of(key or b"", len(logs))]

    def initialise(self, name: str) -> int:
        """A new epoch of a transactional id: whoever had it is fenced off, what is open of it is aborted."""
        session = self.sessions.setdefault(name, Session(name))
        session.epoch += 1
        self._abort_open(session)
        return session.epoch

    def append(
        self,
        log: PartitionLog,
        key: bytes | None,
        value: bytes | None,
        headers: Headers | None,
        writer: Any,
        session: tuple[str, int] | None = None,
    ) -> int:
        """Write one record, within the transaction of (transactional id, epoch). Returns its offset."""
        transaction = None if session is None else self._transaction_of(*session)
        entry = Entry(log, self._clock.now_ms + self.append_skew_ms, key, value, headers, transaction, writer)
        log.entries.append(entry)
        if transaction is not None:
            transaction.entries.append(entry)
            if log not in transaction.first:
                transaction.first[log] = entry.offset
                log.open.append(transaction)
        return entry.offset

    def open_transaction(self, name: str, epoch: int) -> Transaction | None:
        """What this epoch has open; None where it has written nothing. Raises FencedOff."""
        return self._live(name, epoch).transaction

    def end(self, name: str, epoch: int, transaction: Transaction | None, *, commit: bool) -> None:
        """End a transaction. Raises FencedOff."""
        session = self._live(name, epoch)
        if transaction is None or session.transaction is not transaction:
            return
        self._end(session, Outcome.COMMITTED if commit else Outcome.ABORTED)

    def time_out(self, transaction: Transaction) -> bool:
        """Abort one that was left open for too long, and fence its producer off. False where it is over."""
        if transaction.outcome is not Outcome.OPEN:
            return False
        transaction.session.epoch += 1
        self._abort_open(transaction.session)
        return True

    def _live(self, name: str, epoch: int) -> Session:
        session = self.sessions[name]
        if session.epoch != epoch:
            raise FencedOff(name)
        return session

    def _transaction_of(self, name: str, epoch: int) -> Transaction:
        session = self._live(name, epoch)
        if session.transaction is None:
            self._transactions += 1
            session.transaction = Transaction(session, self._transactions, self._clock.now_ms)
            self.on_begun(session.transaction)
        return session.transaction

    def _abort_open(self, session: Session) -> None:
        if session.transaction is not None:
            self._end(session, Outcome.ABORTED)

    def _end(self, session: Session, outcome: Outcome) -> None:
        transaction = session.transaction
        assert transaction is not None
        session.transaction = None
        transaction.outcome = outcome
        for log in transaction.first:
            log.open.remove(transaction)
            log.entries.append(
                Entry(log, self._clock.now_ms, None, None, None, transaction, session.name, is_marker=True)
            )
        self.on_ended(transaction)


def by_topic(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    """Records by topic, in the order in which they were written."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.log.topic, []).append(entry)
    return found

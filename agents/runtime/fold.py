"""What an agent gives the runtime: a fold over one partition. And what the runtime gives it: records and an outbox.

A fold decides; it never talks to the broker. So the same fold runs under Kafka, in the simulation and in the audit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from agents.state.overlay import Overlay

Headers = list[tuple[str, bytes | str | None]]
FIRST_RECORD_TIME_HEADER = "onhand.first_record_time_ms"
"""On a forwarded record: the record time it had when it first came, in the wrong partition."""


class InputRecord(Protocol):
    """One record as the client library gives it."""

    def key(self) -> bytes | None:
        """The raw key."""

    def value(self) -> bytes | None:
        """The raw value."""

    def offset(self) -> int:
        """Offset within the partition."""

    def timestamp(self) -> tuple[int, int]:
        """(type, epoch milliseconds)."""

    def headers(self) -> Headers | None:
        """The headers, or None."""


class Outgoing(NamedTuple):
    """One record to be produced in the chunk's transaction."""

    topic: str
    key: bytes | None
    value: bytes | None
    partition: int = -1
    """-1: by the hash of the key."""
    headers: Headers | None = None


Produced = tuple[str, bytes | None, bytes | None, int, Headers | None]
"""What an Outgoing is by itself. Where it is made for every record a plain tuple is appended: naming its fields costs
a sixth of what a thin fold takes."""

Outbox = list[Produced]


class Fold(Protocol):
    """An agent's logic for one partition. Everything it remembers is in the overlay."""

    overlay: Overlay

    def fold(self, record: InputRecord, at_ms: int, outbox: Outbox) -> None:
        """Decide one record: put changed rows, append what follows.

        Must leave rows and outbox untouched when it raises. Raises Malformed (dead letter), InvariantBroken (the
        partition is parked before anything is committed); any other exception buries the record with its traceback.
        """

    def end_chunk(self, outbox: Outbox) -> None:
        """Append what is published once per chunk."""

    def due(self, now_ms: int, limit: int) -> Sequence[tuple[bytes, bytes]]:
        """(key, value) of at most `limit` records that wake what is due by the wall clock `now_ms`.

        They are produced to this partition of the input topic and decided there like any other record.
        """

    def is_broadcast(self, key: bytes) -> bool:
        """Whether records with this key are written to every partition: exempt from the partition check."""


class Bury(Protocol):
    """Makes the dead letter of a record, see `dead_letters.DeadLetters.bury`."""

    def __call__(
        self, record: InputRecord, at_ms: int, *, reason: str, stage: str, error: BaseException | None = None
    ) -> Outgoing:
        """The record to append to the outbox."""


@dataclass(frozen=True, slots=True)
class FoldContext:
    """What the fold of one partition is given."""

    overlay: Overlay
    topic: str
    """The input topic."""
    partition: int
    bury: Bury
    replays: bool = False
    """The records are folded once more, to compare: nothing beside the log may be begun."""


FoldFactory = Callable[[FoldContext], Fold]


def header(record: InputRecord, name: str) -> bytes | None:
    """The last header of that name, as bytes; None where there is none."""
    headers: Iterable[tuple[str, bytes | str | None]] = record.headers() or ()
    found = None
    for key, value in headers:
        if key == name:
            found = value.encode() if isinstance(value, str) else value
    return found

"""Topics where the order counts and nothing is left out: each event of the fold once, byte for byte.

The records of an owner come in the order of their causes, so expected and found ones are merged by (offset of the cause,
number): what is smaller than it should be is doubled or nobody's, what is larger shows that one is missing. Only where
the bytes differ is anything decoded, and an older version of the schema that says the same is no difference.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from confluent_kafka import Message

from agents.codec import Malformed
from tools.audit.findings import Difference, Findings, Kind, Party
from tools.audit.logs import Peekable

PATIENCE_S = 15.0
"""A transaction is committed in all its partitions, but not seen in all of them at one moment."""
_LAST_OF_ITS_CAUSE = 1 << 30
"""In place of a number: the runtime's own alert about a record, `...-r`."""
LONGEST_TOLD = 600

NOBODY_MENDS_IT = (
    "The ledger's own state is not concerned. Whoever reads this topic must be told; a record cannot be put in its place "
    "afterwards."
)
OTHER_VERSION = (
    "First make sure that this is the version of Onhand that ran the worker: another may decide otherwise. If it is, "
    "report it with this record."
)


class At(NamedTuple):
    """Where an event stands: the offset of its cause, and its number among that one's events."""

    offset: int
    number: int


class Read(NamedTuple):
    """A record found."""

    at: At | None
    """None where it is not of this partition."""
    word: Any
    """Decoded, None where it cannot be read."""


def event_at(event_id: str, cause_prefix: str) -> At | None:
    """Where an event id (`topic-partition-offset-number`) stands, if its cause is of this partition."""
    if not event_id.startswith(cause_prefix):
        return None
    offset, _, number = event_id[len(cause_prefix) :].partition("-")
    if not offset.isdigit() or not (number.isdigit() or number == "r"):
        return None
    return At(int(offset), int(number) if number.isdigit() else _LAST_OF_ITS_CAUSE)


class Events:
    """The events of one input partition in one partition of a topic."""

    def __init__(
        self,
        log: Peekable,
        partition: int,
        party: Party,
        findings: Findings,
        read: Callable[[Message], Read | None],
        *,
        begins_late: bool,
        shared: bool = True,
        same: Callable[[Any, Any], bool] = lambda one, other: bool(one == other),
        on_record: Callable[[Message], None] | None = None,
    ) -> None:
        """`read` gives None for a record of somebody else's, to be passed over.

        `begins_late`: old records are deleted; `shared`: others write there, too.
        """
        self.log = log
        self.count = 0
        """Found as expected."""
        self.gone = 0
        """Expected, but from before the first record that the topic still has."""
        self.ahead = 0
        """Highest offset of a cause met that lies behind the cut, plus one; 0 where there was none."""
        self._partition = partition
        self.party = party
        self._findings = findings
        self._read = read
        self._begins_late = begins_late
        self._shared = shared
        self._same = same
        self._on_record = on_record
        self._patience_s = PATIENCE_S
        self._last_offset = -1

    def is_next(self, offset: int, key: bytes | None, value: bytes | None) -> bool:
        """Whether the next record is the event that the fold says next, byte for byte; then it is taken."""
        message = self._head(self._patience_s)
        if message is None or message.value() != value or message.key() != key or value is None:
            return False
        self._take(message, offset)
        return True

    def expect(self, at: At, key: bytes | None, expected: Any) -> None:
        """The next event of the fold, decoded: `is_next` was false."""
        while True:
            message = self._head(self._patience_s)
            if message is None:
                if self._begins_late and not self.count:
                    self.gone += 1
                    return
                self._patience_s = 0.0  # it has been waited for once
                self._note(Kind.MISSING, at, expected, None)
                return
            found = self._read(message)
            assert found is not None  # `_head` has passed those over
            if found.at is None or found.at < at:
                self._surplus(message, found)
                continue
            if found.at > at:
                if self._begins_late and not self.count:
                    self.gone += 1
                else:
                    self._note(Kind.MISSING, at, expected, None)
                return
            if message.key() != key or not self._same(expected, found.word):
                self._note(Kind.DIFFERS, at, expected, found.word)
            self._take(message, at.offset)
            return

    def finish(self, input_position: int) -> None:
        """The fold stands at the cut: whatever else was said of causes before it is too much."""
        while True:
            message = self._head(0.0)
            if message is None:
                return
            found = self._read(message)
            assert found is not None
            if found.at is not None and found.at.offset >= input_position:
                self.ahead = max(self.ahead, found.at.offset + 1)
                return
            self._surplus(message, found)

    def close(self) -> None:
        """End reading."""
        self.log.close()

    def _head(self, patience_s: float) -> Message | None:
        """The next record that is ours."""
        deadline = time.monotonic() + patience_s
        while True:
            message = self.log.peek(max(0.0, deadline - time.monotonic()))
            if message is None or self._is_ours(message):
                return message
            self.log.pop()

    def _is_ours(self, message: Message) -> bool:
        if not self._shared:
            return True  # nobody else writes there
        return self._read(message) is not None

    def _take(self, message: Message, offset: int) -> None:
        self.log.pop()
        self.count += 1
        self._last_offset = offset
        if self._on_record is not None:
            self._on_record(message)

    def _surplus(self, message: Message, found: Read) -> None:
        self.log.pop()
        where = f"{message.topic()}[{message.partition()}]@{message.offset()}"
        if found.word is None:
            kind, what = Kind.UNREADABLE, f"{where} cannot be read"
        elif found.at is not None and found.at.offset <= self._last_offset:
            kind, what = Kind.DOUBLED, f"{where} comes twice, or out of order"
        else:
            kind, what = Kind.SURPLUS, f"{where} does not follow from the input"
        self._findings.note(
            self.party,
            kind,
            lambda: Difference(
                self._partition,
                self.party,
                kind,
                where,
                None,
                told(found.word),
                f"{what}: the {self.party} topic is wrong, or was written by somebody else.",
                f"{OTHER_VERSION} {NOBODY_MENDS_IT}",
            ),
        )

    def _note(self, kind: Kind, at: At, expected: Any, found: Any) -> None:
        number = "r" if at.number == _LAST_OF_ITS_CAUSE else at.number
        what = "is missing" if kind is Kind.MISSING else f"differs in {', '.join(differing(expected, found))}"
        self._findings.note(
            self.party,
            kind,
            lambda: Difference(
                self._partition,
                self.party,
                kind,
                f"event {number} of the input record at offset {at.offset}",
                told(expected),
                told(found),
                f"Event {number} of the input record at offset {at.offset} {what}: the {self.party} topic is wrong.",
                f"{OTHER_VERSION} {NOBODY_MENDS_IT}",
            ),
        )


def differing(expected: Any, found: Any) -> list[str]:
    """The names of the fields that differ; `key` where the words are equal."""
    if not isinstance(expected, msgspec.Struct) or type(expected) is not type(found):
        return ["everything"]
    names = [name for name in expected.__struct_fields__ if getattr(expected, name) != getattr(found, name)]
    return names or ["its key"]


def told(word: Any) -> str | None:
    """A word for people: fields at their default left out."""
    if word is None:
        return None
    said = repr(word)
    if isinstance(word, msgspec.Struct):
        defaults = dict(zip(reversed(word.__struct_fields__), reversed(word.__struct_defaults__), strict=False))
        shown = {name: getattr(word, name) for name in word.__struct_fields__}
        told_of = {name: value for name, value in shown.items() if name not in defaults or defaults[name] != value}
        said = f"{type(word).__name__}({', '.join(f'{name}={value!r}' for name, value in told_of.items())})"
    return said if len(said) <= LONGEST_TOLD else f"{said[:LONGEST_TOLD]}..."


def decoded(decode: Callable[..., Any], message: Message) -> Any:
    """The word of a record; None where it cannot be read."""
    try:
        return decode(message.value(), message.headers())
    except Malformed:
        return None

"""Bad input is never lost: what cannot be folded is kept on `<topic>.dlq` with its bytes, its reason and its origin.

The record carries the original key, value and headers untouched, Kafka Connect's `__connect.errors.*` headers (people
and user interfaces know them), and one header with the whole story as a DeadLetter record.
"""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from agents.codec.words import DeadLetter
from agents.inventory.alerts import Alert, AlertType, Severity
from agents.runtime.fold import Headers, InputRecord, Outgoing, header

STORY_HEADER = "onhand.dead_letter"
ORIGIN_HEADER = "onhand.redrive.origin"
"""On a redriven record: `topic-partition-offset` of the record that was buried first."""
ATTEMPTS_HEADER = "onhand.redrive.attempts"
"""On a redriven record: how often it was tried before."""
PARKED = "parked"
"""The stage of a record that broke an invariant and that a person decided to leave out."""
UNDELIVERED = "deliver"
"""The stage of a command that nobody could be told. It was no fold's to decide."""
LARGEST_KEPT_BYTES = 512 * 1024
"""Key, value and headers. Beyond this they would not fit into a record of the broker's default size beside the story."""
HEAD_BYTES = 64 * 1024
"""What is kept of a value, of a key, and of all headers of a record that is too big."""
LONGEST_REASON = 1_000
_LONGEST_TRACEBACK = 8_000


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """Buries the bad records of one partition."""

    topic: str
    """The input topic."""
    dead_letter_topic: str
    partition: int
    encode: Callable[[DeadLetter], bytes]

    def bury(
        self, record: InputRecord, at_ms: int, *, reason: str, stage: str, error: BaseException | None = None
    ) -> Outgoing:
        """The dead letter of `record`; `stage` says where it failed: `key`, `decode`, `decide`, `parked` or `deliver`."""
        original, key, headers = record.value(), record.key(), _original(record)
        value = original or b""
        reason = reason if len(reason) <= LONGEST_REASON else f"{reason[:LONGEST_REASON]}..."
        truncated = size_of(record) > LARGEST_KEPT_BYTES
        kept = original
        if truncated:
            kept, key, headers = value[:HEAD_BYTES], key and key[:HEAD_BYTES], _first_of(headers)
        without_error = "InvariantBroken" if stage == PARKED else "Refused"
        error_class = type(error).__qualname__ if error is not None else without_error
        trace = "".join(traceback.format_exception(error))[-_LONGEST_TRACEBACK:] if stage == "decide" and error else ""
        story = DeadLetter(
            reason=reason,
            stage=stage,
            error_class=error_class,
            traceback=trace,
            topic=self.topic,
            partition=self.partition,
            offset=record.offset(),
            record_time_ms=record.timestamp()[1],
            at_ms=at_ms,
            value_sha256=hashlib.sha256(value).hexdigest(),
            value_bytes=-1 if original is None else len(original),
            truncated=truncated,
            attempts=1 + attempts_before(record),
        )
        headers += [
            ("__connect.errors.topic", self.topic),
            ("__connect.errors.partition", str(self.partition)),
            ("__connect.errors.offset", str(record.offset())),
            ("__connect.errors.stage", stage.upper()),
            ("__connect.errors.exception.class.name", error_class),
            ("__connect.errors.exception.message", reason),
        ]
        if trace:
            headers.append(("__connect.errors.exception.stacktrace", trace))
        headers.append((STORY_HEADER, self.encode(story)))
        return Outgoing(self.dead_letter_topic, key, kept, self.partition, headers)


def attempts_before(record: InputRecord) -> int:
    """How often the record was tried and buried before it was redriven; 0 where it never was."""
    told = header(record, ATTEMPTS_HEADER) if record.headers() else None
    return int(told) if told is not None and told.isdigit() else 0


def alert_of_burial(
    topic: str, partition: int, offset: int, at_ms: int, *, reason: str, stage: str, bug: bool = False
) -> Alert:
    """What people hear of each burial: none is silent. A bug of ours is critical."""
    subject = f"{topic}-{partition}"
    verb = {"decide": "decided", PARKED: "decided, and was left out"}.get(stage, "read")
    return Alert(
        event_id=f"{subject}-{offset}-r",
        type=AlertType.DEAD_LETTER,
        severity=Severity.CRITICAL if bug else Severity.WARNING,
        subject=subject,
        message=f"The record at {topic}[{partition}]@{offset} could not be {verb}: {reason}",
        at_ms=at_ms,
        action="Look at it with `onhand dead-letters list`; correct the sender, then redrive or drop it.",
    )


def size_of(record: InputRecord) -> int:
    """Bytes of key, value and headers."""
    return len(record.key() or b"") + len(record.value() or b"") + _size_of(record.headers() or ())


def _size_of(headers: Iterable[tuple[str, bytes | str | None]]) -> int:
    return sum(len(name) + len(value or b"") for name, value in headers)


def _first_of(headers: Headers) -> Headers:
    """The first headers, as many as are small enough together."""
    kept: Headers = []
    for each in headers:
        if _size_of([*kept, each]) > HEAD_BYTES:
            break
        kept.append(each)
    return kept


def _original(record: InputRecord) -> Headers:
    """The headers it came with, less the story of an earlier burial: a redriven record never nests."""
    return [
        (name, value)
        for name, value in record.headers() or ()
        if name != STORY_HEADER and not name.startswith("__connect.errors.")
    ]

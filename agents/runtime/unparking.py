"""What a person decides about a parked partition, and how its owner hears of it.

A decision is a record in the dead letter topic, in the partition of the same number, with no value and with headers:
`skip` leaves the broken record out, `retry` folds it again. It is only a wish. What happens is in the owner's own
transaction: a skipped record becomes a dead letter of stage `parked` in the very commit that moves the input position
past it. So a crash between wish and commit finds the same record, the same breach and the same wish again; and whoever
folds the input anew (`onhand audit`) leaves out exactly the offsets that have such a dead letter.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from agents.runtime.fold import Headers, InputRecord

log = logging.getLogger("onhand.unparking")

VERDICT_HEADER = "onhand.unpark"
OFFSET_HEADER = "onhand.unpark.offset"
WHO_HEADER = "onhand.unpark.who"
WHY_HEADER = "onhand.unpark.why"
SHA256_HEADER = "onhand.unpark.value_sha256"

CLOCKS_APART_MS = 3_600_000
"""So far the clock of who decides may be behind the broker's."""
ASK_S = 10.0
EMPTY_POLLS = 100
POLL_S = 0.1


class Verdict(StrEnum):
    """What becomes of the record at which a partition is parked."""

    SKIP = "skip"
    RETRY = "retry"


@dataclass(frozen=True, slots=True)
class Skip:
    """The record that an owner is to leave out."""

    offset: int
    reason: str
    value_sha256: str

    def means(self, record: InputRecord) -> bool:
        """Whether it is the record that the person saw: a topic may have been made anew since."""
        return self.value_sha256 in {"", hashlib.sha256(record.value() or b"").hexdigest()}


@dataclass(frozen=True, slots=True)
class Unparking:
    """One decision."""

    verdict: Verdict
    offset: int
    """Of the record in the input partition."""
    who: str
    why: str
    value_sha256: str = ""
    """Hexadecimal, of the record's value as the person saw it; empty: not checked."""

    def headers(self) -> Headers:
        """As the record carries it."""
        return [
            (VERDICT_HEADER, self.verdict.value),
            (OFFSET_HEADER, str(self.offset)),
            (WHO_HEADER, self.who),
            (WHY_HEADER, self.why),
            (SHA256_HEADER, self.value_sha256),
        ]

    @property
    def sentence(self) -> str:
        """For the log."""
        return f"{self.who} decided to {self.verdict.value} the record at offset {self.offset}: {self.why}"

    def skip(self, breach: str) -> Skip:
        """For the owner; `breach` is why the partition is parked."""
        return Skip(self.offset, f"{breach}; left out by {self.who}: {self.why}", self.value_sha256)


class Unparkings(Protocol):
    """Where decisions are read."""

    def read(self, partition: int, begin: int | None, record_time_ms: int) -> tuple[Sequence[Unparking], int]:
        """The decisions about `partition` from offset `begin` on, and where to begin the next time.

        `begin` None: all that can be about a record of that time. Blocks; raises KafkaException.
        """


def unparking_in(headers: Headers) -> Unparking | None:
    """The decision that a record's headers carry; None where they carry none that can be read."""
    told = {name: value.decode("utf-8", "replace") if isinstance(value, bytes) else value for name, value in headers}
    verdict, offset = told.get(VERDICT_HEADER), told.get(OFFSET_HEADER) or ""
    if verdict not in tuple(Verdict) or not offset.isdigit():
        return None
    return Unparking(
        Verdict(verdict),
        int(offset),
        told.get(WHO_HEADER) or "",
        told.get(WHY_HEADER) or "",
        told.get(SHA256_HEADER) or "",
    )


class Parking:
    """One parking of a partition: what it waits for."""

    def __init__(self, partition: int, offset: int, record_time_ms: int, unparkings: Unparkings | None) -> None:
        """`offset` and time are those of the record that broke an invariant."""
        self.offset = offset
        self._partition = partition
        self._record_time_ms = record_time_ms
        self._unparkings = unparkings
        self._read_to: int | None = None

    def look(self) -> Unparking | None:
        """What was decided since the last look; the last word counts. Blocks; while the broker is away it is nothing.

        At the first look a wish to try again is fulfilled already: the record was just tried.
        """
        if self._unparkings is None:
            return None
        first = self._read_to is None
        try:
            found, self._read_to = self._unparkings.read(self._partition, self._read_to, self._record_time_ms)
        except KafkaException as error:
            log.warning("partition %d: decisions cannot be read yet: %s", self._partition, error.args[0].str())
            return None
        about_it = [each for each in found if each.offset == self.offset]
        counting = [each for each in about_it if not (first and each.verdict is Verdict.RETRY)]
        return counting[-1] if counting else None


class UnparkingTopic:
    """Reads decisions from the dead letter topic."""

    def __init__(self, common: Mapping[str, Any], topic: str, consumer: Callable[..., Consumer] = Consumer) -> None:
        self._common = common
        self._topic = topic
        self._consumer = consumer

    def read(self, partition: int, begin: int | None, record_time_ms: int) -> tuple[Sequence[Unparking], int]:
        """See `Unparkings.read`."""
        consumer = self._consumer(
            {
                **self._common,
                "group.id": "onhand.unparking",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 50,
            },
            logger=log,
        )
        try:
            start = self._start(consumer, partition, record_time_ms) if begin is None else begin
            consumer.assign([TopicPartition(self._topic, partition, start)])
            return _to_the_end(consumer, start)
        finally:
            consumer.close()

    def _start(self, consumer: Consumer, partition: int, record_time_ms: int) -> int:
        """The first record that may be a decision about a record of that time: nobody decides before it is there."""
        since_ms = max(0, record_time_ms - CLOCKS_APART_MS)
        (found,) = consumer.offsets_for_times([TopicPartition(self._topic, partition, since_ms)], ASK_S)
        if found.error is not None:
            raise KafkaException(found.error)
        if found.offset >= 0:
            return int(found.offset)
        return int(consumer.get_watermark_offsets(TopicPartition(self._topic, partition), ASK_S)[1])


def _to_the_end(consumer: Consumer, start: int) -> tuple[list[Unparking], int]:
    found: list[Unparking] = []
    following, empty = start, 0
    while empty < EMPTY_POLLS:
        messages = consumer.consume(1_000, POLL_S)
        empty = 0 if messages else empty + 1
        for message in messages:
            error = message.error()
            if error is None:
                following = (message.offset() or 0) + 1
                decision = unparking_in(message.headers() or [])  # type: ignore[arg-type]  # wider in the stubs
                found += [] if decision is None else [decision]
            elif error.code() == KafkaError._PARTITION_EOF:
                return found, max(following, message.offset() or 0)
            elif not error.retriable():
                raise KafkaException(error)
    raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "the dead letters could not be read to their end"))

"""Reading one partition of a topic: committed records only, in order, to an offset, and on from there."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from agents.runtime.broker_errors import BrokerUnusable

RECORDS_PER_POLL = 5_000
POLL_S = 0.02
ASK_S = 10.0
STUCK_S = 60.0
"""No record and no end of the partition for so long: the broker is not answering."""

_quiet = logging.getLogger("onhand.broker.audit")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


class PartitionLog:
    """One partition of a topic, read from an offset on. A context manager. Joins no group."""

    def __init__(self, settings: Mapping[str, str], topic: str, partition: int, start: int) -> None:
        """`start` is an offset that the partition still has."""
        self.topic = topic
        self.partition = partition
        self.position = start
        """The next offset to fetch; markers and records that compaction removed are passed over."""
        self.at_end = False
        """Whether the last look found nothing more."""
        configuration: dict[str, Any] = {
            "fetch.wait.max.ms": 10,
            "queued.max.messages.kbytes": 16_384,
            **settings,
            "group.id": "onhand.audit",  # never joined nor committed to: only librdkafka wants one
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "isolation.level": "read_committed",
            "auto.offset.reset": "error",
        }
        self._consumer = Consumer(configuration, logger=_quiet)
        self._consumer.assign([TopicPartition(topic, partition, start)])
        self._heard_at = time.monotonic()
        self._fetched: list[Message] = []

    def take(self, seconds: float = POLL_S) -> list[Message]:
        """What comes within `seconds`, perhaps nothing. Raises KafkaException, BrokerUnusable."""
        taken: list[Message] = []
        for message in self._consumer.consume(RECORDS_PER_POLL, seconds):
            error, offset = message.error(), message.offset() or 0
            if error is None:
                taken.append(message)
                self.position, self.at_end = offset + 1, False
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                self.position, self.at_end = max(self.position, offset), True
            elif not error.retriable():
                raise KafkaException(error)
            self._heard_at = time.monotonic()
        if not self.at_end and time.monotonic() - self._heard_at > STUCK_S:
            raise BrokerUnusable(
                f"The broker stopped answering at {self.topic}[{self.partition}]@{self.position}.", "Run this again."
            )
        return taken

    def up_to(self, end: int) -> Iterator[Message]:
        """The records before `end`, which the partition has; the next call goes on from there."""
        while True:
            fetched, self._fetched = self._fetched, []
            for index, message in enumerate(fetched):
                if (message.offset() or 0) >= end:
                    self._fetched = fetched[index:]
                    return
                yield message
            if self.position >= end:
                return
            self._fetched = self.take()

    def has_pending(self) -> bool:
        """Whether something lies behind the end that is not committed, or was not when it was read to its end."""
        _, high = self._consumer.get_watermark_offsets(TopicPartition(self.topic, self.partition), ASK_S, cached=False)
        return bool(high > self.position)

    def close(self) -> None:
        """End reading."""
        self._consumer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Peekable:
    """A log whose next record can be looked at before it is taken."""

    def __init__(self, log: PartitionLog) -> None:
        self.log = log
        self._waiting: list[Message] = []
        self._next = 0

    def peek(self, patience_s: float = 0.0) -> Message | None:
        """The next record, or None at the end. There it is waited `patience_s` for what is not committed yet."""
        if self._next < len(self._waiting):
            return self._waiting[self._next]
        deadline = time.monotonic() + patience_s
        while True:
            self._waiting, self._next = self.log.take(), 0
            if self._waiting:
                return self._waiting[0]
            if self.log.at_end and (time.monotonic() >= deadline or not self.log.has_pending()):
                return None

    def pop(self) -> None:
        """Go past the record that `peek` gave."""
        self._next += 1

    def close(self) -> None:
        """End reading."""
        self.log.close()

"""Reading a topic once, from a chosen start to its end of now or on and on, committed records only, joining no group."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from agents.runtime.topics import PartitionOffsets

POLL_SECONDS = 0.5
REQUEST_SECONDS = 20.0
MARKERS = 1_000
"""Offsets read beyond twice the number asked for: transaction markers and aborted records have offsets too."""

_quiet = logging.getLogger("onhand.broker.reading")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


@dataclass(frozen=True)
class Start:
    """Where to begin in each partition. At most one is set; none = the beginning."""

    offset: int | None = None
    """This offset, or the first one that is still there."""
    last: int | None = None
    """At most so many records before the end of now."""
    since_ms: int | None = None
    """The first record with this timestamp or a later one (epoch milliseconds)."""


def records(
    settings: Mapping[str, str],
    topic: str,
    spans: tuple[PartitionOffsets, ...],
    start: Start,
    *,
    follow: bool = False,
) -> Iterator[Message]:
    """The committed records of `topic`, in order within each partition; ends at the ends in `spans` unless `follow`.

    Raises KafkaException.
    """
    configuration: dict[str, Any] = {
        **settings,
        # Never joined nor committed to: only librdkafka wants one.
        "group.id": "onhand.tail",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
    }
    consumer = Consumer(configuration, logger=_quiet)
    try:
        starts = _starts(consumer, topic, spans, start)
        consumer.assign([TopicPartition(topic, partition, offset) for partition, offset in starts.items()])
        yield from _until(consumer, {span.partition: span.next for span in spans}, start.last)
        while follow:
            message = consumer.poll(POLL_SECONDS)
            if message is not None and _is_record(message):
                yield message
    finally:
        consumer.close()


def _starts(consumer: Consumer, topic: str, spans: tuple[PartitionOffsets, ...], start: Start) -> dict[int, int]:
    if start.since_ms is not None:
        asked = [TopicPartition(topic, span.partition, start.since_ms) for span in spans]
        found = {at.partition: at.offset for at in consumer.offsets_for_times(asked, timeout=REQUEST_SECONDS)}
        # No record that young: a negative offset, which means the end.
        return {s.partition: found[s.partition] if found[s.partition] >= 0 else s.next for s in spans}
    if start.last is not None:
        back = 2 * start.last + MARKERS
        return {s.partition: max(s.first, s.next - back) for s in spans}
    return {s.partition: max(s.first, start.offset or 0) for s in spans}


def _until(consumer: Consumer, ends: dict[int, int], last: int | None) -> Iterator[Message]:
    """Read until every partition is at its end of when we began. With `last`, only so many of each, oldest first.

    A record beyond that end, of a partition that is read further while others are not done, is a record all the same.
    """
    kept: dict[int, deque[Message]] = {partition: deque(maxlen=last) for partition in ends}
    reading = set(ends)
    while reading:
        message = consumer.poll(POLL_SECONDS)
        if message is None:
            continue
        partition, offset = message.partition(), message.offset()
        assert partition is not None
        assert offset is not None
        if not _is_record(message):
            reading.discard(partition)
            continue
        if offset >= ends[partition] - 1:
            reading.discard(partition)
        if last is None:
            yield message
        else:
            kept[partition].append(message)
    held = [message for messages in kept.values() for message in messages]
    yield from sorted(held, key=lambda message: (message.timestamp()[1], message.partition(), message.offset()))


def _is_record(message: Message) -> bool:
    """False for the end of a partition; raises KafkaException for any other event that is no record."""
    error = message.error()
    if error is None:
        return True
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
        return False
    raise KafkaException(error)

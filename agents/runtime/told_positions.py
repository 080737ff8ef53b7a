"""How far a partition has come by its own heartbeats: a second word, beside the changelog.

A heartbeat is committed by the owner, and never says more than the changelog has by then: it stands in the same Kafka
transaction as the position, or in a later one. So a changelog that says less than the last heartbeat has lost its end,
whatever became of it; and one that says nothing where a heartbeat was ever told is no first start.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from agents.codec import Malformed
from agents.codec.words import Heartbeat
from agents.runtime.topics import PartitionOffsets

RECENT = 200
"""Offsets looked at first; a heartbeat and its marker take two."""
EMPTY_POLLS = 40
POLL_S = 0.5

log = logging.getLogger("onhand.figures")


class ToldPositions:
    """Reads the heartbeats of one input topic. Blocks; raises KafkaException."""

    def __init__(self, common: Mapping[str, Any], topic: str, decode: Callable[..., Any], folded_topic: str) -> None:
        """`topic` is that of the heartbeats, `folded_topic` the one they are about."""
        self.topic = topic
        self._common = dict(common)
        self._decode = decode
        self._folded_topic = folded_topic

    def last(self, partition: int, span: PartitionOffsets) -> int:
        """The input position last told; 0 where none was. `span` is the committed part of the heartbeats' partition."""
        if span.next <= span.first:
            return 0
        consumer = Consumer(
            {
                **self._common,
                "group.id": "onhand.heartbeats",  # never joined
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "fetch.wait.max.ms": 10,
            },
            logger=log,
        )
        try:
            recent = max(span.first, span.next - RECENT)
            told = self._last_from(consumer, partition, recent, span.next)
            if told is None and recent > span.first:
                told = self._last_from(consumer, partition, span.first, span.next)
        finally:
            consumer.close()
        return told or 0

    def _last_from(self, consumer: Consumer, partition: int, start: int, end: int) -> int | None:
        consumer.assign([TopicPartition(self.topic, partition, start)])
        told: int | None = None
        following, empty = start, 0
        while following < end:
            message = consumer.poll(POLL_S)
            if message is None:
                empty += 1
                if empty >= EMPTY_POLLS:
                    raise KafkaException(
                        KafkaError(KafkaError._TIMED_OUT, f"{self.topic} could not be read to its end")
                    )
                continue
            error, offset = message.error(), message.offset() or 0
            if error is None:
                following = offset + 1
                beat = self._beat(message.value())
                if beat is not None and (beat.topic, beat.partition) == (self._folded_topic, partition):
                    told = beat.input_position
            elif error.code() == KafkaError._PARTITION_EOF:
                following = max(following, offset, end)
            elif not error.retriable():
                raise KafkaException(error)
        return told

    def _beat(self, value: bytes | None) -> Heartbeat | None:
        try:
            beat: Heartbeat = self._decode(value, None)
        except Malformed:
            return None
        return beat

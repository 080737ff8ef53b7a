"""Reading a topic on and on, committed records only."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from agents.codec.words import DeadLetter
from agents.runtime.topics import Cluster
from agents.runtime.topology import Topology

quiet = logging.getLogger("onhand.tests.clients")
"""What the client library says in a test while a broker is away is no news."""
quiet.addHandler(logging.NullHandler())
quiet.propagate = False


NO_BURIAL = DeadLetter(
    topic="", partition=-2, offset=-1, record_time_ms=-1, reason="", stage="", error_class="", at_ms=0,
    value_sha256="", value_bytes=-1, attempts=0,
)  # fmt: skip
"""In place of the story where a record of the topic is what people decided about a letter or a parked partition."""


@dataclass(frozen=True)
class Buried:
    """One dead letter."""

    story: DeadLetter
    key: object
    value: object
    headers: Mapping[str, object]


class Tail:
    """All committed records of one topic, read on and on."""

    def __init__(self, topology: Topology, topic: str, decode: Callable[[Message], Any]) -> None:
        self.topic = topic
        self.said: dict[int, list[Any]] = defaultdict(list)
        self._read_to: dict[int, int] = defaultdict(int)
        self._decode = decode
        self._consumer = Consumer(
            {
                **topology.kafka,
                "group.id": "onhand.tests",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 20,
            },
            logger=quiet,
        )
        count = topology.all_topics[topic].partitions
        self._consumer.assign([TopicPartition(topic, partition, 0) for partition in range(count)])

    @property
    def all(self) -> list[Any]:
        """What was said so far, partition by partition."""
        return [word for partition in sorted(self.said) for word in self.said[partition]]

    def poll(self, seconds: float = 0.1) -> int:
        """Take in what has come. Returns how many records."""
        count = 0
        for message in self._consumer.consume(5_000, seconds):
            error, partition, offset = message.error(), message.partition() or 0, message.offset() or 0
            if error is None:
                self.said[partition].append(self._decode(message))
                self._read_to[partition] = offset + 1
                count += 1
            elif error.code() == KafkaError._PARTITION_EOF:
                self._read_to[partition] = max(self._read_to[partition], offset)  # past transaction markers
            elif not error.retriable():
                raise KafkaException(error)
        return count

    def to_the_end(self, topology: Topology, seconds: float = 60.0) -> Self:
        """Read up to the end that the topic has now."""
        cluster = Cluster(topology.kafka, connect_seconds=seconds)
        spans = cluster.offsets(cluster.topics([self.topic]).values())[self.topic]
        ends = {span.partition: span.next for span in spans}
        return self.until(
            lambda tail: all(tail._read_to[partition] >= end for partition, end in ends.items()),
            seconds,
            f"not read to its end {ends}",
        )

    def until(self, condition: Callable[[Tail], bool], seconds: float = 30.0, what: str = "") -> Self:
        """Read until the condition holds. Fails with what was read."""
        deadline = time.monotonic() + seconds
        while not condition(self):
            assert time.monotonic() < deadline, (
                f"{self.topic}: {what or 'waited in vain'}; read {dict(self._read_to)}; last: {self.all[-2:]}"
            )
            self.poll()
        return self

    def close(self) -> None:
        """End reading."""
        self._consumer.close()

"""Everything a worker said, topic by topic, up to a record of each partition that is known to be the last one."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Self

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from agents.runtime.topics import Cluster
from agents.runtime.topology import Topology
from tools.live.stage import LiveFailed, quiet

POLL_S = 0.2
WITHIN_S = 90.0


class Reader:
    """Committed records of some topics, read on and on; a context manager."""

    def __init__(self, topology: Topology, topics: Mapping[str, Callable[[Message], Any]]) -> None:
        """`topics`: what makes a word out of a record."""
        self._topology = topology
        self._decoders = topics
        self.said: dict[tuple[str, int], list[Any]] = {}
        """(topic, partition) -> the words, in order."""
        self._read_to: dict[tuple[str, int], int] = {}
        self._consumer = Consumer(
            {
                **topology.kafka,
                "group.id": "onhand.live",  # never joined nor committed to: only librdkafka wants one
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "fetch.wait.max.ms": 20,
            },
            logger=quiet,
        )
        self._consumer.assign(
            [
                TopicPartition(topic, partition, 0)
                for topic in topics
                for partition in range(topology.all_topics[topic].partitions)
            ]
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._consumer.close()

    def words(self, topic: str) -> list[Any]:
        """What was said in the topic, partition by partition."""
        return [word for (name, _), words in sorted(self.said.items()) if name == topic for word in words]

    def until(self, condition: Callable[[], bool], check: Callable[[], None], what: str) -> None:
        """Read until the condition holds; `check` is asked now and then. Raises LiveFailed, KafkaException."""
        deadline = time.monotonic() + WITHIN_S
        while not condition():
            check()
            if time.monotonic() > deadline:
                raise LiveFailed(f"{what} did not come within {WITHIN_S:.0f} s")
            self.poll()

    def to_the_end(self, check: Callable[[], None]) -> None:
        """Read up to the ends that the topics have now."""
        cluster = Cluster(self._topology.kafka)
        spans = cluster.offsets(cluster.topics(list(self._decoders)).values())
        ends = {(topic, span.partition): span.next for topic, found in spans.items() for span in found}
        self.until(
            lambda: all(self._read_to.get(where, 0) >= end for where, end in ends.items()), check, "the end of a topic"
        )

    def poll(self) -> None:
        """Take in what has come. Raises KafkaException."""
        for message in self._consumer.consume(5_000, POLL_S):
            error, topic = message.error(), message.topic() or ""
            where, offset = (topic, message.partition() or 0), message.offset() or 0
            if error is None:
                self.said.setdefault(where, []).append(self._decoders[topic](message))
                self._read_to[where] = offset + 1
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                self._read_to[where] = max(self._read_to.get(where, 0), offset)  # past transaction markers
            elif not error.retriable():
                raise KafkaException(error)

"""Transactional ids on a broker that hides what follows an aborted transaction.

A transaction that its producer left open is aborted when the next owner opens, and on Apache Kafka that is all. The
embedded broker tells every later reader of that aborted transaction again, also readers that start behind it, and
a client then drops all that comes from the same producer id for ever: answers, levels, and the changelog that the
next restore needs. It never times out a transaction either. So there, and only there, each owner writes under an id
of its own, numbered, and the next owner first ends what the one before has left open.

The number must outlive state directories, so the broker keeps it: as the offset that a group of its own has committed
for the input partition. This does not fence off a second owner; the embedded broker is for one worker per agent, which
the lock of its state directory sees to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

ASK_S = 10.0


class Incarnations:
    """Counts the owners that a partition has had. Blocks; raises KafkaException."""

    def __init__(
        self,
        common: Mapping[str, Any],
        transactional_id_prefix: str,
        topic: str,
        consumer: Callable[..., Consumer] = Consumer,
    ) -> None:
        self._common = common
        self._prefix = transactional_id_prefix
        self._topic = topic
        self._consumer = consumer

    def last(self, partition: int) -> str | None:
        """The transactional id of the last owner; None where there was none."""
        with self._counter() as counter:
            number = self._number(counter, partition)
        return self._id(partition, number) if number else None

    def next(self, partition: int) -> str:
        """The transactional id of the next owner, remembered before it is used."""
        with self._counter() as counter:
            number = self._number(counter, partition) + 1
            counter.commit(offsets=[TopicPartition(self._topic, partition, number)], asynchronous=False)
        return self._id(partition, number)

    @contextmanager
    def _counter(self) -> Iterator[Consumer]:
        group = f"{self._prefix}.incarnations"
        consumer = self._consumer({**self._common, "group.id": group, "enable.auto.commit": False})
        try:
            yield consumer
        finally:
            consumer.close()

    def _number(self, counter: Consumer, partition: int) -> int:
        (kept,) = counter.committed([TopicPartition(self._topic, partition)], ASK_S)
        if kept.error is not None:
            raise KafkaException(kept.error)
        return max(kept.offset, 0)  # negative: none was ever committed

    def _id(self, partition: int, number: int) -> str:
        return f"{self._prefix}.{partition}.{number}"

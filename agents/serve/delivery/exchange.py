"""Answers and offsets in one Kafka transaction: a command counts as delivered when its answer is in the log, or not at all.

The offsets are those of the consumer group, sent with who the member is: a process that was taken for dead, and whose
partitions are another's by now, can commit nothing any more. After any failure the producer is thrown away: the next
one, under the same transactional id, ends what was left open, and the committed offsets say where to go on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from agents.runtime.fold import Outgoing
from agents.runtime.incarnations import Incarnations
from agents.runtime.owner import PRODUCER_DEFAULTS
from agents.runtime.partitioner import PARTITIONER
from agents.serve.delivery.plan import DeliveryPlan

SLICE_S = 5.0
PATIENCE_S = 30.0
NO_OFFSET = -1

log = logging.getLogger("onhand.deliver")


class Exchange:
    """One producer, and the committed offsets. All methods block; they raise KafkaException and BrokerUnusable."""

    def __init__(self, plan: DeliveryPlan) -> None:
        self._plan = plan
        self._failures: list[KafkaError] = []
        self._producer = self._opened()
        self._offsets = Consumer(
            {
                **plan.topology.kafka,
                "group.id": plan.group,  # never joined: only its offsets are asked for
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            },
            logger=log,
        )

    def committed(self, partitions: Sequence[int]) -> dict[int, tuple[int, str]]:
        """(position, metadata) by partition; `NO_OFFSET` where nothing was ever committed."""
        asked = [TopicPartition(self._plan.topics.commands, partition) for partition in partitions]
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                found = self._offsets.committed(asked, SLICE_S)
            except KafkaException as failed:
                if not failed.args[0].retriable() or time.monotonic() > deadline:
                    raise
                continue
            told = {}
            for at in found:
                if at.error is not None:
                    raise KafkaException(at.error)
                told[at.partition] = (at.offset, at.metadata or "") if at.offset >= 0 else (NO_OFFSET, "")
            return told

    def commit(self, records: Sequence[Outgoing], offsets: Sequence[TopicPartition], member: Any) -> None:
        """All of it, or nothing. After it has raised, this exchange is of no further use."""
        self._failures.clear()
        producer = self._producer
        producer.begin_transaction()
        for record in records:
            self._produce(record)
        if producer.flush(PATIENCE_S):
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - its public name
        if self._failures:
            raise KafkaException(self._failures[0])
        _patiently(lambda: producer.send_offsets_to_transaction(list(offsets), member, SLICE_S))
        _patiently(lambda: producer.commit_transaction(SLICE_S))

    def close(self) -> None:
        """Ask for no more offsets. The producer is dropped: what it has left open is ended by the next one."""
        self._offsets.close()

    def _opened(self) -> Producer:
        """A producer that has shut out its predecessors, see incarnations.py for brokers without topic ids."""
        plan = self._plan
        if not plan.figures.hides_after_aborts:
            return self._initialised(plan.transactional_id)
        incarnations = Incarnations(plan.topology.kafka, plan.transactional_id, plan.topics.commands)
        last = incarnations.last(0)
        if last is not None:
            self._initialised(last)
        return self._initialised(incarnations.next(0))

    def _initialised(self, transactional_id: str) -> Producer:
        topology = self._plan.topology
        producer = Producer(
            {
                **PRODUCER_DEFAULTS,
                **topology.kafka,
                **topology.producer,
                "partitioner": PARTITIONER,
                "transactional.id": transactional_id,
            },
            logger=log,
        )
        _patiently(lambda: producer.init_transactions(SLICE_S))
        return producer

    def _produce(self, record: Outgoing) -> None:
        self._producer.produce(
            record.topic,
            record.value,
            record.key,
            record.partition,
            headers=record.headers or [],
            on_delivery=self._delivered,
        )

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._failures.append(error)


def _patiently(step: Any) -> None:
    """Take a step of a transaction again while the client says that it may be."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            step()
        except KafkaException as failed:
            error = failed.args[0]
            if not error.retriable() or error.txn_requires_abort() or time.monotonic() > deadline:
                raise
        else:
            return

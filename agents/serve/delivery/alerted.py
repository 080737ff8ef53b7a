"""Of which commands people were told that they are not done: read back from the topic of alerts, so that it is said once.

Alerts are written in the transaction that moves the offset of their command. So what this finds after the offsets were
asked for is all that any process has said of the commands before them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from agents.codec import Malformed
from agents.inventory.alerts import Alert, AlertType
from agents.runtime.topics import Cluster
from agents.serve.delivery.outgoing import is_of_delivery
from agents.serve.delivery.plan import DeliveryPlan

RECORDS_PER_POLL = 5_000
POLL_S = 0.2
PATIENCE_S = 30.0
"""So long without a record, and the topic cannot be read."""

log = logging.getLogger("onhand.deliver")


class Alerted:
    """Follows the topic of alerts. Blocks; raises KafkaException, BrokerUnusable."""

    def __init__(self, plan: DeliveryPlan) -> None:
        self._topology = plan.topology
        self._topic = plan.topics.alerts
        self._commands = plan.topics.commands
        self._decode: Callable[..., Alert] = plan.codec.decoder(self._topic or self._commands, "alert")
        self._following: dict[int, int] = {}
        self._open: dict[str, None] = {}

    def read(self) -> Iterable[str]:
        """Idempotency keys of the commands that people believe not to be done, as of now."""
        if self._topic is None:
            return ()
        ends = self._ends(self._topic)
        behind = {partition for partition, end in ends.items() if self._following.get(partition, 0) < end}
        if behind:
            self._read_up_to({partition: ends[partition] for partition in behind}, self._topic)
        return tuple(self._open)

    def _ends(self, topic: str) -> dict[int, int]:
        cluster = Cluster(self._topology.kafka)
        found = cluster.topics([topic])
        return {
            offsets.partition: offsets.next
            for partitions in cluster.offsets(found.values()).values()
            for offsets in partitions
            if offsets.next > offsets.first
        }

    def _read_up_to(self, ends: dict[int, int], topic: str) -> None:
        consumer = Consumer(
            {
                **self._topology.kafka,
                "group.id": "onhand.alerted",  # never joined
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "auto.offset.reset": "earliest",
            },
            logger=log,
        )
        try:
            starts = [TopicPartition(topic, n, self._following.get(n, OFFSET_BEGINNING)) for n in sorted(ends)]
            consumer.assign(starts)
            quiet_since = time.monotonic()
            while any(self._following.get(partition, 0) < end for partition, end in ends.items()):
                messages = consumer.consume(RECORDS_PER_POLL, POLL_S)
                for message in messages:
                    self._take(message, ends)
                if messages:
                    quiet_since = time.monotonic()
                elif time.monotonic() > quiet_since + PATIENCE_S:
                    raise KafkaException(KafkaError(KafkaError._TIMED_OUT, f"{topic} could not be read to its end"))  # noqa: SLF001 - its public name
        finally:
            consumer.close()

    def _take(self, message: Message, ends: dict[int, int]) -> None:
        error, partition, offset = message.error(), message.partition() or 0, message.offset() or 0
        if error is None:
            self._following[partition] = offset + 1
            self._hear(message.value())
        elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
            # What lies between here and the end are marks of transactions, and what was aborted.
            self._following[partition] = max(offset, self._following.get(partition, 0), ends.get(partition, 0))
        elif not error.retriable() and error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - its public name
            raise KafkaException(error)

    def _hear(self, value: bytes | None) -> None:
        # Of the many alerts of others not one is decoded: their ids do not name the topic of commands.
        if value is None or self._commands.encode() not in value:
            return
        try:
            alert = self._decode(value, None)
        except Malformed:
            return
        if alert.about is None or not is_of_delivery(self._commands, alert.event_id):
            return
        if alert.type is AlertType.COMMAND_FAILED:
            self._open[alert.about] = None
        elif alert.resolves is AlertType.COMMAND_FAILED:
            self._open.pop(alert.about, None)

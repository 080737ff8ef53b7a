"""Of which commands people were told that they are not done: read back from the topic of alerts, so that it is said once.

Alerts are written in the transaction that moves the offset of their command. So what this finds after the offsets were
asked for is all that any process has said of the commands before them.
"""

from __future__ import annotations

import logging
import threading
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
LOOK_EVERY_S = 0.05
PATIENCE_S = 30.0
"""So long without a record, or with a transaction that does not end, and the topic cannot be read."""

log = logging.getLogger("onhand.deliver")


class Alerted:
    """Follows the topic of alerts, over all sessions of a process. Blocks; raises KafkaException, BrokerUnusable."""

    def __init__(self, plan: DeliveryPlan) -> None:
        self._topology = plan.topology
        self._topic = plan.topics.alerts
        self._commands = plan.topics.commands
        self._decode: Callable[..., Alert] = plan.codec.decoder(self._topic or self._commands, "alert")
        self._following: dict[int, int] = {}
        self._open: dict[str, None] = {}
        self._lock = threading.Lock()
        """One thread reads at a time: a session that is over may still be at it."""

    def read(self) -> Iterable[str]:
        """Idempotency keys of the commands that people believe not to be done, as of now."""
        with self._lock:
            return () if self._topic is None else self._read(self._topic)

    def _read(self, topic: str) -> Iterable[str]:
        ends = self._ends(topic)
        behind = {partition for partition, end in ends.items() if self._following.get(partition, 0) < end}
        if behind:
            self._read_up_to({partition: ends[partition] for partition in behind}, topic)
        return tuple(self._open)

    def _ends(self, topic: str) -> dict[int, int]:
        """Where each partition ends now.

        What another process committed may stand behind a transaction that is still open: that is waited for.
        """
        cluster = Cluster(self._topology.kafka)
        found = cluster.topics([topic])
        if topic not in found:
            return {}
        written = {each.partition: each.next for each in cluster.offsets(found.values(), undecided=True)[topic]}
        deadline = time.monotonic() + PATIENCE_S
        while True:
            spans = cluster.offsets(found.values())[topic]
            if all(each.next >= written[each.partition] for each in spans):
                return {each.partition: each.next for each in spans if each.next > each.first}
            if time.monotonic() > deadline:
                raise _timed_out(f"a transaction in {topic} does not end")
            time.sleep(LOOK_EVERY_S)

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
                    raise _timed_out(f"{topic} could not be read to its end")
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
            raise KafkaException(KafkaError(error.code(), f"{self._topic}: {error.str()}"))

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


def _timed_out(why: str) -> KafkaException:
    return KafkaException(KafkaError(KafkaError._TIMED_OUT, why))  # noqa: SLF001 - its public name

"""Writing records by hand into a topic that an agent folds, and waiting until the broker has them."""

from __future__ import annotations

from collections.abc import Iterable

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from agents.runtime.partitioner import PARTITIONER
from agents.runtime.topology import Topology

FLUSH_S = 30.0


def publish_keyed(topology: Topology, topic: str, records: Iterable[tuple[bytes, bytes]]) -> None:
    """Write (key, value) of each to the partition of its key, in this order, and wait for all. Raises KafkaException."""
    producer = Producer({**topology.kafka, **topology.producer, "enable.idempotence": True, "partitioner": PARTITIONER})
    failures: list[KafkaError] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        del message
        if error is not None:
            failures.append(error)

    for key, value in records:
        producer.produce(topic, value, key, on_delivery=delivered)
        producer.poll(0)
    left = producer.flush(FLUSH_S)
    if failures or left:
        missing = KafkaError(KafkaError._MSG_TIMED_OUT, f"{left} were not delivered")  # noqa: SLF001 - its public name
        raise KafkaException(failures[0] if failures else missing)

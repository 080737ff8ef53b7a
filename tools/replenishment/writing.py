"""Records of the demand log written by hand: checked as the replenisher would, then published."""

from __future__ import annotations

import uuid
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from agents.codec import Codec
from agents.inventory.replenishment.validation import BROADCAST, key_of
from agents.inventory.replenishment.words import REPLENISHER, DemandKind, DemandRecord
from agents.runtime.partitioner import PARTITIONER
from agents.runtime.reference import Broadcast, write_broadcasts
from agents.runtime.topology import Topology

SOURCE = "onhand-cli"
FLUSH_S = 30.0


def a_record(kind: DemandKind, sku: str, record_id: str | None, **fields: Any) -> DemandRecord:
    """A record of somebody at a keyboard. The same `record_id` again has no effect."""
    return DemandRecord(record_id=record_id or str(uuid.uuid4()), source=SOURCE, kind=kind, sku=sku, **fields)


def publish(topology: Topology, codec: Codec, record: DemandRecord) -> None:
    """Write it to the demand log, one for every partition to all of them. Raises KafkaException, BrokerUnusable."""
    topic = topology.all_topics[topology.agents[REPLENISHER].folds]
    value, key = codec.encoder(topic.name, "demand", topic.format)(record), key_of(record).encode()
    settings = {**topology.kafka, **topology.producer}
    if record.kind in BROADCAST:
        write_broadcasts(settings, topology.app, topic.name, topic.partitions, [Broadcast(key, value)])
        return
    failures: list[KafkaError] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        del message
        if error is not None:
            failures.append(error)

    producer = Producer({**settings, "enable.idempotence": True, "partitioner": PARTITIONER})
    producer.produce(topic.name, value, key, on_delivery=delivered)
    left = producer.flush(FLUSH_S)
    if failures or left:
        missing = KafkaError(KafkaError._MSG_TIMED_OUT, f"{left} were not delivered")  # noqa: SLF001 - its public name
        raise KafkaException(failures[0] if failures else missing)

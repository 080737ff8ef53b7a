"""Records of the demand log written by hand: checked as the replenisher would, then published."""

from __future__ import annotations

import uuid
from typing import Any

from agents.codec import Codec
from agents.inventory.replenishment.validation import BROADCAST, key_of
from agents.inventory.replenishment.words import REPLENISHER, DemandKind, DemandRecord
from agents.runtime.reference import Broadcast, write_broadcasts
from agents.runtime.topology import Topology
from tools.brokers.writing import publish_keyed

SOURCE = "onhand-cli"


def a_record(kind: DemandKind, sku: str, record_id: str | None, **fields: Any) -> DemandRecord:
    """A record of somebody at a keyboard. The same `record_id` again has no effect."""
    return DemandRecord(record_id=record_id or str(uuid.uuid4()), source=SOURCE, kind=kind, sku=sku, **fields)


def publish(topology: Topology, codec: Codec, record: DemandRecord) -> None:
    """Write it to the demand log, one for every partition to all of them. Raises KafkaException, BrokerUnusable."""
    topic = topology.all_topics[topology.agents[REPLENISHER].folds]
    value, key = codec.encoder(topic.name, "demand", topic.format)(record), key_of(record).encode()
    if record.kind in BROADCAST:
        settings = {**topology.kafka, **topology.producer}
        write_broadcasts(settings, topology.app, topic.name, topic.partitions, [Broadcast(key, value)])
    else:
        publish_keyed(topology, topic.name, [(key, value)])

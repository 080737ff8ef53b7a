"""Records about campaigns written by hand: published, and waited for."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from agents.codec import Codec
from agents.inventory.campaigns.words import CAMPAIGN_GUARD, CampaignKind, CampaignRecord
from agents.runtime.partitioner import PARTITIONER
from agents.runtime.topology import Topology

SOURCE = "onhand-cli"
FLUSH_S = 30.0


def said_now(kind: CampaignKind, campaign_id: str, **fields: Any) -> CampaignRecord:
    """A record with an id of its own, said now."""
    return CampaignRecord(
        record_id=str(uuid.uuid4()),
        source=SOURCE,
        kind=kind,
        campaign_id=campaign_id,
        occurred_at_ms=time.time_ns() // 1_000_000,
        **fields,
    )


def publish(topology: Topology, codec: Codec, records: Sequence[CampaignRecord]) -> None:
    """Write the records to the topic of campaigns, and wait until the broker has them. Raises KafkaException."""
    topic = topology.agents[CAMPAIGN_GUARD].folds
    encode = codec.encoder(topic, "campaign", topology.topics[topic].format)
    producer = Producer({**topology.kafka, **topology.producer, "enable.idempotence": True, "partitioner": PARTITIONER})
    failures: list[KafkaError] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        del message
        if error is not None:
            failures.append(error)

    for record in records:
        producer.produce(topic, encode(record), record.campaign_id.encode(), on_delivery=delivered)
        producer.poll(0)
    left = producer.flush(FLUSH_S)
    if failures or left:
        missing = KafkaError(KafkaError._MSG_TIMED_OUT, f"{left} were not delivered")  # noqa: SLF001 - its public name
        raise KafkaException(failures[0] if failures else missing)

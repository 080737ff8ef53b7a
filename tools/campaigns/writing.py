"""Records about campaigns written by hand: published, and waited for."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from typing import Any

from agents.codec import Codec
from agents.inventory.campaigns.words import CAMPAIGN_GUARD, CampaignKind, CampaignRecord
from agents.runtime.topology import Topology
from tools.brokers.writing import publish_keyed

SOURCE = "onhand-cli"


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
    publish_keyed(topology, topic, [(record.campaign_id.encode(), encode(record)) for record in records])

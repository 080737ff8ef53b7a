"""Campaigns as of now, read from Kafka: what the guard keeps of them, and all that was said about one.

Only committed records, and only up to the end of now. Of one campaign only its partition is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import msgspec

from agents.codec import Codec, Malformed
from agents.inventory.campaigns.rows import Campaign
from agents.inventory.campaigns.words import CAMPAIGN_GUARD, CampaignRecord, Command
from agents.inventory.goods import Goods
from agents.inventory.transactions import STOCK_KEEPER
from agents.runtime.plan import said_topics
from agents.runtime.topology import Topology
from agents.state.campaigns import CAMPAIGNS
from agents.state.ledger import GOODS
from agents.state.tables import Table
from tools.brokers.keyed_reading import Seen, counted, records_of_keys


class Heard(msgspec.Struct, frozen=True):
    """One record about a campaign, with its time and its place in the log."""

    at_ms: int
    cause: str
    """`topic-partition-offset`: the commands that follow from it begin with it."""
    record: CampaignRecord


def kept_campaigns(topology: Topology, seen: Seen, only: str | None = None) -> dict[str, Campaign]:
    """What the guard keeps, from its changelog: all campaigns by id, or the one named. Raises TopicMissing."""
    changelog = topology.agents[CAMPAIGN_GUARD].changelog.name
    rows = _rows(topology, changelog, CAMPAIGNS, only, seen)
    found = {str(CAMPAIGNS.decode_key(key)[0]): cast("Campaign", CAMPAIGNS.decode_row(row)) for key, row in rows}
    return {name: campaign for name, campaign in sorted(found.items()) if only is None or name == only}


def skus_of_category(topology: Topology, category: str, seen: Seen) -> tuple[str, ...]:
    """The SKUs of which an ITEM record names this category, from the ledger's changelog. Raises TopicMissing."""
    changelog = topology.agents[STOCK_KEEPER].changelog.name
    found = []
    for key, row in _rows(topology, changelog, GOODS, None, seen):
        goods = cast("Goods", GOODS.decode_row(row))
        if goods.item is not None and goods.item.category == category:
            found.append(str(GOODS.decode_key(key)[0]))
    return tuple(sorted(found))


def heard_of(topology: Topology, codec: Codec, campaign_id: str, seen: Seen) -> list[Heard]:
    """All records about a campaign that can be read; the others are dead letters. Raises TopicMissing."""
    topic = topology.agents[CAMPAIGN_GUARD].folds
    decode = cast("Callable[..., CampaignRecord]", codec.decoder(topic, "campaign", topology.topics[topic].format))
    found: list[Heard] = []
    time_ms = 0
    for message in counted(records_of_keys(topology, topic, [campaign_id]), seen):
        time_ms = max(time_ms, message.timestamp()[1])  # As the guard reckons: a partition's time never falls.
        if message.key() != campaign_id.encode():
            continue
        try:
            record = decode(message.value(), message.headers())
        except Malformed:
            continue
        found.append(Heard(time_ms, f"{topic}-{message.partition()}-{message.offset()}", record))
    return found


def commands_of(topology: Topology, codec: Codec, campaign_id: str, seen: Seen) -> list[Command]:
    """The commands of a campaign that the topic still has. Raises TopicMissing."""
    topic = said_topics(topology, topology.agents[CAMPAIGN_GUARD])["campaign_command"]
    decode = cast("Callable[..., Command]", codec.decoder(topic, "campaign_command"))
    return [
        decode(message.value(), None)
        for message in counted(records_of_keys(topology, topic, [campaign_id]), seen)
        if message.key() == campaign_id.encode()
    ]


def _rows(
    topology: Topology, changelog: str, table: Table, key: str | None, seen: Seen
) -> Iterator[tuple[bytes, bytes]]:
    """The rows of a table as the changelog has them last: encoded key and row."""
    latest: dict[bytes, bytes | None] = {}
    for message in counted(records_of_keys(topology, changelog, () if key is None else [key]), seen):
        raw = message.key() or b""
        if raw.startswith(table.prefix):
            latest[raw] = message.value()
    return ((raw[len(table.prefix) :], row) for raw, row in latest.items() if row is not None)

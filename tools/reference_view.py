"""Rules, places and channels as they are in force, read from the changelog of one partition: every partition has them all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from agents.inventory.goods import Goods
from agents.inventory.transactions import ChannelReference, FeedReference, LocationReference, PolicySettings
from agents.runtime.partitioner import partition_of
from agents.runtime.topics import Cluster
from agents.runtime.topology import Topology
from agents.state.ledger import CHANNELS, FEEDS, GOODS, LOCATIONS, POLICY
from agents.state.tables import Table
from tools.brokers.keyed_reading import TopicMissing
from tools.brokers.reading import Start, records
from tools.ledger_view import LEDGER

WANTED: tuple[Table, ...] = (POLICY, LOCATIONS, CHANNELS, FEEDS)


class ReferenceView(NamedTuple):
    """What is in force."""

    rules: dict[str, PolicySettings]
    locations: dict[str, LocationReference]
    channels: dict[str, ChannelReference]
    goods: Goods | None
    """Of the SKU that was asked for, if any."""
    feeds: dict[str, FeedReference]

    @property
    def category(self) -> str | None:
        """Of the SKU that was asked for."""
        return None if self.goods is None or self.goods.item is None else self.goods.item.category


def reference_view(topology: Topology, sku: str | None, seen: Callable[[int], None]) -> ReferenceView:
    """Rules, places and channels; and what is known of the SKU, in whose partition they are then read.

    `seen` hears how many rows were read. Raises TopicMissing, KafkaException.
    """
    latest: dict[bytes, bytes | None] = {}
    sku_key = None if sku is None else GOODS.prefix + GOODS.encode_key((sku,))
    prefixes = tuple(table.prefix for table in WANTED)
    for count, message in enumerate(_rows(topology, sku)):
        key = message.key() or b""
        if key.startswith(prefixes) or key == sku_key:
            latest[key] = message.value()
        if count % 10_000 == 0:
            seen(count)
    goods = None if sku_key is None else latest.get(sku_key)
    return ReferenceView(
        _read(POLICY, latest),
        _read(LOCATIONS, latest),
        _read(CHANNELS, latest),
        None if goods is None else GOODS.decode_row(goods),
        _read(FEEDS, latest),
    )


def _rows(topology: Topology, sku: str | None) -> Any:
    cluster = Cluster(topology.kafka)
    changelog = topology.agents[LEDGER].changelog.name
    found = cluster.topics([changelog])
    if changelog not in found:
        raise TopicMissing(changelog)
    spans = cluster.offsets(found.values())[changelog]
    partition = (
        min(spans, key=lambda span: span.next - span.first).partition
        if sku is None
        else partition_of(sku.encode(), len(spans))
    )
    return records(topology.kafka, changelog, tuple(s for s in spans if s.partition == partition), Start())


def _read(table: Table, latest: dict[bytes, bytes | None]) -> dict[str, Any]:
    return {
        str(table.decode_key(key[1:])[0]): table.decode_row(value)
        for key, value in sorted(latest.items())
        if value is not None and key.startswith(table.prefix)
    }

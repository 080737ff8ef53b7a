"""What the replenisher keeps, as of now: its rows from the changelog, rolled to this moment, and its insights that hold.

Only committed records, and only up to the end of now. Of one SKU only its partition is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

import msgspec

from agents.codec import Codec
from agents.inventory.replenishment.levels import Levels, figures_of, levels_of
from agents.inventory.replenishment.rows import Outlook, Supply
from agents.inventory.replenishment.velocity import roll
from agents.inventory.replenishment.words import REPLENISHER, Figures, Insight, Supplier, Whereabouts
from agents.runtime.plan import said_topics
from agents.runtime.topology import Topology
from agents.state.changelog import tables_by_prefix
from agents.state.replenishment import OUTLOOKS, PLACES, REPLENISHMENT_TABLES, SUPPLIERS, SUPPLIES
from tools.brokers.keyed_reading import Seen, counted, records_of_keys

if TYPE_CHECKING:
    from confluent_kafka import Message


class Standing(msgspec.Struct, frozen=True):
    """A SKU at a place."""

    sku: str
    location: str
    outlook: Outlook
    supply: Supply
    levels: Levels
    figures: Figures


class Kept:
    """The rows of the replenisher; the protocol `DemandRows` of the core."""

    def __init__(self, rows: Mapping[str, Mapping[Any, Any]]) -> None:
        self._rows = rows

    def outlook(self, sku: str, location: str) -> Outlook | None:
        """See `DemandRows.outlook`."""
        return cast("Outlook | None", self._rows[OUTLOOKS.name].get((sku, location)))

    def supply(self, sku: str) -> Supply | None:
        """See `DemandRows.supply`."""
        return cast("Supply | None", self._rows[SUPPLIES.name].get((sku,)))

    def supplier(self, supplier: str) -> Supplier | None:
        """See `DemandRows.supplier`."""
        return cast("Supplier | None", self._rows[SUPPLIERS.name].get((supplier,)))

    def place(self, location: str) -> Whereabouts | None:
        """See `DemandRows.place`."""
        return cast("Whereabouts | None", self._rows[PLACES.name].get((location,)))

    @property
    def suppliers(self) -> list[Supplier]:
        """All of whom a record has told."""
        return [each for _, each in sorted(self._rows[SUPPLIERS.name].items())]

    def standings(self, topology: Topology, now_ms: int) -> list[Standing]:
        """Every SKU at every place, rolled to now, by SKU and place."""
        policy = topology.replenishment
        found = []
        for (sku, location), row in sorted(self._rows[OUTLOOKS.name].items()):
            supply = self.supply(sku) or Supply()
            spans = [span for span in supply.promotions if span.location in {None, location}]
            place = self.place(location)
            rolled = roll(row, now_ms, spans, policy, sells=place is None or place.open)
            levels = levels_of(sku, rolled, supply, location, self, policy)
            found.append(Standing(sku, location, rolled, supply, levels, figures_of(rolled, levels, policy)))
        return found


def kept(topology: Topology, sku: str | None, seen: Seen) -> Kept:
    """The rows of one SKU, or of all. Raises TopicMissing."""
    by_prefix = tables_by_prefix(REPLENISHMENT_TABLES)
    latest: dict[bytes, bytes | None] = {}
    for message in _messages(topology, topology.agents[REPLENISHER].changelog.name, sku, seen):
        latest[cast("bytes", message.key())] = message.value()
    rows: dict[str, dict[Any, Any]] = {table.name: {} for table in REPLENISHMENT_TABLES}
    for key, value in latest.items():
        table = by_prefix.get(key[0])
        if table is not None and value is not None:
            decoded = table.decode_key(key[1:])
            if sku is None or table not in {OUTLOOKS, SUPPLIES} or decoded[0] == sku:
                rows[table.name][decoded] = table.decode_row(value)
    return Kept(rows)


def insights(topology: Topology, codec: Codec, sku: str | None, seen: Seen) -> list[Insight]:
    """What was said, the newest first. Raises TopicMissing."""
    topic = said_topics(topology, topology.agents[REPLENISHER])["insight"]
    decode = cast("Callable[[bytes | None, None], Insight]", codec.decoder(topic, "insight"))
    said = [decode(message.value(), None) for message in _messages(topology, topic, sku, seen)]
    return sorted([each for each in said if sku in {None, each.sku}], key=lambda each: (-each.at_ms, each.event_id))


def _messages(topology: Topology, topic: str, sku: str | None, seen: Seen) -> Iterator[Message]:
    return counted(records_of_keys(topology, topic, () if sku is None else [sku]), seen)

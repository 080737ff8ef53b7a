"""The ledger's rows for some SKUs and the router's for some orders, as they are now or as they were at a past moment, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, cast

import msgspec

from agents.codec import Codec, Malformed, digest
from agents.inventory.campaigns.rows import Campaign, CampaignPolicy
from agents.inventory.campaigns.words import CAMPAIGN_GUARD
from agents.inventory.capacity import capacity_sku
from agents.inventory.decide import decide
from agents.inventory.goods import Goods, next_date_ms
from agents.inventory.hours import local_ms
from agents.inventory.orders.basket import MOST_DAYS
from agents.inventory.orders.decide import decide_order
from agents.inventory.orders.rows import Order, OrderArrival
from agents.inventory.reservations import Claim
from agents.inventory.rows import DUE, GOODS, Arrival, Due, Key, Row
from agents.inventory.transactions import ORDER_ROUTER, Transaction
from agents.inventory.units import date_of_day, day_of
from agents.runtime.partitioner import partition_of
from agents.runtime.topics import Cluster
from agents.runtime.topology import Topology
from agents.state import ledger
from agents.state.tables import Table
from tools.brokers.keyed_reading import TopicMissing
from tools.brokers.reading import Start, records
from tools.campaigns.reading import kept_campaigns
from tools.ledger_view import LEDGER, rows_of
from tools.orders.reading import history, kept_order, kept_references
from tools.scenario.memory_rows import MemoryRows
from tools.scenario.router import OrderBook

if TYPE_CHECKING:
    from confluent_kafka import Message

DAYS_AHEAD = 4 * MOST_DAYS
"""Days of a limited place that are looked at: handling and holidays may come before the days that are put off."""
OF_A_SKU = (
    ledger.POSITIONS,
    ledger.CLAIMS,
    ledger.CLOSED_CLAIMS,
    ledger.MOVEMENTS,
    ledger.GOODS,
    ledger.LOTS,
    ledger.TOLD,
    ledger.INBOUNDS,
    ledger.TRANSFERS,
    ledger.CASES,
    ledger.LOSSES,
    ledger.TOLD_LEVELS,
    ledger.OPEN_ALERTS,
    ledger.USUAL,
)
"""Tables whose keys begin with the SKU."""
REFERENCE = (ledger.POLICY, ledger.LOCATIONS, ledger.CHANNELS, ledger.FEEDS)
"""Tables that every partition has alike. Ids that were answered are not read: those of a hypothesis are new."""
_BROADCAST = (b"policy:", b"location:", b"channel:", b"feed:")


def rows_now(topology: Topology, skus: Iterable[str], seen: Callable[[int], None]) -> MemoryRows:
    """The rows of these SKUs, with policy and reference, from the changelog. Raises TopicMissing."""
    rows, named_skus = MemoryRows(), list(skus)
    if not named_skus:
        return rows
    for table, key, row in rows_of(topology, OF_A_SKU, REFERENCE, named_skus, seen):
        named = cast("Key", key)
        rows.apply({(table.name, named): row, **due_row(table, named, row)})
    return rows


def with_days(skus: Sequence[str], at_ms: int, read: Callable[[Sequence[str]], MemoryRows]) -> MemoryRows:
    """The rows of these SKUs, and of the days on which orders for them may leave places that can send only so much.

    `read` reads the rows of SKUs: once, and where such places have any of them once more.
    """
    rows = read(skus)
    references, days = rows.references(), list[str]()
    for location in sorted({place for sku in skus for place in rows.positions(sku)}):
        place = references.location(location)
        if place is not None and place.daily_capacity is not None:
            today = day_of(local_ms(place, at_ms))
            days += [capacity_sku(location, date_of_day(today + later)) for later in range(DAYS_AHEAD)]
    return read([*skus, *days]) if days else rows


def due_row(table: Table, key: Key, row: object) -> dict[tuple[str, Key], Row | None]:
    """The due row that belongs to a claim or to the goods themselves; the index by time is not read by SKU."""
    if table is ledger.CLAIMS and isinstance(row, Claim) and row.due_ms is not None:
        return {(DUE, (row.due_ms, *key)): Due()}
    if table.name == GOODS and isinstance(row, Goods) and (due_ms := next_date_ms(row)) is not None:
        return {(DUE, (due_ms, *key, "", 0)): Due()}
    return {}


def rows_then(
    topology: Topology, codec: Codec, skus: Iterable[str], at_ms: int, seen: Callable[[int], None]
) -> MemoryRows:
    """The same after the last record with record time <= `at_ms`: folded from the input log, as far as it goes back."""
    wanted = {sku.encode() for sku in skus}
    if not wanted:
        return MemoryRows()
    topic = topology.agents[LEDGER].folds
    decode = codec.decoder(topic, "transaction", topology.all_topics[topic].format)
    rows, partitions = MemoryRows(), topology.all_topics[topic].partitions
    time_ms = dict.fromkeys(range(partitions), 0)
    first = min(partition_of(key, partitions) for key in wanted)
    for count, message in enumerate(_messages(topology, topic, {partition_of(key, partitions) for key in wanted})):
        partition, key = message.partition() or 0, message.key() or b""
        time_ms[partition] = max(time_ms[partition], message.timestamp()[1])
        # What is broadcast stands in every partition: one of them is enough.
        concerned = key in wanted or (partition == first and key.startswith(_BROADCAST))
        if time_ms[partition] <= at_ms and concerned:
            _fold(rows, decode, message, time_ms[partition], topology)
        if count % 1_000 == 0:
            seen(count)
    return rows


def orders_now(topology: Topology, order_ids: Iterable[str], seen: Callable[[int], None]) -> dict[str, Order]:
    """What the router keeps of these orders; those that it does not know are left out. Raises TopicMissing."""
    if ORDER_ROUTER not in topology.agents:
        return {}
    kept = {order_id: kept_order(topology, order_id, seen) for order_id in order_ids}
    return {order_id: order for order_id, order in kept.items() if order is not None}


def campaign_policy(topology: Topology) -> CampaignPolicy:
    """That of the campaign guard; its edges come into the topic that it folds."""
    guard = topology.agents.get(CAMPAIGN_GUARD)
    return topology.campaigns if guard is None else msgspec.structs.replace(topology.campaigns, topic=guard.folds)


def campaigns_now(topology: Topology, names: Iterable[str], seen: Callable[[int], None]) -> dict[str, Campaign]:
    """What the guard keeps of these campaigns; those that it does not know are left out. Raises TopicMissing."""
    found: dict[str, Campaign] = {}
    for name in names if CAMPAIGN_GUARD in topology.agents else ():
        found |= kept_campaigns(topology, seen, name)
    return found


def orders_then(
    topology: Topology, codec: Codec, order_ids: Iterable[str], at_ms: int, seen: Callable[[int], None]
) -> dict[str, Order]:
    """The same after the last record with record time <= `at_ms`: folded from what was said of each. Raises TopicMissing."""
    book = OrderBook()
    for order_id in order_ids if ORDER_ROUTER in topology.agents else ():
        book.apply(kept_references(topology, order_id, seen))
        said = history(topology, codec, order_id, seen)
        for heard in () if said is None else said.heard:
            if heard.at_ms <= at_ms:
                arrival = OrderArrival(heard.record, heard.cause, heard.at_ms)
                book.apply(decide_order(book, arrival, topology.orders).changes)
    return book.orders


def _fold(
    rows: MemoryRows,
    decode: Callable[..., Transaction],
    message: Message,
    time_ms: int,
    topology: Topology,
) -> None:
    try:
        transaction = decode(message.value(), message.headers())
    except Malformed:
        return
    offset = message.offset() or 0
    backfill = transaction.source in topology.backfill_sources
    arrival = Arrival(transaction, f"past-0-{offset}", offset, time_ms, digest(transaction), backfill)
    rows.apply(decide(rows, arrival, topology.answers_keep_ms).changes)


def _messages(topology: Topology, topic: str, partitions: set[int]) -> Iterable[Message]:
    cluster = Cluster(topology.kafka)
    found = cluster.topics([topic])
    if topic not in found:
        raise TopicMissing(topic)
    spans = cluster.offsets(found.values())[topic]
    chosen = tuple(span for span in spans if span.partition in partitions)
    return cast("Iterable[Message]", records(topology.kafka, topic, chosen, Start()))

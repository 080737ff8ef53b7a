"""The ledger's rows for some SKUs, as they are now or as they were at a past moment, in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, cast

from agents.codec import Codec, Malformed, digest
from agents.inventory.decide import decide
from agents.inventory.goods import Goods, next_date_ms
from agents.inventory.reservations import Claim
from agents.inventory.rows import DUE, GOODS, Arrival, Due, Key, Row
from agents.inventory.transactions import Transaction
from agents.runtime.partitioner import partition_of
from agents.runtime.topics import Cluster
from agents.runtime.topology import Topology
from agents.state import ledger
from agents.state.tables import Table
from tools.brokers.reading import Start, records
from tools.ledger_view import LEDGER, TopicMissing, rows_of
from tools.scenario.memory_rows import MemoryRows

if TYPE_CHECKING:
    from confluent_kafka import Message

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
)
"""Tables whose keys begin with the SKU."""
REFERENCE = (ledger.POLICY, ledger.LOCATIONS, ledger.CHANNELS)
"""Tables that every partition has alike. Ids that were answered are not read: those of a hypothesis are new."""
_BROADCAST = (b"policy:", b"location:", b"channel:")


def rows_now(topology: Topology, skus: Iterable[str], seen: Callable[[int], None]) -> MemoryRows:
    """The rows of these SKUs, with policy and reference, from the changelog. Raises TopicMissing."""
    rows = MemoryRows()
    for table, key, row in rows_of(topology, OF_A_SKU, REFERENCE, skus, seen):
        named = cast("Key", key)
        rows.apply({(table.name, named): row, **due_row(table, named, row)})
    return rows


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

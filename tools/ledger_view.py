"""What the ledger keeps, read from its compacted topics as of now: levels, and claims from the changelog.

Only the partition of the SKU asked for is read, and of it only what compaction has left, from the start to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from agents.codec import Codec
from agents.inventory.positions import StockLevel
from agents.inventory.reservations import Claim
from agents.inventory.shipments import Shipment
from agents.runtime.plan import said_topics
from agents.runtime.topology import Topology
from agents.state.keys import Key
from agents.state.ledger import CLAIMS, INBOUNDS, TRANSFERS
from agents.state.tables import Table
from tools.brokers.keyed_reading import records_of_keys

LEDGER = "stock_keeper"


class OpenClaim(NamedTuple):
    """An open claim with its key."""

    sku: str
    holder: str
    line: int
    claim: Claim


class Prospect(NamedTuple):
    """What is to come to a SKU, and who has a claim on it."""

    shipments: list[Shipment]
    claims: list[Claim]


def levels(topology: Topology, codec: Codec, skus: Iterable[str], seen: Callable[[int], None]) -> list[StockLevel]:
    """The levels of these SKUs, or of all when none is named; by SKU and location. `seen` hears how many were read."""
    wanted = frozenset(skus)
    topic = said_topics(topology, topology.agents[LEDGER])["level"]
    decode = cast("Callable[[bytes | None, None], StockLevel]", codec.decoder(topic, "level"))
    latest: dict[bytes, bytes | None] = {}
    for count, message in enumerate(records_of_keys(topology, topic, wanted)):
        key = message.key() or b""
        if not wanted or any(_begins(key, sku) for sku in wanted):
            latest[key] = message.value()
        if count % 1_000 == 0:
            seen(count)
    found = [decode(value, None) for value in latest.values() if value is not None]
    chosen = [level for level in found if not wanted or level.sku in wanted]
    return sorted(chosen, key=lambda level: (level.sku, level.location))


def claims(topology: Topology, sku: str | None, seen: Callable[[int], None]) -> list[OpenClaim]:
    """The open claims on a SKU, or all; by SKU, holder and line."""
    return [
        OpenClaim(*cast("tuple[str, str, int]", key), row)
        for _, key, row in _rows(topology, (CLAIMS,), () if sku is None else (sku,), seen)
    ]


def prospects(topology: Topology, skus: Iterable[str], seen: Callable[[int], None]) -> Mapping[str, Prospect]:
    """What is on its way and who waits, of these SKUs or of all when none is named; by SKU."""
    found: dict[str, Prospect] = {}
    for table, key, row in _rows(topology, (CLAIMS, INBOUNDS, TRANSFERS), skus, seen):
        prospect = found.setdefault(cast("str", key[0]), Prospect([], []))
        if table is CLAIMS:
            prospect.claims.append(row)
        else:
            prospect.shipments.append(row)
    return found


def _rows(
    topology: Topology, tables: Sequence[Table], skus: Iterable[str], seen: Callable[[int], None]
) -> list[tuple[Table, Key, Any]]:
    return rows_of(topology, tables, (), skus, seen)


def rows_of(
    topology: Topology,
    tables: Sequence[Table],
    whole: Sequence[Table],
    skus: Iterable[str],
    seen: Callable[[int], None],
) -> list[tuple[Table, Key, Any]]:
    """Rows of some tables that begin with a SKU: of these SKUs, or of all; from the changelog, in the order of keys.

    Beside them all rows of the `whole` tables, which every partition has alike. Raises TopicMissing.
    """
    named = tuple(skus)
    latest: dict[bytes, bytes | None] = {}
    prefixes = (
        *(
            table.prefix + (b"" if sku is None else table.encode_prefix((sku,)))
            for table in tables
            for sku in (named or (None,))
        ),
        *(table.prefix for table in whole),
    )
    for count, message in enumerate(records_of_keys(topology, topology.agents[LEDGER].changelog.name, named)):
        key = message.key() or b""
        if key.startswith(prefixes):
            latest[key] = message.value()
        if count % 1_000 == 0:
            seen(count)
    by_prefix = {table.prefix: table for table in (*tables, *whole)}
    return [
        (by_prefix[key[:1]], by_prefix[key[:1]].decode_key(key[1:]), by_prefix[key[:1]].decode_row(value))
        for key, value in sorted(latest.items())
        if value is not None
    ]


def _begins(key: bytes, sku: str) -> bool:
    return key.startswith(sku.encode() + b"@")  # a location may have an @ of its own

"""What channels cost: the real fold over the same traffic with none, one, ten and fifty of them. Needs no broker.

Transactions are decoded, decided, and everything said is encoded; rows are committed to RocksDB chunk by chunk. What the
broker takes for the bytes of availability is not in it, so these are told beside. Time is that of the CPU, so that
others on the machine matter little. Each SKU lies at three places in two
regions, and the channels are on three kinds of terms: without a buffer, with one in units, with one in percent.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from agents.codec import Codec
from agents.inventory.transactions import (
    ChannelReference,
    LocationReference,
    PolicySettings,
    Transaction,
)
from agents.runtime.fold import FoldContext, Outbox
from agents.runtime.reference import Reference, reference_key, reference_transaction
from agents.runtime.topology import Topology
from agents.state.ledger import LEDGER_TABLES
from agents.state.overlay import Overlay
from agents.state.rocks import RocksOptions, RocksStore
from agents.state.store import Meta
from agents.stock_keeper import LedgerFold, Words
from tools.bench.traffic import LOCATION, OPENING_UNITS, LedgerTraffic

COUNTS = (0, 1, 10, 50)
PLACES = {LOCATION: "north", "YORK": "north", "PARIS": "south"}
SKUS = 2_000
RECORDS_PER_CHUNK = 500
NOON_MS = 1_767_268_800_000


class ChannelCost(msgspec.Struct, frozen=True):
    """What so many channels cost."""

    channels: int
    transactions_per_s: float
    """Per second of CPU; median of the runs."""
    ratio: float
    """To the same without channels in the same turns."""
    availability_per_transaction: float
    """Records of the availability topic."""
    bytes_per_record: float
    """Of the value of one of them."""
    edges_per_transaction: float


class Given:
    """One input record, as the client library gives it."""

    def __init__(self, key: bytes, value: bytes, offset: int) -> None:
        self._key, self._value, self._offset = key, value, offset

    def key(self) -> bytes:
        """See `InputRecord`."""
        return self._key

    def value(self) -> bytes:
        """See `InputRecord`."""
        return self._value

    def offset(self) -> int:
        """See `InputRecord`."""
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        """See `InputRecord`."""
        return 1, NOON_MS

    def headers(self) -> None:
        """See `InputRecord`."""


def channel_costs(topology: Topology, codec: Codec, records: int, repeats: int) -> list[ChannelCost]:
    """Measure all counts in turn, `repeats` times."""
    words = Words(topology, codec)
    rates: dict[int, list[float]] = {count: [] for count in COUNTS}
    told: dict[int, tuple[int, int, int]] = {}
    for _ in range(repeats):
        for count in COUNTS:
            seconds, told[count] = run(words, count, records)
            rates[count].append(records / seconds)
    return [
        ChannelCost(
            count,
            statistics.median(rates[count]),
            statistics.median(ours / without for ours, without in zip(rates[count], rates[0], strict=True)),
            said / records,
            size / said if said else 0.0,
            edges / records,
        )
        for count, (said, size, edges) in told.items()
    ]


def run(words: Words, channels: int, records: int) -> tuple[float, tuple[int, int, int]]:
    """Fold the traffic once: seconds of CPU, and (records of availability, their bytes, edges)."""
    traffic = LedgerTraffic(SKUS, NOON_MS)
    opening = [*references(channels), *openings(traffic)]
    opening_records = encoded(words, opening, 0)
    measured = encoded(words, list(traffic.shuffled(records)), len(opening_records))
    with tempfile.TemporaryDirectory(prefix="onhand-bench-", ignore_cleanup_errors=True) as directory:
        store = RocksStore(Path(directory) / "rows", RocksOptions())
        try:
            fold = LedgerFold(context_over(Overlay(store, LEDGER_TABLES, 100_000), words), words)
            apply(fold, opening_records)
            started = time.process_time()
            outbox = apply(fold, measured)
            seconds = time.process_time() - started
        finally:
            store.close()
    said = [value for topic, _, value, _, _ in outbox if topic == words.availability_topic]
    edges = sum(1 for topic, *_ in outbox if topic == words.edges_topic)
    return seconds, (len(said), sum(len(value or b"") for value in said), edges)


def references(channels: int) -> Iterator[Transaction]:
    """Places in two regions, and channels on three kinds of terms."""
    said: list[Reference] = [LocationReference(place, region=region) for place, region in PLACES.items()]
    if channels:
        said.append(PolicySettings(rule="low", low_at=5, low_until=10))
    for number in range(channels):
        name = f"channel-{number:02}"
        said.append(ChannelReference(name, methods=("shipping",)))
        if number % 3:
            buffer: dict[str, Any] = {"buffer": 2} if number % 3 == 1 else {"buffer_percent": 10}
            said.append(PolicySettings(rule=name, channel=name, **buffer))
    for each in said:
        yield reference_transaction(each, reference_key(each), "bench")


def openings(traffic: LedgerTraffic) -> Iterator[Transaction]:
    """The stock of every SKU at every place."""
    for opening in traffic.opening():
        yield opening
        for place in PLACES:
            if place != LOCATION:
                yield msgspec.structs.replace(
                    opening, transaction_id=f"opening-{place}", location=place, quantity=OPENING_UNITS
                )


def encoded(words: Words, transactions: Sequence[Transaction], offset: int) -> list[Given]:
    """The records of the input topic."""
    return [
        Given(key_of(transaction).encode(), words.transaction(transaction), offset + number)
        for number, transaction in enumerate(transactions)
    ]


def key_of(transaction: Transaction) -> str:
    """As the log has it."""
    for reference in (
        transaction.policy,
        transaction.location_reference,
        transaction.channel_reference,
        transaction.feed,
    ):
        if reference is not None:
            return reference_key(reference)
    return transaction.sku


def context_over(overlay: Overlay, words: Words) -> FoldContext:
    """Partition 0, where nothing is buried."""

    def bury(*_: object, **said: object) -> Any:
        raise AssertionError(f"no record of the bench is a dead letter: {said}")

    return FoldContext(overlay, words.transactions, 0, bury)


def apply(fold: LedgerFold, records: Sequence[Given]) -> Outbox:
    """Fold and commit, chunk by chunk; what was said."""
    said: Outbox = []
    for start in range(0, len(records), RECORDS_PER_CHUNK):
        chunk = records[start : start + RECORDS_PER_CHUNK]
        for record in chunk:
            fold.fold(record, NOON_MS, said)
        fold.end_chunk(said)
        fold.overlay.commit(Meta(chunk[-1].offset() + 1))
    return said

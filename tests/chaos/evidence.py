"""What is known after a fault, when nobody writes any more: what was said, what was kept, what lies in the log.

Read once from the outside: topics as any consumer reads them, the broker's own files, the workers' closed stores.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from confluent_kafka import IsolationLevel, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]  # exported without saying so

from agents.inventory.rows import MOVEMENTS
from agents.state.changelog import POSITION_KEY, decode_meta
from agents.state.ledger import LEDGER_TABLES
from agents.state.rocks import RocksOptions, RocksStore
from agents.state.store import Meta
from agents.stock_keeper import AGENT
from tests.chaos import log_files
from tests.chaos.log_files import Batch, Fate
from tests.integration.harness import Expected, Stage
from tests.integration.tails import Tail, quiet

LATE_WINDOW_S = 2 * 60 * 60
"""Movements older than this are forgotten: the shipped policy."""

Rows = dict[bytes, bytes]
"""Changelog key -> row, both as bytes."""


@dataclass(frozen=True)
class KeptStore:
    """One store of a partition, as a worker left it."""

    instance: str
    partition: int
    meta: Meta
    rows: Rows


@dataclass
class Changelog:
    """One partition of the changelog, as it was committed."""

    rows: Rows = field(default_factory=dict)
    """The last value of each key."""
    history: dict[bytes, set[bytes | None]] = field(default_factory=dict)
    """Every value that a key ever had."""
    positions: list[Meta] = field(default_factory=list)
    """The meta rows, in their order."""
    end: int = 0
    """Behind the last record."""


class Evidence:
    """Everything that the invariants look at. The workers have ended."""

    def __init__(self, stage: Stage, broker_data: Path, *, lives: int = 1) -> None:
        """`broker_data` is the broker's log directory; `lives` counts how often the input topic was made."""
        self.stage = stage
        self.lives = lives
        self._data = broker_data
        self._said: dict[str, Mapping[int, list[Any]]] = {}
        self._logs: dict[tuple[str, int], list[Batch]] = {}
        self.expected: Mapping[int, Expected] = stage.expected()

    def said(self, schema: str) -> Mapping[int, list[Any]]:
        """All committed records of the topic with that schema, decoded, by partition."""
        if schema not in self._said:
            self._said[schema] = self.stage.tail(schema).to_the_end(self.stage.topology).said
        return self._said[schema]

    def log(self, topic: str, partition: int) -> list[Batch]:
        """The batches of a partition as they lie on the broker's disk."""
        if (topic, partition) not in self._logs:
            self._logs[topic, partition] = log_files.batches(self._data, topic, partition)
        return self._logs[topic, partition]

    @cached_property
    def changelogs(self) -> Mapping[int, Changelog]:
        """By partition."""
        found = {partition: Changelog() for partition in range(self.stage.partitions)}
        tail = Tail(self.stage.topology, self.stage.agent.changelog.name, lambda m: (m.key(), m.value(), m.offset()))
        try:
            for partition, said in tail.to_the_end(self.stage.topology).said.items():
                for key, value, offset in said:
                    _take_over(found[partition], key, value, offset)
        finally:
            tail.close()
        return found

    @cached_property
    def stores(self) -> list[KeptStore]:
        """Of all workers that there were."""
        root = self.stage.topology.state.directory
        places = sorted(path for path in root.glob(f"*/{AGENT}/*") if path.is_dir() and path.name.isdigit())
        return [_read_store(path) for path in places]

    @cached_property
    def folded_rows(self) -> Mapping[int, Rows]:
        """What the oracle keeps, encoded as the stores have it."""
        return {partition: dict(_encoded(expected)) for partition, expected in self.expected.items()}

    @cached_property
    def forgettable(self) -> Mapping[int, set[bytes]]:
        """Keys of the oracle's that housekeeping may have removed: movements from before the late window."""
        return {
            partition: {key for key, second in _movements(expected) if second < expected.at_ms // 1000 - LATE_WINDOW_S}
            for partition, expected in self.expected.items()
        }

    @cached_property
    def aborted_input(self) -> set[tuple[int, int]]:
        """(partition, offset) of all input records whose transaction was aborted."""
        return {
            (partition, offset)
            for partition in range(self.stage.partitions)
            for batch, fate in log_files.fates(self.log(self.stage.transactions, partition))
            if fate is Fate.ABORTED
            for offset in range(batch.first, batch.last + 1)
        }

    @cached_property
    def ends(self) -> Mapping[tuple[str, int], tuple[int, int]]:
        """(last stable offset, high watermark) of every partition of every topic there is."""
        topology = self.stage.topology
        admin = AdminClient(dict(topology.kafka), logger=quiet)
        created = self.stage.created.values()
        asked = [TopicPartition(topic.name, n) for topic in created for n in range(topic.partitions)]
        ends = []
        for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED):
            spec = OffsetSpec.latest()  # type: ignore[no-untyped-call]
            futures = admin.list_offsets(dict.fromkeys(asked, spec), isolation_level=level, request_timeout=20)
            ends.append({(at.topic, at.partition): future.result().offset for at, future in futures.items()})
        return {at: (ends[0][at], ends[1][at]) for at in ends[0]}


def _take_over(changelog: Changelog, key: bytes, value: bytes | None, offset: int) -> None:
    changelog.end = offset + 1
    if key == POSITION_KEY:
        assert value is not None
        changelog.positions.append(decode_meta(value))
        return
    changelog.history.setdefault(key, {None}).add(value)
    if value is None:
        changelog.rows.pop(key, None)
    else:
        changelog.rows[key] = value


def _read_store(path: Path) -> KeptStore:
    store = RocksStore(path, RocksOptions())
    try:
        rows = {table.prefix + key: value for table in LEDGER_TABLES for key, value in store.scan(table, b"")}
        return KeptStore(path.parent.parent.name, int(path.name), store.meta(), rows)
    finally:
        store.close()


def _encoded(expected: Expected) -> Iterator[tuple[bytes, bytes]]:
    for table in LEDGER_TABLES:
        for key, row in expected.rows.tables.get(table.name, {}).items():
            own: Any = key if table.key_digest is None else (table.key_digest(key),)
            yield table.prefix + table.encode_key(own), table.encode_row(row)


def _movements(expected: Expected) -> Iterator[tuple[bytes, int]]:
    (table,) = (table for table in LEDGER_TABLES if table.name == MOVEMENTS)
    for key in expected.rows.tables[MOVEMENTS]:
        yield table.prefix + table.encode_key(key), int(key[2])

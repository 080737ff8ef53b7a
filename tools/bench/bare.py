"""What the engine is compared with: the same work in one loop of one process, without agents, groups and owners.

Consume, fold, produce outputs and changed rows, send the position with them (in the changelog, as ours; group offsets
in the transaction would only slow it down), commit, write RocksDB, and again. Exactly once as long as nobody else runs:
it cannot be taken over, checks no key and no partition, buries nothing, wakes nothing and tidies nothing.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Protocol

import orjson
from confluent_kafka import Consumer, Message, Producer, TopicPartition

from agents.codec import Codec, digest
from agents.inventory.decide import decide
from agents.inventory.positions import StockLevel
from agents.inventory.replenishment.copying import copies_of
from agents.inventory.rows import Arrival
from agents.runtime.owner import PRODUCER_DEFAULTS
from agents.runtime.partitioner import PARTITIONER
from agents.runtime.plan import CONSUMER_DEFAULTS
from agents.runtime.topology import AgentSettings, Topology
from agents.state.changelog import meta_record
from agents.state.ledger import LEDGER_TABLES, LedgerRows
from agents.state.overlay import Overlay
from agents.state.rocks import RocksOptions, RocksStore
from agents.state.store import Change, Meta
from agents.stock_keeper import Words
from tools.bench.thin import COUNTERS, Counter

THIN_RECORDS_PER_TRANSACTION = 8_000
LEDGER_RECORDS_PER_TRANSACTION = 4_000
RECORDS_PER_POLL = 2_000
POLL_S = 0.05
COMMIT_AFTER_S = 0.1
REQUEST_S = 30.0
BY_KEY = -1


class BareWork(Protocol):
    """What is done with the records."""

    def fold(self, messages: Sequence[Message]) -> None:
        """Fold a batch and produce what follows from it."""

    def changes(self) -> Sequence[Change]:
        """End of a transaction: produce what is said once in it, and give the rows that it changed."""

    def committed(self, rows: Sequence[Change]) -> None:
        """Write those rows to RocksDB."""


class Line:
    """The producer, and what is waited for when its queue is full."""

    def __init__(self, topology: Topology, transactional_id: str) -> None:
        self.producer = Producer(
            {
                **PRODUCER_DEFAULTS,
                "linger.ms": 5,  # one producer for all partitions: less would cut its requests small
                **topology.kafka,
                **topology.producer,
                "partitioner": PARTITIONER,
                "transactional.id": transactional_id,
            }
        )
        self.producer.init_transactions(REQUEST_S)

    def produce(self, topic: str, key: bytes, value: bytes | None, partition: int) -> None:
        """Into the open transaction."""
        while True:
            try:
                self.producer.produce(topic, value, key, partition)
            except BufferError:
                self.producer.poll(0.05)
            else:
                return


class ThinWork:
    """The thin fold of thin.py, with its counters in a dict."""

    def __init__(self, agent: AgentSettings, line: Line, store: RocksStore) -> None:
        self._output, self._line, self._store = agent.says[0], line, store
        self._counters: dict[bytes, Counter] = {}
        self._changed: dict[bytes, Counter] = {}

    def fold(self, messages: Sequence[Message]) -> None:
        """See `BareWork.fold`."""
        counters, changed, output, produce = self._counters, self._changed, self._output, self._line.produce
        for message in messages:
            key, value = message.key() or b"", orjson.loads(message.value() or b"")
            before = counters.get(key)
            number = value["i"]
            after = Counter(1, number) if before is None else Counter(before.records + 1, before.total + number)
            counters[key] = changed[key] = after
            said = orjson.dumps({"n": after.records, "sum": after.total, "i": number, "t": value.get("t")})
            produce(output, key, said, message.partition() or 0)

    def changes(self) -> Sequence[Change]:
        """See `BareWork.changes`."""
        rows: list[Change] = [
            (COUNTERS, COUNTERS.encode_key((key.decode(),)), COUNTERS.encode_row(counter))
            for key, counter in self._changed.items()
        ]
        self._changed = {}
        return rows

    def committed(self, rows: Sequence[Change]) -> None:
        """See `BareWork.committed`."""
        self._store.write(rows, None)


class LedgerWork:
    """The ledger: the codec, `decide`, and its rows over RocksDB, as the stock keeper has them."""

    def __init__(self, topology: Topology, codec: Codec, line: Line, store: RocksStore) -> None:
        partitions = topology.all_topics[topology.agents["stock_keeper"].folds].partitions
        self._words, self._line = Words(topology, codec), line
        self._overlay = Overlay(store, LEDGER_TABLES, topology.state.cache_rows * partitions)
        self._rows = LedgerRows(self._overlay)
        self._levels: dict[tuple[str, str], tuple[StockLevel, int]] = {}

    def fold(self, messages: Sequence[Message]) -> None:
        """See `BareWork.fold`."""
        words, rows, levels, produce = self._words, self._rows, self._levels, self._line.produce
        for message in messages:
            partition, offset = message.partition() or 0, message.offset() or 0
            transaction = words.decode(message.value(), message.headers())
            cause, at_ms = f"{words.transactions}-{partition}-{offset}", message.timestamp()[1]
            arrival = Arrival(transaction, cause, offset, at_ms, digest(transaction))
            decision = decide(rows, arrival, words.answers_keep_ms)
            key = transaction.sku.encode()
            for answer in decision.answers:
                produce(words.answers_topic, key, words.answer(answer), partition)
            for record in decision.journal:
                produce(words.journal_topic, key, words.journal(record), partition)
            if words.demand_topic is not None:
                for copy in copies_of(transaction, decision, None):
                    produce(words.demand_topic, key, words.demand(copy), partition)
            for alert in decision.alerts:
                produce(words.alerts_topic, alert.subject.encode(), words.alert(alert), BY_KEY)
            rows.apply(decision.changes)
            for level in decision.levels:
                levels[level.sku, level.location] = level, partition

    def changes(self) -> Sequence[Change]:
        """See `BareWork.changes`."""
        words, produce = self._words, self._line.produce
        for level, partition in self._levels.values():
            produce(words.levels_topic, f"{level.sku}@{level.location}".encode(), words.level(level), partition)
        self._levels = {}
        return self._overlay.changes()

    def committed(self, rows: Sequence[Change]) -> None:
        """See `BareWork.committed`; the overlay has the rows itself."""
        del rows
        self._overlay.commit(Meta())


def run_bare_thin(topology: Topology, agent: AgentSettings) -> None:
    """Until the process is ended."""
    line = Line(topology, f"{topology.app}.bare")
    work = ThinWork(agent, line, _store(topology))
    _loop(topology, agent, work, line, THIN_RECORDS_PER_TRANSACTION)


def run_bare_ledger(topology: Topology, agent: AgentSettings, codec: Codec) -> None:
    """Until the process is ended."""
    line = Line(topology, f"{topology.app}.bare")
    work = LedgerWork(topology, codec, line, _store(topology))
    _loop(topology, agent, work, line, LEDGER_RECORDS_PER_TRANSACTION)


def _loop(topology: Topology, agent: AgentSettings, work: BareWork, line: Line, records_per_transaction: int) -> None:
    consumer = Consumer(_consumer_settings(topology))
    partitions = topology.all_topics[agent.folds].partitions
    consumer.assign([TopicPartition(agent.folds, number, 0) for number in range(partitions)])
    line.producer.begin_transaction()
    waiting, committed_at = 0, time.monotonic()
    while True:
        messages = [message for message in consumer.consume(RECORDS_PER_POLL, POLL_S) if message.error() is None]
        work.fold(messages)
        waiting += len(messages)
        late = time.monotonic() - committed_at >= COMMIT_AFTER_S
        if waiting < records_per_transaction and not (waiting and late):
            continue
        rows = work.changes()
        for table, key, row in rows:
            line.produce(agent.changelog.name, table.prefix + key, row, BY_KEY)
        for at in consumer.position(consumer.assignment()):
            if at.offset >= 0:
                key, position = meta_record(Meta(at.offset, 0, ""))
                line.produce(agent.changelog.name, key, position, at.partition)
        line.producer.commit_transaction(REQUEST_S)
        work.committed(rows)
        line.producer.begin_transaction()
        waiting, committed_at = 0, time.monotonic()


def _store(topology: Topology) -> RocksStore:
    return RocksStore(topology.state.directory / "bare", RocksOptions())


def _consumer_settings(topology: Topology) -> dict[str, Any]:
    return {
        **CONSUMER_DEFAULTS,
        **topology.kafka,
        **topology.consumer,
        "group.id": f"{topology.app}.bare",  # never joined
        "enable.auto.commit": False,
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
    }

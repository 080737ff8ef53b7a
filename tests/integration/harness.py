"""Workers as processes, what they are sent, what they said, and what they should have said.

A `Stage` is a scratch topology on a broker with its topics. Its workers are real processes, ended by their pid. Nothing
waits by the clock: every wait has a condition and a deadline, and says what it has seen when the deadline passes.
"""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from confluent_kafka.admin import AdminClient

from agents.codec import Malformed, digest
from agents.inventory.alerts import Alert
from agents.inventory.answers import Answer
from agents.inventory.decide import decide
from agents.inventory.offers import Availability, Edge
from agents.inventory.positions import StockLevel
from agents.inventory.postings import JournalRecord
from agents.inventory.rows import CLAIMS, POSITIONS, Arrival
from agents.inventory.transactions import Transaction
from agents.runtime.dead_letters import STORY_HEADER
from agents.runtime.fold import FIRST_RECORD_TIME_HEADER, header
from agents.runtime.partitioner import PARTITIONER, partition_of
from agents.runtime.plan import said_topics
from agents.runtime.preflight import needed_topics
from agents.runtime.topics import Cluster
from agents.runtime.topology import Topic, load
from agents.state.changelog import POSITION_KEY, decode_meta, tables_by_prefix
from agents.state.ledger import LEDGER_TABLES
from agents.stock_keeper import AGENT, LARGEST_TRANSACTION_BYTES, check_key
from tests.integration.processes import ROOT, Worker
from tests.integration.tails import NO_BURIAL, Buried, Tail, quiet
from tests.integration.words import a_transaction, now_ms, receipt, reserve
from tools.brokers.encoding import codec_of, transaction_encoder
from tools.brokers.scratch import ClusterAddress, scratch_topology
from tools.scenario.memory_rows import MemoryRows

__all__ = [
    "ROOT",
    "TOPOLOGY_FILE",
    "Buried",
    "Expected",
    "Stage",
    "Tail",
    "Worker",
    "a_transaction",
    "now_ms",
    "receipt",
    "reserve",
]

TOPOLOGY_FILE = ROOT / "topology.yaml"
BROADCAST_PREFIXES = (b"policy:", b"location:", b"channel:")
SCHEMAS_OF_EDGES = frozenset({"edge", "campaign"})
"""Of the topics that carry edges; the first of them is for everybody."""


@dataclass
class Expected:
    """What one partition should have said and kept, folded from its input."""

    answers: list[Answer] = field(default_factory=list)
    journal: list[JournalRecord] = field(default_factory=list)
    levels: dict[tuple[str, str, int], StockLevel] = field(default_factory=dict)
    """By SKU, location and revision. Of those that one chunk makes of a row, only the last is published."""
    alerts: list[Alert] = field(default_factory=list)
    """Of decisions; the runtime adds its own about records that are buried or forwarded."""
    edges: list[Edge] = field(default_factory=list)
    availability: dict[str, Availability] = field(default_factory=dict)
    """The last one of each SKU. Of those that one chunk makes, only the last is published."""
    rows: MemoryRows = field(default_factory=MemoryRows)
    transactions: list[Transaction] = field(default_factory=list)
    """All that could be read, in their order."""
    buried: list[int] = field(default_factory=list)
    """Offsets."""
    forwarded: list[int] = field(default_factory=list)
    """Offsets of records in the wrong partition."""
    at_ms: int = 0
    """The partition's time."""
    position: int = 0
    """Behind the last record."""
    folded: int = 0
    """Records."""


class Stage:
    """A scratch topology on a broker; a context manager."""

    def __init__(
        self,
        cluster: ClusterAddress,
        root: Path,
        *,
        partitions: int = 2,
        edit: Callable[[str], str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """`edit` changes the text of the topology file."""
        self.suffix = uuid.uuid4().hex[:8]
        self.root = root
        self.options = ["--scratch", self.suffix]
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("KAFKA_", "ONHAND_"))},
            **_as_variables(cluster.client_settings),
            "ONHAND_STATE": str(root / "state"),
            "ONHAND_PARTITIONS": str(partitions),
            **(environment or {}),
        }
        file = TOPOLOGY_FILE
        if edit is not None:
            file = root / "topology.yaml"
            file.write_text(edit(TOPOLOGY_FILE.read_text(encoding="utf-8")), encoding="utf-8")
            self.options += ["--topology", str(file)]
        self.topology = scratch_topology(
            load(file, self.environment),
            self.suffix,
            client_settings={},
            state_directory=root / "state" / self.suffix,
        )
        self.agent = self.topology.agents[AGENT]
        self.transactions = self.agent.folds
        self.partitions = partitions
        self._codec = codec_of(self.topology)
        self._encode = transaction_encoder(self.topology, self.transactions)
        self._decode = self._codec.decoder(
            self.transactions, "transaction", self.topology.topics[self.transactions].format
        )
        self.created: dict[str, Topic] = {}
        self._producer: Producer | None = None
        self._workers: list[Worker] = []
        self._tails: dict[str, Tail] = {}
        self._expected: dict[int, Expected] = {}

    def create(self, *agents: str) -> Self:
        """Make the topics of these agents, by default the stock keeper's: those of all would only cost time."""
        chosen = [self.topology.agents[name] for name in agents or (AGENT,)]
        topics = {name: topic for agent in chosen for name, topic in needed_topics(self.topology, agent).items()}
        Cluster(self.topology.kafka).create(list(topics.values()))
        self.created |= topics
        return self

    def worker(self, instance: str = "1", *options: str, **environment: str) -> Worker:
        """A worker, not started yet."""
        worker = Worker(self, instance, options, environment)
        self._workers.append(worker)
        return worker

    # -- sending -----------------------------------------------------------------------------------------------------

    def send(self, *transactions: Transaction) -> None:
        """Publish and wait until the broker has them."""
        for transaction in transactions:
            self.offer(transaction)
        self.flush()

    def offer(self, transaction: Transaction, *, partition: int = -1, timestamp_ms: int = 0) -> None:
        """Publish; wait for nothing. `timestamp_ms` counts where the topic has CreateTime."""
        value, key = self._encode(transaction), transaction.sku.encode()
        self.producer.produce(self.transactions, value, key, partition, timestamp=timestamp_ms)
        self.producer.poll(0)

    def flush(self) -> None:
        """Wait until the broker has all that was offered."""
        assert self.producer.flush(30) == 0

    def send_raw(
        self,
        key: bytes | None,
        value: bytes | None,
        partition: int = -1,
        headers: list[tuple[str, str | bytes | None]] | None = None,
    ) -> tuple[int, int]:
        """Publish any bytes. Returns (partition, offset)."""
        landed: list[tuple[int, int]] = []

        def on_delivery(error: KafkaError | None, message: Message) -> None:
            assert error is None, error
            landed.append((message.partition() or 0, message.offset() or 0))

        self.producer.produce(self.transactions, value, key, partition, on_delivery=on_delivery, headers=headers or [])
        self.flush()
        return landed[0]

    @property
    def producer(self) -> Producer:
        """With the one partitioner."""
        if self._producer is None:
            self._producer = Producer(
                {
                    **self.topology.kafka,
                    "enable.idempotence": True,
                    "partitioner": PARTITIONER,
                    "message.max.bytes": 20_000_000,
                },
                logger=quiet,
            )
        return self._producer

    def forget_producer(self) -> None:
        """After a topic was made anew: an idempotent producer counts on with the old one's numbers."""
        self._producer = None

    def encoded(self, transaction: Transaction) -> bytes:
        """A transaction as its topic has it."""
        return self._encode(transaction)

    def sku_of(self, partition: int, name: str = "sku") -> str:
        """A SKU that lives in this partition."""
        return next(
            sku
            for sku in (f"{name}-{number}" for number in range(10_000))
            if partition_of(sku.encode(), self.partitions) == partition
        )

    # -- reading -----------------------------------------------------------------------------------------------------

    def tail(self, schema: str) -> Tail:
        """The records of the agent's topic with that schema; `transaction` is the input."""
        if schema not in self._tails:
            if schema == "transaction":
                self._tails[schema] = Tail(self.topology, self.transactions, lambda message: message)
            elif schema == "dead_letter":
                self._tails[schema] = Tail(self.topology, self.agent.dead_letters.name, self._dead_letter)
            else:
                topic = said_topics(self.topology, self.agent)[schema]
                decode = self._codec.decoder(topic, schema)
                self._tails[schema] = Tail(self.topology, topic, lambda message: decode(message.value()))
        return self._tails[schema]

    def _dead_letter(self, message: Message) -> Buried:
        story = header(message, STORY_HEADER)  # type: ignore[arg-type]
        decode = self._codec.decoder(self.agent.dead_letters.name, "dead_letter")
        told = NO_BURIAL if story is None else decode(story)
        return Buried(told, message.key(), message.value(), dict(message.headers() or ()))

    def buried_at(self, landed: tuple[int, int], seconds: float = 30.0) -> Buried:
        """The dead letter of the record that landed at (partition, offset)."""

        def found(tail: Tail) -> list[Buried]:
            return [each for each in tail.all if (each.story.partition, each.story.offset) == landed]

        tail = self.tail("dead_letter").until(lambda tail: bool(found(tail)), seconds, f"no dead letter of {landed}")
        (letter,) = found(tail)
        return letter

    def answer_to(self, transaction_id: str, seconds: float = 30.0) -> Answer:
        """The answer to a transaction, as soon as it is committed."""

        def found(tail: Tail) -> list[Answer]:
            return [answer for answer in tail.all if answer.transaction_id == transaction_id]

        tail = self.tail("answer").until(lambda tail: bool(found(tail)), seconds, f"no answer to {transaction_id}")
        return found(tail)[0]

    def settle(self, seconds: float = 60.0) -> None:
        """Return when everything published so far is answered, and answers, journal and levels are read up to there."""
        ids = []
        for partition in range(self.partitions):
            sentinel = receipt(self.sku_of(partition, "sentinel"), 1)
            ids.append(sentinel.transaction_id)
            self.offer(sentinel)
        self.flush()
        for schema in ("answer", "journal"):
            tail = self.tail(schema)
            try:
                tail.until(lambda tail: set(ids) <= {said.transaction_id for said in tail.all}, seconds, "not settled")
            except AssertionError as failed:
                heard = {said.transaction_id for said in tail.all}
                silent = [partition for partition, each in enumerate(ids) if each not in heard]
                raise AssertionError(f"partitions {silent}: {self._ends(tail.topic)}; {failed}") from failed
        causes = {
            said.event_id.rpartition("-")[0] for said in self.tail("answer").all if said.transaction_id in set(ids)
        }
        self.tail("level").until(
            lambda tail: causes <= {level.event_id.rpartition("-")[0] for level in tail.all}, seconds, "levels"
        )

    def _ends(self, topic: str) -> str:
        """How far a topic and the input are committed, and how far they are written."""
        cluster = Cluster(self.topology.kafka, connect_seconds=60)
        found = cluster.topics([topic, self.transactions]).values()
        committed, written = cluster.offsets(found), cluster.offsets(found, undecided=True)
        spans = {
            name: [(a.next, b.next) for a, b in zip(committed[name], written[name], strict=True)] for name in committed
        }
        return f"(committed, written) by partition: {spans}"

    def levels(self) -> dict[tuple[str, str], Any]:
        """The last level of each SKU and location, as far as it was read."""
        return {(level.sku, level.location): level for level in self.tail("level").all}

    # -- judging -----------------------------------------------------------------------------------------------------

    def expected(self) -> dict[int, Expected]:
        """The fold of the committed input, partition by partition: what must have been said, to the last field.

        Goes on from where it was the last time: the same objects are returned again, with what has come since.
        """
        tail = self.tail("transaction").to_the_end(self.topology)
        for partition in range(self.partitions):
            expected = self._expected.setdefault(partition, Expected())
            self._fold(partition, expected, tail.said[partition][expected.folded :])
        return dict(self._expected)

    def begin_anew(self) -> None:
        """The input topic was made anew: read it from its start, and fold it upon what there is."""
        self.forget_producer()
        self._tails.pop("transaction").close()
        for expected in self._expected.values():
            expected.folded = expected.position = 0

    def _fold(self, partition: int, expected: Expected, messages: list[Message]) -> None:
        for message in messages:
            key, offset = message.key() or b"", message.offset() or 0
            assert isinstance(key, bytes)
            expected.at_ms = max(expected.at_ms, message.timestamp()[1])
            expected.position, expected.folded = offset + 1, expected.folded + 1
            if key and partition_of(key, self.partitions) != partition and not key.startswith(BROADCAST_PREFIXES):
                expected.forwarded.append(offset)
                continue
            if len(message.value() or b"") > LARGEST_TRANSACTION_BYTES:
                expected.buried.append(offset)
                continue
            try:
                transaction = self._decode(message.value(), message.headers())
                check_key(key, transaction)
            except Malformed:
                expected.buried.append(offset)
                continue
            expected.transactions.append(transaction)
            first = header(message, FIRST_RECORD_TIME_HEADER)  # type: ignore[arg-type]
            arrival = Arrival(
                transaction,
                f"{self.transactions}-{partition}-{offset}",
                offset,
                expected.at_ms,
                digest(transaction),
                False,
                None if first is None else int(first),
                tuple(name for name in self.agent.says if self.topology.all_topics[name].schema in SCHEMAS_OF_EDGES)[
                    1:
                ],
                partition,
            )
            decision = decide(expected.rows, arrival, self.topology.answers_keep_ms)
            expected.rows.apply(decision.changes)
            expected.answers += decision.answers
            expected.journal += decision.journal
            expected.levels.update(((level.sku, level.location, level.revision), level) for level in decision.levels)
            expected.alerts += decision.alerts
            expected.edges += decision.edges
            if decision.availability is not None:
                expected.availability[transaction.sku] = decision.availability
            if decision.dead_letter is not None:
                expected.buried.append(offset)

    def _expected_by_now(self, seconds: float = 45.0) -> dict[int, Expected]:
        """The oracle's fold, when as much was said as it has: wake-ups of what is due may still be on their way."""
        deadline = time.monotonic() + seconds
        while True:
            expected = self.expected()
            said = {schema: self.tail(schema).to_the_end(self.topology).said for schema in ("answer", "journal")}
            self.tail("level").to_the_end(self.topology)
            if time.monotonic() > deadline or all(
                (len(said["answer"][partition]), len(said["journal"][partition]))
                == (len(want.answers), len(want.journal))
                for partition, want in expected.items()
            ):
                return expected

    def _expected_and_kept(self, seconds: float = 60.0) -> tuple[dict[int, Expected], dict[str, dict[Any, Any]]]:
        """The oracle's fold, and the rows of the same moment: holds end by themselves meanwhile, and rows change with them."""
        deadline = time.monotonic() + seconds
        while True:
            expected = self._expected_by_now()
            folded = {partition: want.folded for partition, want in expected.items()}
            kept = self.kept()
            if folded == {partition: want.folded for partition, want in self.expected().items()}:
                return expected, kept
            assert time.monotonic() < deadline, "the input does not come to rest"

    def judge(self) -> dict[int, Expected]:
        """Everything was answered exactly once, in order, as the oracle says; the state is the oracle's. Call `settle`."""
        expected, kept = self._expected_and_kept()
        answers, journal = self.tail("answer"), self.tail("journal")
        for partition, want in expected.items():
            if want.availability:
                self._judge_availability(partition, want)
            _compare(f"answers of partition {partition}", answers.said[partition], want.answers)
            _compare(f"journal of partition {partition}", journal.said[partition], want.journal)
        events = [said.event_id for schema in ("answer", "journal", "level", "alert") for said in self.tail(schema).all]
        doubled = [event for event, count in Counter(events).items() if count > 1]
        assert not doubled, f"{len(doubled)} event ids came more than once: {doubled[:5]}"
        for table in (POSITIONS, CLAIMS):
            wanted = {key: row for want in expected.values() for key, row in want.rows.tables[table].items()}
            differing = [key for key in wanted.keys() | kept[table].keys() if wanted.get(key) != kept[table].get(key)]
            assert not differing, f"{table}: " + "; ".join(
                f"{key}: kept {kept[table].get(key)}, oracle {wanted.get(key)}" for key in sorted(differing)[:5]
            )
        levels: dict[Any, Any] = self.levels()
        for key, position in ((k, r) for want in expected.values() for k, r in want.rows.tables[POSITIONS].items()):
            level = levels.get(key)
            assert level is not None, f"no level of {key}"
            assert (level.revision, level.unpromised, level.reserved) == (
                position.revision,  # type: ignore[union-attr]
                position.unpromised,  # type: ignore[union-attr]
                position.reserved,  # type: ignore[union-attr]
            )
        return expected

    def _judge_availability(self, partition: int, want: Expected) -> None:
        """Every change of state was said once, in order; and the last availability of each SKU is the oracle's."""
        edges = self.tail("edge").to_the_end(self.topology)
        _compare(f"edges of partition {partition}", edges.said[partition], want.edges)
        said = self.tail("availability").to_the_end(self.topology).said[partition]
        last = {availability.sku: availability for availability in said}
        differing = [sku for sku, wanted in want.availability.items() if last.get(sku) != wanted]
        assert not differing, f"availability of {differing[:5]}: {last.get(differing[0])}"

    def kept(self) -> dict[str, dict[Any, Any]]:
        """The rows in the changelog, by table: what a worker would restore."""
        raw = self.changelog()
        by_prefix = tables_by_prefix(LEDGER_TABLES)
        rows: dict[str, dict[Any, Any]] = {table.name: {} for table in LEDGER_TABLES}
        for key, value in raw.items():
            table = by_prefix[key[0]]
            if table.name in (POSITIONS, CLAIMS):
                rows[table.name][table.decode_key(key[1:])] = table.decode_row(value)
        return rows

    def changelog(self) -> dict[bytes, bytes]:
        """The last value of each changelog key, tombstones and positions left out."""
        tail = Tail(self.topology, self.agent.changelog.name, lambda message: (message.key(), message.value()))
        try:
            tail.to_the_end(self.topology)
            rows: dict[bytes, bytes] = {}
            for partition, said in tail.said.items():
                for key, value in said:
                    if key == POSITION_KEY:
                        assert decode_meta(value).input_position >= 0, partition
                    elif value is None:
                        rows.pop(key, None)
                    else:
                        rows[key] = value
            return rows
        finally:
            tail.close()

    # -- leaving -----------------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self.create()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End all processes, delete the topics. Prints the ends of the logs: pytest shows them where a test failed."""
        for worker in self._workers:
            print(worker.tail())  # noqa: T201
            if worker.running:
                worker.signal(signal.SIGCONT)
                worker.kill()
        for tail in self._tails.values():
            tail.close()
        self._producer = None
        admin = AdminClient(dict(self.topology.kafka), logger=quiet)
        for future in admin.delete_topics(list(self.topology.all_topics)).values():
            try:
                future.result(20)
            except KafkaException:
                continue  # never created, or deleted by the test


def _compare(what: str, said: list[Any], wanted: list[Any]) -> None:
    """Fails with the first difference."""
    if said == wanted:
        return
    for index, (one, other) in enumerate(zip(said, wanted, strict=False)):
        assert one == other, f"{what}, number {index} of {len(said)}/{len(wanted)}:\n  said   {one}\n  oracle {other}"
    raise AssertionError(f"{what}: {len(said)} were said, the oracle has {len(wanted)}; {said[len(wanted) :][:2]}")


def _as_variables(settings: Mapping[str, str]) -> dict[str, str]:
    return {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in settings.items()}

"""The audit on real brokers and a real RocksDB: what is right is found right, and one wrong byte anywhere is found."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
from confluent_kafka import KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from agents.inventory.transactions import ChannelReference, Kind, PolicySettings, Watcher
from agents.runtime.fold import InputRecord, Produced
from agents.runtime.owner import Prepared
from agents.runtime.partitioner import PARTITIONER
from agents.runtime.plan import WorkerPlan, said_topics
from agents.runtime.reference import Broadcast, reference_key, reference_transaction, write_broadcasts
from agents.runtime.topics import Cluster
from agents.state.ledger import ANSWERS, MOVEMENTS, POSITIONS
from agents.state.rocks import RocksOptions, RocksStore
from agents.state.store import Change
from agents.stock_keeper import AGENT
from tests.integration.harness import ROOT, Stage, a_transaction, receipt, reserve
from tools.audit.auditor import AuditReport, audit
from tools.audit.findings import Kind as Difference
from tools.audit.findings import Party
from tools.audit.logs import PartitionLog
from tools.brokers.encoding import codec_of
from tools.brokers.scratch import ClusterAddress
from tools.logics import LOGICS

PARTITION = 0
CHUNK = 7
SUMS = (Party.BOOKS, Party.INPUT)
SAID = (
    Party.ANSWERS,
    Party.JOURNAL,
    Party.LEVELS,
    Party.AVAILABILITY,
    Party.EDGES,
    Party.ALERTS,
    Party.DEAD_LETTERS,
    Party.DEMAND,
)
"""What the ledger has said of `trade`."""
Alter = Callable[[Prepared], Prepared]


@pytest.fixture(
    params=[
        pytest.param("broker", marks=pytest.mark.embedded, id="embedded"),
        pytest.param("kafka", marks=pytest.mark.kafka, id="kafka"),
    ]
)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stage]:
    """A topology of its own on each broker in turn; what runs there is an owner in this process."""
    cluster = cast("ClusterAddress", request.getfixturevalue(request.param))
    with Stage(cluster, tmp_path) as made:
        yield made


@pytest.fixture
def quick_stage(broker: ClusterAddress, tmp_path: Path) -> Iterator[Stage]:
    """On the quick broker only, for what does not depend on the broker: one record in place of another."""
    with Stage(broker, tmp_path) as made:
        yield made


def trade(stage: Stage) -> None:
    """A bit of everything, on two SKUs of one partition and one of the other."""
    references = (ChannelReference("web"), PolicySettings(rule="low", low_at=2, low_until=4))
    broadcasts = [
        Broadcast(reference_key(each).encode(), stage.encoded(reference_transaction(each, uuid.uuid4().hex, "test")))
        for each in references
    ]
    write_broadcasts(stage.topology.kafka, stage.topology.app, stage.transactions, stage.partitions, broadcasts)
    watched = next(name for name in reversed(stage.agent.says) if stage.topology.all_topics[name].schema == "edge")
    watcher = Watcher(watched, "summer")
    for number, sku in enumerate((stage.sku_of(PARTITION, "shoe"), stage.sku_of(PARTITION, "hat"), stage.sku_of(1))):
        stage.send(a_transaction(Kind.WATCH, sku, location=None, occurred_at_ms=None, watcher=watcher))
        stage.send(receipt(sku, 20), receipt(sku, 5, location="VENLO"))
        for holder in range(6):
            stage.send(reserve(sku, 3, f"order-{number}-{holder}"))
        sale = a_transaction(Kind.SALE, sku, f"sale-{number}", quantity=9)
        stage.send(sale, sale, a_transaction(Kind.RELEASE, sku, holder=f"order-{number}-0"))
        stage.send(a_transaction(Kind.COUNT, sku, quantity=8), receipt(sku, 1, f"sale-{number}"))
        stage.send_raw(sku.encode(), b"\xc3\x01no avro")
        stage.send_raw(sku.encode(), stage.encoded(receipt(sku, 2)), partition=0)


def as_it_is(prepared: Prepared) -> Prepared:
    return prepared


def work(stage: Stage, alter: Alter = as_it_is) -> None:
    """Be the worker of both partitions up to the end of the input: decide in chunks, commit what `alter` makes of each."""
    topology, codec = stage.topology, codec_of(stage.topology)
    plan = WorkerPlan(topology, stage.agent, LOGICS[AGENT](topology, codec), codec, "1")
    for _ in range(2):  # what was forwarded from one partition to the other is decided the second time
        for partition in range(stage.partitions):
            owner = plan.open_owner(partition, lambda: False)
            messages = list(messages_of(stage, stage.transactions, partition, owner.input_position))
            for first in range(0, len(messages), CHUNK):
                prepared = owner.decide(cast("list[InputRecord]", messages[first : first + CHUNK]))
                assert prepared is not None
                assert owner.commit(alter(prepared)) is None
            owner.close()


def messages_of(stage: Stage, topic: str, partition: int, start: int = 0) -> Iterator[Any]:
    cluster = Cluster(stage.topology.kafka)
    span = cluster.offsets(cluster.topics([topic]).values())[topic][partition]
    with PartitionLog(stage.topology.kafka, topic, partition, start) as log:
        yield from log.up_to(span.next)


def audited(stage: Stage, **options: Any) -> AuditReport:
    topology, codec = stage.topology, codec_of(stage.topology)
    options = {"state_directory": topology.state.directory, **options}
    return audit(topology, stage.agent, LOGICS[AGENT](topology, codec), codec, **options)


def counts(report: AuditReport) -> dict[tuple[Party, Difference], int]:
    return {sort: count for each in report.partitions for sort, count in each.findings.counts.items()}


def flipped(value: bytes | None, at: int = -1) -> bytes:
    """One bit of one byte."""
    assert value is not None
    changed = bytearray(value)
    changed[at] ^= 1
    return bytes(changed)


def once(matches: Callable[[Any], bool], change: Callable[[Any], list[Any]]) -> Callable[[list[Any]], list[Any]]:
    """Change the first that matches, in all chunks together."""
    done: list[Any] = []

    def changed(items: list[Any]) -> list[Any]:
        result: list[Any] = []
        for item in items:
            if not done and matches(item):
                done.append(item)
                result += change(item)
            else:
                result.append(item)
        return result

    return changed


def altering_outbox(stage: Stage, schema: str, change: Callable[[Produced], list[Produced]]) -> Alter:
    topic = said_topics(stage.topology, stage.agent).get(schema, stage.agent.dead_letters.name)
    changed = once(lambda produced: produced[0] == topic, change)
    return lambda prepared: prepared._replace(outbox=changed(prepared.outbox))


def altering_rows(matches: Callable[[Change], bool], change: Callable[[Change], list[Change]]) -> Alter:
    changed = once(matches, change)
    return lambda prepared: prepared._replace(rows=changed(list(prepared.rows)))


def test_what_is_right_is_found_right(stage: Stage) -> None:
    trade(stage)
    work(stage)
    report = audited(stage)
    assert report.differences == 0, report.sentence()
    assert not report.cannot
    first = report.partitions[PARTITION]
    assert first.records > 20
    assert first.rows > 10
    assert all(first.found[party] for party in SAID), first.found
    (state,) = first.states
    assert state.rows == first.rows
    assert state.input_position == first.input_position


@pytest.mark.embedded
@pytest.mark.parametrize("schema", ["answer", "journal", "level", "availability", "edge", "alert", "dead_letter"])
def test_one_wrong_byte_in_what_was_said_is_found(quick_stage: Stage, schema: str) -> None:
    trade(quick_stage)
    work(quick_stage, altering_outbox(quick_stage, schema, lambda said: [(*said[:2], flipped(said[2]), *said[3:])]))
    report = audited(quick_stage)
    assert report.differences, schema
    assert report.first is not None
    assert report.first.party not in {Party.STATE, Party.CHANGELOG, *SUMS}


@pytest.mark.embedded
@pytest.mark.parametrize("schema", ["answer", "journal", "edge", "alert", "dead_letter"])
def test_an_event_that_is_missing_is_found(quick_stage: Stage, schema: str) -> None:
    trade(quick_stage)
    work(quick_stage, altering_outbox(quick_stage, schema, lambda said: []))
    found = counts(audited(quick_stage))
    assert [kind for _, kind in found if kind is Difference.MISSING], found


@pytest.mark.embedded
@pytest.mark.parametrize("schema", ["answer", "journal", "level", "availability", "edge", "alert", "dead_letter"])
def test_an_event_that_comes_twice_is_found(quick_stage: Stage, schema: str) -> None:
    trade(quick_stage)
    work(quick_stage, altering_outbox(quick_stage, schema, lambda said: [said, said]))
    found = counts(audited(quick_stage))
    assert list(found.values()) == [1], found
    assert [kind for _, kind in found] == [Difference.DOUBLED]


def test_a_row_whose_last_level_is_missing_is_found(stage: Stage) -> None:
    trade(stage)
    hat = stage.sku_of(PARTITION, "hat")
    topic = said_topics(stage.topology, stage.agent)["level"]

    def without_hats(prepared: Prepared) -> Prepared:
        outbox = [said for said in prepared.outbox if said[0] != topic or said[1] != f"{hat}@LEEDS".encode()]
        return prepared._replace(outbox=outbox)

    work(stage, without_hats)
    report = audited(stage)
    assert counts(report) == {(Party.LEVELS, Difference.MISSING): 1}
    assert report.first is not None
    assert f"{hat}@LEEDS" in report.first.sentence


ROW_DAMAGE: dict[str, tuple[Callable[[Change], bool], Callable[[Change], list[Change]], Difference]] = {
    # Only rows that nothing changes later: else the next row of the key puts it right.
    "flipped": (
        lambda row: row[0] is ANSWERS and row[2] is not None,
        lambda row: [(row[0], row[1], flipped(row[2]))],
        Difference.DIFFERS,
    ),
    "missing": (lambda row: row[0] is ANSWERS, lambda row: [], Difference.MISSING),
    "surplus": (
        lambda row: row[0] is MOVEMENTS,
        lambda row: [row, (row[0], MOVEMENTS.encode_key(("ghost", "LEEDS", 1 << 40)), row[2])],
        Difference.SURPLUS,
    ),
}


@pytest.mark.embedded
@pytest.mark.parametrize("damage", list(ROW_DAMAGE))
def test_one_wrong_row_in_the_changelog_is_found(quick_stage: Stage, damage: str) -> None:
    matches, change, kind = ROW_DAMAGE[damage]
    trade(quick_stage)
    work(quick_stage, altering_rows(matches, change))
    report = audited(quick_stage)
    found = counts(report)
    assert found.pop((Party.CHANGELOG, kind)) == 1, report.sentence()
    # The local state has what the owner decided, so it is the one that differs from the changelog.
    assert [party for party, _ in found] == [Party.STATE]


def test_one_wrong_byte_of_a_row_in_the_local_state_is_found_and_told(stage: Stage) -> None:
    trade(stage)
    work(stage)
    path = store_of(stage)
    before = {file.name: file.read_bytes() for file in path.iterdir()}
    hat = stage.sku_of(PARTITION, "hat")
    key = POSITIONS.encode_key((hat, "LEEDS"))
    store = RocksStore(path, RocksOptions())
    row = store.get(POSITIONS, key)
    assert row is not None
    store.write([(POSITIONS, key, flipped(row, 2))], None)
    store.close()
    report = audited(stage)
    assert counts(report) == {(Party.STATE, Difference.DIFFERS): 1}
    assert report.first is not None
    assert hat in report.first.sentence
    assert "local state is wrong" in report.first.sentence
    assert "delete the directory" in report.first.what_to_do
    assert before != {file.name: file.read_bytes() for file in path.iterdir()}  # by this test, and by nobody else


def test_one_wrong_byte_of_a_table_file_is_found(stage: Stage) -> None:
    trade(stage)
    work(stage)
    path = store_of(stage)
    store = RocksStore(path, RocksOptions())
    store.flush()
    store.close()
    tables = sorted(path.glob("*.sst"), key=lambda file: file.stat().st_size)
    damaged = bytearray(tables[-1].read_bytes())
    damaged[40] ^= 1
    tables[-1].write_bytes(damaged)
    report = audited(stage)
    assert counts(report) == {(Party.STATE, Difference.UNREADABLE): 1}, report.sentence()


def test_a_store_that_lies_behind_is_compared_at_its_own_checkpoint(stage: Stage) -> None:
    trade(stage)
    work(stage)
    path = store_of(stage)
    kept = path.parent.parent.parent / "earlier" / AGENT / str(PARTITION)
    shutil.copytree(path, kept)
    trade(stage)
    work(stage)
    report = audited(stage)
    assert report.differences == 0, report.sentence()
    earlier, present = sorted(report.partitions[PARTITION].states, key=lambda state: state.checkpoint)
    assert earlier.instance == "earlier"
    assert 0 < earlier.rows < present.rows


def store_of(stage: Stage) -> Path:
    return Path(stage.topology.state.directory / "1" / AGENT / str(PARTITION))


def test_an_audit_touches_nothing_in_the_state_directory(stage: Stage) -> None:
    trade(stage)
    work(stage)
    directory = stage.topology.state.directory

    def listing() -> dict[str, tuple[int, int]]:
        return {str(file): (file.stat().st_mtime_ns, file.stat().st_size) for file in sorted(directory.rglob("*"))}

    before = listing()
    assert audited(stage).differences == 0
    assert listing() == before


def test_without_the_beginning_of_the_input_it_says_that_it_cannot_and_compares_the_rows(stage: Stage) -> None:
    trade(stage)
    work(stage)
    if not delete_first(stage, stage.transactions):
        pytest.skip("this broker does not delete records")
    report = audited(stage)
    assert [each.partition for each in report.cannot] == [PARTITION]
    assert report.cannot[0].cannot is not None
    assert "--rows-only" in report.cannot[0].cannot.what_to_do
    rows = audited(stage, rows_only=True)
    assert rows.differences == 0, rows.sentence()
    assert rows.partitions[PARTITION].found["levels"] == 4


def test_rows_only_finds_a_level_that_is_not_its_rows(stage: Stage) -> None:
    trade(stage)
    work(stage, altering_rows(lambda row: row[0] is POSITIONS, lambda row: []))
    hat = stage.sku_of(PARTITION, "hat")
    topic = said_topics(stage.topology, stage.agent)["level"]
    last = [message for message in messages_of(stage, topic, PARTITION) if message.key() == f"{hat}@LEEDS".encode()][-1]
    produce(stage, topic, PARTITION, last.key(), flipped(last.value(), -3))
    report = audited(stage, rows_only=True)
    assert counts(report), report.sentence()
    assert {party for party, _ in counts(report)} <= {Party.LEVELS, Party.STATE}


def test_a_changelog_that_lost_its_end_is_found(stage: Stage) -> None:
    trade(stage)
    work(stage, lambda prepared: prepared)
    _empty(stage, stage.agent.changelog.name)
    report = audited(stage, state_directory=None)
    assert (Party.CHANGELOG, Difference.BEHIND) in counts(report), report.sentence()


def _empty(stage: Stage, topic: str) -> None:
    """Make a topic anew."""
    admin = AdminClient(dict(stage.topology.kafka))
    admin.delete_topics([topic])[topic].result(20)
    cluster = Cluster(stage.topology.kafka)
    deadline = time.monotonic() + 20
    while topic in cluster.topics([topic]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    cluster.create([stage.topology.all_topics[topic]])


def delete_first(stage: Stage, topic: str) -> bool:
    """Delete the first records of the partition, as retention does. False where the broker cannot."""
    admin = AdminClient(dict(stage.topology.kafka))
    at = TopicPartition(topic, PARTITION, 3)
    try:
        return bool(admin.delete_records([at])[at].result(20).low_watermark == 3)
    except KafkaException:
        return False


def produce(stage: Stage, topic: str, partition: int, key: bytes | None, value: bytes | None) -> None:
    producer = Producer({**stage.topology.kafka, "enable.idempotence": True, "partitioner": PARTITIONER})
    producer.produce(topic, value, key, partition)
    assert producer.flush(20) == 0


def test_it_runs_beside_a_worker_that_works(stage: Stage) -> None:
    sku = stage.sku_of(PARTITION, "busy")
    stage.send(receipt(sku, 10_000))
    with_worker = stage.worker().start().until_ready(partitions=stage.partitions)
    for round_ in range(3):
        for number in range(300):
            stage.offer(reserve(sku, 1, f"order-{round_}-{number}"))
        report = audited(stage)  # in the middle of it
        assert report.differences == 0, report.sentence()
        assert not report.cannot
    stage.settle()
    report = audited(stage)
    assert report.differences == 0, report.sentence()
    assert report.records > 900
    assert with_worker.running
    (state,) = report.partitions[PARTITION].states
    assert state.rows
    assert with_worker.terminate()[0] == 0


def test_the_command_tells_the_first_difference_and_ends_with_1(stage: Stage) -> None:
    trade(stage)
    work(stage, altering_outbox(stage, "answer", lambda said: []))
    command = [sys.executable, "-m", "tools", "audit", *stage.options]
    ended = subprocess.run(command, cwd=ROOT, env=stage.environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stderr
    assert "answers missing: 1" in ended.stdout
    assert "is missing: the answers topic is wrong" in ended.stdout
    assert "expected  Answer(event_id=" in ended.stdout
    told = subprocess.run(
        [*command, "--json", "--no-state", "--partition", "1"],
        cwd=ROOT,
        env=stage.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout
    value = orjson.loads(told.stdout)
    assert value["differences"] == 0
    assert [each["partition"] for each in value["partitions"]] == [1]
    assert value["partitions"][0]["states"] == []
    assert value["records_per_s"] > 0

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Producer

from agents.inventory.transactions import Kind, Transaction
from agents.runtime.partitioner import PARTITIONER
from agents.runtime.topics import Cluster
from agents.runtime.topology import Topology, load
from tools.brokers.encoding import transaction_encoder
from tools.cli import cli

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def topology(topology_file: Path) -> Topology:
    loaded = load(topology_file, {})
    Cluster(loaded.kafka).create(list(loaded.all_topics.values()))
    return loaded


def tail(file: Path, topic: str, *options: str) -> Result:
    return CliRunner().invoke(cli, ["tail", topic, "--topology", str(file), *options])


def records(file: Path, topic: str, *options: str) -> list[dict[str, Any]]:
    result = tail(file, topic, "--json", *options)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def transactions_topic(topology: Topology) -> str:
    return topology.agents["stock_keeper"].folds


def producer_of(topology: Topology, transactional_id: str | None = None) -> Producer:
    settings: dict[str, Any] = {**topology.kafka, "partitioner": PARTITIONER}
    if transactional_id:
        settings["transactional.id"] = f"{topology.app}.{transactional_id}"
    return Producer(settings)


def receipt(sku: str, quantity: int) -> Transaction:
    return Transaction(
        transaction_id=f"{sku}-{quantity}",
        source="wms",
        kind=Kind.RECEIPT,
        sku=sku,
        location="LEEDS",
        quantity=quantity,
        occurred_at_ms=1_700_000_000_000,
    )


def publish(topology: Topology, transactions: Sequence[Transaction], **more: Any) -> None:
    topic = transactions_topic(topology)
    encode = transaction_encoder(topology, topic)
    producer = producer_of(topology)
    for each in transactions:
        producer.produce(topic, encode(each), each.sku.encode(), **more)
    assert producer.flush(20) == 0


def test_records_are_decoded_with_key_headers_and_place(topology_file: Path, topology: Topology) -> None:
    publish(topology, [receipt("SHOE", 7)], headers=[("traceparent", b"00-abc"), ("binary", b"\x00\xff")])
    (record,) = records(topology_file, transactions_topic(topology))
    assert record["key"] == "SHOE"
    assert record["value"]["quantity"] == 7
    assert record["value"]["kind"] == "RECEIPT"
    assert record["headers"] == [{"name": "traceparent", "value": "00-abc"}, {"name": "binary", "value": "0x00ff"}]
    assert record["offset"] == 0
    line = tail(topology_file, transactions_topic(topology)).stdout
    assert "SHOE" in line
    assert '"quantity":7' in line
    assert "traceparent=00-abc" in line
    assert "null" not in line


def test_bytes_that_nobody_can_decode_are_shown_in_hexadecimal_with_the_reason(
    topology_file: Path, topology: Topology
) -> None:
    topic = transactions_topic(topology)
    producer = producer_of(topology)
    producer.produce(topic, b"\xfe\xed", b"SHOE")
    producer.flush(20)
    (record,) = records(topology_file, topic)
    assert record["bytes"] == "feed"
    assert record["value"] is None
    assert record["problem"]
    assert "0xfeed" in tail(topology_file, topic).stdout


def test_a_tombstone_is_shown_as_deleted(topology_file: Path, topology: Topology) -> None:
    topic = next(name for name, declared in topology.topics.items() if declared.schema == "level")
    producer = producer_of(topology)
    producer.produce(topic, None, b"SHOE@LEEDS")
    producer.flush(20)
    assert "SHOE@LEEDS  (deleted)" in tail(topology_file, topic).stdout


def test_only_the_key_and_the_fields_asked_for_are_shown(topology_file: Path, topology: Topology) -> None:
    publish(topology, [receipt("SHOE", 1), receipt("SHOE", 2), receipt("BOOT", 2)])
    topic = transactions_topic(topology)
    assert {r["value"]["quantity"] for r in records(topology_file, topic, "--key", "SHOE")} == {1, 2}
    assert {r["key"] for r in records(topology_file, topic, "--where", "quantity=2")} == {"SHOE", "BOOT"}
    (both,) = records(topology_file, topic, "--where", "quantity=2", "--where", "sku=BOOT")
    assert both["key"] == "BOOT"
    assert records(topology_file, topic, "--where", "no.such.field=2") == []


def test_by_default_the_last_ten_and_with_an_offset_what_it_says(topology_file: Path, topology: Topology) -> None:
    publish(topology, [receipt("SHOE", number) for number in range(1, 31)])
    topic = transactions_topic(topology)

    def quantities(*options: str) -> list[int]:
        return [record["value"]["quantity"] for record in records(topology_file, topic, *options)]

    assert quantities() == list(range(21, 31))
    assert quantities("--offset", "-3") == [28, 29, 30]
    assert quantities("--offset", "27") == [28, 29, 30]
    assert quantities("--offset", "0", "--limit", "2") == [1, 2]
    assert len(quantities("--key", "SHOE")) == 30


def test_since_counts_from_the_time_of_the_record(topology_file: Path, topology: Topology) -> None:
    publish(topology, [receipt("SHOE", 1)])
    topic = transactions_topic(topology)
    assert len(records(topology_file, topic, "--since", "1h")) == 1
    assert len(records(topology_file, topic, "--since", "2020-01-01T00:00Z")) == 1
    assert records(topology_file, topic, "--since", "2999-01-01T00:00Z") == []


def test_what_a_transaction_aborted_is_never_shown(topology_file: Path, topology: Topology) -> None:
    topic = transactions_topic(topology)
    encode = transaction_encoder(topology, topic)
    producer = producer_of(topology, "writer")
    producer.init_transactions(20)
    producer.begin_transaction()
    producer.produce(topic, encode(receipt("SHOE", 1)), b"SHOE")
    producer.flush(20)
    producer.abort_transaction(20)
    producer.begin_transaction()
    producer.produce(topic, encode(receipt("SHOE", 2)), b"SHOE")
    producer.commit_transaction(20)
    assert [record["value"]["quantity"] for record in records(topology_file, topic)] == [2]


def test_rows_of_a_changelog_are_unpacked(topology_file: Path, topology: Topology) -> None:
    import msgspec

    topic = topology.agents["stock_keeper"].changelog.name
    producer = producer_of(topology)
    producer.produce(topic, b"\x01" + msgspec.msgpack.encode([3, None, "x"]), b"pSHOE\x00LEEDS\x00")
    producer.flush(20)
    (record,) = records(topology_file, topic)
    assert record["value"] == {"version": 1, "row": [3, None, "x"]}
    assert record["key"].startswith("0x70")


def test_following_shows_what_comes_later_and_ends_in_order_on_ctrl_c(topology_file: Path, topology: Topology) -> None:
    topic = transactions_topic(topology)
    publish(topology, [receipt("SHOE", 1)])
    command = [
        sys.executable,
        "-c",
        "from tools.cli import main; main()",
        "tail",
        topic,
        "--topology",
        str(topology_file),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [*command, "--follow", "--json"], env=environment, stdout=subprocess.PIPE, text=True
    ) as follower:
        assert follower.stdout is not None
        try:
            assert json.loads(follower.stdout.readline())["value"]["quantity"] == 1
            publish(topology, [receipt("SHOE", 2)])
            assert json.loads(follower.stdout.readline())["value"]["quantity"] == 2
            follower.send_signal(signal.SIGINT)
            assert follower.wait(20) == 0
        finally:
            follower.kill()


def test_a_topic_that_is_not_there_ends_with_3(topology_file: Path) -> None:
    failed = tail(topology_file, "no.such.topic", "--json")
    assert failed.exit_code == 3
    assert "There is no topic no.such.topic" in json.loads(failed.stderr)["error"]


@pytest.mark.parametrize("options", [("--since", "soon"), ("--where", "status"), ("--since", "1h", "--offset", "3")])
def test_options_that_make_no_sense_end_with_2(topology_file: Path, options: tuple[str, ...]) -> None:
    assert tail(topology_file, "any", *options).exit_code == 2

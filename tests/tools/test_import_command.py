"""`onhand import` as a person calls it, and what arrives at the broker."""

from __future__ import annotations

import hashlib
import json
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

from agents.codec import Codec, SchemaSet
from agents.inventory.transactions import Kind
from agents.runtime.partitioner import partition_of
from agents.runtime.topics import Cluster
from agents.runtime.topology import Topology, load
from tests.integration.harness import Stage
from tests.tools.uci_fold import PROJECT
from tools.brokers.scratch import ClusterAddress
from tools.cli import cli
from tools.commands import import_file
from tools.demo_data.month import BUNDLED
from tools.importing import publishing

NAME = "uci-online-retail"
HEADER = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
ROWS = (
    "1,85123A,HEART,6,2011-01-01 10:00:00,2.5,7,Norway\n"
    "1,POST,POSTAGE,1,2011-01-01 10:00:00,18,7,Norway\n"
    "1,22423,CAKESTAND,six,2011-01-01 10:00:00,2.5,7,Norway\n"
    "C2,85123a,HEART,-2,2011-01-01 11:00:00,2.5,7,Norway\n"
)
BAD_ROW = b"1,22423,CAKESTAND,six,2011-01-01 10:00:00,2.5,7,Norway\n"


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["import", *arguments], prog_name="onhand")


def figures_of(*arguments: str) -> dict[str, Any]:
    result = invoke(*arguments, "--json")
    assert result.exit_code == 0, result.output
    figures: dict[str, Any] = json.loads(result.stdout)
    return figures


@pytest.fixture
def sales(tmp_path: Path) -> Path:
    path = tmp_path / "sales.csv"
    path.write_text(HEADER + ROWS)
    return path


@pytest.fixture
def live(broker: ClusterAddress, tmp_path: Path) -> tuple[Path, Topology]:
    """A topology file with input topics of its own, created on the quick broker."""
    name = f"inventory.transactions.v1-{uuid.uuid4().hex[:8]}"
    path = tmp_path / "topology.yaml"
    path.write_text((PROJECT / "topology.yaml").read_text().replace("inventory.transactions.v1", name))
    topology = load(path, {}).with_bootstrap(broker.bootstrap)
    Cluster(topology.kafka).create([topic for topic in topology.all_topics.values() if topic.name.startswith(name)])
    return path, topology


def everything_in(topology: Topology, topic: str) -> list[Message]:
    """All records of a topic, each partition read to its end, within ten seconds."""
    consumer = Consumer(
        {
            **topology.kafka,
            "group.id": uuid.uuid4().hex,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
    )
    partitions = range(topology.topics[topic].partitions)
    consumer.assign([TopicPartition(topic, partition, 0) for partition in partitions])
    found: list[Message] = []
    ended: set[int | None] = set()
    deadline = time.monotonic() + 10
    while len(ended) < len(partitions):
        assert time.monotonic() < deadline, f"{topic}: only partitions {ended} ended"
        message = consumer.poll(0.2)
        if message is None:
            continue
        error = message.error()
        if error is None:
            found.append(message)
        elif error.code() == KafkaError._PARTITION_EOF:
            ended.add(message.partition())
        else:
            pytest.fail(error.str())
    consumer.close()
    return found


def test_a_dry_run_counts_and_shows_and_needs_no_broker(sales: Path) -> None:
    figures = figures_of(str(sales), "--map", NAME, "--dry-run", "--bootstrap", "127.0.0.1:1")
    assert figures["rows"] == 4
    assert figures["transactions"] == {"RETURN": 1, "SALE": 1}
    assert figures["skipped"] == {"postage and carriage": 1}
    assert figures["dead_letters"] == 1
    assert figures["bad_rows"] == {"3": "Quantity is 'six', which is no number"}
    assert [one["transaction_id"] for one in figures["first"]] == ["1", "4"]
    text = invoke(str(sales), "--map", NAME, "--dry-run").output
    assert "Row 3: Quantity is 'six', which is no number" in text
    assert "2 transactions and 1 dead letters would be sent" in text


def test_limit_and_from_row_choose_a_part_and_keep_the_row_numbers(sales: Path) -> None:
    assert figures_of(str(sales), "--map", NAME, "--dry-run", "--limit", "2")["rows"] == 2
    figures = figures_of(str(sales), "--map", NAME, "--dry-run", "--from-row", "4")
    assert (figures["rows"], figures["first"][0]["transaction_id"]) == (1, "4")


def test_openings_are_those_of_the_whole_file_whatever_part_is_imported() -> None:
    whole = figures_of(str(BUNDLED), "--map", NAME, "--dry-run", "--opening", "--limit", "1", "--show", "3")
    part = figures_of(str(BUNDLED), "--map", NAME, "--dry-run", "--opening", "--from-row", "84000", "--show", "3")
    assert whole["opening_receipts"] == part["opening_receipts"] > 4_000
    assert whole["first"] == part["first"]


@pytest.mark.embedded
def test_what_was_counted_has_arrived_and_bad_rows_are_dead_letters(live: tuple[Path, Topology], sales: Path) -> None:
    path, topology = live
    bootstrap = topology.kafka["bootstrap.servers"]
    figures = figures_of(str(sales), "--map", NAME, "--opening", "--topology", str(path), "--bootstrap", bootstrap)
    assert (figures["opening_receipts"], figures["dead_letters"]) == (1, 1)

    topic = topology.agents["stock_keeper"].folds
    codec = Codec(SchemaSet.load())
    decode = codec.decoder(topic, "transaction")
    messages = everything_in(topology, topic)
    arrived = [decode(message.value(), None) for message in messages]
    # One SKU: one partition, so the order of the file is the order of the log.
    assert [(one.kind, one.transaction_id, one.quantity) for one in arrived] == [
        (Kind.RECEIPT, "opening-85123A-VENLO", 6),
        (Kind.SALE, "1", 6),
        (Kind.RETURN, "4", 2),
    ]
    count = topology.topics[topic].partitions
    assert {message.partition() for message in messages} == {partition_of(b"85123A", count)}
    assert {message.key() for message in messages} == {b"85123A"}

    (buried,) = everything_in(topology, f"{topic}.dlq")
    assert buried.value() == BAD_ROW
    headers = dict(buried.headers() or [])
    sentence = b"Row 3 of sales.csv: Quantity is 'six', which is no number."
    assert headers["__connect.errors.exception.message"] == sentence
    assert (headers["onhand.import.file"], headers["onhand.import.row"]) == (b"sales.csv", b"3")
    told = headers["onhand.dead_letter"]
    assert isinstance(told, bytes)
    story = codec.decoder(topic, "dead_letter")(told, None)
    assert (story.reason.encode(), story.stage, story.offset) == (sentence, "map", 3)
    assert hashlib.sha256(BAD_ROW).hexdigest() in repr(story)


@pytest.mark.embedded
def test_a_topic_in_json_gets_json(live: tuple[Path, Topology], sales: Path) -> None:
    path, topology = live
    path.write_text(
        path.read_text().replace("    schema: transaction\n", "    schema: transaction\n    format: json\n")
    )
    bootstrap = topology.kafka["bootstrap.servers"]
    figures_of(str(sales), "--map", NAME, "--limit", "1", "--topology", str(path), "--bootstrap", bootstrap)
    (message,) = everything_in(topology, topology.agents["stock_keeper"].folds)
    value = message.value() or b""
    decode = Codec(SchemaSet.load()).decoder("any", "transaction", format="json")
    assert (decode(value, None).sku, value[:1]) == ("85123A", b"{")


@pytest.mark.embedded
def test_more_rows_than_the_queue_holds_arrive_each_once(
    live: tuple[Path, Topology], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "SETTINGS", {**publishing.SETTINGS, "queue.buffering.max.messages": 100})
    path, topology = live
    bootstrap = topology.kafka["bootstrap.servers"]
    figures = figures_of(
        str(BUNDLED), "--map", NAME, "--limit", "3000", "--topology", str(path), "--bootstrap", bootstrap
    )
    decode = Codec(SchemaSet.load()).decoder("any", "transaction")
    arrived = [
        decode(message.value(), None).transaction_id
        for message in everything_in(topology, topology.agents["stock_keeper"].folds)
    ]
    assert len(arrived) == len(set(arrived)) == sum(figures["transactions"].values())


@pytest.mark.embedded
def test_much_into_a_broker_for_small_loads_is_warned_of_once(
    live: tuple[Path, Topology], sales: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, topology = live
    where = ("--topology", str(path), "--bootstrap", topology.kafka["bootstrap.servers"])
    assert figures_of(str(sales), "--map", NAME, "--opening", *where)["warnings"] == []
    monkeypatch.setattr(import_file, "MUCH", 1)
    result = invoke(str(sales), "--map", NAME, "--opening", "--json", *where)
    assert result.stderr.count("This broker is for small loads") == 1
    assert "make kafka" in result.stderr.replace("\n", " ")
    assert len(json.loads(result.stdout)["warnings"]) == 1
    assert len(everything_in(topology, topology.agents["stock_keeper"].folds)) == 6


@pytest.mark.kafka
def test_a_broker_with_topic_ids_may_be_sent_as_much_as_there_is(
    kafka: ClusterAddress, tmp_path: Path, sales: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_file, "MUCH", 1)
    with Stage(kafka, tmp_path) as stage:
        result = CliRunner().invoke(
            cli, ["import", str(sales), "--map", NAME, "--json", *stage.options], env=stage.environment
        )
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["warnings"] == []


@pytest.mark.embedded
def test_a_missing_topic_is_told_before_anything_is_sent(live: tuple[Path, Topology], sales: Path) -> None:
    path, topology = live
    path.write_text(path.read_text().replace("inventory.transactions.v1-", "inventory.transactions.v1-not-"))
    bootstrap = topology.kafka["bootstrap.servers"]
    result = invoke(str(sales), "--map", NAME, "--topology", str(path), "--bootstrap", bootstrap)
    assert result.exit_code == 3
    assert "-not-" in result.stderr
    assert "onhand topics create" in result.stderr


def test_a_failed_delivery_names_the_row_to_resume_at(sales: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No broker listens there, and the check before the start is left out: so the deliveries fail one second later."""
    monkeypatch.setattr(publishing, "SETTINGS", {**publishing.SETTINGS, "delivery.timeout.ms": 1_000, "linger.ms": 0})
    monkeypatch.setattr(publishing.Publisher, "check_topics", lambda _: None)
    result = invoke(str(sales), "--map", NAME, "--bootstrap", "127.0.0.1:1", "--json")
    assert result.exit_code == 3
    said = json.loads(result.stderr)
    assert said["error"].startswith("The broker did not take row 1: ")
    assert said["what_to_do"] == "Run it again with --from-row 1."


@pytest.mark.parametrize(
    ("arguments", "exit_code", "words"),
    [
        (["nothing.csv", "--map", NAME, "--dry-run"], 3, "nothing.csv cannot be read: no such file or directory"),
        (["nothing.csv", "--map", "uci", "--dry-run"], 2, f"there are {NAME}"),
        (["-", "--map", NAME, "--opening", "--dry-run"], 2, "reads the file twice"),
        (["nothing.csv"], 2, "Missing option '--map'"),
    ],
)
def test_what_cannot_be_is_one_sentence_and_an_exit_code(arguments: list[str], exit_code: int, words: str) -> None:
    result = invoke(*arguments)
    assert (result.exit_code, words in result.stderr) == (exit_code, True), result.stderr


def test_a_file_without_the_columns_is_told_all_of_them(tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    result = invoke(str(path), "--map", NAME, "--dry-run")
    assert result.exit_code == 2
    assert "mappings.uci-online-retail.time.column: the file has no column InvoiceDate; it has a, b" in result.stderr
    assert "mappings.uci-online-retail.sku: the file has no column StockCode" in result.stderr

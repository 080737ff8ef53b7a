from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from click.testing import CliRunner, Result

from agents.runtime.topology import load
from tools.brokers.local import free_port
from tools.cli import cli


def topics(verb: str, file: Path, *options: str) -> Result:
    return CliRunner().invoke(cli, ["topics", verb, "--topology", str(file), *options])


def as_json(verb: str, file: Path, *options: str) -> Any:
    return json.loads(topics(verb, file, "--json", *options).stdout)


def rewrite(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_create_makes_every_topic_and_writes_the_seeds_and_then_finds_nothing_to_do(topology_file: Path) -> None:
    wanted = list(load(topology_file, {}).all_topics)
    first = as_json("create", topology_file)
    assert first["created"] == wanted
    assert first["seeds"] == ["default"]
    again = topics("create", topology_file)
    assert again.exit_code == 0
    assert "Nothing to do" in again.stdout
    assert topics("diff", topology_file).exit_code == 0


def test_a_dry_run_tells_everything_and_changes_nothing(topology_file: Path) -> None:
    told = as_json("create", topology_file, "--dry-run")
    assert told["dry_run"]
    assert told["created"] == list(load(topology_file, {}).all_topics)
    assert told["seeds"] == ["default"]
    difference = topics("diff", topology_file)
    assert difference.exit_code == 1
    assert "is missing" in difference.stdout


def test_another_partition_count_is_refused_with_the_reason_and_nothing_is_created(topology_file: Path) -> None:
    topics("create", topology_file)
    rewrite(topology_file, "partitions: 2", "partitions: 4")
    rewrite(topology_file, "alerts.v1", "warnings.v1")
    refused = topics("create", topology_file)
    assert refused.exit_code == 1
    assert "has partitions=2, declared is 4" in refused.stdout
    assert "for life" in refused.stdout
    assert "migration" in refused.stdout
    kinds = {each["kind"] for each in as_json("diff", topology_file)["differences"]}
    assert kinds == {"too_few_partitions", "missing"}


def test_settings_change_only_when_asked(topology_file: Path) -> None:
    topics("create", topology_file)
    rewrite(topology_file, "retention: 30d", "retention: 20d")
    left = topics("create", topology_file)
    assert left.exit_code == 0
    assert "declared is 1728000000" in left.stdout
    assert topics("diff", topology_file).exit_code == 1
    aligned = as_json("create", topology_file, "--align")["aligned"]
    assert {each["setting"] for each in aligned} == {"retention.ms"}
    assert topics("diff", topology_file).exit_code == 0


def test_a_difference_that_stops_a_worker_makes_create_end_with_1(topology_file: Path) -> None:
    topics("create", topology_file)
    rewrite(topology_file, "timestamp_type: LogAppendTime", "timestamp_type: CreateTime")
    left = topics("create", topology_file)
    assert left.exit_code == 1
    assert "a worker refuses to run on it" in left.stdout


def test_show_tells_partitions_offsets_settings_and_who_writes_and_reads(topology_file: Path) -> None:
    topics("create", topology_file)
    shown = {topic["topic"]: topic for topic in as_json("show", topology_file)["topics"]}
    transactions = next(topic for name, topic in shown.items() if name.startswith("inventory.transactions"))
    changelog = next(topic for name, topic in shown.items() if "stock_keeper" in name and "changelog" in name)
    assert transactions["partitions"] == 2
    assert [at["next"] > at["first"] for at in transactions["offsets"]] == [True, True]
    assert transactions["config"]["message.timestamp.type"] == "LogAppendTime"
    assert transactions["read_by"] == ["stock_keeper"]
    assert changelog["written_by"] == ["stock_keeper"]
    table = topics("show", topology_file)
    assert table.exit_code == 0
    assert "delete, kept forever, LogAppendTime" in table.stdout


def test_show_marks_what_is_missing(topology_file: Path) -> None:
    shown = topics("show", topology_file)
    assert shown.exit_code == 0
    assert "missing" in shown.stdout
    assert "onhand topics create" in shown.stdout


def test_a_broker_that_is_not_there_ends_with_3_and_one_sentence(topology_file: Path) -> None:
    nobody = f"127.0.0.1:{free_port()}"
    failed = topics("create", topology_file, "--bootstrap", nobody, "--json")
    assert failed.exit_code == 3
    assert nobody in json.loads(failed.stderr)["error"]

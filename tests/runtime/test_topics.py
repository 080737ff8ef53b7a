from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from agents.runtime.topics import Difference, DifferenceKind, FoundTopic, compare
from agents.runtime.topology import Topic

DECLARED = Topic(
    name="stock",
    key="SKU",
    schema="transaction",
    format="avro",
    partitions=8,
    replication=1,
    cleanup_policy="delete",
    retention_ms=-1,
    timestamp_type="LogAppendTime",
    config={"min.insync.replicas": "1"},
)
AS_DECLARED = FoundTopic(
    name="stock",
    partitions=8,
    replication=1,
    config={**DECLARED.kafka_config(), "segment.ms": "604800000"},
    overrides=frozenset(DECLARED.kafka_config()),
)


def differences(found: FoundTopic | None) -> Sequence[Difference]:
    return compare({"stock": DECLARED}, {"stock": found} if found else {})


def test_a_topic_as_declared_differs_in_nothing() -> None:
    assert differences(AS_DECLARED) == ()


def test_a_missing_topic_is_one_difference_that_stops_a_worker() -> None:
    (only,) = differences(None)
    assert only.kind is DifferenceKind.MISSING
    assert only.blocks
    assert only.sentence == "stock is missing"


@pytest.mark.parametrize(
    ("count", "kind"), [(7, DifferenceKind.TOO_FEW_PARTITIONS), (9, DifferenceKind.TOO_MANY_PARTITIONS)]
)
def test_another_partition_count_stops_a_worker_whichever_way_it_differs(count: int, kind: DifferenceKind) -> None:
    (only,) = differences(dataclasses.replace(AS_DECLARED, partitions=count))
    assert only.kind is kind
    assert only.concerns_partitions
    assert only.blocks
    assert only.sentence == f"stock has partitions={count}, declared is 8"


@pytest.mark.parametrize(
    ("setting", "value", "blocks"),
    [
        ("cleanup.policy", "compact", True),
        ("message.timestamp.type", "CreateTime", True),
        ("retention.ms", "604800000", False),
        ("min.insync.replicas", "2", False),
    ],
)
def test_a_wrong_setting_is_told_and_stops_a_worker_only_where_it_could_lose_transactions(
    setting: str, value: str, blocks: bool
) -> None:
    (only,) = differences(dataclasses.replace(AS_DECLARED, config={**AS_DECLARED.config, setting: value}))
    assert (only.kind, only.setting, only.found, only.blocks) == (DifferenceKind.SETTING, setting, value, blocks)
    assert only.wanted == DECLARED.kafka_config()[setting]


def test_a_setting_that_the_cluster_does_not_know_is_told_as_unset() -> None:
    config = {name: value for name, value in AS_DECLARED.config.items() if name != "min.insync.replicas"}
    (only,) = differences(dataclasses.replace(AS_DECLARED, config=config))
    assert only.sentence == "stock has min.insync.replicas=unset, declared is 1"


def test_a_setting_given_by_hand_is_told_but_a_default_is_not() -> None:
    by_hand = AS_DECLARED.overrides | {"segment.ms"}
    (only,) = differences(dataclasses.replace(AS_DECLARED, overrides=by_hand))
    assert only.kind is DifferenceKind.UNDECLARED_SETTING
    assert "segment.ms=604800000" in only.sentence
    assert not only.blocks


def test_other_replication_is_told_but_stops_nobody() -> None:
    (only,) = differences(dataclasses.replace(AS_DECLARED, replication=3))
    assert only.sentence == "stock has replication=3, declared is 1"
    assert not only.blocks


def test_topics_that_nobody_declared_are_ignored() -> None:
    stranger = dataclasses.replace(AS_DECLARED, name="stranger")
    assert compare({"stock": DECLARED}, {"stock": AS_DECLARED, "stranger": stranger}) == ()

"""Nothing is ever lost silently: what is compared when a partition is opened, and what is said of it."""

from __future__ import annotations

import dataclasses

import pytest

from agents.runtime.figures import judge_group_protocol
from agents.runtime.opening import LogFigures, changelog_refusal, input_refusal, must_rebuild, position_refusal

WEEK_MS = 7 * 86_400_000
FITS = LogFigures(
    topic="input",
    partition=3,
    input_start=0,
    input_end=100,
    input_topic_id="A",
    changelog="log",
    changelog_start=0,
    changelog_end=500,
    changelog_cleanup_policy="compact",
    changelog_delete_retention_ms=WEEK_MS,
)


def figures(**changes: object) -> LogFigures:
    return dataclasses.replace(FITS, **changes)  # type: ignore[arg-type]


def test_a_position_within_the_log_is_run() -> None:
    assert input_refusal(0, "", FITS) is None
    assert input_refusal(50, "A", FITS) is None
    assert input_refusal(100, "A", FITS) is None
    assert input_refusal(50, "A", figures(input_start=50)) is None
    assert position_refusal(0, FITS) is None  # a first start: nobody has ever told a position
    assert position_refusal(60, figures(told_position=60)) is None
    assert position_refusal(61, figures(told_position=60)) is None
    assert changelog_refusal(0, FITS) is None
    assert changelog_refusal(500, FITS) is None


@pytest.mark.parametrize(
    ("refusal", "says"),
    [
        (input_refusal(40, "A", figures(input_start=50)), "10 records were deleted before they were read"),
        (input_refusal(101, "A", FITS), "re-created or truncated"),
        (input_refusal(50, "B", FITS), "was re-created: its topic id is A"),
        (changelog_refusal(501, FITS), "1 or more of its records are lost"),
        (changelog_refusal(100, figures(changelog_start=101)), "records of the changelog were deleted"),
        (position_refusal(0, figures(told_position=60)), "decided up to offset 60, as its heartbeats say"),
        (position_refusal(59, figures(told_position=60)), "the changelog was re-created or truncated"),
    ],
)
def test_a_loss_is_refused_with_what_was_lost_and_the_command_that_continues(refusal: str | None, says: str) -> None:
    assert refusal is not None
    assert says in refusal
    assert "onhand worker --accept-loss" in refusal
    assert "[3]" in refusal


@pytest.mark.parametrize("policy", ["delete", "compact,delete", ""])
def test_a_changelog_that_the_broker_deletes_is_refused(policy: str) -> None:
    refusal = changelog_refusal(0, figures(changelog_cleanup_policy=policy))
    assert refusal is not None
    assert "Set it to `compact`" in refusal


def test_a_broker_without_topic_ids_is_not_suspected() -> None:
    assert input_refusal(50, "", FITS) is None
    assert input_refusal(50, "A", figures(input_topic_id="")) is None


def test_a_store_older_than_half_of_the_tombstones_keep_is_rebuilt() -> None:
    now = 10 * WEEK_MS
    assert not must_rebuild(now - WEEK_MS // 2, now, FITS)
    assert must_rebuild(now - WEEK_MS // 2 - 1, now, FITS)


def test_an_empty_store_need_not_be_rebuilt() -> None:
    assert not must_rebuild(0, 10 * WEEK_MS, FITS)


def test_the_group_protocol_is_the_new_one_only_where_the_broker_offers_it() -> None:
    new = {"group.consumer.heartbeat.interval.ms": "2000", "group.coordinator.rebalance.protocols": "classic,consumer"}
    assert judge_group_protocol(new) == ("consumer", 2_000)
    assert judge_group_protocol({**new, "group.coordinator.rebalance.protocols": "classic"}).name == "classic"
    assert judge_group_protocol({"group.coordinator.rebalance.protocols": "consumer"}).name == "classic"
    assert judge_group_protocol({}).name == "classic"

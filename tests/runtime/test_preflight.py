"""Which differences of topics keep a worker from running, and what it says of them."""

from __future__ import annotations

import pytest

from agents.runtime.preflight import CannotRun, judge_differences, needed_topics
from agents.runtime.topics import Difference, DifferenceKind
from agents.runtime.topology import load
from tests.conftest import TOPOLOGY_FILE

MISSING = Difference("input", DifferenceKind.MISSING, "8 partitions", "")
TOO_FEW = Difference("input", DifferenceKind.TOO_FEW_PARTITIONS, "8", "4")
WRONG_POLICY = Difference("log", DifferenceKind.SETTING, "compact", "delete", "cleanup.policy")
HARMLESS = (
    Difference("input", DifferenceKind.SETTING, "-1", "604800000", "retention.ms"),
    Difference("input", DifferenceKind.REPLICATION, "3", "1"),
    Difference("input", DifferenceKind.UNDECLARED_SETTING, "", "5", "segment.ms"),
)


def test_differences_that_endanger_nothing_do_not_keep_a_worker_from_running() -> None:
    judge_differences(HARMLESS)
    judge_differences(())


def test_missing_topics_are_told_with_the_command_that_creates_them() -> None:
    with pytest.raises(CannotRun) as cannot:
        judge_differences([*HARMLESS, MISSING])
    assert cannot.value.sentence == "input is missing."
    assert "onhand topics create" in cannot.value.what_to_do


@pytest.mark.parametrize("difference", [TOO_FEW, WRONG_POLICY])
def test_what_creating_cannot_mend_is_told_with_the_command_that_shows_it(difference: Difference) -> None:
    with pytest.raises(CannotRun, match="declared is") as cannot:
        judge_differences([difference])
    assert "onhand topics diff" in cannot.value.what_to_do


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(CannotRun) as cannot:
        judge_differences([MISSING, TOO_FEW, WRONG_POLICY])
    assert cannot.value.sentence.count(";") == 2
    assert "topics diff" in cannot.value.what_to_do


def test_an_agent_needs_what_it_folds_and_says_and_its_changelog_and_dead_letters() -> None:
    topology = load(TOPOLOGY_FILE, {})
    agent = topology.agents["stock_keeper"]
    needed = needed_topics(topology, agent)
    assert set(needed) == {agent.folds, *agent.says, agent.changelog.name, agent.dead_letters.name}

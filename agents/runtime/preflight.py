"""What must be right before a worker starts; each fault of it is one sentence that says what to do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from agents.runtime.broker_errors import BrokerUnusable
from agents.runtime.topics import Cluster, Difference, compare
from agents.runtime.topology import AgentSettings, Topic, Topology

MOST_NAMED = 3
"""Differences that are told one by one."""


class CannotRun(Exception):
    """The worker cannot be started as things are."""

    def __init__(self, sentence: str, what_to_do: str) -> None:
        super().__init__(f"{sentence} {what_to_do}")
        self.sentence = sentence
        self.what_to_do = what_to_do


def needed_topics(topology: Topology, agent: AgentSettings) -> dict[str, Topic]:
    """The topics that an agent reads or writes."""
    names = (agent.folds, *agent.says, agent.changelog.name, agent.dead_letters.name)
    return {name: topology.all_topics[name] for name in names}


def check_topics(topology: Topology, agent: AgentSettings) -> None:
    """The broker answers and the agent's topics are as declared, as far as safety depends on it. Raises CannotRun."""
    wanted = needed_topics(topology, agent)
    try:
        found = Cluster(topology.kafka).topics(wanted)
    except BrokerUnusable as unusable:
        raise CannotRun(unusable.sentence, unusable.what_to_do) from unusable
    judge_differences(compare(wanted, found))


def judge_differences(differences: Iterable[Difference]) -> None:
    """Raise CannotRun where one of them endangers transactions or state; the others are for `onhand topics diff`."""
    blocking = [difference for difference in differences if difference.blocks]
    if not blocking:
        return
    missing = all(difference.kind == "missing" for difference in blocking)
    raise CannotRun(
        shortly([difference.sentence for difference in blocking]),
        "Create what is missing with `onhand topics create`."
        if missing
        else "`onhand topics diff` shows all differences; the partition count of a topic is for life.",
    )


def shortly(sentences: Sequence[str]) -> str:
    """The first few of them, and how many more there are: an operator must see what to do without scrolling."""
    more = len(sentences) - MOST_NAMED
    rest = f"; and {more} more like it" if more > 0 else ""
    return "; ".join(sentences[:MOST_NAMED]) + rest + "."

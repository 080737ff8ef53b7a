"""What commands about one agent ask first: is it in the topology, is its topic there, and what does the broker have."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from agents.runtime.topics import Cluster
from tools.brokers.keyed_reading import Seen, TopicMissing
from tools.brokers.reporting import broker_or_fail
from tools.context import WRONG_USAGE, Context, fail

T = TypeVar("T")
CREATE = "Create it with `onhand topics create`."


def topic_of(context: Context, agent: str) -> str:
    """The topic that the agent folds. Ends the command where the topology has no such agent."""
    found = context.topology.agents.get(agent)
    if found is None:
        fail(f"This topology has no agent {agent}.", "docs/reference/topology.md describes it.", WRONG_USAGE)
    return found.folds


def refuse_without_topic(context: Context, agent: str) -> None:
    """End the command where the topic that the agent folds is not there: what is written must not make it."""
    topic = topic_of(context, agent)
    if topic not in Cluster(context.topology.kafka).topics([topic]):
        fail(f"There is no topic {topic} on this cluster.", CREATE)


def read_or_fail(context: Context, agent: str, read: Callable[[Seen], T]) -> T:
    """Read with a remark of how far it is. Ends the command where there is no such agent, broker or topic."""
    topic_of(context, agent)
    bootstrap = context.topology.kafka["bootstrap.servers"]
    with broker_or_fail(bootstrap), context.progress_console.status("reading") as status:
        try:
            return read(lambda count: status.update(f"reading: {count:,} records"))
        except TopicMissing as missing:
            fail(f"There is no topic {missing} on this cluster.", CREATE)

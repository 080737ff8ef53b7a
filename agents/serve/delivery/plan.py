"""Which topics the delivery reads and writes, under which names, and what is known of the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from agents.codec import Codec
from agents.inventory.campaigns.words import CAMPAIGN_GUARD
from agents.runtime.figures import CLASSIC_HEARTBEAT_MS, FigureSource
from agents.runtime.plan import CONSUMER_DEFAULTS, HELD_FAST, said_topics
from agents.runtime.preflight import CannotRun, judge_differences
from agents.runtime.topics import Cluster, compare
from agents.runtime.topology import AgentSettings, Topology

NAME = "deliver"
"""Of the consumer group and the transactional ids, after the app's."""
COMMAND_SCHEMA = "campaign_command"
ALERT_SCHEMA = "alert"


@dataclass(frozen=True)
class DeliveryTopics:
    """By what is in them."""

    commands: str
    campaigns: str
    """Where the campaign guard hears answers."""
    alerts: str | None
    dead_letters: str


def delivery_topics(topology: Topology) -> DeliveryTopics | None:
    """As the campaign guard of this topology has them; None where it has none, or one that says no commands."""
    guard = topology.agents.get(CAMPAIGN_GUARD)
    if guard is None:
        return None
    says = said_topics(topology, guard)
    commands = says.get(COMMAND_SCHEMA)
    if commands is None:
        return None
    return DeliveryTopics(commands, guard.folds, says.get(ALERT_SCHEMA), f"{commands}.dlq")


def as_reader(topology: Topology) -> AgentSettings | None:
    """The delivery as one that reads a topic and buries what it cannot carry out: for those who handle dead letters."""
    topics = delivery_topics(topology)
    if topics is None or topics.dead_letters not in topology.all_topics:
        return None
    says = tuple(name for name in (topics.campaigns, topics.alerts) if name is not None)
    letters = topology.all_topics[topics.dead_letters]
    # It keeps no state: where another's changelog would be asked about, its dead letters stand in.
    return AgentSettings(NAME, topics.commands, (), says, changelog=letters, dead_letters=letters)


class DeliveryPlan:
    """Everything one delivering process needs to know. Asks the broker only in `check` and `group_protocol`."""

    def __init__(self, topology: Topology, codec: Codec, instance: str) -> None:
        """Raises CannotRun where the topology has nothing to deliver, or nobody to deliver it to."""
        topics = delivery_topics(topology)
        if topics is None:
            raise CannotRun(
                f"The topology has no agent {CAMPAIGN_GUARD} that says commands, so there is nothing to deliver.",
                f"Add it under `agents`, with a topic of schema {COMMAND_SCHEMA} in `says`.",
            )
        if topics.dead_letters not in topology.all_topics:
            raise CannotRun(
                f"The topology has no topic {topics.dead_letters}, so what cannot be delivered would have no place.",
                "Declare it under `topics`, then create it with `onhand topics create`.",
            )
        if not topology.platforms:
            raise CannotRun(
                "The topology names no platform, so nothing would be sent anywhere.",
                "Add one under `platforms`; docs/operating/delivering.md describes the webhook.",
            )
        self.topology = topology
        self.codec = codec
        self.instance = instance
        self.topics = topics
        self.group = f"{topology.app}.{NAME}"
        self.transactional_id = f"{self.group}.{instance}"
        self.figures = FigureSource(topology.kafka, topics.commands, topics.dead_letters)

    def check(self) -> None:
        """The broker answers, and the topics are as declared. Raises CannotRun, BrokerUnusable."""
        topics = self.topics
        names = [topics.commands, topics.campaigns, topics.dead_letters, *([topics.alerts] if topics.alerts else [])]
        wanted = {name: self.topology.all_topics[name] for name in names}
        judge_differences(compare(wanted, Cluster(self.topology.kafka).topics(wanted)))

    def consumer_settings(self, protocol: str) -> dict[str, Any]:
        """Of the group's consumer; `protocol` is what the broker speaks."""
        classic: dict[str, Any] = {
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": 6_000,
            "heartbeat.interval.ms": CLASSIC_HEARTBEAT_MS,
            "group.instance.id": self.instance,
        }
        return {
            **CONSUMER_DEFAULTS,
            **(classic if protocol == "classic" else {}),
            **self.topology.kafka,
            **self.topology.consumer,
            **HELD_FAST,
            "group.protocol": protocol,
            "group.id": self.group,
            "client.id": f"{self.group}.{self.instance}",
        }

    def group_protocol(self) -> str:
        """What the topology asks for, else what the broker speaks. Blocks on the broker."""
        return self.topology.consumer.get("group.protocol") or self.figures.group_protocol().name

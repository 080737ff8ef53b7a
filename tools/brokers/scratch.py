"""A topology of its own name: other app, other topics, on a cluster that others use too. For tests, demo and bench."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from agents.runtime.topology import AgentSettings, Topic, Topology

DEAD_LETTERS = ".dlq"


@dataclass(frozen=True)
class ClusterAddress:
    """A cluster that somebody else starts and stops."""

    bootstrap: str
    client_settings: Mapping[str, str]
    """What a client needs to connect, under librdkafka's names."""

    @classmethod
    def at(cls, bootstrap: str) -> ClusterAddress:
        """The cluster at `host:port`, without TLS and passwords."""
        return cls(bootstrap, {"bootstrap.servers": bootstrap})


def scratch_topology(
    topology: Topology,
    suffix: str,
    *,
    client_settings: Mapping[str, str],
    state_directory: Path,
    partitions: int | None = None,
    timestamp_type: Literal["CreateTime", "LogAppendTime"] | None = None,
) -> Topology:
    """The same topology with app `<app>_<suffix>` and topics `<name>-<suffix>`, so that it meets no other.

    `partitions` and `timestamp_type`, where given, hold for every declared topic.
    """

    def other(topic: Topic) -> Topic:
        changed = dataclasses.replace(
            topic, name=_other_name(topic.name, suffix), partitions=partitions or topic.partitions
        )
        return dataclasses.replace(changed, timestamp_type=timestamp_type) if timestamp_type else changed

    app = f"{topology.app}_{suffix}"
    topics = [other(topic) for topic in topology.topics.values()]
    agents = {
        name: _other_agent(agent, topology.app, app, suffix, partitions) for name, agent in topology.agents.items()
    }
    return dataclasses.replace(
        topology,
        app=app,
        kafka=MappingProxyType({**topology.kafka, **client_settings}),
        topics=MappingProxyType({topic.name: topic for topic in topics}),
        agents=MappingProxyType(agents),
        state=dataclasses.replace(topology.state, directory=state_directory),
    )


def _other_agent(agent: AgentSettings, app: str, other_app: str, suffix: str, partitions: int | None) -> AgentSettings:
    count = partitions or agent.changelog.partitions
    changelog = f"{other_app}{agent.changelog.name.removeprefix(app)}"
    dead_letters = _other_name(agent.dead_letters.name, suffix)
    return dataclasses.replace(
        agent,
        folds=_other_name(agent.folds, suffix),
        says=tuple(_other_name(name, suffix) for name in agent.says),
        changelog=dataclasses.replace(agent.changelog, name=changelog, partitions=count),
        dead_letters=dataclasses.replace(agent.dead_letters, name=dead_letters, partitions=count),
    )


def _other_name(name: str, suffix: str) -> str:
    """The suffix goes before `.dlq`: dead letters are named after the topic they come from."""
    base = name.removesuffix(DEAD_LETTERS)
    return f"{base}-{suffix}{name.removeprefix(base)}"

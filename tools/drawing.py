"""A topology as a picture: Mermaid for pages, plain lines for a terminal, data for programs."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from agents.runtime.notation import in_words, size_in_words
from agents.runtime.topology import AgentSettings, Topic, Topology
from agents.runtime.topology_platforms import Platform

SECRET_WORDS = ("password", "secret", "token", ".pem", "user.info", "oauthbearer.config")
HIDDEN = "(hidden)"


def mermaid(topology: Topology) -> str:
    """A Mermaid flowchart: topics, the agents between them, their tables; dotted what an agent needs for itself."""
    return "\n".join(["flowchart LR", *(f"    {line}" for line in _mermaid_lines(topology)), ""])


def _mermaid_lines(topology: Topology) -> Iterator[str]:
    for name in topology.all_topics:
        yield f'{_node(name)}[/"{name}"/]'
    for agent in topology.agents.values():
        node = _node(agent.name)
        yield f'{node}(["{agent.name}"])'
        yield f'{node}_tables[("{"<br/>".join(agent.keeps)}")]' if agent.keeps else f"%% {agent.name} keeps nothing"
        yield f"{_node(agent.folds)} ==>|folds| {node}"
        if agent.keeps:
            yield f"{node} <-->|keeps| {node}_tables"
        for topic in agent.says:
            yield f"{node} -->|says| {_node(topic)}"
        yield f"{node} -.->|buries| {_node(agent.dead_letters.name)}"
        yield f"{node} <-.->|restores from| {_node(agent.changelog.name)}"


def text(topology: Topology) -> str:
    """The same in lines for a terminal."""
    return "\n".join(_text_lines(topology))


def _text_lines(topology: Topology) -> Iterator[str]:
    topics = topology.all_topics
    yield f"{topology.app} on {topology.kafka['bootstrap.servers']}"
    for agent in topology.agents.values():
        yield ""
        yield from _agent_lines(agent, topology, topics)
    yield ""
    yield "topics"
    width = max(len(name) for name in topics)
    for topic in topics.values():
        yield f"  {topic.name:<{width}}  {_in_words(topic)}"


def _agent_lines(agent: AgentSettings, topology: Topology, topics: Mapping[str, Topic]) -> Iterator[str]:
    width = max(len(name) for name in [*agent.says, agent.folds, *agent.keeps])
    yield f"{agent.folds}  by {topics[agent.folds].key}"
    yield "  │ folds"
    yield "  ▼"
    yield agent.name
    for table in agent.keeps:
        settings = topology.state.tables[table]
        yield (
            f"  ├─ keeps   {table:<{width}}  {size_in_words(settings.write_buffer_bytes)} write buffer, "
            f"{settings.bloom_bits} bloom bits"
        )
    for topic in agent.says:
        yield f"  ├─ says    {topic:<{width}}  by {topics[topic].key}"
    yield f"  ├─ buries  {agent.dead_letters.name}"
    yield f"  └─ restores from {agent.changelog.name}"


def _in_words(topic: Topic) -> str:
    kept = "compact" if topic.cleanup_policy == "compact" else f"kept {in_words(topic.retention_ms)}"
    value = f"{topic.schema} in {topic.format}" if topic.schema else "bytes"
    return f"{topic.partitions} x {topic.replication}, {kept}, {topic.timestamp_type}, {value}"


def data(topology: Topology) -> Mapping[str, Any]:
    """The topology for programs: durations in milliseconds, sizes in bytes, secrets hidden."""
    return {
        "app": topology.app,
        "kafka": without_secrets(topology.kafka),
        "consumer": without_secrets(topology.consumer),
        "producer": without_secrets(topology.producer),
        "schema_registry": without_secrets(topology.schema_registry),
        "topics": topology.all_topics,
        "agents": {
            agent.name: {
                "folds": agent.folds,
                "keeps": agent.keeps,
                "says": agent.says,
                "changelog": agent.changelog.name,
                "dead_letters": agent.dead_letters.name,
            }
            for agent in topology.agents.values()
        },
        "state": topology.state,
        "answers_keep_ms": topology.answers_keep_ms,
        "backfill_sources": topology.backfill_sources,
        "policies": [msgspec.to_builtins(policy) for policy in topology.policies],
        "locations": [msgspec.to_builtins(location) for location in topology.locations],
        "channels": [msgspec.to_builtins(channel) for channel in topology.channels],
        "platforms": {name: platform_without_secrets(platform) for name, platform in topology.platforms.items()},
        "mappings": topology.mappings,
    }


def platform_without_secrets(platform: Platform) -> Mapping[str, Any]:
    """A platform as it may be shown; of its headers only the names."""
    shown = {field.name: getattr(platform, field.name) for field in dataclasses.fields(platform)}
    return {**shown, "secrets": [HIDDEN] * len(platform.secrets), "headers": dict.fromkeys(platform.headers, HIDDEN)}


def without_secrets(settings: Mapping[str, str]) -> Mapping[str, str]:
    """Client settings as they may be shown."""
    return {name: HIDDEN if any(word in name for word in SECRET_WORDS) else value for name, value in settings.items()}


def _node(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]", "_", name)

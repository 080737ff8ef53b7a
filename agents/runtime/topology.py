"""The topology: every topic, table, agent and setting, read once from `topology.yaml` into frozen dataclasses.

Nothing else in the house reads settings. docs/reference/topology.md describes the file key by key.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, cast

from agents.inventory.campaigns.rows import CampaignPolicy
from agents.inventory.orders.rows import OrderPolicy
from agents.inventory.replenishment.rows import Rebalance, ReplenishmentPolicy
from agents.inventory.scores.rows import ScorePolicy
from agents.inventory.transactions import ChannelReference, LocationReference, PolicySettings
from agents.runtime import (
    notation,
    topology_campaigns,
    topology_orders,
    topology_platforms,
    topology_reference,
    topology_replenishment,
    topology_scores,
    topology_sources,
)
from agents.runtime.environment import EnvironmentMistake, client_settings
from agents.runtime.topology_file import Mistakes, Section, TopologyInvalid, described, did_you_mean, read
from agents.runtime.topology_platforms import Platform
from agents.runtime.topology_sources import Feed

__all__ = [
    "AgentSettings",
    "StateSettings",
    "TableSettings",
    "Topic",
    "Topology",
    "TopologyInvalid",
    "load",
]

BOOTSTRAP = "bootstrap.servers"
DAY_MS = notation.MILLISECONDS["d"]
CHANGELOG_DELETE_RETENTION_MS = 7 * DAY_MS
"""How long a tombstone stays readable. An owner whose checkpoint is older than half of it rebuilds."""
DEAD_LETTER_RETENTION_MS = 90 * DAY_MS
MIB = notation.BYTES["MiB"]

CLEANUP_POLICIES = ("delete", "compact")
FORMATS = ("avro", "json")
TIMESTAMP_TYPES = ("CreateTime", "LogAppendTime")

# Given by fields of a topic of their own: twice said could be twice different.
_OWN_FIELD = {
    "cleanup.policy": "cleanup_policy",
    "message.timestamp.type": "timestamp_type",
    "retention.ms": "retention",
}
_TOPIC_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class Topic:
    """One topic, as it is meant to be."""

    name: str
    key: str
    """What its records are keyed by, in words."""
    schema: str | None
    """Name of the schema of its values; None where they are not ours to describe (dead letters, changelogs)."""
    format: Literal["avro", "json"]
    partitions: int
    replication: int
    cleanup_policy: Literal["delete", "compact"]
    retention_ms: int
    """-1 = forever."""
    timestamp_type: Literal["CreateTime", "LogAppendTime"]
    config: Mapping[str, str] = field(default_factory=dict)
    """Further settings, under Kafka's own names."""

    def kafka_config(self) -> Mapping[str, str]:
        """All settings under Kafka's own names, as a broker takes and tells them."""
        return {
            "cleanup.policy": self.cleanup_policy,
            "message.timestamp.type": self.timestamp_type,
            "retention.ms": str(self.retention_ms),
            **self.config,
        }


@dataclass(frozen=True)
class AgentSettings:
    """One agent: a fold of one topic."""

    name: str
    folds: str
    """The one topic it reads."""
    keeps: tuple[str, ...]
    """Its tables."""
    says: tuple[str, ...]
    """The topics it writes, beside its changelog and dead letters."""
    changelog: Topic
    """`<app>.<agent>-changelog`: the truth of which its RocksDB is a cache."""
    dead_letters: Topic
    """`<folds>.dlq`: what could not be decoded or decided, with the reason."""


@dataclass(frozen=True)
class TableSettings:
    """Memory of one table."""

    write_buffer_bytes: int
    """One RocksDB memtable; there are at most two per table and partition."""
    bloom_bits: int
    """Bits of bloom filter per row; 0 = none."""


@dataclass(frozen=True)
class StateSettings:
    """Where the tables are, and how much memory they may take."""

    directory: Path
    block_cache_bytes: int
    """Shared by all tables of all partitions of one worker."""
    cache_rows: int
    """Decoded rows kept per partition above RocksDB."""
    tables: Mapping[str, TableSettings]


@dataclass(frozen=True)
class Topology:
    """All of it. Settings of clients may hold secrets, so they are not in its repr."""

    app: str
    kafka: Mapping[str, str] = field(repr=False)
    """librdkafka settings common to all clients."""
    consumer: Mapping[str, str] = field(repr=False)
    producer: Mapping[str, str] = field(repr=False)
    schema_registry: Mapping[str, str] = field(repr=False)
    """Empty = no registry: Avro single-object encoding."""
    topics: Mapping[str, Topic]
    """The declared ones; `all_topics` has the changelogs and dead letters too."""
    agents: Mapping[str, AgentSettings]
    state: StateSettings
    answers_keep_ms: int
    backfill_sources: frozenset[str]
    feeds: tuple[Feed, ...]
    """Sources that are expected to speak, by name."""
    policies: tuple[PolicySettings, ...]
    locations: tuple[LocationReference, ...]
    channels: tuple[ChannelReference, ...]
    orders: OrderPolicy
    campaigns: CampaignPolicy
    replenishment: ReplenishmentPolicy
    scores: ScorePolicy
    platforms: Mapping[str, Platform]
    """Where `onhand deliver` sends commands to ad platforms; none = nowhere."""
    mappings: Mapping[str, Any]

    @property
    def all_topics(self) -> Mapping[str, Topic]:
        """Every topic that must exist, by name: declared ones first, then what the agents need for themselves."""
        needed = {
            topic.name: topic for agent in self.agents.values() for topic in (agent.changelog, agent.dead_letters)
        }
        return {**self.topics, **{name: topic for name, topic in needed.items() if name not in self.topics}}

    @property
    def seeds(self) -> tuple[PolicySettings | LocationReference | ChannelReference, ...]:
        """The reference to begin with, as it is written to the log once."""
        return (*self.policies, *self.locations, *self.channels)

    def with_bootstrap(self, address: str) -> Topology:
        """The same on another cluster (`host:port`, several separated by commas)."""
        return dataclasses.replace(self, kafka=MappingProxyType({**self.kafka, BOOTSTRAP: address}))

    def with_state_directory(self, directory: Path) -> Topology:
        """The same with its tables elsewhere."""
        return dataclasses.replace(self, state=dataclasses.replace(self.state, directory=directory))


@dataclass(frozen=True)
class _TopicDefaults:
    partitions: int
    replication: int
    config: Mapping[str, str]


def load(path: Path, environment: Mapping[str, str]) -> Topology:
    """Read the file. Raises TopologyInvalid with all its mistakes."""
    mistakes = Mistakes()
    file = read(path, environment, mistakes)
    app = _app(file)
    kafka = _kafka(file, environment)
    defaults = _topic_defaults(file.section("topic_defaults"))
    topics = {name: _topic(name, section, defaults) for name, section in file.section("topics").sections().items()}
    state = _state(file.section("state"))
    locations = topology_reference.locations(file)
    channels = topology_reference.channels(file)
    backfill_sources, feeds = topology_sources.sources(file.section("sources"))
    topology = Topology(
        app=app,
        kafka=kafka,
        consumer=file.settings("consumer"),
        producer=file.settings("producer"),
        schema_registry=file.settings("schema_registry"),
        topics=MappingProxyType(topics),
        agents=MappingProxyType(_agents(file.section("agents"), app, topics, state, defaults)),
        state=state,
        answers_keep_ms=_answers_keep_ms(file.section("answers")),
        backfill_sources=backfill_sources,
        feeds=feeds,
        policies=topology_reference.policies(file),
        locations=locations,
        channels=channels,
        orders=topology_orders.order_policy(file.section("orders")),
        scores=topology_scores.score_policy(file.section("scores")),
        replenishment=topology_replenishment.replenishment_policy(file.section("replenishment")),
        platforms=topology_platforms.platforms(file.section("platforms")),
        campaigns=topology_campaigns.campaign_policy(file.section("campaigns")),
        mappings=file.free("mappings"),
    )
    _check_partitions(topology, mistakes)
    _check_rebalance(topology, mistakes)
    file.finish()
    if mistakes.sentences:
        raise TopologyInvalid(path, mistakes.sentences)
    return topology


def _app(file: Section) -> str:
    app = file.text("app")
    if app and not _NAME.fullmatch(app):
        file.wrong("app", f"must be lower-case letters, digits and underscores, not {described(app)}")
    return app


def _kafka(file: Section, environment: Mapping[str, str]) -> Mapping[str, str]:
    settings = dict(file.settings("kafka"))
    try:
        settings.update(client_settings(environment))
    except EnvironmentMistake as mistake:
        file.wrong("kafka", str(mistake))
    if BOOTSTRAP not in settings:
        file.wrong(f"kafka.{BOOTSTRAP}", "is missing; give host:port here or in KAFKA_BOOTSTRAP_SERVERS")
    return MappingProxyType(settings)


def _topic_defaults(section: Section) -> _TopicDefaults:
    defaults = _TopicDefaults(
        partitions=section.whole("partitions", 8, at_least=1),
        replication=section.whole("replication", 1, at_least=1),
        config=_topic_config(section),
    )
    section.finish()
    return defaults


def _topic_config(section: Section) -> Mapping[str, str]:
    config = section.settings("config")
    for name, own in _OWN_FIELD.items():
        if name in config:
            section.wrong(f"config.{name}", f"must be given as {own}")
    return config


def _topic(name: str, section: Section, defaults: _TopicDefaults) -> Topic:
    _check_topic_name(name, section)
    cleanup_policy = section.choice("cleanup_policy", CLEANUP_POLICIES)
    topic = Topic(
        name=name,
        key=section.text("key"),
        schema=section.text("schema", "") or None,
        format=cast("Literal['avro', 'json']", section.choice("format", FORMATS, "avro")),
        partitions=section.whole("partitions", defaults.partitions, at_least=1),
        replication=section.whole("replication", defaults.replication, at_least=1),
        cleanup_policy=cast("Literal['delete', 'compact']", cleanup_policy),
        # A compacted topic keeps the last record of each key: an age limit means nothing there.
        retention_ms=section.retention_ms(
            "retention", notation.FOREVER_MS if cleanup_policy == "compact" else 7 * DAY_MS
        ),
        timestamp_type=cast(
            "Literal['CreateTime', 'LogAppendTime']", section.choice("timestamp_type", TIMESTAMP_TYPES, "CreateTime")
        ),
        config=MappingProxyType({**defaults.config, **_topic_config(section)}),
    )
    section.finish()
    return topic


def _check_topic_name(name: str, section: Section) -> None:
    if not _TOPIC_NAME.fullmatch(name) or name in {".", ".."}:
        section.mistakes.add(
            section.path, "must be named with at most 249 letters, digits, dots, hyphens and underscores"
        )
    elif "." in name and "_" in name:
        section.mistakes.add(
            section.path, "must have dots or underscores in its name, not both: Kafka's metrics mix them up"
        )


def _agents(
    section: Section, app: str, topics: Mapping[str, Topic], state: StateSettings, defaults: _TopicDefaults
) -> dict[str, AgentSettings]:
    if not section.values:
        section.mistakes.add(section.path, "must name at least one agent")
    return {name: _agent(name, inner, app, topics, state, defaults) for name, inner in section.sections().items()}


def _agent(
    name: str,
    section: Section,
    app: str,
    topics: Mapping[str, Topic],
    state: StateSettings,
    defaults: _TopicDefaults,
) -> AgentSettings:
    folds, keeps, says = section.text("folds"), section.names("keeps", ()), section.names("says", ())
    section.finish()
    if not _NAME.fullmatch(name):
        section.mistakes.add(section.path, "must be named with lower-case letters, digits and underscores")
    if folds and folds not in topics:
        section.wrong("folds", f"{folds} is no topic of this file{did_you_mean(folds, topics)}")
    elif folds and topics[folds].cleanup_policy == "compact":
        section.wrong("folds", f"{folds} must not be compacted: records that compaction removes would never be folded")
    for table in keeps:
        if table not in state.tables:
            section.wrong("keeps", f"{table} is no table of state.tables{did_you_mean(table, state.tables)}")
    for topic in says:
        if topic not in topics:
            section.wrong("says", f"{topic} is no topic of this file{did_you_mean(topic, topics)}")
    partitions = topics[folds].partitions if folds in topics else defaults.partitions
    return AgentSettings(
        name=name,
        folds=folds,
        keeps=keeps,
        says=says,
        changelog=_changelog(f"{app}.{name}-changelog", partitions, defaults),
        dead_letters=topics.get(f"{folds}.dlq") or _dead_letters(f"{folds}.dlq", partitions, defaults),
    )


def _changelog(name: str, partitions: int, defaults: _TopicDefaults) -> Topic:
    return Topic(
        name=name,
        key="table prefix + row key",
        schema=None,
        format="avro",
        partitions=partitions,
        replication=defaults.replication,
        cleanup_policy="compact",
        retention_ms=notation.FOREVER_MS,
        timestamp_type="CreateTime",
        config=MappingProxyType({**defaults.config, "delete.retention.ms": str(CHANGELOG_DELETE_RETENTION_MS)}),
    )


def _dead_letters(name: str, partitions: int, defaults: _TopicDefaults) -> Topic:
    return Topic(
        name=name,
        key="as it came",
        schema=None,
        format="avro",
        partitions=partitions,
        replication=defaults.replication,
        cleanup_policy="delete",
        retention_ms=DEAD_LETTER_RETENTION_MS,
        timestamp_type="CreateTime",
        config=defaults.config,
    )


def _state(section: Section) -> StateSettings:
    state = StateSettings(
        directory=Path(section.text("directory")),
        block_cache_bytes=section.size_bytes("block_cache", 64 * MIB),
        cache_rows=section.whole("cache_rows", 100_000),
        tables=MappingProxyType({name: _table(inner) for name, inner in section.section("tables").sections().items()}),
    )
    section.finish()
    return state


def _table(section: Section) -> TableSettings:
    table = TableSettings(
        write_buffer_bytes=section.size_bytes("write_buffer", 8 * MIB),
        bloom_bits=section.whole("bloom_bits", 10),
    )
    if table.write_buffer_bytes < MIB // 16:
        section.wrong("write_buffer", "must be at least 64KiB, or RocksDB would flush all the time")
    section.finish()
    return table


def _answers_keep_ms(section: Section) -> int:
    keep_ms = section.duration_ms("keep", 7 * DAY_MS)
    section.finish()
    return keep_ms


def _check_rebalance(topology: Topology, mistakes: Mistakes) -> None:
    """Who is to ask the ledger for transfers must write into its topic, or they would be waited for in vain."""
    for agent in topology.agents.values():
        said = {topology.topics[name].schema for name in agent.says if name in topology.topics}
        if (
            topology.replenishment.rebalance is Rebalance.AUTO
            and "replenishment_request" in said
            and "transaction" not in said
        ):
            mistakes.add(
                "replenishment.rebalance", f"must not be auto: {agent.name} does not say the topic of transactions"
            )


def _copied_into(topology: Topology) -> list[str]:
    """Topics into which the ledger copies what it decided about a SKU, in the partition of the same number."""
    return [name for name, topic in topology.topics.items() if topic.schema == "demand"]


def _check_partitions(topology: Topology, mistakes: Mistakes) -> None:
    """A SKU must have the same partition number everywhere: its owner writes where it reads."""
    by_sku = {*(name for name in topology.topics if name.startswith("inventory.")), *_copied_into(topology)}
    counts = {name: topic.partitions for name, topic in topology.topics.items() if name in by_sku}
    folded = {agent.folds for agent in topology.agents.values()}
    measure = next((name for name in counts if name in folded), next(iter(counts), None))
    for name, count in counts.items():
        if measure is not None and count != counts[measure]:
            mistakes.add(
                f"topics.{name}.partitions",
                f"must be {counts[measure]} as for {measure}: all inventory topics have equal partition counts, not {count}",
            )

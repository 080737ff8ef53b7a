"""What one worker process runs: one agent of the topology, under one instance name, on one state directory."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agents.codec import Codec
from agents.runtime.figures import CLASSIC_HEARTBEAT_MS, FigureSource, GroupProtocol
from agents.runtime.fold import FoldFactory
from agents.runtime.opener import Opener, OpenerSettings
from agents.runtime.owner import Encoders, Names, Owner
from agents.runtime.told_positions import ToldPositions
from agents.runtime.topology import AgentSettings, Topology
from agents.runtime.unparking import UnparkingTopic
from agents.state.rocks import RocksOptions, TableOptions
from agents.state.tables import Table

if TYPE_CHECKING:
    from agents.runtime.custody import Custody

CONSUMER_DEFAULTS: Mapping[str, str | int | bool] = {
    "fetch.wait.max.ms": 20,
    "queued.max.messages.kbytes": 65_536,
}
HELD_FAST: Mapping[str, str | bool] = {
    "enable.auto.commit": False,
    "isolation.level": "read_committed",
    "auto.offset.reset": "error",
}
"""Settings that nobody may turn: with others, records would be lost or read before they are committed."""


@dataclass(frozen=True)
class AgentLogic:
    """What an agent brings: its fold and the tables it keeps."""

    tables: tuple[Table, ...]
    fold_factory: FoldFactory


class WorkerPlan:
    """Everything the transport needs to run one agent."""

    def __init__(
        self,
        topology: Topology,
        agent: AgentSettings,
        logic: AgentLogic,
        codec: Codec,
        instance: str,
        *,
        accept_loss: bool = False,
    ) -> None:
        self.topology = topology
        self.agent = agent
        self.instance = instance
        self.topic = agent.folds
        self.partitions = topology.all_topics[agent.folds].partitions
        self.threads = 2 * self.partitions + 4
        self.state_directory: Path = topology.state.directory / instance / agent.name
        self.failure: str | None = None
        self.custody: Custody | None = None
        self._stop: Callable[[], None] | None = None
        self._logic = logic
        self._figures = FigureSource(topology.kafka, self.topic, agent.changelog.name, self._told_positions(codec))
        self._opener = Opener(self._opener_settings(codec, accept_loss), self._figures)
        self.unparkings = UnparkingTopic(topology.kafka, agent.dead_letters.name)

    @property
    def group(self) -> str:
        """The consumer group, and the prefix of the transactional ids: `<app>.<agent>`."""
        return f"{self.topology.app}.{self.agent.name}"

    def consumer_settings(self, protocol: str) -> dict[str, Any]:
        """Of the group's consumer, as librdkafka names them; `protocol` is what the broker speaks."""
        return {
            **CONSUMER_DEFAULTS,
            **(self._classic_settings() if protocol == "classic" else {}),
            **self.topology.kafka,
            **self.topology.consumer,
            **HELD_FAST,
            "group.protocol": protocol,
            "group.id": self.group,
            "client.id": f"{self.group}.{self.instance}",
        }

    def _classic_settings(self) -> dict[str, Any]:
        """Where the broker has no KIP-848 groups.

        The instance id matters there: the embedded broker never evicts a dead member, but gives a restarted one with
        the same id its partitions back at once.
        """
        return {
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": 6_000,
            "heartbeat.interval.ms": CLASSIC_HEARTBEAT_MS,
            "group.instance.id": self.instance,
        }

    def open_owner(self, partition: int, given_up: Callable[[], bool]) -> Owner:
        """See `Opener.open`."""
        return self._opener.open(partition, given_up)

    def group_protocol(self) -> GroupProtocol:
        """What the topology asks for, else what the broker speaks. Blocks on the broker."""
        told = self._figures.group_protocol()
        asked = self.topology.consumer.get("group.protocol")
        if asked is None or asked == told.name:
            return told
        return GroupProtocol(asked, CLASSIC_HEARTBEAT_MS if asked == "classic" else told.heartbeat_interval_ms)

    def watch(self, custody: Custody) -> None:
        """From here on the status can be told."""
        self.custody = custody

    def on_stop(self, stop: Callable[[], None]) -> None:
        """How the worker is stopped."""
        self._stop = stop

    def stop_worker(self, why: str) -> None:
        """Nothing here can help: end the worker with this sentence, which says what to do."""
        if self.failure is None:
            self.failure = why
        if self._stop is not None:
            self._stop()

    def _opener_settings(self, codec: Codec, accept_loss: bool) -> OpenerSettings:
        alerts, heartbeats = self._said("alert"), self._said("heartbeat")
        names = Names(
            agent=self.agent.name,
            topic=self.topic,
            partitions=self.partitions,
            changelog=self.agent.changelog.name,
            alerts=alerts,
            heartbeats=heartbeats,
            transactional_id_prefix=self.group,
            instance=self.instance,
        )
        return OpenerSettings(
            names=names,
            encoders=Encoders(
                alert=codec.encoder(alerts or self.topic, "alert"),
                heartbeat=codec.encoder(heartbeats or self.topic, "heartbeat"),
            ),
            dead_letter_topic=self.agent.dead_letters.name,
            encode_dead_letter=codec.encoder(self.agent.dead_letters.name, "dead_letter"),
            common=self.topology.kafka,
            producer=self.topology.producer,
            state_directory=self.state_directory,
            tables=self._logic.tables,
            rocks=_rocks_options(self.topology),
            cache_rows=self.topology.state.cache_rows,
            fold_factory=self._logic.fold_factory,
            accept_loss=accept_loss,
        )

    def _told_positions(self, codec: Codec) -> ToldPositions | None:
        heartbeats = self._said("heartbeat")
        if heartbeats is None:
            return None
        return ToldPositions(self.topology.kafka, heartbeats, codec.decoder(heartbeats, "heartbeat"), self.topic)

    def _said(self, schema: str) -> str | None:
        return said_topics(self.topology, self.agent).get(schema)


def said_topics(topology: Topology, agent: AgentSettings) -> dict[str, str]:
    """The topics that an agent writes, by the schema of their values: so it finds them whatever they are called.

    Of several with the same schema the first one that it says.
    """
    said: dict[str, str] = {}
    for name in agent.says:
        schema = topology.all_topics[name].schema
        if schema is not None:
            said.setdefault(schema, name)
    return said


def _rocks_options(topology: Topology) -> RocksOptions:
    state = topology.state
    tables = {name: TableOptions(table.write_buffer_bytes, table.bloom_bits) for name, table in state.tables.items()}
    return dataclasses.replace(RocksOptions(), block_cache_bytes=state.block_cache_bytes, tables=tables)

"""What the audit of every partition has in common: topology, agent, codec, topics and their ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from agents.codec import Codec
from agents.runtime.figures import FigureSource
from agents.runtime.opening import LogFigures
from agents.runtime.plan import AgentLogic
from agents.runtime.topics import Cluster, PartitionOffsets
from agents.runtime.topology import AgentSettings, Topology
from agents.state.ledger import ANSWERS, CLOSED_CLAIMS, MOVEMENTS
from agents.state.overlay import Overlay
from tools.audit.tidying import LedgerTidying


class TopicsMissing(Exception):
    """Topics of the agent are not on the cluster."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(f"there is no topic {', '.join(names)}")
        self.names = names


class AuditStage:
    """Asks the cluster once for what does not change. Raises BrokerUnusable, TopicsMissing, RegistryUnreachable."""

    def __init__(self, topology: Topology, agent: AgentSettings, logic: AgentLogic, codec: Codec) -> None:
        self.topology = topology
        self.agent = agent
        self.logic = logic
        self.codec = codec
        self.said: dict[str, str] = {
            name: schema for name in agent.says if (schema := topology.all_topics[name].schema) is not None
        }
        """Schema of the topics that the agent writes."""
        self.partitions = topology.all_topics[agent.folds].partitions
        self._decoders: dict[str, Callable[..., Any]] = {}
        self._figures = FigureSource(topology.kafka, agent.folds, agent.changelog.name)
        names = [agent.folds, agent.changelog.name, agent.dead_letters.name, *self.said]
        self._cluster = Cluster(topology.kafka)
        self._found = self._cluster.topics(names)
        missing = [name for name in names if name not in self._found]
        if missing:
            raise TopicsMissing(missing)

    def count_of(self, topic: str) -> int:
        """Partitions of a topic."""
        return self.topology.all_topics[topic].partitions

    def figures(self, partition: int) -> LogFigures:
        """What the broker says of input and changelog now."""
        return self._figures.of(partition)

    def spans(self, topic: str) -> tuple[PartitionOffsets, ...]:
        """First and next committed offset of each partition now."""
        return self._cluster.offsets([self._found[topic]])[topic]

    def tidying(self, overlay: Overlay) -> LedgerTidying | None:
        """What housekeeping may have removed; None for an agent that has none."""
        if not {ANSWERS, CLOSED_CLAIMS, MOVEMENTS} <= set(self.logic.tables):
            return None
        return LedgerTidying(overlay, self.topology.answers_keep_ms)

    def decoder(self, topic: str) -> Callable[..., Any]:
        """Of one of the topics that the agent writes."""
        if topic not in self._decoders:
            self._decoders[topic] = self.codec.decoder(topic, self.said[topic])
        return self._decoders[topic]

"""Waiting until agents have decided all that there is to decide.

What is over for the shopper is not over for the ledger: a release may still be on its way. And what one agent says is what
the other one hears, so a look counts only where nothing was added to either input meanwhile.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence

from agents.codec import Codec
from agents.runtime.plan import said_topics
from agents.runtime.told_positions import ToldPositions
from agents.runtime.topics import Cluster, PartitionOffsets
from agents.runtime.topology import AgentSettings, Topology
from tools.brokers.reading import Start, records
from tools.order_day.outside import DayFailed

LOOK_EVERY_S = 0.5

Ends = dict[str, tuple[PartitionOffsets, ...]]


class Settling:
    """Looks at what agents have said of their positions. Blocks; raises KafkaException."""

    def __init__(self, topology: Topology, codec: Codec, agents: Sequence[str]) -> None:
        self._topology, self._codec = topology, codec
        self._agents = [topology.agents[name] for name in agents]
        self._cluster = Cluster(topology.kafka)

    def wait(self, patience_s: float) -> None:
        """Return when every record of every input is decided. Raises DayFailed where that takes longer than `patience_s`."""
        deadline = time.monotonic() + patience_s
        while (undecided := self.look()) is not None:
            if time.monotonic() > deadline:
                raise DayFailed(f"{undecided} is not decided {patience_s:.0f} s after the last order")
            time.sleep(LOOK_EVERY_S)

    def look(self) -> str | None:
        """What is not decided yet; None where all is."""
        inputs = [agent.folds for agent in self._agents]
        before = self._ends(inputs)
        for agent in self._agents:
            for left in self._left(agent, before[agent.folds]):
                return left
        return None if self._ends(inputs) == before else "What came meanwhile"

    def _left(self, agent: AgentSettings, spans: tuple[PartitionOffsets, ...]) -> Iterator[str]:
        """Records behind the position that the agent has told of itself; markers of transactions are none."""
        topic = said_topics(self._topology, agent)["heartbeat"]
        told = ToldPositions(self._topology.kafka, topic, self._codec.decoder(topic, "heartbeat"), agent.folds)
        beats = {span.partition: span for span in self._ends([topic])[topic]}
        for span in spans:
            position = max(span.first, told.last(span.partition, beats[span.partition]))
            if position < span.next:
                rest = (dataclasses.replace(span, first=position),)
                for message in records(dict(self._topology.kafka), agent.folds, rest, Start()):
                    yield f"{agent.folds}[{span.partition}]@{message.offset()}"

    def _ends(self, topics: Sequence[str]) -> Ends:
        return self._cluster.offsets(self._cluster.topics(topics).values())

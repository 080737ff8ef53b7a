"""Follows the topics that metrics are made of: KPIs from some days back, heartbeats from the beginning, committed ones only.

One thread, one consumer, no group. While the broker is away what is known is served on; `reachable` tells.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from agents.codec import Codec, Malformed
from agents.codec.words import Heartbeat
from agents.inventory.scores.words import KpiRecord
from agents.inventory.units import MILLISECONDS_PER_DAY
from agents.runtime.broker_errors import BrokerUnusable
from agents.runtime.plan import said_topics
from agents.runtime.topics import Cluster
from agents.runtime.topology import Topology
from agents.serve.metrics.measures import LatestKpis, Position

log = logging.getLogger("onhand.metrics")

BACK_MS = 2 * MILLISECONDS_PER_DAY
"""The last closed day was said within this time."""
POLL_SECONDS = 0.2
REQUEST_SECONDS = 5.0
ENDS_LAST_MS = 1_000
"""Scrapes within this time share one look at the ends of the input topics."""


class TopicsMissing(Exception):
    """None of the topics is on the cluster; the message names them."""


def millis_now() -> int:
    """The wall clock: ages of heartbeats are told by it."""
    return time.time_ns() // 1_000_000


class Follower:
    """See the module's docstring. `start`, then `kpis`, `positions` and `reachable` may be asked from any thread."""

    def __init__(self, topology: Topology, codec: Codec, now_ms: Callable[[], int] = millis_now) -> None:
        self._topology = topology
        self._now_ms = now_ms
        self._agents: dict[str, str] = {}
        """Topic of heartbeats -> agent."""
        self._kpi_topic: str | None = None
        for agent in topology.agents.values():
            says = said_topics(topology, agent)
            if "heartbeat" in says:
                self._agents[says["heartbeat"]] = agent.name
            self._kpi_topic = says.get("kpi", self._kpi_topic)
        self._decoders: dict[str, Callable[..., Any]] = {
            name: codec.decoder(name, "heartbeat") for name in self._agents
        }
        if self._kpi_topic is not None:
            self._decoders[self._kpi_topic] = codec.decoder(self._kpi_topic, "kpi")
        self._kpis = LatestKpis()
        self._beats: dict[tuple[str, int], Heartbeat] = {}
        self._lock = threading.Lock()
        self._ends_lock = threading.Lock()
        self._stopping = threading.Event()
        self._current = threading.Event()
        self._reachable = True
        self._thread = threading.Thread(target=self._follow, name="metrics", daemon=True)
        self._consumer: Consumer | None = None
        self._ends: dict[tuple[str, int], int] = {}
        self._ends_at_ms = 0

    def start(self) -> None:
        """Look where the topics are, and follow them. Raises TopicsMissing, KafkaException, BrokerUnusable."""
        starts, ends = self._starts()
        settings: dict[str, Any] = {
            **self._topology.kafka,
            "group.id": "onhand.metrics",  # never joined nor committed to: only librdkafka wants one
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "isolation.level": "read_committed",
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
        }
        self._consumer = Consumer(settings, logger=log)
        self._left = {key for key, end in ends.items() if end > starts[key]}
        self._consumer.assign([TopicPartition(topic, part, offset) for (topic, part), offset in starts.items()])
        if not self._left:
            self._current.set()
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(REQUEST_SECONDS)

    def wait_until_current(self, seconds: float) -> bool:
        """Whether everything that was there at the start has been read."""
        return self._current.wait(seconds)

    @property
    def reachable(self) -> bool:
        """Whether the broker answered when it was asked last."""
        return self._reachable

    def kpis(self) -> list[KpiRecord]:
        """The KPIs that were said last."""
        with self._lock:
            return self._kpis.records()

    def positions(self) -> list[Position]:
        """How far each partition of each agent is, with the end of its input as of now."""
        with self._lock:
            beats = dict(self._beats)
        ends = self._input_ends({(beat.topic, beat.partition) for beat in beats.values()})
        return [
            Position(self._agents[topic], beat, ends.get((beat.topic, beat.partition)))
            for (topic, _), beat in beats.items()
        ]

    # -- reading -----------------------------------------------------------------------------------------------------

    def _starts(self) -> tuple[Mapping[tuple[str, int], int], Mapping[tuple[str, int], int]]:
        cluster = Cluster(self._topology.kafka)
        found = cluster.topics(self._decoders)
        missing = [name for name in self._decoders if name not in found]
        if not found:
            raise TopicsMissing(", ".join(missing))
        if missing:  # Agents that this cluster does not run.
            log.warning("not on this cluster, and so not followed: %s", ", ".join(missing))
        spans = cluster.offsets(found.values())
        starts = {(topic, span.partition): span.first for topic, each in spans.items() for span in each}
        ends = {(topic, span.partition): span.next for topic, each in spans.items() for span in each}
        if self._kpi_topic in found:
            starts.update(self._since(self._kpi_topic, ends))
        return starts, ends

    def _since(self, topic: str, ends: Mapping[tuple[str, int], int]) -> dict[tuple[str, int], int]:
        """Offsets of some days ago; the end where nothing is that young."""
        consumer = Consumer({**self._topology.kafka, "group.id": "onhand.metrics"}, logger=log)
        try:
            since = self._now_ms() - BACK_MS
            asked = [TopicPartition(name, partition, since) for name, partition in ends if name == topic]
            found = consumer.offsets_for_times(asked, timeout=REQUEST_SECONDS)
        finally:
            consumer.close()
        return {(topic, at.partition): at.offset if at.offset >= 0 else ends[topic, at.partition] for at in found}

    def _follow(self) -> None:
        assert self._consumer is not None
        try:
            while not self._stopping.is_set():
                message = self._consumer.poll(POLL_SECONDS)
                if message is not None:
                    self._hear(message)
        finally:
            self._consumer.close()

    def _hear(self, message: Message) -> None:
        topic, partition = cast("str", message.topic()), cast("int", message.partition())
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                self._read((topic, partition))
            else:
                log.warning("%s[%d]: %s", topic, partition, error.str())
            return
        try:
            said = self._decoders[topic](message.value(), message.headers())
        except Malformed as malformed:
            log.warning("%s[%d]@%s cannot be read: %s", topic, partition, message.offset(), malformed)
            return
        with self._lock:
            if isinstance(said, KpiRecord):
                self._kpis.hear(said)
            else:
                self._beats[topic, said.partition] = said

    def _read(self, key: tuple[str, int]) -> None:
        self._left.discard(key)
        if not self._left:
            self._current.set()

    def _input_ends(self, partitions: set[tuple[str, int]]) -> Mapping[tuple[str, int], int]:
        """Where the input topics end; none of them while the broker does not answer. Asked at most once a second."""
        with self._ends_lock:
            if partitions and self._now_ms() - self._ends_at_ms > ENDS_LAST_MS:
                self._ends_at_ms = self._now_ms()
                self._ends = self._asked_ends({topic for topic, _ in partitions})
            return dict(self._ends)

    def _asked_ends(self, topics: set[str]) -> dict[tuple[str, int], int]:
        try:
            cluster = Cluster(self._topology.kafka, REQUEST_SECONDS)
            spans = cluster.offsets(cluster.topics(sorted(topics)).values())
        except (BrokerUnusable, KafkaException) as unreachable:
            self._reachable = False
            log.warning("the ends of the input topics are not known: %s", unreachable)
            return {}
        self._reachable = True
        return {(topic, span.partition): span.next for topic, each in spans.items() for span in each}

"""What the broker says of a partition's logs, asked each time the partition is opened."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import cached_property
from typing import NamedTuple, Protocol

from confluent_kafka import KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the package exports them without saying so
    AdminClient,
    ConfigResource,
    ResourceType,
)

from agents.runtime.broker_errors import BrokerUnusable
from agents.runtime.opening import UNKNOWN_TOPIC_ID, LogFigures
from agents.runtime.told_positions import ToldPositions
from agents.runtime.topics import Cluster

ASK_S = 10.0
CLASSIC_HEARTBEAT_MS = 1_000
"""What our consumers are set to with the classic protocol; with KIP-848 the broker says."""

log = logging.getLogger("onhand.figures")


class GroupProtocol(NamedTuple):
    """How the members of a group speak to the broker."""

    name: str
    """`consumer` (KIP-848) or `classic`."""
    heartbeat_interval_ms: int


class Figures(Protocol):
    """What is asked of the broker when a partition is opened."""

    @property
    def hides_after_aborts(self) -> bool:
        """See `FigureSource.hides_after_aborts`."""

    def of(self, partition: int) -> LogFigures:
        """See `FigureSource.of`."""


class FigureSource:
    """Asks the broker. Blocks; raises BrokerUnusable."""

    def __init__(
        self, common: Mapping[str, str], topic: str, changelog: str, told: ToldPositions | None = None
    ) -> None:
        """`told` reads how far a partition has come by its heartbeats; None: nobody asks."""
        self._common = dict(common)
        self._topic = topic
        self._changelog = changelog
        self._told = told

    @cached_property
    def hides_after_aborts(self) -> bool:
        """Whether this is a broker that needs the care of incarnations.py: one without topic ids. Asked once."""
        ids = Cluster(self._common).topic_ids([self._topic])
        return ids.get(self._topic, "known") == UNKNOWN_TOPIC_ID

    def of(self, partition: int) -> LogFigures:
        """The figures of one partition, as of now."""
        cluster = Cluster(self._common)
        found = cluster.topics([self._topic, self._changelog])
        for name in (self._topic, self._changelog):
            if name not in found or found[name].partitions <= partition:
                raise BrokerUnusable(f"{name} has no partition {partition}.", "Create it with `onhand topics create`.")
        offsets = cluster.offsets(found.values())
        of_input, of_changelog = offsets[self._topic][partition], offsets[self._changelog][partition]
        settings = found[self._changelog].config
        return LogFigures(
            topic=self._topic,
            partition=partition,
            input_start=of_input.first,
            input_end=of_input.next,
            input_topic_id=found[self._topic].topic_id,
            changelog=self._changelog,
            changelog_start=of_changelog.first,
            changelog_end=of_changelog.next,
            changelog_cleanup_policy=settings.get("cleanup.policy", ""),
            changelog_delete_retention_ms=int(settings.get("delete.retention.ms") or 86_400_000),
            told_position=self._told_position(cluster, partition),
        )

    def _told_position(self, cluster: Cluster, partition: int) -> int:
        if self._told is None:
            return 0
        found = cluster.topics([self._told.topic])
        if self._told.topic not in found or found[self._told.topic].partitions <= partition:
            return 0
        return self._told.last(partition, cluster.offsets(found.values())[self._told.topic][partition])

    def group_protocol(self) -> GroupProtocol:
        """Which group protocol this broker speaks, and how often its members send heartbeats."""
        admin = AdminClient({**self._common}, logger=log)
        try:
            broker = min(admin.list_topics(timeout=ASK_S).brokers)
            resource = ConfigResource(ResourceType.BROKER, str(broker))
            entries = admin.describe_configs([resource], request_timeout=ASK_S)[resource].result()
        except (KafkaException, ValueError) as untold:
            log.info("the broker does not tell its settings (%s): using the classic group protocol", untold)
            return GroupProtocol("classic", CLASSIC_HEARTBEAT_MS)
        return judge_group_protocol({name: entry.value for name, entry in entries.items()})


def judge_group_protocol(settings: Mapping[str, str | None]) -> GroupProtocol:
    """From a broker's settings. With KIP-848 other partitions do not stop while one moves."""
    heartbeat_ms = settings.get("group.consumer.heartbeat.interval.ms")
    protocols = settings.get("group.coordinator.rebalance.protocols") or ""
    if heartbeat_ms is None or "consumer" not in protocols.split(","):
        return GroupProtocol("classic", CLASSIC_HEARTBEAT_MS)
    return GroupProtocol("consumer", int(heartbeat_ms))

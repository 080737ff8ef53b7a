"""Topics as they are meant to be (topology.yaml) and as they are (the cluster): compare, create, look.

`compare` is pure. The functions that take an `AdminClient` talk to the cluster; they raise BrokerUnusable with one sentence
and what to do. Topic ids tell a topic from another one created later under its name; the embedded broker has none, which is
told as `""` = unknown.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from confluent_kafka import IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # the package exports them without saying so
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from agents.runtime.broker_errors import BrokerUnusable, explain, is_hopeless, most_telling
from agents.runtime.topology import BOOTSTRAP, Topic

CONNECT_SECONDS = 5.0
REQUEST_SECONDS = 20.0
VISIBLE_SECONDS = 15.0
LEADERLESS = frozenset({KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.LEADER_NOT_AVAILABLE})
UNKNOWN_TOPIC_ID = ""
_NO_TOPIC_ID = "A" * 22  # sixteen zero bytes in the client's base64

_BLOCKING_SETTINGS = frozenset({"cleanup.policy", "message.timestamp.type"})

# What librdkafka would print line after line while nobody answers is told once, as a sentence.
_quiet = logging.getLogger("onhand.broker.connecting")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False

COUNT_IS_FOR_LIFE = (
    "The partition count of a topic is for life: a key belongs to partition murmur2(key) modulo the count, so with another "
    "count the next transactions of a SKU would reach another owner than the one that keeps its position. Changing it is a "
    "migration: declare an app of another name with topics of other names and the count you want, create them, let the "
    "publishers write there, carry the stock over as counts, and retire the old ones."
)


class DifferenceKind(StrEnum):
    """In what a topic differs from its declaration."""

    MISSING = "missing"
    TOO_FEW_PARTITIONS = "too_few_partitions"
    TOO_MANY_PARTITIONS = "too_many_partitions"
    REPLICATION = "replication"
    SETTING = "setting"
    UNDECLARED_SETTING = "undeclared_setting"


@dataclass(frozen=True)
class FoundTopic:
    """One topic as it is on the cluster."""

    name: str
    partitions: int
    replication: int
    topic_id: str = UNKNOWN_TOPIC_ID
    config: Mapping[str, str] = field(default_factory=dict)
    """Every setting in force, defaults included, under Kafka's own names."""
    overrides: frozenset[str] = frozenset()
    """The settings that were given for this topic."""


@dataclass(frozen=True)
class Difference:
    """One difference between a declared topic and the cluster. `setting` is empty where it is none of a setting."""

    topic: str
    kind: DifferenceKind
    wanted: str
    found: str
    setting: str = ""

    @property
    def concerns_partitions(self) -> bool:
        """The partition count differs: only a migration can change it."""
        return self.kind in {DifferenceKind.TOO_FEW_PARTITIONS, DifferenceKind.TOO_MANY_PARTITIONS}

    @property
    def blocks(self) -> bool:
        """A worker must not run on such a topic: it could lose transactions or misplace them."""
        wrong_setting = self.kind is DifferenceKind.SETTING and self.setting in _BLOCKING_SETTINGS
        return self.kind is DifferenceKind.MISSING or self.concerns_partitions or wrong_setting

    @property
    def sentence(self) -> str:
        """The difference in words."""
        if self.kind is DifferenceKind.MISSING:
            return f"{self.topic} is missing"
        if self.kind is DifferenceKind.UNDECLARED_SETTING:
            return f"{self.topic} has {self.setting}={self.found}, which topology.yaml does not declare"
        what = self.setting or ("replication" if self.kind is DifferenceKind.REPLICATION else "partitions")
        return f"{self.topic} has {what}={self.found or 'unset'}, declared is {self.wanted}"


@dataclass(frozen=True)
class PartitionOffsets:
    """First and next offset of one partition; equal where it is empty."""

    partition: int
    first: int
    next: int


def compare(wanted: Mapping[str, Topic], found: Mapping[str, FoundTopic]) -> tuple[Difference, ...]:
    """Every difference between declared topics and what is there, in the order of declaration. Other topics are ignored."""
    return tuple(difference for topic in wanted.values() for difference in _differences(topic, found.get(topic.name)))


def _differences(topic: Topic, found: FoundTopic | None) -> Iterator[Difference]:
    if found is None:
        yield Difference(topic.name, DifferenceKind.MISSING, f"{topic.partitions} partitions", "")
        return
    if found.partitions != topic.partitions:
        few = found.partitions < topic.partitions
        kind = DifferenceKind.TOO_FEW_PARTITIONS if few else DifferenceKind.TOO_MANY_PARTITIONS
        yield Difference(topic.name, kind, str(topic.partitions), str(found.partitions))
    if found.replication != topic.replication:
        kind = DifferenceKind.REPLICATION
        yield Difference(topic.name, kind, str(topic.replication), str(found.replication))
    declared = topic.kafka_config()
    for setting, value in declared.items():
        if found.config.get(setting, "") != value:
            has = found.config.get(setting, "")
            yield Difference(topic.name, DifferenceKind.SETTING, value, has, setting)
    for setting in sorted(found.overrides - declared.keys()):
        yield Difference(topic.name, DifferenceKind.UNDECLARED_SETTING, "", found.config.get(setting, ""), setting)


def connect(settings: Mapping[str, str], seconds: float = CONNECT_SECONDS) -> AdminClient:
    """An admin client whose cluster has answered once. Raises BrokerUnusable with the cause that says most.

    `seconds` bounds the wait for a broker that is not there; wrong credentials end it at once.
    """
    heard: list[KafkaError] = []
    bootstrap = settings.get(BOOTSTRAP, "")
    try:
        configuration: dict[str, Any] = {**settings, "error_cb": heard.append}
        admin = AdminClient(configuration, logger=_quiet)
    except KafkaException as wrong:
        raise explain(wrong.args[0], bootstrap) from wrong
    deadline = time.monotonic() + seconds
    while True:
        try:
            admin.list_topics(timeout=0.5)
        except KafkaException as failed:
            admin.poll(0.05)
            cause = most_telling(heard) or failed.args[0]
            if is_hopeless(cause) or time.monotonic() >= deadline:
                raise explain(cause, bootstrap) from None
        else:
            return admin


class Cluster:
    """The topics of one cluster, through one admin client."""

    def __init__(self, settings: Mapping[str, str], connect_seconds: float = CONNECT_SECONDS) -> None:
        self.bootstrap = settings.get(BOOTSTRAP, "")
        self._admin = connect(settings, connect_seconds)

    def topics(self, names: Iterable[str]) -> dict[str, FoundTopic]:
        """Those of the named topics that exist, with partitions, replication, topic id and settings."""
        described = self._described(list(dict.fromkeys(names)))
        settings = self._settings(described)
        # One that was deleted between the two questions is in the first answer only.
        return {
            name: _found(name, description, settings[name])
            for name, description in described.items()
            if name in settings
        }

    def topic_ids(self, names: Iterable[str]) -> dict[str, str]:
        """The ids of those of the named topics that exist; `""` where the broker has none."""
        return {name: _topic_id(description) for name, description in self._described(list(names)).items()}

    def create(self, topics: Sequence[Topic]) -> tuple[str, ...]:
        """Create these topics and wait until the cluster tells them; return the names that were not there before."""
        if not topics:
            return ()
        new = [NewTopic(t.name, t.partitions, t.replication, config=dict(t.kafka_config())) for t in topics]
        created = [
            name
            for name, future in self._admin.create_topics(new, request_timeout=REQUEST_SECONDS).items()
            if self._was_created(future)
        ]
        names = [topic.name for topic in topics]
        self._wait_until_told(lambda: len(self._described(names)) == len(names))
        return tuple(created)

    def align(self, differences: Sequence[Difference]) -> tuple[Difference, ...]:
        """Set the declared settings where these differences say that they differ; return the ones that were set."""
        settings = [difference for difference in differences if difference.kind is DifferenceKind.SETTING]
        wanted: dict[str, list[ConfigEntry]] = {}
        for difference in settings:
            entry = ConfigEntry(difference.setting, difference.wanted, incremental_operation=AlterConfigOpType.SET)
            wanted.setdefault(difference.topic, []).append(entry)
        if wanted:
            resources = [ConfigResource(ResourceType.TOPIC, n, incremental_configs=e) for n, e in wanted.items()]
            with self._explained():
                for future in self._admin.incremental_alter_configs(resources).values():
                    future.result(REQUEST_SECONDS)
            self._wait_until_told(lambda: self._has_settings(settings))
        return tuple(settings)

    def offsets(
        self, topics: Iterable[FoundTopic], *, undecided: bool = False
    ) -> dict[str, tuple[PartitionOffsets, ...]]:
        """First and next committed offset of every partition of these topics; `undecided`: of what is open, too."""
        names = {topic.name: topic.partitions for topic in topics}
        partitions = [TopicPartition(name, number) for name, count in names.items() for number in range(count)]
        level = IsolationLevel.READ_UNCOMMITTED if undecided else IsolationLevel.READ_COMMITTED
        first = self._list_offsets(partitions, OffsetSpec.earliest(), level)  # type: ignore[no-untyped-call]
        following = self._list_offsets(partitions, OffsetSpec.latest(), level)  # type: ignore[no-untyped-call]
        return {
            name: tuple(PartitionOffsets(n, first[name, n], following[name, n]) for n in range(count))
            for name, count in names.items()
        }

    def _described(self, names: list[str]) -> dict[str, Any]:
        if not names:
            return {}
        with self._explained():
            futures = self._admin.describe_topics(TopicCollection(names), request_timeout=REQUEST_SECONDS)
            return {name: future.result() for name, future in futures.items() if _exists(future)}

    def _settings(self, names: Iterable[str]) -> dict[str, Mapping[str, ConfigEntry]]:
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in names]
        if not resources:
            return {}
        with self._explained():
            futures = self._admin.describe_configs(resources, request_timeout=REQUEST_SECONDS)
            return {resource.name: future.result() for resource, future in futures.items() if _exists(future)}

    def _has_settings(self, wanted: Sequence[Difference]) -> bool:
        settings = self._settings(dict.fromkeys(difference.topic for difference in wanted))
        return all(
            each.topic in settings and settings[each.topic][each.setting].value == each.wanted for each in wanted
        )

    def _was_created(self, future: Any) -> bool:
        try:
            future.result()
        except KafkaException as failed:
            error = failed.args[0]
            if error.code() == KafkaError.TOPIC_ALREADY_EXISTS:
                return False
            raise explain(error, self.bootstrap) from failed
        return True

    def _wait_until_told(self, visible: Callable[[], bool]) -> None:
        """A controller says yes before every broker knows. Wait until the one we ask does."""
        deadline = time.monotonic() + VISIBLE_SECONDS
        while not visible():
            if time.monotonic() > deadline:
                raise BrokerUnusable(
                    f"The cluster at {self.bootstrap} accepted a change but does not tell it after {VISIBLE_SECONDS:.0f} s.",
                    "Look at the broker's log, then run this again.",
                )
            time.sleep(0.05)

    def _list_offsets(
        self, partitions: list[TopicPartition], spec: Any, level: IsolationLevel
    ) -> dict[tuple[str, int], int]:
        """Ask again while a leader is being elected: of a topic made a moment ago, or where a broker has just gone."""
        deadline = time.monotonic() + VISIBLE_SECONDS
        with self._explained():
            while partitions:
                futures = self._admin.list_offsets(
                    dict.fromkeys(partitions, spec),
                    isolation_level=level,
                    request_timeout=REQUEST_SECONDS,
                )
                try:
                    return {(at.topic, at.partition): future.result().offset for at, future in futures.items()}
                except KafkaException as failed:
                    if failed.args[0].code() not in LEADERLESS or time.monotonic() > deadline:
                        raise
                time.sleep(0.05)
        return {}

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except KafkaException as failed:
            raise explain(failed.args[0], self.bootstrap) from failed


def _exists(future: Any) -> bool:
    """Whether the topic of this answer is there; other errors are raised."""
    try:
        future.result()
    except KafkaException as failed:
        if failed.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
            return False
        raise
    return True


def _found(name: str, description: Any, settings: Mapping[str, ConfigEntry]) -> FoundTopic:
    # A topic override, not a default of the cluster.
    given = frozenset(key for key, entry in settings.items() if _source(entry) == ConfigSource.DYNAMIC_TOPIC_CONFIG)
    return FoundTopic(
        name=name,
        partitions=len(description.partitions),
        replication=min((len(partition.replicas) for partition in description.partitions), default=0),
        topic_id=_topic_id(description),
        config={key: entry.value or "" for key, entry in settings.items()},
        overrides=given,
    )


def _source(entry: ConfigEntry) -> ConfigSource:
    # The client gives the bare number here and the enum elsewhere.
    return ConfigSource(entry.source)


def _topic_id(description: Any) -> str:
    text = str(description.topic_id)
    return UNKNOWN_TOPIC_ID if text == _NO_TOPIC_ID else text

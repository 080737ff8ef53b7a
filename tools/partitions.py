"""How each partition of an agent stands: told by the workers of this machine, and of others by what they last said.

A worker here writes `status.json` each second and knows everything. Of one elsewhere the broker knows three things: which
partitions its group gave it, the last heartbeat of each, and the alert that it raised when it parked one.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message
from confluent_kafka.admin import AdminClient

from agents.codec import Codec, Heartbeat
from agents.inventory.alerts import Alert, AlertType
from agents.runtime.plan import said_topics
from agents.runtime.status import read_status
from agents.runtime.topics import Cluster, PartitionOffsets
from agents.runtime.topology import AgentSettings, Topology
from tools.burials import offsets_since, records_between

FRESH_MS = 5_000
"""A status or heartbeat older than that says nothing about now."""
CLOCKS_APART_MS = 60_000
LAST_OFFSETS = 1_000
"""Looked through for the last heartbeat of each partition: those of other agents and transaction markers are there too."""
ASK_S = 15.0

_quiet = logging.getLogger("onhand.broker.partitions")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False

RUNNING, PARKED, REFUSED, SILENT, NOBODY = "running", "parked", "refused", "silent", "nobody"


@dataclass(frozen=True)
class ParkingAlert:
    """The last time a partition was parked, as its worker told it."""

    alert: Alert
    offset: int
    """Of the record, in the input partition."""
    place: tuple[int, int]
    """Of the alert, in its topic."""


@dataclass(frozen=True)
class PartitionStanding:
    """One partition of one agent."""

    agent: str
    partition: int
    owner: str | None
    """Instance of the worker that has it."""
    standing: str
    """opening, running, fenced, parked or refused; of workers elsewhere also `silent`; `nobody` where none has it."""
    why: str
    parked_at: int | None
    """Offset of the record that broke an invariant."""
    input_position: int | None
    end: int
    heartbeat_at_ms: int | None
    busy_s: float | None = None
    """Seconds for which its owner has been at one chunk; None while it waits for records, and of workers elsewhere."""

    @property
    def lag(self) -> int | None:
        """Input offsets not processed yet; transaction markers count too."""
        return None if self.input_position is None else max(0, self.end - self.input_position)

    @property
    def needs_a_person(self) -> bool:
        """It will not go on by itself."""
        return self.standing in {PARKED, REFUSED}


def standings(topology: Topology, codec: Codec, agent: AgentSettings) -> list[PartitionStanding]:
    """Every partition of the agent's input, in order. Raises BrokerUnusable, KafkaException."""
    now = time.time_ns() // 1_000_000
    cluster = Cluster(topology.kafka)
    topics = cluster.topics([agent.folds])
    ends = cluster.offsets(topics.values()).get(agent.folds, ())
    here = _told_here(topology, agent, now)
    members = _members(topology, agent)
    beats = _last_heartbeats(topology, codec, cluster, agent)
    unclear = [end.partition for end in ends if end.partition not in here]
    oldest = min((beats[number].at_ms if number in beats else 0 for number in unclear), default=now)
    since_ms = max(0, min(oldest, now - FRESH_MS) - CLOCKS_APART_MS)
    alerts = parking_alerts(topology, codec, agent, since_ms=since_ms)
    return [
        _told(agent, end, here[end.partition], beats.get(end.partition), alerts.get(end.partition))
        if end.partition in here
        else _inferred(agent, end, members.get(end.partition), beats.get(end.partition), alerts, now)
        for end in ends
    ]


def parking_alerts(
    topology: Topology, codec: Codec, agent: AgentSettings, *, since_ms: int
) -> Mapping[int, ParkingAlert]:
    """The last parking of each partition since then. Raises BrokerUnusable, KafkaException."""
    name = said_topics(topology, agent).get("alert")
    if name is None:
        return {}
    decode = codec.decoder(name, "alert")
    found: dict[int, ParkingAlert] = {}
    prefix = f"{agent.folds}-".encode()
    for message in _read(topology, Cluster(topology.kafka), name, since_ms=since_ms):
        if not (message.key() or b"").startswith(prefix):
            continue
        alert = decode(message.value(), None)
        assert isinstance(alert, Alert)
        if alert.type is not AlertType.PARTITION_PARKED:
            continue
        _, partition, offset, _ = alert.event_id.rsplit("-", 3)
        place = (message.partition() or 0, message.offset() or 0)
        found[int(partition)] = ParkingAlert(alert, int(offset), place)
    return found


def _told_here(topology: Topology, agent: AgentSettings, now: int) -> dict[int, Mapping[str, Any]]:
    """By partition: what a worker that runs on this machine says of it."""
    found: dict[int, Mapping[str, Any]] = {}
    directory = topology.state.directory
    for path in sorted(directory.glob(f"*/{agent.name}")):
        instance = path.parent.name
        status = read_status(directory, instance, agent.name)
        if status is None or now - status["at_ms"] > FRESH_MS or not _is_alive(status["pid"]):
            continue
        common = {"instance": instance, "at_ms": status["at_ms"]}
        found.update((each["partition"], {**each, **common}) for each in status["partitions"])
    return found


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True


def _members(topology: Topology, agent: AgentSettings) -> dict[int, str]:
    """By partition: the instance of the worker that the group gave it."""
    group = f"{topology.app}.{agent.name}"
    admin = AdminClient(dict(topology.kafka), logger=_quiet)
    try:
        described = admin.describe_consumer_groups([group], request_timeout=ASK_S)[group].result()
    except KafkaException as failed:
        if failed.args[0].code() == KafkaError.GROUP_ID_NOT_FOUND:
            return {}
        raise
    return {
        at.partition: member.client_id.removeprefix(f"{group}.")
        for member in described.members
        if member.assignment is not None
        for at in member.assignment.topic_partitions
        if at.topic == agent.folds
    }


def _last_heartbeats(topology: Topology, codec: Codec, cluster: Cluster, agent: AgentSettings) -> dict[int, Heartbeat]:
    name = said_topics(topology, agent).get("heartbeat")
    if name is None:
        return {}
    decode = codec.decoder(name, "heartbeat")
    found: dict[int, Heartbeat] = {}
    for message in _read(topology, cluster, name, since_ms=None):
        beat = decode(message.value(), None)
        assert isinstance(beat, Heartbeat)
        if beat.topic == agent.folds and (beat.partition not in found or found[beat.partition].at_ms <= beat.at_ms):
            found[beat.partition] = beat
    return found


def _read(topology: Topology, cluster: Cluster, name: str, *, since_ms: int | None) -> Iterator[Message]:
    """The records of a topic since then, or the last few of each partition."""
    there = cluster.topics([name])
    if name not in there:
        return
    spans = cluster.offsets(there.values())[name]
    ends = {span.partition: span.next for span in spans}
    begins = {span.partition: max(span.first, span.next - LAST_OFFSETS) for span in spans}
    if since_ms is not None:
        begins = offsets_since(topology.kafka, name, ends, since_ms)
    yield from records_between(topology.kafka, name, begins, ends)


def _told(
    agent: AgentSettings,
    end: PartitionOffsets,
    status: Mapping[str, Any],
    beat: Heartbeat | None,
    parking: ParkingAlert | None,
) -> PartitionStanding:
    standing, why, parked_at = status["standing"], status["why"], status["parked_at"]
    if standing != PARKED and parking is not None and parking.alert.at_ms > status["at_ms"]:
        standing, why, parked_at = PARKED, parking.alert.message, parking.offset  # since the status was written
    return PartitionStanding(
        agent=agent.name,
        partition=end.partition,
        owner=status["instance"],
        standing=standing,
        why=why,
        parked_at=parked_at if standing == PARKED else None,
        input_position=status["input_position"],
        end=end.next,
        heartbeat_at_ms=None if beat is None else beat.at_ms,
        busy_s=status.get("busy_s"),  # a worker of an earlier version does not tell it
    )


def _inferred(
    agent: AgentSettings,
    end: PartitionOffsets,
    member: str | None,
    beat: Heartbeat | None,
    alerts: Mapping[int, ParkingAlert],
    now: int,
) -> PartitionStanding:
    """Of a worker elsewhere, from what it last said."""
    fresh = beat is not None and now - beat.at_ms <= FRESH_MS
    parking = alerts.get(end.partition)
    if parking is not None and beat is not None:
        goes_on = beat.input_position > parking.offset or beat.at_ms > parking.alert.at_ms
        parking = None if goes_on else parking  # a parked partition has no heartbeat
    standing, why = SILENT, "its worker says nothing: it opens, was refused (see its log), or hangs"
    if parking is not None:
        standing, why = PARKED, parking.alert.message
    elif fresh:
        standing, why = RUNNING, ""
    elif member is None:
        standing, why = NOBODY, "no worker has it: start one with `onhand worker`"
    return PartitionStanding(
        agent=agent.name,
        partition=end.partition,
        owner=member,
        standing=standing,
        why=why,
        parked_at=None if parking is None else parking.offset,
        input_position=parking.offset if parking is not None else _position(beat),
        end=end.next,
        heartbeat_at_ms=None if beat is None else beat.at_ms,
    )


def _position(beat: Heartbeat | None) -> int | None:
    return None if beat is None else beat.input_position


def wait_until(condition: Callable[[], bool], seconds: float, every_s: float = 0.5) -> bool:
    """Whether it came to hold within that time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(every_s)
    return True

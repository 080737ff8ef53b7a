"""The KPIs of the newest windows, read from their topic as of now."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import cast

from agents.codec import Codec
from agents.inventory.scores.rows import Window
from agents.inventory.scores.words import KpiRecord
from agents.runtime.plan import said_topics
from agents.runtime.topics import Cluster
from agents.runtime.topology import Topology
from tools.brokers.keyed_reading import TopicMissing
from tools.brokers.reading import Start, records

MARGIN_MS = 3_600_000
"""A window is said a while after its end."""
TELL_EVERY = 1_000

Seen = Callable[[int], None]
"""Hears how many records were read."""


class NobodySaysKpis(Exception):
    """No agent of the topology says KPIs."""


def kpi_topic(topology: Topology) -> str:
    """The topic of the KPIs. Raises NobodySaysKpis."""
    for agent in topology.agents.values():
        topic = said_topics(topology, agent).get("kpi")
        if topic is not None:
            return topic
    raise NobodySaysKpis


def newest_windows(topology: Topology, codec: Codec, window: Window, many: int, seen: Seen) -> list[KpiRecord]:
    """The last word on each window of that length, by subject, the newest window first.

    Of those of the last `many` lengths of time; if nothing was said for so long, of all. Raises TopicMissing and
    NobodySaysKpis.
    """
    since_ms = time.time_ns() // 1_000_000 - (many + 1) * window.length_ms - MARGIN_MS
    found = _read(topology, codec, Start(since_ms=max(0, since_ms)), seen)
    return last_words(found or _read(topology, codec, Start(), seen), window.name)


def last_words(said: Iterable[KpiRecord], window: str) -> list[KpiRecord]:
    """The last record of each window; by subject, the newest window first."""
    latest = {(each.subject, each.from_ms): each for each in said if each.window == window}
    return sorted(latest.values(), key=lambda each: (each.subject, -each.from_ms))


def _read(topology: Topology, codec: Codec, start: Start, seen: Seen) -> list[KpiRecord]:
    topic, cluster = kpi_topic(topology), Cluster(topology.kafka)
    found = cluster.topics([topic])
    if topic not in found:
        raise TopicMissing(topic)
    decode = cast("Callable[..., KpiRecord]", codec.decoder(topic, "kpi"))
    said: list[KpiRecord] = []
    for message in records(topology.kafka, topic, cluster.offsets(found.values())[topic], start):
        said.append(decode(message.value(), message.headers()))
        if len(said) % TELL_EVERY == 0:
            seen(len(said))
    return said

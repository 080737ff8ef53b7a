"""Dead letters, read back from their topics."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, cast

from agents.codec import Codec, DeadLetter
from agents.runtime.dead_letters import STORY_HEADER
from agents.runtime.fold import Headers
from agents.runtime.topics import Cluster, PartitionOffsets
from agents.runtime.topology import Topology
from tools.brokers.reading import Start, records


class Burial(NamedTuple):
    """One dead letter."""

    topic: str
    partition: int
    offset: int
    buried_at_ms: int
    key: bytes | None
    value: bytes | None
    story: DeadLetter


def burials(topology: Topology, codec: Codec, topics: Iterable[str]) -> Iterator[Burial]:
    """Every dead letter of these topics, the oldest first. Topics that do not exist have none."""
    cluster = Cluster(topology.kafka)
    found = cluster.topics(topics)
    spans = cluster.offsets(found.values())
    buried = [burial for name in found for burial in _of_topic(topology, codec, name, spans[name])]
    yield from sorted(buried, key=lambda burial: (burial.buried_at_ms, burial.topic, burial.partition, burial.offset))


def _of_topic(topology: Topology, codec: Codec, topic: str, spans: tuple[PartitionOffsets, ...]) -> Iterator[Burial]:
    decode = codec.decoder(topic, "dead_letter")
    for message in records(topology.kafka, topic, spans, Start()):
        told = [value for name, value in cast("Headers", message.headers() or []) if name == STORY_HEADER]
        if not told:
            continue  # somebody else's record
        story = cast("DeadLetter", decode(cast("bytes", told[-1]), None))
        yield Burial(
            topic,
            message.partition() or 0,
            message.offset() or 0,
            message.timestamp()[1],
            message.key(),
            message.value(),
            story,
        )

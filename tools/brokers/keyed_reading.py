"""Reading what a topic holds of some keys, up to the end of now: of their partitions only, committed records only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from agents.runtime.partitioner import partition_of
from agents.runtime.topics import Cluster
from agents.runtime.topology import Topology
from tools.brokers.reading import Start, records

if TYPE_CHECKING:
    from confluent_kafka import Message

TELL_EVERY = 1_000
FROM_THE_BEGINNING = Start()

Seen = Callable[[int], None]
"""Hears how many records were read."""


class TopicMissing(Exception):
    """The topic is not on the cluster."""


def records_of_keys(
    topology: Topology, topic: str, keys: Iterable[str] = (), start: Start = FROM_THE_BEGINNING
) -> Iterator[Message]:
    """The records of the partitions where these keys live, or of all when none is named: others of them too.

    Raises TopicMissing, KafkaException.
    """
    cluster = Cluster(topology.kafka)
    found = cluster.topics([topic])
    if topic not in found:
        raise TopicMissing(topic)
    spans = cluster.offsets(found.values())[topic]
    wanted = {partition_of(key.encode(), len(spans)) for key in keys}
    chosen = tuple(span for span in spans if not wanted or span.partition in wanted)
    yield from records(topology.kafka, topic, chosen, start)


def counted(messages: Iterable[Message], seen: Seen) -> Iterator[Message]:
    """The same records; `seen` hears now and then how many there were."""
    for count, message in enumerate(messages):
        if count % TELL_EVERY == 0:
            seen(count)
        yield message

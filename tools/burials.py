"""Dead letters, read back from their topics: what was buried, and what people decided about it.

Both are records of the dead letter topic. A burial has the story in a header (agents/runtime/dead_letters.py). A
settlement has no value and headers of its own: it names the burials that it settles, who decided and why. So whatever
reads the topic knows which letters are still open, and nothing is ever changed or deleted there.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from agents.codec import Codec, DeadLetter
from agents.runtime.broker_errors import BrokerUnusable
from agents.runtime.dead_letters import ORIGIN_HEADER, STORY_HEADER
from agents.runtime.fold import Headers
from agents.runtime.topics import Cluster
from agents.runtime.topology import Topology

VERDICT_HEADER = "onhand.settled"
LETTERS_HEADER = "onhand.settled.letters"
WHO_HEADER = "onhand.settled.who"
WHY_HEADER = "onhand.settled.why"
TO_HEADER = "onhand.settled.to"
IMPORT_FILE_HEADER = "onhand.import.file"

POLL_S = 0.1
PATIENCE_POLLS = 300
"""Without a record and without the end: then an open transaction holds the readers back."""
RECORDS_PER_POLL = 2_000
ASK_S = 15.0

_quiet = logging.getLogger("onhand.broker.burials")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


class Verdict(StrEnum):
    """What a person decided about a letter."""

    REDRIVEN = "redriven"
    DROPPED = "dropped"


class Place(NamedTuple):
    """Where a record is in its topic."""

    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.partition}-{self.offset}"


@dataclass(frozen=True, slots=True)
class Burial:
    """One burial: everything but the bytes, which may be large."""

    topic: str
    """The dead letter topic."""
    place: Place
    buried_at_ms: int
    key: bytes | None
    story: DeadLetter
    origin: str
    """`topic-partition-offset` of the record that was buried first; of a row, `file row number`."""
    redriven: bool
    """The record had been redriven before."""

    @property
    def was_folded(self) -> bool:
        """A refused fact: the fold decided it and answered. All others left no trace in the state."""
        return self.story.stage == "decide" and self.story.error_class == "Refused"

    @property
    def is_row(self) -> bool:
        """A row of a file that never was a record."""
        return self.story.partition < 0


@dataclass(frozen=True, slots=True)
class Settlement:
    """One decision of a person."""

    verdict: Verdict
    places: frozenset[Place]
    """The burials that it settles."""
    who: str
    why: str
    to: str
    """Where it was redriven to; empty for a dropped one."""
    at_ms: int


@dataclass
class Graveyard:
    """What one dead letter topic holds."""

    topic: str
    burials: list[Burial] = field(default_factory=list)
    settlements: list[Settlement] = field(default_factory=list)
    read_to: dict[int, int] = field(default_factory=dict)
    """By partition: the next offset to read."""


def read_graveyard(topology: Topology, codec: Codec, topic: str) -> Graveyard:
    """All of a dead letter topic as it is now; one that does not exist is empty. Raises BrokerUnusable, KafkaException."""
    found = Graveyard(topic)
    cluster = Cluster(topology.kafka)
    there = cluster.topics([topic])
    if topic in there:
        found.read_to = {span.partition: span.first for span in cluster.offsets(there.values())[topic]}
        read_on(topology, codec, found)
    return found


def read_on(topology: Topology, codec: Codec, found: Graveyard) -> None:
    """Add what came since, up to the very end of now: also what a transaction that is just ending has written."""
    decode = codec.decoder(found.topic, "dead_letter")
    ends = _ends(topology.kafka, found.topic, found.read_to)
    for message in records_between(topology.kafka, found.topic, found.read_to, ends):
        headers = headers_of(message)
        told = {name: value for name, value in headers if value is not None}
        if STORY_HEADER in told:
            story = cast("DeadLetter", decode(cast("bytes", told[STORY_HEADER]), None))
            found.burials.append(_burial(found.topic, message, story, told))
        elif VERDICT_HEADER in told and _text(told[VERDICT_HEADER]) in tuple(Verdict):
            found.settlements.append(_settlement(message, told))
    found.read_to = ends
    found.burials.sort(key=lambda burial: (burial.buried_at_ms, burial.place))


def contents(topology: Topology, topic: str, places: Sequence[Place]) -> Iterator[Message]:
    """The records at these places, with their bytes; in order within each partition."""
    wanted = frozenset(places)
    begins: dict[int, int] = {}
    ends: dict[int, int] = {}
    for place in wanted:
        begins[place.partition] = min(begins.get(place.partition, place.offset), place.offset)
        ends[place.partition] = max(ends.get(place.partition, 0), place.offset + 1)
    for message in records_between(topology.kafka, topic, begins, ends):
        if place_of(message) in wanted:
            yield message


def records_between(
    settings: Mapping[str, str], topic: str, begins: Mapping[int, int], ends: Mapping[int, int]
) -> Iterator[Message]:
    """The committed records from `begins` to before `ends`, waiting for transactions that hold readers back."""
    reading = {partition for partition in begins if begins[partition] < ends[partition]}
    if not reading:
        return
    consumer = _consumer(settings, "read_committed")
    try:
        consumer.assign([TopicPartition(topic, partition, begins[partition]) for partition in sorted(reading)])
        empty = 0
        while reading:
            messages = consumer.consume(RECORDS_PER_POLL, POLL_S)
            empty = 0 if messages else empty + 1
            if empty > PATIENCE_POLLS:
                raise BrokerUnusable(
                    f"{topic} could not be read to its end: a transaction is still open, or the broker is away.",
                    "Run this again in a minute.",
                )
            for message in messages:
                partition, offset = place_of(message)
                end_of_partition = _is_end(message)
                if not end_of_partition and offset < ends[partition]:
                    yield message
                if offset + (0 if end_of_partition else 1) >= ends[partition]:
                    reading.discard(partition)
    finally:
        consumer.close()


def offsets_since(settings: Mapping[str, str], topic: str, ends: Mapping[int, int], since_ms: int) -> dict[int, int]:
    """By partition: the first record with that timestamp or a later one; the end where there is none."""
    consumer = _consumer(settings, "read_committed")
    try:
        asked = [TopicPartition(topic, partition, since_ms) for partition in sorted(ends)]
        found = {at.partition: at.offset for at in consumer.offsets_for_times(asked, ASK_S)} if asked else {}
        return {partition: found[partition] if found[partition] >= 0 else end for partition, end in ends.items()}
    finally:
        consumer.close()


def place_of(message: Message) -> Place:
    """Partition and offset."""
    return Place(message.partition() or 0, message.offset() or 0)


def headers_of(message: Message) -> Headers:
    """Its headers; none is an empty list."""
    return cast("Headers", message.headers() or [])


def _burial(topic: str, message: Message, story: DeadLetter, told: Mapping[str, Any]) -> Burial:
    redriven = ORIGIN_HEADER in told
    if redriven:
        origin = _text(told[ORIGIN_HEADER])
    elif story.partition < 0:
        origin = f"{_text(told.get(IMPORT_FILE_HEADER, 'a file'))} row {story.offset}"
    else:
        origin = f"{story.topic}-{story.partition}-{story.offset}"
    key = message.key()
    return Burial(topic, place_of(message), message.timestamp()[1], key, story, origin, redriven)


def _settlement(message: Message, told: Mapping[str, Any]) -> Settlement:
    named = (name.partition("-") for name in _text(told.get(LETTERS_HEADER, "")).split(",") if name)
    places = frozenset(Place(int(p), int(o)) for p, _, o in named if p.isdigit() and o.isdigit())
    text = {name: _text(told.get(name, "")) for name in (WHO_HEADER, WHY_HEADER, TO_HEADER)}
    verdict = Verdict(_text(told[VERDICT_HEADER]))
    return Settlement(verdict, places, text[WHO_HEADER], text[WHY_HEADER], text[TO_HEADER], message.timestamp()[1])


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


def _ends(settings: Mapping[str, str], topic: str, partitions: Mapping[int, int]) -> dict[int, int]:
    """Behind the last record of each partition, whether its transaction is over or not."""
    if not partitions:
        return {}
    consumer = _consumer(settings, "read_uncommitted")
    try:
        return {
            number: consumer.get_watermark_offsets(TopicPartition(topic, number), ASK_S)[1] for number in partitions
        }
    finally:
        consumer.close()


def _consumer(settings: Mapping[str, str], isolation: str) -> Consumer:
    configuration: dict[str, Any] = {
        **settings,
        "group.id": "onhand.dead-letters",  # never joined nor committed to: only librdkafka wants one
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "isolation.level": isolation,
        "fetch.wait.max.ms": 20,
        "auto.offset.reset": "earliest",
    }
    return Consumer(configuration, logger=_quiet)


def _is_end(message: Message) -> bool:
    error = message.error()
    if error is None:
        return False
    if error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
        return True
    raise KafkaException(error)

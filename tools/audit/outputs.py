"""What one partition's owner has written, beside what the fold says: each produced record to where it must be found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, cast

from confluent_kafka import Message

from agents.codec import Malformed
from agents.codec.words import DeadLetter
from agents.inventory.alerts import AlertType
from agents.inventory.transactions import Transaction
from agents.runtime.dead_letters import PARKED, STORY_HEADER, UNDELIVERED
from agents.runtime.fold import Outbox, Produced, header
from agents.runtime.partitioner import partition_of
from agents.runtime.unparking import Skip
from tools.audit.asking import ASKED_FOR, Asked
from tools.audit.books import Books
from tools.audit.events import At, Events, Read, decoded, event_at
from tools.audit.findings import Findings, Party
from tools.audit.levels import Coalesced
from tools.audit.logs import PartitionLog, Peekable
from tools.audit.stage import AuditStage

Burial = tuple[DeadLetter, bytes | None]
"""The story and the bytes kept."""


ITS_OWN = {"answer": Party.ANSWERS, "journal": Party.JOURNAL, "edge": Party.EDGES, "order_routing": Party.ROUTINGS}
"""Schemas of topics that the owner writes into the partition of the same number, where nobody else does, every event of
them. Of several topics of edges the first: the others are for who watches."""
BY_ITS_KEY = {
    "campaign_command": Party.COMMANDS,
    "replenishment_request": Party.REQUESTS,
    "insight": Party.INSIGHTS,
    "kpi": Party.KPIS,
    "demand": Party.DEMAND,
}
"""Likewise, because it is said under the key of the record that it follows from; others may write there."""
SPREAD = {"alert": Party.ALERTS, "edge": Party.EDGES, "order": Party.ORDERS, "campaign": Party.CAMPAIGNS}
"""Said under a key of its own, which decides on the partition; others write there."""
COALESCED = {"level": Party.LEVELS, "availability": Party.AVAILABILITY, "order_status": Party.STATUSES}
"""Of each key only the last one must be there."""
NO_SETTINGS: Mapping[str, str] = {}
SMALL_QUEUE: Mapping[str, str] = {"queued.max.messages.kbytes": "1024"}
"""Of logs that are read many at a time."""
IDS = ("event_id", "record_id", "tally_id")
"""The field that names the cause."""


def id_of(word: Any) -> str:
    """The id of an event, which begins with its cause; that of the event in it where it carries one. Empty: it has none."""
    for name in IDS:
        if hasattr(word, name):
            return str(getattr(word, name))
    parts = [getattr(word, name) for name in getattr(word, "__struct_fields__", ())]
    return next((str(part.event_id) for part in parts if hasattr(part, "event_id")), "")


class Outputs:
    """What the owner of one partition has written, read beside a fold."""

    def __init__(self, stage: AuditStage, partition: int, findings: Findings) -> None:
        self.unknown: set[str] = set()
        """Topics that the fold writes and nobody here compares."""
        self.books: Books | None = None
        """None where the journal's beginning is deleted: sums would say nothing."""
        self._stage = stage
        self._partition = partition
        self._findings = findings
        self._prefix = f"{stage.agent.folds}-{partition}-"
        self._own: dict[str, Events] = {}
        """By topic: in the partition of the same number."""
        self._spread: dict[str, dict[int, Events]] = {}
        """By topic and partition: where the key decides."""
        self._asked: dict[str, dict[int, Asked]] = {}
        """By topic and partition: transactions, see asking.py."""
        self._coalesced: dict[str, Coalesced] = {}
        self._decode_story = stage.codec.decoder(stage.agent.dead_letters.name, "dead_letter")
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        stage = self._stage
        dead, first = self._log(stage.agent.dead_letters.name, self._partition)
        self._own[stage.agent.dead_letters.name] = self._events(
            dead, Party.DEAD_LETTERS, self._burial, begins_late=first > 0, same=_as_buried
        )
        edges = 0
        for topic, schema in stage.said.items():
            aligned = stage.count_of(topic) == stage.partitions
            edges += schema == "edge"
            if schema == "transaction" and topic != stage.agent.folds:
                self._open_asked(topic)
            elif schema in COALESCED and aligned:
                log, _ = self._log(topic, self._partition)
                self._coalesced[topic] = Coalesced(
                    log.log, self._partition, COALESCED[schema], self._prefix, self._findings, stage.decoder(topic)
                )
            elif schema in ITS_OWN and aligned and (schema != "edge" or edges == 1):
                self._open_own(topic, ITS_OWN[schema])
            elif schema in BY_ITS_KEY and aligned:
                self._open_by_key(topic, BY_ITS_KEY[schema], [self._partition])
            elif schema in SPREAD or schema in BY_ITS_KEY or schema in ITS_OWN:
                party = (SPREAD | BY_ITS_KEY | ITS_OWN)[schema]
                self._open_by_key(topic, party, range(stage.count_of(topic)))

    def _open_own(self, topic: str, party: Party) -> None:
        decode = self._stage.decoder(topic)
        log, first = self._log(topic, self._partition)
        post: Callable[[Message], None] | None = None
        if party is Party.JOURNAL and first == 0:
            self.books = Books(self._partition, self._findings)
            post = self._poster(self.books, decode)

        def read(message: Message) -> Read:
            word = decoded(decode, message)
            return Read(None if word is None else event_at(id_of(word), self._prefix), word)

        self._own[topic] = self._events(log, party, read, begins_late=first > 0, shared=False, on_record=post)

    def _open_by_key(self, topic: str, party: Party, partitions: Iterable[int]) -> None:
        decode = self._stage.decoder(topic)
        of_topic = self._spread[topic] = {}
        for partition in partitions:
            log, first = self._log(topic, partition, SMALL_QUEUE)
            of_topic[partition] = self._events(log, party, self._reader_of_ours(decode), begins_late=first > 0)

    def _open_asked(self, topic: str) -> None:
        stage = self._stage
        asked_for = ASKED_FOR.get(stage.agent.name)
        if asked_for is None:
            return

        def is_ours(word: Transaction) -> bool:
            key = asked_for(word)
            agent = stage.agent.name
            return (
                word.source == agent
                and key is not None
                and partition_of(key.encode(), stage.partitions) == self._partition
            )

        for partition in range(stage.count_of(topic)):
            log, _ = self._log(topic, partition, SMALL_QUEUE)
            mark = stage.agent.name.encode()
            asked = Asked(log, self._partition, self._findings, stage.decoder(topic), is_ours, mark)
            self._asked.setdefault(topic, {})[partition] = asked

    def _events(self, log: Peekable, party: Party, read: Callable[[Message], Read | None], **options: Any) -> Events:
        return Events(log, self._partition, party, self._findings, read, **options)

    def _poster(self, books: Books, decode: Callable[..., Any]) -> Callable[[Message], None]:
        def post(message: Message) -> None:
            record = decoded(decode, message)
            if record is not None:
                books.post(record)

        return post

    def read_ahead(self, horizon: int | None) -> None:
        """Before a record is folded: read what may be of its chunk, see levels.py."""
        for coalesced in self._coalesced.values():
            coalesced.read_ahead(horizon)

    def judge(self, offset: int, outbox: Outbox) -> None:
        """The input record at `offset` was folded; this is what must have been said of it."""
        latest: dict[str, list[tuple[str, bytes, bytes | None]]] = {topic: [] for topic in self._coalesced}
        for produced in outbox:
            topic, key, value = produced[0], produced[1], produced[2]
            if topic in latest:
                latest[topic].append((self._stage.decoder(topic)(value, None).event_id, key or b"", value))
            elif topic == self._stage.agent.dead_letters.name:
                self._own[topic].expect(At(offset, 0), key, (self._story(produced), value))
            elif topic in self._own:
                self._expect(self._own[topic], topic, offset, key, value)
            elif topic in self._asked:
                self._asked[topic][self._placed(topic, produced)].expect(key, value)
            elif topic in self._spread and self._placed(topic, produced) in self._spread[topic]:
                self._expect(self._spread[topic][self._placed(topic, produced)], topic, offset, key, value)
            elif topic != self._stage.agent.folds:  # a record forwarded to its own partition is that one's input
                self.unknown.add(topic)
        for topic, said in latest.items():
            self._coalesced[topic].expect(offset, said)

    def _placed(self, topic: str, produced: Produced) -> int:
        """The partition that it was produced to."""
        key, partition = produced[1], produced[3]
        return partition if partition >= 0 else partition_of(key or b"", self._stage.count_of(topic))

    def finish(self, input_position: int) -> int:
        """The fold stands at the cut. Returns the highest input position that something found was said from, or 0."""
        for each in self._all():
            each.finish(input_position)
        return max(each.ahead for each in self._all())

    def counts(self) -> Mapping[str, int]:
        """Records found as expected, by party."""
        found: Counter[str] = Counter()
        for each in self._all():
            found[each.party.value] += each.count
        return found

    def gone(self) -> Mapping[str, int]:
        """Records that the fold says and that retention has deleted, by party; only those with any."""
        found: Counter[str] = Counter()
        for events in self._all_events():
            found[events.party.value] += events.gone
        return {party: count for party, count in found.items() if count}

    def close(self) -> None:
        """End reading."""
        for each in self._all():
            each.close()

    def _all(self) -> list[Events | Coalesced | Asked]:
        asked = [each for topic in self._asked.values() for each in topic.values()]
        return [*self._all_events(), *asked, *self._coalesced.values()]

    def _all_events(self) -> list[Events]:
        return [*self._own.values(), *(events for topic in self._spread.values() for events in topic.values())]

    def _log(self, topic: str, partition: int, settings: Mapping[str, str] = NO_SETTINGS) -> tuple[Peekable, int]:
        first = self._stage.spans(topic)[partition].first
        return Peekable(PartitionLog({**settings, **self._stage.topology.kafka}, topic, partition, first)), first

    def _expect(self, events: Events, topic: str, offset: int, key: bytes | None, value: bytes | None) -> None:
        if events.is_next(offset, key, value):
            return
        word = self._stage.decoder(topic)(value, None)
        at = event_at(id_of(word), self._prefix)
        if at is None:
            self.unknown.add(topic)
        else:
            events.expect(at, key, word)

    def _reader_of_ours(self, decode: Callable[..., Any]) -> Callable[[Message], Read | None]:
        """Of a topic where other partitions, and other agents, write too."""
        mark = self._prefix.encode()

        def read(message: Message) -> Read | None:
            if mark not in (message.value() or b""):
                return None
            word = decoded(decode, message)
            # What cannot be read may be anybody's. That a partition stood still is said by the clock, and again
            # each time it is opened.
            if word is None or getattr(word, "type", None) is AlertType.PARTITION_PARKED:
                return None
            at = event_at(id_of(word), self._prefix)
            return None if at is None else Read(at, word)

        return read

    def _burial(self, message: Message) -> Read | None:
        story = story_in(message, self._decode_story)
        if story is None or (story.topic, story.partition) != (self._stage.agent.folds, self._partition):
            return None
        if story.stage == UNDELIVERED:  # buried by `onhand deliver`, which reads the same topic
            return None
        return Read(At(story.offset, 0), (story, message.value()))

    def _story(self, produced: Produced) -> DeadLetter:
        headers = dict(produced[4] or ())
        story: DeadLetter = self._decode_story(cast("bytes", headers[STORY_HEADER]))
        return story


def skips(stage: AuditStage, partition: int) -> dict[int, Skip]:
    """The records that a person has left out of the fold (`onhand partitions unpark --skip`), by offset."""
    topic = stage.agent.dead_letters.name
    span = stage.spans(topic)[partition]
    decode = stage.codec.decoder(topic, "dead_letter")
    found: dict[int, Skip] = {}
    with PartitionLog(stage.topology.kafka, topic, partition, span.first) as log:
        for message in log.up_to(span.next):
            story = story_in(message, decode)
            if story is None or story.stage != PARKED:
                continue
            if (story.topic, story.partition) == (stage.agent.folds, partition):
                found[story.offset] = Skip(story.offset, story.reason, "")
    return found


def story_in(message: Message, decode: Callable[..., Any]) -> DeadLetter | None:
    """The story of a dead letter; None where it has none that can be read."""
    told = header(message, STORY_HEADER)  # type: ignore[arg-type]  # the stubs are wider
    if told is None:
        return None
    try:
        story: DeadLetter = decode(told)
    except Malformed:
        return None
    return story


def _as_buried(expected: Burial, found: Burial) -> bool:
    """All but the traceback, which names lines of the program that ran then."""
    fields = [name for name in DeadLetter.__struct_fields__ if name != "traceback"]
    return expected[1] == found[1] and all(getattr(expected[0], name) == getattr(found[0], name) for name in fields)

"""Hand-made records, folds and owners for tests of the runtime without a broker."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from confluent_kafka import Producer

from agents.codec import Codec, Malformed
from agents.codec.schema_set import SchemaSet
from agents.codec.words import DeadLetter
from agents.inventory.alerts import Alert
from agents.inventory.invariants import InvariantBroken
from agents.runtime.dead_letters import STORY_HEADER, DeadLetters
from agents.runtime.fold import Headers, InputRecord, Outbox, Outgoing, header
from agents.runtime.owner import Encoders, Names, Owner
from agents.runtime.partitioner import partition_of
from agents.state.memory import MemoryStore
from agents.state.overlay import Overlay
from agents.state.store import Meta
from agents.state.tables import UndecodableRow
from tools.bench.thin import COUNTERS, Counter

PARTITIONS = 4
TOPIC, DEAD_LETTER_TOPIC, ALERTS, OUTPUT = "input", "input.dlq", "alerts", "output"
CODEC = Codec(SchemaSet.load())
NAMES = Names("thin", TOPIC, PARTITIONS, "changelog", ALERTS, None, "app.thin", "1")
ENCODERS = Encoders(CODEC.encoder(ALERTS, "alert"), CODEC.encoder("heartbeats", "heartbeat"))


@dataclass(frozen=True)
class HandMade:
    """A record as the client library would give it."""

    raw_key: bytes | None
    raw_value: bytes | None
    at: int = 0
    time_ms: int = 1_000
    raw_headers: Headers | None = None

    def key(self) -> bytes | None:
        return self.raw_key

    def value(self) -> bytes | None:
        return self.raw_value

    def offset(self) -> int:
        return self.at

    def timestamp(self) -> tuple[int, int]:
        return 1, self.time_ms

    def headers(self) -> Headers | None:
        return self.raw_headers


def key_of(partition: int, number: int = 0) -> bytes:
    """The n-th key that lives in this partition."""
    found = (key for key in (b"k%d" % n for n in range(10_000)) if partition_of(key, PARTITIONS) == partition)
    return next(key for index, key in enumerate(found) if index == number)


class CountingFold:
    """Counts the records of each key. The value says what happens: `bad`, `bug`, `broken`, `newer`, `disk` or all well."""

    def __init__(self, overlay: Overlay) -> None:
        self.overlay = overlay
        self.times: list[int] = []
        self.ends_badly = False
        self.wakes: list[tuple[bytes, bytes]] = []

    def fold(self, record: InputRecord, at_ms: int, outbox: Outbox) -> None:
        key, value = (record.key() or b"").decode(), record.value() or b""
        before = self.overlay.get(COUNTERS, (key,))
        after = Counter(1, 0) if before is None else Counter(before.records + 1, 0)
        match value:
            case b"bad":
                raise Malformed("it is bad")
            case b"bug":
                raise ZeroDivisionError("a bug in a decision")
            case b"broken":
                raise InvariantBroken("the books do not close")
            case b"newer":
                raise UndecodableRow("counters", "its version is 9")
        self.overlay.put(COUNTERS, (key,), after)
        self.times.append(at_ms)
        outbox.append(Outgoing(OUTPUT, key.encode(), b"%d" % after.records))

    def end_chunk(self, outbox: Outbox) -> None:
        if self.ends_badly:
            raise OverflowError("a number beyond 64 bits")

    def due(self, now_ms: int, limit: int) -> Sequence[tuple[bytes, bytes]]:
        return self.wakes[:limit]

    def is_broadcast(self, key: bytes) -> bool:
        return key.startswith(b"policy:")


class RealOwner:
    """An `Owner` over a memory store; its producer never meets a broker, so that only `decide` can be called."""

    def __init__(self, partition: int = 0, meta: Meta | None = None) -> None:
        self.store = MemoryStore()
        self.overlay = Overlay(self.store, [COUNTERS], 1_000)
        self.fold = CountingFold(self.overlay)
        dead_letters = DeadLetters(TOPIC, DEAD_LETTER_TOPIC, partition, CODEC.encoder(DEAD_LETTER_TOPIC, "dead_letter"))
        producer = Producer({"bootstrap.servers": "127.0.0.1:1", "log_level": 0})
        self.owner = Owner(
            partition, NAMES, ENCODERS, dead_letters, producer, self.store, self.overlay, self.fold, meta or Meta()
        )


def alerts_in(outbox: Outbox) -> list[Alert]:
    """Decoded."""
    decode = CODEC.decoder(ALERTS, "alert")
    return [decode(each[2]) for each in outbox if each[0] == ALERTS]


def stories_in(outbox: Outbox) -> list[DeadLetter]:
    """Decoded, of the dead letters."""
    decode = CODEC.decoder(DEAD_LETTER_TOPIC, "dead_letter")
    return [
        decode(header(HandMade(None, None, raw_headers=each[4]), STORY_HEADER))
        for each in outbox
        if each[0] == DEAD_LETTER_TOPIC
    ]


def wait_for(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Until it holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@dataclass
class Calls:
    """What was asked of somebody, in order; any thread."""

    made: list[tuple[object, ...]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, *call: object) -> None:
        with self.lock:
            self.made.append(call)

    def of(self, name: str) -> list[tuple[object, ...]]:
        with self.lock:
            return [call[1:] for call in self.made if call[0] == name]

"""A batch of scenarios, each in a partition of its own, told to one worker; and whether it did what they say.

Judged twice: everything the worker said must be what the rules make of the records in the log, record for record; and
each scenario's own transactions must have fared as they did in memory, where its text was judged.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Message

from agents.codec import digest
from agents.inventory.alerts import AlertType
from agents.inventory.answers import Answer
from agents.inventory.capacity import is_capacity
from agents.inventory.decide import decide
from agents.inventory.orders.words import OrderRecord
from agents.inventory.positions import Position
from agents.inventory.rows import Arrival, Decision
from agents.inventory.transactions import BROADCAST_KINDS, ORDER_ROUTER, STOCK_KEEPER, SYSTEM_KINDS, Kind, Transaction
from agents.inventory.units import MILLISECONDS_PER_DAY
from agents.runtime.fold import header
from tools.brokers.encoding import codec_of, transaction_encoder
from tools.live.orders import (
    CLOCK,
    RouterWords,
    audit_router,
    clock_order,
    clock_transaction,
    differences_of_orders,
    followed,
    told_orders,
    wait_for_levels,
)
from tools.live.reading import Reader
from tools.live.stage import INDEX_HEADER, LiveStage
from tools.scenario.memory_rows import MemoryRows
from tools.scenario.recording import Elsewhere, Recording, Told
from tools.scenario.words import DAY_BEGINS_MS

LARGEST_BATCH = 32
"""Scenarios told to one worker: the most partitions that one is meant for."""
DAYS_AHEAD = 14
"""Scenarios play so many days from now on: nothing of them is due by the wall clock."""
SENTINEL = "sentinel"
JUDGED = frozenset({"answer", "journal", "level", "availability", "edge", "alert"})
"""Schemas of the topics that are compared; heartbeats tell the time of the wall."""

NO_NAMES: Mapping[str, str] = {}
HEARD_FROM = frozenset({STOCK_KEEPER, ORDER_ROUTER})
"""Who tells the router what a scenario does not."""
Said = dict[str, Any]
"""Schema -> what was said in its topic."""


@dataclass
class Fold:
    """What the rules make of one partition."""

    rows: MemoryRows = field(default_factory=MemoryRows)
    decisions: dict[int, Decision] = field(default_factory=dict)
    """By offset."""
    own: dict[int, Decision] = field(default_factory=dict)
    """By which of the scenario's transactions it was: the worker adds records of its own."""


class Batch:
    """Some scenarios on one stage."""

    def __init__(self, stage: LiveStage, recordings: list[Recording]) -> None:
        """At most as many as the stage has partitions."""
        self._stage = stage
        self._recordings = recordings
        topology, agent = stage.topology, stage.agent
        self._encode = transaction_encoder(topology, agent.folds)
        codec = codec_of(topology)
        decode = codec.decoder(agent.folds, "transaction", topology.topics[agent.folds].format)
        self._decode = decode
        self._topics: dict[str, str] = {}
        for name in agent.says:  # The first topic of edges is the one for everybody.
            schema = topology.all_topics[name].schema
            if schema in JUDGED:
                self._topics.setdefault(schema, name)
        decoders: dict[str, Any] = {agent.folds: lambda message: message}
        for schema, name in self._topics.items():
            decoders[name] = word_of(codec.decoder(name, schema))
        self._router = RouterWords(stage) if any(recording.has_orders for recording in recordings) else None
        if self._router is not None:
            decoders |= self._router.decoders()
        self._reader = Reader(topology, decoders)
        edges = [name for name in agent.says if topology.all_topics[name].schema == "edge"]
        self._watchable = tuple(edges[1:])
        days = int((time.time() * 1_000 - DAY_BEGINS_MS) // MILLISECONDS_PER_DAY) + DAYS_AHEAD
        watched = self._watchable[0] if self._watchable else ""
        self._elsewhere = [
            Elsewhere(number, stage.partitions, days, watched, orders=recording.order_ids)
            for number, recording in enumerate(recordings)
        ]
        self._sent = [0] * len(recordings)
        self._clock = [0] * len(recordings)
        self._router_clock = [0] * len(recordings)
        self._sentinels = 0

    def play(self) -> list[list[str]]:
        """Tell everything, and judge: sentences that say what differs, for each scenario. Raises LiveFailed."""
        if self._router is not None:
            return self._play_orders(self._router)
        with self._reader:
            if any(recording.crashes for recording in self._recordings):
                self._tell([recording.crashes[0] if recording.crashes else 0 for recording in self._recordings])
                self._settle()
                self._stage.kill_worker()
            self._tell([len(recording.told) for recording in self._recordings])
            ends = self._settle()
            self._reader.to_the_end(self._stage.check_worker)
            return [list(self._judge(number, ends)) for number in range(len(self._recordings))]

    def _play_orders(self, router: RouterWords) -> list[list[str]]:
        """The same line by line, with both agents."""
        numbers = range(len(self._recordings))
        with self._reader:
            for step in range(max(len(recording.told) for recording in self._recordings)):
                if any(step in recording.crashes for recording in self._recordings):
                    self._stage.kill_worker()
                self._until_followed(router, step)
                wait_for_levels([each for one in self._recordings for each in told_orders(one, step, step + 1)])
                for number in numbers:
                    self._tell_one(router, number, step)
                self._stage.flush()
            self._until_followed(router, None)
            ends = self._settle()
            self._reader.to_the_end(self._stage.check_worker)
            self._until_decided(router)
            self._reader.to_the_end(self._stage.check_worker)
            found = [list(self._judge(number, ends)) for number in numbers]
            for number, (recording, elsewhere) in enumerate(zip(self._recordings, self._elsewhere, strict=True)):
                found[number] += differences_of_orders(recording, elsewhere, router, self._reader, number)
        return [one + other for one, other in zip(found, audit_router(router, len(found)), strict=False)]

    def _tell_one(self, router: RouterWords, number: int, step: int) -> None:
        """One record of one scenario; the other agent is told what time it is by then."""
        recording, elsewhere = self._recordings[number], self._elsewhere[number]
        if step >= len(recording.told):
            return
        told = recording.told[step]
        at_ms = elsewhere.time(told.at_ms)
        if isinstance(told, Told):
            self._tell_order(router, number, at_ms, clock_order(at_ms), None)
            self._send(number, at_ms, elsewhere.transaction(told.transaction), step)
            return
        if self._clock[number] < at_ms:
            self._send(number, at_ms, clock_transaction(at_ms, elsewhere.sku(CLOCK)), None)
        self._tell_order(router, number, at_ms, elsewhere.record(told.record), step)

    def _tell_order(self, router: RouterWords, number: int, at_ms: int, record: OrderRecord, step: int | None) -> None:
        if step is None and self._router_clock[number] >= at_ms:
            return
        self._router_clock[number] = max(self._router_clock[number], at_ms)
        self._stage.send(number, at_ms, record.order_id.encode(), router.encode(record), step, router.orders)

    def _until_followed(self, router: RouterWords, step: int | None) -> None:
        """Wait until both agents have said what follows from everything before this step; None: from everything."""
        for number, recording in enumerate(self._recordings):
            wanted = (recording.asked, recording.heard)
            if step is not None and step < len(recording.before):
                wanted = recording.before[step]
            self._reader.until(
                lambda number=number, wanted=wanted: self._followed(router, number, wanted),  # type: ignore[misc]
                self._stage.check_worker,
                f"what follows from {recording.path.name} up to record {step}",
            )

    def _followed(self, router: RouterWords, number: int, wanted: tuple[int, int]) -> bool:
        folds, decode = self._stage.agent.folds, self._decode
        asked = followed(self._reader, folds, number, frozenset({ORDER_ROUTER}), decode)
        heard = followed(self._reader, router.orders, number, HEARD_FROM, router.decode)
        return asked >= wanted[0] and heard >= wanted[1]

    def _until_decided(self, router: RouterWords) -> None:
        """Wait until the router has folded what it was told."""
        ends = {
            number: max(
                [message.offset() + 1 for message in self._reader.said.get((router.orders, number), [])], default=0
            )
            for number in range(len(self._recordings))
        }

        def decided() -> bool:
            positions = self._stage.positions(ORDER_ROUTER)
            return all(positions.get(number, 0) >= end for number, end in ends.items())

        self._reader.until(decided, self._stage.check_worker, "the end of the orders")

    def _tell(self, up_to: list[int]) -> None:
        for number, (recording, elsewhere) in enumerate(zip(self._recordings, self._elsewhere, strict=True)):
            for index in range(self._sent[number], up_to[number]):
                told = recording.told[index]
                assert isinstance(told, Told)
                self._send(number, elsewhere.time(told.at_ms), elsewhere.transaction(told.transaction), index)
            self._sent[number] = max(self._sent[number], up_to[number])

    def _send(self, number: int, at_ms: int, transaction: Transaction, index: int | None) -> None:
        self._clock[number] = max(self._clock[number], at_ms)
        self._stage.send(number, at_ms, key_of(transaction), self._encode(transaction), index)

    def _settle(self) -> set[str]:
        """Tell every partition a last thing and wait until it is answered; returns the ids."""
        ids: set[str] = set()
        for number, elsewhere in enumerate(self._elsewhere):
            self._sentinels += 1
            at_ms = self._clock[number] or elsewhere.time(DAY_BEGINS_MS)
            sentinel = Transaction(
                transaction_id=f"{SENTINEL}-{self._sentinels}",
                source=SENTINEL,
                kind=Kind.RECEIPT,
                sku=elsewhere.sku(SENTINEL),
                location=SENTINEL,
                quantity=1,
                occurred_at_ms=at_ms,
            )
            ids.add(sentinel.transaction_id)
            self._send(number, at_ms, sentinel, -1)
        self._stage.flush()
        answers = self._topics["answer"]
        self._reader.until(
            lambda: ids <= {answer.transaction_id for answer in self._reader.words(answers)},
            self._stage.check_worker,
            "the answer to the last record",
        )
        return ids

    def _judge(self, number: int, ends: set[str]) -> Iterator[str]:
        """What differs of one scenario."""
        fold = self._fold(number, ends)
        recording, elsewhere = self._recordings[number], self._elsewhere[number]
        names = {elsewhere.order(name): name for name in elsewhere.orders}
        for index, told in enumerate(recording.told):
            if not isinstance(told, Told) or told.transaction.kind in SYSTEM_KINDS:
                continue  # The worker may have come before it with a record of its own.
            here, there = fate_of(told.decision), fate_of(fold.own[index], names) if index in fold.own else None
            if here != there:
                yield f"{told.transaction.kind} {told.transaction.transaction_id}: in memory {here}, live {there}"
        for (sku, location), position in recording.positions.items():
            if is_capacity(str(sku)):
                continue  # of another date there; router and ledger are judged by what they say of it
            live = fold.rows.position(elsewhere.sku(str(sku)), str(location))
            if live is None or buckets_of(live) != buckets_of(position):
                yield f"{sku}@{location}: in memory {buckets_of(position)}, live {live and buckets_of(live)}"
        causes = {f"{self._stage.agent.folds}-{number}-{offset}" for offset in fold.decisions}
        decisions = list(fold.decisions.values())
        for schema, topic in self._topics.items():
            said = [word for word in self._said(schema, topic, number) if cause_of(word) in causes]
            burials = [word for word in said if schema == "alert" and word.type is AlertType.DEAD_LETTER]
            if schema == "alert" and len(burials) != sum(each.dead_letter is not None for each in decisions):
                yield f"{len(burials)} records were buried"
            yield from differences(schema, words_of(schema, decisions), [word for word in said if word not in burials])

    def _said(self, schema: str, topic: str, number: int) -> list[Any]:
        """Alerts are keyed by their subject and may lie in any partition; all else is in the SKU's."""
        return self._reader.words(topic) if schema == "alert" else self._reader.said.get((topic, number), [])

    def _fold(self, number: int, ends: set[str]) -> Fold:
        """What the rules make of the partition's records, up to the last one."""
        fold, at_ms = Fold(), 0
        folds = self._stage.agent.folds
        for message in self._reader.said.get((folds, number), []):
            at_ms = max(at_ms, message.timestamp()[1])
            transaction, offset = self._decode(message.value(), message.headers()), message.offset()
            arrival = Arrival(
                transaction,
                f"{folds}-{number}-{offset}",
                offset,
                at_ms,
                digest(transaction),
                edge_topics=self._watchable,
                partition=number,
            )
            decision = decide(fold.rows, arrival, self._stage.topology.answers_keep_ms)
            fold.rows.apply(decision.changes)
            fold.decisions[offset] = decision
            index = header(message, INDEX_HEADER)
            if index is not None and int(index) >= 0:
                fold.own[int(index)] = decision
            if transaction.transaction_id in ends:
                break
        return fold


def word_of(decode: Any) -> Any:
    """From a record to the word in it."""

    def word(message: Message) -> Any:
        return decode(message.value())

    return word


def key_of(transaction: Transaction) -> bytes:
    """The key of its record."""
    if transaction.kind not in BROADCAST_KINDS:
        return transaction.sku.encode()
    reference: Any = (
        transaction.policy or transaction.location_reference or transaction.channel_reference or transaction.feed
    )
    name = reference.rule if transaction.policy else getattr(reference, transaction.kind.lower())
    return f"{transaction.kind.lower()}:{name}".encode()


def fate_of(decision: Decision, names: Mapping[str, str] = NO_NAMES) -> list[tuple[Any, ...]]:
    """What became of a transaction, without what depends on where and when it was told; `names` of orders there."""
    return [fate(answer, names) for answer in decision.answers]


def fate(answer: Answer, names: Mapping[str, str]) -> tuple[Any, ...]:
    """The part of an answer that its text may look at."""
    return (
        str(answer.status),
        None if answer.refusal is None else str(answer.refusal),
        names.get(answer.holder or "", answer.holder),
        answer.line,
        answer.quantity,
        answer.shortfall,
        answer.backordered,
        answer.location,
        answer.from_location,
        answer.legs,
        answer.repeats is not None,
    )


def words_of(schema: str, decisions: list[Decision]) -> list[Any]:
    """What should have been said in the topic of that schema."""
    words: dict[str, list[Any]] = {
        "answer": [word for decision in decisions for word in decision.answers],
        "journal": [word for decision in decisions for word in decision.journal],
        "alert": [word for decision in decisions for word in decision.alerts],
        "level": [word for decision in decisions for word in decision.levels],
        "availability": [decision.availability for decision in decisions if decision.availability is not None],
        "edge": [word for decision in decisions for word in decision.edges],
    }
    return words.get(schema, [])


def buckets_of(position: Position) -> tuple[int, ...]:
    """The five buckets."""
    return (
        position.unpromised,
        position.reserved,
        position.allocated,
        position.quarantined,
        position.in_transit,
    )


def cause_of(word: Any) -> str:
    """The record that an event came from."""
    return str(word.event_id).rpartition("-")[0]


def differences(schema: str, wanted: list[Any], said: list[Any]) -> Iterator[str]:
    """Levels and availability are said once for many decisions: the last of each row counts. All else is said once."""
    if schema in {"level", "availability"}:
        wanted, said = list(last_of(wanted).values()), list(last_of(said).values())
    wanted, said = (sorted(words, key=lambda word: (len(word.event_id), word.event_id)) for words in (wanted, said))
    for want, got in zip(wanted, said, strict=False):
        if want != got:
            yield f"{schema}: said {got}, the rules say {want}"
            return
    if len(wanted) != len(said):
        yield f"{schema}: {len(said)} were said, the rules say {len(wanted)}"


def last_of(words: list[Any]) -> dict[tuple[str, str], Any]:
    """The last word about each row."""
    return {(word.sku, getattr(word, "location", "")): word for word in words}

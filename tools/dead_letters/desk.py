"""Where letters are handled: found, opened with their bytes, redriven or dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

from agents.codec import Codec
from agents.runtime.broker_errors import BrokerUnusable
from agents.runtime.fold import Headers, Outgoing
from agents.runtime.topics import Cluster
from agents.runtime.topology import BOOTSTRAP, AgentSettings, Topology
from tools.brokers.reporting import broker_or_fail
from tools.burials import Graveyard, Place, Verdict, contents, headers_of, place_of, read_graveyard, read_on
from tools.dead_letters.letters import Choice, Letter, State, letters_of
from tools.dead_letters.redriving import Cannot, Correction, Decider, Redrive, prepared, records_of, settlements_of
from tools.dead_letters.words import Words, broadcast_prefixes
from tools.dead_letters.writing import Writer

LETTERS_AT_ONCE = 200
"""In one Kafka transaction, and in memory with their bytes: half a megabyte each at most."""

Opened = tuple[Letter, bytes | None, Headers]
Advance = Callable[[int], None]


@dataclass
class Outcome:
    """What became of the letters that were chosen."""

    done: list[tuple[Place, str]] = field(default_factory=list)
    """With where they went."""
    left: list[tuple[Place, str]] = field(default_factory=list)
    """With the sentence why."""


class Desk:
    """The dead letters of some agents. Every method that asks the broker ends the command where it cannot be used."""

    def __init__(self, topology: Topology, codec: Codec, agents: Sequence[AgentSettings]) -> None:
        self._topology = topology
        self._codec = codec
        self._agents = {agent.dead_letters.name: agent for agent in agents}
        self._words = {name: Words(topology, codec, agent.folds) for name, agent in self._agents.items()}
        self._graveyards: dict[str, Graveyard] = {}
        self._partitions: dict[str, int] = {}

    def chosen(self, choice: Choice) -> list[Letter]:
        """The letters that are asked for, by the time of their last burial."""
        with self._broker():
            for name in self._agents:
                if name not in self._graveyards:
                    self._graveyards[name] = read_graveyard(self._topology, self._codec, name)
        found = [letter for yard in self._graveyards.values() for letter in letters_of(yard) if choice.takes(letter)]
        return sorted(found, key=lambda letter: (letter.last.buried_at_ms, letter.topic, letter.last.place))

    def words(self, letter: Letter) -> Words:
        """Those of its input topic."""
        return self._words[letter.topic]

    def with_contents(self, letters: Sequence[Letter]) -> Iterator[Opened]:
        """Each letter with the value and headers of its last burial, in this order."""
        for some in _batches(letters):
            yield from self._opened(some)

    def prepared(self, letter: Letter, value: bytes | None, headers: Headers, how: Correction) -> Redrive | Cannot:
        """See `redriving.prepared`."""
        return prepared(letter, value, headers, self.words(letter), self._partitions_of(letter.topic), how)

    def redrive(
        self, letters: Sequence[Letter], how: Correction, decider: Decider, *, dry_run: bool, advance: Advance
    ) -> Outcome:
        """Send them again, each with its settlement. Those that cannot be stay as they are."""
        outcome = Outcome()
        for topic in self._agents:
            for broadcasts in (False, True):
                group = [each for each in letters if each.topic == topic and _is_broadcast(each, how) is broadcasts]
                self._redrive_some(topic, group, broadcasts, how, decider, outcome, dry_run=dry_run, advance=advance)
        return outcome

    def drop(self, letters: Sequence[Letter], decider: Decider, *, dry_run: bool, advance: Advance) -> Outcome:
        """Mark them as dropped."""
        outcome = Outcome()
        for topic in self._agents:
            group = [each for each in letters if each.topic == topic]
            writer, current = self._begin(topic, group, broadcasts=False, dry_run=dry_run)
            for some in _batches(current):
                records: list[Outgoing] = []
                for letter in some:
                    if letter.state is State.OPEN:
                        records += settlements_of(letter, Verdict.DROPPED, decider)
                        outcome.done.append((letter.place, ""))
                    else:
                        outcome.left.append((letter.place, f"It was {letter.state} already."))
                self._write(writer, records)
                advance(len(some))
        return outcome

    def _redrive_some(
        self,
        topic: str,
        letters: Sequence[Letter],
        broadcasts: bool,
        how: Correction,
        decider: Decider,
        outcome: Outcome,
        *,
        dry_run: bool,
        advance: Advance,
    ) -> None:
        writer, current = self._begin(topic, letters, broadcasts=broadcasts, dry_run=dry_run)
        for some in _batches(current):
            records: list[Outgoing] = []
            gone = {letter.place: letter for letter in some}
            for letter, value, headers in self._opened(some):
                del gone[letter.place]
                ready = self.prepared(letter, value, headers, how)
                if isinstance(ready, Cannot):
                    outcome.left.append((letter.place, ready.sentence))
                    continue
                records += records_of(ready, decider, self._partitions_of(topic))
                outcome.done.append((letter.place, ready.to))
            outcome.left += [(place, "Its bytes are no longer kept.") for place in gone]
            self._write(writer, records)
            advance(len(some))

    def _begin(
        self, topic: str, letters: Sequence[Letter], *, broadcasts: bool, dry_run: bool
    ) -> tuple[Writer | None, Sequence[Letter]]:
        """A writer that has shut out everybody else, and the letters as they are now, after what others have done."""
        if dry_run or not letters:
            return None, letters
        with self._broker():
            writer = Writer(self._topology, self._agents[topic], broadcasts=broadcasts)
            read_on(self._topology, self._codec, self._graveyards[topic])
        now = {letter.place: letter for letter in letters_of(self._graveyards[topic])}
        return writer, [now[letter.place] for letter in letters]

    def _write(self, writer: Writer | None, records: Sequence[Outgoing]) -> None:
        if writer is not None and records:
            with self._broker():
                writer.write(records)

    def _opened(self, letters: Sequence[Letter]) -> Iterator[Opened]:
        by_place = {}
        with self._broker():
            for topic in {letter.topic: None for letter in letters}:
                places = [letter.last.place for letter in letters if letter.topic == topic]
                for message in contents(self._topology, topic, places):
                    by_place[topic, place_of(message)] = message
        for letter in letters:
            found = by_place.get((letter.topic, letter.last.place))
            if found is not None:  # else the topic's retention has taken it meanwhile
                yield letter, found.value(), headers_of(found)

    def _partitions_of(self, topic: str) -> int:
        """Of the input topic, as the cluster has it."""
        if topic not in self._partitions:
            folds = self._agents[topic].folds
            with self._broker():
                found = Cluster(self._topology.kafka).topics([folds])
                if folds not in found:
                    raise BrokerUnusable(f"There is no topic {folds}.", "Create it with `onhand topics create`.")
            self._partitions[topic] = found[folds].partitions
        return self._partitions[topic]

    def _broker(self) -> AbstractContextManager[None]:
        return broker_or_fail(self._topology.kafka[BOOTSTRAP])


def _batches(letters: Sequence[Letter]) -> Iterator[Sequence[Letter]]:
    for begin in range(0, len(letters), LETTERS_AT_ONCE):
        yield letters[begin : begin + LETTERS_AT_ONCE]


def _is_broadcast(letter: Letter, how: Correction) -> bool:
    key = how.key.encode() if how.key is not None else letter.last.key
    return key is not None and key.startswith(broadcast_prefixes())

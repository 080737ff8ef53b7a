"""Levels and availability: each one is the fold's after its cause, and the last one of each key is there.

Only the last one of a key in a chunk is said, and compaction leaves out more, so a subsequence of what the fold says is
right. They lie in the order of the chunks but not within one, so before a record is folded all are read that can
be of its chunk: up to one whose cause is further ahead than the largest chunk reaches.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from confluent_kafka import Message

from agents.runtime.chunks import LARGEST_CHUNKS
from tools.audit.events import OTHER_VERSION, PATIENCE_S, decoded, differing, event_at, told
from tools.audit.findings import Difference, Findings, Kind, Party
from tools.audit.logs import PartitionLog

READ_AHEAD = 2 * LARGEST_CHUNKS[1]
"""Input records: who reads the level of one so far ahead has read all of the chunk in hand."""
REPUBLISH = "Readers see the wrong one until a transaction changes it: then it is published anew."


class _Said(NamedTuple):
    """One of them found."""

    word: Any
    message: Message


class Coalesced:
    """The levels (or what else is said once per chunk) of one partition, beside a fold."""

    def __init__(
        self,
        log: PartitionLog,
        partition: int,
        party: Party,
        cause_prefix: str,
        findings: Findings,
        decode: Callable[..., Any],
    ) -> None:
        self.count = 0
        """Found as the fold says them."""
        self.ahead = 0
        """Highest offset of a cause met that lies behind the cut, plus one; 0 where there was none."""
        self._log = log
        self.party = party
        self._partition = partition
        self._prefix = cause_prefix
        self._findings = findings
        self._decode = decode
        self._waiting: dict[int, dict[str, _Said]] = {}
        """By offset of the cause, then by event id."""
        self._furthest = -1
        self._folded_to = 0
        self._last_folded: dict[bytes, tuple[str, bytes | None]] = {}
        """By row: (event id, value) of the last level that the fold has said."""
        self._last_said: dict[bytes, str] = {}
        self._later: set[bytes] = set()
        """Rows with a level from behind the cut."""

    def read_ahead(self, horizon: int | None) -> None:
        """Read until a level's cause is at `horizon` or behind it, or to the end (None: in any case to the end)."""
        while not self._log.at_end and (horizon is None or self._furthest < horizon):
            for message in self._log.take():
                self._arrived(message)

    def expect(self, offset: int, said: list[tuple[str, bytes, bytes | None]]) -> None:
        """The record at `offset` was folded and said these levels: (event id, key, value)."""
        found = self._waiting.pop(offset, {})
        self._folded_to = offset + 1
        for event_id, key, value in said:
            self._last_folded[key] = event_id, value
            actual = found.pop(event_id, None)
            if actual is not None:
                self._last_said[key] = event_id
                self._compare(actual, key, value)
        for surplus in found.values():
            self._surplus(surplus.message, surplus.word, Kind.SURPLUS)

    def finish(self, input_position: int) -> None:
        """The fold stands at the cut: the last level of each row must be there, unless a later one has replaced it."""
        deadline = time.monotonic() + PATIENCE_S
        self.read_ahead(None)
        while True:
            for message in self._log.take():  # the end is told once; whether there is more by now, by asking
                self._arrived(message)
            self._sort_out(input_position)
            missing = [key for key in self._last_folded if not self._is_there(key)]
            if not missing or time.monotonic() > deadline or not self._log.has_pending():
                break
        for key in missing:
            self._missing(key)

    def close(self) -> None:
        """End reading."""
        self._log.close()

    def _is_there(self, key: bytes) -> bool:
        return key in self._later or self._last_said.get(key) == self._last_folded[key][0]

    def _arrived(self, message: Message) -> None:
        word = decoded(self._decode, message)
        at = None if word is None else event_at(word.event_id, self._prefix)
        if at is None:
            self._surplus(message, word, Kind.UNREADABLE if word is None else Kind.SURPLUS)
            return
        self._furthest = max(self._furthest, at.offset)
        waiting = self._waiting.setdefault(at.offset, {})
        if at.offset < self._folded_to and self._is_last(message, word):
            del self._waiting[at.offset]  # of the last chunk before the cut, seen late
            self._last_said[message.key() or b""] = word.event_id
            self._compare(_Said(word, message), *self._folded(message))
        elif at.offset < self._folded_to or word.event_id in waiting:
            self._surplus(message, word, Kind.DOUBLED)
        else:
            waiting[word.event_id] = _Said(word, message)

    def _is_last(self, message: Message, word: Any) -> bool:
        key = message.key() or b""
        return (
            key in self._last_folded
            and self._last_folded[key][0] == word.event_id
            and self._last_said.get(key) != word.event_id
        )

    def _folded(self, message: Message) -> tuple[bytes, bytes | None]:
        key = message.key() or b""
        return key, self._last_folded[key][1]

    def _sort_out(self, input_position: int) -> None:
        """What is left over: causes behind the cut are another audit's, the rest follows from nothing."""
        for offset in sorted(self._waiting):
            for said in self._waiting.pop(offset).values():
                if offset >= input_position:
                    self.ahead = max(self.ahead, offset + 1)
                    self._later.add(said.message.key() or b"")
                else:
                    self._surplus(said.message, said.word, Kind.SURPLUS)

    def _compare(self, actual: _Said, key: bytes, value: bytes | None) -> None:
        message, word = actual.message, actual.word
        if message.value() == value and message.key() == key:
            self.count += 1
            return
        expected = self._decode(value, None)
        if message.key() == key and expected == word:
            self.count += 1  # written with an older version of the schema
            return
        self._note(
            Kind.DIFFERS,
            f"{_shown(key)} after {word.event_id}",
            told(expected),
            told(word),
            f"The record of {_shown(key)} at {_where(message)} differs from the fold after the same cause in "
            f"{', '.join(differing(expected, word))}: the {self.party} topic is wrong.",
        )

    def _surplus(self, message: Message, word: Any, kind: Kind) -> None:
        what = {
            Kind.UNREADABLE: "cannot be read",
            Kind.DOUBLED: "comes twice, or after those of later transactions",
            Kind.SURPLUS: "does not follow from the input",
        }[kind]
        self._note(
            kind,
            _where(message),
            None,
            told(word),
            f"The record of {_shown(message.key())} at {_where(message)} {what}: the {self.party} topic is wrong.",
        )

    def _missing(self, key: bytes) -> None:
        event_id, value = self._last_folded[key]
        last = self._last_said.get(key)
        stands = "none of it is there" if last is None else f"the last one there is {last}"
        self._note(
            Kind.MISSING,
            _shown(key),
            told(self._decode(value, None)),
            None,
            f"The last record of {_shown(key)}, {event_id}, is missing; {stands}: the {self.party} topic is wrong.",
        )

    def _note(self, kind: Kind, record: str, expected: str | None, found: str | None, sentence: str) -> None:
        self._findings.note(
            self.party,
            kind,
            lambda: Difference(
                self._partition,
                self.party,
                kind,
                record,
                expected,
                found,
                sentence,
                f"{OTHER_VERSION} {REPUBLISH}",
            ),
        )


def _where(message: Message) -> str:
    return f"{message.topic()}[{message.partition()}]@{message.offset()}"


def _shown(key: object) -> str:
    return key.decode(errors="backslashreplace") if isinstance(key, bytes) else str(key)

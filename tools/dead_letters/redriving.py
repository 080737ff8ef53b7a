"""What is written to redrive or drop a letter, or the sentence why nothing can be.

A redriven record goes into the partition of its key with its original key, value and headers. Headers of its own name
the record that was buried first, how often it was tried, and who sent it again; its first record time is kept. With
each one goes a settlement into the dead letter topic, in the same Kafka transaction.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from agents.codec import Malformed
from agents.inventory.refusals import Refusal
from agents.inventory.transactions import Transaction
from agents.runtime.dead_letters import ATTEMPTS_HEADER, ORIGIN_HEADER, STORY_HEADER
from agents.runtime.fold import FIRST_RECORD_TIME_HEADER, Headers, Outgoing
from agents.runtime.notation import in_words
from agents.runtime.partitioner import partition_of
from tools.burials import LETTERS_HEADER, TO_HEADER, VERDICT_HEADER, WHO_HEADER, WHY_HEADER, Place, Verdict
from tools.dead_letters.letters import Letter, State
from tools.dead_letters.words import Words, broadcast_prefixes, without_frame

BY_HEADER = "onhand.redrive.who"
BECAUSE_HEADER = "onhand.redrive.why"
CORRECTED_HEADER = "onhand.redrive.corrected_sha256"
"""SHA-256 of the value before it was corrected."""
EVERY_PARTITION = -1
TOLD_AS_IT_WAS = (
    "It tells the order router of a place or a channel as it was then, and would come after what was said since. Tell it what "
    "is so now (`onhand location set NAME --again`, `onhand channel set NAME --again`), then drop this letter."
)

_NEW_ID = "--set transaction_id={}-corrected"
_WOULD_BE_A_REPEAT: Mapping[Refusal, str] = {
    Refusal.TOO_LATE: "It was refused too_late: its id may have been forgotten, so nobody can tell whether it was applied "
    f"already. If you know that it was not, redrive it as a new fact: {_NEW_ID} --set occurred_at_ms=now.",
    Refusal.ID_REUSED: "Its id belongs to another transaction with other content. If both happened, redrive it under an id "
    f"of its own: {_NEW_ID}; if not, drop it.",
    Refusal.QUANTITY_NOT_POSITIVE: "Its quantity was refused, and the refusal is kept under its id. Redrive it with a "
    f"quantity and an id of its own: --set quantity=N {_NEW_ID}; or drop it.",
}


@dataclass(frozen=True)
class Correction:
    """What a person changes before a letter is redriven."""

    key: str | None = None
    value: bytes | None = None
    """The whole value anew."""
    fields: tuple[tuple[str, str], ...] = ()
    """(name, value as text) of single fields."""
    anyway: bool = False
    """Also where it would be buried again as far as can be told."""
    again: bool = False
    """Also where it was redriven or dropped already."""

    @property
    def changes_value(self) -> bool:
        """Whether the content becomes another one."""
        return self.value is not None or bool(self.fields)


@dataclass(frozen=True)
class Redrive:
    """One letter, ready to be sent again."""

    letter: Letter
    key: bytes
    value: bytes
    headers: Headers
    partition: int
    """Of the input topic; EVERY_PARTITION for a broadcast record."""

    @property
    def to(self) -> str:
        """Where it goes, in words."""
        topic = self.letter.last.story.topic
        return f"{topic}, every partition" if self.partition == EVERY_PARTITION else f"{topic}[{self.partition}]"


@dataclass(frozen=True)
class Cannot:
    """A letter that is left as it is, and why."""

    letter: Letter
    sentence: str


@dataclass(frozen=True)
class Decider:
    """Who decides, and why."""

    who: str
    why: str


def prepared(
    letter: Letter, value: bytes | None, headers: Headers, words: Words, partitions: int, how: Correction
) -> Redrive | Cannot:
    """The letter as it would be sent again; `value` and `headers` are those of its last burial."""
    last, story = letter.last, letter.last.story
    if letter.state is not State.OPEN and not how.again:
        return Cannot(letter, _already(letter))
    key = how.key.encode() if how.key is not None else last.key
    if story.truncated and how.value is None:
        return Cannot(
            letter,
            f"Of its {max(story.value_bytes, 0):,} bytes only the head is kept. Let its sender publish it again, then drop "
            "this letter; or give it whole with --value-file.",
        )
    if last.is_row and how.value is None:
        return Cannot(
            letter,
            "It is a row of a file and never was a record. Correct the row and import the file again (rows that went "
            "through are recognised), then drop this letter; or give the record with --value-file and --new-key.",
        )
    if not key:
        return Cannot(letter, "It has no key, so no partition is its own. Give its SKU with --new-key.")
    if value is None and how.value is None:
        return Cannot(letter, "It has no value. Give one with --value-file, or drop it.")
    original = _original(headers)
    try:
        corrected = _corrected(value, original, words, how)
        refused = _refused_again(letter, value, original, corrected, words)
    except Malformed as malformed:
        return Cannot(letter, f"The correction cannot be read: {malformed}")
    sent_headers = without_frame(original) if how.changes_value else original
    problem = refused or words.problem(key, corrected, sent_headers)
    if problem is not None and not how.anyway:
        would = "" if refused else "It would be buried again: "
        what_to_do = (
            "" if refused else " Correct it (--set, --value-file, --new-key), or redrive it --anyway after an upgrade."
        )
        return Cannot(letter, f"{would}{problem.rstrip('.')}.{what_to_do}")
    broadcast = key.startswith(broadcast_prefixes())
    if broadcast and words.schema == "order" and not how.anyway:
        return Cannot(letter, TOLD_AS_IT_WAS)
    partition = EVERY_PARTITION if broadcast else partition_of(key, partitions)
    return Redrive(letter, key, corrected, sent_headers, partition)


def records_of(redrive: Redrive, decider: Decider, partitions: int) -> Iterator[Outgoing]:
    """The record (one for each partition where it is a broadcast) and the settlement."""
    letter, story = redrive.letter, redrive.letter.last.story
    headers = [*redrive.headers]
    if letter.first_record_time_ms >= 0 and not any(name == FIRST_RECORD_TIME_HEADER for name, _ in headers):
        headers.append((FIRST_RECORD_TIME_HEADER, str(letter.first_record_time_ms)))
    headers += [
        (ORIGIN_HEADER, letter.last.origin),
        (ATTEMPTS_HEADER, str(letter.attempts)),
        (BY_HEADER, decider.who),
        (BECAUSE_HEADER, decider.why),
    ]
    if hashlib.sha256(redrive.value).hexdigest() != story.value_sha256:
        headers.append((CORRECTED_HEADER, story.value_sha256))
    targets = range(partitions) if redrive.partition == EVERY_PARTITION else [redrive.partition]
    for partition in targets:
        yield Outgoing(story.topic, redrive.key, redrive.value, partition, headers)
    yield from settlements_of(letter, Verdict.REDRIVEN, decider, redrive.to)


def settlements_of(letter: Letter, verdict: Verdict, decider: Decider, to: str = "") -> Iterator[Outgoing]:
    """What says that the letter is settled: beside its burials, so that it is kept as long as they are."""
    by_partition: dict[int, list[Place]] = {}
    for burial in letter.burials:
        by_partition.setdefault(burial.place.partition, []).append(burial.place)
    for partition, places in sorted(by_partition.items()):
        headers: Headers = [
            (VERDICT_HEADER, verdict.value),
            (LETTERS_HEADER, ",".join(map(str, places))),
            (WHO_HEADER, decider.who),
            (WHY_HEADER, decider.why),
            (TO_HEADER, to),
        ]
        yield Outgoing(letter.topic, letter.last.key, None, partition, headers)


def _already(letter: Letter) -> str:
    settlement = letter.settlement
    assert settlement is not None
    moment = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(settlement.at_ms / 1000))
    return f"It was {letter.state} by {settlement.who} at {moment} UTC already. --again redrives it once more."


def _original(headers: Headers) -> Headers:
    """The headers the record came with: without stories, and without those of an earlier redrive."""
    ours = (STORY_HEADER, "__connect.errors.", "onhand.redrive.", "onhand.import.")
    return [(name, value) for name, value in headers if not name.startswith(ours)]


def _corrected(value: bytes | None, headers: Headers, words: Words, how: Correction) -> bytes:
    if how.value is not None:
        value = words.from_file(how.value)
        headers = without_frame(headers)
    assert value is not None
    return words.with_fields(value, headers, how.fields) if how.fields else value


def _refused_again(letter: Letter, value: bytes | None, headers: Headers, corrected: bytes, words: Words) -> str | None:
    """What is to be decided first of a fact that was refused: under its old id it would be a mere repeat."""
    refusal = letter.refusal
    if refusal is None or refusal not in _WOULD_BE_A_REPEAT:
        return None
    before = words.transaction(value, headers)
    after = words.transaction(corrected, headers if corrected == value else without_frame(headers))
    if before is None or after is None:
        return None
    if _id(before) == _id(after):
        return _WOULD_BE_A_REPEAT[refusal]
    oldest_ms = time.time_ns() // 1_000_000 - words.answers_keep_ms
    if (
        after.occurred_at_ms is not None
        and after.occurred_at_ms < oldest_ms
        and after.source not in words.backfill_sources
    ):
        keep = in_words(words.answers_keep_ms)
        return f"It would be too_late again: occurred_at_ms is older than {keep}. Set it too: --set occurred_at_ms=now."
    return None


def _id(transaction: Transaction) -> Sequence[str]:
    return transaction.source, transaction.sku, transaction.transaction_id

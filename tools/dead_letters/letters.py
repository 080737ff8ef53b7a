"""Letters: one for each record, however often it was buried, with what people decided about it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from agents.inventory.refusals import Refusal
from tools.burials import Burial, Graveyard, Place, Settlement, Verdict

_QUOTED = re.compile(r"'[^']*'|`[^`]*`|\"[^\"]*\"")
_NUMBER = re.compile(r"\b(?:0x)?\d[\d.,:]*\b")
_REFUSED = re.compile(r"^(?P<kind>\w+) .* was refused: (?P<refusal>\w+)$")


class State(StrEnum):
    """Whether somebody still has to look at a letter."""

    OPEN = "open"
    REDRIVEN = "redriven"
    DROPPED = "dropped"


@dataclass
class Letter:
    """One record that could not be processed."""

    topic: str
    """The dead letter topic."""
    burials: list[Burial] = field(default_factory=list)
    """The oldest first; more than one where it was redriven and failed again, or came twice."""
    settlement: Settlement | None = None
    """The last decision about it."""
    unsettled: int = 0
    """Burials that nobody has decided about."""

    @property
    def last(self) -> Burial:
        """Its last burial: that one is shown, and redriven."""
        return self.burials[-1]

    @property
    def place(self) -> Place:
        """Of its first burial: its name."""
        return self.burials[0].place

    @property
    def attempts(self) -> int:
        """How often the record was tried."""
        return max(burial.story.attempts for burial in self.burials)

    @property
    def state(self) -> State:
        """Open while one of its burials is not settled."""
        if self.unsettled or self.settlement is None:
            return State.OPEN
        return State.REDRIVEN if self.settlement.verdict is Verdict.REDRIVEN else State.DROPPED

    @property
    def refusal(self) -> Refusal | None:
        """Of a fact that was refused; None where it failed otherwise."""
        said, _, refusal = self.last.story.reason.rpartition(" was refused: ")
        known = self.last.story.stage == "decide" and said and refusal in tuple(Refusal)
        return Refusal(refusal) if known else None

    @property
    def first_record_time_ms(self) -> int:
        """Of the record that was buried first; -1 where there was none."""
        return self.burials[0].story.record_time_ms


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which letters are asked for. None asks for nothing in particular."""

    places: frozenset[Place] = frozenset()
    """Of any of its burials; empty = all."""
    stage: str | None = None
    reason: str | None = None
    key: str | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    partition: int | None = None
    """Of the input topic."""
    offsets: tuple[int, int] | None = None
    """Of the input topic, first and last."""
    state: State | None = None

    def takes(self, letter: Letter) -> bool:
        """Whether the letter is asked for."""
        last, story = letter.last, letter.last.story
        return (
            (not self.places or any(burial.place in self.places for burial in letter.burials))
            and (self.stage is None or story.stage == self.stage)
            and (self.reason is None or self.reason.lower() in story.reason.lower())
            and (self.key is None or last.key == self.key.encode())
            and (self.since_ms is None or last.buried_at_ms >= self.since_ms)
            and (self.until_ms is None or last.buried_at_ms < self.until_ms)
            and (self.partition is None or any(b.story.partition == self.partition for b in letter.burials))
            and (self.offsets is None or any(self._has_offset(burial) for burial in letter.burials))
            and (self.state is None or letter.state is self.state)
        )

    def _has_offset(self, burial: Burial) -> bool:
        assert self.offsets is not None
        return self.offsets[0] <= burial.story.offset <= self.offsets[1]


def letters_of(graveyard: Graveyard) -> list[Letter]:
    """The letters of a topic, by the time of their last burial.

    Burials are of one letter if they have the same key and bytes: a record that was folded twice, published twice, or
    published to every partition. A redriven record belongs to the letter of its origin, whatever its bytes are now.
    Rows of files are the same by file, number and bytes.
    """
    by_content: dict[object, Letter] = {}
    by_origin: dict[str, Letter] = {}
    found: list[Letter] = []
    for burial in graveyard.burials:
        content = _content(burial)
        letter = by_origin.get(burial.origin) if burial.redriven else by_content.get(content)
        if letter is None:
            letter = Letter(graveyard.topic)
            found.append(letter)
        letter.burials.append(burial)
        by_origin[burial.origin] = letter
        if not burial.redriven:
            by_content[content] = letter
    by_place = {burial.place: letter for letter in found for burial in letter.burials}
    _settle(graveyard.settlements, by_place)
    settled = {place for each in graveyard.settlements for place in each.places}
    for letter in found:
        letter.unsettled = sum(burial.place not in settled for burial in letter.burials)
    return sorted(found, key=lambda letter: (letter.last.buried_at_ms, letter.last.place))


def counted(letters: Iterable[Letter], by: str) -> list[tuple[str, int]]:
    """How many letters there are for each reason (or stage, state, partition, key), the most first."""
    counts: dict[str, int] = {}
    for letter in letters:
        name = _group(letter, by)
        counts[name] = counts.get(name, 0) + 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _content(burial: Burial) -> object:
    row = burial.origin if burial.is_row else ""
    return burial.key, burial.story.value_sha256, burial.story.value_bytes, row


def _settle(settlements: Iterable[Settlement], by_place: dict[Place, Letter]) -> None:
    for settlement in sorted(settlements, key=lambda each: each.at_ms):
        for place in settlement.places:
            if place in by_place:
                by_place[place].settlement = settlement


def _group(letter: Letter, by: str) -> str:
    story = letter.last.story
    if by == "stage":
        return story.stage
    if by == "state":
        return letter.state.value
    if by == "partition":
        return str(story.partition) if story.partition >= 0 else "a file"
    if by == "key":
        return "" if letter.last.key is None else letter.last.key.decode("utf-8", "backslashreplace")
    return general(story.reason)


def general(reason: str) -> str:
    """A reason without what differs from record to record, so that equal faults count together."""
    refused = _REFUSED.match(reason)
    if refused is not None:
        return f"{refused['kind']} was refused: {refused['refusal']}"
    return _NUMBER.sub("#", _QUOTED.sub("'...'", reason))

"""The words of a scenario line: durations, times of day, places, holders, numbers."""

from __future__ import annotations

import re
from datetime import UTC, datetime

DAY_BEGINS_MS = int(datetime(2026, 1, 5, tzinfo=UTC).timestamp() * 1_000)
"""Midnight of the scenario's first day, a Monday."""

BEGINS_MS = DAY_BEGINS_MS + 10 * 3_600_000
"""Ten o'clock: where the clock of a scenario stands at first."""

UNITS_MS = {"ms": 1, "s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
DURATION = re.compile(r"(\d+)(ms|s|m|h|d)")
TIME = re.compile(r"(\d{1,3}):(\d\d)(?::(\d\d)(?:\.(\d{3}))?)?")


class Unreadable(Exception):
    """A line that is no scenario text. `line` counts from 1; `reason` says what was expected."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


class Words:
    """The words of one line, taken from left to right."""

    def __init__(self, text: str, line: int) -> None:
        self.line = line
        self._words = text.split()

    def __bool__(self) -> bool:
        return bool(self._words)

    def wrong(self, reason: str) -> Unreadable:
        """The line cannot be read: to be raised."""
        return Unreadable(self.line, reason)

    def peek(self) -> str:
        """The next word without taking it; empty at the end."""
        return self._words[0] if self._words else ""

    def take(self, wanted: str) -> str:
        """Take the next word; `wanted` says what it should be."""
        if not self._words:
            raise self.wrong(f"{wanted} is missing")
        return self._words.pop(0)

    def take_if(self, word: str) -> bool:
        """Take the next word if it is this one."""
        if self.peek() != word:
            return False
        self._words.pop(0)
        return True

    def number(self, wanted: str) -> int:
        """Take a whole number."""
        word = self.take(wanted)
        if not is_number(word):
            raise self.wrong(f"{wanted} should be a whole number, not {word!r}")
        return int(word)

    def number_if(self) -> int | None:
        """Take a whole number if one is next."""
        return int(self.take("a number")) if is_number(self.peek()) else None

    def duration_ms(self, wanted: str = "a duration such as 16m") -> int:
        """Take a duration."""
        return self.duration_of(self.take(wanted))

    def duration_of(self, word: str) -> int:
        """A duration in milliseconds: `90s`, `1h30m`, `2d`."""
        parts = DURATION.findall(word)
        if not parts or "".join(number + unit for number, unit in parts) != word:
            raise self.wrong(f"{word!r} is no duration such as 16m, 1h30m or 500ms")
        return sum(int(number) * UNITS_MS[unit] for number, unit in parts)

    def time_of(self, word: str) -> int:
        """A time of the scenario's first day in epoch milliseconds; hours may go on past 23."""
        found = TIME.fullmatch(word)
        if found is None:
            raise self.wrong(f"{word!r} is no time such as 10:15:00.000")
        hours, minutes, seconds, milliseconds = (int(part or 0) for part in found.groups())
        return DAY_BEGINS_MS + ((hours * 60 + minutes) * 60 + seconds) * 1_000 + milliseconds

    def place(self) -> tuple[str, str | None]:
        """Take `SKU@LOCATION` or `SKU`."""
        sku, at, location = self.take("SKU@LOCATION").rpartition("@")
        if not at:
            return location, None
        if not sku or not location:
            raise self.wrong("SKU@LOCATION needs both names")
        return sku, location

    def places(self) -> tuple[str, tuple[str, ...], str | None]:
        """Take `SKU`, `SKU@A`, `SKU@A,B` (ranked) or `SKU@A->B`: the SKU, its locations, and where units go to."""
        sku, place = self.place()
        if place is None:
            return sku, (), None
        place, arrow, to_location = place.partition("->")
        locations = tuple(place.split(","))
        if not all(locations) or (arrow and not to_location):
            raise self.wrong("a location has no name")
        return sku, locations, to_location if arrow else None

    def claim(self) -> tuple[str, int]:
        """Take `HOLDER` or `HOLDER/LINE`."""
        word = self.take("a holder")
        holder, slash, line = word.rpartition("/")
        if not slash:
            return word, 1
        if not is_number(line):
            raise self.wrong(f"{word!r} is no HOLDER/LINE")
        return holder, int(line)

    def end(self) -> None:
        """Nothing may be left over."""
        if self._words:
            raise self.wrong(f"{' '.join(self._words)!r} was not understood")


def is_number(word: str) -> bool:
    """Whether the word is a whole number, perhaps signed."""
    return re.fullmatch(r"[+-]?\d+", word) is not None


def clock_text(time_ms: int) -> str:
    """A time as scenario text says it: 10:15:00.000, hours going on past 23."""
    seconds, milliseconds = divmod(time_ms - DAY_BEGINS_MS, 1_000)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02}:{minute:02}:{second:02}.{milliseconds:03}"

"""Increments on their way to the windows: the first half of every score, and free of time but for the hour they belong to.

A level (stock, its value, SKUs that can be sold) is told by its changes. Its average over a window follows from the level
at the start, the changes, and their moments: integral = level * length + sum(change * (end - moment of the change)). All of
it is sums, so increments may come in any order, from any number of partitions, and be added up on the way.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from agents.inventory.scores.words import SLOT_MS, Count, Counter, Tally

Increment = tuple[str, int, Counter, int]
"""Subject, start of the hour, counter, amount."""

MOMENT_OF: Mapping[Counter, Counter] = MappingProxyType(
    {
        Counter.STOCK_CHANGE: Counter.STOCK_MOMENT,
        Counter.VALUE_CHANGE: Counter.VALUE_MOMENT,
        Counter.SELLABLE_CHANGE: Counter.SELLABLE_MOMENT,
        Counter.OFFERED_CHANGE: Counter.OFFERED_MOMENT,
    }
)
"""The counters that are changes of a level, each with that of its moments."""

LONGEST_SPELL_MS = 31 * 24 * SLOT_MS
"""Of a longer time only the last part is told hour by hour: older windows are forgotten anyway."""


def slot_of(at_ms: int) -> int:
    """Start of the hour."""
    return at_ms - at_ms % SLOT_MS


def counted(subjects: Iterable[str], at_ms: int, counter: Counter, amount: int) -> Iterator[Increment]:
    """`amount` more of something that happened; nothing for 0."""
    if amount:
        slot = slot_of(at_ms)
        for subject in subjects:
            yield subject, slot, counter, amount


def changed(subjects: Iterable[str], at_ms: int, counter: Counter, amount: int) -> Iterator[Increment]:
    """A level changed by `amount` at a moment, which counts in whole seconds; nothing for 0."""
    if amount:
        slot = slot_of(at_ms)
        moment = amount * ((at_ms - slot) // 1_000)
        for subject in subjects:
            yield subject, slot, counter, amount
            if moment:
                yield subject, slot, MOMENT_OF[counter], moment


def lasted(subjects: tuple[str, ...], from_ms: int, until_ms: int, counter: Counter) -> Iterator[Increment]:
    """The whole seconds of a spell, each in the hour that it belongs to."""
    at_ms = max(from_ms, until_ms - LONGEST_SPELL_MS)
    while at_ms < until_ms:
        slot = slot_of(at_ms)
        end_ms = min(until_ms, slot + SLOT_MS)
        seconds = end_ms // 1_000 - at_ms // 1_000
        if seconds:
            for subject in subjects:
                yield subject, slot, counter, seconds
        at_ms = end_ms


class Sums:
    """Increments added up, by subject and hour, until they are told."""

    def __init__(self) -> None:
        self._sums: dict[tuple[str, int], dict[Counter, int]] = {}

    def add(self, increments: Iterable[Increment]) -> None:
        """Take over the increments of one decision."""
        sums = self._sums
        for subject, slot, counter, amount in increments:
            key = (subject, slot)
            counts = sums.get(key)
            if counts is None:
                counts = sums[key] = {}
            counts[counter] = counts.get(counter, 0) + amount

    def take(self, source: str, cause: str) -> list[Tally]:
        """One tally for each subject and hour, in the order in which they came, and forget them. `cause` names them."""
        taken, self._sums = self._sums, {}
        tallies: list[Tally] = []
        for (subject, slot), counts in taken.items():
            told = tuple([Count(counter, amount) for counter, amount in counts.items() if amount])
            if told:
                tally_id = f"{cause}-{len(tallies)}"
                tallies.append(Tally(tally_id=tally_id, source=source, subject=subject, slot_ms=slot, counts=told))
        return tallies

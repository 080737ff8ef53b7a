"""Increments of scores, added up for a chunk and said at its end: by the scorekeepers, and by whoever counts something."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from agents.inventory.scores.tallies import Increment, Sums
from agents.inventory.scores.words import Tally
from agents.runtime.fold import Outbox, Outgoing
from agents.state.overlay import Overlay


class Tallying:
    """What one partition of an agent counts. A chunk that is decided once more is counted once more, and only once."""

    def __init__(self, overlay: Overlay, source: str, topic: str, encode: Callable[[Tally], bytes], cause: str) -> None:
        """`cause`: `topic-partition-`, with which the ids of tallies begin."""
        self._table = next(iter(overlay.by_name().values()))
        self._source, self._topic, self._encode, self._cause = source, topic, encode, cause
        self._sums = Sums()
        self._discards = self._table.discards
        self._offset = 0

    def add(self, increments: Iterable[Increment], offset: int) -> None:
        """Count what follows from the record at `offset`."""
        self._forget_with_the_rows()
        self._sums.add(increments)
        self._offset = offset

    def say(self, outbox: Outbox) -> None:
        """A record for each hour of each subject, however many records the chunk had."""
        self._forget_with_the_rows()
        for tally in self._sums.take(self._source, f"{self._cause}{self._offset}"):
            outbox.append(Outgoing(self._topic, tally.subject.encode(), self._encode(tally)))

    def _forget_with_the_rows(self) -> None:
        """Where the changes of a chunk were discarded, what was added up for it must go, too."""
        if self._table.discards != self._discards:
            self._discards, self._sums = self._table.discards, Sums()

"""How many partitions commit at once. Free of I/O and of clocks.

Commits of different partitions overlap: most of a commit is waiting for the broker. But each transaction costs the broker
and the worker the same, however many records it carries. So only some partitions have the turn at a time; what arrives
for the others meanwhile goes into one larger transaction. A turn that takes long is not waited for: the broker of one
partition may be away, and the others must go on.
"""

from __future__ import annotations

SPARE_TURNS = 1
"""Beyond the number of cores: while those compute, one more waits for the broker. With as many cores as partitions all
overlap."""
TURN_AT_MOST_S = 0.25


class Turns:
    """Whose turn it is; the others wait in the order in which they came."""

    def __init__(self, cores: int) -> None:
        self._at_once = cores + SPARE_TURNS
        self._taken: dict[int, int] = {}
        self._waiting: dict[int, None] = {}
        self._number = 0

    def ask(self, partition: int) -> int | None:
        """The number of the turn, or None: then `next` will name this partition when it may ask again."""
        if len(self._taken) >= self._at_once:
            self._waiting[partition] = None
            return None
        self._waiting.pop(partition, None)
        self._number += 1
        self._taken[partition] = self._number
        return self._number

    def number_of(self, partition: int) -> int | None:
        """Of the turn that the partition has now; None while it has none, or where it was overdue."""
        return self._taken.get(partition)

    def end(self, partition: int, number: int | None) -> None:
        """The turn with that number is over; a later one of the same partition stays."""
        if number is not None and self._taken.get(partition) == number:
            del self._taken[partition]

    def next(self) -> int | None:
        """The partition that may ask now, once: ask again for the next one, which it may not need the turn of."""
        if not self._waiting or len(self._taken) >= self._at_once:
            return None
        following = next(iter(self._waiting))
        del self._waiting[following]
        return following

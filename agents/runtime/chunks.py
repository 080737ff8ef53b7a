"""Natural batching: what waits for the owner of one partition, and when the consumer must wait.

At most one chunk is with the owner. Whatever arrives while it commits is the next chunk: little traffic makes chunks
of one record and answers in milliseconds, much traffic makes chunks of thousands. Free of I/O.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from agents.runtime.fold import InputRecord

FIRST_LARGEST_CHUNK = 2_000
"""Records in a chunk at most, until it is known how long they take."""
LARGEST_CHUNKS = (500, 16_000)
"""What that bound may become. Large chunks are cheap: a row that changes often is written once for each."""
DECIDE_AT_MOST_S = 0.25
"""How long the decision of one chunk may keep the other partitions waiting."""
LEARN_FROM = 200
"""Records; smaller chunks say little about the pace."""

PAUSE_ABOVE = 30_000
"""Records waiting. Pausing throws away what the client prefetched, so not before tens of thousands wait."""
RESUME_BELOW = 4_000


class Inbox:
    """Records of one partition in order of offset, on their way to its owner."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        """`monotonic` is only asked for how long the owner has been busy."""
        self._waiting: list[InputRecord] = []
        self._monotonic = monotonic
        self._busy_since: float | None = None
        self.paused = False
        self.largest_chunk = FIRST_LARGEST_CHUNK

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is with the owner."""
        return self._busy_since is None and not self._waiting

    @property
    def busy(self) -> bool:
        """A chunk is with the owner."""
        return self._busy_since is not None

    @property
    def busy_s(self) -> float | None:
        """Seconds for which it has been there: from the moment it was handed over, on its way to the owner, too. None: none is."""
        return None if self._busy_since is None else self._monotonic() - self._busy_since

    @property
    def waiting(self) -> int:
        """Records that wait for the owner, without the chunk that is with it."""
        return len(self._waiting)

    @property
    def has_chunk(self) -> bool:
        """Whether `take` would give one."""
        return bool(self._waiting) and self._busy_since is None

    def arrive(self, records: list[InputRecord]) -> bool:
        """Records came in. Returns True when the consumer must be paused now."""
        self._waiting.extend(records)
        if self.paused or len(self._waiting) <= PAUSE_ABOVE:
            return False
        self.paused = True
        return True

    def take(self) -> list[InputRecord] | None:
        """The next chunk, or None while one is with the owner or nothing waits."""
        if not self.has_chunk:
            return None
        self._busy_since = self._monotonic()
        largest = self.largest_chunk
        if len(self._waiting) <= largest:
            chunk, self._waiting = self._waiting, []
        else:
            chunk, self._waiting = self._waiting[:largest], self._waiting[largest:]
        return chunk

    def learn(self, records: int, seconds: float) -> None:
        """So long the decision of a chunk took: bound the next ones by it. Which records share a chunk decides nothing."""
        if records >= LEARN_FROM and seconds > 0:
            smallest, largest = LARGEST_CHUNKS
            self.largest_chunk = max(smallest, min(largest, int(DECIDE_AT_MOST_S * records / seconds)))

    def seize(self) -> bool:
        """Take the owner for a step of its own (a heartbeat); False while a chunk is with it."""
        if self.busy:
            return False
        self._busy_since = self._monotonic()
        return True

    def done(self) -> bool:
        """The owner is free again. Returns True when a paused consumer may go on."""
        self._busy_since = None
        if not self.paused or len(self._waiting) > RESUME_BELOW:
            return False
        self.paused = False
        return True

"""Natural batching: what waits for the owner of one partition, and when the consumer must wait.

At most one chunk is with the owner. Whatever arrives while it commits is the next chunk: little traffic makes chunks
of one record and answers in milliseconds, much traffic makes chunks of thousands. Free of I/O.
"""

from __future__ import annotations

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

    def __init__(self) -> None:
        self._waiting: list[InputRecord] = []
        self._with_owner = False
        self.paused = False
        self.largest_chunk = FIRST_LARGEST_CHUNK

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is with the owner."""
        return not self._with_owner and not self._waiting

    @property
    def busy(self) -> bool:
        """A chunk is with the owner."""
        return self._with_owner

    @property
    def has_chunk(self) -> bool:
        """Whether `take` would give one."""
        return bool(self._waiting) and not self._with_owner

    def arrive(self, records: list[InputRecord]) -> bool:
        """Records came in. Returns True when the consumer must be paused now."""
        self._waiting.extend(records)
        if self.paused or len(self._waiting) <= PAUSE_ABOVE:
            return False
        self.paused = True
        return True

    def take(self) -> list[InputRecord] | None:
        """The next chunk, or None while one is with the owner or nothing waits."""
        if self._with_owner or not self._waiting:
            return None
        self._with_owner = True
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
        if self._with_owner:
            return False
        self._with_owner = True
        return True

    def done(self) -> bool:
        """The owner is free again. Returns True when a paused consumer may go on."""
        self._with_owner = False
        if not self.paused or len(self._waiting) > RESUME_BELOW:
            return False
        self.paused = False
        return True

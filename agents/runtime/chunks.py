"""Natural batching: what waits for the owner of one partition, and when the consumer must wait.

At most one chunk is with the owner. Whatever arrives while it commits is the next chunk: little traffic makes chunks
of one record and answers in milliseconds, much traffic makes chunks of thousands. Free of I/O.
"""

from __future__ import annotations

from agents.runtime.fold import InputRecord

LARGEST_CHUNK = 4_000
"""Records; keeps the decision thread fair to the other partitions and a transaction well under its timeout."""

PAUSE_ABOVE = 30_000
"""Records waiting. Pausing throws away what the client prefetched, so not before tens of thousands wait."""


class Inbox:
    """Records of one partition in order of offset, on their way to its owner."""

    def __init__(self) -> None:
        self._waiting: list[InputRecord] = []
        self._with_owner = False
        self.paused = False

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is with the owner."""
        return not self._with_owner and not self._waiting

    @property
    def busy(self) -> bool:
        """A chunk is with the owner."""
        return self._with_owner

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
        if len(self._waiting) <= LARGEST_CHUNK:
            chunk, self._waiting = self._waiting, []
        else:
            chunk, self._waiting = self._waiting[:LARGEST_CHUNK], self._waiting[LARGEST_CHUNK:]
        return chunk

    def seize(self) -> bool:
        """Take the owner for a step of its own (a heartbeat); False while a chunk is with it."""
        if self._with_owner:
            return False
        self._with_owner = True
        return True

    def done(self) -> bool:
        """The owner is free again. Returns True when a paused consumer may go on."""
        self._with_owner = False
        if not self.paused or len(self._waiting) > LARGEST_CHUNK:
            return False
        self.paused = False
        return True

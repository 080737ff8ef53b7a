"""How far a partition is done, where later records may be done before earlier ones.

What is committed to the group is the first offset that is not done, and beside it, in the metadata of the offset, which
later ones are: `done 3,5-9`, counted from it. So one command that waits for a dead platform does not make the next owner
call the others again. Metadata that nobody can read, or that became too long, cost only repeats under the same keys.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator

PREFIX = "done "
LONGEST_METADATA = 2_000
"""Characters; Kafka's default limit (`offset.metadata.max.bytes`) is 4,096 bytes."""
_SPAN = re.compile(r"(\d{1,9})(?:-(\d{1,9}))?")


class Progress:
    """Of one partition."""

    def __init__(self, position: int, metadata: str = "") -> None:
        """`position` is the first offset that is not known to be done; `metadata` as it was committed with it."""
        self._position = position
        self._taken: deque[int] = deque()
        """Offsets from the first that is not done on, in order."""
        self._done = {position + offset for offset in _offsets(metadata)}
        """Those behind the position that are done, as far as is known; some may not have come again yet."""

    def take(self, offset: int) -> bool:
        """A record came, in order of offset. False: it was done before."""
        if offset < self._position or (self._taken and offset <= self._taken[-1]):
            return False
        self._taken.append(offset)
        self._advance()
        return not self._is_done(offset)

    def done(self, offset: int) -> None:
        """A record is over."""
        if offset >= self._position:
            self._done.add(offset)
            self._advance()

    @property
    def position(self) -> int:
        """The first offset that is not done."""
        return self._position

    @property
    def metadata(self) -> str:
        """What to commit beside the position."""
        text = PREFIX + ",".join(_spans([offset - self._position for offset in sorted(self._done)]))
        if len(text) > LONGEST_METADATA:
            text = text[:LONGEST_METADATA].rpartition(",")[0]
        return text if text != PREFIX else ""

    def _is_done(self, offset: int) -> bool:
        return offset < self._position or offset in self._done

    def _advance(self) -> None:
        while self._taken and self._taken[0] in self._done:
            self._position = self._taken.popleft() + 1
            self._done.discard(self._position - 1)
        if self._taken:
            self._position = self._taken[0]


def _offsets(metadata: str) -> Iterator[int]:
    """The offsets that `done 3,5-9` names."""
    if not metadata.startswith(PREFIX):
        return
    for text in metadata.removeprefix(PREFIX).split(","):
        span = _SPAN.fullmatch(text)
        if span is None:
            continue
        first, last = int(span[1]), int(span[2] or span[1])
        yield from range(first, min(last, first + 1_000_000) + 1)


def _spans(offsets: list[int]) -> Iterator[str]:
    """Offsets in ascending order as `3`, `5-9`."""
    begin = end = -2
    for offset in [*offsets, -2]:
        if offset == end + 1:
            end = offset
            continue
        if begin >= 0:
            yield str(begin) if begin == end else f"{begin}-{end}"
        begin = end = offset

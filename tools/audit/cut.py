"""The changelog of one partition, read to an offset: the rows, and the input position that they belong to.

Every Kafka transaction of an owner ends with its position row, and readers of committed records never see half of one.
So the rows read up to any committed end are those of one input position exactly, on a live system too.

One thing moves below a reader: compaction may remove a record because a newer one of its key has come *behind* the cut.
Then the row looks old or missing at the cut although it was right. Only a log with gaps can have been compacted (see
`whole`), and such a row comes again behind the cut, so it can be told: `written_again`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from agents.state.changelog import POSITION_KEY, decode_meta
from agents.state.store import Meta
from tools.audit.logs import PartitionLog


class ChangelogCut:
    """The changelog from its start. A context manager. Its memory is that of the state."""

    def __init__(self, settings: Mapping[str, str], topic: str, partition: int, start: int) -> None:
        self.rows: dict[bytes, bytes] = {}
        """Changelog key -> row, as of the last `advance`."""
        self.meta = Meta()
        """The last position row; `Meta()` before the first."""
        self.records = 0
        self.whole = start == 0
        """Nothing was compacted away: the only gap is the transaction's marker behind each position row."""
        self._log = PartitionLog(settings, topic, partition, start)
        self._next = start
        self._last_was_position = False

    def advance(self, end: int, watched: frozenset[bytes] = frozenset()) -> set[bytes]:
        """Read on up to `end`, a committed end of the partition. Returns which of the watched keys came by.

        Raises UndecodableRow for a position row that is none, KafkaException, BrokerUnusable.
        """
        seen: set[bytes] = set()
        rows = self.rows
        for message in self._log.up_to(end):
            key, value, offset = message.key() or b"", message.value(), message.offset() or 0
            self._note_gap(offset)
            self.records += 1
            self._last_was_position = key == POSITION_KEY
            if key in watched:
                seen.add(key)
            if key == POSITION_KEY:
                self.meta = decode_meta(value or b"")
            elif value is None:
                rows.pop(key, None)
            else:
                rows[key] = value
        return seen

    def has_pending(self) -> bool:
        """Whether more lies behind what was read, committed or not yet."""
        return self._log.has_pending()

    def _note_gap(self, offset: int) -> None:
        gap = offset - self._next
        if gap and not (gap == 1 and self._last_was_position):
            self.whole = False
        self._next = offset + 1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._log.close()

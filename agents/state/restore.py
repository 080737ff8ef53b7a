"""Restore: apply the changelog to a store, batch by batch, up to an end offset. Pure but for the store.

The owner reads the changelog partition (read_committed, from `start_offset`) and hands over what came; rows are
copied as they are, none is decoded but the meta row. Each batch is written with the checkpoint behind it, so a
restore that is cut off goes on where it was.

Of the times: a tombstone may be cleaned away `delete.retention.ms` after it was written. So the time of a checkpoint
amid the changelog is that of the last record applied: no record behind it can be older. Only at the end it is now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from agents.state.changelog import POSITION_KEY, Record, decode_meta, tables_by_prefix
from agents.state.store import Change, Meta, Store
from agents.state.tables import Table, UndecodableRow


@dataclass(frozen=True)
class Progress:
    """How far a restore has come."""

    start_offset: int
    next_offset: int
    end_offset: int
    records: int
    """Records applied by this restore; offsets also count what was compacted away."""

    @property
    def share(self) -> float:
        """Done so far, 0 to 1."""
        length = self.end_offset - self.start_offset
        return 1.0 if length <= 0 else min(1.0, (self.next_offset - self.start_offset) / length)


class Restore:
    """One restore of one store."""

    def __init__(
        self,
        store: Store,
        tables: Iterable[Table],
        end_offset: int,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        """`end_offset` is the changelog partition's end (of what is committed) when the owner fenced off the others."""
        self._store = store
        self._by_prefix = tables_by_prefix(tables)
        self._end_offset = end_offset
        self._on_progress = on_progress
        self._records = 0
        self.meta = store.meta()
        """As written with the last batch."""
        self.start_offset = self.meta.checkpoint
        """Where to read the changelog from."""

    @property
    def done(self) -> bool:
        """Whether all up to the end offset was applied."""
        return self.meta.checkpoint >= self._end_offset

    def apply(self, records: Sequence[Record], next_offset: int, last_record_at_ms: int) -> None:
        """Apply consecutive records of the changelog; `next_offset` is the one behind them.

        `last_record_at_ms` is the broker's timestamp of the last of them, not read where there are none. Control records and compacted ones leave gaps:
        hand over what is there, and at the end-of-partition event an empty batch with its offset. Raises
        UndecodableRow for a key of no known table, and what the store raises.
        """
        by_prefix, position = self._by_prefix, None
        changes: list[Change] = []
        append = changes.append
        try:
            for key, value in records:
                if key == POSITION_KEY:
                    position = value
                else:
                    append((by_prefix[key[0]], key[1:], value))
        except (KeyError, IndexError) as error:
            raise UndecodableRow("unknown", f"changelog key {key!r} belongs to no table of this program") from error
        came_with = self.meta if position is None else decode_meta(position)
        self._write(changes, came_with, next_offset, last_record_at_ms if records else self.meta.checkpoint_at_ms)
        self._records += len(records)
        self._tell()

    def finish(self, now_ms: int) -> Meta:
        """All up to the end is applied: date the checkpoint `now_ms` (broker's clock). Returns the meta row.

        Raises ValueError while records are missing.
        """
        if not self.done:
            raise ValueError(f"the restore is at {self.meta.checkpoint}, its end is {self._end_offset}")
        self._write((), self.meta, self.meta.checkpoint, now_ms)
        return self.meta

    def _write(self, changes: Sequence[Change], came_with: Meta, checkpoint: int, at_ms: int) -> None:
        meta = msgspec.structs.replace(came_with, checkpoint=checkpoint, checkpoint_at_ms=at_ms)
        self._store.write(changes, meta)
        self.meta = meta

    def _tell(self) -> None:
        if self._on_progress is not None:
            self._on_progress(Progress(self.start_offset, self.meta.checkpoint, self._end_offset, self._records))

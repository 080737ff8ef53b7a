"""What a store of rows is: sorted bytes by table, written in batches, with one meta row.

A store is a cache of the changelog partition and never ahead of it: it is written after the commit in Kafka, and its
`checkpoint` says from where the changelog has still to be applied. So it may be lost at any time, and a batch that
only half arrived is mended by the next restore; but the rows and the meta row of one batch arrive together or not
at all, and no later batch arrives without the earlier ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import msgspec

from agents.state.tables import Table

BATCH_ROWS = 1_000
"""Rows in one write. rocksdict holds the interpreter's lock while it writes: 1,000 rows take a few milliseconds."""

Change = tuple[Table, bytes, bytes | None]
"""Table, encoded key, encoded row or None to remove it."""


class Meta(msgspec.Struct, frozen=True, array_like=True):
    """Up to where the input and the changelog are in the store."""

    input_position: int = 0
    """Offset of the next input record to apply."""
    last_time_ms: int = 0
    """Record time of the last input record applied."""
    topic_id: str = ""
    """Kafka's id of the input topic: another id means that the topic was made anew."""
    checkpoint: int = 0
    """Offset of the next changelog record to apply. 0 = nothing of it is here."""
    checkpoint_at_ms: int = 0
    """Every changelog record later than this (broker's clock) is at or after `checkpoint`. A store whose checkpoint is
    older than half of the changelog's delete.retention.ms must be rebuilt: tombstones may have been cleaned away."""


class StoreError(Exception):
    """Something is wrong with the store in a directory."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path}: {why}")
        self.path = path
        self.why = why


class StoreCorrupt(StoreError):
    """What is in the directory is not what was written. Remove it and restore from the changelog."""


class StoreLocked(StoreError):
    """Another process, or another part of this one, has the store open."""


class StoreFault(StoreError):
    """The disk or the operating system refuses: full, not writable, too many open files, closed meanwhile."""


class Store(Protocol):
    """Sorted rows by table. One thread at a time writes; reads may come from others."""

    def get(self, table: Table, key: bytes) -> bytes | None:
        """The encoded row, or None."""

    def scan(
        self, table: Table, prefix: bytes, start: bytes = b"", limit: int | None = None
    ) -> list[tuple[bytes, bytes]]:
        """Rows whose key begins with `prefix` and is not less than `start` (a whole key), by key, at most `limit`.

        All of them come at once: whoever walks a whole table asks for pages.
        """

    def write(self, rows: Sequence[Change], meta: Meta | None) -> None:
        """Write rows in batches of at most `BATCH_ROWS`, the last of them with `meta`."""

    def meta(self) -> Meta:
        """The meta row; `Meta()` in an empty store."""

    def close(self) -> None:
        """Let go of everything, so that the store can be opened again. Twice is harmless."""

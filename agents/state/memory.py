"""The twin of the RocksDB store in memory: for tests, simulation and scenarios. The same contract tests run on both."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path

from agents.state.keys import end_of_prefix
from agents.state.store import Change, Meta, StoreFault
from agents.state.tables import Table

_NOWHERE = Path("memory")


class MemoryStore:
    """A store that is gone with its object."""

    def __init__(self) -> None:
        self._rows: dict[str, dict[bytes, bytes]] = {}
        self._sorted: dict[str, list[bytes]] = {}
        """Keys by table, made when they are scanned, dropped when a key comes or goes."""
        self._meta = Meta()
        self._closed = False

    def get(self, table: Table, key: bytes) -> bytes | None:
        """See `Store.get`."""
        return self._table(table).get(key)

    def scan(
        self, table: Table, prefix: bytes, start: bytes = b"", limit: int | None = None
    ) -> list[tuple[bytes, bytes]]:
        """See `Store.scan`."""
        rows = self._table(table)
        keys = self._sorted.get(table.name)
        if keys is None:
            keys = self._sorted[table.name] = sorted(rows)
        end = end_of_prefix(prefix)
        first = bisect_left(keys, max(prefix, start))
        last = len(keys) if end is None else bisect_left(keys, end)
        if limit is not None:
            last = min(last, first + limit)
        return [(key, rows[key]) for key in keys[first:last]]

    def write(self, rows: Sequence[Change], meta: Meta | None) -> None:
        """See `Store.write`."""
        for table, key, value in rows:
            held = self._table(table)
            if (key in held) == (value is None):
                self._sorted.pop(table.name, None)
            if value is None:
                held.pop(key, None)
            else:
                held[key] = value
        self._refuse_if_closed()
        if meta is not None:
            self._meta = meta

    def meta(self) -> Meta:
        """See `Store.meta`."""
        self._refuse_if_closed()
        return self._meta

    def close(self) -> None:
        """See `Store.close`."""
        self._closed = True

    def _table(self, table: Table) -> dict[bytes, bytes]:
        self._refuse_if_closed()
        rows = self._rows.get(table.name)
        if rows is None:
            rows = self._rows[table.name] = {}
        return rows

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise StoreFault(_NOWHERE, "the store is closed")

"""The folded rows in memory: a store whose scans cost what they give, not what the table holds.

`MemoryStore` sorts a whole table for a scan after a key has come or gone, which a fold of millions of records cannot
pay. Here the keys of a table lie in groups (the rows of one SKU; of a table of digests those with the same first bytes;
of a table by time those of the same minute), so that only the group is sorted.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence

from agents.state.store import Change, Meta
from agents.state.tables import Table

_DIGEST_BYTES = 2
_TIME_BYTES = 6
"""Of the eight of a number: groups of 65 seconds, where it is a time in milliseconds."""


class _GroupedTable:
    """The rows of one table."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.size = 0
        self.groups: dict[bytes, dict[bytes, bytes]] = {}
        self._order: list[bytes] = []
        first = table.shape[0]
        self._head_bytes = 0 if first is str else _TIME_BYTES if first is int else _DIGEST_BYTES

    def head_of(self, key: bytes) -> bytes:
        """The group of a key: for texts the first one, with its terminator."""
        return key[: self._head_bytes] if self._head_bytes else key[: key.index(0) + 1]

    def put(self, key: bytes, row: bytes) -> None:
        """Set a row."""
        head = self.head_of(key)
        group = self.groups.get(head)
        if group is None:
            group = self.groups[head] = {}
            insort(self._order, head)
        if key not in group:
            self.size += 1
        group[key] = row

    def remove(self, key: bytes) -> None:
        """Remove a row; one that is not there is no matter."""
        head = self.head_of(key)
        group = self.groups.get(head)
        if group is None or group.pop(key, None) is None:
            return
        self.size -= 1
        if not group:
            del self.groups[head]
            del self._order[bisect_left(self._order, head)]

    def scan(self, prefix: bytes, start: bytes, limit: int | None) -> list[tuple[bytes, bytes]]:
        """See `Store.scan`."""
        found: list[tuple[bytes, bytes]] = []
        for head in self._heads(prefix, start):
            group = self.groups[head]
            for key in sorted(group):
                if key >= start and key.startswith(prefix):
                    found.append((key, group[key]))
                    if limit is not None and len(found) >= limit:
                        return found
        return found

    def _heads(self, prefix: bytes, start: bytes) -> Iterator[bytes]:
        """The groups that may hold such keys, in order."""
        exact = self._head_bytes == 0 and 0 in prefix
        if exact:
            head = self.head_of(prefix)
            if head in self.groups:
                yield head
            return
        least = max(prefix, start)
        index = bisect_left(self._order, least)
        # The group before may hold the key itself: its head is a beginning of `least`.
        if index and least.startswith(self._order[index - 1]):
            index -= 1
        for head in self._order[index:]:
            if not head.startswith(prefix) and not prefix.startswith(head):
                return
            yield head


class FoldedRows:
    """A `Store` in memory; see the module's docstring."""

    def __init__(self) -> None:
        self._tables: dict[str, _GroupedTable] = {}
        self._meta = Meta()

    def __len__(self) -> int:
        return sum(table.size for table in self._tables.values())

    def get(self, table: Table, key: bytes) -> bytes | None:
        """See `Store.get`."""
        of_table = self._tables.get(table.name)
        if of_table is None:
            return None
        group = of_table.groups.get(of_table.head_of(key))
        return None if group is None else group.get(key)

    def scan(
        self, table: Table, prefix: bytes, start: bytes = b"", limit: int | None = None
    ) -> list[tuple[bytes, bytes]]:
        """See `Store.scan`."""
        of_table = self._tables.get(table.name)
        return [] if of_table is None else of_table.scan(prefix, start, limit)

    def write(self, rows: Sequence[Change], meta: Meta | None) -> None:
        """See `Store.write`."""
        for table, key, row in rows:
            of_table = self._tables.get(table.name)
            if of_table is None:
                of_table = self._tables[table.name] = _GroupedTable(table)
            if row is None:
                of_table.remove(key)
            else:
                of_table.put(key, row)
        if meta is not None:
            self._meta = meta

    def meta(self) -> Meta:
        """See `Store.meta`."""
        return self._meta

    def close(self) -> None:
        """See `Store.close`."""

    def all(self) -> Iterator[tuple[Table, bytes, bytes]]:
        """Every (table, key, row), in no particular order."""
        for of_table in self._tables.values():
            for group in of_table.groups.values():
                for key, row in group.items():
                    yield of_table.table, key, row

"""The rows of one partition as a decision sees them: committed ones, and those changed earlier in the same chunk.

    get, group, scan     what a decision reads
    put                  what it changed: seen at once by the next read, in the store only after the commit
    changes              the changed rows encoded, each key once, for the changelog
    commit               after the commit in Kafka: write them to the store
    discard              instead: forget them and everything they touched, so that the next read comes from the store

Changes come in the order of the tables, and within a table in the order of the first put of a key: the same log in
the same chunks gives the same records.

Memory: rows stay cached decoded after a commit, in two generations. A row read or changed is in the young one; when
the young ones of all tables hold half of `cache_rows`, a commit makes them the old ones and drops what was old before.
So a row used within the last half stays, eviction costs nothing per row, and nothing that is pending is ever evicted,
because only a commit evicts. A group counts with its rows.

Not for two threads at once: a chunk belongs to one.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from agents.state.keys import Key, KeyPart
from agents.state.store import Change, Meta, Store
from agents.state.tables import Order, Table

Rest = KeyPart | Key
"""A key without its first part: the second part itself where the key has two."""

_UNSEEN: Any = object()
_NO_ROWS: Mapping[Any, Any] = {}


class Group:
    """All rows whose key has the same first part."""

    __slots__ = ("in_order", "rows")

    def __init__(self, rows: dict[Any, Any], order: Order | None) -> None:
        self.rows = rows
        """Rest of the key -> row. Kept current; read only."""
        self.in_order: list[Key] = [] if order is None else sorted(_sort_keys(rows.items(), order))
        """Sort keys of the rows by the table's `order`, ascending; empty for a table without one."""


class TableOverlay:
    """The overlay of one table: what `Overlay` does, without looking the table up first."""

    def __init__(self, store: Store, table: Table) -> None:
        self.table = table
        self.revision = 0
        """Grows whenever a row may have changed: by put and by discard."""
        self.discards = 0
        """How often pending changes were forgotten."""
        self._store = store
        self._young: dict[Key, Any] = {}
        self._old: dict[Key, Any] = {}
        self._pending: dict[Key, Any] = {}
        self._sealed: Sequence[Change] = ()
        self._sealed_at = 0
        self._groups: dict[KeyPart, Group] = {}
        self._old_groups: dict[KeyPart, Group] = {}
        self._grouped_rows = 0
        self._touched: dict[KeyPart, list[Key]] = {}
        """Keys put in this chunk by their first part, while that group is not loaded: for its loading, and for scans."""
        self._encoded: dict[Key, bytes] = {}
        """Keys that were encoded to look them up in this chunk, for `changes`."""
        self._order = table.order
        self._digest = table.key_digest
        self._last_asked: Key = ()
        self._last_digest: Key = ()
        self.put: Callable[[Key, Any], None] = self.put_stored if self._digest is None else self._put_digested
        """Change a row by its key; None removes it."""
        self._is_grouped = table.shape[0] is str and len(table.shape) > 1
        self._pairs = len(table.shape) == 2

    def get(self, key: Key) -> Any:
        """The row, or None."""
        if self._digest is not None:
            key = self._digested(key)
        row = self._young.get(key, _UNSEEN)
        return row if row is not _UNSEEN else self._find(key)

    def put_stored(self, key: Key, row: Any) -> None:
        """As `put`, by a key as `scan` gives it: in a table of digests, the digest."""
        self.revision += 1
        self._young[key] = row
        self._pending[key] = row
        if self._is_grouped:
            first = key[0]
            group = self._groups.get(first) or self._old_groups.get(first)
            if group is not None:
                self._put_in_group(group, key[1] if self._pairs else key[1:], row)
            elif first in self._touched:
                self._touched[first].append(key)
            else:
                self._touched[first] = [key]

    def group(self, first: KeyPart) -> Group:
        """All rows whose key starts with `first`, loaded by one scan and kept current."""
        group = self._groups.get(first)
        if group is None:
            group = self._old_groups.get(first)
            if group is None:
                group = self._load_group(first)
            self._groups[first] = group
            self._grouped_rows += len(group.rows) + 1
        return group

    def scan(self, parts: Key = (), start: Key = (), limit: int | None = None) -> list[tuple[Key, Any]]:
        """Rows whose key begins with `parts` and is not less than the key that begins with `start`, by key.

        Pending changes are seen. Their number adds to the cost, not that of the cached rows.
        """
        table = self.table
        prefix, first = table.encode_prefix(parts), table.encode_prefix(start)
        changed = self._changed_within(parts, prefix, first)
        wanted = None if limit is None else limit + len(changed)
        found: dict[bytes, Any] = dict(self._store.scan(table, prefix, first, wanted))
        merged = [(key, table.decode_row(value)) for key, value in found.items() if key not in changed]
        if changed:
            merged += [(key, row) for key, row in changed.items() if row is not None]
            merged.sort(key=_first_of)
        return [(table.decode_key(key), row) for key, row in merged[:limit]]

    def stored_from(self, start: bytes, limit: int) -> list[tuple[bytes, bytes]]:
        """At most `limit` committed rows by key, not decoded, beginning at the encoded key `start`; see `is_changed`."""
        return self._store.scan(self.table, b"", start, limit)

    def is_changed(self, key: Key) -> bool:
        """Whether the row was put since the last commit or discard: what is stored of it is no longer so."""
        return key in self._pending

    def seal(self) -> Sequence[Change]:
        """What is pending, encoded: once, until more is put."""
        if self._sealed_at != self.revision:
            table, encoded = self.table, self._encoded
            encode_key, encode_row = table.encode_key, table.encode_row
            self._sealed = [
                (table, encoded.get(key) or encode_key(key), None if row is None else encode_row(row))
                for key, row in self._pending.items()
            ]
            self._sealed_at = self.revision
        return self._sealed

    @property
    def has_pending(self) -> bool:
        """Whether anything was changed since the last commit or discard."""
        return bool(self._pending)

    def forget_pending(self) -> None:
        """After a commit: what was pending is the store's now."""
        self._pending, self._sealed, self._touched, self._encoded = {}, (), {}, {}
        if not self.table.cached:
            self._young = {}
            self._drop_groups()

    def discard(self) -> None:
        """Forget what is pending, and every cached row and group that it touched."""
        self.revision += 1
        self.discards += 1
        for key in self._pending:
            self._young.pop(key, None)
            self._old.pop(key, None)
            self._old_groups.pop(key[0], None)
            self._groups.pop(key[0], None)
        self.forget_pending()

    def cached_rows(self) -> int:
        """Rows in the young generation, grouped ones included."""
        return len(self._young) + self._grouped_rows

    def age(self) -> None:
        """The young generation becomes the old one, and what was old is dropped. Only while nothing is pending."""
        self._old, self._young = self._young, {}
        self._old_groups, self._groups, self._grouped_rows = self._groups, {}, 0

    def _put_digested(self, key: Key, row: Any) -> None:
        self.put_stored(self._digested(key), row)

    def _digested(self, key: Key) -> Key:
        """The digest key. The last one is remembered: an id is looked up first and put a moment later."""
        if key != self._last_asked:
            assert self._digest is not None
            self._last_asked, self._last_digest = key, (self._digest(key),)
        return self._last_digest

    def _find(self, key: Key) -> Any:
        """A row that is not in the young generation: from the old one, from its group, or from the store."""
        row = self._old.get(key, _UNSEEN) if self._old else _UNSEEN
        if row is _UNSEEN:
            if self._is_grouped:
                group = self._groups.get(key[0]) or self._old_groups.get(key[0])
                if group is not None:
                    return group.rows.get(key[1] if self._pairs else key[1:])
            encoded = self._encoded[key] = self.table.encode_key(key)
            value = self._store.get(self.table, encoded)
            row = None if value is None else self.table.decode_row(value)
        self._young[key] = row
        return row

    def _load_group(self, first: KeyPart) -> Group:
        table, pairs = self.table, self._pairs
        decode_key, decode_row = table.decode_key, table.decode_row
        rows: dict[Any, Any] = {}
        for encoded, value in self._store.scan(table, table.encode_prefix((first,))):
            key = decode_key(encoded)
            rows[key[1] if pairs else key[1:]] = decode_row(value)
        for key in self._touched.get(first, ()):
            rest, row = key[1] if pairs else key[1:], self._young[key]
            if row is None:
                rows.pop(rest, None)
            else:
                rows[rest] = row
        return Group(rows, self._order)

    def _put_in_group(self, group: Group, rest: Any, row: Any) -> None:
        rows, order = group.rows, self._order
        if order is not None:
            in_order, before = group.in_order, rows.get(rest)
            gone = None if before is None else order(rest, before)
            come = None if row is None else order(rest, row)
            if gone != come:
                if gone is not None:
                    del in_order[bisect_left(in_order, gone)]
                if come is not None:
                    insort(in_order, come)
        if row is None:
            rows.pop(rest, None)
            return
        if rest not in rows:
            self._grouped_rows += 1
        rows[rest] = row

    def _drop_groups(self) -> None:
        self._groups, self._old_groups, self._grouped_rows = {}, {}, 0

    def _changed_within(self, parts: Key, prefix: bytes, first: bytes) -> dict[bytes, Any]:
        """Encoded key -> row of the pending changes in a range."""
        keys: Iterable[Key] = self._pending
        if parts and self._is_grouped and parts[0] not in self._groups and parts[0] not in self._old_groups:
            keys = self._touched.get(parts[0], ())
        encode_key = self.table.encode_key
        changed = {encode_key(key): self._young[key] for key in keys}
        return {key: row for key, row in changed.items() if key.startswith(prefix) and key >= first}


class Overlay:
    """Read-your-writes over a store, for one partition."""

    def __init__(self, store: Store, tables: Iterable[Table], cache_rows: int) -> None:
        """`cache_rows` bounds the decoded rows kept after a commit; a chunk's own rows come on top of it."""
        self._store = store
        self._cache_rows = cache_rows
        self._overlays = {table.name: TableOverlay(store, table) for table in tables}

    def table(self, table: Table) -> TableOverlay:
        """The overlay of one table, to be kept by who uses it often."""
        return self._overlays[table.name]

    def by_name(self) -> Mapping[str, TableOverlay]:
        """The overlays of all tables by their names."""
        return self._overlays

    def get(self, table: Table, key: Key) -> Any:
        """The row, or None."""
        return self._overlays[table.name].get(key)

    def put(self, table: Table, key: Key, row: Any) -> None:
        """Change a row; None removes it."""
        self._overlays[table.name].put(key, row)

    def group(self, table: Table, first_part: KeyPart) -> Mapping[Any, Any]:
        """All rows whose key starts with that part, by the rest of the key. Kept current: copy what is to last."""
        return self._overlays[table.name].group(first_part).rows

    def scan(self, table: Table, prefix: Key = (), limit: int | None = None, start: Key = ()) -> list[tuple[Key, Any]]:
        """Rows by key, pending changes included; see `TableOverlay.scan`."""
        return self._overlays[table.name].scan(prefix, start, limit)

    def changes(self) -> Sequence[Change]:
        """What was changed since the last commit or discard, encoded: once, however often this is called."""
        return [change for overlay in self._overlays.values() for change in overlay.seal()]

    def commit(self, meta: Meta) -> None:
        """Write all changes to the store, the last batch with `meta`. The overlay is unchanged where that raises."""
        self._store.write(self.changes(), meta)
        for overlay in self._overlays.values():
            overlay.forget_pending()
        if sum(overlay.cached_rows() for overlay in self._overlays.values()) * 2 > self._cache_rows:
            for overlay in self._overlays.values():
                overlay.age()

    def discard(self) -> None:
        """Forget all changes since the last commit."""
        for overlay in self._overlays.values():
            overlay.discard()


def _sort_keys(rows: Iterable[tuple[Any, Any]], order: Order) -> Iterator[Key]:
    for rest, row in rows:
        key = order(rest, row)
        if key is not None:
            yield key


def _first_of(pair: tuple[bytes, Any]) -> bytes:
    return pair[0]

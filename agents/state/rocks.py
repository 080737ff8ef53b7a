"""The store on RocksDB: one column family per table, the meta row in the default one.

What is special about it:

* Memory is bounded by configuration. All stores of the process share one block cache; index and filter blocks live in
  it, and memtables are charged to it. A shared limit on memtables makes RocksDB flush early rather than grow.
* rocksdict raises bare `Exception` with RocksDB's status as its text, so errors are told apart by that text, in one
  place (`_judged`), and only where the type is exactly `Exception`.
* Iterators end silently on a corrupt block; here every scan asks for the iterator's status before it believes its end.
* The directory's LOCK goes only with the last handle, family and iterator, so none of them leaves this module.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import TracebackType

from rocksdict import (
    BlockBasedOptions,
    Cache,
    ColumnFamily,
    DbClosedError,
    Options,
    Rdict,
    ReadOptions,
    WriteBatch,
    WriteBufferManager,
)

from agents.state.changelog import decode_meta, encode_meta
from agents.state.keys import end_of_prefix
from agents.state.store import BATCH_ROWS, Change, Meta, StoreCorrupt, StoreError, StoreFault, StoreLocked
from agents.state.tables import Table, UndecodableRow

MEBIBYTE = 1 << 20
_META_KEY = b"meta"
_DEFAULT_FAMILY = "default"
_ARENA_BLOCK_BYTES = 64 << 10
"""What a memtable takes at least: many tables of many partitions are nearly empty."""
_MEMTABLE_FILTER_SHARE = 0.05
"""Of `write_buffer_bytes`."""
_LOCKED = ("While lock file", "lock hold by current process")
_CORRUPT = ("Corruption", "IO error: No such file or directory")
_CORRUPT_AT_OPEN = (*_CORRUPT, "Invalid argument", "Not implemented", "NotFound")
_WRITTEN_BY_ROCKSDB = (
    *("CURRENT*", "IDENTITY*", "LOCK", "LOG", "LOG.old.*", "MANIFEST-*", "OPTIONS-*"),
    *("*.sst", "*.log", "*.blob", "*.dbtmp", "*.trash", "rocksdict-config.json"),
)


@dataclass(frozen=True)
class TableOptions:
    """Memory of one table in one store."""

    write_buffer_bytes: int = 4 * MEBIBYTE
    """Size at which a memtable is flushed to a file."""
    bloom_bits: int = 10
    """Bits per key of the filter that answers "not here" without reading; 0 = none."""


@dataclass(frozen=True)
class RocksOptions:
    """Memory and files of the RocksDB stores of this process."""

    block_cache_bytes: int = 128 * MEBIBYTE
    """Of all stores together: data, index and filter blocks, and memtables. What is pinned at the moment (the index
    of fresh files) may exceed it by some hundred KiB."""
    write_buffers_bytes: int = 64 * MEBIBYTE
    """Of all stores together, out of `block_cache_bytes`: memtables are flushed early rather than exceed it. An empty
    table takes 64 KiB and a twentieth of its `write_buffer_bytes`; leave a few times of that sum over all partitions."""
    tables: Mapping[str, TableOptions] = field(default_factory=dict)
    """By table name; a table that is not named gets `TableOptions()`."""
    max_open_files: int = 256
    """Of each store."""


@lru_cache(maxsize=8)
def shared_memory(block_cache_bytes: int, write_buffers_bytes: int) -> tuple[Cache, WriteBufferManager]:
    """The process's one block cache and one limit on memtables. This is global on purpose: memory is the process's."""
    cache = Cache(block_cache_bytes)
    return cache, WriteBufferManager.new_write_buffer_manager_with_cache(write_buffers_bytes, False, cache)


class RocksStore:
    """A `Store` in a directory of its own."""

    def __init__(self, path: Path, options: RocksOptions) -> None:
        """Open or create. Raises StoreCorrupt, StoreLocked, StoreFault."""
        self.path = path
        self._options = options
        self._guard = _Guard(path)
        self._families: dict[str, Rdict] = {}
        self._handles: dict[str, ColumnFamily] = {}
        self._closed = True
        _make_directory(path)
        with _Guard(path, opening=True):
            present = Rdict.list_cf(str(path)) if (path / "CURRENT").exists() else []
            names = [name for name in dict.fromkeys([*present, *options.tables]) if name != _DEFAULT_FAMILY]
            self._database = Rdict(
                str(path),
                options=self._database_options(),
                column_families={name: self._family_options(name) for name in names},
            )
            self._closed = False
            for name in names:
                self._take_family(name)

    def get(self, table: Table, key: bytes) -> bytes | None:
        """See `Store.get`. Raises StoreCorrupt where the row's block fails its checksum."""
        with self._guard:
            value: bytes | None = self._family(table.name).get(key)
            return value

    def scan(
        self, table: Table, prefix: bytes, start: bytes = b"", limit: int | None = None
    ) -> list[tuple[bytes, bytes]]:
        """See `Store.scan`. Raises StoreCorrupt where a block fails its checksum."""
        with self._guard:
            return _scan(self._family(table.name), prefix, max(prefix, start), limit)

    def write(self, rows: Sequence[Change], meta: Meta | None) -> None:
        """See `Store.write`. Other threads may read between two batches."""
        starts = range(0, len(rows), BATCH_ROWS) or range(1)
        for first in starts:
            with self._guard:
                self._refuse_if_closed()
                last_meta = meta if first == starts[-1] else None
                self._write_batch(rows[first : first + BATCH_ROWS], last_meta)

    def meta(self) -> Meta:
        """See `Store.meta`."""
        with self._guard:
            self._refuse_if_closed()
            value = self._database.get(_META_KEY)
        try:
            return Meta() if value is None else decode_meta(value)
        except UndecodableRow as error:
            raise StoreCorrupt(self.path, str(error)) from error

    def close(self) -> None:
        """See `Store.close`. Waits for a read or write in flight; afterwards the directory's LOCK is free.

        Also where RocksDB complains, as on a full disk: what it could not write at the end is in the changelog.
        """
        with self._guard:
            if self._closed:
                return
            self._closed = True
            databases = [*self._families.values(), self._database]
            self._families, self._handles = {}, {}
            del self._database
            while databases:
                with _Unmoved():
                    databases.pop(0).close()

    def flush(self) -> None:
        """Write all memtables to files, so that the next open has nothing to replay."""
        with self._guard:
            self._refuse_if_closed()
            for family in (self._database, *self._families.values()):
                family.flush()

    def memory_bytes(self) -> int:
        """Block cache (shared by all stores) with all that is charged to it."""
        cache, _ = shared_memory(self._options.block_cache_bytes, self._options.write_buffers_bytes)
        return int(cache.get_usage())

    def _write_batch(self, rows: Sequence[Change], meta: Meta | None) -> None:
        batch = WriteBatch(raw_mode=True)
        of: Table | None = None
        handle: ColumnFamily | None = None
        for table, key, value in rows:
            if table is not of:  # They come table by table.
                self._family(table.name)
                of, handle = table, self._handles[table.name]
            if value is None:
                batch.delete(key, handle)
            else:
                batch.put(key, value, handle)
        if meta is not None:
            batch.put(_META_KEY, encode_meta(meta))
        self._database.write(batch)

    def _family(self, name: str) -> Rdict:
        family = self._families.get(name)
        if family is None:
            self._refuse_if_closed()
            self._database.create_column_family(name, self._family_options(name))
            family = self._take_family(name)
        return family

    def _take_family(self, name: str) -> Rdict:
        family = self._families[name] = self._database.get_column_family(name)
        self._handles[name] = self._database.get_column_family_handle(name)
        return family

    def _refuse_if_closed(self) -> None:
        if self._closed:
            raise StoreFault(self.path, "the store is closed")

    def _database_options(self) -> Options:
        options = self._family_options(_DEFAULT_FAMILY)
        _, write_buffers = shared_memory(self._options.block_cache_bytes, self._options.write_buffers_bytes)
        options.create_if_missing(True)
        options.create_missing_column_families(True)
        options.set_paranoid_checks(True)
        options.set_write_buffer_manager(write_buffers)
        options.set_max_open_files(self._options.max_open_files)
        options.set_max_total_wal_size(64 * MEBIBYTE)
        options.set_max_background_jobs(2)
        options.set_keep_log_file_num(3)
        options.set_max_log_file_size(MEBIBYTE)
        options.set_stats_dump_period_sec(0)
        return options

    def _family_options(self, name: str) -> Options:
        table = self._options.tables.get(name, TableOptions())
        cache, _ = shared_memory(self._options.block_cache_bytes, self._options.write_buffers_bytes)
        blocks = BlockBasedOptions()
        blocks.set_block_cache(cache)
        blocks.set_cache_index_and_filter_blocks(True)
        blocks.set_pin_l0_filter_and_index_blocks_in_cache(True)
        if table.bloom_bits:
            blocks.set_bloom_filter(table.bloom_bits, False)
        options = Options(raw_mode=True)
        options.set_block_based_table_factory(blocks)
        options.set_write_buffer_size(table.write_buffer_bytes)
        options.set_max_write_buffer_number(2)
        options.set_arena_block_size(_ARENA_BLOCK_BYTES)
        if table.bloom_bits:
            # Most look-ups of an id find nothing: the memtable's own filter says so without searching it. It is
            # allocated whole with each memtable, so that it is part of the floor of `write_buffers_bytes`.
            options.set_memtable_whole_key_filtering(True)
            options.set_memtable_prefix_bloom_ratio(_MEMTABLE_FILTER_SHARE)
        return options


def open_or_rebuild(path: Path, options: RocksOptions, report: Callable[[str], None]) -> RocksStore:
    """Open the store; where it is corrupt, move it out of the way, say so, and start with an empty one.

    The owner sees from `meta().checkpoint == 0` that all of the changelog is to be restored. Files that RocksDB wrote
    are deleted; a directory with anything else in it is kept beside as `<name>.corrupt`. Raises StoreLocked,
    StoreFault.
    """
    try:
        return RocksStore(path, options)
    except StoreCorrupt as corrupt:
        why = corrupt.why
    kept = remove_store(path)
    fate = "deleted" if kept is None else f"kept as {kept}"
    report(f"the state in {path} is corrupt ({why}); it is {fate} and will be rebuilt from the changelog")
    return RocksStore(path, options)


def remove_store(path: Path) -> Path | None:
    """Remove a closed store from its path. Returns where it is kept if it holds files that RocksDB did not write.

    It is renamed first, so that a kill in the middle never leaves half a store under its name.
    """
    aside = path.with_name(path.name + ".corrupt")
    try:
        number = 1
        while aside.exists() and not _is_only_rocksdb(aside):
            number += 1
            aside = path.with_name(f"{path.name}.corrupt-{number}")
        if aside.exists():
            shutil.rmtree(aside)
        path.rename(aside)
        if not _is_only_rocksdb(aside):
            return aside
        shutil.rmtree(aside)
    except OSError as error:
        raise StoreFault(path, f"it cannot be removed: {error.strerror}") from error
    return None


class _Guard:
    """One operation at a time on a database, its errors said in our words."""

    def __init__(self, path: Path, opening: bool = False) -> None:
        self._path = path
        self._opening = opening
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._lock.release()
        if error is not None and (kind is Exception or kind is DbClosedError):
            raise _judged(self._path, str(error), self._opening) from error


class _Unmoved:
    """Passes over what RocksDB complains of."""

    def __enter__(self) -> None:
        """Nothing to be done before."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        return kind is Exception or kind is DbClosedError


def _judged(path: Path, status: str, opening: bool) -> StoreError:
    """Which of our errors a RocksDB status is."""
    if any(words in status for words in _LOCKED):
        return StoreLocked(path, "the store is open elsewhere: in another process, or in another part of this one")
    if status.startswith(_CORRUPT_AT_OPEN if opening else _CORRUPT):
        return StoreCorrupt(path, status)
    return StoreFault(path, status)


def _make_directory(path: Path) -> None:
    """See to it that RocksDB finds a store or an empty directory: it would make a new store over the rest of one."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not (path / "CURRENT").exists() and any(path.iterdir()):
            raise StoreCorrupt(path, "there are files but no CURRENT")
    except OSError as error:
        raise StoreFault(path, f"the directory cannot be used: {error.strerror}") from error


def _is_only_rocksdb(path: Path) -> bool:
    """True where every entry of the directory has a name that RocksDB gives."""
    if not path.is_dir():
        return False
    return all(
        entry.is_file() and any(entry.match(pattern) for pattern in _WRITTEN_BY_ROCKSDB) for entry in path.iterdir()
    )


def _scan(family: Rdict, prefix: bytes, start: bytes, limit: int | None) -> list[tuple[bytes, bytes]]:
    found: list[tuple[bytes, bytes]] = []
    bounds = ReadOptions()
    end = end_of_prefix(prefix)
    if end is not None:
        bounds.set_iterate_upper_bound(end)
    rows = family.iter(bounds)
    try:
        rows.seek(start)
        while rows.valid() and (limit is None or len(found) < limit):
            found.append((rows.key(), rows.value()))
            rows.next()
        rows.status()
    finally:
        # A traceback would keep the iterator, and the iterator the directory's LOCK.
        del rows
    return found

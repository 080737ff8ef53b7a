"""The disk of a process: the local store of each partition, of which a crash may lose what was written last.

A write is cut into batches; the rows and the meta row of a batch arrive together, and a batch is there only if all before
it are. The world is told of each whole write, and looks whether the store is ahead of the changelog.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from agents.state.memory import MemoryStore
from agents.state.rocks import RocksOptions, RocksStore, open_or_rebuild, remove_store
from agents.state.store import Change, Meta, Store, StoreCorrupt, StoreFault, StoreLocked
from agents.state.tables import Table
from tests.simulation.process import Process

Content = dict[str, dict[bytes, bytes]]
"""Rows by table."""


class Plate:
    """What is on the disk of one partition."""

    def __init__(self) -> None:
        self.batches: list[tuple[Sequence[Change], Meta | None]] = []
        self.opened_by: Process | None = None
        self.durable = 0
        """So many batches no crash can lose."""
        self.torn = False
        """A write was cut off here once: some rows may be ahead of the checkpoint, until a restore comes to the end."""


class Disk:
    """By path. It outlives the processes; each has directories of its own."""

    def __init__(self) -> None:
        self._plates: dict[Path, Plate] = {}

    def of(self, path: Path) -> Plate:
        """What is there."""
        return self._plates.setdefault(path, Plate())

    def remove(self, path: Path) -> None:
        """All of it."""
        plate = self.of(path)
        if plate.opened_by is not None and plate.opened_by.alive:
            raise StoreFault(path, "it is open")
        self._plates[path] = Plate()

    def crash(self, process: Process, keeps: Callable[[int, int], int]) -> int:
        """The process is gone; `keeps` says how many of all batches stay. Returns how many were lost."""
        lost = 0
        for plate in self._plates.values():
            if plate.opened_by is process:
                plate.opened_by = None
                left = keeps(plate.durable, len(plate.batches))
                lost += len(plate.batches) - left
                del plate.batches[left:]
                plate.durable = min(plate.durable, left)
        return lost


class VirtualStore:
    """A store of one partition, as a process has it open."""

    def __init__(self, process: Process, path: Path) -> None:
        plate = process.world.disk.of(path)
        if plate.opened_by is not None and plate.opened_by.alive:
            raise StoreLocked(path, "the store is open elsewhere")
        plate.opened_by = process
        self._process = process
        self._path = path
        self._plate = plate
        self._memory = MemoryStore()
        for rows, meta in plate.batches:
            self._memory.write(rows, meta)
        self._partition = int(path.name)
        self._is_open = True

    def get(self, table: Table, key: bytes) -> bytes | None:
        self._may_be_corrupt()
        return self._memory.get(table, key)

    def scan(
        self, table: Table, prefix: bytes, start: bytes = b"", limit: int | None = None
    ) -> list[tuple[bytes, bytes]]:
        self._may_be_corrupt()
        return self._memory.scan(table, prefix, start, limit)

    def write(self, rows: Sequence[Change], meta: Meta | None) -> None:
        process, batch_rows = self._process, self._process.world.plan.batch_rows
        process.pause("before the store")
        rows = list(rows)
        starts = range(0, len(rows), batch_rows) or range(1)
        was_torn, self._plate.torn = self._plate.torn, True
        for first in starts:
            if process.meets("disk full"):
                raise StoreFault(self._path, "no space left on device")
            self._may_be_corrupt()
            batch = rows[first : first + batch_rows]
            with_meta = meta if first == starts[-1] else None
            self._memory.write(batch, with_meta)
            self._plate.batches.append((batch, with_meta))
            if first != starts[-1]:
                process.pause("half stored")
        self._plate.torn = was_torn
        if process.meets("flushed"):
            self._plate.durable = len(self._plate.batches)
        process.world.watch.stored(
            process.name, self._partition, rows, self._memory.meta(), self._memory._rows, torn=was_torn
        )
        process.pause("stored")

    def meta(self) -> Meta:
        return self._memory.meta()

    def content(self) -> Content:
        """All rows."""
        return self._memory._rows

    def close(self) -> None:
        self._memory.close()
        if self._is_open and self._plate.opened_by is self._process:
            self._plate.opened_by = None
        self._is_open = False

    def _may_be_corrupt(self) -> None:
        if self._process.meets("corrupt"):
            raise StoreCorrupt(self._path, "a block fails its checksum")


class RealStore:
    """RocksDB, watched in the same way. A crash only lets go of it: nothing is lost."""

    def __init__(self, process: Process, path: Path, options: RocksOptions) -> None:
        self._process = process
        self._store = open_or_rebuild(path, options, lambda _: None)
        self._partition = int(path.name)
        self._tables: dict[str, Table] = {}
        process.stores.append(self)

    def get(self, table: Table, key: bytes) -> bytes | None:
        return self._store.get(table, key)

    def scan(
        self, table: Table, prefix: bytes, start: bytes = b"", limit: int | None = None
    ) -> list[tuple[bytes, bytes]]:
        return self._store.scan(table, prefix, start, limit)

    def write(self, rows: Sequence[Change], meta: Meta | None) -> None:
        self._process.pause("before the store")
        self._tables.update((table.name, table) for table, _, _ in rows)
        self._store.write(rows, meta)
        self._process.world.watch.stored(
            self._process.name, self._partition, rows, self._store.meta(), self.content(), torn=False
        )
        self._process.pause("stored")

    def meta(self) -> Meta:
        return self._store.meta()

    def content(self) -> Content:
        """All rows of the tables that have any."""
        tables = self._process.world.tables
        return {table.name: dict(self._store.scan(table, b"")) for table in tables}

    def close(self) -> None:
        self._store.close()


def opener_of_stores(process: Process, directory: Path | None) -> tuple[Callable[..., Store], Callable[[Path], Any]]:
    """How a process opens and removes its stores: in memory, or under a real directory."""
    disk = process.world.disk
    if directory is not None:
        return lambda path, options, _: RealStore(process, directory / path, options), lambda path: remove_store(
            directory / path
        )

    def open_store(path: Path, options: RocksOptions, report: Callable[[str], None]) -> Store:
        process.pause("open the store")
        if process.meets("corrupt at open"):
            report("corrupt")
            disk.remove(path)
        return VirtualStore(process, path)

    return open_store, disk.remove


__all__ = ["Content", "Disk", "RealStore", "RocksStore", "VirtualStore", "opener_of_stores"]

"""The RocksDB of a worker, looked at from beside it: the worker's locks are not taken, nothing in its directory is touched.

A view is a temporary directory with links to the table files (they never change, only come and go) and copies of the
few others. It is taken again while a file came or went meanwhile. Of the log that is being written a beginning is
copied, which is what RocksDB would find after a kill: a whole number of batches, with the position and the checkpoint
that belong to them.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from rocksdict import AccessType, Options, Rdict

from agents.state.changelog import decode_meta
from agents.state.store import Meta, StoreCorrupt, StoreFault
from agents.state.tables import Table

ATTEMPTS = 20
PAUSE_S = 0.1
_META_KEY = b"meta"
_DEFAULT_FAMILY = "default"
_COPIED = ("CURRENT", "MANIFEST-*", "*.log", "OPTIONS-*", "rocksdict-config.json", "IDENTITY")


@dataclass(frozen=True)
class LocalStore:
    """Where a worker keeps one partition."""

    instance: str
    path: Path


def local_stores(directory: Path, agent: str, partition: int) -> list[LocalStore]:
    """The stores of one partition under a state directory: `<directory>/<instance>/<agent>/<partition>`.

    A directory that has the partitions themselves will do, too.
    """
    found = [
        LocalStore(path.parent.parent.name, path)
        for path in sorted(directory.glob(f"*/{agent}/{partition}"))
        if path.is_dir()
    ]
    direct = directory / str(partition)
    if direct.is_dir() and (direct / "CURRENT").exists():
        found.append(LocalStore(directory.parent.name, direct))
    return found


class LocalRows:
    """What one store held at the moment it was opened. A context manager."""

    def __init__(self, store: LocalStore) -> None:
        """Raises StoreCorrupt where RocksDB cannot read it, StoreFault where the directory cannot be read."""
        self.store = store
        self._view = tempfile.TemporaryDirectory(prefix="onhand-audit-")
        try:
            self._database, self._families = self._opened()
            self.meta = self._meta()
        except BaseException:
            self._view.cleanup()
            raise

    def rows(self, tables: tuple[Table, ...]) -> Iterator[tuple[bytes, bytes]]:
        """(changelog key, row) of every row, table by table. Raises StoreCorrupt."""
        by_name = {table.name: table for table in tables}
        for name, family in self._families.items():
            prefix = by_name[name].prefix if name in by_name else name.encode()
            with _Judging(self.store.path):
                entries = family.iter()
                try:
                    entries.seek_to_first()
                    while entries.valid():
                        yield prefix + entries.key(), entries.value()
                        entries.next()
                    entries.status()
                finally:
                    del entries  # the directory is in use as long as an iterator is

    def get(self, table: Table, key: bytes) -> bytes | None:
        """One row. Raises StoreCorrupt."""
        family = self._families.get(table.name)
        with _Judging(self.store.path):
            value: bytes | None = None if family is None else family.get(key)
        return value

    def close(self) -> None:
        """Let go of everything and remove the view."""
        for family in self._families.values():
            family.close()
        self._database.close()
        self._view.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _opened(self) -> tuple[Rdict, dict[str, Rdict]]:
        """Take a view and open it, again while the worker changes files."""
        for attempt in range(ATTEMPTS):
            view = Path(self._view.name) / str(attempt)
            if _take_view(self.store.path, view):
                try:
                    with _Judging(self.store.path):
                        return _open(view)
                except StoreCorrupt:
                    if _names(self.store.path) == _names(view):
                        raise
            shutil.rmtree(view, ignore_errors=True)
            time.sleep(PAUSE_S)
        raise StoreFault(self.store.path, "its files change faster than they can be looked at; audit again")

    def _meta(self) -> Meta:
        with _Judging(self.store.path):
            value = self._database.get(_META_KEY)
        return Meta() if value is None else decode_meta(value)


class _Judging:
    """rocksdict raises bare `Exception` with RocksDB's words: here that the store is not what was written."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        """Nothing to be done before."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if kind is Exception:
            raise StoreCorrupt(self._path, str(error)) from error


def _take_view(path: Path, view: Path) -> bool:
    """Link and copy the files. Returns whether they stood still, the growth of the last log aside."""
    try:
        before = _names(path)
        view.mkdir(parents=True)
        for name in sorted(before):
            source = path / name
            if name.endswith(".sst"):
                (view / name).symlink_to(source.resolve())
            elif any(source.match(pattern) for pattern in _COPIED):
                shutil.copyfile(source, view / name)
        return before == _names(path) and (path / "CURRENT").read_bytes() == (view / "CURRENT").read_bytes()
    except FileNotFoundError:
        if not (path / "CURRENT").exists():
            raise StoreCorrupt(path, "there is no CURRENT") from None
        return False
    except OSError as error:
        raise StoreFault(path, f"it cannot be read: {error.strerror}") from error


def _names(path: Path) -> frozenset[str]:
    """The files that matter: RocksDB's own log of what it does comes and goes as it likes."""
    return frozenset(
        entry.name
        for entry in path.iterdir()
        if entry.name.endswith(".sst") or any(entry.match(pattern) for pattern in _COPIED)
    )


def _open(view: Path) -> tuple[Rdict, dict[str, Rdict]]:
    names = [name for name in Rdict.list_cf(str(view)) if name != _DEFAULT_FAMILY]
    options = Options(raw_mode=True)
    options.set_max_open_files(-1)  # all at once: a file that the worker removes later stays readable
    database = Rdict(
        str(view),
        options=options,
        column_families={name: Options(raw_mode=True) for name in names},
        access_type=AccessType.read_only(error_if_log_file_exist=False),
    )
    return database, {name: database.get_column_family(name) for name in names}

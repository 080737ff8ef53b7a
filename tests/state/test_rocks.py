"""RocksDB beyond the contract: opening again, locks, corruption, a kill amid writing, memory."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agents.state.memory import MemoryStore
from agents.state.rocks import RocksOptions, RocksStore, TableOptions, open_or_rebuild, remove_store
from agents.state.store import BATCH_ROWS, Change, Meta, Store, StoreCorrupt, StoreFault, StoreLocked
from tests.state.rows_for_tests import COUNTED, NOTES, SMALL_MEMORY, open_store

ROWS = 5_000


def fill(store: Store, rows: int = ROWS) -> None:
    changes = [(NOTES, b"%06d" % number, os.urandom(50)) for number in range(rows)]
    store.write(changes, Meta(rows, 1, "topic", 2, 3))


def closed_store(path: Path) -> Path:
    """A store with rows in files."""
    store = open_store(path)
    fill(store)
    store.flush()
    store.close()
    return path


def only(path: Path, pattern: str) -> Path:
    """The largest file of this kind."""
    return max(path.glob(pattern), key=lambda file: file.stat().st_size)


def read_all(store: Store) -> None:
    for number in range(ROWS):
        store.get(NOTES, b"%06d" % number)


def flip_byte(file: Path, at: int) -> None:
    content = bytearray(file.read_bytes())
    content[at] ^= 1
    file.write_bytes(content)


def test_a_closed_store_opens_again_in_the_same_process_with_all_its_rows(tmp_path: Path) -> None:
    for round_ in range(3):
        store = open_store(tmp_path / "db")
        assert store.meta().input_position == (ROWS if round_ else 0)
        fill(store)
        assert len(store.scan(NOTES, b"")) == ROWS
        store.close()


def test_a_table_that_came_later_is_made_in_an_existing_database(tmp_path: Path) -> None:
    first = RocksStore(tmp_path / "db", RocksOptions(tables={"notes": TableOptions()}))
    fill(first, 10)
    first.close()
    second = RocksStore(tmp_path / "db", RocksOptions(tables={"counted": TableOptions(bloom_bits=0)}))
    second.write([(COUNTED, b"a", b"1")], None)
    assert len(second.scan(NOTES, b"")) == 10
    second.close()
    third = RocksStore(tmp_path / "db", RocksOptions())
    assert third.get(COUNTED, b"a") == b"1"
    third.close()


def test_a_table_nobody_configured_is_made_at_its_first_use(tmp_path: Path) -> None:
    store = RocksStore(tmp_path / "db", RocksOptions())
    assert store.get(NOTES, b"a") is None
    store.write([(COUNTED, b"a", b"1")], None)
    assert store.get(COUNTED, b"a") == b"1"
    store.close()


def test_a_store_that_is_open_is_locked_not_corrupt(tmp_path: Path) -> None:
    store = open_store(tmp_path / "db")
    fill(store, 10)
    with pytest.raises(StoreLocked, match="open elsewhere"):
        open_or_rebuild(tmp_path / "db", SMALL_MEMORY, pytest.fail)
    assert len(store.scan(NOTES, b"")) == 10
    store.close()


def test_a_store_that_another_process_has_open_is_locked(tmp_path: Path) -> None:
    with writer(tmp_path / "db") as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(StoreLocked, match="another process"):
            open_or_rebuild(tmp_path / "db", SMALL_MEMORY, pytest.fail)
        process.kill()


def remove_current(path: Path) -> None:
    (path / "CURRENT").unlink()


def remove_current_and_wal(path: Path) -> None:
    remove_current(path)
    for file in path.glob("*.log"):
        file.unlink()


def remove_manifest(path: Path) -> None:
    only(path, "MANIFEST-*").unlink()


def break_manifest(path: Path) -> None:
    only(path, "MANIFEST-*").write_bytes(os.urandom(500))


def cut_manifest(path: Path) -> None:
    only(path, "MANIFEST-*").write_bytes(b"")


def break_current(path: Path) -> None:
    (path / "CURRENT").write_bytes(b"nonsense")


def remove_table_file(path: Path) -> None:
    only(path, "*.sst").unlink()


def cut_table_file(path: Path) -> None:
    file = only(path, "*.sst")
    file.write_bytes(file.read_bytes()[:1000])


def only_garbage(path: Path) -> None:
    for file in path.iterdir():
        file.unlink()
    (path / "000001.sst").write_bytes(os.urandom(1000))


DAMAGES = [
    remove_current,
    remove_current_and_wal,
    remove_manifest,
    break_manifest,
    cut_manifest,
    break_current,
    remove_table_file,
    cut_table_file,
    only_garbage,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_directory_is_recognised_rebuilt_and_said_so(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    path = closed_store(tmp_path / "db")
    damage(path)
    with pytest.raises(StoreCorrupt) as caught:
        open_store(path)
    assert caught.value.path == path
    assert caught.value.why
    said: list[str] = []
    rebuilt = open_or_rebuild(path, SMALL_MEMORY, said.append)
    assert rebuilt.meta() == Meta()
    assert rebuilt.scan(NOTES, b"") == []
    fill(rebuilt)
    rebuilt.close()
    assert len(said) == 1
    assert str(path) in said[0]
    assert "rebuilt from the changelog" in said[0]
    assert [entry.name for entry in tmp_path.iterdir()] == ["db"]


def test_a_sound_directory_is_opened_without_a_word(tmp_path: Path) -> None:
    store = open_or_rebuild(closed_store(tmp_path / "db"), SMALL_MEMORY, pytest.fail)
    assert store.meta().input_position == ROWS
    store.close()


def test_a_flipped_byte_met_while_reading_is_corrupt_and_the_store_can_be_replaced_at_once(tmp_path: Path) -> None:
    path = closed_store(tmp_path / "db")
    file = only(path, "*.sst")
    flip_byte(file, file.stat().st_size // 3)
    store = open_store(path)
    with pytest.raises(StoreCorrupt, match="checksum"):
        read_all(store)
    with pytest.raises(StoreCorrupt, match="checksum") as caught:
        store.scan(NOTES, b"")  # RocksDB's own iterators end here without a word
    # The exception is kept, with its traceback: that must not keep the directory locked.
    assert caught.value.path == path
    store.close()
    assert remove_store(path) is None
    open_store(path).close()


def test_rows_outside_of_the_corrupt_block_are_still_read(tmp_path: Path) -> None:
    path = closed_store(tmp_path / "db")
    file = only(path, "*.sst")
    flip_byte(file, file.stat().st_size // 3)
    store = open_store(path)
    assert store.get(NOTES, b"%06d" % (ROWS - 1)) is not None
    store.close()


def test_a_write_ahead_log_damaged_in_the_middle_leaves_an_earlier_state_with_its_own_checkpoint(
    tmp_path: Path,
) -> None:
    path = tmp_path / "db"
    with writer(path) as process:
        assert process.stdout is not None
        for _ in range(8):
            process.stdout.readline()
        process.kill()
    wal = only(path, "*.log")
    flip_byte(wal, wal.stat().st_size // 2)
    store = open_store(path)
    assert_prefix_of_the_writer(store)
    store.close()


def test_files_that_are_not_rocksdbs_are_kept_aside_never_deleted(tmp_path: Path) -> None:
    path = tmp_path / "db"
    for number in ("", "-2"):
        path.mkdir()
        (path / "thesis.txt").write_text("years of work")
        said: list[str] = []
        open_or_rebuild(path, SMALL_MEMORY, said.append).close()
        kept = tmp_path / f"db.corrupt{number}"
        assert (kept / "thesis.txt").read_text() == "years of work"
        assert str(kept) in said[0]
        remove_store(path)


def test_a_removal_that_was_cut_off_is_finished_by_the_next(tmp_path: Path) -> None:
    closed_store(tmp_path / "db.corrupt")
    path = closed_store(tmp_path / "db")
    assert remove_store(path) is None
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_is_a_file_or_not_there_to_be_made_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "db"):
        with pytest.raises(StoreFault, match=str(path)):
            open_or_rebuild(path, SMALL_MEMORY, pytest.fail)


WRITER = """
import sys
from pathlib import Path
from agents.state.store import Meta
from tests.state.rows_for_tests import COUNTED, NOTES, open_store

store = open_store(Path(sys.argv[1]))
number = store.meta().input_position
while True:
    number += 1
    rows = [(NOTES, b"newest", b"%d" % number)]
    rows += [(NOTES, b"%08d-%04d" % (number, i), b"x" * 20) for i in range(1_500)]
    rows += [(COUNTED, b"%08d" % number, b"%d" % number)]
    store.write(rows, Meta(number, checkpoint=number))
    print(number, flush=True)
"""


class writer:  # noqa: N801 - reads as a function
    """A process that writes batch after batch until it is killed; it prints the number of each finished one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> subprocess.Popen[str]:
        root = Path(__file__).resolve().parents[2]
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(self._path)], cwd=root, stdout=subprocess.PIPE, text=True
        )
        return self.process

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
        assert self.process.returncode == -signal.SIGKILL


def assert_prefix_of_the_writer(store: RocksStore) -> int:
    """All writes up to the meta row are there whole; of the next one at most its first batch, never its last row."""
    last = store.meta().input_position
    assert store.meta().checkpoint == last
    assert store.get(NOTES, b"newest") in {b"%d" % last, b"%d" % (last + 1)}
    assert store.scan(COUNTED, b"") == [(b"%08d" % number, b"%d" % number) for number in range(1, last + 1)]
    whole = [key for key, _ in store.scan(NOTES, b"0") if key < b"%08d" % (last + 1)]
    assert len(whole) == last * 1_500
    assert len(store.scan(NOTES, b"%08d" % (last + 1))) in {0, 999}
    return last


def test_after_kill_9_amid_writing_every_finished_write_is_there_and_the_meta_row_is_never_ahead(
    tmp_path: Path,
) -> None:
    finished = 0
    for round_ in range(3):
        with writer(tmp_path / "db") as process:
            assert process.stdout is not None
            for _ in range(20 + 17 * round_):
                finished = int(process.stdout.readline())
            process.kill()
        store = open_store(tmp_path / "db")
        assert assert_prefix_of_the_writer(store) >= finished
        store.close()


def test_a_write_that_breaks_off_in_its_second_batch_leaves_the_former_meta_row(tmp_path: Path) -> None:
    store = open_store(tmp_path / "db")
    store.write([(NOTES, b"a", b"1")], Meta(1))
    rows: list[Change] = [(NOTES, b"%06d" % number, b"x") for number in range(BATCH_ROWS)]
    with pytest.raises(KeyError, match="bytes"):
        store.write([*rows, (NOTES, "not bytes", b"x")], Meta(2))  # type: ignore[list-item]
    assert len(store.scan(NOTES, b"0")) == BATCH_ROWS
    assert store.meta() == Meta(1)
    store.close()


def wait_for_memory(store: RocksStore, limit_bytes: int) -> None:
    """Flushes run in the background; without them the memory would never come down."""
    deadline = time.monotonic() + 20
    while store.memory_bytes() > limit_bytes:
        assert time.monotonic() < deadline, f"{store.memory_bytes()} bytes are in use, {limit_bytes} are allowed"
        time.sleep(0.005)


def test_memory_of_many_stores_stays_within_what_is_configured(tmp_path: Path) -> None:
    options = RocksOptions(
        block_cache_bytes=6 << 20, write_buffers_bytes=3 << 20, tables={"notes": TableOptions(64 << 20, bloom_bits=0)}
    )
    stores = [RocksStore(tmp_path / str(number), options) for number in range(4)]
    twin = MemoryStore()
    for start in range(0, 60_000, 1_000):
        store = stores[start // 1_000 % 4]
        changes = [(NOTES, b"%08d" % number, os.urandom(200)) for number in range(start, start + 1_000)]
        store.write(changes, None)
        twin.write(changes, None)
        wait_for_memory(stores[0], options.block_cache_bytes)
    assert any(path.stat().st_size for path in tmp_path.glob("*/*.sst")), "nothing was flushed"
    assert sorted(row for store in stores for row in store.scan(NOTES, b"")) == twin.scan(NOTES, b"")
    wait_for_memory(stores[0], options.block_cache_bytes * 6 // 5)  # 13 MB were read; some index blocks are pinned
    for store in stores:
        store.close()


@pytest.fixture
def no_file_can_grow() -> Iterator[Callable[[bool], None]]:
    """A function that lets the files of this process grow no more, as on a full disk, and lets them grow again."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    def set_full(full: bool) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0 if full else soft, hard))

    yield set_full
    set_full(False)


def test_a_store_on_a_full_disk_is_closed_all_the_same_and_opens_when_there_is_room(
    tmp_path: Path, no_file_can_grow: Callable[[bool], None]
) -> None:
    path = tmp_path / "0"
    store = open_store(path)
    store.write([(NOTES, b"kept", b"1")], Meta(input_position=1))
    no_file_can_grow(True)
    refusals = []
    for step in (lambda: store.write([(NOTES, b"lost", b"2")], Meta(input_position=2)), lambda: open_store(path)):
        try:
            step()
        except StoreFault as full:
            refusals.append(full.why)
        store.close()
    no_file_can_grow(False)
    assert len(refusals) == 2
    assert all("File too large" in why for why in refusals)
    again = open_store(path)
    assert (again.get(NOTES, b"kept"), again.get(NOTES, b"lost"), again.meta()) == (b"1", None, Meta(input_position=1))
    again.close()

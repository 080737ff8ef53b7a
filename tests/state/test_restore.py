from __future__ import annotations

import random
from pathlib import Path

import pytest

from agents.state.changelog import POSITION_KEY, Record, meta_record, to_records
from agents.state.memory import MemoryStore
from agents.state.overlay import Overlay
from agents.state.restore import Progress, Restore
from agents.state.store import Meta, Store
from agents.state.tables import UndecodableRow
from tests.state.rows_for_tests import COUNTED, NOTES, SMALL_TABLES, Note, open_store

ROWS = 200_000


def contents(store: Store) -> list[list[tuple[bytes, bytes]]]:
    return [store.scan(table, b"") for table in SMALL_TABLES]


def test_a_restored_store_equals_the_one_that_wrote_the_changelog(tmp_path: Path) -> None:
    seeded = random.Random(3)
    original = MemoryStore()
    overlay = Overlay(original, SMALL_TABLES, 10_000)
    changelog: list[Record] = []
    for chunk in range(ROWS // 4_000):
        for number in range(2_000):
            sku = f"s{seeded.randrange(20_000)}"
            overlay.put(NOTES, (sku, "LEEDS"), Note(str(number)) if seeded.random() < 0.9 else None)
            overlay.put(COUNTED, (sku, "o", chunk * 2_000 + number), Note("c"))
        meta = Meta(chunk + 1, chunk, "topic", len(changelog), 5)
        changelog += [*to_records(overlay.changes()), meta_record(meta)]
        overlay.commit(meta)

    store = open_store(tmp_path / "db")
    seen: list[Progress] = []
    restore = Restore(store, SMALL_TABLES, len(changelog), seen.append)
    for start in range(0, len(changelog), 7_777):
        batch = changelog[start : start + 7_777]
        restore.apply(batch, start + len(batch), 1_000 + start)
    assert restore.done
    meta = restore.finish(9_999_999)
    assert contents(store) == contents(original)
    assert meta == store.meta() == Meta(50, 49, "topic", len(changelog), 9_999_999)
    assert [progress.share for progress in seen] == sorted(progress.share for progress in seen)
    assert seen[-1] == Progress(0, len(changelog), len(changelog), len(changelog))
    assert seen[-1].share == 1.0
    store.close()


def test_a_restore_that_was_cut_off_goes_on_from_its_checkpoint(tmp_path: Path) -> None:
    store = open_store(tmp_path / "db")
    first = Restore(store, SMALL_TABLES, 6)
    first.apply([(b"na\0b\0", b"1"), (b"nc\0d\0", b"1"), meta_record(Meta(5, 50, "topic"))], 3, 700)
    assert not first.done
    with pytest.raises(ValueError, match="is at 3"):
        first.finish(999)
    store.close()

    store = open_store(tmp_path / "db")
    second = Restore(store, SMALL_TABLES, 6)
    assert second.start_offset == 3
    second.apply([(b"na\0b\0", None)], 4, 800)
    assert store.meta() == Meta(5, 50, "topic", 4, 800)
    second.apply([], 6, 800)
    assert second.finish(999) == Meta(5, 50, "topic", 6, 999)
    assert store.scan(NOTES, b"") == [(b"c\0d\0", b"1")]
    store.close()


def test_the_checkpoint_amid_a_changelog_is_dated_by_its_last_record_so_that_no_tombstone_can_be_missed() -> None:
    store = MemoryStore()
    restore = Restore(store, SMALL_TABLES, 10)
    restore.apply([(b"na\0b\0", b"1")], 5, 700)
    assert store.meta().checkpoint_at_ms == 700
    restore.apply([(b"na\0b\0", b"2")], 6, 650)  # a leader with another clock: the earlier time is the safe one
    assert store.meta().checkpoint_at_ms == 650
    restore.apply([], 8, 0)
    assert store.meta() == Meta(checkpoint=8, checkpoint_at_ms=650)


def test_the_last_position_of_a_batch_counts_and_one_without_any_keeps_the_former() -> None:
    store = MemoryStore()
    restore = Restore(store, SMALL_TABLES, 10)
    restore.apply([meta_record(Meta(1)), (b"na\0b\0", b"1"), meta_record(Meta(2)), (b"na\0c\0", b"1")], 4, 1)
    assert store.meta().input_position == 2
    restore.apply([(b"na\0c\0", None)], 5, 1)
    assert store.meta().input_position == 2


def test_an_empty_changelog_is_restored_at_once() -> None:
    restore = Restore(MemoryStore(), SMALL_TABLES, 0)
    assert restore.done
    assert restore.finish(5) == Meta(checkpoint_at_ms=5)


@pytest.mark.parametrize("key", [b"", b"\xfekey", b"\0other"])
def test_a_key_of_no_known_table_stops_the_restore_before_its_batch(key: bytes) -> None:
    store = MemoryStore()
    with pytest.raises(UndecodableRow, match="no table of this program"):
        Restore(store, SMALL_TABLES, 10).apply([(b"na\0b\0", b"1"), (key, b"1")], 2, 1)
    assert store.meta() == Meta()
    assert store.scan(NOTES, b"") == []


def test_a_position_that_cannot_be_read_stops_the_restore() -> None:
    with pytest.raises(UndecodableRow):
        Restore(MemoryStore(), SMALL_TABLES, 10).apply([(POSITION_KEY, b"\xff")], 1, 1)

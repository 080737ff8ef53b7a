from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agents.state.keys import Key
from agents.state.memory import MemoryStore
from agents.state.overlay import Overlay
from agents.state.store import BATCH_ROWS, Change, Meta, Store, StoreFault
from agents.state.tables import Table
from tests.state.rows_for_tests import COUNTED, DATED, NOTES, SMALL_TABLES, Note, open_store, order_of_note


@pytest.fixture(params=["rocksdb", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened: Store = open_store(tmp_path / "db") if request.param == "rocksdb" else MemoryStore()
    yield opened
    opened.close()


@pytest.fixture
def overlay(store: Store) -> Overlay:
    return Overlay(store, SMALL_TABLES, 1_000)


class CountingStore(MemoryStore):
    """Counts what is asked of it."""

    def __init__(self) -> None:
        super().__init__()
        self.gets = 0
        self.scans = 0

    def get(self, table: Table, key: bytes) -> bytes | None:
        self.gets += 1
        return super().get(table, key)

    def scan(
        self, table: Table, prefix: bytes, start: bytes = b"", limit: int | None = None
    ) -> list[tuple[bytes, bytes]]:
        self.scans += 1
        return super().scan(table, prefix, start, limit)


def test_a_change_is_read_at_once_and_is_in_the_store_only_after_the_commit(store: Store, overlay: Overlay) -> None:
    overlay.put(NOTES, ("a", "b"), Note("1"))
    assert overlay.get(NOTES, ("a", "b")) == Note("1")
    assert store.scan(NOTES, b"") == []
    overlay.commit(Meta(7))
    assert store.scan(NOTES, b"") == [(b"a\0b\0", NOTES.encode_row(Note("1")))]
    assert store.meta() == Meta(7)
    assert overlay.changes() == []


def test_what_is_discarded_is_read_as_before_from_the_store(store: Store, overlay: Overlay) -> None:
    overlay.put(NOTES, ("a", "b"), Note("1"))
    overlay.commit(Meta(1))
    overlay.group(NOTES, "a")
    overlay.put(NOTES, ("a", "b"), Note("2"))
    overlay.put(NOTES, ("a", "c"), Note("2"))
    overlay.changes()
    overlay.put(NOTES, ("a", "d"), Note("2"))
    overlay.discard()
    assert overlay.get(NOTES, ("a", "b")) == Note("1")
    assert overlay.get(NOTES, ("a", "c")) is None
    assert dict(overlay.group(NOTES, "a")) == {"b": Note("1")}
    assert overlay.changes() == []
    overlay.commit(Meta(2))
    assert len(store.scan(NOTES, b"")) == 1


def test_each_key_is_encoded_once_with_its_last_row_in_the_order_of_first_change(overlay: Overlay) -> None:
    encoded: list[Any] = []

    def spy(row: Any) -> Any:
        encoded.append(row)
        return row

    spied = Table("notes", b"n", (str, str), Note, to_array=spy)
    spying = Overlay(MemoryStore(), (DATED, spied), 10)
    for text in ("1", "2", "3"):
        spying.put(spied, ("z", "z"), Note(text))
        spying.put(spied, ("a", "a"), Note(text))
    spying.put(DATED, (5, "x", "y", 1), Note("d"))
    spying.put(spied, ("gone", ""), None)
    changes = spying.changes()
    assert [(table.name, key) for table, key, _ in changes] == [
        ("dated", DATED.encode_key((5, "x", "y", 1))),
        ("notes", b"z\0z\0"),
        ("notes", b"a\0a\0"),
        ("notes", b"gone\0\0"),
    ]
    assert changes[-1][2] is None
    assert spying.changes() == changes
    spying.commit(Meta(1))
    assert encoded == [Note("3"), Note("3")]


def test_a_change_made_after_the_changes_were_asked_for_is_committed_too(store: Store, overlay: Overlay) -> None:
    overlay.put(NOTES, ("a", "a"), Note("1"))
    overlay.put(NOTES, ("a", "b"), Note("1"))
    assert len(overlay.changes()) == 2
    overlay.put(NOTES, ("a", "a"), Note("2"))
    overlay.put(NOTES, ("a", "c"), Note("2"))
    overlay.commit(Meta(1))
    assert {NOTES.decode_row(value).text for _, value in store.scan(NOTES, b"")} == {"1", "2"}
    assert len(store.scan(NOTES, b"")) == 3


def test_a_key_is_looked_up_in_the_store_once_even_if_it_is_not_there() -> None:
    store = CountingStore()
    overlay = Overlay(store, SMALL_TABLES, 1_000)
    for _ in range(3):
        assert overlay.get(NOTES, ("a", "b")) is None
        assert overlay.get(DATED, (1, "a", "b", 1)) is None
    assert store.gets == 2


def test_a_group_is_scanned_once_and_answers_for_its_rows() -> None:
    store = CountingStore()
    overlay = Overlay(store, SMALL_TABLES, 1_000)
    overlay.put(COUNTED, ("a", "x", 1), Note("x"))
    for _ in range(3):
        assert overlay.group(COUNTED, "a") == {("x", 1): Note("x")}
        assert overlay.get(COUNTED, ("a", "y", 1)) is None
        overlay.commit(Meta(1))
    assert (store.gets, store.scans) == (0, 1)


def test_a_group_does_not_take_rows_of_a_part_that_only_begins_alike(overlay: Overlay) -> None:
    for first in ("a", "ab", "b", "a\0"):
        overlay.put(NOTES, (first, "x"), Note(first))
    overlay.commit(Meta(1))
    overlay.put(NOTES, ("a ", "x"), Note("a "))
    assert overlay.group(NOTES, "a") == {"x": Note("a")}


def test_a_group_stays_current_and_keeps_its_order(overlay: Overlay) -> None:
    counted = overlay.table(COUNTED)
    overlay.put(COUNTED, ("s", "one", 1), Note("m"))
    overlay.commit(Meta(1))
    overlay.put(COUNTED, ("s", "two", 1), Note("b"))
    assert [key[0] for key in counted.group("s").in_order] == ["b", "m"]
    overlay.put(COUNTED, ("s", "three", 1), Note("c"))
    overlay.put(COUNTED, ("s", "one", 1), Note("a"))
    overlay.put(COUNTED, ("s", "two", 1), None)
    assert [key[0] for key in counted.group("s").in_order] == ["a", "c"]
    overlay.discard()
    assert [key[0] for key in counted.group("s").in_order] == ["m"]


def test_the_cache_stays_bounded_and_what_is_used_stays_in_it() -> None:
    store = CountingStore()
    overlay = Overlay(store, SMALL_TABLES, 100)
    notes = overlay.table(NOTES)
    overlay.put(NOTES, ("hot", "row"), Note("hot"))
    for number in range(2_000):
        overlay.put(NOTES, (f"s{number}", "row"), Note("cold"))
        overlay.commit(Meta(number))
        assert overlay.get(NOTES, ("hot", "row")) == Note("hot")
        overlay.group(NOTES, f"s{number}")
        assert notes.cached_rows() <= 52
        assert len(notes._old) <= 52
        assert len(notes._old_groups) <= 52
    assert store.gets == 0
    assert overlay.get(NOTES, ("s0", "row")) == Note("cold")
    assert store.gets == 1


def test_rows_of_a_table_that_is_not_cached_are_gone_from_memory_after_the_commit() -> None:
    overlay = Overlay(MemoryStore(), SMALL_TABLES, 1_000)
    overlay.put(DATED, (1, "a", "b", 1), Note("1"))
    overlay.commit(Meta(1))
    assert overlay.table(DATED).cached_rows() == 0
    assert overlay.get(DATED, (1, "a", "b", 1)) == Note("1")


def test_a_chunk_of_any_size_is_written_with_its_meta_last(tmp_path: Path) -> None:
    store = open_store(tmp_path / "db")
    overlay = Overlay(store, SMALL_TABLES, 10)
    for number in range(3 * BATCH_ROWS + 7):
        overlay.put(NOTES, (str(number), ""), Note("x"))
    overlay.commit(Meta(3))
    assert len(store.scan(NOTES, b"")) == 3 * BATCH_ROWS + 7
    assert store.meta() == Meta(3)
    store.close()


def test_a_commit_that_fails_loses_no_change() -> None:
    class FullDisk(MemoryStore):
        full = True

        def write(self, rows: Any, meta: Meta | None) -> None:
            if self.full:
                raise StoreFault(Path("disk"), "No space left on device")
            super().write(rows, meta)

    store = FullDisk()
    overlay = Overlay(store, SMALL_TABLES, 10)
    overlay.put(NOTES, ("a", "b"), Note("1"))
    with pytest.raises(StoreFault):
        overlay.commit(Meta(1))
    store.full = False
    overlay.commit(Meta(1))
    assert len(store.scan(NOTES, b"")) == 1


def test_a_discard_forgets_the_older_generation_too() -> None:
    overlay = Overlay(MemoryStore(), SMALL_TABLES, 4)
    overlay.put(NOTES, ("a", "x"), Note("1"))
    overlay.group(NOTES, "a")
    overlay.commit(Meta(1))  # the row and its group are in the old generation now
    assert ("a", "x") in overlay.table(NOTES)._old
    assert "a" in overlay.table(NOTES)._old_groups
    overlay.put(NOTES, ("a", "x"), Note("2"))
    overlay.commit(Meta(2))
    assert ("a", "x") in overlay.table(NOTES)._old
    overlay.put(NOTES, ("a", "x"), Note("3"))
    overlay.discard()
    assert overlay.get(NOTES, ("a", "x")) == Note("2")
    assert overlay.group(NOTES, "a") == {"x": Note("2")}


def test_a_scan_sees_what_was_put_after_its_group_was_loaded(overlay: Overlay) -> None:
    overlay.group(NOTES, "a")
    overlay.put(NOTES, ("a", "x"), Note("1"))
    assert overlay.scan(NOTES, ("a",)) == [(("a", "x"), Note("1"))]


# Few keys, so that the same ones meet again; test_keys.py has the strange ones.
FIRST = st.sampled_from(["a", "ab", "a\0"])
SECOND = st.sampled_from(["", "x"])
NUMBER = st.sampled_from([-1, 5])
TEXT = st.sampled_from(["p", "q", "r"])


def key_of(table: Table, first: str, second: str, number: int) -> Key:
    return {"notes": (first, second), "counted": (first, second, number), "dated": (number, first, second, 1)}[
        table.name
    ]


class OverlayAgainstDict(RuleBasedStateMachine):
    """Whatever is put, committed, discarded, evicted or reopened: the overlay reads as two plain dicts do."""

    open_store: Callable[[], Store]

    def __init__(self) -> None:
        super().__init__()
        self.committed: dict[tuple[str, Key], Note] = {}
        self.now: dict[tuple[str, Key], Note] = {}
        self.changelog: dict[tuple[str, bytes], bytes] = {}

    @initialize(cache_rows=st.sampled_from([0, 6, 1_000]))
    def start(self, cache_rows: int) -> None:
        self.cache_rows = cache_rows
        self.store = type(self).open_store()
        self.overlay = Overlay(self.store, SMALL_TABLES, cache_rows)

    @rule(table=st.sampled_from(SMALL_TABLES), first=FIRST, second=SECOND, number=NUMBER, text=st.none() | TEXT)
    def put(self, table: Table, first: str, second: str, number: int, text: str | None) -> None:
        key = key_of(table, first, second, number)
        self.overlay.put(table, key, None if text is None else Note(text))
        if text is None:
            self.now.pop((table.name, key), None)
        else:
            self.now[table.name, key] = Note(text)

    @rule(table=st.sampled_from(SMALL_TABLES), first=FIRST, second=SECOND, number=NUMBER)
    def get(self, table: Table, first: str, second: str, number: int) -> None:
        key = key_of(table, first, second, number)
        assert self.overlay.get(table, key) == self.now.get((table.name, key))

    @rule(table=st.sampled_from([NOTES, COUNTED]), first=FIRST)
    def group(self, table: Table, first: str) -> None:
        expected = {
            (key[1] if len(key) == 2 else key[1:]): row
            for (name, key), row in self.now.items()
            if name == table.name and key[0] == first
        }
        group = self.overlay.table(table).group(first)
        assert group.rows == expected
        if table is COUNTED:
            assert group.in_order == sorted(order_of_note(rest, row) for rest, row in expected.items())

    @rule(
        table=st.sampled_from(SMALL_TABLES),
        first=FIRST,
        second=SECOND,
        number=NUMBER,
        parts=st.integers(0, 2),
        started=st.booleans(),
        limit=st.none() | st.integers(0, 3),
    )
    def scan(
        self, table: Table, first: str, second: str, number: int, parts: int, started: bool, limit: int | None
    ) -> None:
        key = key_of(table, first, second, number)
        prefix, start = key[:parts], key if started else ()
        rows = sorted(
            (key, row) for (name, key), row in self.now.items() if name == table.name and key[:parts] == prefix
        )
        expected = [(key, row) for key, row in rows if not started or key >= start]
        assert self.overlay.scan(table, prefix, limit, start) == expected[:limit]

    @rule()
    def look_at_the_changes(self) -> None:
        self.overlay.changes()

    @rule()
    def commit(self) -> None:
        changes: list[Change] = list(self.overlay.changes())
        keys = [(table.name, key) for table, key, _ in changes]
        assert len(keys) == len(set(keys))
        for table, key, value in changes:
            if value is None:
                self.changelog.pop((table.name, key), None)
            else:
                self.changelog[table.name, key] = value
        self.overlay.commit(Meta(len(self.now)))
        self.committed = dict(self.now)

    @rule()
    def discard(self) -> None:
        self.overlay.discard()
        self.now = dict(self.committed)

    @rule()
    def lose_the_overlay(self) -> None:
        self.overlay = Overlay(self.store, SMALL_TABLES, self.cache_rows)
        self.now = dict(self.committed)

    @precondition(lambda self: hasattr(self, "store"))
    @invariant()
    def the_store_is_what_the_changelog_says(self) -> None:
        for table in SMALL_TABLES:
            expected = sorted((key, value) for (name, key), value in self.changelog.items() if name == table.name)
            assert self.store.scan(table, b"") == expected

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.store.close()


MODEL_SETTINGS = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def test_the_overlay_reads_as_a_dict_over_memory() -> None:
    from hypothesis.stateful import run_state_machine_as_test

    machine = type("OverMemory", (OverlayAgainstDict,), {"open_store": staticmethod(MemoryStore)})
    run_state_machine_as_test(machine, settings=settings(MODEL_SETTINGS, max_examples=150))


def test_the_overlay_reads_as_a_dict_over_rocksdb(tmp_path_factory: pytest.TempPathFactory) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    machine = type(
        "OverRocks",
        (OverlayAgainstDict,),
        {"open_store": staticmethod(lambda: open_store(tmp_path_factory.mktemp("model") / "db"))},
    )
    run_state_machine_as_test(machine, settings=settings(MODEL_SETTINGS, max_examples=25))

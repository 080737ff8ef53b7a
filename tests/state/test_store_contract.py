"""What holds for every store: run on RocksDB and on its twin in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agents.state.memory import MemoryStore
from agents.state.store import BATCH_ROWS, Change, Meta, Store, StoreFault
from tests.state.rows_for_tests import COUNTED, NOTES, SMALL_TABLES, open_store


@pytest.fixture(params=["rocksdb", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    opened: Store = open_store(tmp_path / "db") if request.param == "rocksdb" else MemoryStore()
    yield opened
    opened.close()


def test_an_empty_store_has_no_rows_and_the_first_meta(store: Store) -> None:
    assert store.get(NOTES, b"a") is None
    assert store.scan(NOTES, b"") == []
    assert store.meta() == Meta()


def test_what_is_written_is_read_until_it_is_removed(store: Store) -> None:
    store.write([(NOTES, b"a", b"1"), (NOTES, b"b", b"")], None)
    assert (store.get(NOTES, b"a"), store.get(NOTES, b"b")) == (b"1", b"")
    store.write([(NOTES, b"a", None), (NOTES, b"never", None)], None)
    assert store.get(NOTES, b"a") is None
    assert store.scan(NOTES, b"") == [(b"b", b"")]


def test_a_key_written_twice_in_one_batch_has_the_last_value(store: Store) -> None:
    store.write(
        [(NOTES, b"a", b"1"), (NOTES, b"a", None), (NOTES, b"a", b"2"), (NOTES, b"b", b"1"), (NOTES, b"b", None)], None
    )
    assert store.scan(NOTES, b"") == [(b"a", b"2")]


def test_tables_do_not_see_each_other(store: Store) -> None:
    store.write([(NOTES, b"a", b"note"), (COUNTED, b"a", b"counted")], None)
    assert store.get(NOTES, b"a") == b"note"
    assert store.scan(COUNTED, b"") == [(b"a", b"counted")]


def test_the_meta_row_comes_with_the_last_rows_and_is_no_row(store: Store) -> None:
    meta = Meta(5, 6, "topic", 7, 8)
    store.write([(NOTES, b"%05d" % number, b"x") for number in range(2 * BATCH_ROWS + 1)], meta)
    assert store.meta() == meta
    assert len(store.scan(NOTES, b"")) == 2 * BATCH_ROWS + 1
    store.write([], Meta(9))
    assert store.meta() == Meta(9)
    store.write([(NOTES, b"z", b"x")], None)
    assert store.meta() == Meta(9)


def test_a_scan_keeps_to_its_prefix_its_start_and_its_limit(store: Store) -> None:
    keys = [b"a", b"b", b"b\x00", b"b\x01", b"b\xff", b"b\xff\xff", b"c", b"\xff\xff"]
    store.write([(NOTES, key, key) for key in reversed(keys)], None)
    assert [key for key, _ in store.scan(NOTES, b"b")] == keys[1:6]
    assert [key for key, _ in store.scan(NOTES, b"b", b"b\x00")] == keys[2:6]
    assert [key for key, _ in store.scan(NOTES, b"b", b"a")] == keys[1:6]
    assert store.scan(NOTES, b"b", b"c") == []
    assert [key for key, _ in store.scan(NOTES, b"", b"b\x02")] == keys[4:]
    assert [key for key, _ in store.scan(NOTES, b"\xff")] == keys[7:]
    assert [key for key, _ in store.scan(NOTES, b"b", b"", 2)] == keys[1:3]
    assert store.scan(NOTES, b"b", b"", 0) == []


@pytest.mark.parametrize(
    "use",
    [
        lambda store: store.get(NOTES, b"a"),
        lambda store: store.scan(NOTES, b""),
        lambda store: store.write([(NOTES, b"a", b"1")], None),
        lambda store: store.write([], Meta(1)),
        lambda store: store.meta(),
    ],
)
def test_a_closed_store_refuses_and_closing_twice_is_harmless(store: Store, use: Callable[[Store], object]) -> None:
    store.close()
    store.close()
    with pytest.raises(StoreFault, match="closed"):
        use(store)


KEY = st.binary(max_size=3) | st.sampled_from([b"a", b"a\0", b"a\xff", b"\xff"])
CHANGES = st.lists(st.tuples(st.sampled_from(SMALL_TABLES), KEY, st.none() | st.binary(max_size=4)), max_size=12)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(writes=st.lists(CHANGES, max_size=4), prefix=KEY, start=KEY, limit=st.none() | st.integers(0, 4))
def test_both_stores_answer_alike(
    tmp_path_factory: pytest.TempPathFactory,
    writes: list[list[Change]],
    prefix: bytes,
    start: bytes,
    limit: int | None,
) -> None:
    rocks, memory = open_store(tmp_path_factory.mktemp("twins") / "db"), MemoryStore()
    for number, changes in enumerate(writes):
        for store in (rocks, memory):
            store.write(changes, Meta(number))
    for table in SMALL_TABLES:
        assert rocks.scan(table, prefix, start, limit) == memory.scan(table, prefix, start, limit)
        assert rocks.get(table, start) == memory.get(table, start)
    assert rocks.meta() == memory.meta()
    rocks.close()

"""The walk over the SKUs that a reference record concerns: every one of them once, wherever it is interrupted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.inventory.goods import Goods
from agents.inventory.offers import Refreshing, Scope
from agents.inventory.positions import Position
from agents.inventory.rows import GOODS, POSITIONS, REFRESHING, WALK
from agents.inventory.transactions import ChannelReference, Item, LocationReference
from agents.state.ledger import LEDGER_TABLES, LedgerRows
from agents.state.memory import MemoryStore
from agents.state.overlay import Overlay
from agents.state.rocks import RocksOptions, RocksStore
from agents.state.store import Meta, Store
from agents.state.visits import AGAIN_AFTER_MS, MOST_VISITS, Visit, Visits
from tests.state.rows_for_tests import CHANNEL, LOCATION

EVERYTHING = (Scope(),)


@pytest.fixture(params=["rocksdb", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    rocks = request.param == "rocksdb"
    opened: Store = RocksStore(tmp_path / "db", RocksOptions(8 << 20, 4 << 20)) if rocks else MemoryStore()
    yield opened
    opened.close()


@pytest.fixture
def overlay(store: Store) -> Overlay:
    return Overlay(store, LEDGER_TABLES, 1_000)


@pytest.fixture
def rows(overlay: Overlay) -> LedgerRows:
    return LedgerRows(overlay)


def put_skus(rows: LedgerRows, overlay: Overlay, skus: list[str]) -> None:
    rows.apply({(POSITIONS, (sku, place)): Position(1) for sku in skus for place in ("LEEDS", "YORK")})
    overlay.commit(Meta(1))


def put_walk(rows: LedgerRows, overlay: Overlay, walk: Refreshing | None) -> None:
    rows.apply({(REFRESHING, (WALK,)): walk})
    overlay.commit(Meta(2))


def test_no_walk_names_nobody(overlay: Overlay, rows: LedgerRows) -> None:
    put_skus(rows, overlay, ["A"])
    assert Visits(overlay, rows).next(0, 100) == []


def test_every_sku_is_named_once_and_the_last_one_ends_the_walk(overlay: Overlay, rows: LedgerRows) -> None:
    skus = [f"SKU-{number:04}" for number in range(2 * MOST_VISITS + 7)]
    put_skus(rows, overlay, skus)
    put_walk(rows, overlay, Refreshing(5, None, EVERYTHING))
    visits, named, at_ms = Visits(overlay, rows), list[Visit](), 0
    while batch := visits.next(at_ms, 500):
        assert len(batch) <= MOST_VISITS
        named += batch
        put_walk(rows, overlay, None if batch[-1].last else Refreshing(5, batch[-1].sku, EVERYTHING))
        at_ms += 200
    assert [visit.sku for visit in named] == skus
    assert [visit.last for visit in named] == [False] * (len(skus) - 1) + [True]
    assert {visit.walk for visit in named} == {5}


def test_the_next_are_not_named_before_the_last_of_those_before_was_decided(overlay: Overlay, rows: LedgerRows) -> None:
    put_skus(rows, overlay, [f"SKU-{number:04}" for number in range(MOST_VISITS + 50)])
    put_walk(rows, overlay, Refreshing(5, None, EVERYTHING))
    visits = Visits(overlay, rows)
    first = visits.next(0, 500)
    assert visits.next(200, 500) == []
    put_walk(rows, overlay, Refreshing(5, first[-2].sku, EVERYTHING))
    assert visits.next(400, 500) == []
    put_walk(rows, overlay, Refreshing(5, first[-1].sku, EVERYTHING))
    assert len(visits.next(600, 500)) == 50


def test_visits_that_were_lost_are_named_again_from_where_the_walk_stands(overlay: Overlay, rows: LedgerRows) -> None:
    put_skus(rows, overlay, ["A", "B", "C"])
    put_walk(rows, overlay, Refreshing(5, None, EVERYTHING))
    visits = Visits(overlay, rows)
    assert [visit.sku for visit in visits.next(0, 500)] == ["A", "B", "C"]
    put_walk(rows, overlay, Refreshing(5, "A", EVERYTHING))
    assert visits.next(AGAIN_AFTER_MS - 1, 500) == []
    assert [visit.sku for visit in visits.next(AGAIN_AFTER_MS, 500)] == ["B", "C"]


def test_a_new_owner_goes_on_where_the_state_says(overlay: Overlay, rows: LedgerRows) -> None:
    put_skus(rows, overlay, ["A", "B", "C"])
    put_walk(rows, overlay, Refreshing(5, "B", EVERYTHING))
    assert Visits(overlay, rows).next(0, 500) == [Visit("C", 5, last=True)]


def test_a_walk_that_has_nobody_left_is_ended_by_the_last_sku(overlay: Overlay, rows: LedgerRows) -> None:
    put_skus(rows, overlay, ["A", "B"])
    put_walk(rows, overlay, Refreshing(5, "B", EVERYTHING))
    assert Visits(overlay, rows).next(0, 500) == [Visit("B", 5, last=True)]


def test_only_those_concerned_are_named_and_the_end(overlay: Overlay, rows: LedgerRows) -> None:
    put_skus(rows, overlay, ["A", "B", "C", "D"])
    rows.apply({(POSITIONS, ("B", "PARIS")): Position(1), (GOODS, ("C",)): Goods(item=Item(category="hats"))})
    put_walk(rows, overlay, Refreshing(5, None, (Scope(location="PARIS"), Scope(category="hats"))))
    assert [visit.sku for visit in Visits(overlay, rows).next(0, 500)] == ["B", "C", "D"]
    put_walk(rows, overlay, Refreshing(6, None, (Scope(sku="A"),)))
    assert Visits(overlay, rows).next(0, 500) == [Visit("A", 6, last=False), Visit("D", 6, last=True)]


def test_a_new_walk_begins_at_the_beginning(overlay: Overlay, rows: LedgerRows) -> None:
    put_skus(rows, overlay, ["A", "B"])
    put_walk(rows, overlay, Refreshing(5, None, EVERYTHING))
    visits = Visits(overlay, rows)
    visits.next(0, 500)
    put_walk(rows, overlay, Refreshing(9, None, EVERYTHING))
    assert visits.next(200, 500) == [Visit("A", 9, last=False), Visit("B", 9, last=True)]


@pytest.mark.parametrize("committed", [False, True])
def test_references_are_read_before_and_after_the_commit(store: Store, committed: bool) -> None:
    overlay = Overlay(store, LEDGER_TABLES, 1_000)
    rows = LedgerRows(overlay)
    assert not rows.references().knows_any
    rows.apply({("locations", ("LEEDS",)): LOCATION, ("channels", ("web",)): CHANNEL})
    if committed:
        overlay.commit(Meta(1))
        rows = LedgerRows(Overlay(store, LEDGER_TABLES, 1_000))
    references = rows.references()
    assert references.location("LEEDS") == LOCATION
    assert references.channels == (CHANNEL,)
    assert references is rows.references(), "worked out once"
    rows.apply({("channels", ("app",)): ChannelReference("app")})
    assert [channel.channel for channel in rows.references().channels] == ["app", "web"]


def test_references_of_a_chunk_that_was_discarded_are_forgotten(overlay: Overlay, rows: LedgerRows) -> None:
    rows.apply({("locations", ("LEEDS",)): LocationReference("LEEDS", open=False)})
    assert not rows.references().is_open("LEEDS")
    overlay.discard()
    assert rows.references().is_open("LEEDS")

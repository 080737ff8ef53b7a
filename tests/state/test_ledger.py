from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test

from agents.inventory.positions import Position
from agents.inventory.reservations import Claim, ClosedClaim, Closing
from agents.inventory.rows import CLAIMS, CLOSED_CLAIMS, DUE, MOVEMENTS, POLICY, POSITIONS, Due, Key, Movement, Rows
from agents.inventory.transactions import PolicySettings
from agents.state.ledger import LEDGER_TABLES, LedgerRows
from agents.state.memory import MemoryStore
from agents.state.overlay import Overlay
from agents.state.rocks import RocksOptions, RocksStore
from agents.state.store import Meta, Store
from tests.state.rows_for_tests import CLAIM, KEPT, NOON_MS, POSITION, STUB


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


def due_at(due_ms: int | None) -> Claim:
    return msgspec.structs.replace(CLAIM, due_ms=due_ms)


def test_it_is_what_the_core_asks_for(rows: LedgerRows) -> None:
    asked: Rows = rows
    assert asked.position("SHOE", "LEEDS") is None
    assert asked.positions("SHOE") == {}
    assert asked.claim("SHOE", "o-1", 1) is None
    assert asked.claims("SHOE") == {}
    assert asked.closed_claim("SHOE", "o-1", 1) is None
    assert list(asked.due_claims("SHOE", NOON_MS)) == []
    assert asked.kept_answer("shop", "SHOE", "t-1") is None
    assert asked.movement("SHOE", "LEEDS", 1) == 0
    assert asked.movements_after("SHOE", "LEEDS", 1) == 0
    assert asked.policy("SHOE", "LEEDS", "web").safety_stock == 0


@pytest.mark.parametrize("committed", [False, True])
def test_every_row_that_was_applied_is_read_before_and_after_the_commit(store: Store, committed: bool) -> None:
    overlay = Overlay(store, LEDGER_TABLES, 1_000)
    rows = LedgerRows(overlay)
    closed = ClosedClaim(Closing.EXPIRED, NOON_MS, CLAIM)
    rows.apply(
        {
            (POSITIONS, ("SHOE", "LEEDS")): POSITION,
            (POSITIONS, ("SHOE", "YORK")): Position(1),
            (CLAIMS, ("SHOE", "o-1", 1)): CLAIM,
            (CLOSED_CLAIMS, ("SHOE", "o-2", 1)): closed,
            ("answers", ("shop", "SHOE", "t-1")): KEPT,
            ("answers", ("shop", "SHOE", "t-2")): STUB,
            (MOVEMENTS, ("SHOE", "LEEDS", 5)): Movement(-2),
            (POLICY, ("r",)): PolicySettings(rule="r", safety_stock=4),
        }
    )
    if committed:
        overlay.commit(Meta(1))
        rows = LedgerRows(Overlay(store, LEDGER_TABLES, 1_000))
    assert rows.position("SHOE", "LEEDS") == POSITION
    assert rows.positions("SHOE") == {"LEEDS": POSITION, "YORK": Position(1)}
    assert rows.claim("SHOE", "o-1", 1) == CLAIM
    assert rows.claims("SHOE") == {("o-1", 1): CLAIM}
    assert rows.closed_claim("SHOE", "o-2", 1) == closed
    assert rows.kept_answer("shop", "SHOE", "t-1") == KEPT
    assert rows.kept_answer("shop", "SHOE", "t-2") == STUB
    assert rows.kept_answer("SHOE", "shop", "t-1") is None
    assert rows.movement("SHOE", "LEEDS", 5) == -2
    assert rows.policy("SHOE", "LEEDS").safety_stock == 4


def test_movements_after_a_second_are_summed_without_that_second_and_other_places(
    overlay: Overlay, rows: LedgerRows
) -> None:
    rows.apply({(MOVEMENTS, ("SHOE", "LEEDS", second)): Movement(10**second) for second in range(5)})
    rows.apply({(MOVEMENTS, ("SHOE", "LEEDS2", 9)): Movement(7), (MOVEMENTS, ("SHOE2", "LEEDS", 9)): Movement(7)})
    assert rows.movements_after("SHOE", "LEEDS", 2) == 11_000
    overlay.commit(Meta(1))
    rows.apply({(MOVEMENTS, ("SHOE", "LEEDS", 3)): None, (MOVEMENTS, ("SHOE", "LEEDS", 6)): Movement(5)})
    assert rows.movements_after("SHOE", "LEEDS", 2) == 10_005
    overlay.discard()
    assert rows.movements_after("SHOE", "LEEDS", 2) == 11_000


def test_due_claims_come_by_due_time_then_holder_then_line(rows: LedgerRows) -> None:
    for holder, line, due_ms in (
        ("b", 2, 5),
        ("b", 1, 5),
        ("a", 1, 5),
        ("z", 1, 4),
        ("later", 1, 6),
        ("firm", 1, None),
    ):
        rows.apply({(CLAIMS, ("SHOE", holder, line)): due_at(due_ms)})
    assert list(rows.due_claims("SHOE", 5)) == [("z", 1), ("a", 1), ("b", 1), ("b", 2)]
    assert list(rows.due_claims("SHOE", 3)) == []
    assert list(rows.due_claims("OTHER", 9)) == []


def test_due_claims_are_still_due_when_the_decision_that_saw_them_was_thrown_away(rows: LedgerRows) -> None:
    rows.apply({(CLAIMS, ("SHOE", "a", 1)): due_at(5)})
    assert list(rows.due_claims("SHOE", 5)) == list(rows.due_claims("SHOE", 5)) == [("a", 1)]


def test_an_expired_claim_is_due_again_when_its_chunk_was_discarded(overlay: Overlay, rows: LedgerRows) -> None:
    rows.apply({(CLAIMS, ("SHOE", "a", 1)): due_at(5)})
    overlay.commit(Meta(1))
    rows.apply({(CLAIMS, ("SHOE", "a", 1)): None})
    assert list(rows.due_claims("SHOE", 9)) == []
    overlay.discard()
    assert list(rows.due_claims("SHOE", 9)) == [("a", 1)]


def test_an_extended_or_confirmed_claim_is_not_due_at_its_former_time(rows: LedgerRows) -> None:
    rows.apply({(CLAIMS, ("SHOE", "a", 1)): due_at(5), (CLAIMS, ("SHOE", "b", 1)): due_at(5)})
    rows.due_claims("SHOE", 1)
    rows.apply({(CLAIMS, ("SHOE", "a", 1)): due_at(8), (CLAIMS, ("SHOE", "b", 1)): due_at(None)})
    assert list(rows.due_claims("SHOE", 7)) == []
    assert list(rows.due_claims("SHOE", 8)) == [("a", 1)]


def test_policy_follows_a_changed_rule_and_its_discard(overlay: Overlay, rows: LedgerRows) -> None:
    rows.apply({(POLICY, ("all",)): PolicySettings(rule="all", safety_stock=3)})
    assert rows.policy("SHOE", "LEEDS").safety_stock == 3
    overlay.commit(Meta(1))
    rows.apply({(POLICY, ("shoe",)): PolicySettings(rule="shoe", sku="SHOE", safety_stock=9)})
    assert rows.policy("SHOE", "LEEDS").safety_stock == 9
    overlay.discard()
    assert rows.policy("SHOE", "LEEDS").safety_stock == 3
    rows.apply({(POLICY, ("all",)): None})
    assert rows.policy("SHOE", "LEEDS").safety_stock == 0


def test_what_is_due_is_found_across_skus_the_longest_due_first(overlay: Overlay, rows: LedgerRows) -> None:
    keys: list[tuple[int, str, str, int]] = [(30, "A", "h", 1), (10, "B", "h", 1), (20, "A", "g", 2), (20, "A", "g", 1)]
    rows.apply({(DUE, key): Due() for key in keys})
    overlay.commit(Meta(1))
    assert rows.due_before(20, 10) == [(10, "B", "h", 1), (20, "A", "g", 1), (20, "A", "g", 2)]
    assert rows.due_before(20, 2) == [(10, "B", "h", 1), (20, "A", "g", 1)]
    assert rows.due_before(9, 10) == []
    rows.apply({(DUE, (5, "C", "h", 1)): Due(), (DUE, (10, "B", "h", 1)): None})
    assert rows.due_before(20, 1) == [(5, "C", "h", 1)]
    overlay.discard()
    assert rows.due_before(20, 1) == [(10, "B", "h", 1)]


def test_what_a_dropped_chunk_had_removed_is_found_again(overlay: Overlay, rows: LedgerRows) -> None:
    rows.apply({(DUE, (10, "B", "h", 1)): Due(), (DUE, (20, "A", "g", 1)): Due()})
    overlay.commit(Meta(1))
    rows.apply({(DUE, (10, "B", "h", 1)): None})
    assert rows.due_before(20, 10) == [(20, "A", "g", 1)]
    overlay.discard()
    assert rows.due_before(10, 10) == [(10, "B", "h", 1)]


class DueAgainstDict(RuleBasedStateMachine):
    """Claims and their due rows against a plain dict: opened, extended, closed, committed, discarded, asked."""

    def __init__(self) -> None:
        super().__init__()
        self.overlay = Overlay(MemoryStore(), LEDGER_TABLES, 6)
        self.rows = LedgerRows(self.overlay)
        self.committed: dict[tuple[str, str], int | None] = {}
        self.open: dict[tuple[str, str], int | None] = {}

    @rule(
        sku=st.sampled_from("AB"),
        holder=st.sampled_from("xyz"),
        due_ms=st.none() | st.integers(0, 9),
        gone=st.booleans(),
    )
    def change(self, sku: str, holder: str, due_ms: int | None, gone: bool) -> None:
        changes: dict[tuple[str, Key], Any] = {(CLAIMS, (sku, holder, 1)): None if gone else due_at(due_ms)}
        before = self.open.pop((sku, holder), None)
        if before is not None:
            changes[DUE, (before, sku, holder, 1)] = None
        if not gone:
            self.open[sku, holder] = due_ms
            if due_ms is not None:
                changes[DUE, (due_ms, sku, holder, 1)] = Due()
        self.rows.apply(changes)

    @rule(sku=st.sampled_from("AB"), at_ms=st.integers(0, 9))
    def due_claims(self, sku: str, at_ms: int) -> None:
        due = sorted(
            (due, holder) for (s, holder), due in self.open.items() if s == sku and due is not None and due <= at_ms
        )
        assert list(self.rows.due_claims(sku, at_ms)) == [(holder, 1) for _, holder in due]

    @rule(at_ms=st.integers(0, 9), limit=st.integers(0, 4))
    def due_before(self, at_ms: int, limit: int) -> None:
        due = sorted(
            (due, sku, holder, 1) for (sku, holder), due in self.open.items() if due is not None and due <= at_ms
        )
        assert self.rows.due_before(at_ms, limit) == due[:limit]

    @rule()
    def commit(self) -> None:
        self.overlay.commit(Meta(1))
        self.committed = dict(self.open)

    @rule()
    def discard(self) -> None:
        self.overlay.discard()
        self.open = dict(self.committed)


def test_due_claims_and_due_rows_are_never_lost_and_never_stale() -> None:
    run_state_machine_as_test(
        DueAgainstDict, settings=settings(max_examples=200, stateful_step_count=40, deadline=None)
    )

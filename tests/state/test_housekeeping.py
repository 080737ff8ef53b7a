from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.inventory.answers import Answer, KeptAnswer, Status
from agents.inventory.findings import Loss, Losses
from agents.inventory.goods import Goods
from agents.inventory.reservations import ClosedClaim, Closing
from agents.inventory.rows import (
    ANSWERS,
    CLAIMS,
    CLOSED_CLAIMS,
    GOODS,
    INBOUNDS,
    LOSSES,
    MOVEMENTS,
    POLICY,
    TRANSFERS,
    Key,
    Movement,
)
from agents.inventory.shipments import SHIPMENTS_KEPT_MS, Inbound, Shipment, Transfer
from agents.inventory.transactions import Item, Kind, PolicySettings
from agents.inventory.units import second_of
from agents.state.housekeeping import Housekeeper
from agents.state.ledger import LEDGER_TABLES, LedgerRows
from agents.state.memory import MemoryStore
from agents.state.overlay import Overlay
from agents.state.store import Meta
from agents.state.tables import UndecodableRow
from tests.state.rows_for_tests import CLAIM, DAY_MS, HOUR_MS, NOON_MS

KEEP_MS = 7 * DAY_MS


class House:
    """A ledger with a housekeeper."""

    def __init__(self, changes: dict[tuple[str, Key], Any]) -> None:
        self.store = MemoryStore()
        self.overlay = Overlay(self.store, LEDGER_TABLES, 100)
        self.rows = LedgerRows(self.overlay)
        self.housekeeper = Housekeeper(self.overlay, self.rows, KEEP_MS)
        self.rows.apply(changes)
        self.overlay.commit(Meta(1))

    def tidy(self, at_ms: int, visits: int = 100) -> int:
        changed = self.housekeeper.tidy(at_ms, visits)
        self.overlay.commit(Meta(2))
        return changed

    def kept(self, number: int = 1) -> KeptAnswer | None:
        return self.rows.kept_answer("shop", "SHOE", f"t-{number}")


def answer(number: int = 1, *, accepted: bool = True, forever: bool = False, at_ms: int = NOON_MS) -> Any:
    status = Status.ACCEPTED if accepted else Status.REFUSED
    full = Answer(
        event_id=f"e-{number}",
        status=status,
        transaction_id=f"t-{number}",
        source="shop",
        sku="SHOE",
        kind=Kind.RESERVE,
        at_ms=at_ms,
        holder="o-1",
        line=1,
    )
    return {(ANSWERS, ("shop", "SHOE", f"t-{number}")): KeptAnswer(b"12345678", accepted, at_ms, forever, full)}


def closed(at_ms: int) -> dict[tuple[str, Key], Any]:
    return {(CLOSED_CLAIMS, ("SHOE", "o-1", 1)): ClosedClaim(Closing.SHIPPED, at_ms, CLAIM)}


def test_an_answer_is_removed_past_its_keep_and_not_a_millisecond_before() -> None:
    house = House(answer())
    house.tidy(NOON_MS + KEEP_MS)
    assert house.kept() is not None
    assert house.tidy(NOON_MS + KEEP_MS + 1) == 1
    assert house.kept() is None
    assert house.tidy(NOON_MS + KEEP_MS + 1) == 0


def test_an_answer_of_a_backfill_source_is_never_forgotten() -> None:
    house = House(answer(forever=True))
    house.tidy(NOON_MS + 1_000 * DAY_MS)
    kept = house.kept()
    assert kept is not None
    assert kept.answer is None


def test_a_full_answer_becomes_a_stub_after_24_hours_that_still_knows_its_content_and_outcome() -> None:
    house = House(answer())
    assert house.tidy(NOON_MS + DAY_MS) == 0
    assert house.tidy(NOON_MS + DAY_MS + 1) == 1
    assert house.kept() == KeptAnswer(b"12345678", True, NOON_MS, False, None)


def test_a_full_answer_stays_while_its_claim_is_open_and_24_hours_after_it_closed() -> None:
    house = House(answer() | {(CLAIMS, ("SHOE", "o-1", 1)): CLAIM})
    assert house.tidy(NOON_MS + 3 * DAY_MS) == 0
    house.rows.apply({(CLAIMS, ("SHOE", "o-1", 1)): None, **closed(NOON_MS + 3 * DAY_MS)})
    assert house.tidy(NOON_MS + 4 * DAY_MS) == 0
    assert house.tidy(NOON_MS + 4 * DAY_MS + 1) == 2
    kept = house.kept()
    assert kept is not None
    assert kept.answer is None
    assert house.rows.closed_claim("SHOE", "o-1", 1) is None


def test_a_refusal_is_kept_in_full_for_24_hours_whatever_its_holder_has() -> None:
    house = House(answer(accepted=False) | {(CLAIMS, ("SHOE", "o-1", 1)): CLAIM})
    assert house.tidy(NOON_MS + DAY_MS) == 0
    assert house.tidy(NOON_MS + DAY_MS + 1) == 1


def test_a_closed_claim_is_removed_after_24_hours() -> None:
    house = House(closed(NOON_MS))
    assert house.tidy(NOON_MS + DAY_MS) == 0
    assert house.tidy(NOON_MS + DAY_MS + 1) == 1
    assert house.rows.closed_claim("SHOE", "o-1", 1) is None


@pytest.mark.parametrize("late_window_ms", [2 * HOUR_MS, 8 * HOUR_MS])
def test_movements_are_removed_after_two_late_windows_of_the_policy_in_force(late_window_ms: int) -> None:
    second = NOON_MS // 1_000
    house = House(
        {
            (MOVEMENTS, ("SHOE", "LEEDS", second)): Movement(5),
            (POLICY, ("r",)): PolicySettings(rule="r", location="LEEDS", late_window_ms=late_window_ms),
        }
    )
    assert house.tidy(NOON_MS + 2 * late_window_ms) == 0
    assert house.tidy(NOON_MS + 2 * late_window_ms + 1_000) == 1
    assert house.rows.movement("SHOE", "LEEDS", second) == 0


@pytest.mark.parametrize(
    ("table", "open_one", "closed_one"),
    [
        (INBOUNDS, Inbound("LEEDS", 10, 4, changed_at_ms=NOON_MS), Inbound("LEEDS", 10, 10, changed_at_ms=NOON_MS)),
        (
            TRANSFERS,
            Transfer("YORK", sent=6, arrived=5, changed_at_ms=NOON_MS),
            Transfer("YORK", sent=6, arrived=5, ended=True, changed_at_ms=NOON_MS),
        ),
    ],
)
def test_shipments_are_removed_long_after_nothing_of_them_is_open(
    table: str, open_one: Shipment, closed_one: Shipment
) -> None:
    house = House({(table, ("SHOE", "open")): open_one, (table, ("SHOE", "closed")): closed_one})
    assert house.tidy(NOON_MS + SHIPMENTS_KEPT_MS) == 0
    assert house.tidy(NOON_MS + SHIPMENTS_KEPT_MS + 1) == 1
    assert house.rows.row(table, ("SHOE", "open")) == open_one
    assert house.rows.row(table, ("SHOE", "closed")) is None


def test_losses_are_removed_after_two_shrinkage_windows_of_the_category() -> None:
    losses = Losses((Loss("t-0-1-0", NOON_MS, 2, NOON_MS // 1_000, "count"),))
    house = House(
        {
            (LOSSES, ("SHOE", "LEEDS")): losses,
            (GOODS, ("SHOE",)): Goods(item=Item(category="shoes")),
            (POLICY, ("r",)): PolicySettings(rule="r", category="shoes", shrinkage_window_ms=DAY_MS),
        }
    )
    assert house.tidy(NOON_MS + 2 * DAY_MS - 1) == 0
    assert house.tidy(NOON_MS + 2 * DAY_MS) == 1


def test_no_more_rows_are_visited_than_allowed_and_in_a_circle_all_are() -> None:
    changes: dict[tuple[str, Key], Any] = {}
    for number in range(10):
        changes |= answer(number)
    house = House(changes)
    late = NOON_MS + KEEP_MS + 1
    assert [house.tidy(late, 3) for _ in range(5)] == [3, 3, 3, 1, 0]
    house.rows.apply(answer(3) | answer(8))
    house.overlay.commit(Meta(3))
    assert sum(house.tidy(late, 1) for _ in range(3)) == 2
    assert house.tidy(late, 0) == 0


def test_an_id_used_again_in_the_same_chunk_is_not_removed_with_its_former_answer() -> None:
    house = House(answer())
    late = NOON_MS + KEEP_MS + 1
    house.rows.apply(answer(at_ms=late))
    house.tidy(late)
    kept = house.kept()
    assert kept is not None
    assert kept.at_ms == late


AGES_MS = st.sampled_from(
    [0, 1, 2 * HOUR_MS, 4 * HOUR_MS + 1_000, 8 * HOUR_MS, DAY_MS, DAY_MS + 1, KEEP_MS, KEEP_MS + 1]
)


@given(st.lists(st.tuples(AGES_MS, AGES_MS, AGES_MS, st.booleans(), st.booleans()), max_size=6), AGES_MS)
def test_what_is_left_at_a_glance_is_what_a_look_leaves(
    rows: list[tuple[int, int, int, bool, bool]], late_window_ms: int
) -> None:
    at_ms = NOON_MS + 9 * DAY_MS
    rule = PolicySettings(rule="r", location="LEEDS", late_window_ms=late_window_ms)
    changes: dict[tuple[str, Key], Any] = {(POLICY, ("r",)): rule}
    for number, (answer_ms, closed_ms, moved_ms, forever, full) in enumerate(rows):
        ((key, kept),) = answer(number, forever=forever, at_ms=at_ms - answer_ms).items()
        changes[key] = kept if full else msgspec.structs.replace(kept, answer=None)
        changes[CLOSED_CLAIMS, ("SHOE", f"o-{number}", 1)] = ClosedClaim(Closing.SHIPPED, at_ms - closed_ms, CLAIM)
        for location in ("LEEDS", "YORK"):
            changes[MOVEMENTS, ("SHOE", location, second_of(at_ms - moved_ms))] = Movement(1)
    at_a_glance, looking = House(changes), House(changes)
    for walk in looking.housekeeper._walks:
        walk._leaves = lambda key, row, at_ms: False
    assert at_a_glance.tidy(at_ms) == looking.tidy(at_ms)
    for table in LEDGER_TABLES:
        assert at_a_glance.store.scan(table, b"") == looking.store.scan(table, b"")


def test_a_row_whose_first_fields_cannot_be_read_is_looked_at_and_told() -> None:
    house = House(answer())
    table = next(table for table in LEDGER_TABLES if table.name == ANSWERS)
    ((key, _),) = house.store.scan(table, b"")
    house.store.write([(table, key, b"\x01no row")], None)
    with pytest.raises(UndecodableRow):
        house.tidy(NOON_MS)


def test_a_discarded_chunk_takes_its_housekeeping_back() -> None:
    house = House(answer())
    house.housekeeper.tidy(NOON_MS + KEEP_MS + 1, 10)
    house.overlay.discard()
    assert house.kept() is not None
    assert house.tidy(NOON_MS + KEEP_MS + 1) == 1


def test_a_stub_takes_less_than_30_bytes() -> None:
    ((_, row),) = answer().items()
    stub = msgspec.structs.replace(row, answer=None)
    encode = next(table.encode_row for table in LEDGER_TABLES if table.name == ANSWERS)
    assert len(encode(stub)) < 30 < len(encode(row))

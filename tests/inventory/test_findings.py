"""Snapshots, authority, cases and shrinkage, where a scenario cannot look."""

from __future__ import annotations

from typing import Any

import pytest

from agents.inventory.alerts import Alert, AlertType
from agents.inventory.cases import duration_text
from agents.inventory.findings import Losses, ToldLevels
from agents.inventory.refusals import Refusal
from agents.inventory.rows import CASES, DUE, LOSSES, TOLD_LEVELS, Decision
from agents.inventory.snapshots import MOST_TOLD_LEVELS
from agents.inventory.transactions import Item, Kind, LocationReference, Measures, PolicySettings
from agents.inventory.units import MILLISECONDS_PER_DAY as DAY_MS
from agents.inventory.units import MILLISECONDS_PER_HOUR as HOUR_MS
from agents.inventory.units import MILLISECONDS_PER_MINUTE as MINUTE_MS
from tests.inventory.helpers import SKU, Shop, answer_of
from tools.scenario.words import BEGINS_MS


def shop_with(quantity: int = 10, **settings: Any) -> Shop:
    """A shop with stock since an hour, and a policy if one is given."""
    shop = Shop()
    if settings:
        shop.tell(Kind.POLICY, sku="", policy=PolicySettings(rule="r", **settings))
    shop.tell(Kind.RECEIPT, quantity, occurred_at_ms=BEGINS_MS - HOUR_MS)
    shop.now_ms += HOUR_MS
    return shop


def now(shop: Shop, kind: Kind, quantity: int, **fields: Any) -> Decision:
    """What occurred at the clock, a minute after whatever was before."""
    shop.now_ms += MINUTE_MS
    return shop.tell(kind, quantity, occurred_at_ms=shop.now_ms, **fields)


def alert_of(decision: Decision, kind: AlertType) -> Alert:
    (found,) = [alert for alert in decision.alerts if alert.type is kind]
    return found


def test_a_snapshot_that_agrees_says_nothing_but_its_answer() -> None:
    shop = shop_with()
    before = shop.rows.position(SKU, "LEEDS")
    decision = now(shop, Kind.SNAPSHOT, 10, source="wms")
    assert (decision.journal, decision.levels, decision.alerts) == ((), (), ())
    assert len(decision.answers) == 1
    after = shop.rows.position(SKU, "LEEDS")
    assert before is not None
    assert after is not None
    assert (after.revision, after.as_of_ms) == (before.revision, before.as_of_ms)
    assert (after.counted_at_second, after.counted_by) == (shop.now_ms // 1_000, "wms")


def test_a_snapshot_that_agrees_writes_a_level_if_a_claim_expired_before_it() -> None:
    shop = shop_with()
    shop.tell(Kind.RESERVE, 3, holder="r1", ttl_ms=MINUTE_MS, occurred_at_ms=None)
    shop.now_ms += 5 * MINUTE_MS
    decision = now(shop, Kind.SNAPSHOT, 10, source="wms")
    assert [record.kind for record in decision.journal] == [Kind.EXPIRE]
    assert [level.unpromised for level in decision.levels] == [10]
    row = shop.rows.position(SKU, "LEEDS")
    assert row is not None
    assert row.counted_by == "wms"


def test_only_where_snapshots_come_from_levels_are_remembered_and_only_the_last_of_them() -> None:
    shop = shop_with(100)
    assert not shop.rows.tables[TOLD_LEVELS]
    now(shop, Kind.SNAPSHOT, 100)
    now(shop, Kind.RECEIPT, 1, location="YORK")
    for _ in range(MOST_TOLD_LEVELS + 5):
        now(shop, Kind.SALE, 1)
    ((key, row),) = shop.rows.tables[TOLD_LEVELS].items()
    assert key == (SKU, "LEEDS")
    assert isinstance(row, ToldLevels)
    assert [level.on_hand for level in row.levels] == list(range(95, 62, -1))[-MOST_TOLD_LEVELS:]


@pytest.mark.parametrize(("figure", "says"), [(7, "unpromised"), (6, "atp"), (8, "news")])
def test_an_echo_of_what_is_available_says_back_unpromised_or_atp(figure: int, says: str) -> None:
    shop = shop_with(safety_stock=1)
    now(shop, Kind.SNAPSHOT, 10)
    now(shop, Kind.SALE, 3)
    shop.now_ms += 1_000
    shop.tell(Kind.SALE, 2, occurred_at_ms=shop.now_ms)
    shop.now_ms += 1_000
    decision = shop.tell(Kind.SNAPSHOT, figure, occurred_at_ms=shop.now_ms, measures=Measures.AVAILABLE)
    row = shop.rows.position(SKU, "LEEDS")
    assert row is not None
    assert (row.unpromised, bool(decision.journal)) == ((8, True) if says == "news" else (5, False))


@pytest.mark.parametrize(("late_ms", "is_echo"), [(60_000, True), (61_000, False)])
def test_who_says_a_level_back_late_knows_it_of_itself(late_ms: int, is_echo: bool) -> None:
    shop = shop_with()
    now(shop, Kind.SNAPSHOT, 10)
    now(shop, Kind.SALE, 3)
    told_at_ms = shop.now_ms
    shop.now_ms += 1_000
    shop.tell(Kind.SALE, 2, occurred_at_ms=shop.now_ms)
    shop.now_ms = told_at_ms + late_ms
    decision = shop.tell(Kind.SNAPSHOT, 7, occurred_at_ms=shop.now_ms)
    assert (not decision.journal) is is_echo


def test_a_system_that_is_not_named_may_not_set_stock() -> None:
    shop = shop_with()
    reference = LocationReference("LEEDS", authority=("wms", "pos"))
    shop.tell(Kind.LOCATION, sku="", location=None, location_reference=reference, occurred_at_ms=None)
    decision = now(shop, Kind.COUNT, 8, source="erp")
    assert answer_of(decision).refusal is Refusal.UNAUTHORISED
    assert alert_of(decision, AlertType.DISCREPANCY).quantity == -2
    assert answer_of(now(shop, Kind.COUNT, 9, source="pos")).quantity == -1
    assert answer_of(now(shop, Kind.COUNT, 8, source="wms")).quantity == -1
    assert answer_of(now(shop, Kind.COUNT, 9, source="pos")).refusal is Refusal.UNAUTHORISED


def test_an_unauthorised_figure_that_agrees_alarms_nobody() -> None:
    shop = shop_with()
    reference = LocationReference("LEEDS", authority=("wms",))
    shop.tell(Kind.LOCATION, sku="", location=None, location_reference=reference, occurred_at_ms=None)
    assert now(shop, Kind.COUNT, 10, source="erp").alerts == ()


def test_a_case_says_how_long_it_has_been_open_and_how_often_it_happened() -> None:
    shop = shop_with()
    now(shop, Kind.COUNT, 8)
    shop.now_ms += 2 * HOUR_MS
    again = alert_of(now(shop, Kind.COUNT, 7), AlertType.DISCREPANCY)
    assert "open here for 2 h 1 min; this is discrepancy 2" in again.message
    shop.now_ms += DAY_MS
    closed = alert_of(now(shop, Kind.COUNT, 7), AlertType.RESOLVED)
    assert "open for 1 d 2 h, with 2 discrepancies" in closed.message
    assert not shop.rows.tables[CASES]


@pytest.mark.parametrize(
    ("duration_ms", "text"),
    [(0, "0 s"), (59_999, "59 s"), (60_000, "1 min"), (3_660_000, "1 h 1 min"), (DAY_MS + 60_000, "1 d 1 min")],
)
def test_durations_are_said_in_their_two_largest_units(duration_ms: int, text: str) -> None:
    assert duration_text(duration_ms) == text


def test_the_alert_about_losses_names_each_of_them_with_its_journal_record() -> None:
    shop = shop_with(30, shrinkage_events=2, shrinkage_buffer=4)
    first = now(shop, Kind.COUNT, 27)
    shop.now_ms += DAY_MS
    second = now(shop, Kind.ADJUST, -2, reason="theft")
    message = alert_of(second, AlertType.SHRINKAGE).message
    assert f"3 (count) on 2026-01-05 in {first.journal[0].event_id}" in message
    assert f"2 (theft) on 2026-01-06 in {second.journal[0].event_id}" in message
    assert "5 units of SHOE were lost at LEEDS in 2 cases" in message
    assert "4 units are withheld there until 2026-02-04" in message


def test_a_further_loss_prolongs_the_safety_buffer() -> None:
    shop = shop_with(30, shrinkage_events=2, shrinkage_window_ms=2 * DAY_MS)
    now(shop, Kind.ADJUST, -1)
    now(shop, Kind.ADJUST, -1)
    first_ends_ms = shop.now_ms - MINUTE_MS + 2 * DAY_MS
    assert list(shop.rows.tables[DUE]) == [(first_ends_ms, SKU, "", 0)]
    shop.now_ms += DAY_MS
    now(shop, Kind.ADJUST, -1)
    assert list(shop.rows.tables[DUE]) == [(first_ends_ms + MINUTE_MS, SKU, "", 0)]
    assert shop.faults() == []


@pytest.mark.parametrize(("reason", "is_loss"), [("scrap", False), ("damage", False), ("expiry", False), (None, True)])
def test_what_is_known_to_be_spoilt_is_no_loss(reason: str | None, is_loss: bool) -> None:
    shop = shop_with(30, shrinkage_events=3)
    now(shop, Kind.ADJUST, -1, reason=reason)
    assert bool(shop.rows.tables[LOSSES]) is is_loss


def test_a_late_write_off_is_the_loss_that_the_count_had_found_already() -> None:
    shop = shop_with(30, shrinkage_events=5)
    now(shop, Kind.COUNT, 28)
    shop.tell(Kind.ADJUST, -2, reason="theft", occurred_at_ms=shop.now_ms - MINUTE_MS)
    row = shop.rows.row(LOSSES, (SKU, "LEEDS"))
    assert isinstance(row, Losses)
    assert [(loss.quantity, loss.reason) for loss in row.events] == [(2, "count")]


def test_losses_are_not_remembered_unless_a_policy_asks_for_it() -> None:
    shop = shop_with(30)
    now(shop, Kind.ADJUST, -1, reason="theft")
    assert not shop.rows.tables[LOSSES]


def test_an_untracked_sku_has_neither_losses_nor_cases() -> None:
    shop = shop_with(30, shrinkage_events=1)
    shop.tell(Kind.ITEM, item=Item(tracked=False), location=None, occurred_at_ms=None)
    assert now(shop, Kind.COUNT, 3).alerts == ()
    assert now(shop, Kind.ADJUST, -9, reason="theft").alerts == ()
    assert not shop.rows.tables[LOSSES]
    assert not shop.rows.tables[CASES]


def test_names_that_a_backfill_brings_are_no_news() -> None:
    shop = Shop(backfill=["import"])
    assert shop.tell(Kind.RECEIPT, 5, source="import").alerts == ()
    assert shop.tell(Kind.RECEIPT, 5, source="import", location="YORK").alerts == ()
    assert shop.tell(Kind.RECEIPT, 5, location="HULL").alerts != ()


def losses_of(shop: Shop) -> list[tuple[int, str]]:
    row = shop.rows.row(LOSSES, (SKU, "LEEDS"))
    assert isinstance(row, Losses)
    return [(loss.quantity, loss.reason) for loss in row.events]


def test_a_surplus_is_no_loss() -> None:
    shop = shop_with(30, shrinkage_events=1)
    now(shop, Kind.COUNT, 33)
    assert not shop.rows.tables[LOSSES]


def test_a_late_sale_explains_only_a_count_that_was_taken_after_it() -> None:
    shop = shop_with(30, shrinkage_events=9)
    now(shop, Kind.COUNT, 29)
    between_ms = shop.now_ms + 1_000
    now(shop, Kind.COUNT, 27)
    shop.tell(Kind.SALE, 1, occurred_at_ms=between_ms)
    assert losses_of(shop) == [(1, "count"), (1, "count")]
    shop.tell(Kind.SALE, 2, occurred_at_ms=between_ms - MINUTE_MS)
    assert not shop.rows.tables[LOSSES]


def test_losses_from_before_the_window_are_neither_evidence_nor_explained() -> None:
    shop = shop_with(30, shrinkage_events=2, shrinkage_window_ms=2 * DAY_MS, late_window_ms=4 * DAY_MS)
    now(shop, Kind.COUNT, 29)
    shop.now_ms += 2 * DAY_MS
    now(shop, Kind.ADJUST, -2, reason="theft")
    assert losses_of(shop) == [(2, "theft")]
    message = alert_of(now(shop, Kind.ADJUST, -3, reason="theft"), AlertType.SHRINKAGE).message
    assert "5 units of SHOE were lost at LEEDS in 2 cases" in message

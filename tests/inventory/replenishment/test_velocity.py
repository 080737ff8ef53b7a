"""What the velocity learns, and from what it must not learn."""

from __future__ import annotations

from itertools import pairwise

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.inventory.replenishment.rows import Outlook, ReplenishmentPolicy, Span
from agents.inventory.replenishment.velocity import (
    begin,
    deviation,
    factor,
    forecast,
    pass_hours,
    roll,
    weekday_of,
)
from agents.inventory.units import MILLISECONDS_PER_DAY, MILLISECONDS_PER_HOUR, day_of_date, start_of
from tests.inventory.replenishment.world import MONDAY

POLICY = ReplenishmentPolicy()
SALES = st.integers(0, 60)
HOURS = st.integers(0, 24)


def a_day(
    row: Outlook, sold: int, hours: int = 24, promoted: bool = False, policy: ReplenishmentPolicy = POLICY
) -> Outlook:
    """One whole day with so many hours of stock."""
    spans = [Span(None, row.day, row.day)] if promoted else []
    begins_ms = start_of(row.day)
    row = msgspec.structs.replace(row, unpromised=1, sold=sold)
    row = pass_hours(row, begins_ms + hours * MILLISECONDS_PER_HOUR)
    return roll(msgspec.structs.replace(row, unpromised=0), begins_ms + MILLISECONDS_PER_DAY, spans, policy)


def after(sales: list[int], policy: ReplenishmentPolicy = POLICY) -> Outlook:
    row = begin(start_of(MONDAY))
    for sold in sales:
        row = a_day(row, sold, policy=policy)
    return row


def test_weekdays_are_those_of_the_calendar() -> None:
    assert weekday_of(day_of_date("2026-01-05")) == 0
    assert weekday_of(day_of_date("2011-11-06")) == 6


def test_steady_sales_are_the_velocity_and_have_no_spread() -> None:
    row = after([12] * 30)
    assert row.level_thousandths == 12_000
    assert deviation(row) == 0
    assert [forecast(row, row.day + each, POLICY) for each in range(7)] == [12_000] * 7


def test_the_newest_day_weighs_by_the_smoothing() -> None:
    row = a_day(after([10] * 20), 20)
    assert row.level_thousandths == 11_000


def test_the_first_days_are_a_plain_mean() -> None:
    assert after([4, 8, 12]).level_thousandths == pytest.approx(8_000, abs=3)


def test_a_shop_that_is_closed_on_sundays_is_expected_to_sell_nothing_then() -> None:
    row = after([14, 14, 14, 14, 14, 14, 0] * 20, ReplenishmentPolicy(season_doubt=0))
    policy = ReplenishmentPolicy(season_doubt=0)
    assert factor(row, 6, policy) == 0
    assert forecast(row, row.day, policy) == pytest.approx(14_000, rel=0.02)
    assert deviation(row) < 3_500


def test_weekdays_do_not_differ_before_there_are_weeks_to_tell() -> None:
    row = after([14, 14, 14, 14, 14, 14, 0] * 3)
    assert {factor(row, weekday, POLICY) for weekday in range(7)} == {1_000}


def test_zero_sales_at_zero_stock_are_no_zero_demand() -> None:
    known = after([10] * 20)
    row = known
    for _ in range(30):
        row = a_day(row, 0, hours=0)
    assert (row.level_thousandths, row.variance_millionths, row.counted) == (10_000, 0, known.counted)
    assert a_day(known, 0).level_thousandths == 9_000


def test_a_day_counts_only_for_the_hours_with_stock() -> None:
    # Half a day of stock, half of the usual sales: as usual.
    assert a_day(after([10] * 20), 5, hours=12).level_thousandths == 10_000


def test_a_promotion_day_teaches_nothing() -> None:
    known = after([10] * 20)
    row = a_day(known, 500, promoted=True)
    assert (row.level_thousandths, row.weekdays, row.variance_millionths, row.counted) == (
        known.level_thousandths,
        known.weekdays,
        known.variance_millionths,
        known.counted,
    )


def test_one_huge_order_does_not_become_the_velocity() -> None:
    known = after([10, 8, 12, 9, 11] * 8)
    assert a_day(known, 80_995).level_thousandths < 2 * known.level_thousandths
    raw = ReplenishmentPolicy(outlier_deviations=0)
    assert a_day(known, 80_995, policy=raw).level_thousandths > 500 * known.level_thousandths


def test_goods_that_never_lie_on_the_shelf_are_still_wanted() -> None:
    row = begin(start_of(MONDAY))
    for _ in range(200):
        row = a_day(row, 10, hours=0)
    assert row.level_thousandths == 10_000


def test_years_of_silence_are_bounded_work_and_leave_nothing_on_a_full_shelf() -> None:
    row = msgspec.structs.replace(after([50] * 20), unpromised=3)
    idle = roll(row, start_of(row.day + 1_000_000), (), POLICY)
    assert idle.level_thousandths == 0
    assert idle.day == row.day + 1_000_000


def test_a_smoothing_that_would_overshoot_is_refused() -> None:
    with pytest.raises(ValueError, match="smoothing is from 1 to 142"):
        ReplenishmentPolicy(smoothing=300)


@given(st.lists(SALES, min_size=1, max_size=60), SALES, HOURS)
@settings(deadline=None)
def test_a_stock_out_never_lowers_the_velocity(sales: list[int], sold: int, hours: int) -> None:
    known = after(sales)
    assert a_day(known, 0, hours=0).level_thousandths == known.level_thousandths
    # A day seen for less than an eighth may raise it, and never lowers it.
    assert all(a_day(known, sold, few).level_thousandths >= known.level_thousandths for few in range(3))
    # The same sales in fewer hours never say less than in the whole day.
    assert a_day(known, sold, hours).level_thousandths >= a_day(known, sold).level_thousandths
    levels = [a_day(known, sold, each).level_thousandths for each in (0, 3, 8, 16, 24)]
    assert all(shorter >= longer for shorter, longer in pairwise(levels[1:]))


@given(st.lists(SALES, min_size=1, max_size=60), st.integers(0, 10_000), HOURS)
@settings(deadline=None)
def test_a_promotion_day_never_raises_the_velocity(sales: list[int], sold: int, hours: int) -> None:
    known = after(sales)
    row = a_day(known, sold, hours, promoted=True)
    assert [forecast(row, MONDAY + each, POLICY) for each in range(7)] == [
        forecast(known, MONDAY + each, POLICY) for each in range(7)
    ]


@given(st.lists(st.tuples(SALES, HOURS, st.booleans()), max_size=80))
@settings(max_examples=50, deadline=None)
def test_nothing_kept_is_ever_negative_or_beyond_what_was_seen(days: list[tuple[int, int, bool]]) -> None:
    row = begin(start_of(MONDAY))
    for sold, hours, promoted in days:
        row = a_day(row, sold, hours, promoted)
        assert row.level_thousandths >= 0
        assert row.variance_millionths >= 0
        assert min(row.weekdays) >= 0
    # A day seen for less than an eighth tells no rate, so the velocity is at most eight times the best day.
    assert row.level_thousandths <= 8_100 * max([sold for sold, _, _ in days], default=0)


@given(st.lists(SALES, min_size=1, max_size=40), st.lists(st.integers(1, 300), max_size=8))
@settings(deadline=None)
def test_looking_often_changes_nothing(sales: list[int], hours: list[int]) -> None:
    known = msgspec.structs.replace(after(sales), unpromised=2)
    begins_ms = start_of(known.day)
    often = known
    elapsed = 0
    for each in hours:
        elapsed += each
        often = roll(often, begins_ms + elapsed * MILLISECONDS_PER_HOUR, (), POLICY)
    assert often == roll(known, begins_ms + elapsed * MILLISECONDS_PER_HOUR, (), POLICY)

from __future__ import annotations

from agents.inventory.projection import Change, projected_atp, promisable_by
from agents.inventory.units import MILLISECONDS_PER_DAY as DAY_MS

ON_HAND = 20
SCHEDULE = (
    Change(-3, DAY_MS),
    Change(10, 3 * DAY_MS),
    Change(-15, 4 * DAY_MS),
    Change(1, 5 * DAY_MS),
    Change(3, 6 * DAY_MS),
)
"""Demand on days 1 and 4, supply on days 3, 5 and 6 of a week."""


def test_the_projection_follows_supply_and_demand_day_by_day() -> None:
    days = [projected_atp(ON_HAND, SCHEDULE, 0, day * DAY_MS) for day in range(1, 8)]
    assert days == [17, 17, 27, 12, 13, 16, 16]


def test_what_may_be_promised_for_a_day_breaks_no_later_promise() -> None:
    days = [promisable_by(ON_HAND, SCHEDULE, 0, day * DAY_MS, 7 * DAY_MS) for day in range(1, 8)]
    assert days == [12, 12, 12, 12, 13, 16, 16]


def test_overdue_supply_leaves_the_picture_and_overdue_demand_does_not() -> None:
    now_ms = 4 * DAY_MS
    assert [projected_atp(17, SCHEDULE[1:], now_ms, day * DAY_MS) for day in range(4, 8)] == [2, 3, 6, 6]


def test_supply_without_a_date_never_counts_and_demand_without_one_counts_at_once() -> None:
    assert projected_atp(5, (Change(10), Change(-2)), 0, 100 * DAY_MS) == 3


def test_the_projection_may_be_below_zero_but_nothing_negative_is_promised() -> None:
    assert projected_atp(1, (Change(-2),), 0, DAY_MS) == -1
    assert promisable_by(1, (Change(-2),), 0, DAY_MS, DAY_MS) == 0

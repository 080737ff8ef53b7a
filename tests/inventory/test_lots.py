"""Lots by themselves; how they follow from transactions is told in docs/scenarios/lots.txt."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.inventory.goods import Lot
from agents.inventory.life import least_slack
from agents.inventory.lots import is_alive, life_days
from agents.inventory.units import date_of_day, day_of, day_of_date, start_of
from tools.scenario.words import BEGINS_MS

TODAY = day_of(BEGINS_MS)


def expiring_in(days: int) -> str:
    """The date so many days from today."""
    return (date(1970, 1, 1) + timedelta(days=TODAY + days)).isoformat()


def test_a_lot_lives_through_its_last_day() -> None:
    lot = Lot(1, expires_on=expiring_in(0))
    assert life_days(lot, BEGINS_MS) == 0
    assert life_days(lot, start_of(TODAY + 1) - 1) == 0
    assert life_days(lot, start_of(TODAY + 1)) == -1
    assert is_alive(lot, BEGINS_MS, 0)
    assert not is_alive(lot, BEGINS_MS, 1)
    assert life_days(Lot(1), BEGINS_MS) is None


def served(lives: list[int], needs: list[int]) -> bool:
    """Whether every need finds a unit of its own that lives long enough: the plain way, longest need first."""
    left = sorted(lives, reverse=True)
    for need in sorted(needs, reverse=True):
        if not left or left[0] < need:
            return False
        left.pop(0)
    return True


@given(
    lives=st.lists(st.integers(0, 6), max_size=6),
    needs=st.lists(st.integers(0, 6), max_size=5),
    asked=st.integers(0, 6),
)
def test_what_may_be_promised_is_what_could_still_be_served(lives: list[int], needs: list[int], asked: int) -> None:
    if not served(lives, needs):
        return
    slack = least_slack(0, [(life, 1) for life in lives], [(need, 1) for need in needs], asked)
    assert slack == max(more for more in range(len(lives) + 1) if served(lives, [*needs, *[asked] * more]))


@given(st.dates())
def test_a_day_is_counted_as_the_calendar_counts_it(day: date) -> None:
    counted = (day - date(1970, 1, 1)).days
    assert day_of_date(day.isoformat()) == counted
    assert counted < 0 or date_of_day(counted) == day.isoformat()


@pytest.mark.parametrize("text", ["2027-02-29", "2027-13-01", "2027-1-1", "27-01-01", "2027-00-10", "soon", ""])
def test_what_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"date|day"):
        day_of_date(text)

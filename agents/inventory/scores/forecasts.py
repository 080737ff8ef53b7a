"""A day that is over, as the replenisher saw it: what it expected, what was sold, and what was missed for want of stock.

The replenisher knows for which share of the day there was something to sell (the exposure). A forecast is judged by that
share only: zero sales at zero stock are no error. What it expected of the rest of the day are lost sales.
"""

from __future__ import annotations

from agents.inventory.replenishment.rows import DayEnded
from agents.inventory.scores.tallies import Increment, counted
from agents.inventory.scores.words import ALL, Counter, Dimension, subject_of
from agents.inventory.units import start_of

WHOLE = 1_000
"""Thousandths of a day."""


def score_day(ended: DayEnded) -> list[Increment]:
    """Increments of one day of a SKU at a place. They belong to the first hour of that day, so to its day.

    The first day that anything is known of has no forecast that could be wrong.
    """
    if not ended.counted:
        return []
    at_ms = start_of(ended.day)
    subjects = (ALL, subject_of(Dimension.LOCATION, ended.location))
    expected = ended.forecast_thousandths * ended.exposure // WHOLE
    actual = ended.sold * WHOLE
    return [
        *counted(subjects, at_ms, Counter.FORECAST, expected),
        *counted(subjects, at_ms, Counter.ACTUAL, actual),
        *counted(subjects, at_ms, Counter.FORECAST_ERROR, abs(actual - expected)),
        *counted(subjects, at_ms, Counter.LOST_SALES, ended.forecast_thousandths - expected),
    ]

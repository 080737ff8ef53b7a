"""The forecasts that are compared. Each sees only the days before the one it is made on.

A method gives, for each day of a series, the expected sales of the next days and a standard deviation; both are in
thousandths of units, from the first day on which there is a past. The naive ones have no deviation of their own: theirs
is the root mean square of their errors so far, of the same horizon, at most a year back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import isqrt

import msgspec

from agents.inventory.replenishment.levels import expected, spread
from agents.inventory.replenishment.rows import ReplenishmentPolicy
from agents.inventory.replenishment.velocity import SCALE, begin, roll
from agents.inventory.units import start_of
from tools.backtest.series import Series

WEEK = 7
MONTH = 28

Forecast = tuple[int, int]
"""(expected sales, their standard deviation) of a horizon, in thousandths of units."""
Method = Callable[[Series, Sequence[int]], "dict[int, list[Forecast]]"]
"""(series, horizons) -> for each horizon one forecast for each day of the series."""

FLAT = ReplenishmentPolicy(season_weeks=1_000_000)


def velocity(policy: ReplenishmentPolicy) -> Method:
    """The replenisher's own, of a shelf that was never empty. Its deviation is the one without caution."""
    policy = msgspec.structs.replace(policy, caution=SCALE)

    def forecasts(series: Series, horizons: Sequence[int]) -> dict[int, list[Forecast]]:
        row = msgspec.structs.replace(begin(start_of(series.first_day)), unpromised=1)
        made: dict[int, list[Forecast]] = {horizon: [] for horizon in horizons}
        for index, sold in enumerate(series.sold):
            for horizon in horizons:
                made[horizon].append((expected(row, horizon, policy), spread(row, horizon, 0, policy)))
            row = msgspec.structs.replace(row, sold=sold)
            row = roll(row, start_of(series.first_day + index + 1), (), policy)
        return made

    return forecasts


def naive(sold: Sequence[int], index: int, horizon: int) -> int:
    """As yesterday, each day."""
    return sold[index - 1] * horizon * SCALE if index else 0


def seasonal_naive(sold: Sequence[int], index: int, horizon: int) -> int:
    """As on the same weekdays of the last week."""
    return sum([sold[index - WEEK + each % WEEK] for each in range(horizon)]) * SCALE if index >= WEEK else 0


def monthly_mean(sold: Sequence[int], index: int, horizon: int) -> int:
    """As the mean of the last four weeks."""
    window = sold[max(0, index - MONTH) : index]
    return sum(window) * horizon * SCALE // max(1, len(window))


def with_own_errors(point: Callable[[Sequence[int], int, int], int]) -> Method:
    """A method of points, its deviation taken from its errors so far."""

    def forecasts(series: Series, horizons: Sequence[int]) -> dict[int, list[Forecast]]:
        return {horizon: one(series.sold, horizon) for horizon in horizons}

    def one(sold: Sequence[int], horizon: int) -> list[Forecast]:
        sums = [0, *accumulate(sold)]
        points = [point(sold, index, horizon) for index in range(len(sold))]
        squares = [
            (SCALE * (sums[index + horizon] - sums[index]) - points[index]) ** 2
            for index in range(len(sold) - horizon + 1)
        ]
        running = [0, *accumulate(squares)]
        made = []
        for index, expected_units in enumerate(points):
            known = max(0, index - horizon + 1)
            # A forecast's error is known when its last day is over.
            mean = (running[known] - running[max(0, known - 365)]) // max(1, min(known, 365))
            made.append((expected_units, isqrt(mean)))
        return made

    return forecasts


METHODS: tuple[tuple[str, Method], ...] = (
    ("Onhand", velocity(ReplenishmentPolicy())),
    ("Onhand without weekdays", velocity(FLAT)),
    ("naive", with_own_errors(naive)),
    ("seasonal naive", with_own_errors(seasonal_naive)),
    ("mean of four weeks", with_own_errors(monthly_mean)),
)

"""The KPIs: each is a fraction of what a window has counted. docs/reference/kpis.md defines them, with their sources.

Nothing is said of a KPI for which there is nothing to reckon with: a rate of no counts is not zero.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

import msgspec

from agents.inventory.scores.rows import ScorePolicy
from agents.inventory.scores.words import Counter, Figure
from agents.inventory.units import MILLISECONDS_PER_DAY

YEAR_SECONDS = 365 * MILLISECONDS_PER_DAY // 1_000
MILLION = 1_000_000


class Unit(StrEnum):
    """What a KPI is measured in: base units."""

    RATIO = "ratio"
    PER_YEAR = "per_year"
    SECONDS = "seconds"
    MONEY = "minor_units"
    """The smallest unit of money, such as cents."""
    UNITS = "units"


class Sight(msgspec.Struct, frozen=True, gc=False):
    """All that a KPI may look at: one window of one subject."""

    counts: Mapping[str, int]
    integrals: Mapping[str, int]
    """By the counter of its changes: a level summed over the seconds of the window so far."""
    policy: ScorePolicy

    def count(self, counter: Counter) -> int:
        """What was counted."""
        return self.counts.get(counter, 0)

    def integral(self, counter: Counter) -> int:
        """Level times seconds."""
        return self.integrals.get(counter, 0)


Fraction = tuple[int, int]
"""Numerator and denominator; where the latter is not above 0 there is nothing to say."""


class Kpi(msgspec.Struct, frozen=True):
    """One KPI."""

    name: str
    unit: Unit
    reckon: Callable[[Sight], Fraction]


def share(part: Counter, whole: Counter) -> Callable[[Sight], Fraction]:
    """One counter of another."""
    return lambda sight: (sight.count(part), sight.count(whole))


def turns(sold: Counter, level: Counter) -> Callable[[Sight], Fraction]:
    """How often in a year the average level would be sold at this pace."""
    return lambda sight: (sight.count(sold) * YEAR_SECONDS, sight.integral(level))


def amount(counter: Counter, parts: int = 1) -> Callable[[Sight], Fraction]:
    """A counter by itself, in so many parts of the unit; where nothing was counted, nothing is said."""
    return lambda sight: (sight.count(counter), parts if sight.count(counter) else 0)


def availability(sight: Sight) -> Fraction:
    """Time that SKUs could be sold, of the time since they first could."""
    return sight.integral(Counter.SELLABLE_CHANGE), sight.integral(Counter.OFFERED_CHANGE)


def carrying_cost(sight: Sight) -> Fraction:
    """The yearly rate on the average value of the stock, for the length of the window."""
    value = sight.integral(Counter.VALUE_CHANGE)
    cost = value * sight.policy.carrying_cost_thousandths * MILLION // (1_000 * YEAR_SECONDS)
    return cost, MILLION if value else 0


def forecast_bias(sight: Sight) -> Fraction:
    """What was expected beyond what was sold, of what was sold."""
    actual = sight.count(Counter.ACTUAL)
    return sight.count(Counter.FORECAST) - actual, actual


KPIS: tuple[Kpi, ...] = (
    Kpi("turnover", Unit.PER_YEAR, turns(Counter.UNITS_SOLD, Counter.STOCK_CHANGE)),
    Kpi("turnover_at_cost", Unit.PER_YEAR, turns(Counter.COST_SOLD, Counter.VALUE_CHANGE)),
    Kpi("shrinkage_rate", Unit.RATIO, share(Counter.UNITS_LOST, Counter.UNITS_SOLD)),
    Kpi("stock_accuracy", Unit.RATIO, share(Counter.COUNTS_ACCURATE, Counter.COUNTS)),
    Kpi("fill_rate", Unit.RATIO, share(Counter.UNITS_FILLED, Counter.UNITS_ASKED)),
    Kpi("oversell_rate", Unit.RATIO, share(Counter.UNITS_OVERSOLD, Counter.UNITS_SOLD)),
    Kpi("order_accuracy", Unit.RATIO, share(Counter.LINES_ACCURATE, Counter.LINES_ENDED)),
    Kpi("fulfilment_time", Unit.SECONDS, share(Counter.FULFILMENT_SECONDS, Counter.LINES_SHIPPED)),
    Kpi("availability", Unit.RATIO, availability),
    Kpi("carrying_cost", Unit.MONEY, carrying_cost),
    Kpi("lost_sales", Unit.UNITS, amount(Counter.LOST_SALES, 1_000)),
    Kpi("forecast_error", Unit.RATIO, share(Counter.FORECAST_ERROR, Counter.ACTUAL)),
    Kpi("forecast_bias", Unit.RATIO, forecast_bias),
    Kpi("wasted_ad_time_avoided", Unit.SECONDS, amount(Counter.PAUSED_SECONDS)),
)
"""In the order in which they are said."""


def reckon(sight: Sight) -> tuple[Figure, ...]:
    """All KPIs of which there is something to say."""
    figures: list[Figure] = []
    for kpi in KPIS:
        numerator, denominator = kpi.reckon(sight)
        if denominator > 0:
            value = numerator * MILLION // denominator
            figures.append(Figure(kpi.name, kpi.unit.value, numerator, denominator, value))
    return tuple(figures)

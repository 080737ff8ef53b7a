"""Choosing the knobs of the velocity: on days that are not judged afterwards, one knob after the other.

Each candidate is run over the series with the days before the validation to learn from, and judged on the validation alone by
the pinball loss of a week's demand at the service level, its safety measured as for every method. One pass; a candidate
takes the place of the knob's value only where it is better by a hundredth: less than that is chance.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

import msgspec

from agents.inventory.replenishment.rows import ReplenishmentPolicy
from tools.backtest.methods import velocity
from tools.backtest.series import Series
from tools.backtest.table import SAFETY_HORIZON, Split, backtest

CANDIDATES: Mapping[str, tuple[int, ...]] = MappingProxyType(
    {
        "smoothing": (40, 70, 100, 142),
        "weekday_smoothing": (70, 140, 280),
        "season_weeks": (2, 4, 8),
        "season_doubt": (1, 2, 4),
        "variance_smoothing": (10, 20, 50, 100),
        "outlier_deviations": (0, 4, 6, 10, 15),
    }
)
BETTER_BY = 0.01


class Trial(msgspec.Struct, frozen=True):
    """One candidate and how it did."""

    knob: str
    value: int
    loss: float
    taken: bool


def choose(
    all_series: Sequence[Series], split: Split, tell: Callable[[Trial], None] = lambda _trial: None
) -> ReplenishmentPolicy:
    """The knobs that did best. `split.judge_until` must lie before the days that are judged later."""
    chosen = ReplenishmentPolicy()
    if split.judge_until is not None:
        all_series = until(all_series, split.judge_until)
    best = loss_of(all_series, split, chosen)
    for knob, values in CANDIDATES.items():
        for value in values:
            if value == getattr(chosen, knob):
                continue
            candidate = msgspec.structs.replace(chosen, **{knob: value})
            loss = loss_of(all_series, split, candidate)
            taken = loss < best * (1 - BETTER_BY)
            tell(Trial(knob, value, loss, taken))
            if taken:
                best, chosen = loss, candidate
    return chosen


def loss_of(all_series: Sequence[Series], split: Split, policy: ReplenishmentPolicy) -> float:
    """The pinball loss of a week's demand."""
    result = backtest(all_series, split, methods=[("candidate", velocity(policy))], horizons=[SAFETY_HORIZON])
    return result.scores["candidate", SAFETY_HORIZON].loss


def until(all_series: Sequence[Series], last_day: int) -> list[Series]:
    """The series as they were known then."""
    return [
        msgspec.structs.replace(series, sold=series.sold[: last_day + 1 - series.first_day])
        for series in all_series
        if series.first_day <= last_day
    ]

"""The table: for each method and horizon how wrong it was, on the same SKUs and days.

* **WAPE**: the sum of absolute errors over the sum of what was sold.
* **Pinball loss** of the service level's quantile (the forecast and `safety` standard deviations), over the same sum: what
  is missing weighs `level`, what lies idle `1 - level`. Lower is better, and neither too much nor too little stock wins.
* **Covered**: how often no more was sold than the quantile; it should be the service level.

The judged days are never used to choose anything. How many standard deviations a service level needs is measured for each
method on the days before them (`Split.validate_from` until `train_until`): the quantile of the errors that it made there, in its
own standard deviations. So no method loses because the errors of sales are no normal ones.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

import msgspec

from agents.inventory.replenishment.levels import z_of
from agents.inventory.replenishment.velocity import SCALE
from tools.backtest.methods import METHODS, Forecast, Method
from tools.backtest.series import Series

HORIZONS = (1, 7)
SAFETY_HORIZON = 7
"""Days: an order is reckoned for a week or more, so the safety is measured there."""


class Split(msgspec.Struct, frozen=True):
    """Which days are learned from first, and which series are judged."""

    train_until: int
    """The last day that is only learned from."""
    least_sale_days: int
    """Days with a sale that a series has until then."""
    service_level: int = 950
    validate_from: int | None = None
    """The first day on which the safety of each method is measured, until `train_until`; None = the normal one is used."""
    judge_until: int | None = None
    """The last day that is judged; None = the last one of the file."""


class Score(msgspec.Struct):
    """The sums of one method at one horizon; thousandths of units."""

    sold: int = 0
    error: int = 0
    pinball: int = 0
    """Times 1000 once more."""
    covered: int = 0
    forecasts: int = 0

    @property
    def wape(self) -> float:
        """Absolute error over sales."""
        return self.error / max(1, self.sold)

    @property
    def loss(self) -> float:
        """Pinball loss over sales."""
        return self.pinball / SCALE / max(1, self.sold)

    @property
    def coverage(self) -> float:
        """Share of forecasts whose quantile was enough."""
        return self.covered / max(1, self.forecasts)

    def add(self, actual: int, forecast: Forecast, service_level: int, safety: int) -> None:
        """Judge one forecast. `safety`: standard deviations of the service level, in thousandths."""
        point, deviation = forecast
        quantile = point + safety * deviation // SCALE
        missing = actual - quantile
        self.sold += actual
        self.error += abs(actual - point)
        self.pinball += service_level * missing if missing > 0 else (SCALE - service_level) * -missing
        self.covered += missing <= 0
        self.forecasts += 1


class Result(msgspec.Struct, frozen=True):
    """What a backtest found."""

    series: int
    days: int
    """Days that were judged."""
    scores: dict[tuple[str, int], Score]
    """By method and horizon in days."""
    safeties: dict[str, int]
    """By method: standard deviations of the service level, in thousandths."""


def judged(all_series: Sequence[Series], split: Split) -> Sequence[Series]:
    """The series with enough history before the split."""
    return [
        series
        for series in all_series
        if sum([sold > 0 for sold in series.sold[: max(0, split.train_until - series.first_day + 1)]])
        >= split.least_sale_days
    ]


def backtest(
    all_series: Sequence[Series],
    split: Split,
    progress: Callable[[int], None] = lambda _done: None,
    methods: Sequence[tuple[str, Method]] = METHODS,
    horizons: Sequence[int] = HORIZONS,
) -> Result:
    """Judge every method on the days after the split. `progress` hears how many series are done, of all methods together.

    `horizons` has `SAFETY_HORIZON` among them.
    """
    chosen = judged(all_series, split)
    scores = {(name, horizon): Score() for name, _ in methods for horizon in horizons}
    safeties: dict[str, int] = {}
    for number, (name, method) in enumerate(methods):
        made = []
        for done, series in enumerate(chosen):
            made.append(method(series, horizons))
            progress(number * len(chosen) + done + 1)
        safeties[name] = measured_safety(chosen, [each[SAFETY_HORIZON] for each in made], split)
        for series, of_horizon in zip(chosen, made, strict=True):
            for horizon, forecasts in of_horizon.items():
                score = scores[name, horizon]
                for index, actual in judged_days(series, horizon, split):
                    score.add(actual, forecasts[index], split.service_level, safeties[name])
    last_day = max([series.first_day + len(series.sold) - 1 for series in all_series], default=split.train_until)
    return Result(len(chosen), min(last_day, split.judge_until or last_day) - split.train_until, scores, safeties)


def judged_days(series: Series, horizon: int, split: Split) -> Sequence[tuple[int, int]]:
    """(index of the day on which a forecast is made, what was sold in thousandths) of all that is judged."""
    last_day = series.first_day + len(series.sold) - 1
    end = min(last_day, split.judge_until or last_day) - series.first_day + 1
    return actuals(series, split.train_until + 1 - series.first_day, end, horizon)


def actuals(series: Series, begin: int, end: int, horizon: int) -> Sequence[tuple[int, int]]:
    """(index, what was sold on it and the days after, `horizon` in all) where all those days are in [begin, end)."""
    sums = [0, *accumulate(series.sold)]
    return [(index, (sums[index + horizon] - sums[index]) * SCALE) for index in range(max(0, begin), end - horizon + 1)]


def measured_safety(chosen: Sequence[Series], forecasts: Sequence[Sequence[Forecast]], split: Split) -> int:
    """Standard deviations, in thousandths, within which the errors of the validated days were as often as is asked."""
    if split.validate_from is None:
        return z_of(split.service_level)
    errors = [
        (actual - forecasts[number][index][0]) * SCALE // max(1, forecasts[number][index][1])
        for number, series in enumerate(chosen)
        for index, actual in actuals(
            series,
            split.validate_from - series.first_day,
            split.train_until - series.first_day + 1,
            SAFETY_HORIZON,
        )
    ]
    errors.sort()
    return errors[min(len(errors) - 1, len(errors) * split.service_level // SCALE)] if errors else 0


def markdown(result: Result, service_level: int) -> str:
    """The table as Markdown."""
    percent = f"{service_level / 10:g} %"
    lines = [
        f"| method | horizon | WAPE | pinball loss at {percent} | covered at {percent} | safety |",
        "|---|---|---|---|---|---|",
    ]
    for horizon in HORIZONS:
        days = f"{horizon} day" if horizon == 1 else f"{horizon} days"
        for name, _ in METHODS:
            score = result.scores[name, horizon]
            lines.append(
                f"| {name} | {days} | {score.wape:.3f} | {score.loss:.3f} | {score.coverage:.1%} | "
                f"{result.safeties[name] / SCALE:.2f} |"
            )
    return "\n".join(lines)

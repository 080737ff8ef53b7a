"""The table: for each method and horizon how wrong it was, on the same SKUs and days.

* **WAPE**: the sum of absolute errors over the sum of what was sold.
* **Pinball loss** of the service level's quantile (the forecast and `z` standard deviations), over the same sum: what is
  missing weighs `level`, what lies idle `1 - level`. Lower is better, and neither too much nor too little stock wins.
* **Covered**: how often no more was sold than the quantile; it should be the service level.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

import msgspec

from agents.inventory.replenishment.levels import z_of
from agents.inventory.replenishment.velocity import SCALE
from tools.backtest.methods import METHODS, Forecast
from tools.backtest.series import Series

HORIZONS = (1, 7)


class Split(msgspec.Struct, frozen=True):
    """Which days are learned from first, and which series are judged."""

    train_until: int
    """The last day that is only learned from."""
    least_sale_days: int
    """Days with a sale that a series has until then."""
    service_level: int = 950


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

    def add(self, actual: int, forecast: Forecast, service_level: int) -> None:
        """Judge one forecast."""
        point, deviation = forecast
        quantile = point + z_of(service_level) * deviation // SCALE
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


def judged(all_series: Sequence[Series], split: Split) -> Sequence[Series]:
    """The series with enough history before the split."""
    return [
        series
        for series in all_series
        if sum([sold > 0 for sold in series.sold[: max(0, split.train_until - series.first_day + 1)]])
        >= split.least_sale_days
    ]


def backtest(
    all_series: Sequence[Series], split: Split, progress: Callable[[int], None] = lambda _done: None
) -> Result:
    """Judge every method on the days after the split. `progress` hears how many series are done."""
    chosen = judged(all_series, split)
    scores = {(name, horizon): Score() for name, _ in METHODS for horizon in HORIZONS}
    for done, series in enumerate(chosen):
        sums = [0, *accumulate(series.sold)]
        begin = split.train_until + 1 - series.first_day
        for name, method in METHODS:
            for horizon, forecasts in method(series, HORIZONS).items():
                for index in range(begin, len(series.sold) - horizon + 1):
                    actual = (sums[index + horizon] - sums[index]) * SCALE
                    scores[name, horizon].add(actual, forecasts[index], split.service_level)
        progress(done + 1)
    last_day = max([series.first_day + len(series.sold) - 1 for series in all_series], default=split.train_until)
    return Result(len(chosen), last_day - split.train_until, scores)


def markdown(result: Result, service_level: int) -> str:
    """The table as Markdown."""
    percent = f"{service_level / 10:g} %"
    lines = [
        f"| method | horizon | WAPE | pinball loss at {percent} | covered at {percent} |",
        "|---|---|---|---|---|",
    ]
    for horizon in HORIZONS:
        days = f"{horizon} day" if horizon == 1 else f"{horizon} days"
        for name, _ in METHODS:
            score = result.scores[name, horizon]
            lines.append(f"| {name} | {days} | {score.wape:.3f} | {score.loss:.3f} | {score.coverage:.1%} |")
    return "\n".join(lines)

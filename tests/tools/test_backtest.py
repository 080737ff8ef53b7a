"""The backtest: it counts what it says, sees no future, and on the bundled month Onhand beats the naive forecasts."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from agents.inventory.replenishment.rows import ReplenishmentPolicy
from agents.inventory.units import day_of_date
from tools.backtest.__main__ import LONG, main
from tools.backtest.choosing import CANDIDATES, Trial, choose, loss_of
from tools.backtest.methods import METHODS, naive, seasonal_naive
from tools.backtest.page import page
from tools.backtest.series import Series, read_series
from tools.backtest.table import HORIZONS, Result, Score, Split, backtest, judged, markdown
from tools.demo_data.month import BUNDLED

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "forecasting.md"
SMALL = Split(day_of_date("2011-11-16"), 8)


@pytest.fixture(scope="module")
def month() -> tuple[Series, ...]:
    return tuple(read_series(BUNDLED))


def test_only_sales_of_goods_are_read_day_by_day(month: tuple[Series, ...]) -> None:
    assert {len(series.sold) for series in month if series.first_day == day_of_date("2011-11-01")} == {30}
    assert all(series.sold[0] > 0 and min(series.sold) >= 0 for series in month)
    assert not {"POST", "M", "DOT"} & {series.sku for series in month}
    # The shop was closed on Saturdays.
    saturday = day_of_date("2011-11-12")
    assert sum(series.sold[saturday - series.first_day] for series in month if series.first_day <= saturday) == 0


def test_naive_forecasts_are_what_their_names_say() -> None:
    sold = (1, 2, 3, 4, 5, 6, 7, 8, 9)
    assert (naive(sold, 8, 1), naive(sold, 8, 7)) == (8_000, 56_000)
    assert (seasonal_naive(sold, 8, 1), seasonal_naive(sold, 8, 7)) == (2_000, 35_000)


def test_a_score_is_reckoned_as_its_name_says() -> None:
    score = Score()
    score.add(10_000, (8_000, 1_000), 950, 1_645)  # quantile 9,645: 355 are missing
    score.add(5_000, (6_000, 1_000), 950, 1_645)  # quantile 7,645: 2,645 lie idle
    assert score.wape == pytest.approx(3 / 15)
    assert score.loss == pytest.approx((0.95 * 0.355 + 0.05 * 2.645) / 15)
    assert score.coverage == 0.5


@pytest.mark.parametrize("name", [name for name, _ in METHODS])
def test_no_method_sees_the_future(name: str) -> None:
    past = tuple((day * 7) % 11 for day in range(60))
    method = dict(METHODS)[name]
    one = method(Series("SHOE", "LEEDS", 15_000, (*past, *[0] * 20)), HORIZONS)
    other = method(Series("SHOE", "LEEDS", 15_000, (*past, *[99] * 20)), HORIZONS)
    for horizon in HORIZONS:
        assert one[horizon][: len(past) + 1] == other[horizon][: len(past) + 1]
        assert one[horizon][len(past) + 1 :] != other[horizon][len(past) + 1 :]


def test_every_method_is_judged_on_the_same_sales(month: tuple[Series, ...]) -> None:
    result = backtest(month[:200], SMALL)
    for horizon in HORIZONS:
        sums = {(result.scores[name, horizon].sold, result.scores[name, horizon].forecasts) for name, _ in METHODS}
        assert len(sums) == 1


def assert_beats_the_naive_ones(result: Result) -> None:
    for horizon in HORIZONS:
        ours = result.scores["Onhand", horizon]
        for name in ("naive", "seasonal naive"):
            assert ours.wape < result.scores[name, horizon].wape


def test_on_the_bundled_month_onhand_is_nearer_than_the_naive_forecasts(month: tuple[Series, ...]) -> None:
    result = backtest(month, SMALL)
    assert result.series == len(judged(month, SMALL)) > 1_000
    assert result.days == 14
    assert_beats_the_naive_ones(result)
    assert len(markdown(result, 950).splitlines()) == 2 + len(METHODS) * len(HORIZONS)


def test_the_safety_of_each_method_is_the_quantile_of_its_errors_before_the_judged_days() -> None:
    # A constant forecast of nothing and a deviation of one unit: the errors are the sales, in units.
    def nothing(series: Series, horizons: Sequence[int]) -> dict[int, list[tuple[int, int]]]:
        return {horizon: [(0, 1_000)] * len(series.sold) for horizon in horizons}

    sold = (*range(40), *[1_000] * 20)  # what is judged is never looked at
    split = Split(20_039, 1, 950, validate_from=20_000)
    [series] = [Series("SHOE", "LEEDS", 20_000, tuple(sold))]
    weeks = sorted(sum(sold[day : day + 7]) for day in range(34))
    result = backtest([series], split, methods=[("nothing", nothing)])
    assert result.safeties == {"nothing": weeks[34 * 950 // 1_000] * 1_000}
    assert backtest([series], SMALL, methods=[("nothing", nothing)]).safeties == {"nothing": 1_645}
    later = Series("SHOE", "LEEDS", 20_000, (*sold[:40], *[7] * 20))
    assert backtest([later], split, methods=[("nothing", nothing)]).safeties == result.safeties


def test_only_the_days_of_the_split_are_judged_whole_horizons_at_a_time() -> None:
    series = Series("SHOE", "LEEDS", 20_000, (1,) * 60)
    split = Split(20_029, 1, judge_until=20_049)
    result = backtest([series], split)
    assert result.days == 20
    assert [result.scores["Onhand", horizon].forecasts for horizon in HORIZONS] == [20, 14]


def test_a_knob_is_turned_only_where_that_is_better_on_the_days_before() -> None:
    # Sales double every day for a week, each week: weekdays are all there is to know.
    series = [Series("SHOE", "LEEDS", 20_000, tuple(2 ** (day % 7) for day in range(200)))]
    trials: list[Trial] = []
    split = Split(20_149, 1, 950, 20_100, 20_190)
    chosen = choose(series, split, trials.append)
    assert {trial.knob for trial in trials} == set(CANDIDATES)
    for knob in CANDIDATES:
        taken = [trial.value for trial in trials if trial.knob == knob and trial.taken]
        assert getattr(chosen, knob) == (taken[-1] if taken else getattr(ReplenishmentPolicy(), knob))
    assert loss_of(series, split, chosen) <= loss_of(series, split, ReplenishmentPolicy())


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.skipif(
    "ONHAND_UCI_CSV" not in os.environ, reason="ONHAND_UCI_CSV names no file: the whole of Online Retail"
)
def test_the_page_says_what_the_whole_of_online_retail_gives() -> None:
    result = backtest(read_series(Path(os.environ["ONHAND_UCI_CSV"])), LONG)
    assert page(result, LONG) == PAGE.read_text(encoding="utf-8")
    assert_beats_the_naive_ones(result)


def test_the_safety_of_the_shipped_policy_is_the_one_that_was_measured() -> None:
    line = next(
        line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| Onhand | 7 days |")
    )
    measured = float(line.split("|")[6])
    assert abs(ReplenishmentPolicy().caution * 1.645 / 1_000 - measured) < 0.01


def test_the_page_is_not_written_of_a_month(tmp_path: Path) -> None:
    found = CliRunner().invoke(main, ["--page", str(tmp_path / "page.md")])
    assert found.exit_code == 2
    assert "too short" in found.output


def test_the_command_says_what_is_wrong_with_a_date() -> None:
    found = CliRunner().invoke(main, ["--train-until", "2011-11-31"])
    assert found.exit_code == 2
    assert "there is no day 2011-11-31" in found.output

"""Windows: borders, what comes late, what is said and how often, and the same figures as naive sums over all records."""

from __future__ import annotations

from fractions import Fraction
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.inventory.scores.kpis import YEAR_SECONDS
from agents.inventory.scores.rows import ScorePolicy, Window
from agents.inventory.scores.tallies import Increment, changed, counted, lasted
from agents.inventory.scores.windows import MOST_WINDOWS, problem_of
from agents.inventory.scores.words import Count, Counter, KpiRecord, Tally
from tests.inventory.scores.world import DAY, HOUR, MINUTE, MONDAY, POLICY, SECOND, World, values_of

NOON = MONDAY + 12 * HOUR
GRACE = POLICY.grace_ms


def said_of(world: World, subject: str, window: str, from_ms: int) -> list[KpiRecord]:
    return [each for each in world.said if (each.subject, each.window, each.from_ms) == (subject, window, from_ms)]


def lines(world: World, at_ms: int, accurate: int, ended: int) -> None:
    """Counters without a level: nothing goes on by itself."""
    happened = [*counted(["all"], at_ms, Counter.LINES_ENDED, ended)]
    world.tell([*happened, *counted(["all"], at_ms, Counter.LINES_ACCURATE, accurate)], at_ms)


# -- borders -----------------------------------------------------------------------------------------------------------


def test_the_last_millisecond_of_an_hour_belongs_to_it_and_the_next_one_to_the_next() -> None:
    world = World()
    lines(world, NOON - 1, 1, 1)
    lines(world, NOON, 0, 1)
    world.pass_until(NOON + HOUR + GRACE)
    assert world.kpi("order_accuracy", window="1h", from_ms=NOON - HOUR) == 1
    assert world.kpi("order_accuracy", window="1h", from_ms=NOON) == 0
    assert world.kpi("order_accuracy", window="1d") == Fraction(1, 2)


def test_a_day_begins_at_midnight_utc() -> None:
    world = World()
    lines(world, MONDAY - 1, 1, 1)
    lines(world, MONDAY, 0, 1)
    world.pass_until(MONDAY + DAY + GRACE)
    assert world.kpi("order_accuracy", from_ms=MONDAY - DAY) == 1
    assert world.kpi("order_accuracy") == 0


def test_a_level_that_changes_at_the_border_counts_in_the_new_window_alone() -> None:
    world = World()
    world.receive(MONDAY, 100)
    world.receive(NOON, 100)
    world.sell(NOON, 10)
    world.pass_until(MONDAY + DAY + GRACE)
    assert said_of(world, "all", "1h", NOON - HOUR)[-1].figures[0].denominator == 100 * 3_600
    assert said_of(world, "all", "1h", NOON)[-1].figures[0].denominator == 190 * 3_600


# -- what is said, and when --------------------------------------------------------------------------------------------


def test_a_running_window_is_said_at_once_and_then_at_most_once_a_minute() -> None:
    world = World()
    for second in range(150):
        world.pass_until(NOON + second * SECOND)
        lines(world, NOON + second * SECOND, 1, 2)
    said = said_of(world, "all", "1h", NOON)
    assert [(each.as_of_ms - NOON) // SECOND for each in said] == [0, 60, 120]
    assert [each.figures[0].denominator for each in said] == [2, 120, 240]


def test_a_window_is_closed_once_a_while_after_its_end_though_nothing_more_happens() -> None:
    world = World()
    lines(world, NOON, 1, 1)
    world.pass_until(NOON + HOUR + GRACE - 1)
    assert [each.closed for each in said_of(world, "all", "1h", NOON)] == [False]
    world.pass_until(MONDAY + 7 * DAY)
    assert [each.closed for each in said_of(world, "all", "1h", NOON)] == [False, True]
    assert [(each.closed, each.as_of_ms) for each in said_of(world, "all", "1d", MONDAY)][-1] == (True, MONDAY + DAY)
    assert not [key for table, key in world.rows.rows if table == "scores_due"], "nothing is looked at any more"


def test_what_comes_within_the_grace_counts_before_the_window_is_closed() -> None:
    world = World()
    lines(world, NOON, 1, 1)
    late = counted(["all"], NOON + HOUR - 1, Counter.LINES_ENDED, 1)
    world.tell(late, NOON + HOUR + GRACE - 1)
    world.pass_until(NOON + HOUR + 2 * MINUTE)
    closed = [each for each in said_of(world, "all", "1h", NOON) if each.closed]
    assert [(each.revision, values_of(each)["order_accuracy"]) for each in closed] == [(0, Fraction(1, 2))]


def test_a_late_record_counts_where_it_belongs_and_the_window_is_said_again_with_a_revision() -> None:
    world = World()
    lines(world, NOON, 1, 1)
    world.pass_until(NOON + 3 * HOUR)
    world.tell(counted(["all"], NOON + 1, Counter.LINES_ENDED, 3), NOON + 3 * HOUR)
    world.pass_until(NOON + 4 * HOUR)
    closed = [each for each in said_of(world, "all", "1h", NOON) if each.closed]
    assert [(each.revision, values_of(each)["order_accuracy"]) for each in closed] == [(0, 1), (1, Fraction(1, 4))]
    assert said_of(world, "all", "1h", NOON + 3 * HOUR) == []


def test_a_late_change_of_a_level_corrects_the_windows_behind_it_too() -> None:
    world = World()
    world.receive(NOON, 100)
    world.pass_until(NOON + 3 * HOUR + MINUTE)
    world.tell(changed(["all"], NOON - HOUR + 30 * MINUTE, Counter.STOCK_CHANGE, 20), NOON + 3 * HOUR + MINUTE)
    world.pass_until(NOON + 3 * HOUR + 3 * MINUTE)
    hours = {hour: said_of(world, "all", "1h", NOON + hour * HOUR)[-1] for hour in (-1, 0, 1, 2)}
    assert {hour: each.figures[0].denominator for hour, each in hours.items()} == {
        -1: 20 * 1_800,
        0: 120 * 3_600,
        1: 120 * 3_600,
        2: 120 * 3_600,
    }
    assert [each.revision for each in hours.values()] == [0, 1, 1, 1]


def test_what_changes_no_figure_is_not_said_again() -> None:
    world = World()
    lines(world, NOON, 1, 1)
    world.pass_until(NOON + 2 * HOUR)
    before = len(world.said)
    world.tell(counted(["all"], NOON, Counter.UNITS_OVERSOLD, 1), NOON + 2 * HOUR)  # A rate of no sales is none.
    world.pass_until(NOON + 2 * HOUR + 2 * MINUTE)
    assert [each for each in world.said[before:] if each.closed] == []


def test_a_figure_that_was_said_and_means_nothing_any_more_is_taken_back() -> None:
    """Ten units that were received, and never were: the stock of the window is none, so is its turnover."""
    world = World()
    world.tell(changed(["all"], NOON, Counter.STOCK_CHANGE, 10), NOON)
    world.pass_until(NOON + HOUR + GRACE)
    world.tell(changed(["all"], NOON, Counter.STOCK_CHANGE, -10), NOON + HOUR + 2 * MINUTE)
    world.pass_until(NOON + HOUR + 4 * MINUTE)
    record = world.last("all", "1h", NOON)
    assert record is not None
    assert (record.figures, record.closed, record.revision) == ((), True, 1)


def test_windows_of_a_level_follow_each_other_without_a_gap_however_quiet_it_is() -> None:
    world = World()
    world.receive(NOON + 1, 100)
    world.sell(NOON + 2, 10)
    world.pass_until(NOON + 5 * HOUR + GRACE)
    starts = sorted(
        {each.from_ms for each in world.said if (each.subject, each.window, each.closed) == ("all", "1h", True)}
    )
    assert starts == [NOON + hour * HOUR for hour in range(5)]
    world.tell([("all", NOON + 5 * HOUR, Counter.STOCK_CHANGE, -90)], NOON + 5 * HOUR + GRACE)
    world.pass_until(NOON + 9 * DAY)
    assert (
        max(each.from_ms for each in world.said if each.subject == "all" and each.window == "1h") <= NOON + 6 * HOUR
    ), "no level, no window"


# -- long ago ----------------------------------------------------------------------------------------------------------

SHORT = msgspec.structs.replace(POLICY, windows=(Window("1h", HOUR, 3 * HOUR), Window("1d", DAY, 2 * DAY)))


def test_a_window_is_forgotten_when_nothing_was_counted_into_it_for_long_and_its_level_stays_right() -> None:
    world = World(SHORT)
    world.receive(MONDAY, 100)
    world.pass_until(NOON)
    kept = sorted(
        int(key[2]) for table, key in world.rows.rows if table == "score_windows" and key[:2] == ("all", "1h")
    )
    assert kept[0] >= NOON - 5 * HOUR
    assert len(kept) <= 6
    before = said_of(world, "all", "1h", MONDAY)
    world.tell(changed(["all"], MONDAY, Counter.STOCK_CHANGE, 50), NOON)
    world.pass_until(NOON + HOUR + GRACE)
    assert said_of(world, "all", "1h", MONDAY) == before, "too late to be counted there"
    assert said_of(world, "all", "1h", NOON)[-1].figures[0].denominator == 150 * 3_600
    assert said_of(world, "all", "1d", MONDAY)[-1].figures[0].denominator == 150 * (13 * 3_600 + 10), (
        "the day remembers"
    )


def test_a_year_that_is_caught_up_with_is_told_hour_by_hour_whatever_partition_comes_first() -> None:
    """Three partitions of a journal of 20 days, one after the other, all of it long ago."""
    world = World()
    now = MONDAY + 300 * DAY
    for part in range(3):
        for hour in range(part, 480, 7):
            at_ms = MONDAY + hour * HOUR
            world.tell([("all", at_ms, Counter.STOCK_CHANGE, 1), ("all", at_ms, Counter.UNITS_SOLD, 1)], now)
    world.pass_until(now + 10 * MINUTE)
    for hour in (0, 100, 201, 330, 479):
        stock = sum(1 for part in range(3) for each in range(part, hour + 1, 7))
        record = said_of(world, "all", "1h", MONDAY + hour * HOUR)[-1]
        assert record.closed
        assert record.figures[0].denominator == stock * 3_600, hour


def test_one_record_never_makes_more_work_than_so_many_windows() -> None:
    world = World()
    world.receive(MONDAY, 1)
    worst, passed = 0, MONDAY + 60 * DAY  # Nobody looked for two months.
    before = len(world.said)
    world.tell([("all", passed, Counter.UNITS_SOLD, 1)], passed)
    worst = max(worst, len(world.said) - before)
    assert worst <= 2 * MOST_WINDOWS
    world.pass_until(passed + 10 * MINUTE)
    assert len({each.from_ms for each in world.said if each.subject == "all" and each.window == "1h"}) >= 59 * 24


# -- the same as naive sums --------------------------------------------------------------------------------------------

POLICIES = ScorePolicy(
    windows=(Window("1h", HOUR, 90 * DAY), Window("6h", 6 * HOUR, 90 * DAY), Window("1d", DAY, 90 * DAY))
)
HAPPENED = st.lists(
    st.tuples(st.integers(0, 3 * DAY - 1), st.integers(-30, 60), st.integers(0, 9), st.integers(0, 6 * HOUR)),
    min_size=1,
    max_size=25,
)


def naive(happened: list[tuple[int, int, int, int]], start: int, length: int) -> dict[str, Fraction]:
    """KPIs of a window by walking over its seconds."""
    end = start + length
    stock = sum(change for at, change, _, _ in happened if MONDAY + at < start)
    inside = [(MONDAY + at, change, sold) for at, change, sold, _ in happened if start <= MONDAY + at < end]
    integral = stock * length // SECOND + sum(change * ((end - at + SECOND - 1) // SECOND) for at, change, _ in inside)
    sold = sum(sold for _, _, sold in inside)
    found: dict[str, Fraction] = {}
    if integral > 0:
        found["turnover"] = Fraction(sold * YEAR_SECONDS, integral)
    if sold:
        found["shrinkage_rate"] = found["oversell_rate"] = Fraction(0)
    return found


@settings(max_examples=40, deadline=None)
@given(HAPPENED, st.randoms(use_true_random=False))
def test_windows_have_the_figures_of_naive_sums_in_whatever_order_records_come(
    happened: list[tuple[int, int, int, int]], order: Random
) -> None:
    """Each record comes some hours after it happened, so many come late, and neighbours change places."""
    world = World(POLICIES)
    arrivals = sorted(
        (MONDAY + at + delay, order.random(), number) for number, (at, _, _, delay) in enumerate(happened)
    )
    for arrived_ms, _, number in arrivals:
        world.pass_until(arrived_ms)
        at, change, sold, _ = happened[number]
        increments: list[Increment] = [
            *changed(["all"], MONDAY + at, Counter.STOCK_CHANGE, change),
            *counted(["all"], MONDAY + at, Counter.UNITS_SOLD, sold),
        ]
        world.tell(increments, arrived_ms)
    world.pass_until(MONDAY + 4 * DAY)
    for window in POLICIES.windows:
        for start in range(MONDAY, MONDAY + 3 * DAY, window.length_ms):
            record = world.last("all", window.name, start)
            assert (values_of(record) if record is not None else {}) == naive(happened, start, window.length_ms)
            assert record is None or record.closed


@settings(max_examples=15, deadline=None)
@given(HAPPENED)
def test_the_same_log_says_the_same(happened: list[tuple[int, int, int, int]]) -> None:
    worlds = World(POLICIES), World(POLICIES)
    for world in worlds:
        for at, change, sold, delay in happened:
            world.tell(changed(["all", "location:X"], MONDAY + at, Counter.VALUE_CHANGE, change), MONDAY + at + delay)
            world.tell(counted(["all"], MONDAY + at, Counter.UNITS_SOLD, sold), MONDAY + at + delay)
        world.pass_until(MONDAY + 5 * DAY)
    assert worlds[0].said == worlds[1].said
    assert worlds[0].rows.rows == worlds[1].rows.rows


def test_a_spell_is_cut_at_the_hours_and_loses_no_second() -> None:
    cut = list(lasted(("all",), NOON + 1_500, NOON + 2 * HOUR + 400, Counter.PAUSED_SECONDS))
    assert [(slot - NOON) // HOUR for _, slot, _, _ in cut] == [0, 1]
    assert [seconds for _, _, _, seconds in cut] == [3_599, 3_600]


@pytest.mark.parametrize(
    ("subject", "slot_ms", "problem"),
    [
        ("all", MONDAY, None),
        ("location:LEEDS", MONDAY, None),
        ("planet:MARS", MONDAY, "no known dimension"),
        ("location:", MONDAY, "names no location"),
        ("all", MONDAY + 1, "no start of an hour"),
        ("all", -HOUR, "no start of an hour"),
    ],
)
def test_a_tally_that_means_nothing_is_malformed(subject: str, slot_ms: int, problem: str | None) -> None:
    tally = Tally(tally_id="t", source="s", subject=subject, slot_ms=slot_ms, counts=(Count(Counter.COUNTS, 1),))
    found = problem_of(tally)
    assert found is None if problem is None else problem in (found or "")

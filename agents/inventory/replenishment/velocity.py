"""Demand velocity: how many units a day are wanted, learned from what was sold while there was something to sell.

A day's demand is only seen in full when the shelf was filled all day. What is learned is therefore an error against the
part of the day that was seen: with exposure `w` (share of the day with stock) and sales `x`, the velocity moves by
`smoothing * (x - w * forecast)`. With `w = 1` this is the exponentially weighted moving average; with `w = 0` and no
sales nothing is learned. A day seen for less than an eighth only tells that at least `x` were wanted. Days of a
promotion are left out whole. All in thousandths of units; squares in millionths.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import isqrt

import msgspec

from agents.inventory.replenishment.rows import DAYS_OF_WEEK, Interest, Outlook, ReplenishmentPolicy, Span
from agents.inventory.replenishment.words import SignalKind
from agents.inventory.units import MILLISECONDS_PER_DAY, day_of, start_of

SCALE = 1_000
LEAST_EXPOSURE = 125
"""Thousandths of a day: less than this says nothing of the rest."""
MOST_IDLE_DAYS = 400
"""So many days without a record are rolled one by one; of the earlier ones nothing would be left."""
MONDAY = 3
"""1970-01-01 was a Thursday: what to add to a day so that Mondays come to 0."""


def weekday_of(day: int) -> int:
    """The weekday of a day, Monday = 0."""
    return (day + MONDAY) % DAYS_OF_WEEK


def begin(at_ms: int) -> Outlook:
    """The outlook of a SKU at a place that nothing is known of."""
    return Outlook(day=day_of(at_ms), changed_ms=at_ms, checked_day=day_of(at_ms))


def factor(row: Outlook, weekday: int, policy: ReplenishmentPolicy) -> int:
    """How much a weekday differs from the average one, in thousandths."""
    total, weeks = sum(row.weekdays), min(row.counted // DAYS_OF_WEEK, policy.season_most)
    if weeks < policy.season_weeks or total == 0:
        return SCALE
    seen = DAYS_OF_WEEK * SCALE * row.weekdays[weekday] // total
    return (weeks * seen + policy.season_doubt * SCALE) // (weeks + policy.season_doubt)


def forecast(row: Outlook, day: int, policy: ReplenishmentPolicy) -> int:
    """Expected demand of a day, in thousandths of units."""
    return row.level_thousandths * factor(row, weekday_of(day), policy) // SCALE


def deviation(row: Outlook) -> int:
    """Standard deviation of a day's demand around its forecast, in thousandths of units."""
    return isqrt(row.variance_millionths)


def roll(
    row: Outlook,
    at_ms: int,
    promotions: Sequence[Span],
    policy: ReplenishmentPolicy,
    ended: Callable[[Outlook], None] = lambda _row: None,
    *,
    sells: bool = True,
) -> Outlook:
    """The outlook as it is at a record time: every day that is over by then has been learned from, idle ones too.

    `ended` hears of each of them, as it is at its end and before anything is learned from it. `sells`: whether the place
    is open; behind a closed door there is nothing to sell.
    """
    today = day_of(at_ms)
    if today <= row.day:
        return pass_hours(row, at_ms, sells=sells)
    row = end_day(pass_hours(row, start_of(row.day + 1), sells=sells), promotions, policy, ended)
    first = max(row.day, today - MOST_IDLE_DAYS)
    row = msgspec.structs.replace(row, day=first, changed_ms=start_of(first))
    while row.day < today:
        row = end_day(pass_hours(row, start_of(row.day + 1), sells=sells), promotions, policy, ended)
    return pass_hours(row, at_ms, sells=sells)


def pass_hours(row: Outlook, at_ms: int, *, sells: bool = True) -> Outlook:
    """Time has passed within the day; it counts where there was something to sell."""
    if at_ms <= row.changed_ms:
        return row
    stocked_ms = row.stocked_ms + (at_ms - row.changed_ms if sells and row.unpromised > 0 else 0)
    return msgspec.structs.replace(row, changed_ms=at_ms, stocked_ms=stocked_ms)


def end_day(
    row: Outlook, promotions: Sequence[Span], policy: ReplenishmentPolicy, ended: Callable[[Outlook], None]
) -> Outlook:
    """Learn from the day, and begin the next."""
    if not any(span.first_day <= row.day <= span.last_day for span in promotions):
        ended(row)
        row = learn(row, policy)
    empty = exposure_of(row) == 0 and not row.sold and row.in_transit <= 0
    lost = row.lost_thousandths + (row.lost * SCALE - row.lost_thousandths) * policy.variance_smoothing // SCALE
    return msgspec.structs.replace(
        row,
        day=row.day + 1,
        stocked_ms=0,
        sold=0,
        lost=0,
        lost_thousandths=lost,
        empty_days=row.empty_days + 1 if empty else 0,
        interests=tuple([end_interest(each, row.day + 1) for each in row.interests]),
    )


def learn(row: Outlook, policy: ReplenishmentPolicy) -> Outlook:
    """What the day teaches about level, weekday and variance."""
    weekday = weekday_of(row.day)
    exposure = exposure_of(row)
    if exposure < LEAST_EXPOSURE and row.sold == 0:
        return row
    expected = forecast(row, row.day, policy)
    sold = without_outlier(row, expected, policy)
    error = error_of(sold, exposure, expected)
    pace = max(policy.smoothing, SCALE // (row.counted + 1))
    weekly_pace = max(policy.weekday_smoothing, SCALE // (row.counted // DAYS_OF_WEEK + 1))
    level = max(0, row.level_thousandths + error * pace // SCALE)
    mean = row.weekdays[weekday]
    mean = max(0, mean + error_of(sold, exposure, mean) * weekly_pace // SCALE)
    variance, counted = row.variance_millionths, row.counted
    if exposure >= LEAST_EXPOSURE:
        slow = max(policy.variance_smoothing, SCALE // (row.counted + 1))
        # The first day has no forecast to be wrong.
        squared = error * error if row.counted else 0
        variance = max(0, variance + (squared - exposure * variance // SCALE) * slow // SCALE)
        counted += 1
    return msgspec.structs.replace(
        row,
        level_thousandths=level,
        weekdays=(*row.weekdays[:weekday], mean, *row.weekdays[weekday + 1 :]),
        variance_millionths=variance,
        counted=counted,
    )


def exposure_of(row: Outlook) -> int:
    """Share of the day in which there was something to sell, in thousandths."""
    return row.stocked_ms * SCALE // MILLISECONDS_PER_DAY


def error_of(sold: int, exposure: int, expected: int) -> int:
    """Sales less what was to be expected of the part of the day that was seen; thousandths of units."""
    if exposure < LEAST_EXPOSURE:
        return max(0, sold - expected)
    return sold - exposure * expected // SCALE


def without_outlier(row: Outlook, expected: int, policy: ReplenishmentPolicy) -> int:
    """The day's sales in thousandths, cut where one order was far from everything before (winsorised)."""
    sold = row.sold * SCALE
    if policy.outlier_deviations == 0 or row.counted < policy.season_weeks * DAYS_OF_WEEK:
        return sold
    return min(sold, expected + policy.outlier_deviations * max(SCALE, deviation(row)))


# -- signals -----------------------------------------------------------------------------------------------------------

INTEREST_DAYS = 14
"""The usual number of searches is that of about so many days."""


def end_interest(interest: Interest, next_day: int) -> Interest:
    """A day is over: what was seen on it becomes part of the usual."""
    if interest.signal is SignalKind.COMPETITOR_PRICE:
        return interest
    days = min(interest.days + 1, INTEREST_DAYS)
    usual = interest.usual_thousandths + (interest.today * SCALE - interest.usual_thousandths) // days
    return msgspec.structs.replace(interest, day=next_day, today=0, usual_thousandths=usual, days=interest.days + 1)


def rise_of(interest: Interest, policy: ReplenishmentPolicy) -> int:
    """Today's signal against the usual one, in thousandths; 0 where too little is known or seen."""
    if interest.days < policy.rise_days or interest.today < policy.rise_least:
        return 0
    return interest.today * SCALE * SCALE // max(interest.usual_thousandths, SCALE)

"""Units of measure of the ledger: whole base units, epoch milliseconds, and nothing else.

A quantity is a whole number of the SKU's base unit (pieces, grams, millilitres). A time is epoch milliseconds,
UTC. Times around an absolute fact (a count) compare as whole seconds, see `second_of`.
"""

from __future__ import annotations

MILLISECONDS_PER_SECOND = 1_000
MILLISECONDS_PER_MINUTE = 60_000
MILLISECONDS_PER_HOUR = 3_600_000
MILLISECONDS_PER_DAY = 86_400_000


def second_of(time_ms: int) -> int:
    """The whole second that `time_ms` lies in."""
    return time_ms // MILLISECONDS_PER_SECOND


def day_of(time_ms: int) -> int:
    """The day of UTC that `time_ms` lies in, counted from 1970-01-01."""
    return time_ms // MILLISECONDS_PER_DAY


def start_of(day: int) -> int:
    """The first millisecond of a day."""
    return day * MILLISECONDS_PER_DAY


def day_of_date(text: str) -> int:
    """The day of a date `YYYY-MM-DD`, counted from 1970-01-01. Raises ValueError where there is no such day.

    By the Gregorian calendar; years begin in March here, so that the leap day comes last.
    """
    parts = text.split("-")
    if [len(part) for part in parts] != [4, 2, 2] or not all(part.isdigit() for part in parts):
        raise ValueError(f"{text!r} is no date: it is written YYYY-MM-DD")
    year, month, day = (int(part) for part in parts)
    if not 1 <= month <= 12 or not 1 <= day <= days_in_month(year, month):
        raise ValueError(f"there is no day {text}")
    return _day(year, month, day)


def date_of_day(day: int) -> str:
    """The date `YYYY-MM-DD` of a day counted from 1970-01-01."""
    year = 1970 + day // 366
    while _day(year + 1, 1, 1) <= day:
        year += 1
    month = 1
    while month < 12 and _day(year, month + 1, 1) <= day:
        month += 1
    return f"{year:04d}-{month:02d}-{day - _day(year, month, 1) + 1:02d}"


def moment_text(time_ms: int) -> str:
    """A time for people, to the minute, in UTC: `2026-01-05 10:15 UTC`."""
    minutes = time_ms // MILLISECONDS_PER_MINUTE
    return f"{date_of_day(day_of(time_ms))} {minutes // 60 % 24:02d}:{minutes % 60:02d} UTC"


def _day(year: int, month: int, day: int) -> int:
    years = year - 1 if month <= 2 else year
    days_before_month = (153 * ((month + 9) % 12) + 2) // 5
    return 365 * years + years // 4 - years // 100 + years // 400 + days_before_month + day - 1 - DAYS_TO_1970


DAYS_TO_1970 = 719_468
"""From 0000-03-01 to 1970-01-01."""


def days_in_month(year: int, month: int) -> int:
    """How many days the month has."""
    if month == 2:
        return 29 if year % 4 == 0 and (year % 100 != 0 or year % 400 == 0) else 28
    return 30 if month in {4, 6, 9, 11} else 31

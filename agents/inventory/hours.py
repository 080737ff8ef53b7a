"""When a place works: when what is claimed now leaves it, when that arrives, when shoppers may come.

Local time is UTC plus the offset that the reference of the place says. No time zone data is asked: it changes with the
machine, and a replay must not. When the clocks change, a LOCATION record says so.
"""

from __future__ import annotations

from agents.inventory.distances import zone_of
from agents.inventory.transactions import ChannelReference, Destination, LocationReference
from agents.inventory.units import (
    MILLISECONDS_PER_DAY,
    MILLISECONDS_PER_HOUR,
    MILLISECONDS_PER_MINUTE,
    date_of_day,
    day_of,
    start_of,
)

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
THURSDAY = 3
"""1970-01-01 was one."""
MOST_OFFSET_MINUTES = 14 * 60
MOST_DAYS_LATE = 365
"""More are no worse."""


def clock_ms(text: str) -> int:
    """Milliseconds after midnight of `HH:MM`. Raises ValueError where that is no time of the day."""
    hours, colon, minutes = text.partition(":")
    if not colon or [len(hours), len(minutes)] != [2, 2] or not (hours.isdecimal() and minutes.isdecimal()):
        raise ValueError(f"{text!r} is no time of the day: it is written HH:MM")
    if int(hours) > 23 or int(minutes) > 59:
        raise ValueError(f"there is no time {text}")
    return int(hours) * MILLISECONDS_PER_HOUR + int(minutes) * MILLISECONDS_PER_MINUTE


def local_ms(place: LocationReference, at_ms: int) -> int:
    """The local time of the place, counted like epoch milliseconds."""
    return at_ms + place.utc_offset_minutes * MILLISECONDS_PER_MINUTE


def is_among(days: tuple[str, ...], day: int) -> bool:
    """Whether a day counted from 1970-01-01 is one of these days of the week; none stands for all."""
    return not days or WEEKDAYS[(day + THURSDAY) % 7] in days


def sends_on(place: LocationReference, day: int) -> bool:
    """Whether parcels leave the place on a local day, counted from 1970-01-01."""
    return is_among(place.working_days, day) and not is_holiday(place, day)


def opens_on(place: LocationReference, day: int) -> bool:
    """Whether shoppers may come on a local day, counted from 1970-01-01."""
    return is_among(place.opening_days, day) and not is_holiday(place, day)


def is_holiday(place: LocationReference, day: int) -> bool:
    """Whether nobody works at the place on a local day."""
    return bool(place.holidays) and date_of_day(day) in place.holidays


def dispatch_ms(place: LocationReference | None, channel: ChannelReference | None, at_ms: int) -> int:
    """When what is claimed at `at_ms` leaves the place: after handling, with the next carrier on a working day.

    The handling time is that of the place, or where it says none that of the channel.
    """
    handling_ms = None if place is None else place.handling_time_ms
    if handling_ms is None:
        handling_ms = 0 if channel is None else channel.handling_time_ms or 0
    if place is None:
        return at_ms + handling_ms
    ready_ms = local_ms(place, at_ms + handling_ms)
    day = day_of(ready_ms)
    if place.cut_off is not None and ready_ms - start_of(day) > clock_ms(place.cut_off):
        day += 1
    while not sends_on(place, day):
        day += 1
    leaves_ms = max(ready_ms, start_of(day)) if place.cut_off is None else start_of(day) + clock_ms(place.cut_off)
    return leaves_ms - place.utc_offset_minutes * MILLISECONDS_PER_MINUTE


def arrival_ms(
    place: LocationReference | None, channel: ChannelReference | None, destination: Destination | None, at_ms: int
) -> int:
    """When what is claimed at `at_ms` arrives: the days on the way are those of the zone, all days of the week alike."""
    zone = zone_of(place, destination)
    return dispatch_ms(place, channel, at_ms) + (0 if zone is None else zone.days * MILLISECONDS_PER_DAY)


def days_late(arrives_ms: int, promise_by_ms: int) -> int:
    """Days after the promise, each begun one counts; 0 where it is kept."""
    return min(MOST_DAYS_LATE, max(0, -((promise_by_ms - arrives_ms) // MILLISECONDS_PER_DAY)))


def dispatch_date(place: LocationReference | None, channel: ChannelReference | None, at_ms: int) -> str:
    """The local day, `YYYY-MM-DD`, whose capacity a claim of `at_ms` takes."""
    leaves_ms = dispatch_ms(place, channel, at_ms)
    return date_of_day(day_of(leaves_ms if place is None else local_ms(place, leaves_ms)))


def has_hours(place: LocationReference) -> bool:
    """Whether shoppers may not come at any time."""
    return bool(place.opening_days or place.holidays) or place.opens_at is not None or place.closes_at is not None


def collected_by_ms(place: LocationReference | None, ready_ms: int, window_ms: int) -> int:
    """Until when what is ready at `ready_ms` may be collected: for the window, and never in front of a closed door.

    The window runs from the first moment at which shoppers may come, and where it ends they have until the place closes on
    that day, or on the next on which it opens.
    """
    if place is None or not has_hours(place):
        return ready_ms + window_ms
    return next_close_ms(place, next_open_ms(place, ready_ms) + window_ms)


def next_close_ms(place: LocationReference, at_ms: int) -> int:
    """When the place closes on the day of the first moment from `at_ms` on at which shoppers may come."""
    day = day_of(local_ms(place, next_open_ms(place, at_ms)))
    closes_ms = MILLISECONDS_PER_DAY if place.closes_at is None else clock_ms(place.closes_at)
    return start_of(day) + closes_ms - place.utc_offset_minutes * MILLISECONDS_PER_MINUTE


def next_open_ms(place: LocationReference, at_ms: int) -> int:
    """The first moment from `at_ms` on at which shoppers may come."""
    now_ms = local_ms(place, at_ms)
    opens_ms = 0 if place.opens_at is None else clock_ms(place.opens_at)
    closes_ms = MILLISECONDS_PER_DAY if place.closes_at is None else clock_ms(place.closes_at)
    day = day_of(now_ms)
    if opens_on(place, day) and now_ms < start_of(day) + closes_ms:
        found_ms = max(now_ms, start_of(day) + opens_ms)
    else:
        day += 1
        while not opens_on(place, day):
            day += 1
        found_ms = start_of(day) + opens_ms
    return found_ms - place.utc_offset_minutes * MILLISECONDS_PER_MINUTE

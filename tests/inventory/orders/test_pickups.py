"""Orders that are collected in a store: how long they wait there."""

from __future__ import annotations

import pytest

from agents.inventory.channels import Method
from agents.inventory.hours import collected_by_ms
from agents.inventory.orders.rows import OrderPolicy, Stage
from agents.inventory.orders.words import OrderKind
from agents.inventory.transactions import Kind, LocationReference
from agents.inventory.units import MILLISECONDS_PER_DAY as DAY_MS
from agents.inventory.units import MILLISECONDS_PER_HOUR as HOUR_MS
from agents.inventory.units import MILLISECONDS_PER_MINUTE as MINUTE_MS
from agents.inventory.units import day_of_date, start_of
from tests.inventory.orders.world import World

MONDAY_MS = start_of(day_of_date("2026-01-05"))
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat")
STORE = LocationReference("LEEDS", "store", opening_days=WEEKDAYS, opens_at="09:00", closes_at="18:00", pickup=True)


def hours(days: int, hour: float) -> int:
    """A moment of the week that begins on Monday, 5 January 2026."""
    return MONDAY_MS + days * DAY_MS + int(hour * HOUR_MS)


@pytest.mark.parametrize(
    ("ready_ms", "window_ms", "by_ms"),
    [
        (hours(0, 10), 2 * DAY_MS, hours(2, 18)),  # ends at 10:00 on Wednesday: they have until it closes
        (hours(0, 21), DAY_MS, hours(2, 18)),  # ready in the evening: the window runs from Tuesday, 09:00
        (hours(0, 3), HOUR_MS, hours(0, 18)),
        (hours(3, 20), 2 * DAY_MS, hours(7, 18)),  # from Friday on; ends on Sunday: until it closes on Monday
        (hours(5, 17.5), 2 * HOUR_MS, hours(7, 18)),  # ends at 19:30 on Saturday
    ],
)
def test_a_pickup_window_ends_when_the_store_closes(ready_ms: int, window_ms: int, by_ms: int) -> None:
    assert collected_by_ms(STORE, ready_ms, window_ms) == by_ms


def test_a_holiday_and_the_offset_of_the_store_count() -> None:
    closed = LocationReference("NEW YORK", closes_at="18:00", holidays=("2026-01-06",), utc_offset_minutes=-300)
    assert collected_by_ms(closed, hours(0, 20), DAY_MS) == hours(2, 23)


def test_where_nothing_is_said_of_opening_the_window_ends_to_the_minute() -> None:
    assert collected_by_ms(None, hours(0, 3), DAY_MS) == hours(1, 3)
    assert collected_by_ms(LocationReference("LEEDS"), hours(0, 3), DAY_MS) == hours(1, 3)


def test_what_is_not_collected_goes_back_to_stock_when_the_store_has_closed_and_not_at_night() -> None:
    world = World(1, OrderPolicy(pickup_window_ms=DAY_MS))
    world.refer(STORE)
    world.fact(Kind.RECEIPT, "SHOE", "LEEDS", 5)
    world.run()
    world.pass_time(hours(0, 20) - world.now_ms)
    world.place("o1", {1: ("SHOE", 2)}, paid=True, method=Method.PICKUP, pickup_location="LEEDS")
    world.run()
    world.tell(OrderKind.READY, "o1")
    world.run()
    world.pass_time(hours(2, 9) - world.now_ms)
    assert world.stage("o1") is Stage.CONFIRMED, "ready on Monday at 20:00: a day from Tuesday, 09:00, on"
    world.pass_time(hours(2, 18) - MINUTE_MS - world.now_ms)
    assert world.stage("o1") is Stage.CONFIRMED
    world.pass_time(2 * MINUTE_MS)
    assert world.stage("o1") is Stage.CANCELLED
    assert world.routings[-1].reason == "uncollected"
    assert not world.claims_of("o1")

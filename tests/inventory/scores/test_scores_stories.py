"""A story for each KPI, with the figures worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import msgspec
import pytest

from agents.inventory.campaigns.words import CommandKind
from agents.inventory.channels import Method
from agents.inventory.offers import State
from agents.inventory.orders.words import RoutingType
from agents.inventory.postings import Account
from agents.inventory.replenishment.rows import DayEnded
from agents.inventory.scores.forecasts import score_day
from agents.inventory.scores.kpis import KPIS
from agents.inventory.transactions import Item, Kind
from agents.inventory.units import day_of
from tests.inventory.scores.world import DAY, HOUR, MINUTE, MONDAY, POLICY, TUESDAY, World

NOON = MONDAY + 12 * HOUR
Story = Callable[[World], "dict[str, Fraction | None]"]
"""Tells a Monday; answers what is to be seen of it: subject -> value."""


def turnover(world: World) -> dict[str, Fraction | None]:
    """100 units until noon, 40 sold then: 80 on average, and 40 of them in a day are 182.5 times 80 in a year."""
    world.receive(MONDAY, 100)
    world.sell(NOON, 40, channel="web")
    turns = Fraction(40 * 365, 80)
    return {"all": turns, "location:LEEDS": turns, "class:C": turns, "channel:web": None, "location:YORK": None}


def turnover_at_cost(world: World) -> dict[str, Fraction | None]:
    """10 shoes of 50.00 and 100 laces of 1.00, worth 600.00. One shoe is sold in the evening: 50.00 of 587.50."""
    world.item(MONDAY, Item(unit_cost=5_000))
    world.item(MONDAY, Item(unit_cost=100), sku="LACE")
    world.receive(MONDAY, 10)
    world.receive(MONDAY, 100, sku="LACE")
    world.sell(MONDAY + 18 * HOUR, 1)
    return {"all": Fraction(5_000 * 365 * 4, 4 * 60_000 - 5_000)}


def shrinkage_rate(world: World) -> dict[str, Fraction | None]:
    """3 missing at a count, 1 of them found, 2 stolen elsewhere; 20 sold. A first count finds no shrinkage."""
    world.count(MONDAY, 100)
    world.sell(MONDAY + HOUR, 15)
    world.count(MONDAY + 2 * HOUR, -3)
    world.journal(MONDAY + 3 * HOUR, Kind.ADJUST, (Account.FOUND, "LEEDS", -1), (Account.UNPROMISED, "LEEDS", 1))
    world.receive(MONDAY, 50, "YORK")
    world.sell(MONDAY + HOUR, 5, "YORK")
    world.journal(NOON, Kind.ADJUST, (Account.UNPROMISED, "YORK", -2), (Account.SHRINKAGE, "YORK", 2))
    world.journal(NOON, Kind.ADJUST, (Account.UNPROMISED, "YORK", -9), (Account.SCRAP, "YORK", 9), reason="damage")
    return {"all": Fraction(4, 20), "location:LEEDS": Fraction(2, 15), "location:YORK": Fraction(2, 5)}


def stock_accuracy(world: World) -> dict[str, Fraction | None]:
    """Of four counts of a place with 1,000 units the first is none yet; 10 off is within one per cent, 11 are not."""
    world.count(MONDAY, 1_000)
    world.count(MONDAY + HOUR, 0)
    world.count(MONDAY + 2 * HOUR, -10)
    world.count(MONDAY + 3 * HOUR, 11)
    return {"all": Fraction(2, 3), "location:LEEDS": Fraction(2, 3)}


def fill_rate(world: World) -> dict[str, Fraction | None]:
    """10 ordered: 6 had at once, 2 elsewhere at once, 2 backordered. That 3 are rerouted and 2 covered later is no matter."""
    world.routing(NOON, RoutingType.ALLOCATED, 6, 10, to_location="LEEDS")
    world.routing(NOON + 1, RoutingType.BACKORDERED, 2, 10)
    world.routing(NOON + 2, RoutingType.REROUTED, 2, 10, to_location="YORK", reason="yielded")
    world.routing(NOON + 3, RoutingType.REROUTED, 3, 10, from_location="LEEDS", to_location="YORK")
    world.routing(NOON + 4, RoutingType.COVERED, 2, 10)
    return {"all": Fraction(8, 10), "channel:web": Fraction(8, 10)}


def oversell_rate(world: World) -> dict[str, Fraction | None]:
    """A count took 3 promised units away; 60 were sold, 20 of them on the web."""
    world.receive(MONDAY, 100)
    world.sell(MONDAY + HOUR, 40, channel="pos")
    world.sell(MONDAY + HOUR, 20, channel="web")
    world.count(NOON, -40, oversold=3)
    return {"all": Fraction(3, 60), "location:LEEDS": Fraction(3, 60), "channel:web": Fraction(0)}


def order_accuracy(world: World) -> dict[str, Fraction | None]:
    """Four lines: shipped in two parts; one unit given up, the rest shipped; one unit nowhere to be had; cancelled as a
    whole, which is no line that was served.
    """
    world.routing(NOON, RoutingType.SHIPPED, 1, 3)
    world.routing(NOON + 1, RoutingType.SHIPPED, 2, 3)
    world.routing(NOON, RoutingType.CANCELLED, 1, 2, line=2)
    world.routing(NOON, RoutingType.SHIPPED, 1, 2, line=2)
    world.routing(NOON, RoutingType.UNFILLABLE, 1, 2, line=3)
    world.routing(NOON, RoutingType.SHIPPED, 1, 2, line=3)
    world.routing(NOON, RoutingType.CANCELLED, 5, 5, line=4)
    return {"all": Fraction(2, 3), "channel:web": Fraction(2, 3)}


def fulfilment_time(world: World) -> dict[str, Fraction | None]:
    """One line took an hour, one four hours until its last unit: two and a half on average."""
    world.routing(MONDAY + HOUR, RoutingType.SHIPPED, 2, 2)
    world.routing(MONDAY + 2 * HOUR, RoutingType.SHIPPED, 1, 2, line=2)
    world.routing(MONDAY + 5 * HOUR, RoutingType.SHIPPED, 1, 2, line=2, placed_at_ms=MONDAY + HOUR)
    return {"all": Fraction(9_000), "channel:web": Fraction(9_000)}


def availability(world: World) -> dict[str, Fraction | None]:
    """SHOE in stock all day, and for pickup, too. HAT from 06:00, out from noon to 18:00: 24 + 12 of 24 + 18 hours."""
    world.edge(MONDAY, "SHOE", State.IN_STOCK)
    world.edge(MONDAY, "SHOE", State.IN_STOCK, Method.PICKUP)
    world.edge(MONDAY + 6 * HOUR, "HAT", State.LOW)
    world.edge(MONDAY + 7 * HOUR, "HAT", State.OUT, region="north")
    world.edge(NOON, "HAT", State.OUT)
    world.edge(NOON, "SHOE", State.OUT, Method.PICKUP)
    world.edge(MONDAY + 18 * HOUR, "HAT", State.IN_STOCK)
    return {"all": Fraction(36, 42), "channel:web": Fraction(36, 42), "channel:shop": None}


def carrying_cost(world: World) -> dict[str, Fraction | None]:
    """730 units of 10.00 all day, at 25 % a year: 7,300.00 x 0.25 / 365 = 5.00. Half a day in York: 2.50 for as many."""
    world.item(MONDAY, Item(unit_cost=1_000))
    world.receive(MONDAY, 730)
    world.receive(NOON, 730, "YORK")
    world.receive(MONDAY, 99, sku="NO-COST")
    return {"all": Fraction(750), "location:LEEDS": Fraction(500), "location:YORK": Fraction(250)}


def days(world: World) -> None:
    """8 a day were expected in Leeds: 6 sold all day; 4 in York, where the shelf was empty for three quarters of the day. A first day has no forecast."""
    day = day_of(MONDAY)
    for place, exposure, sold in (("LEEDS", 1_000, 6), ("YORK", 250, 4)):
        ended = DayEnded(
            location=place, day=day, forecast_thousandths=8_000, exposure=exposure, sold=sold, counted=30
        )  # fmt: skip
        world.tell(score_day(ended), TUESDAY)
    world.tell(score_day(msgspec.structs.replace(ended, counted=0)), TUESDAY)


def lost_sales(world: World) -> dict[str, Fraction | None]:
    """8 a day expected; nothing to sell in York for three quarters of the day: 6 missed."""
    days(world)
    return {"all": Fraction(6), "location:YORK": Fraction(6), "location:LEEDS": None}


def forecast_error(world: World) -> dict[str, Fraction | None]:
    """Leeds: 8 expected, 6 sold. York: 2 expected of the quarter of the day with stock, 4 sold. Off by 4, of 10 sold."""
    days(world)
    return {"all": Fraction(4, 10), "location:LEEDS": Fraction(2, 6), "location:YORK": Fraction(2, 4)}


def forecast_bias(world: World) -> dict[str, Fraction | None]:
    """The two errors of forecast_error cancel each other."""
    days(world)
    return {"all": Fraction(0), "location:LEEDS": Fraction(2, 6), "location:YORK": Fraction(-2, 4)}


def wasted_ad_time_avoided(world: World) -> dict[str, Fraction | None]:
    """Paused from Sunday 23:00 to Monday 02:30: two and a half hours of Monday. A pause that does not end is none."""
    world.command(MONDAY - HOUR, CommandKind.PAUSE)
    world.command(MONDAY + HOUR, CommandKind.PAUSE, attempt=2)
    world.command(MONDAY + HOUR, CommandKind.PAUSE, "winter")
    world.command(MONDAY + 2 * HOUR + 30 * MINUTE, CommandKind.RESUME)
    return {"all": Fraction(9_000), "platform:meta": Fraction(9_000)}


STORIES: dict[str, Story] = {
    story.__name__: story
    for story in (
        turnover, turnover_at_cost, shrinkage_rate, stock_accuracy, fill_rate, oversell_rate, order_accuracy,
        fulfilment_time, availability, carrying_cost, lost_sales, forecast_error, forecast_bias, wasted_ad_time_avoided,
    )
}  # fmt: skip


@pytest.mark.parametrize("name", STORIES)
def test_a_kpi_is_what_its_story_works_out_by_hand(name: str) -> None:
    world = World()
    expected = STORIES[name](world)
    world.pass_until(TUESDAY + MINUTE)
    assert {subject: world.kpi(name, subject) for subject in expected} == expected
    record = world.last("all", "1d", MONDAY)
    assert record is not None
    assert (record.closed, record.revision, record.as_of_ms) == (True, 0, TUESDAY)


def test_every_kpi_has_a_story() -> None:
    assert [kpi.name for kpi in KPIS] == list(STORIES)


def test_holds_that_come_and_go_cost_nothing() -> None:
    world = World()
    world.receive(MONDAY, 10)
    before = dict(world.rows.rows)
    world.journal(NOON, Kind.RESERVE, (Account.UNPROMISED, "LEEDS", -4), (Account.RESERVED, "LEEDS", 4), channel="web")
    world.journal(NOON, Kind.EXPIRE, (Account.RESERVED, "LEEDS", -4), (Account.UNPROMISED, "LEEDS", 4))
    assert world.rows.rows == before


def test_shipments_of_a_day_are_no_stock() -> None:
    world = World()
    world.receive(MONDAY, 40, sku="capacity:LEEDS:2026-01-05")
    assert world.rows.rows == {}


def test_what_is_not_tracked_is_sold_but_never_in_stock() -> None:
    world = World()
    world.item(MONDAY, Item(tracked=False, unit_cost=100))
    world.sell(NOON, 5)
    world.count(NOON, -2, oversold=1)
    world.pass_until(TUESDAY + MINUTE)
    assert world.kpi("turnover") is None
    assert world.kpi("carrying_cost") is None
    assert world.kpi("oversell_rate") == Fraction(1, 5)
    assert world.kpi("shrinkage_rate") == 0


def test_units_that_come_back_are_in_stock_again_and_stay_sold() -> None:
    world = World()
    world.receive(MONDAY, 10)
    world.sell(MONDAY, 10)
    world.journal(NOON, Kind.RETURN, (Account.CUSTOMER, "LEEDS", -10), (Account.QUARANTINED, "LEEDS", 10))
    world.pass_until(TUESDAY + MINUTE)
    assert world.kpi("turnover") == 10 * 365 / Fraction(10, 2)


def test_a_sku_that_sells_better_takes_its_stock_to_another_class() -> None:
    """Two units a day make class B from the next day on; then 20 a day, of which a tenth counts each day, class A."""
    world = World()
    world.receive(MONDAY, 1_000)
    world.sell(NOON, 2)
    world.sell(TUESDAY + 12 * HOUR, 1)
    world.pass_until(TUESDAY + DAY + MINUTE)
    half = 998 * 12 * 3_600
    levels = {name: world.rows.row("score_subjects", (f"class:{name}",)).levels for name in ("B", "C")}
    assert (levels["B"]["stock_change"], levels["C"]["stock_change"]) == (997, 0)
    in_c, in_b = world.last("class:C", "1d", TUESDAY), world.last("class:B", "1d", TUESDAY)
    assert in_c is None or not in_c.figures or in_c.figures[0].denominator == half
    assert in_b is not None
    assert in_b.figures[0].denominator == 997 * 12 * 3_600


def test_classes_may_be_the_categories_of_items() -> None:
    world = World(msgspec.structs.replace(POLICY, classes="category"))
    world.receive(MONDAY, 10)
    world.item(NOON, Item(category="shoes"))
    world.item(NOON, Item(category="boots"))
    world.sell(NOON, 5)
    world.pass_until(TUESDAY + MINUTE)
    assert world.kpi("turnover", "class:boots") == 5 * 365 / Fraction(5, 2)
    assert world.kpi("turnover", "class:none") == 0
    assert world.kpi("turnover", "class:shoes") is None


def test_another_cost_counts_from_then_on() -> None:
    world = World()
    world.receive(MONDAY, 365)
    world.item(NOON, Item(unit_cost=800))
    world.item(MONDAY + 18 * HOUR, Item(unit_cost=1_600))
    world.pass_until(TUESDAY + MINUTE)
    assert world.kpi("carrying_cost") == Fraction(800 + 1_600, 4) * Fraction(1, 4)
    assert world.kpi("carrying_cost", "location:LEEDS") == world.kpi("carrying_cost", "class:C") == 150

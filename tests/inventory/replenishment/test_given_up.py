"""A shelf that stays empty: its sales are missed for a while, and then nobody looks for the goods there any more."""

from __future__ import annotations

from agents.inventory.postings import Account
from agents.inventory.replenishment.rows import ReplenishmentPolicy
from agents.inventory.transactions import Kind
from tests.inventory.replenishment.world import World, pair

PATIENCE_DAYS = ReplenishmentPolicy().missed_days


def sold_out(units: int = 5) -> World:
    """Two weeks of steady sales; the last of them, at noon, empties the shelf."""
    world = World()
    world.receive(14 * units)
    world.trade(14, units)
    world.days.clear()
    return world


def missed(world: World) -> int:
    """Whole days that count as missed sales."""
    return sum(1 for day in world.days if day.exposure == 0 and day.forecast_thousandths > 0)


def test_the_shipped_patience_is_four_weeks() -> None:
    assert PATIENCE_DAYS == 28


def test_an_empty_shelf_is_missed_so_many_days_and_no_day_longer() -> None:
    world = sold_out()
    world.pass_hours(24 * PATIENCE_DAYS)
    assert missed(world) == PATIENCE_DAYS
    world.pass_hours(24 * 300)
    assert missed(world) == PATIENCE_DAYS


def test_what_is_on_its_way_is_missed_until_it_is_there() -> None:
    world = sold_out()
    world.pass_hours(24 * 10)
    world.moved(Kind.INBOUND, *pair("LEEDS", Account.SUPPLIER, Account.IN_TRANSIT, 50))
    world.pass_hours(24 * 90)
    assert missed(world) == 100
    world.moved(Kind.ADJUST, *pair("LEEDS", Account.IN_TRANSIT, Account.SHRINKAGE, 50))
    world.pass_hours(24 * 90)
    assert missed(world) == 100 + PATIENCE_DAYS, "it never came: the wait begins anew"


def test_goods_that_take_long_to_come_are_missed_until_they_are_overdue() -> None:
    world = sold_out()
    world.agree(lead_time_days=60)
    world.pass_hours(24 * 200)
    assert missed(world) == 60 + world.policy.overdue_days


def test_goods_that_come_back_are_wanted_as_before_and_missed_again() -> None:
    world = sold_out()
    world.pass_hours(24 * 200)
    before = world.at().level_thousandths
    assert before > 0, "what was wanted is not forgotten"
    world.days.clear()
    world.receive(5)
    world.trade(1, 5)
    world.pass_hours(24 * 200)
    assert missed(world) == PATIENCE_DAYS


def test_what_sells_without_lying_on_the_shelf_is_not_given_up() -> None:
    world = sold_out()
    for _ in range(60):  # A marketplace sells what is not there yet.
        world.trade(1, 5)
    assert world.at().empty_days == 0
    assert len(world.days) == 60


def test_nobody_waits_when_the_policy_has_no_patience() -> None:
    world = sold_out()
    world.policy = ReplenishmentPolicy(missed_days=0, overdue_days=0)
    world.agree(lead_time_days=0)
    world.pass_hours(24 * 30)
    assert missed(world) == 0

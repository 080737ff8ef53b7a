"""Places change while it runs: a place that closes is supplied no more, and one that opens again as if nothing had been."""

from __future__ import annotations

import msgspec

from agents.inventory.replenishment.rows import ReplenishmentPolicy, Seed
from agents.inventory.replenishment.words import DemandKind, InsightType, SignalKind, Supplier, Terms, Whereabouts
from tests.inventory.replenishment.world import World, near

LEEDS, YORK = near("LEEDS", "YORK").values()


def world_of_two(policy: ReplenishmentPolicy | None = None) -> World:
    """Two places near each other, by record; two weeks of sales at both, and far more in York than it needs."""
    world = World(policy)
    for place in (LEEDS, YORK):
        situate(world, place)
    world.receive(900, "YORK")
    world.receive(150, "LEEDS")
    for _ in range(14):
        world.pass_hours(12)
        world.sell(5, "LEEDS")
        world.sell(1, "YORK")
        world.pass_hours(12)
    assert not world.transfers
    assert not world.requests
    return world


def situate(world: World, place: Whereabouts, *, open_: bool = True) -> None:
    world.tell(DemandKind.PLACE, "", place=msgspec.structs.replace(place, open=open_))


def test_what_runs_out_at_a_closed_place_is_neither_ordered_nor_brought_there() -> None:
    world = world_of_two()
    situate(world, LEEDS, open_=False)
    world.sell(75, "LEEDS")
    world.pass_hours(24 * 10)
    assert (world.transfers, world.requests) == ([], [])
    situate(world, LEEDS)
    world.pass_hours(24)
    assert [each.to_location for each in world.transfers] == ["LEEDS"]


def test_what_lies_at_a_closed_place_may_go_where_it_is_wanted() -> None:
    world = world_of_two()
    situate(world, YORK, open_=False)
    world.sell(75, "LEEDS")
    assert [(each.location, each.to_location) for each in world.transfers] == [("YORK", "LEEDS")]


def test_days_behind_a_closed_door_teach_nothing_and_nothing_is_missed_on_them() -> None:
    world = world_of_two()
    before, days = world.at("LEEDS"), len(world.days)
    situate(world, LEEDS, open_=False)
    world.pass_hours(24 * 40)
    assert world.at("LEEDS").level_thousandths == before.level_thousandths
    assert [day for day in world.days[days:] if day.location == "LEEDS"] == []
    situate(world, LEEDS)
    world.trade(1, 5)
    assert world.at("LEEDS").level_thousandths == before.level_thousandths == 5_000


def test_a_closed_place_is_not_advertised_and_its_units_are_no_cover() -> None:
    world = world_of_two()
    world.tell(DemandKind.WATCHED, campaign="summer")
    open_cover = world.covers[-1].cover_days
    for _ in range(8):
        world.see(SignalKind.SEARCH, 20)
        world.pass_hours(24)
    situate(world, LEEDS, open_=False)
    situate(world, YORK, open_=False)
    world.sell(70, "LEEDS")
    world.see(SignalKind.SEARCH, 90)
    world.pass_hours(24)
    assert not [each for each in world.insights if each.type is InsightType.LOW_WHILE_DEMAND_RISES]
    assert open_cover > world.covers[-1].cover_days == 0


def test_a_supplier_that_takes_longer_from_now_on_raises_the_reorder_point_of_what_it_supplies() -> None:
    world = World()
    world.receive(1_000)
    world.trade(10, 5)
    world.agree(supplier="ACME")
    world.sell(990 - 50 - 60)
    assert world.requests == [], "sixty last twelve days, and ACME takes seven"
    world.tell(DemandKind.SUPPLIER, "", supplier=Supplier("ACME", 20))
    world.pass_hours(24)
    [request] = world.requests
    assert (request.supplier, request.figures.lead_time_days) == ("ACME", 20)


def test_goods_that_become_of_another_kind_are_supplied_as_that_kind() -> None:
    seeds = (Seed(terms=Terms(supplier="FAR", lead_time_days=40), category="imported"), Seed(terms=Terms()))
    world = World(ReplenishmentPolicy(seeds=seeds))
    world.receive(1_000)
    world.trade(10, 5)
    world.sell(990 - 50 - 60)
    assert world.requests == []
    world.tell(DemandKind.ITEM, category="imported")
    [request] = world.requests
    assert (request.supplier, request.figures.lead_time_days) == ("FAR", 40)

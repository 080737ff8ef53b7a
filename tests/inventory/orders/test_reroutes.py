"""Why a line of a confirmed order moves, and where to: every cause, told by router and ledger together."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from agents.inventory.orders.rows import Stage
from agents.inventory.orders.words import OrderKind, Routing, RoutingType
from agents.inventory.transactions import (
    Destination,
    Kind,
    LocationReference,
    PolicySettings,
    Transaction,
    Zone,
)
from agents.inventory.units import MILLISECONDS_PER_DAY
from tests.inventory.orders.world import World

SEEDS = range(4)
LOT = "L1"


@pytest.fixture(params=SEEDS)
def world(request: pytest.FixtureRequest) -> World:
    """Nothing yet; the seed orders what happens."""
    return World(request.param)


def an_order(world: World, **stock: int) -> None:
    """Four shoes, confirmed at LEEDS, which has most when it is placed; the other places get theirs afterwards."""
    world.fact(Kind.RECEIPT, "SHOE", "LEEDS", 4, lot=LOT, expires_on="2026-03-01")
    world.run()
    world.place("o1", {1: ("SHOE", 4)}, paid=True)
    world.run()
    for place, units in stock.items():
        world.fact(Kind.RECEIPT, "SHOE", place, units)
    world.run()
    assert places(world) == {"LEEDS": 4}
    world.routings.clear()


def places(world: World) -> dict[str, int]:
    """Where the order's firm units are."""
    found: dict[str, int] = {}
    for line in world.book.orders["o1"].lines:
        for part in line.parts:
            for place in part.allocated:
                found[place.location] = found.get(place.location, 0) + place.quantity
    return found


def rule(world: World, **settings: object) -> None:
    setting = PolicySettings(rule="r", **settings)  # type: ignore[arg-type]
    world.publish(Transaction(transaction_id=world.number(), source="ops", kind=Kind.POLICY, policy=setting))
    world.run()


def close_leeds(world: World) -> None:
    reference = LocationReference("LEEDS", open=False)
    world.publish(
        Transaction(transaction_id=world.number(), source="ops", kind=Kind.LOCATION, location_reference=reference)
    )


def block_the_lot(world: World) -> None:
    world.publish(
        Transaction(
            transaction_id=world.number(),
            source="wms",
            kind=Kind.QUARANTINE,
            sku="SHOE",
            lot=LOT,
            occurred_at_ms=world.now_ms,
        )
    )


CAUSES: dict[str, Callable[[World], object]] = {
    "sale": lambda world: world.fact(Kind.SALE, "SHOE", "LEEDS", 4),
    "damage": lambda world: world.fact(Kind.ADJUST, "SHOE", "LEEDS", -4, reason="damage"),
    "count": lambda world: world.fact(Kind.COUNT, "SHOE", "LEEDS", 0),
    "short_pick": lambda world: world.tell(OrderKind.PICKED_SHORT, "o1", line=1, location="LEEDS", quantity=0),
    "location_closed": close_leeds,
    "lot_blocked": block_the_lot,
    "lot_expired": lambda world: world.pass_time(60 * MILLISECONDS_PER_DAY),
}


def what_happened(world: World, cause: str) -> list[Routing]:
    """What was said of the line since the cause."""
    CAUSES[cause](world)
    world.run()
    world.agree()
    return [routing for routing in world.routings if routing.type is not RoutingType.SLA_AT_RISK]


@pytest.mark.parametrize("cause", CAUSES)
def test_the_line_moves_to_the_next_best_place_and_both_places_and_the_reason_are_said(
    world: World, cause: str
) -> None:
    an_order(world, YORK=9, HULL=5)
    said = what_happened(world, cause)
    assert [routing.type for routing in said] == [RoutingType.REROUTED]
    (moved,) = said
    assert (moved.from_location, moved.to_location, moved.reason, moved.quantity) == ("LEEDS", "YORK", cause, 4)
    assert places(world) == {"YORK": 4}


@pytest.mark.parametrize("cause", CAUSES)
def test_the_line_is_split_where_no_place_has_all_of_it(world: World, cause: str) -> None:
    an_order(world, YORK=3, HULL=2)
    said = what_happened(world, cause)
    assert places(world) == {"YORK": 3, "HULL": 1}
    assert {routing.type for routing in said} <= {RoutingType.REROUTED, RoutingType.SPLIT}
    assert {routing.from_location for routing in said} == {"LEEDS"}
    assert {routing.reason for routing in said} == {cause}


@pytest.mark.parametrize("cause", CAUSES)
def test_the_line_waits_where_policy_lets_it(world: World, cause: str) -> None:
    rule(world, backorder="unlimited")
    an_order(world)
    said = what_happened(world, cause)
    assert said[-1].type is RoutingType.BACKORDERED
    assert said[-1].reason == cause
    world.fact(Kind.RECEIPT, "SHOE", "YORK", 9)
    world.run()
    assert world.routings[-1].type in {RoutingType.COVERED, RoutingType.ALLOCATED}
    assert places(world) == {"YORK": 4}


@pytest.mark.parametrize("cause", CAUSES)
def test_the_line_is_unfillable_where_nobody_has_it_and_nobody_may_wait(world: World, cause: str) -> None:
    an_order(world)
    said = what_happened(world, cause)
    assert said[-1].type is RoutingType.UNFILLABLE
    assert world.book.orders["o1"].lines[0].unfillable == 4
    assert not world.claims_of("o1")


def test_over_capacity_is_told_likewise(world: World) -> None:
    world.limit("LEEDS", 1)
    an_order(world, YORK=3, HULL=2)
    world.limit("LEEDS", 0)
    world.run()
    world.agree()
    assert places(world) == {"YORK": 3, "HULL": 1}
    assert {(routing.from_location, routing.reason) for routing in world.routings} == {("LEEDS", "over_capacity")}


LONDON = Destination("GB", "SW1A 1AA")
ZONES = {"LEEDS": 5, "YORK": 1, "HULL": 3, "PARIS": 5}


def an_order_at_risk(world: World, **stock: int) -> None:
    """Four shoes from LEEDS, five days on the way; the promise of Thursday, 12:00 comes near."""
    for place, days in ZONES.items():
        reference = LocationReference(place, zones=(Zone("GB", "", 0, days),), cut_off="15:00")
        world.publish(
            Transaction(transaction_id=world.number(), source="ops", kind=Kind.LOCATION, location_reference=reference)
        )
    world.fact(Kind.RECEIPT, "SHOE", "LEEDS", 4)
    world.run()
    promise_by_ms = world.now_ms + 3 * MILLISECONDS_PER_DAY
    world.place("o1", {1: ("SHOE", 4)}, paid=True, promise_by_ms=promise_by_ms, destination=LONDON)
    world.run()
    for place, units in stock.items():
        world.fact(Kind.RECEIPT, "SHOE", place, units)
    world.run()
    world.routings.clear()


def test_at_risk_the_line_moves_to_where_it_would_be_less_late(world: World) -> None:
    an_order_at_risk(world, YORK=4, HULL=9)
    world.pass_time(3 * MILLISECONDS_PER_DAY)
    world.agree()
    assert [routing.type for routing in world.routings] == [RoutingType.SLA_AT_RISK, RoutingType.REROUTED]
    moved = world.routings[-1]
    assert (moved.from_location, moved.to_location, moved.reason) == ("LEEDS", "YORK", "sla_at_risk")
    assert places(world) == {"YORK": 4}


def test_at_risk_the_line_stays_where_nobody_else_would_be_faster(world: World) -> None:
    an_order_at_risk(world, YORK=3, PARIS=9)
    world.pass_time(3 * MILLISECONDS_PER_DAY)
    world.agree()
    assert [routing.type for routing in world.routings] == [RoutingType.SLA_AT_RISK]
    assert places(world) == {"LEEDS": 4}


def test_at_risk_what_has_been_picked_stays(world: World) -> None:
    an_order_at_risk(world, YORK=4)
    world.tell(OrderKind.PICKED, "o1")
    world.run()
    world.pass_time(3 * MILLISECONDS_PER_DAY)
    assert [routing.type for routing in world.routings] == [RoutingType.SLA_AT_RISK]
    assert places(world) == {"LEEDS": 4}


def test_at_risk_the_policy_chooses_among_the_faster_places(world: World) -> None:
    rule(world, zone_weight=1)
    an_order_at_risk(world, HULL=9, YORK=4)
    for place, cost in (("YORK", 9), ("HULL", 1)):
        reference = LocationReference(place, zones=(Zone("GB", "", cost, ZONES[place]),), cut_off="15:00")
        world.publish(
            Transaction(transaction_id=world.number(), source="ops", kind=Kind.LOCATION, location_reference=reference)
        )
    world.run()
    world.pass_time(3 * MILLISECONDS_PER_DAY)
    assert places(world) == {"HULL": 4}, "both would be less late, and HULL costs less"


def test_an_order_of_which_the_last_line_cannot_be_had_any_more_is_over(world: World) -> None:
    an_order(world)
    world.fact(Kind.SALE, "SHOE", "LEEDS", 4)
    world.run()
    order = world.book.orders["o1"]
    assert [line.unfillable for line in order.lines] == [4]
    assert order.stage is Stage.DONE
    assert not world.claims_of("o1")


def test_an_order_is_not_over_while_another_line_is_still_to_leave(world: World) -> None:
    world.fact(Kind.RECEIPT, "SHOE", "LEEDS", 1)
    world.fact(Kind.RECEIPT, "HAT", "LEEDS", 1)
    world.run()
    world.place("o1", {1: ("SHOE", 1), 2: ("HAT", 1)}, paid=True)
    world.run()
    world.fact(Kind.SALE, "SHOE", "LEEDS", 1)
    world.run()
    assert world.stage("o1") is Stage.CONFIRMED
    world.tell(OrderKind.SHIPPED, "o1")
    world.run()
    assert world.stage("o1") is Stage.DONE

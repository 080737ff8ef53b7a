"""The basket protocol, told step by step; random stories are in test_orders_machine.py."""

from __future__ import annotations

import pytest

from agents.inventory.channels import Method
from agents.inventory.orders.rows import OrderPolicy, Stage, state_of
from agents.inventory.orders.validation import problem_of
from agents.inventory.orders.words import LineStanding, OrderedLine, OrderKind, OrderRecord, RoutingType
from agents.inventory.transactions import Kind
from tests.inventory.orders.world import World

SEEDS = range(8)
MINUTE_MS = 60_000


@pytest.fixture(params=SEEDS)
def world(request: pytest.FixtureRequest) -> World:
    """A world with shoes at two places and hats at one; every seed orders what happens otherwise."""
    made = World(request.param)
    made.fact(Kind.RECEIPT, "SHOE", "LEEDS", 5)
    made.fact(Kind.RECEIPT, "SHOE", "YORK", 5)
    made.fact(Kind.RECEIPT, "HAT", "YORK", 3)
    made.run()
    return made


def types(world: World) -> list[str]:
    return [routing.type.value for routing in world.routings]


def states(world: World, order_id: str) -> list[str]:
    order = world.book.orders[order_id]
    return [state_of(order, line).value for line in order.lines]


def test_a_paid_order_of_one_line_is_allocated_where_the_ledger_chooses(world: World) -> None:
    world.place("o1", {1: ("SHOE", 2)}, paid=True)
    world.run()
    assert types(world) == ["ALLOCATED"]
    assert states(world, "o1") == ["allocated"]
    world.agree()


def test_a_basket_goes_to_the_place_that_has_all_of_it(world: World) -> None:
    world.place("o1", {1: ("SHOE", 2), 2: ("HAT", 1)}, paid=True)
    world.run()
    assert {routing.to_location for routing in world.routings} == {"YORK"}
    assert types(world) == ["ALLOCATED", "ALLOCATED"]
    world.agree()


def test_an_order_that_cannot_be_whole_holds_nothing(world: World) -> None:
    world.place("o1", {1: ("SHOE", 2), 2: ("HAT", 4)}, paid=True)
    world.run()
    assert world.stage("o1") is Stage.REFUSED
    assert types(world) == ["UNFILLABLE", "UNFILLABLE"]
    assert not world.claims_of("o1")
    assert world.book.orders["o1"].attempt == OrderPolicy().most_attempts


def test_a_part_is_better_than_nothing_where_the_customer_says_so(world: World) -> None:
    world.place("o1", {1: ("SHOE", 2), 2: ("HAT", 4)}, paid=True, partial=True)
    world.run()
    order = world.book.orders["o1"]
    assert order.stage is Stage.CONFIRMED
    assert [(line.unfillable, state_of(order, line)) for line in order.lines] == [
        (0, LineStanding.ALLOCATED),
        (1, LineStanding.ALLOCATED),
    ]
    world.agree()


def test_an_unpaid_order_is_held_until_it_is_paid(world: World) -> None:
    world.place("o1", {1: ("SHOE", 2), 2: ("HAT", 1)})
    world.run()
    assert states(world, "o1") == ["reserved", "reserved"]
    world.pass_time(20 * MINUTE_MS)  # longer than a hold lives by itself
    assert states(world, "o1") == ["reserved", "reserved"]
    world.tell(OrderKind.PAID, "o1")
    world.run()
    assert states(world, "o1") == ["allocated", "allocated"]
    world.agree()


def test_an_order_that_is_never_paid_gives_everything_back(world: World) -> None:
    world.place("o1", {1: ("SHOE", 2), 2: ("HAT", 1)})
    world.run()
    world.pass_time(31 * MINUTE_MS)
    assert world.stage("o1") is Stage.CANCELLED
    assert not world.claims_of("o1")
    assert {routing.reason for routing in world.routings} == {"unpaid"}


def test_a_short_pick_is_sourced_from_another_place(world: World) -> None:
    world.place("o1", {1: ("SHOE", 4)}, paid=True)
    world.run()
    first = world.routings[-1].to_location
    assert first is not None
    world.tell(OrderKind.PICKED_SHORT, "o1", line=1, location=first, quantity=1)
    world.run()
    rerouted = world.routings[-1]
    assert rerouted.type is RoutingType.REROUTED
    assert (rerouted.from_location, rerouted.quantity, rerouted.reason) == (first, 3, "short_pick")
    assert rerouted.to_location not in {None, first}
    position = world.stock.position("SHOE", first)
    assert position is not None
    assert (position.unpromised, position.allocated) == (1, 1)
    world.agree()


def test_what_a_count_takes_from_an_order_is_sourced_anew(world: World) -> None:
    world.place("o1", {1: ("SHOE", 4)}, paid=True)
    world.run()
    first = world.routings[-1].to_location or ""
    world.fact(Kind.COUNT, "SHOE", first, 0)
    world.run()
    order = world.book.orders["o1"]
    assert states(world, "o1") == ["allocated"]
    assert sum(place.quantity for line in order.lines for part in line.parts for place in part.allocated) == 4
    assert "REROUTED" in types(world)
    world.agree()


def test_what_is_nowhere_to_be_had_is_unfillable_and_somebody_hears_of_it(world: World) -> None:
    world.place("o1", {1: ("HAT", 3)}, paid=True)
    world.run()
    world.fact(Kind.SALE, "HAT", "YORK", 2)
    world.run()
    order = world.book.orders["o1"]
    assert order.lines[0].unfillable == 2
    assert types(world)[-1] == "UNFILLABLE"
    world.agree()


def test_a_cancelled_order_frees_its_stock_whatever_is_on_its_way(world: World) -> None:
    world.place("o1", {1: ("SHOE", 2), 2: ("HAT", 1)}, paid=True)
    for _ in range(world.random.randrange(12)):
        world.step()
    world.tell(OrderKind.CANCELLED, "o1")
    world.run()
    assert world.stage("o1") is Stage.CANCELLED
    assert not world.claims_of("o1")


def test_an_order_is_done_when_all_of_it_has_left(world: World) -> None:
    world.place("o1", {1: ("SHOE", 2), 2: ("HAT", 1)}, paid=True)
    world.run()
    world.tell(OrderKind.PICKED, "o1")
    world.tell(OrderKind.SHIPPED, "o1")
    world.run()
    assert world.stage("o1") is Stage.DONE
    assert states(world, "o1") == ["shipped", "shipped"]
    assert not world.claims_of("o1")


def test_a_pickup_is_tied_to_its_store_and_goes_back_when_nobody_comes(world: World) -> None:
    world.place("o1", {1: ("SHOE", 2)}, paid=True, method=Method.PICKUP, pickup_location="LEEDS")
    world.run()
    assert world.routings[-1].to_location == "LEEDS"
    world.tell(OrderKind.READY, "o1")
    world.run()
    assert states(world, "o1") == ["ready"]
    world.pass_time(8 * 86_400_000)
    assert world.stage("o1") is Stage.CANCELLED
    assert world.routings[-1].reason == "uncollected"
    assert not world.claims_of("o1")


def test_a_changed_order_sources_only_the_difference(world: World) -> None:
    world.place("o1", {1: ("SHOE", 2)}, paid=True)
    world.run()
    world.tell(OrderKind.CHANGED, "o1", lines=(OrderedLine(1, "SHOE", 3), OrderedLine(2, "HAT", 1)))
    world.run()
    world.agree()
    held = {sku: sum(leg.allocated for leg in claim.legs) for (sku, _), claim in world.claims_of("o1").items()}
    assert sum(leg.allocated for c in world.claims_of("o1").values() for leg in c.legs) == 4
    assert set(held) == {"SHOE", "HAT"}
    world.tell(OrderKind.CHANGED, "o1", lines=(OrderedLine(1, "SHOE", 1),))
    world.run()
    world.agree()
    assert sum(leg.allocated for c in world.claims_of("o1").values() for leg in c.legs) == 1


def test_the_same_record_again_has_no_effect(world: World) -> None:
    world.place("o1", {1: ("SHOE", 2)}, paid=True)
    world.run()
    world.report(world.tell(OrderKind.CHANGED, "o1", lines=(OrderedLine(1, "SHOE", 4),)))
    world.run()
    assert world.ignored == ["the same record came before"]


def test_a_promise_that_comes_near_is_said_once(world: World) -> None:
    promise_ms = world.now_ms + 5 * 3_600_000
    world.place("o1", {1: ("SHOE", 2)}, paid=True, promise_by_ms=promise_ms)
    world.run()
    world.pass_time(24 * 3_600_000)
    assert types(world).count("SLA_AT_RISK") == 1


def test_an_order_that_comes_again_after_it_was_forgotten_is_buried_and_not_placed_twice(world: World) -> None:
    placed = {"occurred_at_ms": world.now_ms, "paid": True}
    world.place("o1", {1: ("SHOE", 2)}, **placed)
    world.run()
    world.tell(OrderKind.CANCELLED, "o1")
    world.run()
    world.pass_time(OrderPolicy().keep_ms + MINUTE_MS)
    assert "o1" not in world.book.orders, "it is forgotten"
    said = len(world.routings)
    number = world.place("o1", {1: ("SHOE", 2)}, **placed).record_id
    world.run()
    assert "o1" not in world.book.orders
    assert len(world.routings) == said
    (reason,) = world.buried
    assert reason.startswith(f"PLACED {number} of shop was refused: too_late, it occurred longer ago than")


def test_a_shop_whose_clock_runs_ahead_cannot_place_an_order_twice_either(world: World) -> None:
    keep_ms = OrderPolicy().keep_ms
    placed = {"occurred_at_ms": world.now_ms + keep_ms // 2, "paid": True}
    world.place("o1", {1: ("SHOE", 2)}, **placed)
    world.run()
    world.tell(OrderKind.CANCELLED, "o1")
    world.run()
    world.pass_time(keep_ms + MINUTE_MS)
    world.place("o1", {1: ("SHOE", 2)}, **placed)
    world.run()
    assert world.stage("o1") is Stage.CANCELLED, "its time is not too late yet: so it is not forgotten"
    assert world.ignored[-1] == "the order is known already; a change of it is CHANGED"
    assert not world.buried


def test_an_order_as_old_as_orders_are_remembered_is_placed(world: World) -> None:
    world.place("o1", {1: ("SHOE", 2)}, occurred_at_ms=world.now_ms - OrderPolicy().keep_ms + MINUTE_MS, paid=True)
    world.run()
    assert states(world, "o1") == ["allocated"]


def test_an_order_must_say_when_it_was_placed() -> None:
    record = OrderRecord(
        record_id="r", source="shop", kind=OrderKind.PLACED, order_id="o1", lines=(OrderedLine(1, "SHOE", 1),)
    )
    assert (
        problem_of(record) == "PLACED needs occurred_at_ms: without it nobody can tell a late repeat from a new order"
    )

"""The daily capacity of places, claimed by orders like a line: told by router and ledger together."""

from __future__ import annotations

import pytest

from agents.inventory.capacity import capacity_sku, is_capacity
from agents.inventory.channels import Method
from agents.inventory.orders.rows import Stage
from agents.inventory.orders.words import OrderKind, RoutingType
from agents.inventory.transactions import Kind, PolicySettings, Transaction
from agents.inventory.units import MILLISECONDS_PER_DAY, date_of_day, day_of
from tests.inventory.orders.world import World
from tools.scenario.words import BEGINS_MS

SEEDS = range(6)
TODAY, TOMORROW = date_of_day(day_of(BEGINS_MS)), date_of_day(day_of(BEGINS_MS) + 1)


@pytest.fixture(params=SEEDS)
def world(request: pytest.FixtureRequest) -> World:
    """Shoes at two places: LEEDS is chosen first, and sends one shipment a day."""
    made = World(request.param)
    made.limit("LEEDS", 1)
    made.fact(Kind.RECEIPT, "SHOE", "LEEDS", 9)
    made.fact(Kind.RECEIPT, "SHOE", "YORK", 5)
    made.run()
    return made


def day(world: World, location: str, date: str = TODAY) -> tuple[int, int, int]:
    """Shipments of a day: free, held softly, firm."""
    row = world.stock.position(capacity_sku(location, date), location)
    return (0, 0, 0) if row is None else (row.unpromised, row.reserved, row.allocated)


def places(world: World, order_id: str) -> dict[str, int]:
    """Where the order's firm units are."""
    found: dict[str, int] = {}
    for line in world.book.orders[order_id].lines:
        for part in line.parts:
            for place in part.allocated:
                found[place.location] = found.get(place.location, 0) + place.quantity
    return found


def test_an_order_takes_a_shipment_of_the_day_however_many_lines_leave_with_it(world: World) -> None:
    world.place("o1", {1: ("SHOE", 2), 2: ("SHOE", 1)}, paid=True)
    world.run()
    assert places(world, "o1") == {"LEEDS": 3}
    assert day(world, "LEEDS") == (0, 0, 1)
    world.agree()


def test_an_order_moves_on_to_the_next_place_when_the_day_is_full(world: World) -> None:
    for order_id in ("o1", "o2"):
        world.place(order_id, {1: ("SHOE", 2)}, paid=True)
        world.run()
    assert [places(world, order_id) for order_id in ("o1", "o2")] == [{"LEEDS": 2}, {"YORK": 2}]
    assert day(world, "LEEDS") == (0, 0, 1)
    world.agree()


def test_a_later_day_will_do_where_nowhere_else_is_room(world: World) -> None:
    world.limit("YORK", 0)
    world.run()
    for order_id in ("o1", "o2"):
        world.place(order_id, {1: ("SHOE", 2)}, paid=True)
        world.run()
    assert places(world, "o2") == {"LEEDS": 2}
    assert (day(world, "LEEDS"), day(world, "LEEDS", TOMORROW)) == ((0, 0, 1), (0, 0, 1))
    world.agree()


def test_an_order_for_which_nobody_ever_has_room_is_refused(world: World) -> None:
    world.limit("LEEDS", 1, working_days=("mon",), holidays=())
    world.fact(Kind.ADJUST, "SHOE", "YORK", -5)
    world.run()
    orders = [f"o{number}" for number in range(4)]
    for order_id in orders:
        world.place(order_id, {1: ("SHOE", 1)}, paid=True)
        world.run()
    assert [world.stage(order_id) for order_id in orders] == [*[Stage.CONFIRMED] * 3, Stage.REFUSED]
    assert (world.routings[-1].type, world.routings[-1].reason) == (RoutingType.UNFILLABLE, "over_capacity")
    assert not world.claims_of("o3")
    world.agree()


def test_a_cancelled_order_frees_the_day(world: World) -> None:
    world.place("o1", {1: ("SHOE", 2)}, paid=True)
    for _ in range(world.random.randrange(12)):
        world.step()
    world.tell(OrderKind.CANCELLED, "o1")
    world.run()
    assert day(world, "LEEDS")[1:] == (0, 0)
    assert not world.claims_of("o1")


def test_what_has_left_is_shipped_of_the_day_too(world: World) -> None:
    world.place("o1", {1: ("SHOE", 2), 2: ("SHOE", 1)}, paid=True)
    world.run()
    world.tell(OrderKind.SHIPPED, "o1", line=1)
    world.run()
    assert day(world, "LEEDS") == (0, 0, 0)
    world.agree()
    world.tell(OrderKind.SHIPPED, "o1")
    world.run()
    assert world.stage("o1") is Stage.DONE
    assert day(world, "LEEDS") == (0, 0, 0), "one shipment, not two"
    assert not world.claims_of("o1")


def test_a_place_that_is_left_by_a_reroute_gets_its_shipment_back(world: World) -> None:
    world.place("o1", {1: ("SHOE", 4)}, paid=True)
    world.run()
    world.tell(OrderKind.PICKED_SHORT, "o1", line=1, location="LEEDS", quantity=0)
    world.run()
    assert places(world, "o1") == {"YORK": 4}
    assert day(world, "LEEDS") == (1, 0, 0)
    world.agree()


def test_a_confirmed_order_moves_when_the_day_becomes_shorter(world: World) -> None:
    world.limit("LEEDS", 2)
    world.run()
    for order_id in ("o1", "o2"):
        world.place(order_id, {1: ("SHOE", 2)}, paid=True)
        world.run()
    assert day(world, "LEEDS") == (0, 0, 2)
    world.limit("LEEDS", 1)
    world.run()
    rerouted = world.routings[-1]
    assert (rerouted.type, rerouted.reason) == (RoutingType.REROUTED, "over_capacity")
    assert (rerouted.order_id, rerouted.from_location, rerouted.to_location) == ("o2", "LEEDS", "YORK")
    assert (places(world, "o1"), places(world, "o2")) == ({"LEEDS": 2}, {"YORK": 2})
    assert day(world, "LEEDS") == (0, 0, 1)
    world.agree()


def test_a_confirmed_order_leaves_later_where_the_day_becomes_shorter_and_nobody_else_has_it(world: World) -> None:
    world.fact(Kind.ADJUST, "SHOE", "YORK", -5)
    world.place("o1", {1: ("SHOE", 2)}, paid=True)
    world.run()
    world.limit("LEEDS", 1, holidays=(TODAY,))
    world.run()
    assert places(world, "o1") == {"LEEDS": 2}
    assert (day(world, "LEEDS"), day(world, "LEEDS", TOMORROW)) == ((0, 0, 0), (0, 0, 1))
    world.agree()


def test_what_has_been_picked_stays_when_the_day_becomes_shorter(world: World) -> None:
    world.place("o1", {1: ("SHOE", 2)}, paid=True)
    world.run()
    world.tell(OrderKind.PICKED, "o1")
    world.run()
    world.limit("LEEDS", 0)
    world.run()
    assert places(world, "o1") == {"LEEDS": 2}
    assert "REROUTED" not in {routing.type for routing in world.routings}
    world.agree()


def test_no_goods_are_waited_for_elsewhere_because_a_day_is_full(world: World) -> None:
    rule = PolicySettings(rule="r", backorder="unlimited")
    world.publish(Transaction(transaction_id="p", source="ops", kind=Kind.POLICY, policy=rule))
    world.fact(Kind.ADJUST, "SHOE", "YORK", -5)
    for order_id in ("o1", "o2"):
        world.place(order_id, {1: ("SHOE", 2)}, paid=True)
        world.run()
    assert [places(world, order_id) for order_id in ("o1", "o2")] == [{"LEEDS": 2}, {"LEEDS": 2}]
    assert day(world, "LEEDS", TOMORROW) == (0, 0, 1)
    world.agree()


def test_nothing_is_waited_for_either_when_the_day_becomes_shorter(world: World) -> None:
    rule = PolicySettings(rule="r", backorder="unlimited")
    world.publish(Transaction(transaction_id="p", source="ops", kind=Kind.POLICY, policy=rule))
    world.fact(Kind.ADJUST, "SHOE", "YORK", -5)
    world.place("o1", {1: ("SHOE", 2)}, paid=True)
    world.run()
    world.limit("LEEDS", 1, holidays=(TODAY,))
    world.run()
    assert places(world, "o1") == {"LEEDS": 2}
    assert sum(claim.backordered for claim in world.claims_of("o1").values()) == 0
    world.agree()


def test_a_basket_that_only_a_full_place_can_fill_leaves_it_later(world: World) -> None:
    world.place("o1", {1: ("SHOE", 1)}, paid=True)
    world.fact(Kind.RECEIPT, "HAT", "YORK", 1)
    world.run()
    world.place("o2", {1: ("SHOE", 8), 2: ("HAT", 1)}, paid=True)
    world.run()
    assert places(world, "o2") == {"LEEDS": 8, "YORK": 1}
    assert day(world, "LEEDS", TOMORROW) == (0, 0, 1)
    world.agree()


def test_a_basket_leaves_out_a_place_of_which_it_is_known_that_its_day_is_full(world: World) -> None:
    world.fact(Kind.RECEIPT, "HAT", "LEEDS", 5)
    world.fact(Kind.RECEIPT, "HAT", "YORK", 5)
    world.place("o1", {1: ("SHOE", 1)}, paid=True)
    world.run()
    world.sent.clear()
    world.place("o2", {1: ("SHOE", 2), 2: ("HAT", 1)}, paid=True)
    world.run()
    assert places(world, "o2") == {"YORK": 3}
    assert not any(is_capacity(sent.sku) for sent in world.sent), "nobody had to ask"


def test_a_pickup_takes_no_capacity(world: World) -> None:
    world.limit("LEEDS", 1, pickup=True)
    world.place("o1", {1: ("SHOE", 2)}, paid=True, method=Method.PICKUP, pickup_location="LEEDS")
    world.run()
    assert places(world, "o1") == {"LEEDS": 2}
    assert not any(is_capacity(sent.sku) for sent in world.sent)


def test_an_unpaid_order_holds_its_shipment_until_the_payment_window_ends(world: World) -> None:
    world.place("o1", {1: ("SHOE", 2)})
    world.run()
    assert day(world, "LEEDS") == (0, 1, 0)
    world.pass_time(20 * 60_000)
    assert day(world, "LEEDS") == (0, 1, 0)
    world.agree()
    world.pass_time(11 * 60_000)
    assert world.stage("o1") is Stage.CANCELLED
    assert day(world, "LEEDS") == (1, 0, 0)


def test_without_a_limit_nothing_is_claimed_beside_the_goods() -> None:
    world = World(1)
    world.limit("LEEDS", None)
    world.fact(Kind.RECEIPT, "SHOE", "LEEDS", 9)
    world.place("o1", {1: ("SHOE", 2)}, paid=True)
    world.run()
    assert [sent.kind for sent in world.sent] == [Kind.RESERVE, Kind.ALLOCATE]
    assert not any(answer.dispatch_days for answer in world.answers)


def test_a_limit_that_is_lifted_meanwhile_holds_nobody_up(world: World) -> None:
    world.place("o1", {1: ("SHOE", 2)}, paid=True)
    for _ in range(world.random.randrange(8)):
        world.step()
    world.limit("LEEDS", None)
    world.run()
    assert places(world, "o1") == {"LEEDS": 2}
    world.agree()


def test_no_rule_withholds_shipments_or_lets_one_be_waited_for(world: World) -> None:
    rule = PolicySettings(rule="r", backorder="unlimited", safety_stock=3)
    world.publish(Transaction(transaction_id="p", source="ops", kind=Kind.POLICY, policy=rule))
    for order_id in ("o1", "o2"):
        world.place(order_id, {1: ("SHOE", 1)}, paid=True)
    world.run()
    assert day(world, "LEEDS") == (0, 0, 1)
    world.agree()


def test_a_day_that_is_over_stays_as_it_was(world: World) -> None:
    world.place("o1", {1: ("SHOE", 2)}, paid=True)
    world.run()
    world.pass_time(2 * MILLISECONDS_PER_DAY)
    world.limit("LEEDS", 0)
    world.run()
    assert places(world, "o1") == {"LEEDS": 2}
    assert day(world, "LEEDS") == (0, 0, 1)

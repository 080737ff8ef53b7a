"""What LOCATION and CHANNEL records say counts for orders from then on: it comes through the router's own log."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agents.inventory.channels import Method
from agents.inventory.orders.rows import OrderPolicy, Stage
from agents.inventory.orders.validation import problem_of
from agents.inventory.orders.words import OrderedLine, OrderKind, OrderRecord, RoutingType, key_of, reference_record
from agents.inventory.transactions import ChannelReference, Destination, Kind, LocationReference
from agents.inventory.units import MILLISECONDS_PER_DAY as DAY_MS
from agents.inventory.units import MILLISECONDS_PER_HOUR as HOUR_MS
from agents.inventory.units import MILLISECONDS_PER_MINUTE as MINUTE_MS
from agents.inventory.units import day_of_date, start_of
from tests.inventory.orders.world import World

MONDAY_MS = start_of(day_of_date("2026-01-05"))
LONDON = Destination("GB", "EC", 515, -1)
BASKET = {1: ("SHOE", 1), 2: ("HAT", 1)}
STORE = LocationReference("LEEDS", "store", opens_at="09:00", closes_at="18:00", pickup=True)


def a_world(*places: str, seed: int = 1, policy: OrderPolicy | None = None) -> World:
    """Shoes and hats at some places."""
    world = World(seed, policy)
    for place in places:
        for sku in ("SHOE", "HAT"):
            world.fact(Kind.RECEIPT, sku, place, 5)
    world.run()
    return world


def sent_from(world: World, order_id: str) -> set[str]:
    """Where the order's units are."""
    return {leg.location for claim in world.claims_of(order_id).values() for leg in claim.legs}


def test_a_plan_knows_of_a_place_what_its_last_record_says() -> None:
    world = a_world("LEEDS", "YORK")
    near, far = LocationReference("YORK", latitude_tenths=516), LocationReference("LEEDS", latitude_tenths=538)
    for each in (near, far):
        world.refer(msgspec.structs.replace(each, country="GB", longitude_tenths=-1))
    world.run()
    world.place("o1", BASKET, paid=True, destination=LONDON)
    world.run()
    assert sent_from(world, "o1") == {"YORK"}
    world.refer(msgspec.structs.replace(near, country="GB", longitude_tenths=-1, latitude_tenths=575))
    world.run()
    world.place("o2", BASKET, paid=True, destination=LONDON)
    world.run()
    assert sent_from(world, "o2") == {"LEEDS"}


def test_a_plan_leaves_out_a_place_that_has_been_closed_or_of_which_the_channel_may_not_sell() -> None:
    world = a_world("A", "B", "C")
    world.refer(LocationReference("A", open=False))
    world.refer(ChannelReference("web", locations=("A", "C")))
    world.run()
    world.place("o1", BASKET, paid=True, channel="web")
    world.run()
    assert sent_from(world, "o1") == {"C"}
    (planned,) = [each.record for each in world.heard if each.record.kind is OrderKind.PLAN]
    assert {line.locations for line in planned.plan} == {("C",)}, "the plan itself names no place that cannot be had"
    assert world.book.orders["o1"].attempt == 1


def ready_in_store(world: World, **fields: Any) -> None:
    """An order that can be collected since Monday, 10:00, for a day."""
    world.refer(STORE)
    world.run()
    world.pass_time(MONDAY_MS + 10 * HOUR_MS - world.now_ms)
    world.place("o1", {1: ("SHOE", 2)}, paid=True, method=Method.PICKUP, pickup_location="LEEDS", **fields)
    world.run()
    world.tell(OrderKind.READY, "o1")
    world.run()


def test_a_store_that_opens_longer_gives_shoppers_until_then_and_cries_no_alarm() -> None:
    world = a_world("LEEDS", policy=OrderPolicy(pickup_window_ms=DAY_MS))
    ready_in_store(world)
    world.refer(msgspec.structs.replace(STORE, closes_at="21:00"))
    world.run()
    world.pass_time(MONDAY_MS + DAY_MS + 20 * HOUR_MS - world.now_ms)
    assert world.stage("o1") is Stage.CONFIRMED, "it closes at 21:00 by now"
    assert not [each for each in world.routings if each.type is RoutingType.SLA_AT_RISK]
    world.pass_time(HOUR_MS + 2 * MINUTE_MS)
    assert world.stage("o1") is Stage.CANCELLED
    assert world.routings[-1].reason == "uncollected"


def test_an_order_that_may_be_late_is_told_of_once_also_where_the_store_opens_longer() -> None:
    world = a_world("LEEDS", policy=OrderPolicy(pickup_window_ms=DAY_MS))
    ready_in_store(world, promise_by_ms=MONDAY_MS + 12 * HOUR_MS)
    world.pass_time(3 * HOUR_MS)
    risks = [each for each in world.routings if each.type is RoutingType.SLA_AT_RISK]
    world.refer(msgspec.structs.replace(STORE, closes_at="21:00"))
    world.run()
    world.pass_time(MONDAY_MS + DAY_MS + 20 * HOUR_MS - world.now_ms)
    assert world.stage("o1") is Stage.CONFIRMED, "looked at when it closed before, and open by now"
    assert [each for each in world.routings if each.type is RoutingType.SLA_AT_RISK] == risks
    assert len(risks) == 1


def test_a_channel_cancels_for_as_long_as_its_record_says_and_the_policy_of_orders_says_otherwise() -> None:
    for policy, too_late in ((OrderPolicy(), True), (OrderPolicy(cancel_limit_ms={"web": HOUR_MS}), False)):
        world = a_world("LEEDS", policy=policy)
        world.refer(ChannelReference("web", cancel_limit_ms=10 * MINUTE_MS))
        world.run()
        world.place("o1", {1: ("SHOE", 2)}, paid=True, channel="web")
        world.run()
        world.pass_time(11 * MINUTE_MS)
        world.tell(OrderKind.CANCELLED, "o1")
        world.run()
        assert world.stage("o1") is (Stage.CONFIRMED if too_late else Stage.CANCELLED)
        assert bool([each for each in world.ignored if "may cancel for 600000 ms" in each]) is too_late
        world.agree()


def test_references_survive_a_crash_of_the_router() -> None:
    world = a_world("LEEDS")
    world.refer(STORE)
    world.refer(ChannelReference("web", cancel_limit_ms=1))
    world.run()
    world.crash()
    assert world.book.references().location("LEEDS") == STORE
    assert world.book.references().channel("web") == ChannelReference("web", cancel_limit_ms=1)


ORDERED = (OrderedLine(1, "SHOE", 1),)
PLACED = OrderRecord(record_id="r", source="s", kind=OrderKind.PLACED, order_id="o", occurred_at_ms=1, lines=ORDERED)


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        (msgspec.structs.replace(PLACED, order_id="location:LEEDS"), "no order may be named"),
        (msgspec.structs.replace(PLACED, order_id="channel:web"), "no order may be named"),
        (msgspec.structs.replace(PLACED, location_reference=STORE), "only LOCATION and CHANNEL do"),
        (msgspec.structs.replace(reference_record("e", STORE, None), order_id="o"), "about no order"),
        (msgspec.structs.replace(reference_record("e", STORE, None), source="shop"), "told by the stock_keeper alone"),
        (reference_record("", STORE, None), "told by the stock_keeper alone"),
        (reference_record("e", None, None), "carries the reference"),
        (reference_record("e", STORE, ChannelReference("web")), "carries the reference"),
        (reference_record("e", LocationReference("LEEDS", daily_capacity=-1), None), "daily_capacity"),
        (reference_record("e", None, ChannelReference("web", late_penalty=-1)), "late_penalty"),
    ],
)
def test_a_reference_record_is_about_one_place_or_channel_and_no_order_is_named_like_one(
    record: OrderRecord, problem: str
) -> None:
    assert problem in str(problem_of(record))


def test_a_reference_record_is_keyed_as_in_the_log_of_the_ledger() -> None:
    records = [reference_record("e", STORE, None), reference_record("e", None, ChannelReference("web"))]
    assert [key_of(record) for record in records] == ["location:LEEDS", "channel:web"]
    assert [problem_of(record) for record in records] == [None, None]

"""Delivery promises without holding: dates, places and costs; and that the two agents would do what is promised."""

from __future__ import annotations

from typing import Any

import pytest

from agents.inventory.channels import Method
from agents.inventory.orders.promises import Ask, Promise, promise
from agents.inventory.orders.words import OrderedLine
from agents.inventory.transactions import (
    ChannelReference,
    Destination,
    Kind,
    LocationReference,
    PolicySettings,
    Transaction,
    Zone,
)
from agents.inventory.units import MILLISECONDS_PER_DAY as DAY_MS
from agents.inventory.units import MILLISECONDS_PER_HOUR as HOUR_MS
from agents.inventory.units import day_of_date, start_of
from tests.inventory.orders.test_stories import PLACES, SKUS, limit_a_place
from tests.inventory.orders.world import World

MONDAY_MS = start_of(day_of_date("2026-01-05"))
LONDON = Destination("GB", "SW1A 1AA", 515, -1)
WEEK = ("mon", "tue", "wed", "thu", "fri")
LEEDS = LocationReference(
    "LEEDS",
    latitude_tenths=538,
    longitude_tenths=-15,
    country="GB",
    zones=(Zone("GB", "", 40, 1),),
    working_days=WEEK,
    cut_off="15:00",
    handling_time_ms=HOUR_MS,
)
YORK = LocationReference(
    "YORK", latitude_tenths=540, longitude_tenths=-11, country="GB", zones=(Zone("GB", "", 40, 2),)
)


def hours(days: int, hour: float) -> int:
    """A moment of the week that begins on Monday, 5 January 2026."""
    return MONDAY_MS + days * DAY_MS + int(hour * HOUR_MS)


def a_world(*references: LocationReference) -> World:
    """A ledger that knows these places; it is Monday, 10:00."""
    world = World(1)
    for number, reference in enumerate(references):
        world.publish(
            Transaction(transaction_id=f"l{number}", source="ops", kind=Kind.LOCATION, location_reference=reference)
        )
    world.run()
    return world


def stock(world: World, **units: int) -> World:
    """Shoes at these places, unless the name begins with another SKU: `HAT_YORK`."""
    for name, quantity in units.items():
        sku, _, place = name.rpartition("_")
        world.fact(Kind.RECEIPT, sku or "SHOE", place, quantity)
    world.run()
    return world


def ask(world: World, *lines: tuple[str, int], **fields: Any) -> Promise:
    """When would these lines come to London?"""
    ordered = tuple([OrderedLine(number, sku, quantity) for number, (sku, quantity) in enumerate(lines, start=1)])
    asked = {"at_ms": hours(0, 10), "destination": LONDON, **fields}
    return promise(world.stock, Ask(lines=ordered, **asked))


def places(found: Promise) -> list[tuple[str, int]]:
    return [(part.location, part.quantity) for line in found.lines for part in line.parts]


@pytest.mark.parametrize(
    ("at_ms", "leaves_ms"),
    [
        (hours(0, 10), hours(0, 15)),
        (hours(0, 14), hours(0, 15)),  # ready at 15:00, to the minute
        (hours(0, 14.1), hours(1, 15)),  # ready after the cut-off
        (hours(4, 16), hours(7, 15)),  # Friday afternoon: on Monday
        (hours(5, 9), hours(7, 15)),
    ],
)
def test_cut_off_and_weekend_decide_when_it_leaves_and_the_zone_when_it_comes(at_ms: int, leaves_ms: int) -> None:
    found = ask(stock(a_world(LEEDS), _LEEDS=5), ("SHOE", 2), at_ms=at_ms)
    (shipment,) = found.shipments
    assert (shipment.leaves_ms, shipment.arrives_ms, found.arrives_ms) == (
        leaves_ms,
        leaves_ms + DAY_MS,
        leaves_ms + DAY_MS,
    )
    assert found.is_held_now


def test_nothing_leaves_on_a_holiday() -> None:
    closed = LocationReference("LEEDS", working_days=WEEK, cut_off="15:00", holidays=("2026-01-05", "2026-01-06"))
    found = ask(stock(a_world(closed), _LEEDS=5), ("SHOE", 2))
    assert found.shipments[0].date == "2026-01-07"


def test_the_clocks_change_with_the_record_that_says_so() -> None:
    def leaves(offset_minutes: int) -> int:
        reference = LocationReference("LEEDS", cut_off="15:00", utc_offset_minutes=offset_minutes)
        return ask(stock(a_world(reference), _LEEDS=5), ("SHOE", 2), at_ms=hours(0, 14.5)).shipments[0].leaves_ms

    assert leaves(0) == hours(0, 15)
    assert leaves(60) == hours(1, 14), "half past three there: tomorrow at 15:00, an hour earlier by UTC"


def test_a_place_that_says_nothing_of_its_zones_is_told_so() -> None:
    (shipment,) = ask(stock(a_world(), _LEEDS=5), ("SHOE", 2)).shipments
    assert not shipment.days_known
    assert shipment.arrives_ms == shipment.leaves_ms == hours(0, 10)


def test_a_basket_comes_in_as_few_shipments_as_can_be() -> None:
    world = stock(a_world(LEEDS, YORK), _LEEDS=5, _YORK=5, HAT_YORK=3)
    found = ask(world, ("SHOE", 2), ("HAT", 1))
    assert [(each.location, each.lines) for each in found.shipments] == [("YORK", (1, 2))]
    assert found.arrives_ms == hours(2, 10)


def test_a_split_line_is_there_when_its_last_part_is() -> None:
    world = stock(a_world(LEEDS, YORK), _LEEDS=2, _YORK=2)
    found = ask(world, ("SHOE", 3), max_splits=1)
    assert places(found) == [("LEEDS", 2), ("YORK", 1)]
    assert [shipment.arrives_ms for shipment in found.shipments] == [hours(2, 10), hours(1, 15)]
    assert found.lines[0].arrives_ms == found.arrives_ms == hours(2, 10)


def test_what_is_not_there_is_promised_from_the_first_inbound_that_covers_it() -> None:
    world = stock(a_world(LEEDS), _LEEDS=1)
    for number, (units, days) in enumerate([(1, 1), (4, 2)]):
        world.fact(Kind.INBOUND, "SHOE", "LEEDS", units, inbound=f"asn{number}", due_at_ms=hours(days, 8))
    world.run()
    found = ask(world, ("SHOE", 4))
    (line,) = found.lines
    assert [(part.quantity, part.from_ms) for part in line.parts] == [(1, None), (3, hours(2, 8))]
    assert (line.missing, line.next_receipt_at_ms) == (0, hours(1, 8))
    assert found.arrives_ms == hours(2, 15) + DAY_MS
    assert not found.is_held_now


def test_what_nobody_has_or_has_announced_has_no_date() -> None:
    world = stock(a_world(LEEDS), _LEEDS=1)
    world.fact(Kind.INBOUND, "SHOE", "LEEDS", 1, inbound="asn", due_at_ms=hours(2, 8))
    world.run()
    found = ask(world, ("SHOE", 4))
    assert (found.lines[0].missing, found.lines[0].arrives_ms, found.arrives_ms) == (2, None, None)
    assert ask(world, ("GLOVE", 1)).lines[0].refusal == "unknown_sku"


def test_announced_goods_are_promised_once() -> None:
    world = a_world(LEEDS)
    world.fact(Kind.INBOUND, "SHOE", "LEEDS", 3, inbound="asn", due_at_ms=hours(2, 8))
    world.run()
    found = ask(world, ("SHOE", 2), ("SHOE", 2))
    assert [line.missing for line in found.lines] == [0, 1]


def test_who_waits_already_comes_first() -> None:
    world = a_world(LEEDS)
    rule = PolicySettings(rule="r", backorder="unlimited")
    world.publish(Transaction(transaction_id="p", source="ops", kind=Kind.POLICY, policy=rule))
    world.fact(Kind.INBOUND, "SHOE", "LEEDS", 3, inbound="asn", due_at_ms=hours(2, 8))
    world.fact(Kind.ALLOCATE, "SHOE", "LEEDS", 2, holder="early")
    world.run()
    found = ask(world, ("SHOE", 2))
    assert found.lines[0].missing == 1


def test_a_pickup_is_ready_when_the_store_is_open() -> None:
    store = LocationReference(
        "LEEDS", "store", pickup=True, opens_at="09:00", closes_at="18:00", handling_time_ms=2 * HOUR_MS
    )
    world = stock(a_world(store, YORK), _LEEDS=1, _YORK=9)
    asked = {"method": Method.PICKUP, "pickup_location": "LEEDS"}
    found = ask(world, ("SHOE", 1), at_ms=hours(0, 17), **asked)
    assert (found.shipments[0].leaves_ms, found.arrives_ms) == (hours(0, 19), hours(1, 9))
    assert ask(world, ("SHOE", 2), **asked).lines[0].missing == 1, "of another place nothing can be collected"


def test_a_channel_is_promised_what_it_may_sell_with_its_handling() -> None:
    world = stock(a_world(), _LEEDS=5, _YORK=9)
    reference = ChannelReference("web", ("LEEDS",), handling_time_ms=3 * HOUR_MS)
    world.publish(Transaction(transaction_id="c", source="ops", kind=Kind.CHANNEL, channel_reference=reference))
    world.run()
    found = ask(world, ("SHOE", 6), channel="web")
    assert (places(found), found.lines[0].missing) == ([("LEEDS", 5)], 1)
    assert found.shipments[0].leaves_ms == hours(0, 13)


def test_the_terms_sum_to_the_costs() -> None:
    world = stock(a_world(LEEDS, YORK), _LEEDS=5, _YORK=5, HAT_YORK=3)
    rule = PolicySettings(rule="r", distance_weight=2, zone_weight=1)
    world.publish(Transaction(transaction_id="p", source="ops", kind=Kind.POLICY, policy=rule))
    world.run()
    (line,) = ask(world, ("SHOE", 2)).lines
    assert [candidate.location for candidate in line.candidates] == ["LEEDS", "YORK"]
    for candidate in line.candidates:
        assert sum(term.cost for term in candidate.terms) == candidate.cost > 0
    (shipment,) = ask(world, ("SHOE", 2), ("HAT", 1)).shipments
    assert sum(term.cost for term in shipment.terms) == shipment.cost == 200 + 286 + 40


def test_a_full_day_is_avoided_or_leaves_later() -> None:
    world = stock(a_world(LEEDS), _LEEDS=5, _YORK=5)
    world.limit("LEEDS", 1)
    world.place("o1", {1: ("SHOE", 1)}, paid=True)
    world.run()
    assert places(ask(world, ("SHOE", 2))) == [("YORK", 2)]
    (shipment,) = ask(
        world, ("SHOE", 2), channel=None, method=Method.SHIPPING, max_splits=0, at_ms=world.now_ms
    ).shipments
    assert shipment.location == "YORK"
    world.fact(Kind.ADJUST, "SHOE", "YORK", -5)
    world.run()
    (shipment,) = ask(world, ("SHOE", 2)).shipments
    assert (shipment.location, shipment.date, shipment.put_off_from) == ("LEEDS", "2026-01-06", "2026-01-05")


@pytest.mark.parametrize("seed", range(60))
def test_an_order_that_is_placed_gets_what_was_promised(seed: int) -> None:
    world = World(seed)
    choose = world.random
    for sku in SKUS:
        for place in PLACES:
            world.fact(Kind.RECEIPT, sku, place, choose.randrange(6))
    for _ in range(choose.randrange(3)):
        limit_a_place(world, few=1)
    world.run()
    for number in range(6):
        lines = {line: (choose.choice(SKUS), choose.randrange(1, 4)) for line in range(1, choose.randrange(2, 4))}
        asked = tuple([OrderedLine(line, sku, quantity) for line, (sku, quantity) in lines.items()])
        before = {table: dict(rows) for table, rows in world.stock.tables.items()}
        found = promise(world.stock, Ask(lines=asked, at_ms=world.now_ms))
        assert world.stock.tables == before, "nothing is held"
        world.place(f"o{number}", lines, paid=True)
        world.run()
        order = world.book.orders[f"o{number}"]
        got = [
            (line.line, place.location, place.quantity)
            for line in order.lines
            for part in line.parts
            for place in part.allocated
        ]
        promised = [(line.line, part.location, part.quantity) for line in found.lines for part in line.parts]
        assert got == (promised if found.is_held_now else []), (found, order)
        days = {slot.location: slot.date for slot in order.slots}
        assert {each.location: each.date for each in found.shipments if each.location in days} == days or not got

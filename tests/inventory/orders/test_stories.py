"""Random stories of many orders: whatever is heard first, the books of router and ledger agree in the end."""

from __future__ import annotations

import pytest

from agents.inventory.channels import Method
from agents.inventory.orders.rows import OVER, Stage
from agents.inventory.orders.words import OrderedLine, OrderKind
from agents.inventory.transactions import Kind, PolicySettings, Transaction
from agents.inventory.units import date_of_day, day_of
from tests.inventory.orders.world import World

SKUS = ("SHOE", "HAT", "SOCK")
PLACES = ("LEEDS", "YORK", "HULL")
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS


def a_story(seed: int, events: int = 40) -> World:
    """Receipts, orders, payments, picks, sales, counts and cancellations in any order, heard in any order.

    In every other story places can send only so many shipments a day, and that changes too.
    """
    world = World(seed)
    choose = world.random
    if seed % 2:
        limit_a_place(world, few=3)
        limit_a_place(world, few=3)
    if choose.random() < 0.5:
        setting = PolicySettings(
            rule="r", backorder=choose.choice(["none", "unlimited"]), max_splits=choose.choice([0, 1])
        )
        world.publish(Transaction(transaction_id="p", source="ops", kind=Kind.POLICY, policy=setting))
    for sku in SKUS:
        for place in PLACES:
            world.fact(Kind.RECEIPT, sku, place, choose.randrange(1, 8))
    world.run()
    for number in range(events):
        an_event(world, number)
        for _ in range(choose.randrange(6)):
            world.step()
        if choose.random() < 0.1:
            world.run()
            world.pass_time(choose.choice([1, 5, 20, 60]) * MINUTE_MS)
    world.run()
    return world


def an_event(world: World, number: int) -> None:
    """Something happens."""
    choose = world.random
    sku, place, few = choose.choice(SKUS), choose.choice(PLACES), choose.randrange(1, 5)
    known = sorted(world.book.orders)
    if world.stock.references().limits_any and choose.random() < 0.1:
        limit_a_place(world, few)
        return
    event = choose.choice(
        ["order"] * 4 + ["pay", "pay", "pick", "short", "ship", "cancel", "change", "sell", "count", "receive"]
    )
    if event == "order":
        an_order(world, f"o{number}")
    elif event in {"sell", "count", "receive"}:
        kind = {"sell": Kind.SALE, "count": Kind.COUNT, "receive": Kind.RECEIPT}[event]
        world.fact(kind, sku, place, few)
    elif known:
        of_order(world, choose.choice(known), event, place, few)


def limit_a_place(world: World, few: int) -> None:
    """What a place can send in a day is said anew; it may not work today, have no limit any more, or be closed."""
    choose = world.random
    today = date_of_day(day_of(world.now_ms))
    world.limit(
        choose.choice(PLACES),
        choose.choice([few, few, 0, None]),
        open=choose.random() < 0.9,
        handling_time_ms=choose.choice([0, 2 * DAY_MS]),
        holidays=(today,) if choose.random() < 0.1 else (),
    )


def an_order(world: World, order_id: str) -> None:
    choose = world.random
    count = choose.randrange(1, 4)
    lines = {line: (choose.choice(SKUS), choose.randrange(1, 4)) for line in range(1, count + 1)}
    pickup = choose.choice(PLACES) if choose.random() < 0.2 else None
    world.place(
        order_id,
        lines,
        paid=choose.random() < 0.6,
        partial=choose.random() < 0.3,
        priority=choose.randrange(3),
        promise_by_ms=world.now_ms + choose.choice([5, 24]) * HOUR_MS,
        method=Method.SHIPPING if pickup is None else Method.PICKUP,
        pickup_location=pickup,
    )


def of_order(world: World, order_id: str, event: str, place: str, few: int) -> None:
    """Something happens to an order, sensible or not."""
    line = world.random.choice(world.book.orders[order_id].lines)
    if event == "pay":
        world.tell(OrderKind.PAID, order_id)
    elif event == "pick":
        world.tell(OrderKind.PICKED, order_id, line=line.line)
    elif event == "short":
        world.tell(OrderKind.PICKED_SHORT, order_id, line=line.line, location=place, quantity=few - 1)
    elif event == "ship":
        world.tell(OrderKind.SHIPPED, order_id, line=line.line, location=place)
    elif event == "cancel":
        world.tell(OrderKind.CANCELLED, order_id, line=world.random.choice([None, line.line]))
    else:
        lines = (OrderedLine(line.line, line.sku, few), OrderedLine(line.line + 3, "SOCK", 1))
        world.tell(OrderKind.CHANGED, order_id, lines=lines)


@pytest.mark.parametrize("seed", range(120))
def test_router_and_ledger_agree_when_all_is_said(seed: int) -> None:
    world = a_story(seed)
    world.agree()
    for order_id, order in world.book.orders.items():
        for line in order.lines:
            firm = sum(
                leg.reserved + leg.allocated
                for (sku, number), claim in world.claims_of(order_id).items()
                if number % 10_000 == line.line and sku == line.sku
                for leg in claim.legs
            )
            assert firm + line.shipped <= line.quantity, f"{order_id}/{line.line} holds more than was ordered"


@pytest.mark.parametrize("seed", range(40))
def test_no_claim_outlives_its_order(seed: int) -> None:
    world = a_story(seed)
    for order_id in sorted(world.book.orders):
        if world.stage(order_id) not in OVER:
            world.tell(OrderKind.PAID, order_id)
            world.tell(OrderKind.SHIPPED, order_id)
            world.run()
            world.tell(OrderKind.CANCELLED, order_id)
    world.run()
    world.pass_time(60 * MINUTE_MS)
    assert {order.stage for order in world.book.orders.values()} <= {
        Stage.DONE,
        Stage.CANCELLED,
        Stage.REFUSED,
        Stage.CONFIRMED,
    }
    for order_id, order in world.book.orders.items():
        if order.stage in OVER:
            assert not world.claims_of(order_id), order_id


def test_the_same_seed_tells_the_same_story() -> None:
    first, second = a_story(7), a_story(7)
    assert first.routings == second.routings
    assert first.answers == second.answers
    assert first.book.orders == second.book.orders


@pytest.mark.parametrize("steps", range(14))
def test_an_order_goes_on_without_a_line_that_is_cancelled_whatever_is_on_its_way(steps: int) -> None:
    world = World(steps)
    world.fact(Kind.RECEIPT, "SHOE", "LEEDS", 5)
    world.fact(Kind.RECEIPT, "HAT", "LEEDS", 5)
    world.run()
    world.place("o1", {1: ("SHOE", 2), 2: ("HAT", 1)}, paid=True)
    for _ in range(steps):
        world.step()
    world.tell(OrderKind.CANCELLED, "o1", line=2)
    world.run()
    assert world.stage("o1") is Stage.CONFIRMED
    assert {sku for sku, _ in world.claims_of("o1")} == {"SHOE"}
    world.agree()


@pytest.mark.parametrize("seed", range(40))
def test_no_order_waits_for_an_answer_that_nobody_owes(seed: int) -> None:
    world = a_story(seed, 60)
    assert not [name for name, order in world.book.orders.items() if order.stage in {Stage.RESERVING, Stage.EXTENDING}]

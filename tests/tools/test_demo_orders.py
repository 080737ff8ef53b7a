"""The demo's orders: what is ordered is real, what became of it is judged by what was ordered, and the judge can fail."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from agents.inventory.channels import Method
from agents.inventory.orders.validation import problem_of
from agents.inventory.orders.words import (
    LineStanding,
    LineStatus,
    OrderedLine,
    OrderKind,
    OrderRecord,
    OrderStatus,
    Place,
    Routing,
    RoutingType,
)
from tools.brokers import embedded
from tools.demo.baskets import NORTH, SOUTH, STORE, baskets, opening_stock
from tools.demo.order_tally import OrderTally

ROOT = Path(__file__).resolve().parents[2]
FIRM = LineStanding.ALLOCATED


def line(state: LineStanding, *places: tuple[str, int], shipped: int = 0) -> LineStatus:
    return LineStatus(
        line=1, sku="SHOE", quantity=3, state=state, shipped=shipped, places=tuple(Place(*each) for each in places)
    )


def status(stage: str, *lines: LineStatus, order_id: str = "o-1") -> OrderStatus:
    return OrderStatus(event_id="e", order_id=order_id, stage=stage, at_ms=0, lines=lines)


def tally_of(*statuses: OrderStatus) -> OrderTally:
    """A tally of one order placed, and what was heard of it."""
    tally = OrderTally()
    lines = (OrderedLine(1, "SHOE", 3),)
    tally.placed["o-1"] = OrderRecord(
        record_id="placed", source="web", kind=OrderKind.PLACED, order_id="o-1", lines=lines
    )
    for each in statuses:
        tally.hear_status(each)
    return tally


def reroute(event_id: str) -> Routing:
    return Routing(
        event_id=event_id,
        type=RoutingType.REROUTED,
        order_id="o-1",
        line=1,
        sku="SHOE",
        quantity=3,
        at_ms=0,
        from_location=NORTH,
        to_location=SOUTH,
        reason="short_pick",
    )


# -- what is ordered


def test_the_same_seed_orders_the_same_and_every_order_can_be_read() -> None:
    orders = list(baskets(11, 200))
    assert orders == list(baskets(11, 200))
    assert len({order.order_id for order in orders}) == len(orders) == 200
    placed = [msgspec.structs.replace(order, occurred_at_ms=1) for order in orders]  # As the shop does.
    assert [problem_of(order) for order in placed] == [None] * 200
    assert all(2 <= len(order.lines) <= 5 for order in orders)
    methods = Counter(order.method for order in orders)
    assert methods[Method.SHIPPING] > methods[Method.PICKUP] > 0
    assert {order.pickup_location for order in orders} == {None, STORE}
    assert {order.partial for order in orders} == {order.paid for order in orders} == {True, False}


def test_most_articles_are_in_both_warehouses_some_in_halves_and_a_few_too_scarce() -> None:
    orders = list(baskets(11, 200))
    needed = Counter[str]()
    for order in orders:
        needed.update({each.sku: each.quantity for each in order.lines})
    units = Counter[str]()
    for planned in opening_stock(orders):
        units[planned.transaction.sku] += planned.transaction.quantity or 0
    assert set(units) <= set(needed)
    scarce = [sku for sku in needed if units[sku] < needed[sku]]
    assert 0 < len(scarce) < len(needed) / 20


# -- what became of it


def test_an_order_of_which_nothing_is_heard_is_lost() -> None:
    assert tally_of().figures()["orders"]["lost"] == 1


@pytest.mark.parametrize(
    ("stage", "heard", "lost"),
    [
        ("confirmed", line(FIRM, (NORTH, 3)), 0),
        ("confirmed", line(FIRM, (NORTH, 2)), 1),
        ("confirmed", line(FIRM, (NORTH, 1), shipped=2), 0),
        ("confirmed", line(LineStanding.RESERVED, (NORTH, 3)), 1),
        ("confirmed", line(LineStanding.UNFILLABLE), 0),
        ("reserved", line(LineStanding.RESERVED, (NORTH, 3)), 1),
        ("refused", line(LineStanding.UNFILLABLE), 0),
        ("done", line(LineStanding.SHIPPED, shipped=3), 0),
    ],
)
def test_an_order_is_settled_when_every_unit_is_accounted_for(stage: str, heard: LineStatus, lost: int) -> None:
    assert tally_of(status(stage, heard)).figures()["orders"]["lost"] == lost


def test_units_of_several_places_are_split_and_more_than_ordered_is_found() -> None:
    tally = tally_of(status("confirmed", line(FIRM, (NORTH, 2), (SOUTH, 1))))
    assert (tally.figures()["orders"]["split"], tally.over_allocated) == (1, 0)
    tally.hear_status(status("confirmed", line(FIRM, (NORTH, 2), (SOUTH, 2))))
    assert tally.over_allocated == 1


def test_a_short_pick_is_measured_until_its_reroute_and_not_through_an_outage() -> None:
    tally = tally_of()
    tally.short_picked_s["o-1", 1] = 10.0
    tally.hear_routing(reroute("e-1"), 10.25)
    tally.hear_routing(reroute("e-1"), 99.0)
    assert tally.figures()["reroutes"] == {"count": 1, "latency_ms": {"p50": 250.0, "p99": 250.0}}
    assert (tally.doubled_events, tally.open_short_picks) == (1, [])
    away = tally_of()
    away.short_picked_s["o-1", 1] = 10.0
    away.disturbed.update(away.open_short_picks)
    away.hear_routing(reroute("e-1"), 16.0)
    assert (away.reroutes, away.latencies_ms) == (1, [])


@pytest.mark.embedded
@pytest.mark.timeout(300)
def test_a_short_demo_of_orders_loses_none_and_reroutes_short_picks() -> None:
    reason = embedded.unavailable_reason()
    if reason:
        pytest.skip(reason)
    done = subprocess.run(
        [sys.executable, "-m", "tools", "demo", "--orders", "--seconds", "10", "--rate", "120", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert (figures["lost"], figures["doubled"], figures["oversold"], figures["kills"]) == (0, 0, 0, 1)
    orders = figures["orders"]
    assert set(orders) == {"placed", "allocated", "split", "backordered", "unfillable", "lost"}
    assert (orders["placed"], orders["lost"]) == (30, 0)
    assert orders["allocated"] > 0
    assert figures["reroutes"]["count"] > 0
    assert 0 < figures["reroutes"]["latency_ms"]["p50"] <= figures["reroutes"]["latency_ms"]["p99"]
    assert "Short pick: " in done.stderr

"""What every way to route is judged by: the same orders, the same stock, and what the shipments cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import msgspec

from agents.inventory.channels import Method
from agents.inventory.orders.costs import shipment_cost
from agents.inventory.orders.words import OrderRecord
from agents.inventory.transactions import LocationReference
from tools.order_day.day import Day
from tools.order_day.places import references

MISSING_CENTS = 5_000
"""What a line that is not delivered costs, a part of it in proportion: more than any shipment, so that delivering pays."""

Stock = Mapping[tuple[str, str], int]
"""Units by article and place."""


class Taken(msgspec.Struct, frozen=True, array_like=True):
    """Units of a line from a place."""

    line: int
    place: str
    quantity: int


Routed = Mapping[str, Sequence[Taken]]
"""What each order gets, by order id; nothing of one that is refused."""


class Router(Protocol):
    """A way to route orders one after the other: what it does not know is the future."""

    def route(self, order: OrderRecord) -> Sequence[Taken]:
        """What the order gets."""


class Problem:
    """The orders of a day that are shipped, all of them paid and none disturbed: only routing makes a difference."""

    def __init__(self, day: Day) -> None:
        self.orders: list[OrderRecord] = [
            msgspec.structs.replace(each.placed, paid=True)
            for each in day.orders()
            if each.placed.method is Method.SHIPPING
        ]
        self.stock: Stock = day.stock()
        self.places: dict[str, LocationReference] = {place.location: place for place in references(day.size)}

    def cost(self, order: OrderRecord, place: str) -> int:
        """Of one shipment from there to the order's destination."""
        return shipment_cost(self.places[place], order.destination)

    def run(self, router: Router) -> Routed:
        """Route all of them."""
        return {order.order_id: router.route(order) for order in self.orders}


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """How well it was routed. Costs are cents."""

    orders: int
    shipped_orders: int
    """Of which anything is delivered."""
    cost: int
    """Of all shipments."""
    cost_per_order: float
    """Of those of which anything is delivered."""
    shipments_per_order: float
    """Likewise."""
    split_rate: float
    """Share of them that comes in several parcels."""
    line_fill: float
    """Share of all lines that is delivered, parts in proportion."""
    total_per_order: float
    """Shipments, and what is missing at its price, by all orders: the one figure that says which is better."""


def score(*routings: tuple[Problem, Routed]) -> Score:
    """Judge the routings of some days together. Raises ValueError for one that is not possible with its stock."""
    cost = parcels = split = shipped_orders = lines = 0
    filled = 0.0
    for problem, routed in routings:
        check(problem, routed)
    for problem, routed, order in [(*routing, order) for routing in routings for order in routing[0].orders]:
        taken = routed[order.order_id]
        places = dict.fromkeys(each.place for each in taken)
        asked = {line.line: line.quantity for line in order.lines}
        lines += len(asked)
        filled += sum(each.quantity / asked[each.line] for each in taken)
        cost += sum(problem.cost(order, place) for place in places)
        parcels += len(places)
        split += len(places) > 1
        shipped_orders += bool(places)
    orders, delivered = sum(len(problem.orders) for problem, _ in routings), max(1, shipped_orders)
    return Score(
        orders=orders,
        shipped_orders=shipped_orders,
        cost=cost,
        cost_per_order=round(cost / delivered, 1),
        shipments_per_order=round(parcels / delivered, 4),
        split_rate=round(split / delivered, 4),
        line_fill=round(filled / lines, 4),
        total_per_order=round((cost + MISSING_CENTS * (lines - filled)) / orders, 1),
    )


def check(problem: Problem, routed: Routed) -> None:
    """A routing takes what there is, gives no more than was asked for, and keeps to what the order says of parts."""
    left = dict(problem.stock)
    for order in problem.orders:
        asked = {line.line: (line.sku, line.quantity) for line in order.lines}
        given: dict[int, int] = {}
        for each in routed[order.order_id]:
            key = asked[each.line][0], each.place
            left[key] = left.get(key, 0) - each.quantity
            given[each.line] = given.get(each.line, 0) + each.quantity
            if left[key] < 0 or each.quantity <= 0:
                raise ValueError(f"{order.order_id} takes {each} of {key}, which is not there")
        for line, (_, quantity) in asked.items():
            if given.get(line, 0) > quantity:
                raise ValueError(f"{order.order_id} gets {given[line]} of {quantity} in line {line}")
            if given and not order.partial and given.get(line, 0) != quantity:
                raise ValueError(f"{order.order_id} is all or nothing, and gets {given.get(line, 0)} in line {line}")

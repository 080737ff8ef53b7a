"""Planning a basket: which places each line should be taken from. Fewest shipments first, then least cost.

A plan is advice: it ranks places, and the ledger takes the first that covers. So it may be made from levels that are a
moment old; the revisions that it read are kept with it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeGuard

import msgspec

from agents.inventory.capacity import capacity_sku
from agents.inventory.channels import References
from agents.inventory.hours import dispatch_date
from agents.inventory.orders.costs import serves, shipment_cost
from agents.inventory.orders.covering import best_cover
from agents.inventory.orders.rows import Order, wanted
from agents.inventory.orders.words import OrderedLine, OrderKind, OrderRecord, PlannedLine, Read
from agents.inventory.transactions import ORDER_ROUTER, ChannelReference, LocationReference

Stock = Mapping[str, Mapping[str, Read]]
"""SKU -> location -> what was read."""
CostOf = Callable[[str], int]
"""Cost of a shipment from a place, in any unit that compares."""

MOST_RANKED = 8
"""Places that are named for a line."""


class Plan(msgspec.Struct, frozen=True, gc=False):
    """A plan, and how it was weighed."""

    lines: tuple[PlannedLine, ...]
    places: tuple[str, ...]
    """The shipments it is meant to make."""
    cost: int
    is_whole: bool
    """Whether these places cover every line."""


def plan_record(
    order_id: str,
    order: Order,
    levels: Callable[[str], Mapping[str, Read]],
    references: References,
    at_ms: int,
    split_must_save: int | None = None,
) -> OrderRecord:
    """The record of a plan for the present attempt.

    `levels` gives what is read of a SKU by location, `at_ms` is now. Left out are places that the order avoids, those that
    would not send there and those that its channel may not sell from; and as long as the others have every line, those
    whose day is full.
    """
    lines = [OrderedLine(line.line, line.sku, wanted(line)) for line in order.lines if wanted(line)]
    stock, full = stock_to_plan(order, lines, levels, references, at_ms)

    def cost_of(place: str) -> int:
        return shipment_cost(references.location(place), order.destination)

    plan = make_plan(lines, without(stock, full) if full else stock, cost_of, split_must_save)
    if full and not plan.is_whole:
        plan = make_plan(lines, stock, cost_of, split_must_save)
    return OrderRecord(
        record_id=f"plan-{order.attempt}",
        source=ORDER_ROUTER,
        kind=OrderKind.PLAN,
        order_id=order_id,
        attempt=order.attempt,
        plan=plan.lines,
    )


def stock_to_plan(
    order: Order,
    lines: Sequence[OrderedLine],
    levels: Callable[[str], Mapping[str, Read]],
    references: References,
    at_ms: int,
) -> tuple[dict[str, dict[str, Read]], dict[str, None]]:
    """What was read of the lines' SKUs at the places that may send, and those of them whose day is full."""
    channel = None if order.channel is None else references.channel(order.channel)
    looked_at: dict[str, bool] = {}
    stock: dict[str, dict[str, Read]] = {}
    for sku in dict.fromkeys(line.sku for line in lines):
        reads = stock[sku] = {}
        for place, read in levels(sku).items():
            reference = references.location(place)
            if place in order.avoid or not serves(reference, order.destination):
                continue
            if channel is not None and not references.may_sell(order.channel, place):
                continue
            reads[place] = read
            if is_limited(reference) and place not in looked_at:
                looked_at[place] = is_full(reference, order, channel, levels, at_ms)
    return stock, dict.fromkeys(place for place, full in looked_at.items() if full)


def without(stock: Stock, places: Mapping[str, None]) -> Stock:
    """The same stock but for these places."""
    return {sku: {place: read for place, read in reads.items() if place not in places} for sku, reads in stock.items()}


def is_limited(place: LocationReference | None) -> TypeGuard[LocationReference]:
    """Whether only so many shipments can leave the place in a day."""
    return place is not None and place.daily_capacity is not None


def is_full(
    place: LocationReference,
    order: Order,
    channel: ChannelReference | None,
    levels: Callable[[str], Mapping[str, Read]],
    at_ms: int,
) -> bool:
    """Whether nothing more of the order can leave the place on the day on which it would, as far as was read.

    Nobody has claimed anything of a day of which no level was ever said.
    """
    if order.any_day:
        return False
    day = levels(capacity_sku(place.location, dispatch_date(place, channel, at_ms))).get(place.location)
    return day is not None and day.atp <= 0


def make_plan(lines: Sequence[OrderedLine], stock: Stock, cost_of: CostOf, split_must_save: int | None = None) -> Plan:
    """Rank the places of every line. The same input always gives the same plan; ties go by the name of the place.

    Fewest shipments first, then least cost; with `split_must_save` a shipment more is made where that saves more.
    """
    units = units_of_skus(lines)
    covers = places_that_cover(units, stock)
    costs = {place: cost_of(place) for place in covers}
    places = sorted(covers, key=lambda place: (costs[place], place))
    chosen = best_cover(covers, len(units), costs, split_must_save)
    is_whole = chosen is not None
    if chosen is None:
        chosen = greedy_set(covers, places)
    ranked = tuple([rank(line, stock, chosen, places) for line in lines])
    return Plan(ranked, chosen, sum([costs[place] for place in chosen]), is_whole)


def units_of_skus(lines: Sequence[OrderedLine]) -> dict[str, int]:
    """What is wanted of each SKU: its lines are asked for together, and draw on the same units."""
    units: dict[str, int] = {}
    for line in lines:
        units[line.sku] = units.get(line.sku, 0) + line.quantity
    return units


def places_that_cover(units: Mapping[str, int], stock: Stock) -> dict[str, int]:
    """Places that have all that is wanted of a SKU, with a bit for each SKU, in the order of `units`."""
    covers: dict[str, int] = {}
    for number, (sku, wanted_units) in enumerate(units.items()):
        for place, read in stock.get(sku, {}).items():
            if read.atp >= wanted_units:
                covers[place] = covers.get(place, 0) | 1 << number
    return covers


def greedy_set(covers: Mapping[str, int], places: Sequence[str]) -> tuple[str, ...]:
    """Places one after the other, each the one that covers most of what is left; of equal ones the first in `places`."""
    chosen: list[str] = []
    covered = 0
    while places:
        best = max(places, key=lambda place: (covers[place] & ~covered).bit_count())
        if not covers[best] & ~covered:
            break
        chosen.append(best)
        covered |= covers[best]
    return tuple(chosen)


def rank(line: OrderedLine, stock: Stock, chosen: Sequence[str], others: Sequence[str]) -> PlannedLine:
    """The places that have all of it, chosen ones first; then the rest by what they have; with what was read of each.

    Where nobody has all of it, so it must be split, the fewest places are those that have most of it.
    """
    reads = stock.get(line.sku, {})
    whole = [
        place for place in dict.fromkeys((*chosen, *others)) if place in reads and reads[place].atp >= line.quantity
    ]
    rest = [place for place, read in reads.items() if 0 < read.atp < line.quantity]
    rest.sort(key=lambda place: (-reads[place].atp, place not in chosen, place))
    named = [*whole, *rest][:MOST_RANKED]
    return PlannedLine(line.line, tuple(named), tuple([reads[place] for place in named]))

"""Planning a basket: which places each line should be taken from. Fewest shipments first, then least cost.

A plan is advice: it ranks places, and the ledger takes the first that covers. So it may be made from levels that are a
moment old; the revisions that it read are kept with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import combinations

import msgspec

from agents.inventory.orders.words import OrderedLine, PlannedLine, Read

Stock = Mapping[str, Mapping[str, Read]]
"""SKU -> location -> what was read."""
CostOf = Callable[[str], int]
"""Cost of a shipment from a place, in any unit that compares."""

MOST_PLACES_WEIGHED = 12
"""Of the places that could serve something, the best so many are weighed against each other."""
MOST_SHIPMENTS_WEIGHED = 3
"""Sets of up to so many places are all tried; larger baskets are filled greedily."""
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


def make_plan(lines: Sequence[OrderedLine], stock: Stock, cost_of: CostOf) -> Plan:
    """Rank the places of every line. The same input always gives the same plan; ties go by the name of the place."""
    places = places_to_weigh(lines, stock, cost_of)
    chosen = best_set(lines, stock, places, cost_of)
    is_whole = chosen is not None
    if chosen is None:
        chosen = greedy_set(lines, stock, places, cost_of)
    ranked = tuple([rank(line, stock, chosen, places) for line in lines])
    return Plan(ranked, chosen, sum(cost_of(place) for place in chosen), is_whole)


def places_to_weigh(lines: Sequence[OrderedLine], stock: Stock, cost_of: CostOf) -> tuple[str, ...]:
    """Places that can cover at least one line, those that cover most lines first, then the cheapest, then by name."""
    covers: dict[str, int] = {}
    for line in lines:
        for place, read in stock.get(line.sku, {}).items():
            if read.atp >= line.quantity:
                covers[place] = covers.get(place, 0) + 1
    ranked = sorted(covers, key=lambda place: (-covers[place], cost_of(place), place))
    return tuple(ranked[:MOST_PLACES_WEIGHED])


def best_set(
    lines: Sequence[OrderedLine], stock: Stock, places: Sequence[str], cost_of: CostOf
) -> tuple[str, ...] | None:
    """The fewest places that cover every line whole, each line from one of them; of equally many the cheapest."""
    for size in range(1, min(MOST_SHIPMENTS_WEIGHED, len(places)) + 1):
        whole = [group for group in combinations(sorted(places), size) if covers_all(lines, stock, group)]
        if whole:
            return min(whole, key=lambda group: (sum(cost_of(place) for place in group), group))
    return None


def covers_all(lines: Sequence[OrderedLine], stock: Stock, group: Sequence[str]) -> bool:
    """Whether every line can come whole from one of these places; lines of one SKU draw on the same units."""
    left = {(sku, place): stock[sku][place].atp for sku, place in held_by(lines, stock, group)}
    for line in sorted(lines, key=lambda line: (-line.quantity, line.line)):
        place = next((place for place in group if left.get((line.sku, place), 0) >= line.quantity), None)
        if place is None:
            return False
        left[line.sku, place] -= line.quantity
    return True


def held_by(lines: Sequence[OrderedLine], stock: Stock, group: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(SKU, place) of everything that these places have of what was ordered."""
    for line in lines:
        for place in group:
            if place in stock.get(line.sku, {}):
                yield line.sku, place


def greedy_set(lines: Sequence[OrderedLine], stock: Stock, places: Sequence[str], cost_of: CostOf) -> tuple[str, ...]:
    """Places one after the other, each the one that covers most of what is left; ends when none covers anything."""
    chosen: list[str] = []
    left = list(lines)
    while left:
        gains = {place: [line for line in left if covers_line(line, stock, place)] for place in places}
        best = min(places, key=lambda place: (-len(gains[place]), cost_of(place), place), default=None)
        if best is None or not gains[best]:
            break
        chosen.append(best)
        left = [line for line in left if line not in gains[best]]
    return tuple(chosen)


def covers_line(line: OrderedLine, stock: Stock, place: str) -> bool:
    """Whether the place has the whole line."""
    read = stock.get(line.sku, {}).get(place)
    return read is not None and read.atp >= line.quantity


def rank(line: OrderedLine, stock: Stock, chosen: Sequence[str], others: Sequence[str]) -> PlannedLine:
    """The chosen places first, then the others that have any of it; with what was read of each."""
    reads = stock.get(line.sku, {})
    in_order = [*chosen, *(place for place in others if place not in chosen)]
    in_order += sorted(place for place in reads if place not in in_order)
    named = [place for place in in_order if place in reads and reads[place].atp > 0][:MOST_RANKED]
    return PlannedLine(line.line, tuple(named), tuple([reads[place] for place in named]))

"""Four policies as shops have them, on the same stock and by the same rules of splitting as the ledger's.

    nearest         each line from the nearest place that has all of it
    nearest_whole   the whole order from the nearest place that has all of it; else as `nearest`
    most_stock      each line from the place that has most of it
    fixed           each line from the first place of a list, warehouses before stores

Where no place has all of a line, it is filled in the order of the policy from at most `max_splits` + 1 places. What is all
or nothing gets nothing if a line cannot be had.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from agents.inventory.distances import distance_km
from agents.inventory.orders.words import OrderedLine, OrderRecord
from tools.order_day.routing import Problem, Taken

Ranking = Callable[[OrderRecord, OrderedLine], Sequence[str]]
"""The places for a line, the first choice first."""


class Naive:
    """A router that asks each line for itself, by a ranking; with `whole_first` one place for all lines before that."""

    def __init__(self, problem: Problem, policy: str) -> None:
        """`policy` is one of `POLICIES`."""
        self._problem = problem
        self._left: dict[str, dict[str, int]] = {}
        for (sku, place), units in problem.stock.items():
            self._left.setdefault(sku, {})[place] = units
        self._fixed = {place: number for number, place in enumerate(problem.places)}
        self._rank: Ranking = {"most_stock": self._most_stock, "fixed": self._fixed_order}.get(policy, self._nearest)
        self._whole_first = policy == "nearest_whole"

    def route(self, order: OrderRecord) -> Sequence[Taken]:
        """See `Router.route`."""
        taken = (self._from_one(order) if self._whole_first else ()) or self._line_by_line(order)
        skus = {line.line: line.sku for line in order.lines}
        for each in taken:
            self._left[skus[each.line]][each.place] -= each.quantity
        return taken

    def _from_one(self, order: OrderRecord) -> Sequence[Taken]:
        for place in self._nearest(order, order.lines[0]):
            if all(self._units(line.sku, place) >= line.quantity for line in order.lines):
                return [Taken(line.line, place, line.quantity) for line in order.lines]
        return ()

    def _line_by_line(self, order: OrderRecord) -> Sequence[Taken]:
        taken: list[Taken] = []
        for line in order.lines:
            found = self._fill(order, line)
            if sum(each.quantity for each in found) < line.quantity and not order.partial:
                return ()
            taken += found
        return taken

    def _fill(self, order: OrderRecord, line: OrderedLine) -> Sequence[Taken]:
        there = [(place, units) for place in self._rank(order, line) if (units := self._units(line.sku, place)) > 0]
        for place, units in there:
            if units >= line.quantity:
                return [Taken(line.line, place, line.quantity)]
        found: list[Taken] = []
        left = line.quantity
        for place, units in there[: (order.max_splits or 0) + 1]:
            found.append(Taken(line.line, place, min(units, left)))
            left -= found[-1].quantity
            if left == 0:
                break
        return found

    def _units(self, sku: str, place: str) -> int:
        return self._left.get(sku, {}).get(place, 0)

    # -- rankings --------------------------------------------------------------------------------------------------

    def _nearest(self, order: OrderRecord, line: OrderedLine) -> Sequence[str]:
        assert order.destination is not None
        destination, places = order.destination, self._problem.places
        return sorted(self._left.get(line.sku, {}), key=lambda place: (distance_km(places[place], destination), place))

    def _most_stock(self, _order: OrderRecord, line: OrderedLine) -> Sequence[str]:
        return sorted(self._left.get(line.sku, {}), key=lambda place: (-self._units(line.sku, place), place))

    def _fixed_order(self, _order: OrderRecord, line: OrderedLine) -> Sequence[str]:
        return sorted(self._left.get(line.sku, {}), key=self._fixed.__getitem__)


POLICIES = ("nearest", "nearest_whole", "most_stock", "fixed")

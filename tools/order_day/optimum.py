"""The best that could have been done with all orders known beforehand: an integer program, solved to a proven bound.

No router can reach it, for it knows the future: it keeps the last unit for whoever will need it most. It says how much of the
cost is owed to not knowing, and bounds what a better router could win.

    taken(line, place)      units, 0 to the quantity of the line
    used(line, place)       whether the line takes any there: at most max_splits + 1 places a line
    parcel(order, place)    whether a parcel leaves there for the order; costs what a shipment costs
    refused(order)          of what is all or nothing; otherwise each unit that is missing costs its share of a line

What is taken at a place is at most its stock. Whole-numbered are `used` and `refused`; with them given, the rest is a
transport problem, whose best solutions are whole by themselves.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from agents.inventory.orders.words import OrderRecord
from tools.order_day.routing import MISSING_CENTS, Problem, Routed, Taken

INTEGER, CONTINUOUS = 1, 0
WHOLE_WITHIN = 1e-6
SECONDS = 300.0
GAP = 1e-6


class Optimum(msgspec.Struct, frozen=True):
    """What was found."""

    routed: Routed
    gap: float
    """How far, at most, a better one could be, relative to this one; 0 = proven the best."""
    is_proven: bool


class Model:
    """The program while it is written down: variables with cost and bound, rows with coefficients and bounds."""

    def __init__(self) -> None:
        self.costs: list[float] = []
        self.upper: list[float] = []
        self.kinds: list[int] = []
        self._rows: list[int] = []
        self._columns: list[int] = []
        self._values: list[float] = []
        self.row_low: list[float] = []
        self.row_high: list[float] = []

    def variable(self, cost: float, upper: float, kind: int) -> int:
        """A variable from 0 to `upper`."""
        self.costs.append(cost)
        self.upper.append(upper)
        self.kinds.append(kind)
        return len(self.costs) - 1

    def row(self, low: float, high: float, *terms: tuple[int, float]) -> None:
        """A sum of variables times numbers, between two bounds."""
        for column, value in terms:
            self._rows.append(len(self.row_low))
            self._columns.append(column)
            self._values.append(value)
        self.row_low.append(low)
        self.row_high.append(high)

    def solve(self, seconds: float, gap: float) -> Any:
        """The result, as scipy has it."""
        shape = len(self.row_low), len(self.costs)
        matrix = csr_array((self._values, (self._rows, self._columns)), shape=shape)
        with remarks_to_stderr():
            return milp(
                np.array(self.costs),
                integrality=np.array(self.kinds),
                bounds=Bounds(np.zeros(len(self.upper)), np.array(self.upper)),
                constraints=LinearConstraint(matrix, np.array(self.row_low), np.array(self.row_high)),
                options={"time_limit": seconds, "mip_rel_gap": gap},
            )


@contextmanager
def remarks_to_stderr() -> Iterator[None]:
    """The solver prints a remark now and then past Python's standard output, which is for results."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def optimum(problem: Problem, seconds: float = SECONDS, gap: float = GAP) -> Optimum:
    """Solve it within so many seconds, or to that gap. Raises ArithmeticError where not even a solution was found."""
    model = Model()
    units_of: dict[tuple[str, int, str], int] = {}
    takers: dict[tuple[str, str], list[int]] = {}
    constant = 0.0
    for order in problem.orders:
        constant += MISSING_CENTS * len(order.lines) if order.partial else 0
        for (line, sku, place), column in write_order(model, problem, order):
            units_of[order.order_id, line, place] = column
            takers.setdefault((sku, place), []).append(column)
    for position, columns in takers.items():
        if sum(model.upper[column] for column in columns) > problem.stock[position]:
            model.row(0, problem.stock[position], *[(column, 1.0) for column in columns])
    result = model.solve(seconds, gap)
    if result.x is None:
        raise ArithmeticError(f"no solution: {result.message}")
    routed: dict[str, list[Taken]] = {order.order_id: [] for order in problem.orders}
    for (order_id, line, place), column in units_of.items():
        units = round(float(result.x[column]))
        if units:
            routed[order_id].append(Taken(line, place, units))
    found, bound = float(result.fun) + constant, float(result.mip_dual_bound) + constant
    left = max(0.0, (found - bound) / found) if found else 0.0
    return Optimum(routed, left, left <= max(gap, WHOLE_WITHIN))


def write_order(model: Model, problem: Problem, order: OrderRecord) -> Iterator[tuple[tuple[int, str, str], int]]:
    """The variables and rows of an order: ((line, article, place), column of the units taken)."""
    parcels: dict[str, int] = {}
    refused = None
    if not order.partial:
        refused = model.variable(MISSING_CENTS * len(order.lines), 1, INTEGER)
    for line in order.lines:
        taken: list[int] = []
        used: list[int] = []
        for place in problem.places:
            there = min(line.quantity, problem.stock.get((line.sku, place), 0))
            if not there:
                continue
            if place not in parcels:
                parcels[place] = model.variable(problem.cost(order, place), 1, CONTINUOUS)
            worth = -MISSING_CENTS / line.quantity if order.partial else 0.0
            taken.append(model.variable(worth, there, CONTINUOUS))
            used.append(model.variable(0, 1, INTEGER))
            model.row(-np.inf, 0, (taken[-1], 1.0), (used[-1], -float(there)))
            model.row(-np.inf, 0, (used[-1], 1.0), (parcels[place], -1.0))
            yield (line.line, line.sku, place), taken[-1]
        if len(used) > (order.max_splits or 0) + 1:
            model.row(0, (order.max_splits or 0) + 1, *[(column, 1.0) for column in used])
        all_of_it = [(column, 1.0) for column in taken]
        if refused is None:
            model.row(0, line.quantity, *all_of_it)
        else:
            model.row(line.quantity, line.quantity, *all_of_it, (refused, float(line.quantity)))

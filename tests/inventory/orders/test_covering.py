"""Which places a basket comes from: the best set of all there are, against trying every set."""

from __future__ import annotations

import random
from collections.abc import Mapping
from itertools import combinations

import pytest

from agents.inventory.orders.covering import MOST_LINES_WEIGHED, best_cover
from agents.inventory.orders.planning import make_plan
from agents.inventory.orders.words import OrderedLine, Read

Reads = dict[str, dict[str, Read]]


def by_trying_all(
    covers: Mapping[str, int], lines: int, costs: Mapping[str, int], split_must_save: int | None
) -> tuple[int, int] | None:
    """(places, cost) of the best set."""
    found: list[tuple[int, int]] = []
    for size in range(1, lines + 1):
        for group in combinations(covers, size):
            together = 0
            for place in group:
                together |= covers[place]
            if together == (1 << lines) - 1:
                found.append((size, sum(costs[place] for place in group)))
    if split_must_save is None:
        return min(found, default=None)
    return min(found, key=lambda each: (each[1] + split_must_save * each[0], each[0]), default=None)


@pytest.mark.parametrize("split_must_save", [None, 0, 50, 10_000])
def test_no_set_of_places_is_better_than_the_one_that_is_found(split_must_save: int | None) -> None:
    rng = random.Random(7)
    found_any = 0
    for _ in range(300):
        lines = rng.randint(1, 4)
        covers = {f"P{n}": rng.randrange(1 << lines) for n in range(rng.randint(1, 8))}
        costs = {place: rng.randint(1, 100) for place in covers}
        group = best_cover(covers, lines, costs, split_must_save)
        best = by_trying_all(covers, lines, costs, split_must_save)
        found = None if group is None else (len(group), sum(costs[place] for place in group))
        assert found == best, (covers, costs, group)
        found_any += group is not None
    assert found_any > 100


def test_equal_sets_go_by_name_and_too_large_baskets_are_left_to_others() -> None:
    assert best_cover({"YORK": 3, "LEEDS": 3}, 2, {"YORK": 5, "LEEDS": 5}, None) == ("LEEDS",)
    many = MOST_LINES_WEIGHED + 1
    assert best_cover({"LEEDS": (1 << many) - 1}, many, {"LEEDS": 1}, None) is None


def stock(**places: dict[str, int]) -> Reads:
    """SKU -> place -> units, told the other way round."""
    reads: Reads = {}
    for place, units in places.items():
        for sku, atp in units.items():
            reads.setdefault(sku, {})[place] = Read(place, 1, atp)
    return reads


def test_a_place_that_alone_has_a_line_is_found_however_many_have_more_lines() -> None:
    others = {f"P{n:02}": {"SHOE": 1, "HAT": 1} for n in range(20)}
    plan = make_plan(
        [OrderedLine(1, "SHOE", 1), OrderedLine(2, "HAT", 1), OrderedLine(3, "SOCK", 1)],
        stock(**others, ZERMATT={"SOCK": 1}),
        lambda place: 500 if place == "ZERMATT" else 1,
    )
    assert plan.is_whole
    assert plan.places == ("P00", "ZERMATT")


def test_a_line_that_no_place_has_whole_is_ranked_by_what_they_have() -> None:
    plan = make_plan(
        [OrderedLine(1, "SHOE", 7), OrderedLine(2, "HAT", 1)],
        stock(A={"SHOE": 1, "HAT": 1}, B={"SHOE": 4}, C={"SHOE": 3}),
        lambda _: 1,
    )
    assert not plan.is_whole
    assert plan.lines[0].locations == ("B", "C", "A")
    assert plan.lines[1].locations == ("A",)


def test_two_lines_of_one_sku_draw_on_the_same_units() -> None:
    lines = [OrderedLine(1, "SHOE", 2), OrderedLine(2, "SHOE", 2), OrderedLine(3, "HAT", 1)]
    plan = make_plan(lines, stock(A={"SHOE": 3, "HAT": 1}, B={"SHOE": 4}), lambda _: 1)
    assert plan.places == ("A", "B")
    assert plan.is_whole


def test_a_basket_of_many_lines_is_filled_greedily() -> None:
    lines = [OrderedLine(number, f"sku-{number}", 1) for number in range(1, MOST_LINES_WEIGHED + 4)]
    most = {line.sku: 1 for line in lines[:-1]}
    plan = make_plan(lines, stock(A=most, B={lines[-1].sku: 1, lines[0].sku: 1}), lambda _: 1)
    assert plan.places == ("A", "B")

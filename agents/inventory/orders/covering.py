"""Which places together have every line of a basket whole: the best such set of all there are.

A place that a cheaper one can stand in for need not be weighed, so few are left; and how some lines are covered does not
matter to the others. So the best way to cover each set of lines follows from those to smaller ones, and all places are
weighed, not some.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

MOST_LINES_WEIGHED = 8
"""Baskets of more articles are filled greedily: the work doubles with each."""

Price = tuple[int, int]
"""What is compared first, and what decides among equals."""
Weighed = tuple[Price, tuple[str, ...]]


def best_cover(
    covers: Mapping[str, int], lines: int, costs: Mapping[str, int], split_must_save: int | None
) -> tuple[str, ...] | None:
    """The best set of places that has every one of so many lines, by name; None where there is none.

    `covers` says which lines a place has whole, a bit for each. The fewest places are the best, of equally many the
    cheapest; with `split_must_save` one place more is taken where that saves more. Ties go by name.
    """
    if not 0 < lines <= MOST_LINES_WEIGHED:
        return None
    best: dict[int, Weighed] = {0: ((0, 0), ())}
    for place, mask in worth_weighing(covers, costs):
        for known, ((_, _), group) in list(best.items()):
            together = known | mask
            if together == known:
                continue
            weighed = weigh((*group, place), costs, split_must_save)
            if together not in best or weighed < best[together]:
                best[together] = weighed
    found = best.get((1 << lines) - 1)
    return None if found is None else found[1]


def worth_weighing(covers: Mapping[str, int], costs: Mapping[str, int]) -> list[tuple[str, int]]:
    """The places of which no cheaper one has the same lines and maybe more; by name."""
    kept: list[tuple[str, int]] = []
    for place in sorted(covers, key=lambda place: (costs[place], place)):
        mask = covers[place]
        if mask and not any(mask | other == other for _, other in kept):
            kept.append((place, mask))
    return sorted(kept)


def weigh(group: Sequence[str], costs: Mapping[str, int], split_must_save: int | None) -> Weighed:
    """The price of a set of places."""
    cost = sum([costs[place] for place in group])
    if split_must_save is None:
        return (len(group), cost), tuple(group)
    return (cost + split_must_save * len(group), len(group)), tuple(group)

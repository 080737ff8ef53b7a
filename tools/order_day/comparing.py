"""All ways to route on the same orders and the same stock, in one table."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Sequence

import msgspec

from tools.order_day.naive import POLICIES, Naive
from tools.order_day.outside import Say
from tools.order_day.routed import Onhand
from tools.order_day.routing import Problem, Router, Score, score

ONHAND, SPLITTING, OPTIMUM = "onhand", "onhand_splitting", "optimum"
SPLIT_MUST_SAVE = 0
"""Of `onhand_splitting`: whatever is cheapest, however many parcels it takes."""


class Comparison(msgspec.Struct, kw_only=True):
    """What came out."""

    scores: dict[str, Score]
    """By the way to route."""
    days: int
    gap: float | None = None
    """Of the optimum: how far a better one could be at most, on the worst of the days; None where none was asked for."""
    is_proven: bool = False
    """Of the optimum, on all days."""


def compare(problems: Sequence[Problem], say: Say, seconds: float | None = None) -> Comparison:
    """Route some days by every way; with `seconds` also look for the optimum of each for so long."""
    ways: dict[str, Callable[[Problem], Router]] = {
        ONHAND: Onhand,
        SPLITTING: lambda problem: Onhand(problem, SPLIT_MUST_SAVE),
        **{policy: functools.partial(Naive, policy=policy) for policy in POLICIES},
    }
    scores: dict[str, Score] = {}
    for name, router_of in ways.items():
        started = time.monotonic()
        scores[name] = score(*[(problem, problem.run(router_of(problem))) for problem in problems])
        say(f"{name}: {time.monotonic() - started:.0f} s")
    if seconds is None:
        return Comparison(scores=scores, days=len(problems))
    from tools.order_day.optimum import optimum

    found = []
    for number, problem in enumerate(problems, 1):
        started = time.monotonic()
        found.append(optimum(problem, seconds))
        say(f"{OPTIMUM}: day {number} of {len(problems)}, {time.monotonic() - started:.0f} s, gap {found[-1].gap:.2%}")
    scores[OPTIMUM] = score(*[(problem, best.routed) for problem, best in zip(problems, found, strict=True)])
    proven = all(best.is_proven for best in found)
    return Comparison(scores=scores, days=len(problems), gap=max(best.gap for best in found), is_proven=proven)

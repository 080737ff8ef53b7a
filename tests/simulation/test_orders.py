"""Orders under crashes: never both confirmed and released, never more than ordered, no claim outlives its order.

`make simulation ARGS=--orders` plays more; `python -m tests.simulation --orders --seed N` plays one of these again.
"""

from __future__ import annotations

import pytest

from tests.simulation.orders import OrdersWorld

SEEDS, AT_ONCE = 40, 20


@pytest.mark.parametrize("first", range(1, SEEDS + 1, AT_ONCE))
def test_orders_hold_their_invariants_whoever_crashes_when(first: int) -> None:
    crashes = 0
    for seed in range(first, first + AT_ONCE):
        world = OrdersWorld(seed)
        world.run()
        crashes += world.crashes
    assert crashes > AT_ONCE, "a world without crashes shows little"


def test_the_same_seed_is_the_same_world() -> None:
    first, second = OrdersWorld(7), OrdersWorld(7)
    first.run()
    second.run()
    assert first.story() == second.story()
    assert (first.steps, first.commits, first.crashes) == (second.steps, second.commits, second.crashes)
    assert list(first._orders()) == list(second._orders())

"""A week of a campaign over 200 SKUs, with a platform that loses things and people who meddle."""

from __future__ import annotations

import random

import pytest

from agents.inventory.campaigns.words import Alternative, CommandKind, Registration, Rule, Thresholds
from agents.inventory.offers import State
from tests.inventory.campaigns.world import HOUR_MS, MINUTE_MS, SWITCHES, World, replay

SKUS = tuple(f"S{number:03}" for number in range(200))
ALTERNATIVES = (Alternative("a1", ("A1",)), Alternative("a2", ("A2", "S001")), Alternative("a3", ("A3",)))
THRESHOLDS = Thresholds(
    rule=Rule.SHARE, pause_at=40, resume_at=60, minimum_dwell_ms=60 * MINUTE_MS, cool_down_ms=90 * MINUTE_MS
)


def a_week(seed: int) -> World:
    """Tides of stock around the thresholds; every eight hours it is quiet, and everything must agree."""
    registration = Registration(
        "meta", "act_1", 10_007, "EUR", skus=SKUS, thresholds=THRESHOLDS, alternatives=ALTERNATIVES
    )
    world = World(registration, seed)
    choose = world.random
    world.say(State.IN_STOCK, *SKUS, "A1", "A2", "A3")
    for _ in range(17):
        world.platform.trouble = choose.choice([0.0, 0.2, 0.4])
        until_ms = world.now_ms + 8 * HOUR_MS
        while world.now_ms < until_ms:
            an_event(world)
            world.pass_time(choose.randrange(40 * MINUTE_MS))
        world.platform.trouble = 0.0
        world.pass_time(4 * HOUR_MS)
        world.agree()
    return world


def an_event(world: World) -> None:
    """Stock comes or goes in many SKUs, or somebody meddles."""
    choose = world.random
    event = choose.random()
    if event < 0.04:
        if world.platform.paused_by != "others":  # it runs, or Onhand has paused it: theirs it is from now on
            world.others(pause=True)
        elif choose.random() < 0.8:
            world.others(pause=False)
    elif event < 0.15:
        world.say(choose.choice(list(State)), choose.choice(["A1", "A2", "A3"]))
    elif event < 0.25:
        world.signal(choose.choice(["A1", "A2", "A3"]), choose.randrange(60))
    else:
        tide = choose.choice([State.OUT, State.OUT, State.LOW, State.IN_STOCK, State.IN_STOCK])
        world.say(tide, *choose.sample(SKUS, choose.randrange(1, 100)))


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_a_week_never_flaps_never_touches_what_others_paused_and_ends_as_the_rule_says(seed: int) -> None:
    world = a_week(seed)  # The world checks itself at every step.
    first = [command for command in world.commands if command.attempt == 1]
    assert sum(command.kind in SWITCHES for command in first) > 10, "the week was too quiet to show anything"
    assert {CommandKind.PAUSE, CommandKind.RESUME, CommandKind.SHIFT_BUDGET} <= {each.kind for each in first}
    keys = [(command.idempotency_key, command.attempt) for command in world.commands]
    assert len(keys) == len(set(keys))

    assert replay(world.log, world.policy) == world.commands
    twice = replay(world.log, world.policy, random.Random(seed))
    assert twice == world.commands, "duplicates changed something"

"""The whole path under every fault that a seed can draw: nothing lost, nothing doubled, nobody ahead of the log.

`python -m tests.simulation --seed N` plays one of these seeds again and prints what happened.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.world import Violation, World

ROOT = Path(__file__).resolve().parents[2]
SEEDS, AT_ONCE = 1_000, 50
ROCKS_SEEDS = 12
COVERING_SEEDS = 250


@pytest.mark.parametrize("first", range(1, SEEDS + 1, AT_ONCE))
def test_nothing_is_lost_doubled_or_ahead_whatever_fails(first: int) -> None:
    broken = []
    for seed in range(first, first + AT_ONCE):
        try:
            World(seed).run()
        except Violation as violation:
            broken.append(f"{violation} (python -m tests.simulation --seed {seed})")
    assert broken == []


@pytest.mark.parametrize("seed", range(1, ROCKS_SEEDS + 1))
def test_the_same_holds_with_rocksdb_as_the_local_store(seed: int, tmp_path: Path) -> None:
    World(seed, directory=tmp_path).run()


def test_the_worlds_meet_every_fault_at_every_boundary() -> None:
    met = [(str(line[1]), str(line[2])) for seed in range(1, COVERING_SEEDS + 1) for line in traced(seed)]
    crashes = {where for what, where in met if what == "crashes"}
    assert crashes >= {
        *("fence off", "fenced off", "ask for figures", "open the store", "restore", "commit", "half produced"),
        *("produced", "committed", "before the store", "half stored", "stored", "somewhere"),
    }
    assert {what for what, _ in met} >= {
        *("aborted", "answer lost", "commit unheard", "commit on its way", "lost", "evicted", "revoked", "assigned"),
        *("fences off", "freezes until", "is not heard until", "compacts", "rebalances", "has left", "waits"),
        "transaction timed out",
    }


def traced(seed: int) -> list[tuple[object, ...]]:
    """What happened to whom in the world of a seed: (who, what, detail)."""
    world = World(seed)
    world.run()
    return [(*line[2:], "") for line in world.trace]


@pytest.mark.parametrize("seed", [3, 17])
def test_the_same_seed_gives_the_same_story_byte_for_byte_in_any_process(seed: int) -> None:
    stories = [told(seed, hash_seed) for hash_seed in ("1", "2")]
    assert stories[0] == stories[1]
    assert b"all is well" in stories[0]


def told(seed: int, hash_seed: str) -> bytes:
    """What the command prints, in a process whose sets and dicts have another order."""
    return subprocess.run(
        [sys.executable, "-m", "tests.simulation", "--seed", str(seed)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        check=True,
        capture_output=True,
    ).stdout


def test_another_seed_is_another_world() -> None:
    assert traced(1) != traced(2)

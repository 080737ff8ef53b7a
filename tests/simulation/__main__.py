# ruff: noqa: T201 - a command prints
"""`python -m tests.simulation --seed N` plays one seed and prints its trace; `--seeds A..B` plays a range."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from functools import partial
from pathlib import Path

from tests.simulation.orders import OrdersWorld
from tests.simulation.world import Violation, World


def play(seed: int, *, rocks: bool) -> tuple[World, str | None]:
    """The world of a seed after its end, and what was broken, if anything."""
    with tempfile.TemporaryDirectory() if rocks else nullcontext() as directory:
        world = World(seed, directory=None if directory is None else Path(directory))
        try:
            world.run()
        except Violation as violation:
            return world, str(violation)
    return world, None


def play_orders(seed: int) -> tuple[OrdersWorld, str | None]:
    """The world of orders of a seed after its end, and what was broken, if anything."""
    world = OrdersWorld(seed)
    try:
        world.run()
    except Violation as violation:
        return world, str(violation)
    return world, None


def seeds_of(text: str) -> range:
    """`A..B`, both included."""
    first, separator, last = text.partition("..")
    if not separator or not first.isdigit() or not last.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not A..B")
    return range(int(first), int(last) + 1)


def main() -> int:
    """Exit code 1 if a seed broke an invariant."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--seed", type=int, help="play this one and print its trace")
    which.add_argument("--seeds", type=seeds_of, metavar="A..B", help="play all of these")
    of = parser.add_mutually_exclusive_group()
    of.add_argument("--rocks", action="store_true", help="keep the local stores in RocksDB, not in memory")
    of.add_argument("--orders", action="store_true", help="worlds of orders: stock keeper and order router")
    parser.add_argument("--most-failures", type=int, default=5, metavar="N", help="stop a range after N (default 5)")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="play a range in N processes (default 1)")
    asked = parser.parse_args()
    if asked.seed is not None:
        world, broken = play_orders(asked.seed) if asked.orders else play(asked.seed, rocks=asked.rocks)
        print(world.story())
        print(broken or f"seed {asked.seed}: all is well after {world.steps} steps")
        return 1 if broken else 0
    options = " --rocks" if asked.rocks else " --orders" if asked.orders else ""
    return _play_all(asked.seeds, options, most_failures=asked.most_failures, jobs=asked.jobs)


def _play_all(seeds: range, options: str, *, most_failures: int, jobs: int) -> int:
    began, played, commits, failures = time.perf_counter(), 0, 0, 0
    with ProcessPoolExecutor(jobs) if jobs > 1 else nullcontext() as pool:
        outcome = partial(_outcome, options=options)
        outcomes = map(outcome, seeds) if pool is None else pool.map(outcome, seeds, chunksize=10)
        for seed, (of_seed, broken) in zip(seeds, outcomes, strict=True):
            played += 1
            commits += of_seed
            if sys.stderr.isatty():
                print(f"\r{played}/{len(seeds)} seeds, {failures} failed ", end="", file=sys.stderr, flush=True)
            if broken is not None:
                failures += 1
                replay = f"python -m tests.simulation --seed {seed}{options}"
                print(f"{broken}\n  replay: {replay}", flush=True)
            if failures >= most_failures:
                break
        if pool is not None:
            pool.shutdown(cancel_futures=True)
    seconds = time.perf_counter() - began
    pace = f"{60 * played / seconds:.0f} seeds/minute"
    print(f"{played} seeds, {commits} commits, {failures} failed; {seconds:.1f} s, {pace}")
    return 1 if failures else 0


def _outcome(seed: int, *, options: str) -> tuple[int, str | None]:
    """Commits of a seed, and what was broken."""
    if options == " --orders":
        of_orders, broken = play_orders(seed)
        return of_orders.commits, broken
    world, broken = play(seed, rocks=options == " --rocks")
    return world.watch.commits, broken


if __name__ == "__main__":
    sys.exit(main())

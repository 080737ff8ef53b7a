"""`python -m tests.chaos`: strike all faults on an Apache Kafka of its own, print the table, keep it in docs/operating/faults.md.

Exit code 0: all green; 1: something did not hold; 2: wrong usage; 3: Apache Kafka cannot run here.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.chaos import page
from tests.chaos.catalogue import FAULTS
from tests.chaos.faults import Fault
from tests.chaos.page import Row
from tests.chaos.scene import Outcome, Scene
from tools.brokers.apache_kafka import unavailable_reason

GREEN, RED, USAGE, CANNOT = 0, 1, 2, 3


def main(arguments: Sequence[str]) -> int:
    """Run what is asked for."""
    asked = parser().parse_args(arguments)
    unknown = [name for name in asked.only if name not in FAULTS]
    if unknown:
        sys.stderr.write(f"Error: There is no fault {unknown[0]!r}.\n  There are: {', '.join(FAULTS)}.\n")
        return USAGE
    chosen = [each for each in FAULTS.values() if each.name in asked.only] if asked.only else list(FAULTS.values())
    chosen = [each for each in chosen if each.short] if asked.short else chosen
    if asked.list:
        sys.stdout.writelines(f"{each.name:24} {each.what}\n" for each in chosen)
        return GREEN
    reason = unavailable_reason()
    if reason is not None:
        sys.stderr.write(f"Error: {reason}.\n")
        return CANNOT
    rows = strike(chosen, asked.seed, asked.runs, asked.keep)
    sys.stdout.write("\n" + page.table(rows))
    if not asked.only and not asked.short:
        page.write(rows)
        sys.stdout.write(f"\nKept in {page.PAGE.relative_to(page.ROOT)}.\n")
    return GREEN if all(row.green == row.runs for row in rows) else RED


def parser() -> argparse.ArgumentParser:
    """The options."""
    made = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description="Strike faults on real processes and an Apache Kafka of its own, and judge what is left.",
        epilog="Example: python -m tests.chaos --only zombie --seed 7",
    )
    made.add_argument("--only", action="append", default=[], metavar="NAME", help="Only this fault; may be repeated.")
    made.add_argument("--short", action="store_true", help="Only the short set, which every change must pass.")
    made.add_argument("--seed", type=int, default=1, help="Of load and blows; each further run adds one (default 1).")
    made.add_argument("--runs", type=int, default=1, help="How often each fault is struck (default 1).")
    made.add_argument("--keep", type=Path, metavar="FOLDER", help="Keep logs and state there.")
    made.add_argument("--list", action="store_true", help="Say what there is, and end.")
    return made


def strike(chosen: Sequence[Fault], seed: int, runs: int, keep: Path | None) -> list[Row]:
    """All runs on one broker."""
    with contextlib.ExitStack() as stack:
        root = keep or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="onhand-chaos-")))
        scene = stack.enter_context(Scene(root))
        began = time.monotonic()
        outcomes: list[Outcome] = []
        for number in range(runs):
            outcomes += [strike_one(scene, each, seed + number) for each in chosen]
        sys.stdout.write(f"\n{len(outcomes)} runs in {time.monotonic() - began:.0f} s\n")
    return [Row.of(each, [outcome for outcome in outcomes if outcome.fault == each.name]) for each in chosen]


def strike_one(scene: Scene, fault: Fault, seed: int) -> Outcome:
    """One run, told in a line; what did not hold is told in full."""
    sys.stdout.write(f"{fault.name:24} seed {seed} ... ")
    sys.stdout.flush()
    with (scene.root / f"{fault.name}-{seed}.txt").open("w") as said, contextlib.redirect_stdout(said):
        outcome = scene.run(fault, seed)
    lag = "-" if outcome.lag_zero_s is None else f"{outcome.lag_zero_s:.1f} s"
    verdict = "RED" if outcome.red else "green"
    sys.stdout.write(f"{verdict}, {outcome.records} records, lag 0 after {lag}, took {outcome.seconds:.0f} s\n")
    for what in outcome.red:
        sys.stdout.write(f"    {what}\n")
    sys.stdout.flush()
    return outcome


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

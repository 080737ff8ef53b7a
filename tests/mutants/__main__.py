# ruff: noqa: T201 - a command prints
"""`make mutants`: breaks a copy of the code in each of the listed ways, and says which check saw it.

Exit code 1 if a mutant survives, or if the checks fail on the code as it is.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.mutants.mutants import MUTANTS, ROOT, DoesNotFit, Mutant, mutated

COPIED = ("agents", "schemas", "tools", "tests", "topology.yaml", "pyproject.toml")
PATIENCE_S = 600


class Verdict(NamedTuple):
    """What came of one mutant."""

    name: str
    caught_by: str | None
    """None: it survived."""
    seconds: float


def copy_tree(to: Path) -> Path:
    """The code as it is, where it may be broken."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, to / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        else:
            shutil.copy(source, to / name)
    return to


def run(copy: Path, mutant: Mutant) -> tuple[int, str]:
    """Exit code and output of the check of a mutant."""
    if mutant.tests:
        command = ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *mutant.tests]
    else:
        command = ["-m", "tests.simulation", "--seeds", mutant.seeds, "--most-failures", "1"]
    ended = subprocess.run(
        [sys.executable, *command],
        cwd=copy,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(copy)},
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
    )
    return ended.returncode, ended.stdout + ended.stderr


def witness(code: int, output: str, mutant: Mutant) -> str | None:
    """Who saw it: the seed or the test. A copy that does not even start has seen nothing."""
    mark = "FAILED " if mutant.tests else "seed "
    said = [line for line in output.splitlines() if line.startswith(mark)]
    return said[0] if code == 1 and said else None


def judge(copy: Path, mutant: Mutant) -> Verdict:
    """Break the copy, look who sees it, and mend the copy."""
    texts = mutated(mutant, copy)
    originals = {path: (copy / path).read_text(encoding="utf-8") for path in texts}
    began = time.perf_counter()
    try:
        for path, text in texts.items():
            (copy / path).write_text(text, encoding="utf-8")
        code, output = run(copy, mutant)
    finally:
        for path, text in originals.items():
            (copy / path).write_text(text, encoding="utf-8")
    seen = witness(code, output, mutant)
    if seen is None and code != 0:
        print(output, file=sys.stderr)
    return Verdict(mutant.name, seen, time.perf_counter() - began)


def is_green(copy: Path) -> bool:
    """Whether all checks hold on the code as it is: without that a caught mutant means nothing."""
    for mutant in {mutant.check: mutant for mutant in MUTANTS}.values():
        code, output = run(copy, mutant)
        if code != 0:
            print(f"{mutant.check} is not green on the code as it is:\n{output}", file=sys.stderr)
            return False
    return True


def table(verdicts: list[Verdict]) -> str:
    """One line each."""
    widest = max(len(verdict.name) for verdict in verdicts)
    rows = [f"{'mutant':{widest}}  seconds  caught by", f"{'-' * widest}  -------  ---------"]
    rows += [
        f"{each.name:{widest}}  {each.seconds:7.1f}  {each.caught_by or 'NOBODY: IT SURVIVES'}" for each in verdicts
    ]
    return "\n".join(rows)


def main() -> int:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--only", metavar="WORDS", default="", help="those whose name contains this")
    parser.add_argument("--skip-green", action="store_true", help="trust that the code as it is passes the checks")
    asked = parser.parse_args()
    chosen = [mutant for mutant in MUTANTS if asked.only.lower() in mutant.name.lower()]
    if not chosen:
        print(f"No mutant is called {asked.only!r}.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="onhand-mutants-") as directory:
        copy = copy_tree(Path(directory))
        try:
            if not asked.skip_green and not is_green(copy):
                return 1
            verdicts = []
            for number, mutant in enumerate(chosen, 1):
                print(f"[{number}/{len(chosen)}] {mutant.name}", file=sys.stderr, flush=True)
                verdicts.append(judge(copy, mutant))
        except DoesNotFit as stale:
            print(stale, file=sys.stderr)
            return 1
    print(table(verdicts))
    survivors = [verdict.name for verdict in verdicts if verdict.caught_by is None]
    print(f"{len(verdicts) - len(survivors)} of {len(verdicts)} mutants caught")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())

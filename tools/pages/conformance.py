"""docs/reference/conformance.md: what other inventory systems assert, and how the ledger behaves there.

The cases are the scenarios under docs/scenarios/peers. Each says at its head which case it is, what it shows and where
it comes from; where ours behaves otherwise it says why (`Decided:`) or how ours is better (`Better:`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tools.pages.docstrings import in_one_line
from tools.pages.plays import PEERS, SCENARIOS, Play, all_plays, link_to
from tools.pages.worked_examples import EXAMPLES

HEAD = """\
# Conformance

Written by `make docs` from the scenarios: do not edit.

What the test suites, documents and reports of other inventory systems assert was collected as facts: system, commit, file, test. Each
became a scenario in our own language and words, and is run by the tests and by `onhand play docs/scenarios/peers/*.txt`; `--live`
runs them through a broker and a worker.
"""

FIELD = re.compile(r"^# (Case|What|Source|File|Test|Decided|Better): (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Case:
    """One case and what became of it."""

    name: str
    what: str
    source: str
    """Where it was found, as a cell of the table."""
    decided: str | None
    better: str | None
    play: Play

    @property
    def result(self) -> str:
        """What the ledger does, as a cell of the table."""
        if self.play.difference is not None:
            return f"differs: {in_one_line(self.play.difference)}"
        if self.better is not None:
            return f"ours is better: {self.better}"
        return f"decided: {self.decided}" if self.decided is not None else "the same"


def cases() -> list[Case]:
    """All cases, by name."""
    return [case_of(play) for play in all_plays() if play.path.parent == PEERS]


def case_of(play: Play) -> Case:
    """Read the head of a scenario. Raises KeyError where the case, what it shows or its source is missing."""
    said = {name: in_one_line(text) for name, text in FIELD.findall(play.path.read_text(encoding="utf-8"))}
    return Case(said["Case"], said["What"], source_of(said), said.get("Decided"), said.get("Better"), play)


def source_of(said: dict[str, str]) -> str:
    """Repository, commit, file and test, or the address of a page."""
    if said["Source"].startswith("https://"):
        return f"[{said['Test']}]({said['Source']})"
    return f"{said['Source'].replace(', commit ', '@')} {said['File']}: {said['Test']}"


def examples() -> dict[int, list[Path]]:
    """Number of a worked example -> its scenarios."""
    found: dict[int, list[Path]] = {number: [] for number in EXAMPLES}
    for path in sorted(SCENARIOS.glob("*.txt")):
        if number := re.match(r"\d\d", path.name):
            found.setdefault(int(number[0]), []).append(path)
    return found


def page() -> str:
    """The whole page."""
    told = cases()
    same, decided, better = (
        sum(case.result.startswith(word) for case in told) for word in ("the same", "decided", "ours is better")
    )
    lines = [
        HEAD,
        f"{len(told)} cases: {same} behave the same, {decided} were decided otherwise, {better} are better here.\n",
        "| case | what | source | scenario | result |",
        "|---|---|---|---|---|",
        *(
            f"| {case.name} | {case.what} | {case.source} | {link_to(case.play.path)} | {case.result} |"
            for case in told
        ),
        "\n## Worked examples\n",
        "The rules in numbers. A scenario belongs to the example whose number its name begins with.\n",
        "| # | what | scenarios |",
        "|---|---|---|",
        *(
            f"| {number} | {EXAMPLES.get(number, '-')} | {' '.join(link_to(path) for path in paths) or '-'} |"
            for number, paths in sorted(examples().items())
        ),
    ]
    return "\n".join(lines) + "\n"

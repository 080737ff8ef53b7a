from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.scenario.parser import parse
from tools.scenario.runner import Runner
from tools.scenario.steps import CheckJournal, Expected, Look, Report, Send, Tell

ROOT = Path(__file__).resolve().parents[2]
SCENARIOS = sorted((ROOT / "docs/scenarios").rglob("*.txt"))
PAGE = ROOT / "docs/reference/scenarios.md"


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_the_scenario_goes_as_it_is_written(path: Path) -> None:
    steps = parse(path.read_text(encoding="utf-8"))
    results = list(Runner().run(steps))
    assert [(result.step.text, result.differences) for result in results if result.differences] == []
    assert len(results) == len(steps)


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_scenario_says_how_its_last_transaction_ends(path: Path) -> None:
    steps = parse(path.read_text(encoding="utf-8"))
    last = max(number for number, step in enumerate(steps) if isinstance(step, Send | Tell | Report))
    step = steps[last]
    assert isinstance(step, Send | Tell | Report)
    looks = [isinstance(each, Look) and not isinstance(each, CheckJournal) for each in steps]
    assert any(looks[last:]) or step.answer is not None or step.expected != Expected()


def test_the_examples_of_the_reference_page_go_as_they_are_written() -> None:
    blocks = re.findall(r"```\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    examples = [block for block in blocks if "scenario     =" not in block]
    assert len(examples) == 3
    assert "crash" in examples[0]
    for example in examples:
        assert [result.differences for result in Runner().run(parse(example)) if result.differences] == []


def test_the_worked_examples_are_all_there() -> None:
    numbers = {int(path.name[:2]) for path in SCENARIOS if path.name[:2].isdigit()}
    assert numbers == set(range(1, 34))

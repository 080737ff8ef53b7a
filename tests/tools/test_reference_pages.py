"""The pages that are written from the code: current, and nothing in them without a word or an example."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools import reference
from tools.pages import conformance, core
from tools.pages.docstrings import docs_of, refusals_of, summary_of
from tools.pages.plays import PEERS, all_plays, example_of
from tools.pages.worked_examples import EXAMPLES

PAGES = sorted(path.name for path in reference.pages())
ROW = re.compile(r"^\| (?!---)(?P<cells>.*) \|$", re.MULTILINE)
PEER_CASES = 124


def rows_of(page: str) -> list[list[str]]:
    """The cells of all tables, their heads left out."""
    tables = re.split(r"\n\n", page)
    rows = [list(ROW.findall(table)) for table in tables]
    return [[cell.strip() for cell in line.split(" | ")] for table in rows for line in table[1:]]


@pytest.mark.parametrize("name", PAGES)
def test_the_page_is_current(name: str) -> None:
    written = {path.name: text for path, text in reference.pages().items()}
    assert (reference.PAGE.parent / name).read_text(encoding="utf-8") == written[name], "run `make docs`"


@pytest.mark.parametrize("name", sorted(core.PAGES))
def test_every_member_has_a_word_and_an_example(name: str) -> None:
    rows = rows_of(core.PAGES[name]())
    assert len(rows) > 5
    assert [row for row in rows if "" in row or "-" in row] == []


def test_no_case_of_another_system_is_unexplained() -> None:
    told = conformance.cases()
    assert len(told) == PEER_CASES
    assert [(case.name, case.result) for case in told if case.result.startswith("differs")] == []
    assert [case.name for case in told if case.name != case.play.path.stem] == []
    assert [case.name for case in told if not (case.what and case.source and case.result)] == []


def test_every_decision_and_every_advantage_says_why() -> None:
    told = conformance.cases()
    assert [case.name for case in told if case.decided is not None and len(case.decided) < 40] == []
    assert [case.name for case in told if case.better is not None and len(case.better) < 40] == []
    assert {case.name for case in told if case.better is not None} == {"SPR-42", "SPR-43"}


def test_every_worked_example_is_told_and_has_a_scenario() -> None:
    assert list(EXAMPLES) == list(range(1, 34))
    assert [number for number, paths in conformance.examples().items() if not paths or number not in EXAMPLES] == []


def test_an_example_is_one_that_goes_as_it_is_written() -> None:
    failing = {play.path for play in all_plays() if play.difference is not None}
    assert example_of("kind", "SALE") not in {None, *failing}
    assert example_of("kind", "NO SUCH KIND") is None


def test_the_file_of_a_case_is_named_like_it() -> None:
    assert all(re.fullmatch(r"[A-Z]{3}-\d\d", path.stem) for path in PEERS.glob("*"))


class Weather:
    """Of a day."""

    SUN = 1
    """It
    shines."""
    RAIN = 2
    degrees: int
    """In | Celsius."""


def forecast() -> None:
    """Look out of the window.

    Then tell. Refuses: TOO_DARK, STORM (if any).
    """


def test_what_the_code_says_is_read_as_it_stands() -> None:
    assert docs_of(Weather) == {"SUN": "It shines.", "degrees": "In \\| Celsius."}
    assert summary_of(forecast) == "Look out of the window. Then tell."
    assert refusals_of(forecast) == ["too_dark", "storm"]


def test_every_example_that_is_no_scenario_names_what_it_shows() -> None:
    root = Path(reference.__file__).resolve().parents[1]
    for (_, name), path in core.ELSEWHERE.items():
        assert name.upper() in (root / path).read_text(encoding="utf-8").upper(), (name, path)

"""The page of the KPIs and the code say the same."""

from __future__ import annotations

import re
from pathlib import Path

from agents.inventory.scores.kpis import KPIS, Unit
from agents.inventory.scores.words import Dimension
from tests.inventory.scores.test_scores_stories import STORIES
from tests.inventory.scores.world import MINUTE, TUESDAY, World

PAGE = (Path(__file__).resolve().parents[3] / "docs/reference/kpis.md").read_text(encoding="utf-8")
UNITS = {
    Unit.RATIO: "ratio",
    Unit.PER_YEAR: "per year",
    Unit.SECONDS: "seconds",
    Unit.MONEY: "smallest unit of money",
    Unit.UNITS: "units",
}
PARTS = ("**Formula:**", "**Unit:**", "**Source:**", "**Does not say:**")
ROW = re.compile(r"^\| \[`(\w+)`\]\(#(\w+)\) \| ([^|]+) \| ([^|]+) \| ([^|]+) \| [^|]+ \|$", re.MULTILINE)


def entries() -> dict[str, str]:
    """KPI -> its entry."""
    parts = re.split(r"^## `(\w+)`$", PAGE, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_every_kpi_has_an_entry_and_no_other_has() -> None:
    assert list(entries()) == [kpi.name for kpi in KPIS]
    assert [row[0] for row in ROW.findall(PAGE)] == [kpi.name for kpi in KPIS]


def test_an_entry_says_formula_unit_source_and_what_the_kpi_does_not_say() -> None:
    units = {kpi.name: UNITS[kpi.unit] for kpi in KPIS}
    for name, entry in entries().items():
        assert [part for part in PARTS if part not in entry] == [], name
        assert f"* **Unit:** {units[name]}\n" in entry, name
    assert {name: unit for name, _, unit, _, _ in ROW.findall(PAGE)} == units


def test_the_subjects_in_the_table_are_those_that_a_kpi_is_said_of() -> None:
    for name, _, _, told, _ in ROW.findall(PAGE):
        world = World()
        STORIES[name](world)
        world.pass_until(TUESDAY + MINUTE)
        said = {record.dimension for record in world.said if any(figure.kpi == name for figure in record.figures)}
        assert {Dimension(word) for word in told.strip().split(", ")} >= said, name
        assert {Dimension(word) for word in told.strip().split(", ")} - said <= {Dimension.CLASS}, name

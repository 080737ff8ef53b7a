"""Every alert, command, proposal, insight and KPI that there is has a scenario that shows it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agents.inventory.alerts import AlertType
from agents.inventory.campaigns.words import CommandKind
from agents.inventory.replenishment.words import InsightType
from agents.inventory.scores.kpis import KPIS
from tools.pages import core
from tools.pages.plays import ROOT, all_plays, example_of

RUNTIME_ONLY = {"DEAD_LETTER", "WRONG_PARTITION", "PARTITION_PARKED"}
"""Alerts that no core raises, so that no scenario can show them: a test of the runtime does."""
KPI_PAGE = ROOT / "docs/reference/kpis.md"
ROW = re.compile(r"^\| \[`(\w+)`\]\(#\w+\) \|.*\| \[(\w+)\]\(([^)]+)\) \|$", re.MULTILINE)


@pytest.mark.parametrize("alert", AlertType)
def test_every_alert_has_a_scenario_or_a_test_of_the_runtime(alert: AlertType) -> None:
    found = example_of("alert", alert)
    if alert in RUNTIME_ONLY:
        named = ROOT / core.ELSEWHERE["alert", alert.value]
        assert found is None
        assert alert.value in named.read_text(encoding="utf-8")
    else:
        assert found is not None
        assert ("alert", alert.value) not in core.ELSEWHERE


@pytest.mark.parametrize(
    ("what", "name"),
    [
        *(("command", kind) for kind in CommandKind),
        *(("insight", kind) for kind in InsightType),
        *(("proposal", word) for word in ("reorder", "transfer", "count")),
        *(("kpi", kpi.name) for kpi in KPIS),
    ],
)
def test_everything_that_agents_say_has_a_scenario(what: str, name: str) -> None:
    assert example_of(what, name) is not None


def test_the_page_of_the_kpis_links_a_scenario_that_reads_each_of_them() -> None:
    rows = ROW.findall(KPI_PAGE.read_text(encoding="utf-8"))
    shown = {play.path.resolve(): play.shows for play in all_plays() if play.difference is None}
    assert [name for name, _, _ in rows] == [kpi.name for kpi in KPIS]
    for name, title, link in rows:
        path = (KPI_PAGE.parent / Path(link)).resolve()
        assert path.stem == title
        assert ("kpi", name) in shown[path], name

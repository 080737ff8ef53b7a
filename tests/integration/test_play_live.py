"""Scenarios through a broker and a worker."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from agents.inventory.orders.rows import Stage
from tests.conftest import TOPOLOGY_FILE
from tools.brokers.scratch import ClusterAddress
from tools.cli import cli
from tools.live.batch import LARGEST_BATCH
from tools.live.play import LiveResult, Theatre
from tools.scenario.recording import Recording, Told, record

SCENARIOS = Path(__file__).resolve().parents[2] / "docs/scenarios"

pytestmark = [pytest.mark.embedded, pytest.mark.timeout(900)]


def play(broker: ClusterAddress, *recordings: Recording) -> list[LiveResult]:
    with Theatre(TOPOLOGY_FILE, broker.bootstrap) as theatre:
        return list(theatre.play(list(recordings)))


@pytest.mark.slow
def test_every_scenario_goes_live_as_it_goes_in_memory(broker: ClusterAddress) -> None:
    recordings = [record(path) for path in sorted(SCENARIOS.rglob("*.txt"))]
    results = play(broker, *recordings)
    assert [(result.path.stem, result.differences) for result in results if result.differences] == []
    assert len(results) == len(recordings)
    skipped = {result.path.stem for result in results if result.skipped is not None}
    assert {name.split("_")[0] for name in skipped} == {"campaigns", "kpis", "replenishment"}
    told = [result for result in results if result.path.stem not in skipped]
    assert len(told) > 4 * LARGEST_BATCH
    assert any(result.crashed for result in told)
    assert all(result.transactions for result in told)


def test_what_cannot_be_told_to_a_worker_is_said_to_be_skipped(broker: ClusterAddress) -> None:
    asked = ["play", "--live", "--bootstrap", broker.bootstrap, str(SCENARIOS / "kpis_of_counts.txt")]
    result = CliRunner().invoke(cli, asked)
    assert result.exit_code == 0
    assert "skipped" in result.output
    assert "it speaks of campaigns, demand or KPIs" in result.output


def test_a_worker_that_answers_otherwise_is_seen(broker: ClusterAddress) -> None:
    honest, altered = (
        record(SCENARIOS / "02_till_sale_takes_promised_units.txt"),
        record(SCENARIOS / "the_language.txt"),
    )
    first = altered.told[1]
    assert isinstance(first, Told)
    (answer, *notices) = first.decision.answers
    other = msgspec.structs.replace(
        first.decision, answers=(msgspec.structs.replace(answer, quantity=answer.quantity + 1), *notices)
    )
    altered.told[1] = dataclasses.replace(first, decision=other)
    found = play(broker, honest, altered)
    assert found[0].differences == ()
    (difference,) = found[1].differences
    assert "RECEIPT" in difference
    assert "in memory" in difference


def test_stock_that_ends_otherwise_is_seen(broker: ClusterAddress) -> None:
    recording = record(SCENARIOS / "01_reserve_until_short.txt")
    ((key, position),) = recording.positions.items()
    recording.positions[key] = msgspec.structs.replace(position, unpromised=position.unpromised + 1)
    (result,) = play(broker, recording)
    assert [difference.startswith("SHOE@LEEDS: in memory") for difference in result.differences] == [True]


def test_orders_go_live_through_both_agents_and_what_went_otherwise_is_seen(broker: ClusterAddress) -> None:
    honest, altered = (
        record(SCENARIOS / "orders_the_basket_in_one_shipment.txt"),
        record(SCENARIOS / "orders_reroute_short_pick.txt"),
    )
    assert honest.crashes
    altered.routings[0] = msgspec.structs.replace(altered.routings[0], quantity=99)
    (order,) = altered.orders.values()
    altered.orders["o1"] = msgspec.structs.replace(order, stage=Stage.CONFIRMED)
    found = play(broker, honest, altered)
    assert found[0].differences == ()
    assert found[0].crashed
    assert [difference.partition(":")[0] for difference in found[1].differences] == [
        "routing ('ALLOCATED', 'o1', 1, 99, None)",
        "routing ('ALLOCATED', 'o1', 1, 3, None)",
        "order o1",
    ]


def test_what_the_worker_is_not_told_is_missed(broker: ClusterAddress) -> None:
    recording = record(SCENARIOS / "01_reserve_until_short.txt")
    broadcast = recording.told[0]
    assert isinstance(broadcast, Told)
    recording.told.append(Told(broadcast.at_ms, broadcast.transaction, broadcast.decision))
    (result,) = play(broker, recording)
    assert any("live [('ACCEPTED_EARLIER'" in difference for difference in result.differences)


def test_the_command_says_what_became_of_each_scenario(broker: ClusterAddress, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("receipt SHOE@LEEDS 5\nlevel SHOE@LEEDS atp 4\n", encoding="utf-8")
    good = SCENARIOS / "07a_sale_after_the_count_arrives_first.txt"
    asked = ["play", "--live", "--json", "--bootstrap", broker.bootstrap, str(wrong), str(good)]
    result = CliRunner().invoke(cli, asked)
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 1
    assert [(each["ok"], each["crashed"]) for each in told] == [(False, False), (True, True)]
    assert told[0]["differences"] == ["line 2: atp of SHOE@LEEDS is 5, expected 4"]

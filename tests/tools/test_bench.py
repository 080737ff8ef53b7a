from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from click.testing import CliRunner
from confluent_kafka.admin import AdminClient

from agents.inventory.decide import decide
from agents.inventory.rows import Arrival
from agents.inventory.transactions import Kind
from tests.house.house import ROOT
from tools.bench.campaigns import CampaignLoad
from tools.bench.figures import Latency, Run, Throughput, missed_goals, percentile, run_of, window_rate
from tools.bench.traffic import LedgerTraffic, thin_records
from tools.brokers.scratch import ClusterAddress
from tools.cli import cli
from tools.commands.bench import FULL, QUICK
from tools.scenario.memory_rows import MemoryRows

AT_MS = 1_700_000_000_000
CLAIM_KINDS = {Kind.RESERVE, Kind.ALLOCATE, Kind.EXTEND, Kind.RELEASE}
GOOD = Latency(p50=39.9, p99=149.9, longest=300.0, transactions=10)


# -- the arithmetic


@pytest.mark.parametrize(("share", "value"), [(0.5, 50), (0.99, 99), (0.991, 100), (1.0, 100), (0.0, 1)])
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(share: float, value: int) -> None:
    assert percentile(range(1, 101), share) == value


def test_a_percentile_of_one_value_is_that_value_and_of_none_is_refused() -> None:
    assert percentile([7.0], 0.99) == 7.0
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)


def test_a_latency_sorts_what_it_is_given() -> None:
    assert Latency.of([3.0, 1.0, 2.0]) == Latency(p50=2.0, p99=3.0, longest=3.0, transactions=3)


@pytest.mark.parametrize(
    "load", [CampaignLoad(2_000, 2.0, 8.0), CampaignLoad(15, 0.1, 1.0), CampaignLoad(333, 0.0, 3.0)]
)
def test_every_sale_that_empties_an_advertised_sku_has_a_campaign_of_its_own(load: CampaignLoad) -> None:
    total = int(load.per_second * (load.warm_up_s + load.seconds))
    assert len([number for number in range(total) if number % load.every == 0]) <= load.campaigns


def test_a_rate_leaves_out_start_up_and_the_tail() -> None:
    samples = [(0.0, 1), (10.0, 100), (10.5, 500), (11.0, 950), (99.0, 1000)]
    assert window_rate(samples, 1000) == pytest.approx(850 / 1.0)


def test_a_rate_counts_from_what_was_there_when_the_window_opened() -> None:
    """A burst that goes over 10 % belongs to neither side of the window's time."""
    assert window_rate([(1.0, 400), (3.0, 1000)], 1000) == pytest.approx(600 / 2.0)


def test_outputs_that_came_all_at_once_give_no_rate_of_a_window() -> None:
    assert window_rate([(1.0, 1000)], 1000) is None
    assert window_rate([(1.0, 500), (2.0, 900)], 1000) is None
    assert run_of([(3.0, 1000)], 1000, started_at=1.0) == Run(whole=500.0, window=None)


def test_where_one_run_has_no_window_both_sides_are_judged_by_whole_runs() -> None:
    seen, unseen = Run(whole=10.0, window=100.0), Run(whole=20.0, window=None)
    assert Throughput.of([seen, seen], [seen, unseen]) == Throughput([10.0, 10.0], [10.0, 20.0], start_up_counted=True)
    assert Throughput.of([seen], [seen]) == Throughput([100.0], [100.0])


def test_the_best_run_of_each_side_counts() -> None:
    measured = Throughput(ours=[6_000, 9_000], bare=[12_000, 5_000])
    assert measured.transactions_per_s == 9_000
    assert measured.ratio == pytest.approx(0.75)
    assert measured.as_dict()["runs"] == {"ours": [6_000, 9_000], "bare": [12_000, 5_000]}


def test_goals_that_are_just_reached_are_not_missed() -> None:
    reached = {"thin": Throughput([80_000], [100_000]), "ledger": Throughput([8_000], [16_000])}
    assert missed_goals(reached, {200: GOOD, 2_000: GOOD}) == []


def test_every_missed_goal_is_named_with_its_figure() -> None:
    throughputs = {"thin": Throughput([79_000], [100_000]), "ledger": Throughput([7_900], [16_000])}
    slow = dataclasses.replace(GOOD, p50=40.0, p99=150.0)
    missed = missed_goals(throughputs, {200: GOOD, 2_000: slow})
    assert [sentence.split(":")[0] for sentence in missed] == [
        "thin",
        "ledger",
        "ledger",
        "latency at 2,000/s",
        "latency at 2,000/s",
    ]
    assert "0.79" in missed[0]
    assert "7,900" in missed[2]


# -- what is published


def test_the_ledgers_traffic_is_four_fifths_claims_and_every_level_has_the_revision_foretold() -> None:
    traffic, rows = LedgerTraffic(3, AT_MS), MemoryRows()
    steps = [(transaction, 1) for transaction in traffic.opening()]
    steps += [traffic.next_of(sku) for _ in range(20) for sku in traffic.skus]
    for offset, (transaction, revision) in enumerate(steps):
        decision = decide(rows, Arrival(transaction, f"t-0-{offset}", offset, AT_MS, b"%08d" % offset))
        assert [answer.status for answer in decision.answers] == ["ACCEPTED"], transaction
        assert [(level.sku, level.revision) for level in decision.levels] == [(transaction.sku, revision)]
        rows.apply(decision.changes)
    kinds = Counter(transaction.kind for transaction, _ in steps[3:])
    assert sum(count for kind, count in kinds.items() if kind in CLAIM_KINDS) / 60 == 0.8
    assert len({(t.source, t.sku, t.transaction_id) for t, _ in steps}) == len(steps)


def test_both_sides_get_the_same_records() -> None:
    first, again = LedgerTraffic(50, AT_MS), LedgerTraffic(50, AT_MS)
    assert list(first.shuffled(500)) == list(again.shuffled(500))
    assert list(thin_records(10)) == list(thin_records(10))


# -- the command


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--only", "thick"], "'thick' is not one of"),
        (["--records", "3"], "not in the range"),
        (["--repeats", "0"], "not in the range"),
    ],
)
def test_wrong_options_are_wrong_usage(arguments: list[str], says: str) -> None:
    told = CliRunner().invoke(cli, ["bench", *arguments], prog_name="onhand")
    assert told.exit_code == 2
    assert says in told.output


def test_quick_is_less_than_all() -> None:
    assert QUICK.records < FULL.records
    assert QUICK.latency_s < FULL.latency_s
    assert QUICK.repeats <= FULL.repeats


def test_a_broker_that_is_not_there_is_one_sentence() -> None:
    told = run("--bootstrap", "127.0.0.1:1", "--only", "thin", "--records", "200", "--json")
    assert told.returncode == 3, told.stderr
    (line,) = [line for line in told.stderr.splitlines() if line.startswith("{")]
    assert "127.0.0.1:1" in json.loads(line)["error"]
    assert told.stdout == ""


@pytest.mark.slow
@pytest.mark.embedded
def test_a_small_bench_says_what_it_promises_and_leaves_nothing_behind(broker: ClusterAddress, tmp_path: Path) -> None:
    before = topics_of(broker)
    told = run(
        *("--bootstrap", broker.bootstrap, "--quick", "--records", "400", "--json", "--latency-seconds", "0.4"),
        ONHAND_PARTITIONS="2",
        ONHAND_STATE=str(tmp_path),
    )
    assert told.returncode == 0, told.stderr
    found = json.loads(told.stdout)
    for part in ("thin", "ledger"):
        assert found[part]["transactions_per_s"] > 0
        measured = found[part]["runs"]
        assert found[part]["ratio"] == pytest.approx(max(measured["ours"]) / max(measured["bare"]), abs=0.01)
    assert found["latency_ms"].keys() == {"200", "2000"}
    for latency in found["latency_ms"].values():
        assert 0 < latency["p50"] <= latency["p99"]
    assert found["latency_ms"]["2000"]["transactions"] > 0
    assert topics_of(broker) <= before
    assert list(tmp_path.iterdir()) == []


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tools", "bench", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def topics_of(broker: ClusterAddress) -> set[str]:
    return set(AdminClient(dict(broker.client_settings)).list_topics(timeout=10).topics)

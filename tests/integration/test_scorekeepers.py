"""Scorekeepers as processes behind a ledger: KPIs once, whoever is killed; then asked for, and scraped."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Message

from agents.inventory.scores.kpis import YEAR_SECONDS
from agents.inventory.scores.words import KpiRecord
from agents.inventory.transactions import Kind
from agents.scorekeeper import STOCK, WINDOWS
from agents.stock_keeper import AGENT
from tests.integration.harness import ROOT, Stage, Tail, a_transaction, receipt
from tests.integration.processes import Worker
from tests.serve.metrics.scraping import Page, parse
from tests.tools.asking import ask, objects
from tools.brokers.encoding import codec_of
from tools.brokers.scratch import ClusterAddress

pytestmark = pytest.mark.embedded

PATIENCE_S = 60.0
RECORDS = 16 + 200 + 1
"""Receipts, sales and a count."""


@pytest.fixture
def stage(broker: ClusterAddress, tmp_path: Path) -> Iterator[Stage]:
    """Windows are said each second, or the test would wait for a minute."""
    with Stage(broker, tmp_path, edit=lambda text: text.replace("say_every: 1m", "say_every: 1s")) as made:
        yield made.create(AGENT, STOCK, WINDOWS)


def started(stage: Stage, instance: str, agent: str) -> Worker:
    worker = stage.worker(instance)
    worker.agent = agent
    return worker.start()


def figures(tail: Tail, subject: str) -> dict[str, int]:
    """KPI -> numerator, as said last of the day; of two days where midnight passed, together."""
    latest: dict[int, KpiRecord] = {
        each.from_ms: each for each in tail.all if each.subject == subject and each.window == "1d"
    }
    sums: dict[str, int] = {}
    for record in latest.values():
        for figure in record.figures:
            sums[figure.kpi] = sums.get(figure.kpi, 0) + figure.numerator
    return sums


def test_killed_scorekeepers_count_every_record_once_and_prometheus_gets_what_they_say(stage: Stage) -> None:
    keeper, counter, windows = (started(stage, *each) for each in (("1", AGENT), ("2", STOCK), ("3", WINDOWS)))
    for worker in (keeper, counter, windows):
        worker.until_ready()
    topology = stage.topology
    topic = next(name for name in topology.agents[WINDOWS].says if topology.topics[name].schema == "kpi")
    decode = codec_of(topology).decoder(topic, "kpi")

    def read(message: Message) -> Any:
        return decode(message.value(), None)

    said = Tail(topology, topic, read)
    skus = [f"sku-{number}" for number in range(8)]
    stage.send(*[receipt(sku, 1_000, location=place) for sku in skus for place in ("LEEDS", "YORK")])
    for number in range(200):
        fields: dict[str, Any] = {
            "quantity": 1 + number % 3,
            "location": ("LEEDS", "YORK")[number % 2],
            "channel": "pos",
        }
        stage.offer(a_transaction(Kind.SALE, skus[number % 8], **fields))
        if number in {60, 120}:
            stage.flush()
            counter.kill()
            counter.start()
        if number == 160:
            stage.flush()
            windows.kill()
            windows.start()
    stage.flush()
    sold = sum(1 + number % 3 for number in range(200))
    stage.send(a_transaction(Kind.COUNT, skus[0], quantity=1, location="LEEDS"))

    def at_places(tail: Tail) -> int:
        return sum(figures(tail, f"location:{place}").get("turnover", 0) for place in ("LEEDS", "YORK"))

    def told(tail: Tail) -> bool:
        everything = figures(tail, "all")
        return "stock_accuracy" in everything and min(everything["turnover"], at_places(tail)) >= sold * YEAR_SECONDS

    said.until(told, PATIENCE_S, "not every sale was counted")
    assert figures(said, "all")["turnover"] == sold * YEAR_SECONDS, "each sale once"
    assert at_places(said) == sold * YEAR_SECONDS
    assert figures(said, "all")["stock_accuracy"] == 0, "one count, and it did not agree"
    ids = [each.event_id for each in said.all]
    assert len(ids) == len(set(ids))
    ask_and_scrape(stage, sold)


def ask_and_scrape(stage: Stage, sold: int) -> None:
    """The same by `onhand kpis`, and over HTTP as Prometheus asks."""
    found = objects(stage, "kpis", "all", "--last", "2")
    assert {each["subject"] for each in found} == {"all"}
    assert sum(each["kpis"]["turnover"]["numerator"] for each in found) == sold * YEAR_SECONDS
    shown = ask(stage, "kpis", "--by", "location", "--kpi", "turnover")
    assert shown.exit_code == 0, shown.output
    assert "location:LEEDS" in shown.output
    assert "a year" in shown.output
    assert ask(stage, "kpis", "location:NOWHERE").exit_code == 1
    refused = ask(stage, "kpis", "--window", "5h")
    assert (refused.exit_code, "There are no windows of 5h" in refused.output) == (2, True)

    command = [sys.executable, "-m", "tools", "metrics", "--port", "0", "--json", *stage.options]
    with subprocess.Popen(command, cwd=ROOT, env=stage.environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            address = json.loads(process.stdout.readline())["listening"]
            assert address.startswith("http://127.0.0.1:")
            deadline = time.monotonic() + PATIENCE_S
            page = scraped(address)
            while sum(page.of("onhand_input_position_records", agent=AGENT)) < RECORDS:  # Told once a second.
                assert time.monotonic() < deadline, page
                page = scraped(address)
            with pytest.raises(urllib.error.HTTPError, match="404"):
                urllib.request.urlopen(address + "s", timeout=20)
        finally:
            process.terminate()
        assert process.wait(20) == 0
    check(page, stage)


def scraped(address: str) -> Page:
    with urllib.request.urlopen(address, timeout=20) as answer:
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return parse(answer.read().decode())


def check(page: Page, stage: Stage) -> None:
    turnover = page.of("onhand_kpi_turnover_per_year", window="1d", dimension="location", member="YORK")
    assert turnover
    assert all(value > 0 for value in turnover)
    assert page.of("onhand_broker_reachable") == [1]
    for agent in (AGENT, STOCK, WINDOWS):
        assert len(page.of("onhand_input_position_records", agent=agent)) == stage.partitions
        assert len(page.of("onhand_lag_records", agent=agent)) == stage.partitions
    assert all(0 <= age < 60 for age in page.of("onhand_heartbeat_age_seconds", agent=WINDOWS))

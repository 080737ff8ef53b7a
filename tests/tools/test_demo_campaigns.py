"""The demo's campaigns: what comes of a sale is judged by what was sold, and the judge can fail."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from agents.inventory.campaigns.words import Command, CommandKind
from tools.brokers import embedded
from tools.demo.campaign_tally import CampaignTally

ROOT = Path(__file__).resolve().parents[2]


def command(kind: CommandKind, event_id: str, amount_minor: int | None = None) -> Command:
    return Command(
        event_id=event_id,
        idempotency_key=event_id,
        sequence=1,
        attempt=1,
        kind=kind,
        campaign_id="c-1",
        platform="demo_ads",
        account="1",
        entity="c-1",
        at_ms=0,
        expires_at_ms=1,
        amount_minor=amount_minor,
        reason="out_of_stock",
    )


def test_a_command_that_comes_twice_is_doubled_and_a_repeat_or_a_budget_taken_back_is_not_counted_again() -> None:
    tally = CampaignTally()
    pause = command(CommandKind.PAUSE, "e-1")
    assert tally.hear(pause)
    assert not tally.hear(pause)
    assert tally.hear(msgspec.structs.replace(pause, event_id="e-2", attempt=2))
    assert tally.hear(command(CommandKind.SHIFT_BUDGET, "e-3", 500))
    assert tally.hear(command(CommandKind.SHIFT_BUDGET, "e-4", 0))
    tally.latencies_ms[CommandKind.PAUSE] += [10.0, 30.0]
    assert tally.doubled_events == 1
    assert tally.figures()["campaigns"] == {
        "paused": 1,
        "resumed": 0,
        "shifted": 1,
        "latency_ms": {"p50": 30.0, "p99": 30.0},
        "pause_latency_ms": {"p50": 30.0, "p99": 30.0},
    }


@pytest.mark.embedded
@pytest.mark.timeout(300)
def test_a_short_demo_of_campaigns_pauses_shifts_and_resumes_through_a_kill() -> None:
    reason = embedded.unavailable_reason()
    if reason:
        pytest.skip(reason)
    done = subprocess.run(
        [sys.executable, "-m", "tools", "demo", "--campaigns", "--seconds", "8", "--rate", "60", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert (figures["lost"], figures["doubled"], figures["oversold"], figures["kills"]) == (0, 0, 0, 1)
    campaigns = figures["campaigns"]
    assert campaigns["paused"] == campaigns["resumed"] > 0
    assert campaigns["shifted"] == 2 * campaigns["paused"]
    assert 0 < campaigns["latency_ms"]["p50"] <= campaigns["latency_ms"]["p99"]
    told = [line for line in done.stderr.splitlines() if " ms after " in line]
    assert [line.split("  ")[1].split()[0].rstrip(":") for line in told] == [
        "PAUSE",
        "SHIFT_BUDGET",
        "SHIFT_BUDGET",
        "RESUME",
    ]

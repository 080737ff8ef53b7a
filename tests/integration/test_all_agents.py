"""`onhand worker` without a name: all agents of the topology, started together and ended together."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.inventory.transactions import ORDER_ROUTER
from agents.runtime.status import read_status
from agents.state.lock import StateDirectoryLock
from agents.stock_keeper import AGENT
from tests.integration.harness import ROOT, Stage
from tests.tools.asking import ask
from tools.brokers.scratch import ClusterAddress

pytestmark = pytest.mark.embedded

INSTANCE = "all"
WITHIN_S = 90.0


@pytest.fixture
def stage(broker: ClusterAddress, tmp_path: Path) -> Iterator[Stage]:
    """With the first two agents of the topology: each one more would be one more process, and show nothing more."""

    def first_two(text: str) -> str:
        third = [match.start() for match in re.finditer(r"^  \w+:.*\n    folds:", text, re.MULTILINE)][2]
        return text[:third] + text[text.index("\nstate:") :]

    with Stage(broker, tmp_path, edit=first_two) as made:
        yield made


@pytest.fixture
def worker(stage: Stage) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor that was told no agent, on topics made by the command."""
    made = ask(stage, "topics", "create")
    assert made.exit_code == 0, made.output
    command = [sys.executable, "-m", "tools", "worker", "--instance", INSTANCE, "--log-format", "text", *stage.options]
    log = stage.root / "worker-all.log"
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=stage.environment, stdout=out, stderr=out)
    yield process
    if process.poll() is None:
        process.kill()
        process.wait()


def status(stage: Stage, agent: str) -> dict[str, Any]:
    return read_status(stage.topology.state.directory, INSTANCE, agent) or {}


def test_a_worker_without_a_name_runs_both_agents_and_ends_both(stage: Stage, worker: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + WITHIN_S
    agents = AGENT, ORDER_ROUTER
    while not all(status(stage, agent).get("ready") for agent in agents):
        assert worker.poll() is None, (stage.root / "worker-all.log").read_text()
        assert time.monotonic() < deadline, [status(stage, agent) for agent in agents]
        time.sleep(0.05)
    assert [len(status(stage, agent)["partitions"]) for agent in agents] == [stage.partitions] * 2
    pids = {status(stage, agent)["pid"] for agent in agents}
    assert len(pids | {worker.pid}) == 3
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(20) == 0, (stage.root / "worker-all.log").read_text()
    for agent in agents:
        with StateDirectoryLock(stage.topology.state.directory / INSTANCE / agent):
            pass  # Nobody holds it: the process is gone.
    log = (stage.root / "worker-all.log").read_text()
    assert "does not leave" not in log
    assert "Traceback" not in log


def test_topics_create_makes_every_topic_that_an_agent_needs(stage: Stage) -> None:
    made = ask(stage, "topics", "create")
    assert made.exit_code == 0, made.output
    assert ask(stage, "topics", "diff").exit_code == 0, "nothing differs"
    needed = {topic for agent in stage.topology.agents.values() for topic in (agent.folds, *agent.says)}
    needed |= {
        topic.name for agent in stage.topology.agents.values() for topic in (agent.changelog, agent.dead_letters)
    }
    assert needed <= set(stage.topology.all_topics)
    assert {topic for topic in needed if topic.startswith("orders")}, "the order router's are among them"

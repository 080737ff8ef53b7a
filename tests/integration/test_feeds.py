"""A feed falls silent and speaks again: the watcher beside a real worker, the log, the alerts, and what is promised."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agents.inventory.alerts import AlertType
from agents.inventory.answers import Answer, Status
from agents.inventory.refusals import Refusal
from tests.integration.harness import Stage, receipt, reserve
from tests.integration.processes import ROOT
from tests.integration.tails import Tail
from tests.tools.asking import ask, objects
from tools.brokers.scratch import ClusterAddress

pytestmark = pytest.mark.embedded


def with_a_feed(text: str) -> str:
    """The topology, with a till that may be silent for two seconds."""
    return text.replace("\nsources:\n", "\nsources:\n  pos: {silent_after: 2s, locations: [LEEDS]}\n", 1)


@pytest.fixture
def stage(broker: ClusterAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with Stage(broker, tmp_path_factory.mktemp("feeds"), edit=with_a_feed) as stage:
        yield stage


def test_stock_behind_a_silent_feed_is_withheld_until_it_speaks_again(stage: Stage) -> None:
    worker = stage.worker()
    worker.supervised = True  # It is the supervisor that starts the watcher.
    worker.start().until_ready()
    assert ask(stage, "policy", "set", "silent", "withhold_when_silent=100", "--yes").exit_code == 0
    alerts, answers = stage.tail("alert"), stage.tail("answer")
    alerts.until(lambda tail: AlertType.FEED_SILENT in said_of_the_feed(tail))

    (shown,) = objects(stage, "alerts", "pos")
    assert (shown["type"], shown["severity"], shown["open"]) == ("FEED_SILENT", "CRITICAL", True)
    assert ask(stage, "alerts", "--check", "--type", "feed_silent").exit_code == 1
    (feed,) = objects(stage, "feeds", "list")
    assert (feed["feed"], feed["silent"], feed["locations"]) == ("pos", True, ["LEEDS"])
    stage.send(receipt("SHOE", 10), reserve("SHOE", 1, "r0"))
    assert answer_to(answers, "r0").refusal is Refusal.CHANNEL_QUOTA

    # It may fall silent again at any moment: until it was granted once.
    for number in range(1, 20):
        stage.send(receipt("SHOE", 1, source="pos"))
        alerts.until(lambda tail: AlertType.RESOLVED in said_of_the_feed(tail))
        stage.send(reserve("SHOE", 1, f"r{number}"))
        if answer_to(answers, f"r{number}").status is Status.ACCEPTED:
            break
    else:
        pytest.fail("what it has was never promised again")
    said = said_of_the_feed(alerts)
    in_turn = [AlertType.FEED_SILENT, AlertType.RESOLVED] * len(said)
    assert said == in_turn[: len(said)], "both partitions heard of it, and it was said once"


def test_who_follows_sees_what_is_open_and_what_comes(stage: Stage, tmp_path: Path) -> None:
    worker = stage.worker()
    worker.supervised = True
    worker.start().until_ready()
    alerts = stage.tail("alert")
    alerts.until(lambda tail: AlertType.FEED_SILENT in said_of_the_feed(tail))
    seen = tmp_path / "followed"
    command = [sys.executable, "-m", "tools", "alerts", "pos", "--follow", "--json", *stage.options]
    with seen.open("wb") as output:
        following = subprocess.Popen(command, cwd=ROOT, env=stage.environment, stdout=output)
    try:
        until(lambda: b"FEED_SILENT" in seen.read_bytes())
        stage.send(receipt("SHOE", 1, source="pos"))
        until(lambda: b'"resolves":"FEED_SILENT"' in seen.read_bytes())
        following.send_signal(signal.SIGINT)
        assert following.wait(20) == 0
    finally:
        following.kill()


def until(condition: Callable[[], bool]) -> None:
    """Wait until it holds."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def said_of_the_feed(tail: Tail) -> list[AlertType]:
    """The types of the alerts about it, in their order."""
    return [said.type for said in tail.all if said.subject == "pos"]


def answer_to(tail: Tail, holder: str) -> Answer:
    """What the holder was answered."""
    tail.until(lambda tail: any(said.holder == holder for said in tail.all))
    found: Answer = next(said for said in tail.all if said.holder == holder)
    return found

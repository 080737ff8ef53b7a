"""`onhand deliver` as a process that is killed, stopped, or wrongly started."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from agents.inventory.campaigns.words import CampaignKind, Registration, Result
from agents.inventory.offers import State
from tests.inventory.campaigns.world import World
from tests.serve.receiver import DONE, Answer, Call, Receiver
from tests.serve.stage import Delivery, Process, now_ms, pause
from tests.serve.test_delivering import BROKERS
from tools.brokers.scratch import ClusterAddress


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> ClusterAddress:
    found: ClusterAddress = request.getfixturevalue(request.param)
    return found


@pytest.mark.chaos
@pytest.mark.parametrize("cluster", BROKERS, indirect=True)
def test_killed_between_call_and_commit_it_calls_again_under_the_same_key_and_the_guard_counts_one_answer(
    cluster: ClusterAddress, tmp_path: Path
) -> None:
    world = World(Registration("ads", "acme", 1_000, "EUR", skus=("SHOE",)))
    world.answers_by_itself = False
    world.now_ms = now_ms()
    world.say(State.IN_STOCK, "SHOE")
    (command,) = world.say(State.OUT, "SHOE").commands
    processes: list[Process] = []
    paused: set[str] = set()

    def do_it_and_kill_whoever_called(call: Call) -> Answer:
        if call.said["idempotency_key"] not in paused:
            paused.add(call.said["idempotency_key"])
            processes[0].kill()
        return DONE

    with (
        Receiver(do_it_and_kill_whoever_called) as receiver,
        Delivery(cluster, tmp_path, {"ads": {"url": receiver.url}}) as delivery,
    ):
        processes.append(delivery.process())
        delivery.send(command)
        receiver.wait_for(lambda receiver: len(receiver.calls) == 1, 40)
        processes.append(delivery.process())
        delivery.answers(1, 40)
        assert processes[1].terminate() == 0
        answers = delivery.all_answers()
        assert [answer.result for answer in answers] == [Result.DONE]
        first, second = receiver.calls
        assert first.headers["webhook-id"] == second.headers["webhook-id"]
        assert first.said == second.said
    heard = [world.tell(CampaignKind.ACKNOWLEDGED, acknowledgement=answer) for answer in [*answers, *answers]]
    assert [decision.ignored is None for decision in heard] == [True, False]
    assert world.book.row is not None
    assert world.book.row.owned


def test_asked_to_stop_it_waits_for_the_call_under_way_and_commits_its_answer(
    broker: ClusterAddress, tmp_path: Path
) -> None:
    under_way, go_on = threading.Event(), threading.Event()

    def slow(_: Call) -> Answer:
        under_way.set()
        go_on.wait(20)
        return DONE

    with Receiver(slow) as receiver, Delivery(broker, tmp_path, {"ads": {"url": receiver.url}}) as delivery:
        process = delivery.process()
        delivery.send(pause("c1"))
        assert under_way.wait(30)
        delivery.send(pause("c2"))
        threading.Timer(0.5, go_on.set).start()
        assert process.terminate() == 0
        assert len(delivery.all_answers()) in {1, 2}, "c2 may have been under way, too"
        assert len(delivery.all_answers()) == len(receiver.calls)
        assert "stopped" in process.text()


def test_it_says_what_is_missing_and_sends_nothing(broker: ClusterAddress, tmp_path: Path) -> None:
    with Delivery(broker, tmp_path, {"ads": {"url": "http://127.0.0.1:1/"}, "theirs": {"elsewhere": True}}) as delivery:
        checked = delivery.ask("deliver", "--check")
        assert checked.exit_code == 0, checked.output
        assert "http://127.0.0.1:1/" in checked.output
    with Delivery(broker, tmp_path, {}) as without:
        refused = without.ask("deliver")
        assert refused.exit_code == 3
        assert "names no platform" in refused.output

"""Commands in Kafka, a platform over HTTP, answers in Kafka: what holds while everything works, and while it does not."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from agents.inventory.alerts import AlertType, Severity
from agents.inventory.campaigns.words import Result
from agents.runtime.partitioner import partition_of
from agents.serve.delivery.adapter import MOST_FENCED_OFF, Adapter
from agents.serve.delivery.plan import DeliveryPlan
from agents.serve.delivery.session import SessionOver
from tests.serve.parts import OTHER_SECRET, SECRET
from tests.serve.receiver import DONE, Answer, Call, Receiver, free_port
from tests.serve.stage import Delivery, now_ms, pause
from tools.brokers.scratch import ClusterAddress

BROKERS = [
    pytest.param("broker", marks=pytest.mark.embedded, id="embedded"),
    pytest.param("kafka", marks=pytest.mark.kafka, id="kafka"),
]
SAYS = {
    "a-done": Answer(200, b'{"result": "done", "message": "paused"}'),
    "b-already": Answer(200, b'{"result": "already", "message": "by ann"}'),
    "c-failed": Answer(422, b'{"result": "failed", "message": "campaign was removed"}'),
    "d-no-words": Answer(204),
}


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> ClusterAddress:
    found: ClusterAddress = request.getfixturevalue(getattr(request, "param", "broker"))
    return found


@pytest.mark.parametrize("cluster", BROKERS, indirect=True)
def test_what_the_platform_says_is_heard_by_the_guard(cluster: ClusterAddress, tmp_path: Path) -> None:
    with (
        Receiver(lambda call: SAYS[call.said["campaign_id"]]) as receiver,
        Delivery(cluster, tmp_path, {"ads": {"url": receiver.url}}) as delivery,
    ):
        delivery.send_raw(b"c0", b"no command at all")
        delivery.send(*[pause(campaign) for campaign in SAYS])
        with delivery.adapter() as running:
            said = {answer.idempotency_key.split(".")[0]: answer for answer in delivery.answers(4)}
            running.until("answered", 4)
        assert running.code == 0
        assert {campaign: (answer.result, answer.message) for campaign, answer in said.items()} == {
            "a-done": (Result.DONE, "paused"),
            "b-already": (Result.ALREADY, "by ann"),
            "c-failed": (Result.FAILED, "HTTP 422: campaign was removed"),
            "d-no-words": (Result.DONE, None),
        }
        assert receiver.unsigned == 0
        assert all(call.is_signed_with(OTHER_SECRET) for call in receiver.calls), "both secrets sign"
        assert len(delivery.all_answers()) == len(receiver.calls) == 4
        alerts = {alert.type: alert for alert in delivery.alerts(2)}
        failed = alerts[AlertType.COMMAND_FAILED]
        assert (failed.severity, failed.subject) == (Severity.CRITICAL, "c-failed")
        assert "campaign was removed" in failed.message
        assert alerts[AlertType.DEAD_LETTER].severity is Severity.WARNING


def test_a_command_is_tried_until_the_platform_can_do_it_and_answered_once(
    broker: ClusterAddress, tmp_path: Path
) -> None:
    replies = [Answer(500), Answer(503, headers=(("retry-after", "1"),)), Answer(429), Answer(202), DONE]

    def answer(call: Call) -> Answer:
        return replies[len(receiver.calls) - 1]

    with (
        Receiver(answer) as receiver,
        Delivery(broker, tmp_path, {"ads": {"url": receiver.url}}) as delivery,
        delivery.adapter() as running,
    ):
        delivery.send(pause("c1"))
        (said,) = delivery.answers(1)
        running.until("answered")
    assert said.result is Result.DONE
    assert len(receiver.calls) == 5
    assert len({call.headers["webhook-id"] for call in receiver.calls}) == 1
    assert receiver.calls[2].at - receiver.calls[1].at >= 1.0, "it was asked to wait"
    assert [event["calls"] for event in running.events] == [1, 2, 3, 4, 5, 5]


def test_a_platform_that_comes_back_is_called_again_and_another_one_never_waited_for_it(
    broker: ClusterAddress, tmp_path: Path
) -> None:
    """One refuses connections, one takes calls and never answers; the third does not notice."""
    port, patience = free_port(), threading.Event()

    def silent(_: Call) -> Answer:
        patience.wait(30)
        return DONE

    with Receiver() as alive, Receiver(silent) as mute:
        platforms = {
            "alive": {"url": alive.url},
            "mute": {"url": mute.url, "timeout": "30s"},
            "dead": {"url": f"http://127.0.0.1:{port}/", "most_attempts": 10_000},
        }
        with Delivery(broker, tmp_path, platforms) as delivery:
            with delivery.adapter() as running:
                delivery.send(pause("c1", platform="mute"), pause("c1-dead", platform="dead"))
                mute.wait_for(lambda receiver: len(receiver.calls) == 1)
                delivery.send(*[pause(f"c{n}", platform="alive") for n in range(2, 12)])
                answers = delivery.answers(10)
                assert {answer.idempotency_key.split(".")[0] for answer in answers} == {f"c{n}" for n in range(2, 12)}
                running.until("called", 15)
                patience.set()
                running.until("answered", 11)
                with Receiver(port=port) as dead:
                    delivery.answers(12)
                    assert len(dead.calls) == 1
            assert len(alive.calls) == 10
            assert running.code == 0


def test_the_next_owner_does_not_call_again_what_was_done_behind_one_that_waits(
    broker: ClusterAddress, tmp_path: Path
) -> None:
    with Receiver() as alive:
        platforms = {
            "alive": {"url": alive.url},
            "dead": {"url": f"http://127.0.0.1:{free_port()}/", "most_attempts": 10_000},
        }
        with Delivery(broker, tmp_path, platforms) as delivery:
            commands = [pause("same-partition", platform="dead")]
            commands += [pause(f"c{n}", platform="alive") for n in range(10)]
            delivery.send(*commands)
            with delivery.adapter():
                delivery.answers(10)
            with delivery.adapter() as second:
                delivery.send(pause("last", platform="alive"))
                delivery.answers(11)
                second.until("called", 2)
            assert len(alive.calls) == 11
            assert len(delivery.all_answers()) == 11


@pytest.mark.kafka
def test_two_processes_share_the_work_and_one_that_leaves_hands_it_over(kafka: ClusterAddress, tmp_path: Path) -> None:
    held: frozenset[int] = frozenset()  # the partitions of which the platform answers no call until it may
    may_answer = threading.Event()

    def slowly(call: Call) -> Answer:
        if partition_of(call.said["campaign_id"].encode(), delivery.partitions) in held:
            may_answer.wait(30)
        time.sleep(0.02)
        return DONE

    with (
        Receiver(slowly) as receiver,
        Delivery(kafka, tmp_path, {"ads": {"url": receiver.url, "timeout": "30s"}}) as delivery,
    ):
        sent = 0

        def send(count: int) -> None:
            nonlocal sent
            delivery.send(*[pause(f"c{number}") for number in range(sent, sent + count)])
            sent += count

        deadline = time.monotonic() + 30
        with delivery.adapter("second") as second:
            with delivery.adapter("first") as first:
                while not (first.events and second.events and first.partitions and second.partitions):
                    assert time.monotonic() < deadline, "one of them got nothing to do"
                    send(4)
                    delivery.answers(sent)
                held, called = first.partitions, len(first.events)
                send(40)
                first.until_calling()
                first.ask_to_stop()  # It leaves with calls in hand, and with commands that it has not begun.
                may_answer.set()
            assert len(first.events) > called, "what it had begun, it ended"
            delivery.answers(sent)
        assert (first.code, second.code) == (0, 0)
        answered = [answer.idempotency_key for answer in delivery.all_answers()]
        assert len(answered) == len(set(answered)) == sent, "each once"
        assert len(receiver.calls) == sent


def test_two_processes_of_one_name_do_not_shut_each_other_out_for_ever(tmp_path: Path) -> None:
    fenced = SessionOver("Another process has taken over the same transactional id.", fenced_off=True)
    adapter = Adapter(cast("DeliveryPlan", SimpleNamespace(instance="1")))
    verdicts = [adapter._judge(fenced) for _ in range(MOST_FENCED_OFF)]
    assert verdicts[:-1] == [None] * (MOST_FENCED_OFF - 1), "it may have been frozen, and gone on"
    assert "give it another --instance" in (verdicts[-1] or "")


def test_what_stays_undelivered_is_buried_with_its_story_and_can_be_sent_again(
    broker: ClusterAddress, tmp_path: Path
) -> None:
    state = {"up": False}
    with (
        Receiver(lambda _: DONE if state["up"] else Answer(503)) as receiver,
        Delivery(broker, tmp_path, {"ads": {"url": receiver.url, "most_attempts": 3}}) as delivery,
        delivery.adapter(),
    ):
        sent = pause("c1")
        delivery.send(sent)
        (alert,) = delivery.alerts(1)
        assert (alert.type, alert.about) == (AlertType.COMMAND_FAILED, sent.idempotency_key)
        assert alert.severity is Severity.CRITICAL
        (letter,) = delivery.objects("dead-letters", "list", "--stage", "deliver")
        assert letter["reason"].startswith("not delivered in 3 calls")
        assert "HTTP 503" in letter["reason"]
        assert (letter["key_text"], letter["error_class"]) == ("c1", "Undelivered")
        assert letter["first_origin"].startswith(delivery.topics.commands)
        assert delivery.all_answers() == [], "nobody knows that it was not done"
        state["up"] = True
        redriven = delivery.ask("dead-letters", "redrive", "--key", "c1", "--yes")
        assert redriven.exit_code == 0, redriven.output
        (answer,) = delivery.answers(1)
        assert (answer.result, answer.idempotency_key) == (Result.DONE, sent.idempotency_key)
        assert [alert.type for alert in delivery.alerts(2)] == [AlertType.COMMAND_FAILED, AlertType.RESOLVED]
        (settled,) = delivery.objects("dead-letters", "list", "--state", "redriven")
        assert settled["state"] == "redriven"
    assert len(receiver.calls) == 4


def test_a_person_may_still_want_what_has_expired(broker: ClusterAddress, tmp_path: Path) -> None:
    state = {"up": False}
    with (
        Receiver(lambda _: DONE if state["up"] else Answer(503)) as receiver,
        Delivery(broker, tmp_path, {"ads": {"url": receiver.url, "most_attempts": 1}}) as delivery,
        delivery.adapter(),
    ):
        delivery.send(pause("c1", expires_at_ms=now_ms() - 1_000))
        delivery.alerts(1)
        state["up"] = True
        later = f"expires_at_ms={now_ms() + 60_000}"
        redriven = delivery.ask(
            "dead-letters", "redrive", "--key", "c1", "--set", later, "--why", "still wanted", "--yes"
        )
        assert redriven.exit_code == 0, redriven.output
        assert delivery.answers(1)[0].result is Result.DONE
    assert [call.said["ask_only"] for call in receiver.calls] == [True, False]


def test_an_expired_command_is_only_asked_about(broker: ClusterAddress, tmp_path: Path) -> None:
    with (
        Receiver(lambda _: Answer(409, b'{"result": "failed", "message": "not done in time"}')) as receiver,
        Delivery(broker, tmp_path, {"ads": {"url": receiver.url}}) as delivery,
    ):
        delivery.send(pause("c1", expires_at_ms=now_ms() - 1_000), pause("c2", expires_at_ms=now_ms() - 3_600_000))
        with delivery.adapter() as running:
            (said,) = delivery.answers(1)
            running.until("passed_over")
        assert said.result is Result.FAILED
        assert [call.said["ask_only"] for call in receiver.calls] == [True]
        assert delivery.alerted.to_the_end(delivery.topology).all == []


def test_a_failed_pause_is_alerted_once_and_resolved_once_however_often_the_process_is_another(
    broker: ClusterAddress, tmp_path: Path
) -> None:
    says = {"now": SAYS["c-failed"]}
    with (
        Receiver(lambda _: says["now"]) as receiver,
        Delivery(broker, tmp_path, {"ads": {"url": receiver.url}}) as delivery,
    ):
        first = pause("c1")
        delivery.send(first, pause("c2"))
        for attempt in (2, 3, 4):
            with delivery.adapter() as running:
                running.until("answered", 2)
            says["now"] = SAYS["c-failed"] if attempt < 4 else DONE
            delivery.send(pause("c1", attempt), pause("c2", attempt))
        with delivery.adapter() as running:
            running.until("answered", 2)
        said = [(alert.type, alert.about.split(".")[0]) for alert in delivery.alerted.to_the_end(delivery.topology).all]
    assert sorted(said) == [
        (type_, c) for type_ in (AlertType.COMMAND_FAILED, AlertType.RESOLVED) for c in ("c1", "c2")
    ]


def test_secrets_are_never_told(broker: ClusterAddress, tmp_path: Path) -> None:
    with Delivery(
        broker, tmp_path, {"ads": {"url": "http://127.0.0.1:1/", "headers": {"X-Token": "hush"}}}
    ) as delivery:
        shown = repr(delivery.topology)
    assert "hush" not in shown
    assert repr(SECRET) not in shown

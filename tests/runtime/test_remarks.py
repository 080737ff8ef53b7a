"""What the operator reads while the worker goes on: a sentence and what to do, and not again and again."""

from __future__ import annotations

import logging

import pytest
from confluent_kafka import KafkaError

from agents.runtime.faults import TOLD, Fault
from agents.runtime.logs import OF_THE_CLIENT, SAID_AGAIN_AFTER_S, NotAgainAndAgain
from agents.runtime.remarks import AGAIN_AFTER_COMMITS, AGAIN_AFTER_MS, AHEAD_MS, SLOW_COMMIT_S, Reach, Remarks

REFUSED = KafkaError(KafkaError._TRANSPORT, "127.0.0.1:1/bootstrap: Connect to ipv4#127.0.0.1:1 failed: refused")


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_is_told_with_what_to_do(fault: Fault) -> None:
    assert any(words in TOLD[fault] for words in ("look at", "look for", "Correct"))


def test_a_slow_transaction_is_remarked_and_the_next_ones_are_not(caplog: pytest.LogCaptureFixture) -> None:
    remarks = Remarks("topic[3]")
    remarks.committed_after(SLOW_COMMIT_S - 0.1)
    assert not caplog.messages
    for _ in range(AGAIN_AFTER_COMMITS):
        remarks.committed_after(SLOW_COMMIT_S + 0.1)
    assert len(caplog.messages) == 1
    assert "topic[3]: a transaction took 1.1 s" in caplog.text
    assert "Look at the load of the broker" in caplog.text
    remarks.committed_after(SLOW_COMMIT_S + 0.1)
    assert len(caplog.messages) == 2


def test_records_from_the_future_are_remarked_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    remarks, now = Remarks("topic[3]"), 1_000_000_000
    remarks.record_time(now + AHEAD_MS - 1, now)
    remarks.record_time(now - AHEAD_MS, now)
    assert not caplog.messages
    for at in range(now, now + AGAIN_AFTER_MS, 200):
        remarks.record_time(now + AHEAD_MS + AGAIN_AFTER_MS, at)
    assert len(caplog.messages) == 1
    assert "stamped 120 s ahead" in caplog.text


def test_a_broker_that_is_away_is_told_once_and_its_return_once(caplog: pytest.LogCaptureFixture) -> None:
    reach = Reach("127.0.0.1:1")
    reach.answered(9.0)
    for tenth in range(100):
        reach.lost(REFUSED, 10.0 + tenth / 10)
    reach.answered(21.0)
    reach.answered(22.0)
    assert len(caplog.messages) == 2
    away, back = caplog.messages
    assert away.startswith("Nobody listens at 127.0.0.1:1")
    assert "goes on by itself. Check" in away
    assert back == "the broker at 127.0.0.1:1 answers again, after 11.0 s"


def test_a_broker_that_stays_away_is_told_again_each_minute(caplog: pytest.LogCaptureFixture) -> None:
    reach = Reach("127.0.0.1:1")
    for second in range(125):
        reach.lost(REFUSED, float(second))
    assert len(caplog.messages) == 3


def test_of_client_lines_that_differ_in_numbers_only_one_passes_for_half_a_minute() -> None:
    passes = NotAgainAndAgain()

    def line(text: str, at: float, level: int = logging.ERROR) -> bool:
        record = logging.LogRecord("onhand.pump", level, __file__, 1, OF_THE_CLIENT, ("FAIL", "consumer-3", text), None)
        record.created = at
        return passes.filter(record)

    assert line("refused (after 0ms)", 100.0)
    assert not line("refused (after 7ms)", 100.1)
    assert line("cut", 100.2)
    assert line("refused (after 7ms)", 100.0 + SAID_AGAIN_AFTER_S)
    assert line("fatal", 100.0, logging.CRITICAL)
    assert line("fatal", 100.1, logging.CRITICAL)


def test_our_own_lines_always_pass() -> None:
    record = logging.LogRecord("onhand.owner", logging.WARNING, __file__, 1, "partition %d waits", (3,), None)
    passes = NotAgainAndAgain()
    assert passes.filter(record)
    assert passes.filter(record)

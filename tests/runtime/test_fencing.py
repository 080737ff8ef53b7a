"""Who was fenced off opens again only after the group has had the time to say that the partition is gone."""

from __future__ import annotations

from agents.runtime.fencing import FencedWait

HEARTBEAT_MS = 1_000


def polled(wait: FencedWait, *times: int) -> FencedWait:
    for at_ms in times:
        wait.polled(at_ms)
    return wait


def test_two_heartbeat_intervals_of_polling_end_the_wait_and_not_a_millisecond_less() -> None:
    wait = polled(FencedWait(HEARTBEAT_MS, 5_000), 5_010, 6_000, 7_009)
    assert not wait.over
    assert polled(wait, 7_010).over


def test_time_alone_does_not_end_it_without_polls() -> None:
    assert not FencedWait(HEARTBEAT_MS, 5_000).over
    assert not polled(FencedWait(HEARTBEAT_MS, 5_000), 60_000).over


def test_polls_from_before_the_fencing_do_not_count() -> None:
    assert not polled(FencedWait(HEARTBEAT_MS, 5_000), 2_000, 4_000, 5_000, 5_001, 6_900).over


def test_a_process_frozen_again_while_it_waits_begins_anew() -> None:
    wait = polled(FencedWait(HEARTBEAT_MS, 5_000), 5_001, 6_000)
    assert not polled(wait, 30_000, 31_000).over
    assert polled(wait, 32_000).over


def test_the_same_poll_told_again_does_not_end_it() -> None:
    assert not polled(FencedWait(HEARTBEAT_MS, 5_000), *[5_001] * 100).over

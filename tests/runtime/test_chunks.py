"""Natural batching: at most one chunk with the owner, what arrives meanwhile is the next one."""

from __future__ import annotations

from agents.runtime.chunks import (
    DECIDE_AT_MOST_S,
    FIRST_LARGEST_CHUNK,
    LARGEST_CHUNKS,
    LEARN_FROM,
    PAUSE_ABOVE,
    Inbox,
)
from agents.runtime.fold import InputRecord
from tests.runtime.parts import HandMade


def records(first: int, count: int) -> list[InputRecord]:
    return [HandMade(b"k", b"", first + number) for number in range(count)]


def offsets(chunk: list[InputRecord] | None) -> list[int]:
    return [] if chunk is None else [record.offset() for record in chunk]


def test_a_single_record_is_a_chunk_at_once() -> None:
    inbox = Inbox()
    inbox.arrive(records(0, 1))
    assert offsets(inbox.take()) == [0]


def test_what_arrives_while_a_chunk_is_with_the_owner_is_the_next_chunk() -> None:
    inbox = Inbox()
    inbox.arrive(records(0, 1))
    inbox.take()
    inbox.arrive(records(1, 3))
    inbox.arrive(records(4, 2))
    assert inbox.take() is None
    inbox.done()
    assert offsets(inbox.take()) == [1, 2, 3, 4, 5]


def test_a_chunk_is_bounded_and_nothing_is_left_out() -> None:
    inbox, taken = Inbox(), list[int]()
    inbox.arrive(records(0, 2 * FIRST_LARGEST_CHUNK + 5))
    while chunk := inbox.take():
        assert len(chunk) <= FIRST_LARGEST_CHUNK
        taken += offsets(chunk)
        inbox.done()
    assert taken == list(range(2 * FIRST_LARGEST_CHUNK + 5))


def test_chunks_grow_and_shrink_with_the_pace_of_decisions_within_bounds() -> None:
    inbox = Inbox()
    inbox.learn(1_000, DECIDE_AT_MOST_S / 5)
    assert inbox.largest_chunk == 5_000
    inbox.learn(5_000, 2 * DECIDE_AT_MOST_S)
    assert inbox.largest_chunk == 2_500
    inbox.learn(1_000, 1e-6)
    assert inbox.largest_chunk == LARGEST_CHUNKS[1]
    inbox.learn(LEARN_FROM - 1, 100.0)
    assert inbox.largest_chunk == LARGEST_CHUNKS[1]
    inbox.learn(1_000, 100.0)
    assert inbox.largest_chunk == LARGEST_CHUNKS[0]
    inbox.arrive(records(0, LARGEST_CHUNKS[0] + 1))
    assert len(inbox.take() or []) == LARGEST_CHUNKS[0]


def test_the_consumer_is_paused_once_when_too_much_waits_and_resumed_once_when_little_does() -> None:
    inbox = Inbox()
    assert not inbox.arrive(records(0, PAUSE_ABOVE))
    assert inbox.arrive(records(PAUSE_ABOVE, 1))
    assert not inbox.arrive(records(PAUSE_ABOVE + 1, 1))
    resumed = []
    while inbox.take():
        resumed.append(inbox.done())
    assert resumed.count(True) == 1
    assert not inbox.paused


def test_the_owner_is_seized_only_while_no_chunk_is_with_it() -> None:
    inbox = Inbox()
    assert inbox.seize()
    assert inbox.busy
    assert not inbox.seize()
    inbox.arrive(records(0, 1))
    assert inbox.take() is None
    inbox.done()
    assert not inbox.idle
    assert offsets(inbox.take()) == [0]
    assert not inbox.seize()

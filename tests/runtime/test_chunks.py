"""Natural batching: at most one chunk with the owner, what arrives meanwhile is the next one."""

from __future__ import annotations

from agents.runtime.chunks import LARGEST_CHUNK, PAUSE_ABOVE, Inbox
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
    inbox.arrive(records(0, 2 * LARGEST_CHUNK + 5))
    while chunk := inbox.take():
        assert len(chunk) <= LARGEST_CHUNK
        taken += offsets(chunk)
        inbox.done()
    assert taken == list(range(2 * LARGEST_CHUNK + 5))


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

from __future__ import annotations

import random

from agents.serve.delivery.progress import LONGEST_METADATA, Progress


def test_one_that_waits_does_not_make_the_next_owner_repeat_the_others() -> None:
    progress = Progress(0)
    for offset in range(10, 20):
        assert progress.take(offset)
    for offset in (10, 11, 13, 15, 16, 17):
        progress.done(offset)
    assert progress.position == 12
    assert progress.metadata == "done 1,3-5"
    following = Progress(progress.position, progress.metadata)
    assert [offset for offset in range(12, 20) if following.take(offset)] == [12, 14, 18, 19]


def test_transaction_markers_between_records_hold_nothing_up() -> None:
    progress = Progress(0)
    for offset in (0, 3, 7):
        progress.take(offset)
    for offset in (3, 7, 0):
        progress.done(offset)
    assert (progress.position, progress.metadata) == (8, "")


def test_metadata_that_nobody_can_read_costs_only_repeats() -> None:
    for metadata in ("", "done ", "done x,-,3-", "{}", "done 99999999999999999999"):
        assert Progress(5, metadata).take(5)
    assert not Progress(5, "done 7-6,0").take(5)


def test_metadata_never_becomes_too_long_for_the_broker() -> None:
    progress = Progress(0)
    for offset in range(10_000):
        progress.take(offset)
    for offset in range(1, 10_000, 2):
        progress.done(offset)
    assert len(progress.metadata) <= LONGEST_METADATA
    following = Progress(progress.position, progress.metadata)
    assert not any(following.take(offset) for offset in (1, 3, 5))
    assert following.take(9_999), "forgotten, so called again"


def test_nothing_is_called_done_that_was_not_over_many_lives_of_a_partition() -> None:
    chance = random.Random(7)
    done: set[int] = set()
    position, metadata = 0, ""
    for _ in range(200):
        progress = Progress(position, metadata)
        for offset in range(position, position + chance.randrange(1, 30)):
            if progress.take(offset):
                assert offset not in done, "an offset whose answer is committed came again"
                if chance.random() < 0.6:
                    progress.done(offset)
                    done.add(offset)
        position, metadata = progress.position, progress.metadata
        assert all(offset in done for offset in range(position)), "one was skipped"

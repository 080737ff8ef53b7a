"""What an owner decides of a chunk, without a broker: what it drops, forwards, buries, and when it stands still."""

from __future__ import annotations

import pytest

from agents.inventory.alerts import AlertType, Severity
from agents.runtime.dead_letters import LARGEST_KEPT_BYTES
from agents.runtime.fold import FIRST_RECORD_TIME_HEADER, Outbox
from agents.runtime.owner import Parked, Prepared
from agents.state.store import Meta
from tests.runtime.parts import (
    DEAD_LETTER_TOPIC,
    OUTPUT,
    TOPIC,
    HandMade,
    RealOwner,
    alerts_in,
    key_of,
    stories_in,
)
from tools.bench.thin import COUNTERS

MINE, OTHER = key_of(0), key_of(3)


def decided(real: RealOwner, *records: HandMade) -> Prepared:
    prepared = real.owner.decide(records)
    assert prepared is not None
    return prepared


def topics(outbox: Outbox) -> list[str]:
    return [each[0] for each in outbox]


def test_records_before_the_input_position_are_dropped() -> None:
    real = RealOwner(meta=Meta(input_position=7))
    prepared = decided(real, *[HandMade(MINE, b"", at) for at in (5, 6, 7, 8)])
    assert (prepared.records, prepared.input_position) == (2, 9)
    assert len(prepared.outbox) == 2
    assert real.owner.counts.dropped == 2


def test_a_chunk_that_was_applied_before_leaves_nothing_to_do() -> None:
    real = RealOwner(meta=Meta(input_position=7))
    assert real.owner.decide([HandMade(MINE, b"", 5), HandMade(MINE, b"", 6)]) is None


def test_a_record_that_comes_twice_in_one_chunk_is_folded_once() -> None:
    prepared = decided(RealOwner(), HandMade(MINE, b"", 5), HandMade(MINE, b"", 5))
    assert prepared.records == 1


def test_changes_are_one_row_for_each_key_however_often_it_changed() -> None:
    prepared = decided(RealOwner(), *[HandMade(MINE, b"", at) for at in range(10)])
    assert len(prepared.rows) == 1
    assert len(prepared.outbox) == 10


def test_a_record_in_the_wrong_partition_is_forwarded_with_its_first_time_and_an_alert() -> None:
    real = RealOwner()
    prepared = decided(real, HandMade(OTHER, b"value", 4, time_ms=1_234, raw_headers=[("trace", b"t")]))
    forwarded = prepared.outbox[0]
    assert forwarded[:4] == (TOPIC, OTHER, b"value", 3)
    assert forwarded[4] == [("trace", b"t"), (FIRST_RECORD_TIME_HEADER, "1234")]
    (alert,) = alerts_in(prepared.outbox)
    assert (alert.type, alert.subject) == (AlertType.WRONG_PARTITION, f"{TOPIC}-0")
    assert "belongs to partition 3" in alert.message
    assert "murmur2" in (alert.action or "")
    assert prepared.input_position == 5
    assert real.overlay.get(COUNTERS, (OTHER.decode(),)) is None
    assert real.owner.counts.forwarded == 1


def test_a_record_forwarded_twice_keeps_its_very_first_time() -> None:
    headers = [(FIRST_RECORD_TIME_HEADER, b"1000")]
    prepared = decided(RealOwner(), HandMade(OTHER, b"", 0, time_ms=9_999, raw_headers=list(headers)))
    assert prepared.outbox[0][4] == headers


def test_a_record_in_the_wrong_partition_that_is_too_big_to_forward_is_buried() -> None:
    real = RealOwner()
    prepared = decided(real, HandMade(OTHER, b"x" * (LARGEST_KEPT_BYTES + 1)))
    assert topics(prepared.outbox) == [DEAD_LETTER_TOPIC, "alerts"]
    assert "too big to be forwarded" in stories_in(prepared.outbox)[0].reason


def test_a_broadcast_record_is_folded_in_whatever_partition() -> None:
    keys = [b"policy:%d" % number for number in range(8)]
    prepared = decided(RealOwner(), *[HandMade(key, b"", at) for at, key in enumerate(keys)])
    assert topics(prepared.outbox) == [OUTPUT] * 8


@pytest.mark.parametrize("key", [None, b""])
def test_an_empty_key_is_a_dead_letter(key: bytes | None) -> None:
    prepared = decided(RealOwner(), HandMade(key, b"v", 3))
    (story,) = stories_in(prepared.outbox)
    assert (story.stage, story.offset) == ("key", 3)
    assert "the key is empty" in story.reason
    assert alerts_in(prepared.outbox)[0].type is AlertType.DEAD_LETTER


def test_malformed_bytes_are_a_dead_letter_and_the_stream_goes_on() -> None:
    real = RealOwner()
    prepared = decided(real, HandMade(MINE, b"", 0), HandMade(MINE, b"bad", 1), HandMade(MINE, b"", 2))
    assert topics(prepared.outbox) == [OUTPUT, DEAD_LETTER_TOPIC, "alerts", OUTPUT]
    (story,) = stories_in(prepared.outbox)
    assert (story.reason, story.stage, story.error_class, story.traceback) == ("it is bad", "decode", "Malformed", "")
    assert real.overlay.get(COUNTERS, (MINE.decode(),)).records == 2
    assert real.owner.counts.dead_letters == 1


def test_an_exception_in_a_decision_buries_its_record_with_the_traceback_and_leaves_no_trace_of_it() -> None:
    real = RealOwner()
    prepared = decided(real, HandMade(MINE, b"bug", 0), HandMade(key_of(0, 1), b"", 1))
    (story,) = stories_in(prepared.outbox)
    assert story.reason == "ZeroDivisionError: a bug in a decision"
    assert story.stage == "decide"
    assert "ZeroDivisionError" in story.traceback
    assert "in fold" in story.traceback
    (alert,) = alerts_in(prepared.outbox)
    assert (alert.type, alert.severity) == (AlertType.DEAD_LETTER, Severity.CRITICAL)
    assert [key for _, key, _ in prepared.rows] == [COUNTERS.encode_key((key_of(0, 1).decode(),))]
    assert prepared.input_position == 2


@pytest.mark.parametrize(("value", "why"), [(b"broken", "the books do not close"), (b"newer", "its version is 9")])
def test_a_broken_invariant_parks_the_partition_and_nothing_of_the_chunk_is_kept(value: bytes, why: str) -> None:
    real = RealOwner(meta=Meta(input_position=10))
    with pytest.raises(Parked, match=why) as parked:
        real.owner.decide([HandMade(MINE, b"", 10), HandMade(MINE, value, 11), HandMade(MINE, b"", 12)])
    assert (parked.value.index, parked.value.offset) == (1, 11)
    assert list(real.overlay.changes()) == []
    assert real.owner.input_position == 10
    assert decided(real, HandMade(MINE, b"", 10)).outbox[0][2] == b"1"


def test_a_bug_at_the_end_of_a_chunk_parks_the_partition_instead_of_skipping_the_chunk() -> None:
    real = RealOwner()
    real.fold.ends_badly = True
    with pytest.raises(Parked, match="OverflowError") as parked:
        real.owner.decide([HandMade(MINE, b"", 3), HandMade(MINE, b"", 4)])
    assert (parked.value.index, parked.value.offset) == (0, 3)
    assert list(real.overlay.changes()) == []
    assert real.owner.input_position == 0


def test_the_alert_of_a_parked_partition_says_which_record_and_why() -> None:
    real = RealOwner()
    (alert,) = alerts_in(real.owner.parking_alert(Parked(0, 41, "the books do not close")))
    assert (alert.type, alert.severity) == (AlertType.PARTITION_PARKED, Severity.CRITICAL)
    assert f"{TOPIC}[0]@41" in alert.message
    assert "the books do not close" in alert.message


def test_time_never_goes_back_within_a_partition() -> None:
    real = RealOwner(meta=Meta(last_time_ms=2_000))
    stamps = [1_500, 2_500, -1, 2_400, 3_000]
    prepared = decided(real, *[HandMade(MINE, b"", at, stamp) for at, stamp in enumerate(stamps)])
    assert real.fold.times == [2_000, 2_500, 2_500, 2_500, 3_000]
    assert prepared.time_ms == 3_000


def test_two_wake_ups_of_one_key_are_both_written_and_neither_again_at_once() -> None:
    real = RealOwner()
    real.fold.wakes = [(MINE, b"expire"), (MINE, b"refresh"), (MINE, b"expire")]
    written = [each[1:3] for each in real.owner.by_the_clock(0, 0) if each[0] == TOPIC]
    assert written == [(MINE, b"expire"), (MINE, b"refresh")]
    real.owner._look_again_at_ms = 0
    assert [each for each in real.owner.by_the_clock(0, 0) if each[0] == TOPIC] == []


def test_deciding_moves_nothing_before_the_commit() -> None:
    real = RealOwner()
    first = decided(real, HandMade(MINE, b"", 0))
    real.overlay.discard()
    again = decided(real, HandMade(MINE, b"", 0))
    assert first.outbox == again.outbox
    assert list(first.rows) == list(again.rows)
    assert real.owner.input_position == 0

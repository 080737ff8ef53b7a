"""A dead letter keeps the bytes, the reason and the origin."""

from __future__ import annotations

import hashlib

from agents.codec.words import DeadLetter
from agents.runtime.dead_letters import HEAD_BYTES, LARGEST_KEPT_BYTES, LONGEST_REASON, STORY_HEADER, DeadLetters
from agents.runtime.fold import Headers, Outgoing, header
from tests.runtime.parts import CODEC, HandMade

LETTERS = DeadLetters("input", "input.dlq", 3, CODEC.encoder("input.dlq", "dead_letter"))
DECODE = CODEC.decoder("input.dlq", "dead_letter")
BROKERS_LIMIT = 1_000_000


def buried(record: HandMade, **told: object) -> Outgoing:
    arguments: dict[str, object] = {"reason": "no reason", "stage": "decode", **told}
    return LETTERS.bury(record, 5_000, **arguments)  # type: ignore[arg-type]


def story_of(outgoing: Outgoing) -> DeadLetter:
    story = DECODE(header(HandMade(None, None, raw_headers=outgoing.headers), STORY_HEADER))
    assert isinstance(story, DeadLetter)
    return story


def size(outgoing: Outgoing) -> int:
    return (
        len(outgoing.key or b"")
        + len(outgoing.value or b"")
        + sum(len(name) + len(value or b"") for name, value in outgoing.headers or ())
    )


def test_key_value_and_headers_are_kept_untouched() -> None:
    outgoing = buried(HandMade(b"\xffkey", b"\0\1\2", 7, raw_headers=[("trace", b"t"), ("none", None)]))
    assert outgoing[:4] == ("input.dlq", b"\xffkey", b"\0\1\2", 3)
    assert (outgoing.headers or [])[:2] == [("trace", b"t"), ("none", None)]


def test_connects_headers_and_the_story_tell_where_it_came_from_and_why() -> None:
    outgoing = buried(HandMade(b"k", b"v", 7, 1_234), reason="it is bad", error=ValueError("x"))
    headers = dict(outgoing.headers or [])
    assert headers["__connect.errors.topic"] == "input"
    assert headers["__connect.errors.partition"] == "3"
    assert headers["__connect.errors.offset"] == "7"
    assert headers["__connect.errors.stage"] == "DECODE"
    assert headers["__connect.errors.exception.class.name"] == "ValueError"
    assert headers["__connect.errors.exception.message"] == "it is bad"
    story = story_of(outgoing)
    assert (story.topic, story.partition, story.offset, story.record_time_ms, story.at_ms) == (
        "input",
        3,
        7,
        1_234,
        5_000,
    )
    assert (story.value_sha256, story.value_bytes) == (hashlib.sha256(b"v").hexdigest(), 1)
    assert not story.truncated


def test_only_a_bug_has_a_traceback() -> None:
    try:
        _ = 1 // 0
    except ZeroDivisionError as error:
        bug, malformed = (
            buried(HandMade(b"k", b"v"), stage="decide", error=error),
            buried(HandMade(b"k", b"v"), error=error),
        )
    assert "ZeroDivisionError: " in story_of(bug).traceback
    assert "__connect.errors.exception.stacktrace" in dict(bug.headers or [])
    assert story_of(malformed).traceback == ""


def test_a_redriven_record_that_fails_again_tells_only_the_last_story() -> None:
    once = buried(HandMade(b"k", b"v", 1, raw_headers=[("trace", b"t")]), reason="first")
    twice = buried(HandMade(b"k", b"v", 9, raw_headers=once.headers), reason="second")
    names = [name for name, _ in twice.headers or []]
    assert len(names) == len(set(names))
    assert names[0] == "trace"
    assert (story_of(twice).reason, story_of(twice).offset) == ("second", 9)


def test_a_value_too_big_keeps_its_head_its_size_and_its_hash() -> None:
    value = bytes(range(256)) * 40_000
    outgoing = buried(HandMade(b"k", value))
    assert outgoing.value == value[:HEAD_BYTES]
    story = story_of(outgoing)
    assert (story.value_bytes, story.truncated) == (len(value), True)
    assert story.value_sha256 == hashlib.sha256(value).hexdigest()


def test_a_record_of_any_shape_fits_into_a_record_of_the_brokers_default_size() -> None:
    big = b"x" * (LARGEST_KEPT_BYTES - 100)
    headers: Headers = [("h1", b"small"), ("h2", big)]
    for record in (
        HandMade(big, big),
        HandMade(b"k", big, raw_headers=headers),
        HandMade(big, None, raw_headers=headers),
        HandMade(b"k", b"", raw_headers=[(f"h{number}", b"v" * 1_000) for number in range(3_000)]),
    ):
        outgoing = buried(record, reason="r" * 2_000_000, stage="decide", error=ValueError("v" * 2_000_000))
        assert size(outgoing) < BROKERS_LIMIT
        assert story_of(outgoing).truncated
        assert len(story_of(outgoing).reason) <= LONGEST_REASON + 3


def test_no_value_is_told_from_an_empty_one() -> None:
    nothing, empty = buried(HandMade(b"k", None)), buried(HandMade(b"k", b""))
    assert (nothing.value, story_of(nothing).value_bytes) == (None, -1)
    assert (empty.value, story_of(empty).value_bytes) == (b"", 0)

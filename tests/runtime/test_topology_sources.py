"""The section `sources`: who tells of history, and who is expected to speak."""

from __future__ import annotations

from typing import Any

import pytest

from agents.runtime.topology_file import Mistakes, Section
from agents.runtime.topology_sources import Feed, sources


def read(**declared: Any) -> tuple[frozenset[str], tuple[Feed, ...], list[str]]:
    mistakes = Mistakes()
    backfill, feeds = sources(Section(declared, "sources", mistakes))
    return backfill, feeds, list(mistakes.sentences)


def test_a_source_that_says_how_long_it_may_be_silent_is_a_feed() -> None:
    backfill, feeds, mistakes = read(
        wms={"silent_after": "90s"}, history={"backfill": True}, pos={"silent_after": "15m", "locations": ["LEEDS"]}
    )
    assert backfill == {"history"}
    assert feeds == (Feed("pos", 900_000, ("LEEDS",)), Feed("wms", 90_000, ()))
    assert mistakes == []


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ({"silent_after": "0s"}, "silent_after: must be above zero"),
        ({"locations": ["LEEDS"]}, "silent_after: is missing"),
        ({"silent_after": "soon"}, "silent_after"),
        ({"silent_for": "1m"}, "silent_for"),
    ],
)
def test_what_cannot_be_watched_is_a_mistake(declared: dict[str, Any], says: str) -> None:
    _, _, mistakes = read(pos=declared)
    assert any(says in mistake for mistake in mistakes), mistakes

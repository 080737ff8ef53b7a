"""When a feed counts as silent, and what is said of it."""

from __future__ import annotations

import pytest

from agents.inventory.transactions import FeedReference
from agents.runtime.feed_watch import FeedWatch
from agents.runtime.topology_sources import Feed

POS = Feed("pos", 1_000, ("LEEDS",))
WMS = Feed("wms", 60_000, ("YORK", "LEEDS"))
BEGAN = 1_000_000


def watch(*feeds: Feed, **said: FeedReference) -> FeedWatch:
    return FeedWatch(feeds or (POS,), said, BEGAN)


def test_a_feed_that_is_not_heard_for_longer_than_it_may_be_is_silent_once() -> None:
    it = watch()
    it.hear("pos", BEGAN + 10)
    assert it.changes(BEGAN + 1_010) == []
    (silent,) = it.changes(BEGAN + 1_011)
    assert silent == FeedReference("pos", True, BEGAN + 10, ("LEEDS",))
    assert it.changes(BEGAN + 5_000) == [silent], "until it is said"
    it.is_said([silent])
    assert it.changes(BEGAN + 9_000) == []


def test_it_speaks_again_with_its_next_record_and_others_are_not_asked() -> None:
    it = watch(POS, WMS, pos=FeedReference("pos", True, BEGAN - 9_000, ("LEEDS",)))
    it.hear("shop", BEGAN + 1)
    assert it.changes(BEGAN + 2) == []
    it.hear("pos", BEGAN + 3)
    assert it.changes(BEGAN + 4) == [FeedReference("pos", False, BEGAN + 3, ("LEEDS",))]


def test_a_record_of_long_ago_is_no_sign_of_life() -> None:
    it = watch(pos=FeedReference("pos", True, BEGAN - 90_000, ("LEEDS",)))
    it.hear("pos", BEGAN - 2_000)
    assert it.changes(BEGAN) == []


def test_of_a_feed_that_nobody_ever_heard_it_is_waited_for_once() -> None:
    assert watch().changes(BEGAN + 1_000) == []
    assert watch().changes(BEGAN + 1_001) == [FeedReference("pos", True, None, ("LEEDS",))]
    known = FeedReference("pos", False, BEGAN - 90_000, ("LEEDS",))
    assert watch(pos=known).changes(BEGAN) == [FeedReference("pos", True, None, ("LEEDS",))]


def test_who_lags_behind_finds_nobody_silent() -> None:
    it = watch(pos=FeedReference("pos", False, BEGAN - 10, ("LEEDS",)))
    it.hear("pos", BEGAN - 10)
    assert it.changes(BEGAN - 5) == [], "it has read no further than that"


def test_other_places_are_said_and_a_feed_that_is_watched_no_more_withholds_nothing() -> None:
    known = FeedReference("pos", True, 5, ("HULL",))
    assert watch(pos=known).changes(BEGAN) == [FeedReference("pos", True, 5, ("LEEDS",))]
    assert FeedWatch((), {"pos": known}, BEGAN).changes(BEGAN) == [FeedReference("pos", False, None, ("HULL",))]
    assert FeedWatch((), {"pos": FeedReference("pos")}, BEGAN).changes(BEGAN) == []


@pytest.mark.parametrize(("at_ms", "listens"), [(BEGAN + 50, False), (BEGAN + 51, True)])
def test_records_need_not_be_read_while_every_feed_was_heard_just_now(at_ms: int, listens: bool) -> None:
    it = watch()
    assert it.is_listening(BEGAN)
    it.hear("pos", BEGAN)
    assert it.is_listening(at_ms) is listens

"""FEED: how a feed stands, and what that withholds.

A feed is a system that reports what happens at some places: a till, a warehouse. While it is silent the books of its
places cannot be believed, so policy (`withhold_when_silent`, percent) keeps that much of what is available there from
promises, until it speaks again. Facts are accepted as ever, and what was promised stays promised.

Whether a feed is silent is seen by the clock, outside of the ledger; what is decided here is a record in the log, so
replay is exact. Every partition hears it; people hear of it once, from the first partition.
"""

from __future__ import annotations

from agents.inventory.alarms import raise_feed_silent, resolve_feed_silent
from agents.inventory.draft import Draft
from agents.inventory.offers import Scope
from agents.inventory.outcomes import Outcome, accept
from agents.inventory.refreshing import begin_walk
from agents.inventory.rows import FEEDS
from agents.inventory.transactions import FeedReference


def set_feed(draft: Draft) -> Outcome:
    """Set how a feed stands: silent or speaking, and the places it reports. Never refused."""
    new = draft.transaction.feed
    assert new is not None
    old = draft.references.feed(new.feed)
    if new == old:
        return accept()
    draft.changes[FEEDS, (new.feed,)] = new
    places = sorted({*silent_places(old)} ^ {*silent_places(new)})
    if draft.book.withholds_silent:
        begin_walk(draft, tuple([Scope(location=place) for place in places]))
    if draft.arrival.partition == 0:
        if new.silent and (old is None or not old.silent):
            raise_feed_silent(draft, new)
        elif old is not None and old.silent and not new.silent:
            resolve_feed_silent(draft, new)
    return accept()


def silent_places(feed: FeedReference | None) -> tuple[str, ...]:
    """The places of a silent feed."""
    return feed.locations if feed is not None and feed.silent else ()

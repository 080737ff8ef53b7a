"""Whether feeds are silent, reckoned from what was heard: pure, by the times that it is given.

A feed is silent when nothing of it is in the log for longer than it may be silent, and speaks with its next record. What
is said of it goes into the log as a FEED record (agents/inventory/feeds.py); here is only decided when one is due.

Heard times are those of the broker's log, never of the sender. Silence is judged as of a time up to which everything was
read: a reader that lags behind finds nobody silent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agents.inventory.transactions import FeedReference
from agents.runtime.topology_sources import Feed

CLOSE_ENOUGH = 20
"""Within this fraction of the time that it may be silent it need not be known exactly when a feed was heard."""


class FeedWatch:
    """Hears sources, and says what has changed."""

    def __init__(self, feeds: Iterable[Feed], said: Mapping[str, FeedReference], began_ms: int) -> None:
        """`said`: what the log says of feeds so far. One of which it says nothing yet may be silent from now on."""
        self._feeds = {feed.name: feed for feed in feeds}
        self._said = dict(said)
        self._began_ms = began_ms
        self._heard_ms: dict[str, int] = {}

    @property
    def longest_ms(self) -> int:
        """The longest time that one of the feeds may be silent."""
        return max((feed.silent_after_ms for feed in self._feeds.values()), default=0)

    def is_listening(self, at_ms: int) -> bool:
        """Whether a record of that time can tell anything: all feeds may have been heard just before."""
        heard = self._heard_ms
        return any(
            at_ms - heard.get(name, 0) > feed.silent_after_ms // CLOSE_ENOUGH for name, feed in self._feeds.items()
        )

    def hear(self, source: str, at_ms: int) -> None:
        """There is a record of this source in the log."""
        if source in self._feeds:
            self._heard_ms[source] = max(at_ms, self._heard_ms.get(source, 0))

    def changes(self, as_of_ms: int) -> list[FeedReference]:
        """What must be said now, by feed: who fell silent or speaks again, whose places are others, who is watched no more.

        Everything up to `as_of_ms` was heard. What is returned counts as said when `is_said` was called with it.
        """
        found = [self._change(feed, as_of_ms) for _, feed in sorted(self._feeds.items())]
        gone = [
            FeedReference(name, False, None, said.locations)
            for name, said in sorted(self._said.items())
            if said.silent and name not in self._feeds
        ]
        return [each for each in found if each is not None] + gone

    def is_said(self, references: Iterable[FeedReference]) -> None:
        """These are in the log."""
        self._said.update({each.feed: each for each in references})

    def _change(self, feed: Feed, as_of_ms: int) -> FeedReference | None:
        said, heard_ms = self._said.get(feed.name), self._heard_ms.get(feed.name)
        since_ms = (self._began_ms if said is None else 0) if heard_ms is None else heard_ms
        silent = as_of_ms - since_ms > feed.silent_after_ms
        if said is None and not silent:
            return None
        if said is not None and said.silent == silent and said.locations == feed.locations:
            return None
        if said is not None and said.silent and silent:
            heard_ms = said.since_ms if heard_ms is None else heard_ms
        return feed.reference(silent=silent, since_ms=heard_ms)

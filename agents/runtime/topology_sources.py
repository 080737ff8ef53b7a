"""The section `sources` of topology.yaml: which systems publish, and how long each may be silent."""

from __future__ import annotations

from dataclasses import dataclass

from agents.inventory.transactions import FeedReference
from agents.runtime.topology_file import Section


@dataclass(frozen=True)
class Feed:
    """A source that is expected to speak."""

    name: str
    """The `source` of its records."""
    silent_after_ms: int
    """So long without a record, and it is silent."""
    locations: tuple[str, ...]
    """Places whose stock it reports."""

    def reference(self, *, silent: bool, since_ms: int | None) -> FeedReference:
        """What a FEED record says of it."""
        return FeedReference(self.name, silent, since_ms, self.locations)


def sources(section: Section) -> tuple[frozenset[str], tuple[Feed, ...]]:
    """The names of sources that tell of history; the feeds that are watched, by name."""
    backfill: set[str] = set()
    feeds: list[Feed] = []
    for name, inner in section.sections().items():
        if inner.flag("backfill", False):
            backfill.add(name)
        locations = inner.names("locations", ())
        inner.asked.add("silent_after")
        if "silent_after" in inner.values:
            silent_after_ms = inner.duration_ms("silent_after")
            if silent_after_ms <= 0:
                inner.wrong("silent_after", "must be above zero; leave it out for a source that may be silent")
            feeds.append(Feed(name, silent_after_ms, locations))
        elif locations:
            inner.wrong("silent_after", "is missing: its locations are withheld only when it is silent for so long")
        inner.finish()
    return frozenset(backfill), tuple(sorted(feeds, key=lambda feed: feed.name))

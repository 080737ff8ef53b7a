"""The reference of places and sales channels: which place is open, and which channel may sell from where.

A place of which no LOCATION record came is open, ships, offers no pickup and lies in no region. A channel of which no
CHANNEL record came may sell from every place.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from agents.inventory.transactions import ChannelReference, FeedReference, LocationReference


class Method(StrEnum):
    """How goods get to the shopper."""

    SHIPPING = "shipping"
    PICKUP = "pickup"


NO_FEEDS: Mapping[str, FeedReference] = {}


class References:
    """What LOCATION, CHANNEL and FEED records said: the last one of each counts, as a whole. Never changed once made."""

    __slots__ = (
        "_channels",
        "_feeds",
        "_locations",
        "_offers",
        "channels",
        "knows_any",
        "limits_any",
        "locations",
        "silent",
    )

    def __init__(
        self,
        locations: Mapping[str, LocationReference],
        channels: Mapping[str, ChannelReference],
        feeds: Mapping[str, FeedReference] = NO_FEEDS,
    ) -> None:
        self._locations = dict(locations)
        self._channels = dict(channels)
        self.channels: tuple[ChannelReference, ...] = tuple(channels[name] for name in sorted(channels))
        """By name."""
        self.locations: tuple[str, ...] = tuple(sorted(locations))
        """The places of which a LOCATION record came, by name."""
        self.knows_any = bool(locations or channels)
        """False: every place is open to every channel, and nobody need ask."""
        self.limits_any = any(place.daily_capacity is not None for place in locations.values())
        """Whether some place can send only so much a day."""
        self._offers: dict[tuple[str, str], tuple[Method, ...]] = {}
        self._feeds = dict(feeds)
        self.silent: Mapping[str, str] = {
            place: name for name in sorted(feeds, reverse=True) if feeds[name].silent for place in feeds[name].locations
        }
        """Places whose feed is silent, with the first such feed."""

    def location(self, location: str) -> LocationReference | None:
        """The reference of the place, or None."""
        return self._locations.get(location)

    def channel(self, channel: str) -> ChannelReference | None:
        """The reference of the channel, or None."""
        return self._channels.get(channel)

    def feed(self, feed: str) -> FeedReference | None:
        """How the feed stands, or None where no FEED record came."""
        return self._feeds.get(feed)

    def is_open(self, location: str) -> bool:
        """Whether the place takes claims."""
        reference = self._locations.get(location)
        return reference is None or reference.open

    def may_sell(self, channel: str | None, location: str) -> bool:
        """Whether the channel may sell from the place: it is in its list, if it has one, and in its region, likewise.

        A place that names no region is in every region. Who sells without a channel may sell from everywhere.
        """
        reference = None if channel is None else self._channels.get(channel)
        if reference is None:
            return True
        if reference.locations and location not in reference.locations:
            return False
        place = self._locations.get(location)
        region = None if place is None else place.region
        return reference.region is None or region is None or region == reference.region

    def offers(self, channel: ChannelReference, location: str) -> tuple[Method, ...]:
        """The methods by which the channel sells from the place; none where it is closed or not the channel's."""
        key = (channel.channel, location)
        found = self._offers.get(key)
        if found is None:
            found = self._offers[key] = self._methods(channel, location)
        return found

    def region_of(self, location: str) -> str | None:
        """The region the place lies in."""
        reference = self._locations.get(location)
        return None if reference is None else reference.region

    def _methods(self, channel: ChannelReference, location: str) -> tuple[Method, ...]:
        if not self.is_open(location) or not self.may_sell(channel.channel, location):
            return ()
        place = self._locations.get(location)
        there = {Method.SHIPPING: place is None or place.ships, Method.PICKUP: place is not None and place.pickup}
        return tuple(
            method for method in Method if there[method] and (not channel.methods or method.value in channel.methods)
        )


NO_REFERENCES = References({}, {})
"""Before the first LOCATION or CHANNEL record."""

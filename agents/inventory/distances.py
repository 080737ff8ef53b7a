"""How far a place is from a destination, and which of its zones the destination lies in."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt

from agents.inventory.transactions import Destination, LocationReference, Zone

EARTH_RADIUS_KM = 6_371
UNKNOWN_DISTANCE_KM = 5_000
"""Between places of which one is not known: behind everything on the same continent."""
ANYWHERE = "*"
"""In place of a country: every one that no other zone of the place names."""


def distance_km(place: LocationReference | None, destination: Destination) -> int:
    """Great-circle distance by the haversine formula, in whole kilometres.

    From degrees rounded to a tenth, the same on every machine: the last digits of a sine are cut off, not rounded.
    """
    if (
        place is None
        or place.latitude_tenths is None
        or place.longitude_tenths is None
        or destination.latitude_tenths is None
        or destination.longitude_tenths is None
    ):
        return UNKNOWN_DISTANCE_KM
    here, there = radians(place.latitude_tenths / 10), radians(destination.latitude_tenths / 10)
    apart = radians((destination.longitude_tenths - place.longitude_tenths) / 10)
    half = sin((there - here) / 2) ** 2 + cos(here) * cos(there) * sin(apart / 2) ** 2
    return int(2 * EARTH_RADIUS_KM * asin(sqrt(min(1.0, max(0.0, half)))))


def zone_of(place: LocationReference | None, destination: Destination | None) -> Zone | None:
    """The zone of the place that the destination lies in: the longest postal prefix, then the country, then anywhere."""
    if place is None or destination is None:
        return None
    area = destination.postal_area.replace(" ", "").upper()
    fitting = [
        zone
        for zone in place.zones
        if zone.country == ANYWHERE or (zone.country == destination.country and area.startswith(zone.postal_prefix))
    ]
    return max(fitting, key=lambda zone: (zone.country != ANYWHERE, len(zone.postal_prefix)), default=None)


def sends_to(place: LocationReference | None, destination: Destination | None) -> bool:
    """Whether the place sends there: it names no zones, or one of them is meant."""
    return place is None or not place.zones or destination is None or zone_of(place, destination) is not None


def is_abroad(place: LocationReference | None, destination: Destination | None) -> bool:
    """Whether a border lies between them, as far as is known."""
    return (
        place is not None
        and destination is not None
        and place.country is not None
        and place.country != destination.country
    )

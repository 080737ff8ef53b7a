"""What a shipment costs, as far as a plan needs to know: enough to rank places, never a price."""

from __future__ import annotations

from math import asin, cos, radians, sin, sqrt

from agents.inventory.transactions import Destination, LocationReference

EARTH_RADIUS_KM = 6_371
UNKNOWN_DISTANCE_KM = 5_000
"""Between places of which one is not known: behind everything on the same continent."""
SHIPMENT_KM = 200
"""What one more shipment costs, in kilometres: two parcels from near are no better than one from a little further."""
ABROAD_KM = 1_000
"""What a border costs."""


def shipment_cost(place: LocationReference | None, destination: Destination | None) -> int:
    """The cost of one shipment from a place, in kilometres and what is worth as many of them."""
    if destination is None:
        return SHIPMENT_KM
    if place is None:
        return SHIPMENT_KM + UNKNOWN_DISTANCE_KM
    abroad = ABROAD_KM if place.country is not None and place.country != destination.country else 0
    return SHIPMENT_KM + distance_km(place, destination) + abroad


def distance_km(place: LocationReference, destination: Destination) -> int:
    """Great-circle distance by the haversine formula, in whole kilometres.

    From degrees rounded to a tenth, the same on every machine: the last digits of a sine are cut off, not rounded.
    """
    latitude, longitude = place.latitude_tenths, place.longitude_tenths
    if None in {latitude, longitude, destination.latitude_tenths, destination.longitude_tenths}:
        return UNKNOWN_DISTANCE_KM
    assert latitude is not None
    assert longitude is not None
    assert destination.latitude_tenths is not None
    assert destination.longitude_tenths is not None
    here, there = radians(latitude / 10), radians(destination.latitude_tenths / 10)
    apart = radians((destination.longitude_tenths - longitude) / 10)
    half = sin((there - here) / 2) ** 2 + cos(here) * cos(there) * sin(apart / 2) ** 2
    return int(2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(half))))

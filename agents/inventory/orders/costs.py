"""What a shipment costs, as far as a plan needs to know: enough to rank places, never a price."""

from __future__ import annotations

from agents.inventory.distances import distance_km, is_abroad, sends_to, zone_of
from agents.inventory.transactions import Destination, LocationReference

SHIPMENT_KM = 200
"""What one more shipment costs, in kilometres: two parcels from near are no better than one from a little further."""
ABROAD_KM = 1_000
"""What a border costs."""


def serves(place: LocationReference | None, destination: Destination | None) -> bool:
    """Whether the ledger itself would choose the place for a shipment there, as far as the reference says."""
    return place is None or (place.open and place.ships and place.daily_capacity != 0 and sends_to(place, destination))


def shipment_cost(place: LocationReference | None, destination: Destination | None) -> int:
    """The cost of one shipment from a place, in kilometres and what is worth as many of them.

    Where the place names zones, the cost of the zone stands beside the distance: one of its units is worth a kilometre.
    """
    if destination is None:
        return SHIPMENT_KM
    zone = zone_of(place, destination)
    abroad = ABROAD_KM if is_abroad(place, destination) else 0
    return SHIPMENT_KM + distance_km(place, destination) + abroad + (0 if zone is None else zone.cost)

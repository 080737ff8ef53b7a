"""What a shipment costs, as far as a plan needs to know: enough to rank places, never a price."""

from __future__ import annotations

from agents.inventory.answers import CostTerm
from agents.inventory.distances import distance_km, is_abroad, sends_to, zone_of
from agents.inventory.transactions import Destination, LocationReference

SHIPMENT_KM = 200
"""What one more shipment costs, in kilometres: two parcels from near are no better than one from a little further."""
ABROAD_KM = 1_000
"""What a border costs where no zone of the place says what it costs to send there."""


def serves(place: LocationReference | None, destination: Destination | None) -> bool:
    """Whether the ledger itself would choose the place for a shipment there, as far as the reference says."""
    return place is None or (place.open and place.ships and place.daily_capacity != 0 and sends_to(place, destination))


def shipment_terms(place: LocationReference | None, destination: Destination | None) -> tuple[CostTerm, ...]:
    """What `shipment_cost` is the sum of: the parcel, the kilometres, and the cost of the zone or of a border."""
    terms = [CostTerm("parcel", 1, SHIPMENT_KM)]
    if destination is not None:
        kilometres, zone = distance_km(place, destination), zone_of(place, destination)
        terms.append(CostTerm("distance", kilometres, kilometres))
        if zone is None and is_abroad(place, destination):
            terms.append(CostTerm("border", 1, ABROAD_KM))
        if zone is not None and zone.cost:
            terms.append(CostTerm("zone", zone.cost, zone.cost))
    return tuple(terms)


def shipment_cost(place: LocationReference | None, destination: Destination | None) -> int:
    """The cost of one shipment from a place, in kilometres and what is worth as many of them.

    Where the place names zones, the cost of the zone stands beside the distance, and in place of a border: one of its units is
    worth a kilometre. So with the ledger's weights for distance and zone at 1, plan and ledger rank places alike.
    """
    if destination is None:
        return SHIPMENT_KM
    zone = zone_of(place, destination)
    if zone is not None:
        return SHIPMENT_KM + distance_km(place, destination) + zone.cost
    return SHIPMENT_KM + distance_km(place, destination) + (ABROAD_KM if is_abroad(place, destination) else 0)

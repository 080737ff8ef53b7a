"""Transfers: units from places that have weeks too many to places that lack them, the nearest first.

The place with the fewest days of cover is served first. It takes from the nearest place that can spare anything; of two
as near from the one that can spare more. What was given is gone for the next one, so no place gives more than it can
spare. A transfer below the minimum is not worth its van.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agents.inventory.distances import UNKNOWN_DISTANCE_KM, distance_km
from agents.inventory.replenishment.rows import ReplenishmentPolicy
from agents.inventory.replenishment.words import Whereabouts
from agents.inventory.transactions import Destination, LocationReference


class Stand(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How a SKU stands at one place."""

    location: str
    cover_days: int
    surplus: int
    """Units that it can spare."""
    shortage: int
    """Units that it lacks up to its order-up-to level; 0 where it is not time yet."""
    place: Whereabouts | None = None


class Move(msgspec.Struct, frozen=True, gc=False):
    """Units to be moved."""

    location: str
    to_location: str
    quantity: int
    distance_km: int
    surplus: int
    """What the sending place could spare just before."""
    shortage: int
    """What the other one lacked just before."""


def rebalance(stands: Sequence[Stand], policy: ReplenishmentPolicy) -> tuple[Move, ...]:
    """The moves that help, in the order in which they were found; the same for every order of the places."""
    spare = {stand.location: stand.surplus for stand in stands if stand.surplus > 0}
    by_name = {stand.location: stand for stand in stands}
    moves: list[Move] = []
    needy = [stand for stand in stands if stand.shortage > 0]
    for taker in sorted(needy, key=lambda stand: (stand.cover_days, stand.location)):
        lacking = taker.shortage
        for distance, giver in givers(taker, [by_name[name] for name in sorted(spare)], spare, policy):
            units = min(spare[giver.location], lacking)
            if units < max(1, policy.transfer_minimum):
                continue
            moves.append(Move(giver.location, taker.location, units, distance, spare[giver.location], lacking))
            spare[giver.location] -= units
            lacking -= units
    return tuple(moves)


def givers(
    taker: Stand, stands: Sequence[Stand], spare: dict[str, int], policy: ReplenishmentPolicy
) -> list[tuple[int, Stand]]:
    """Who may give to a place, with its distance in kilometres, the best first."""
    found = [(distance_between(stand.place, taker.place), stand) for stand in stands if stand != taker]
    near = [(distance, stand) for distance, stand in found if distance <= policy.transfer_farthest_km]
    return sorted(near, key=lambda each: (each[0], -spare[each[1].location], each[1].location))


def distance_between(one: Whereabouts | None, other: Whereabouts | None) -> int:
    """Kilometres between two places; far where one is not known."""
    if one is None or other is None:
        return UNKNOWN_DISTANCE_KM
    here = LocationReference(one.location, latitude_tenths=one.latitude_tenths, longitude_tenths=one.longitude_tenths)
    return distance_km(here, Destination(other.country or "", "", other.latitude_tenths, other.longitude_tenths))

"""Claims: reservations (soft, they expire) and allocations (firm).

A claim is known by (SKU, holder, line). Its units lie in legs, one per location, in ranked order; a leg is posted in
the buckets `reserved` and `allocated` of that location, so the two are always the sums of the legs there. Beside them
a claim may wait for units: backordered ones are no stock, and are posted nowhere.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from agents.inventory.transactions import Destination


class Leg(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a claim holds at one location. A leg is reserved or allocated or, after confirming a part, both."""

    location: str
    reserved: int = 0
    allocated: int = 0
    picking: int = 0
    """Units of `allocated` that are being picked: they yield last."""
    fenced: int = 0
    """Units taken from the channel's own fence."""


class Loss(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Units that a claim lost to a count: a late SHIP takes them first."""

    location: str
    counted_at_second: int
    quantity: int


class Claim(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An open claim of (SKU, holder, line)."""

    legs: tuple[Leg, ...]
    backordered: int = 0
    """Units accepted without stock, soft and firm ones: they are covered as soon as they can be."""
    priority: int = 0
    opening_offset: int = 0
    """Input offset of the record that opened it: the age of the claim."""
    due_ms: int | None = None
    """When the soft part expires, what of it is backordered too; null for a wholly firm claim."""
    ttl_ms: int = 0
    """The time to live it was opened with: a revived claim gets it again."""
    locations: tuple[str, ...] = ()
    """As asked: one = tied, several = ranked, none = chosen."""
    max_splits: int = 0
    channel: str | None = None
    order_id: str | None = None
    losses: tuple[Loss, ...] = ()
    yielded: int = 0
    """Units it lost since it was opened and does not wait for: confirming without `partial` misses them."""
    backordered_firm: int = 0
    """Of `backordered`: asked firmly. They do not expire, and are allocated once they are covered."""
    promise_by_ms: int | None = None
    """When it was promised for: who was promised earlier is covered first."""
    inbound: str | None = None
    """Of a preorder: the announced inbound that it waits for."""
    avoid: tuple[str, ...] = ()
    """Places that the ledger does not choose for it."""
    routed: bool = False
    """The order router holds it."""
    lot: str | None = None
    """The lot that it asks for; null for a claim that takes any."""
    destination: Destination | None = None
    """Where it is to be sent: what a place costs depends on it, also when the claim is covered or moves."""
    opened_at_ms: int = 0
    """Record time of the record that opened it; a replaced claim keeps it."""


class Closing(StrEnum):
    """How a claim ended."""

    RELEASED = "released"
    SHIPPED = "shipped"
    EXPIRED = "expired"
    YIELDED = "yielded"


class ClosedClaim(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What is remembered of a closed claim for 24 hours; also of the soft part that a firm claim lost by expiry."""

    closing: Closing
    closed_at_ms: int
    last: Claim
    """As it was just before it closed: what a revival asks for again, and what a late SHIP may still take."""


def reserved_units(claim: Claim) -> int:
    """The soft units of all legs."""
    return sum([leg.reserved for leg in claim.legs])


def allocated_units(claim: Claim) -> int:
    """The firm units of all legs."""
    return sum([leg.allocated for leg in claim.legs])


def soft_units(claim: Claim) -> int:
    """What expires: reserved units and those backordered softly."""
    return reserved_units(claim) + claim.backordered - claim.backordered_firm


def is_firm(claim: Claim) -> bool:
    """Whether any of it is allocated, or backordered firmly."""
    return claim.backordered_firm > 0 or any(leg.allocated for leg in claim.legs)


def leg_at(claim: Claim, location: str) -> Leg | None:
    """The leg there, or None."""
    for leg in claim.legs:
        if leg.location == location:
            return leg
    return None


def take_from_leg(leg: Leg, soft: int, firm: int) -> Leg:
    """The leg without so many units; of the firm ones those that are not being picked go first.

    It keeps as many units of its channel's fence as are left of it.
    """
    reserved, allocated = leg.reserved - soft, leg.allocated - firm
    return Leg(leg.location, reserved, allocated, min(leg.picking, allocated), min(leg.fenced, reserved + allocated))


def with_leg(claim: Claim, leg: Leg) -> Claim:
    """The claim with this leg: in place of the one there, or as a new one in ranked order; an empty one is left out."""
    legs = [each for each in claim.legs if each.location != leg.location]
    if leg.reserved or leg.allocated:
        legs.append(leg)
        if len(legs) > 1:
            places = claim.locations or tuple([each.location for each in claim.legs])
            legs.sort(key=lambda each: places.index(each.location) if each.location in places else len(places))
    return msgspec.structs.replace(claim, legs=tuple(legs))


def with_backorder(claim: Claim, soft: int, firm: int) -> Claim:
    """The claim waiting for so many units, soft and firm."""
    return msgspec.structs.replace(claim, backordered=soft + firm, backordered_firm=firm)


def without_backorder(claim: Claim, quantity: int) -> Claim:
    """The claim waiting for so many units less; those that would expire go first."""
    soft = claim.backordered - claim.backordered_firm
    going = min(quantity, soft)
    return with_backorder(claim, soft - going, claim.backordered_firm - (quantity - going))


def first_place(claim: Claim) -> str | None:
    """The place that stands for a claim: of its first leg, or the first it asked for; None where it did not ask."""
    if claim.legs:
        return claim.legs[0].location
    return claim.locations[0] if claim.locations else None


def with_due(claim: Claim) -> Claim:
    """The claim, with nothing due if nothing of it is soft."""
    if claim.due_ms is None or claim.backordered > claim.backordered_firm:
        return claim
    for leg in claim.legs:
        if leg.reserved:
            return claim
    return msgspec.structs.replace(claim, due_ms=None)

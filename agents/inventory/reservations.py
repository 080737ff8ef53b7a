"""Claims: reservations (soft, they expire) and allocations (firm).

A claim is known by (SKU, holder, line). Its units lie in legs, one per location; a leg is posted in the buckets
`reserved` and `allocated` of that location, so the two are always the sums of the legs there.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


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
    priority: int = 0
    opening_offset: int = 0
    """Input offset of the record that opened it: the age of the claim."""
    due_ms: int | None = None
    """When the soft part expires; null for a wholly firm claim."""
    ttl_ms: int = 0
    """The time to live it was opened with: a revived claim gets it again."""
    locations: tuple[str, ...] = ()
    """As asked: one = tied, several = ranked, none = chosen."""
    max_splits: int = 0
    channel: str | None = None
    order_id: str | None = None
    losses: tuple[Loss, ...] = ()
    yielded: int = 0
    """Units it lost to facts since it was opened: confirming without `partial` misses them."""


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
    return sum(leg.reserved for leg in claim.legs)


def allocated_units(claim: Claim) -> int:
    """The firm units of all legs."""
    return sum(leg.allocated for leg in claim.legs)


def leg_at(claim: Claim, location: str) -> Leg | None:
    """The leg there, or None."""
    for leg in claim.legs:
        if leg.location == location:
            return leg
    return None


def take_reserved(leg: Leg, quantity: int) -> Leg:
    """The leg without `quantity` soft units."""
    return msgspec.structs.replace(leg, reserved=leg.reserved - quantity)


def take_allocated(leg: Leg, quantity: int) -> Leg:
    """The leg without `quantity` firm units; those that are not being picked go first."""
    allocated = leg.allocated - quantity
    return msgspec.structs.replace(leg, allocated=allocated, picking=min(leg.picking, allocated))


def with_leg(claim: Claim, leg: Leg) -> Claim:
    """The claim with this leg in its place; an empty leg is left out, and without soft units nothing is due."""
    legs = tuple(
        each
        for each in (leg if old.location == leg.location else old for old in claim.legs)
        if each.reserved or each.allocated
    )
    due_ms = claim.due_ms if any(each.reserved for each in legs) else None
    return msgspec.structs.replace(claim, legs=legs, due_ms=due_ms)

"""Where the units of a claim come from: which of its places, and how many of each.

A claim names its places in ranked order, or none: then the ledger chooses (sourcing.py). One rule holds for opening a claim, for
covering what it waits for, and for moving what it loses: the first place that covers all; else the places in order,
empty ones skipped, at most `max_splits` + 1 of them, those where the claim has units already included. No better set
is searched for. Where that is not enough, a claim that has units already may move as a whole (moving.py).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agents.inventory.draft import Draft
from agents.inventory.fences import give_fence, take_fence
from agents.inventory.items import is_tracked
from agents.inventory.life import free_of_lot
from agents.inventory.postings import ALLOCATED, RESERVED, UNPROMISED
from agents.inventory.promising import promisable
from agents.inventory.reservations import Claim, Leg, leg_at, take_from_leg, with_leg
from agents.inventory.sourcing import Free, order_of_choice
from agents.inventory.validation import LARGEST_QUANTITY

WITHOUT_LIMIT = 1_000 * LARGEST_QUANTITY
"""Units that there always are of a SKU of which no stock is kept."""


class Share(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Units that one place gives to a claim."""

    location: str
    quantity: int


def places_of(draft: Draft, claim: Claim) -> Sequence[str]:
    """The places that may give units to the claim, the first choice first."""
    return claim.locations or order_of_choice(draft, claim, free_at)


def free_at(draft: Draft, claim: Claim, location: str) -> int:
    """Units that the place may still promise to the claim, beside what it has there; never below 0."""
    if not is_tracked(draft):
        return WITHOUT_LIMIT
    free = promisable(draft, location, claim.channel)
    if claim.lot is not None and free > 0:
        free = min(free, free_of_lot(draft, location, claim.lot))
    return free


def spread(draft: Draft, claim: Claim, quantity: int, free: Free = free_at, but: str | None = None) -> list[Share]:
    """Which places give the claim `quantity` units more, or as many as the rule allows; `but` one place."""
    held = [leg.location for leg in claim.legs]
    places_left = claim.max_splits + 1 - len(held)
    found: list[Share] = []
    for place in places_of(draft, claim):
        if place == but or (places_left <= 0 and place not in held):
            continue
        units = free(draft, claim, place)
        if units >= quantity:
            return [Share(place, quantity)]
        if units > 0:
            found.append(Share(place, units))
    return fill(found, held, places_left, quantity)


def fill(found: list[Share], held: list[str], places_left: int, quantity: int) -> list[Share]:
    """Take the units in order, from at most so many places beside those where the claim has units already."""
    shares: list[Share] = []
    for place, units in [(each.location, each.quantity) for each in found]:
        if place not in held:
            if places_left <= 0:
                continue
            places_left -= 1
        shares.append(Share(place, min(units, quantity)))
        quantity -= shares[-1].quantity
        if quantity == 0:
            break
    return shares


def units_of(shares: list[Share]) -> int:
    """The units of all places."""
    return sum([share.quantity for share in shares])


def place_units(draft: Draft, holder: str, line: int, claim: Claim, location: str, soft: int, firm: int) -> Claim:
    """Post units of a place to the claim, out of its channel's fence first: the claim with them."""
    added = take_units(draft, holder, line, claim.channel, location, soft, firm)
    leg = leg_at(claim, location)
    if leg is not None:
        added = Leg(
            location,
            leg.reserved + soft,
            leg.allocated + firm,
            leg.picking,
            leg.fenced + added.fenced,
        )
    return with_leg(claim, added)


def take_units(draft: Draft, holder: str, line: int, channel: str | None, location: str, soft: int, firm: int) -> Leg:
    """Post units of a place to a claim: the leg that they make."""
    shelf = draft.shelf(location)
    if shelf.before is None:
        shelf.created = True
    shelf.move(UNPROMISED, RESERVED, soft, holder, line)
    shelf.move(UNPROMISED, ALLOCATED, firm, holder, line)
    fenced = take_fence(draft, location, channel, soft + firm) if draft.goods.fences else 0
    return Leg(location, soft, firm, 0, fenced)


def return_units(
    draft: Draft, holder: str, line: int, claim: Claim, location: str, soft: int, firm: int, *, to_fence: bool
) -> Claim:
    """Post units of a leg back to unpromised: the claim without them.

    `to_fence`: what the leg had out of its channel's fence, and has no more units for, goes back to the fence.
    """
    leg = leg_at(claim, location)
    assert leg is not None
    shelf = draft.shelf(location)
    shelf.move(RESERVED, UNPROMISED, soft, holder, line)
    shelf.move(ALLOCATED, UNPROMISED, firm, holder, line)
    left = take_from_leg(leg, soft, firm)
    if to_fence and left.fenced < leg.fenced:
        give_fence(draft, location, claim.channel, leg.fenced - left.fenced)
    return with_leg(claim, left)


def return_all(draft: Draft, holder: str, line: int, claim: Claim) -> None:
    """Post everything that the claim holds back to unpromised, and to its channel's fences."""
    for leg in claim.legs:
        shelf = draft.shelf(leg.location)
        shelf.move(RESERVED, UNPROMISED, leg.reserved, holder, line)
        shelf.move(ALLOCATED, UNPROMISED, leg.allocated, holder, line)
        if leg.fenced:
            give_fence(draft, leg.location, claim.channel, leg.fenced)

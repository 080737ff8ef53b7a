"""Keeping a reservation longer, giving a claim back, and saying that its goods are being picked."""

from __future__ import annotations

import msgspec

from agents.inventory.draft import Draft
from agents.inventory.expiry import expired_lately
from agents.inventory.granting import return_units
from agents.inventory.lines import decide_lines
from agents.inventory.outcomes import Outcome, accept, refuse
from agents.inventory.places import refusal_of_name
from agents.inventory.refusals import Refusal
from agents.inventory.reservations import (
    Claim,
    Closing,
    Leg,
    first_place,
    leg_at,
    soft_units,
    with_leg,
    without_backorder,
)

RELEASED = Closing.RELEASED


def extend(draft: Draft) -> Outcome:
    """Let reservations expire later, what they wait for too: record time + the TTL asked, or that of the claim.

    Refuses: UNKNOWN_SKU, EXPIRED (for 24 hours after it did), NOTHING_OPEN.
    """
    return decide_lines(draft, extend_line, partly=draft.transaction.partial)


def extend_line(draft: Draft, holder: str, line: int, _quantity: int | None) -> Outcome:
    """Extend one line, see `extend`."""
    claim = draft.claim(holder, line)
    if claim is None or soft_units(claim) == 0:
        expired = expired_lately(draft, holder, line, claim) is not None
        return refusal_of_name(draft, None) or refuse(Refusal.EXPIRED if expired else Refusal.NOTHING_OPEN)
    ttl_ms = claim.ttl_ms if draft.transaction.ttl_ms is None else draft.transaction.ttl_ms
    draft.put_claim(holder, line, msgspec.structs.replace(claim, due_ms=draft.at_ms + ttl_ms))
    return accept(soft_units(claim), location=first_place(claim))


def release(draft: Draft) -> Outcome:
    """Give back all or part of claims, capped by what is open; with a location only the legs there.

    What a claim waits for goes first, then its legs in ranked order; of each the soft units before the firm ones.
    Refuses: QUANTITY_NOT_POSITIVE, UNKNOWN_SKU, UNKNOWN_LOCATION, NOTHING_OPEN (in none of the lines).
    """
    return decide_lines(draft, release_line, partly=True)


def release_line(draft: Draft, holder: str, line: int, quantity: int | None) -> Outcome:
    """Release one line, see `release`."""
    location = draft.place
    claim = draft.claim(holder, line)
    places = (
        [] if claim is None else [leg.location for leg in claim.legs if location is None or location == leg.location]
    )
    waiting = claim.backordered if claim is not None and location is None else 0
    if claim is None or not (places or waiting):
        return refusal_of_name(draft, location) or refuse(Refusal.NOTHING_OPEN)

    # From here on it must succeed.
    released = waiting if quantity is None else min(quantity, waiting)
    after = without_backorder(claim, released) if released else claim
    for place in places:
        left = None if quantity is None else quantity - released
        after, units = release_leg(draft, holder, line, after, place, left)
        released += units
    draft.keep_or_close(holder, line, after, claim, RELEASED)
    return accept(released, location=location or first_place(claim))


def release_leg(
    draft: Draft, holder: str, line: int, claim: Claim, location: str, quantity: int | None
) -> tuple[Claim, int]:
    """Give back up to `quantity` units of one leg (None = all of it): the claim without them, and how many."""
    leg = leg_at(claim, location)
    if leg is None or quantity == 0:
        return claim, 0
    limit = leg.reserved + leg.allocated if quantity is None else quantity
    soft = min(limit, leg.reserved)
    firm = min(limit - soft, leg.allocated)
    return return_units(draft, holder, line, claim, location, soft, firm, to_fence=True), soft + firm


def pick(draft: Draft) -> Outcome:
    """Allocated units are being picked, `quantity` more of them or all: they yield last. Capped by what is allocated.

    Refuses: QUANTITY_NOT_POSITIVE, UNKNOWN_SKU, UNKNOWN_LOCATION, NOTHING_OPEN (nothing allocated there that is not
    being picked already, in none of the lines).
    """
    return decide_lines(draft, pick_line, partly=True)


def pick_line(draft: Draft, holder: str, line: int, quantity: int | None) -> Outcome:
    """Say that one line is being picked, see `pick`."""
    location = draft.place
    claim = draft.claim(holder, line)
    after, picked, first = claim, 0, location
    for leg in () if claim is None else claim.legs:
        units = leg.allocated - leg.picking if location in {None, leg.location} else 0
        units = units if quantity is None else min(units, quantity - picked)
        if units and after is not None:
            picking = Leg(leg.location, leg.reserved, leg.allocated, leg.picking + units, leg.fenced)
            after, picked, first = with_leg(after, picking), picked + units, first or leg.location
    if after is None or picked == 0:
        return refusal_of_name(draft, location) or refuse(Refusal.NOTHING_OPEN)
    draft.put_claim(holder, line, after)
    return accept(picked, location=first)

"""Keeping a reservation longer, and giving a claim back."""

from __future__ import annotations

import msgspec

from agents.inventory.draft import Draft
from agents.inventory.expiry import expired_lately
from agents.inventory.outcomes import Outcome, accept, refuse
from agents.inventory.places import line_of, place_of, quantity_of, refusal_of_name
from agents.inventory.postings import Account
from agents.inventory.refusals import Refusal
from agents.inventory.reservations import (
    Claim,
    Closing,
    leg_at,
    reserved_units,
    take_allocated,
    take_reserved,
    with_leg,
)


def extend(draft: Draft) -> Outcome:
    """Let a reservation expire later: record time + the TTL asked, or that of the claim.

    Refuses: UNKNOWN_SKU, EXPIRED (for 24 hours after it did), NOTHING_OPEN.
    """
    transaction = draft.transaction
    holder, line = transaction.holder or "", line_of(transaction)
    claim = draft.claim(holder, line)
    if claim is None or reserved_units(claim) == 0:
        expired = expired_lately(draft, holder, line, claim) is not None
        return refusal_of_name(draft, None) or refuse(Refusal.EXPIRED if expired else Refusal.NOTHING_OPEN)
    ttl_ms = claim.ttl_ms if transaction.ttl_ms is None else transaction.ttl_ms
    draft.put_claim(holder, line, msgspec.structs.replace(claim, due_ms=draft.at_ms + ttl_ms))
    return accept(reserved_units(claim), location=claim.legs[0].location)


def release(draft: Draft) -> Outcome:
    """Give back all or part of a claim, capped by what is open; with a location only the leg there.

    Soft units go before firm ones. Refuses: QUANTITY_NOT_POSITIVE, UNKNOWN_SKU, UNKNOWN_LOCATION, NOTHING_OPEN.
    """
    transaction = draft.transaction
    holder, line = transaction.holder or "", line_of(transaction)
    quantity, location = quantity_of(transaction), place_of(transaction)
    if quantity is not None and quantity <= 0:
        return refuse(Refusal.QUANTITY_NOT_POSITIVE)
    claim = draft.claim(holder, line)
    locations = [] if claim is None else [leg.location for leg in claim.legs if location in {None, leg.location}]
    if claim is None or not locations:
        return refusal_of_name(draft, location) or refuse(Refusal.NOTHING_OPEN)

    # From here on it must succeed.
    after, left = claim, quantity
    released = 0
    for place in locations:
        after, units = release_leg(draft, holder, line, after, place, left)
        released += units
        left = None if left is None else left - units
    draft.keep_or_close(holder, line, after, claim, Closing.RELEASED)
    return accept(released, location=locations[0])


def release_leg(
    draft: Draft, holder: str, line: int, claim: Claim, location: str, quantity: int | None
) -> tuple[Claim, int]:
    """Give back up to `quantity` units of one leg (None = all of it): the claim without them, and how many."""
    leg = leg_at(claim, location)
    if leg is None:
        return claim, 0
    limit = leg.reserved + leg.allocated if quantity is None else quantity
    soft = min(limit, leg.reserved)
    firm = min(limit - soft, leg.allocated)
    shelf = draft.shelf(location)
    shelf.move(Account.RESERVED, Account.UNPROMISED, soft, holder, line)
    shelf.move(Account.ALLOCATED, Account.UNPROMISED, firm, holder, line)
    return with_leg(claim, take_allocated(take_reserved(leg, soft), firm)), soft + firm

"""Confirming a reservation: what is held softly becomes firm. After expiry only if it is asked to revive."""

from __future__ import annotations

import msgspec

from agents.inventory.claiming import free_units
from agents.inventory.draft import Draft
from agents.inventory.expiry import expired_lately
from agents.inventory.outcomes import Outcome, accept, refuse
from agents.inventory.places import line_of, place_of, quantity_of, refusal_of_name
from agents.inventory.postings import Account
from agents.inventory.refusals import Refusal
from agents.inventory.reservations import Claim, Leg, leg_at, reserved_units


def confirm(draft: Draft) -> Outcome:
    """Turn reserved units of an open claim into allocated ones; the rest stays reserved until due.

    Without a quantity all is asked, and that includes what the claim lost by yielding: without `partial` it is then
    refused. Refuses: QUANTITY_NOT_POSITIVE, UNKNOWN_SKU, UNKNOWN_LOCATION, EXPIRED, NOTHING_OPEN, INSUFFICIENT_ATP.
    """
    transaction = draft.transaction
    holder, line = transaction.holder or "", line_of(transaction)
    quantity, location = quantity_of(transaction), place_of(transaction)
    if quantity is not None and quantity <= 0:
        return refuse(Refusal.QUANTITY_NOT_POSITIVE)
    claim = draft.claim(holder, line)
    open_units = 0 if claim is None else soft_units(claim, location)
    if claim is None or open_units == 0:
        return refusal_of_name(draft, location) or confirm_expired(draft, holder, line, claim)
    asked = open_units + claim.yielded if quantity is None else quantity
    shortfall = max(0, asked - open_units)
    if shortfall > 0 and not transaction.partial:
        return refuse(Refusal.INSUFFICIENT_ATP, shortfall, claim.legs[0].location)

    # From here on the confirmation must succeed.
    confirmed = make_firm(draft, holder, line, claim, min(asked, open_units))
    return accept(confirmed, shortfall, location or claim.legs[0].location)


def soft_units(claim: Claim, location: str | None) -> int:
    """The reserved units of the claim; of its leg at `location` only, if one is named."""
    if location is None:
        return reserved_units(claim)
    leg = leg_at(claim, location)
    return 0 if leg is None else leg.reserved


def make_firm(draft: Draft, holder: str, line: int, claim: Claim, quantity: int) -> int:
    """Move up to `quantity` units of the claim from reserved to allocated, leg by leg, and say how many."""
    location, left = place_of(draft.transaction), quantity
    legs: list[Leg] = []
    for leg in claim.legs:
        units = min(left, leg.reserved) if location is None or leg.location == location else 0
        draft.shelf(leg.location).move(Account.RESERVED, Account.ALLOCATED, units, holder, line)
        legs.append(msgspec.structs.replace(leg, reserved=leg.reserved - units, allocated=leg.allocated + units))
        left -= units
    due_ms = claim.due_ms if any(leg.reserved for leg in legs) else None
    draft.put_claim(holder, line, msgspec.structs.replace(claim, legs=tuple(legs), due_ms=due_ms))
    return quantity - left


def confirm_expired(draft: Draft, holder: str, line: int, claim: Claim | None) -> Outcome:
    """Refuse: EXPIRED for 24 hours after the expiry, else NOTHING_OPEN; or revive, if that is asked."""
    closed = expired_lately(draft, holder, line, claim)
    if closed is None:
        return refuse(Refusal.NOTHING_OPEN)
    if not draft.transaction.revive:
        return refuse(Refusal.EXPIRED)
    return revive(draft, holder, line, claim, closed.last)


def revive(draft: Draft, holder: str, line: int, firm: Claim | None, last: Claim) -> Outcome:
    """Ask again for what was open when the claim expired, on its old terms, and confirm it.

    `firm` is what an earlier confirmation of a part has left open. Refuses: NOTHING_OPEN (another location is
    named), INSUFFICIENT_ATP.
    """
    transaction = draft.transaction
    leg = next(leg for leg in last.legs if leg.reserved)
    if place_of(transaction) not in {None, leg.location}:
        return refuse(Refusal.NOTHING_OPEN)
    granted = min(leg.reserved, free_units(draft, leg.location, None))
    asked = quantity_of(transaction) or leg.reserved
    shortfall = max(leg.reserved - granted, asked - granted)
    if shortfall > 0 and (granted == 0 or not transaction.partial):
        return refuse(Refusal.INSUFFICIENT_ATP, shortfall, leg.location)

    # From here on the revival must succeed.
    draft.shelf(leg.location).move(Account.UNPROMISED, Account.RESERVED, granted, holder, line)
    draft.put_closed_claim(holder, line, None)
    revived = revived_claim(draft, firm, last, leg.location, granted)
    return accept(make_firm(draft, holder, line, revived, min(asked, granted)), shortfall, leg.location)


def revived_claim(draft: Draft, firm: Claim | None, last: Claim, location: str, granted: int) -> Claim:
    """The claim with its soft units back: a new one on the old terms, or what was left firm with them added."""
    due_ms = draft.at_ms + last.ttl_ms
    if firm is None:
        return msgspec.structs.replace(
            last,
            legs=(Leg(location, granted),),
            opening_offset=draft.arrival.offset,
            due_ms=due_ms,
            losses=(),
            yielded=0,
        )
    kept = leg_at(firm, location)
    leg = Leg(location, granted) if kept is None else msgspec.structs.replace(kept, reserved=granted)
    others = tuple(each for each in firm.legs if each.location != location)
    return msgspec.structs.replace(firm, legs=(leg, *others), due_ms=due_ms)

"""Confirming a reservation: what is held softly becomes firm. After expiry only if it is asked to revive.

What the claim waits for becomes firm behind what it holds: it no longer expires, and is allocated once it is covered.
"""

from __future__ import annotations

import msgspec

from agents.inventory.aging import watch_age
from agents.inventory.backorders import room_of
from agents.inventory.claiming import reason_of
from agents.inventory.draft import Draft
from agents.inventory.expiry import expired_lately
from agents.inventory.granting import free_at, place_units, spread, units_of
from agents.inventory.lines import decide_lines
from agents.inventory.outcomes import Outcome, accept, refuse
from agents.inventory.places import refusal_of_name
from agents.inventory.postings import ALLOCATED, RESERVED
from agents.inventory.refusals import Refusal
from agents.inventory.reservations import Claim, Leg, first_place, leg_at, soft_units, with_backorder
from agents.inventory.sourcing import told, weigh


def confirm(draft: Draft) -> Outcome:
    """Turn reserved units of an open claim into allocated ones; the rest stays reserved until due.

    Without a quantity all is asked, and that includes what the claim lost by yielding: without `partial` it is then
    refused. With a location only the leg there. Refuses: QUANTITY_NOT_POSITIVE, UNKNOWN_SKU, UNKNOWN_LOCATION,
    EXPIRED, NOTHING_OPEN, CHANNEL_QUOTA (a revival), INSUFFICIENT_ATP.
    """
    return decide_lines(draft, confirm_line, partly=draft.transaction.partial)


def confirm_line(draft: Draft, holder: str, line: int, quantity: int | None) -> Outcome:
    """Confirm one line, see `confirm`."""
    transaction = draft.transaction
    location = draft.place
    claim = draft.claim(holder, line)
    open_units = 0 if claim is None else soft_units_at(claim, location)
    if claim is None or open_units == 0:
        return refusal_of_name(draft, location) or confirm_expired(draft, holder, line, quantity)
    asked = open_units + claim.yielded if quantity is None else quantity
    shortfall = max(0, asked - open_units)
    if shortfall > 0 and not transaction.partial:
        return refuse(Refusal.INSUFFICIENT_ATP, shortfall, first_place(claim))

    # From here on the confirmation must succeed.
    covered, _ = make_firm(draft, holder, line, claim, min(asked, open_units))
    return accept(covered, shortfall, location or first_place(claim))


def soft_units_at(claim: Claim, location: str | None) -> int:
    """What may be confirmed of the claim: all of its soft units, or those of its leg at `location`."""
    if location is None:
        return soft_units(claim)
    leg = leg_at(claim, location)
    return 0 if leg is None else leg.reserved


def make_firm(draft: Draft, holder: str, line: int, claim: Claim, quantity: int) -> tuple[int, int]:
    """Make up to `quantity` soft units firm, leg by leg, then those that are waited for: how many of each."""
    location, left, still_soft = draft.place, quantity, 0
    legs: list[Leg] = []
    for leg in claim.legs:
        units = min(left, leg.reserved) if location is None or leg.location == location else 0
        draft.shelf(leg.location).move(RESERVED, ALLOCATED, units, holder, line)
        legs.append(Leg(leg.location, leg.reserved - units, leg.allocated + units, leg.picking, leg.fenced))
        left -= units
        still_soft += leg.reserved - units
    soft = claim.backordered - claim.backordered_firm
    waiting = min(left, soft) if location is None else 0
    still_soft += soft - waiting
    after = msgspec.structs.replace(
        claim,
        legs=tuple(legs),
        backordered_firm=claim.backordered_firm + waiting,
        due_ms=claim.due_ms if still_soft else None,
    )
    draft.put_claim(holder, line, after)
    return quantity - left, waiting


def confirm_expired(draft: Draft, holder: str, line: int, quantity: int | None) -> Outcome:
    """Refuse: EXPIRED for 24 hours after the expiry, else NOTHING_OPEN; or revive, if that is asked."""
    claim = draft.claim(holder, line)
    closed = expired_lately(draft, holder, line, claim)
    if closed is None:
        return refuse(Refusal.NOTHING_OPEN)
    if not draft.transaction.revive:
        return refuse(Refusal.EXPIRED)
    location = draft.place
    if location is not None and soft_units_at(closed.last, location) == 0:
        return refuse(Refusal.NOTHING_OPEN)
    return revive(draft, holder, line, quantity, claim, closed.last)


def revive(draft: Draft, holder: str, line: int, quantity: int | None, firm: Claim | None, last: Claim) -> Outcome:
    """Ask again for what was open when the claim expired, on its old terms, and confirm it.

    `firm` is what an earlier confirmation of a part has left open. Refuses: CHANNEL_QUOTA, INSUFFICIENT_ATP.
    """
    transaction = draft.transaction
    wanted = soft_units(last)
    asked = quantity or soft_units_at(last, draft.place)
    terms = revived_terms(draft, firm, last)
    weighed = None if terms.locations else weigh(draft, terms, free_at)
    shares = spread(draft, terms, wanted)
    draft.candidates = told(weighed, [share.location for share in shares])
    missing = wanted - units_of(shares)
    waiting = missing if missing <= room_of(draft, terms) else 0

    # It is done, and taken back if too little comes of it: where the units lie decides what can be confirmed.
    mark = draft.mark()
    after = with_backorder(terms, terms.backordered - terms.backordered_firm + waiting, terms.backordered_firm)
    for share in shares:
        after = place_units(draft, holder, line, after, share.location, share.quantity, 0)
    covered, firmly = make_firm(draft, holder, line, after, min(asked, wanted))
    shortfall = max(missing - waiting, asked - covered - firmly)
    if shortfall > 0 and (covered + firmly == 0 or not transaction.partial):
        reason = reason_of(draft, terms, shortfall)
        draft.rewind(mark)
        return refuse(reason, shortfall, first_place(last))
    draft.put_closed_claim(holder, line, None)
    watch_age(draft, terms)
    return accept(covered, shortfall, first_place(after))


def revived_terms(draft: Draft, firm: Claim | None, last: Claim) -> Claim:
    """What is to get its soft units back: a new claim on the old terms, or what was left firm."""
    due_ms = draft.at_ms + last.ttl_ms
    if firm is not None:
        return msgspec.structs.replace(firm, due_ms=due_ms)
    return msgspec.structs.replace(
        last,
        legs=(),
        backordered=0,
        backordered_firm=0,
        opening_offset=draft.arrival.offset,
        opened_at_ms=draft.at_ms,
        due_ms=due_ms,
        losses=(),
        yielded=0,
    )

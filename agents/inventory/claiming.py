"""Opening and replacing claims: reserve (soft) and allocate (firm). Prior art: pending transfers of two-phase ledgers.

A claim names one location here. One that is open already is replaced in one step: its own units count as free, and if
the new terms are refused the old claim stands. A replaced claim keeps its age; all else is new.
"""

from __future__ import annotations

from agents.inventory.draft import Draft
from agents.inventory.outcomes import Outcome, accept, refuse
from agents.inventory.places import line_of, place_of, quantity_of, refusal_of_name
from agents.inventory.postings import Account
from agents.inventory.refusals import Refusal
from agents.inventory.reservations import Claim, Leg, allocated_units, leg_at


def reserve(draft: Draft) -> Outcome:
    """Hold units for an order line until it expires, or refuse with the first reason that applies.

    Refuses: QUANTITY_NOT_POSITIVE, UNKNOWN_SKU, UNKNOWN_LOCATION, ALREADY_ALLOCATED, INSUFFICIENT_ATP.
    """
    return open_claim(draft, firm=False)


def allocate(draft: Draft) -> Outcome:
    """Bind units firmly to an order line at once. Refuses as `reserve` does, but may replace what is allocated."""
    return open_claim(draft, firm=True)


def open_claim(draft: Draft, *, firm: bool) -> Outcome:
    """Open or replace the claim as asked, or refuse."""
    transaction = draft.transaction
    holder, line = transaction.holder or "", line_of(transaction)
    location, quantity = place_of(transaction) or "", quantity_of(transaction) or 0
    if quantity <= 0:
        return refuse(Refusal.QUANTITY_NOT_POSITIVE)
    unknown = refusal_of_name(draft, location)
    if unknown is not None:
        return unknown
    old = draft.claim(holder, line)
    if old is not None and not firm and allocated_units(old) > 0:
        return refuse(Refusal.ALREADY_ALLOCATED)
    granted = min(quantity, free_units(draft, location, old))
    shortfall = quantity - granted
    if shortfall > 0 and (granted == 0 or not transaction.partial):
        return refuse(Refusal.INSUFFICIENT_ATP, shortfall, location)

    # From here on the claim must succeed.
    if old is not None:
        give_back(draft, holder, line, old)
    target = Account.ALLOCATED if firm else Account.RESERVED
    draft.shelf(location).move(Account.UNPROMISED, target, granted, holder, line)
    leg = Leg(location, 0, granted) if firm else Leg(location, granted, 0)
    draft.put_claim(holder, line, new_claim(draft, old, leg, firm=firm))
    return accept(granted, shortfall, location)


def free_units(draft: Draft, location: str, own: Claim | None) -> int:
    """What may be promised there to the holder of `own`, whose units never count against the holder's next step."""
    free = draft.shelf(location).unpromised - draft.policy(location).safety_stock
    leg = None if own is None else leg_at(own, location)
    if leg is not None:
        free += leg.reserved + leg.allocated
    return max(free, 0)


def give_back(draft: Draft, holder: str, line: int, claim: Claim) -> None:
    """Post everything that the claim holds back to unpromised."""
    for leg in claim.legs:
        shelf = draft.shelf(leg.location)
        shelf.move(Account.RESERVED, Account.UNPROMISED, leg.reserved, holder, line)
        shelf.move(Account.ALLOCATED, Account.UNPROMISED, leg.allocated, holder, line)


def new_claim(draft: Draft, old: Claim | None, leg: Leg, *, firm: bool) -> Claim:
    """The claim on the terms of this transaction; its age is that of the claim it replaces."""
    transaction = draft.transaction
    ttl_ms = transaction.ttl_ms
    if ttl_ms is None:
        ttl_ms = draft.policy(leg.location).reservation_ttl_ms
    return Claim(
        (leg,),
        0,
        transaction.priority,
        draft.arrival.offset if old is None else old.opening_offset,
        None if firm else draft.at_ms + ttl_ms,
        ttl_ms,
        (leg.location,),
        transaction.max_splits or 0,
        transaction.channel,
        transaction.order_id,
    )

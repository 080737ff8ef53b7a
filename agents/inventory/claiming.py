"""Opening and replacing claims: reserve (soft) and allocate (firm). Prior art: pending transfers of two-phase ledgers.

A claim that is open already is replaced in one step: its own units count as free, and if the new terms are refused
the old claim stands. A replaced claim keeps its age; all else is new. Several lines of the SKU are decided together,
in the order sent, each with its own splits: all of them, or none (with `partial`: what there is, in that order).

What cannot be covered is, in this order: taken from weaker reservations (`claims: priority`), backordered as a whole
where policy allows it, left out with `partial`, refused. What is `sold` already is never refused.
"""

from __future__ import annotations

import msgspec

from agents.inventory.aging import watch_age
from agents.inventory.alerts import AlertType, Severity
from agents.inventory.backorders import room_of
from agents.inventory.conflicts import Displacement, displace, displacement_for, free_with_weaker
from agents.inventory.draft import Draft
from agents.inventory.fences import take_fence
from agents.inventory.granting import Share, free_at, places_of, return_all, spread, take_units, units_of
from agents.inventory.inbounds import announced
from agents.inventory.items import is_tracked
from agents.inventory.outcomes import LineOutcome, Outcome, accept, refuse
from agents.inventory.places import holder_of, places_asked, refusal_of_names
from agents.inventory.postings import ALLOCATED, RESERVED, UNPROMISED
from agents.inventory.promising import promisable, withheld
from agents.inventory.refusals import Refusal
from agents.inventory.reservations import Claim, ClosedClaim, Closing, Leg, is_firm
from agents.inventory.sourcing import told, weigh
from agents.inventory.transactions import ORDER_ROUTER, Transaction


class Grant(msgspec.Struct, frozen=True, gc=False):
    """What one line gets."""

    shares: list[Share]
    covered: int
    backordered: int
    missing: int
    displaces: bool = False
    """Some of it is held by weaker reservations."""


def reserve(draft: Draft) -> Outcome:
    """Hold units for an order line until it expires, or refuse with the first reason that applies.

    Refuses: QUANTITY_NOT_POSITIVE, UNKNOWN_SKU, UNKNOWN_LOCATION, ALREADY_ALLOCATED, CHANNEL_QUOTA, INSUFFICIENT_ATP.
    """
    return open_claims(draft, firm=False)


def allocate(draft: Draft) -> Outcome:
    """Bind units firmly to an order line at once. Refuses as `reserve` does, but may replace what is allocated.

    What is `sold` is refused only for its quantity; what of it is not covered is backordered, and raises `oversold`.
    """
    return open_claims(draft, firm=True)


def open_claims(draft: Draft, *, firm: bool) -> Outcome:
    """Open or replace the claims of all lines as asked, or refuse."""
    transaction = draft.transaction
    if transaction.location is not None and not transaction.lines:
        opened = open_plainly(draft, transaction.location, firm=firm)
        if opened is not None:
            return opened
    holder, lines = holder_of(transaction), lines_asked(transaction)
    for _, quantity in lines:
        if quantity <= 0:
            return refuse(Refusal.QUANTITY_NOT_POSITIVE)
    asked = places_asked(transaction)
    unknown = None if transaction.sold else refusal_of_names(draft, asked)
    if unknown is not None:
        return unknown
    old = [draft.claim(holder, line) for line, _ in lines]
    if not firm and any(claim is not None and is_firm(claim) for claim in old):
        return refuse(Refusal.ALREADY_ALLOCATED)
    return grant_lines(draft, holder, lines, old, terms_of(draft, asked, firm=firm))


def open_plainly(draft: Draft, location: str, *, firm: bool) -> Outcome | None:
    """The common case, decided as all are but without a search: a new claim, and the one place covers it; else None."""
    transaction = draft.transaction
    holder, line, quantity = transaction.holder or "", transaction.line, transaction.quantity or 0
    shelf = draft.shelf(location)
    if quantity <= 0 or shelf.before is None or draft.claim(holder, line) is not None or not is_tracked(draft):
        return None
    if transaction.lot is not None or promisable(draft, location, transaction.channel) < quantity:
        return None
    shelf.move(UNPROMISED, ALLOCATED if firm else RESERVED, quantity, holder, line)
    fenced = take_fence(draft, location, transaction.channel, quantity) if draft.goods.fences else 0
    leg = Leg(location, 0, quantity, 0, fenced) if firm else Leg(location, quantity, 0, 0, fenced)
    claim = terms_of(draft, (location,), (leg,), firm=firm)
    draft.put_claim(holder, line, claim)
    watch_age(draft, claim)
    return accept(quantity, location=location)


def grant_lines(
    draft: Draft, holder: str, lines: list[tuple[int, int]], old: list[Claim | None], terms: Claim
) -> Outcome:
    """Grant the lines one after the other; if they have to be refused, everything is as it was before."""
    transaction = draft.transaction
    replaced = [(line, claim) for (line, _), claim in zip(lines, old, strict=True) if claim is not None]
    mark = draft.mark() if replaced or len(lines) > 1 else None
    for line, claim in replaced:
        return_all(draft, holder, line, claim)
        draft.put_claim(holder, line, None)
    said: list[LineOutcome] = []
    granted = missing = 0
    location = location_of(terms)
    weighed = None if terms.locations else weigh(draft, terms, free_at)
    chosen: list[str] = []
    for number, (line, quantity) in enumerate(lines):
        grant = plan(draft, holder, terms, quantity)
        if weighed:
            chosen += [share.location for share in grant.shares]
            draft.candidates = told(weighed, chosen)
        granted, missing = granted + grant.covered + grant.backordered, missing + grant.missing
        if number == len(lines) - 1 and missing and (not transaction.partial or not granted):
            refusal = refuse(reason_of(draft, terms, missing), missing, location)
            if mark is not None:
                draft.rewind(mark)
            return refusal
        take(draft, holder, line, grant, terms, old[number])
        if grant.shares and not said:
            location = grant.shares[0].location
        said.append(LineOutcome(line, grant.covered, grant.missing))
    covered = sum([each.quantity for each in said])
    if transaction.sold and granted > covered:
        raise_sold_short(draft, terms, granted - covered)
    return accept(covered, missing, location, said)


def lines_asked(transaction: Transaction) -> list[tuple[int, int]]:
    """(line, units) of the claims to open, in the order sent."""
    if not transaction.lines:
        return [(transaction.line, transaction.quantity or 0)]
    return [(line.line, line.quantity) for line in transaction.lines]


def terms_of(draft: Draft, asked: tuple[str, ...], legs: tuple[Leg, ...] = (), *, firm: bool) -> Claim:
    """The claim on the terms of this transaction, with the units it has, if any."""
    transaction = draft.transaction
    policy = draft.policy(asked[0] if asked else None, transaction.channel)
    ttl_ms = policy.reservation_ttl_ms if transaction.ttl_ms is None else transaction.ttl_ms
    promise_by_ms = transaction.promise_by_ms
    if promise_by_ms is None and transaction.inbound is not None:
        inbound = announced(draft, transaction.inbound)
        promise_by_ms = None if inbound is None else inbound.due_ms
    return Claim(
        legs,
        0,
        transaction.priority,
        draft.arrival.offset,
        None if firm else draft.at_ms + ttl_ms,
        ttl_ms,
        asked,
        policy.max_splits if transaction.max_splits is None else transaction.max_splits,
        transaction.channel,
        transaction.order_id,
        (),
        0,
        0,
        promise_by_ms,
        transaction.inbound,
        transaction.avoid,
        transaction.source == ORDER_ROUTER,
        transaction.lot,
        transaction.destination,
        draft.at_ms,
    )


def plan(draft: Draft, holder: str, terms: Claim, quantity: int) -> Grant:
    """What a line of so many units gets; nothing is posted yet."""
    shares = spread(draft, terms, quantity)
    covered, displaces = units_of(shares), False
    if covered < quantity:
        stronger = spread(
            draft, terms, quantity, lambda draft, claim, place: free_with_weaker(draft, claim, place, holder)
        )
        if units_of(stronger) > covered:
            shares, covered, displaces = stronger, units_of(stronger), True
    missing = quantity - covered
    if missing and (draft.transaction.sold or missing <= room_of(draft, terms)):
        return Grant(shares, covered, missing, 0, displaces)
    return Grant(shares, covered, 0, missing, displaces)


def take(draft: Draft, holder: str, line: int, grant: Grant, terms: Claim, old: Claim | None) -> None:
    """Open the claim of one line with what it gets. A replaced one that gets nothing, with `partial`, is closed."""
    displaced: list[Displacement] = []
    if grant.displaces:
        displaced = [displacement_for(draft, terms, holder, share) for share in grant.shares]
    firm = terms.due_ms is None
    legs: list[Leg] = []
    for share in grant.shares:
        part = (0, share.quantity) if firm else (share.quantity, 0)
        legs.append(take_units(draft, holder, line, terms.channel, share.location, *part))
    if legs or grant.backordered:
        draft.put_claim(
            holder,
            line,
            msgspec.structs.replace(
                terms,
                legs=tuple(legs),
                backordered=grant.backordered,
                backordered_firm=grant.backordered if firm else 0,
                opening_offset=terms.opening_offset if old is None else old.opening_offset,
                opened_at_ms=terms.opened_at_ms if old is None else old.opened_at_ms,
            ),
        )
        watch_age(draft, terms)
    elif old is not None:
        draft.put_closed_claim(holder, line, ClosedClaim(Closing.RELEASED, draft.at_ms, old))
    for each in displaced:
        displace(draft, each)


def reason_of(draft: Draft, terms: Claim, missing: int) -> Refusal:
    """Why so many units cannot be granted: enough of them are there, and withheld from this claim; or they are not."""
    kept = sum([withheld(draft, place, terms.channel) for place in places_of(draft, terms)])
    return Refusal.CHANNEL_QUOTA if kept >= missing else Refusal.INSUFFICIENT_ATP


def location_of(terms: Claim) -> str | None:
    """The place that stands for a claim: the only one, or the first choice; None where none was asked for."""
    return terms.locations[0] if terms.locations else None


def raise_sold_short(draft: Draft, terms: Claim, units: int) -> None:
    """Somebody sold what is not there."""
    location = location_of(terms)
    message = f"{units} units of {draft.sku} were sold elsewhere and are not there: they are backordered."
    action = "Bring the units, or tell the customer; lower what is offered elsewhere."
    draft.alert(AlertType.OVERSOLD, Severity.CRITICAL, location, message, units, action)

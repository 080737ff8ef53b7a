"""Everything of the SKU that is due by the record time expires before anything else is decided."""

from __future__ import annotations

import msgspec

from agents.inventory.answers import Answer, Status, legs_of
from agents.inventory.draft import Draft
from agents.inventory.postings import Account, JournalRecord
from agents.inventory.reservations import Claim, ClosedClaim, Closing, reserved_units
from agents.inventory.transactions import Kind
from agents.inventory.units import MILLISECONDS_PER_DAY


def expire_due(draft: Draft) -> None:
    """Expire every claim with due <= record time, the earliest first: one journal record and one notice each."""
    for holder, line in tuple(draft.rows.due_claims(draft.sku, draft.at_ms)):
        claim = draft.claim(holder, line)
        if claim is not None and claim.due_ms is not None and claim.due_ms <= draft.at_ms:
            expire(draft, holder, line, claim)


def expire(draft: Draft, holder: str, line: int, claim: Claim) -> None:
    """Give back the soft units of one claim. What a partly confirmed claim holds firmly stays.

    How it ended is remembered even if firm units stay: for 24 hours a confirm is answered `expired`, and may revive.
    """
    quantity = reserved_units(claim)
    for leg in claim.legs:
        draft.shelf(leg.location).move(Account.RESERVED, Account.UNPROMISED, leg.reserved, holder, line)
    firm = tuple(msgspec.structs.replace(leg, reserved=0) for leg in claim.legs if leg.allocated)
    after = msgspec.structs.replace(claim, legs=firm, due_ms=None)
    draft.put_claim(holder, line, after if firm else None)
    draft.put_closed_claim(holder, line, ClosedClaim(Closing.EXPIRED, draft.at_ms, claim))
    draft.journal.append(record_of_expiry(draft, holder, line, claim))
    draft.answers.append(
        Answer(
            event_id=draft.next_event_id(),
            status=Status.EXPIRED,
            transaction_id=draft.transaction.transaction_id,
            source=draft.transaction.source,
            sku=draft.sku,
            kind=Kind.EXPIRE,
            at_ms=draft.at_ms,
            quantity=quantity,
            location=claim.legs[0].location,
            holder=holder,
            line=line,
            legs=legs_of(after),
            due_ms=claim.due_ms,
            channel=claim.channel,
            order_id=claim.order_id,
        )
    )


def record_of_expiry(draft: Draft, holder: str, line: int, claim: Claim) -> JournalRecord:
    """The journal record of one expired claim; takes the postings written so far."""
    postings = tuple(draft.postings)
    draft.postings.clear()
    return JournalRecord(
        event_id=draft.next_event_id(),
        transaction_id=draft.transaction.transaction_id,
        source=draft.transaction.source,
        sku=draft.sku,
        kind=Kind.EXPIRE,
        at_ms=draft.at_ms,
        occurred_at_ms=claim.due_ms if claim.due_ms is not None else draft.at_ms,
        postings=postings,
        holder=holder,
        line=line,
        channel=claim.channel,
        order_id=claim.order_id,
    )


def expired_lately(draft: Draft, holder: str, line: int, claim: Claim | None) -> ClosedClaim | None:
    """How the soft part of a claim expired, for 24 hours after it did; else None.

    `claim` is what is open now. If it is another one than that which expired, the expiry is history.
    """
    closed = draft.closed_claim(holder, line)
    if closed is None or closed.closing is not Closing.EXPIRED:
        return None
    if draft.at_ms - closed.closed_at_ms >= MILLISECONDS_PER_DAY:
        return None
    if claim is not None and claim.opening_offset != closed.last.opening_offset:
        return None
    return closed

"""Everything of the SKU that is due by the record time expires before anything else is decided."""

from __future__ import annotations

from agents.inventory.answers import Answer, Status, legs_of
from agents.inventory.backorders import cover_queue
from agents.inventory.draft import Draft
from agents.inventory.granting import return_units
from agents.inventory.notices import write_notices
from agents.inventory.postings import JournalRecord
from agents.inventory.reservations import Claim, ClosedClaim, Closing, first_place, soft_units, with_backorder
from agents.inventory.transactions import Kind
from agents.inventory.units import MILLISECONDS_PER_DAY


def expire_due(draft: Draft) -> None:
    """Expire every claim with due <= record time, the earliest first: one journal record and one notice each.

    The queue of backorders is covered once, in the last of these records.
    """
    keys = draft.rows.due_claims(draft.sku, draft.at_ms)
    if keys:
        expire_claims(draft, tuple(keys))
    if draft.notices:
        write_notices(draft)


def expire_claims(draft: Draft, keys: tuple[tuple[str, int], ...]) -> None:
    """Expire those of the claims that are due as this decision has left them, in this order."""
    due: list[tuple[str, int, Claim]] = []
    for holder, line in keys:
        claim = draft.claim(holder, line)
        if claim is not None and claim.due_ms is not None and claim.due_ms <= draft.at_ms:
            due.append((holder, line, claim))
    for number, (holder, line, claim) in enumerate(due, start=1):
        expire(draft, holder, line, claim)
        if number == len(due) and draft.goods.queued:
            cover_queue(draft)
        draft.journal.append(record_of_expiry(draft, holder, line, claim))
        notify_expired(draft, holder, line, claim)


def expire(draft: Draft, holder: str, line: int, claim: Claim) -> None:
    """Give back the soft units of one claim; it waits for no more of them. What it holds or awaits firmly stays.

    How it ended is remembered even if firm units stay: for 24 hours a confirm is answered `expired`, and may revive.
    """
    after = with_backorder(claim, 0, claim.backordered_firm)
    for leg in claim.legs:
        if leg.reserved:
            after = return_units(draft, holder, line, after, leg.location, leg.reserved, 0, to_fence=True)
    draft.put_claim(holder, line, after if after.legs or after.backordered else None)
    draft.put_closed_claim(holder, line, ClosedClaim(Closing.EXPIRED, draft.at_ms, claim))


def notify_expired(draft: Draft, holder: str, line: int, claim: Claim) -> None:
    """Tell a holder what has expired, and what the claim holds now."""
    after = draft.claim(holder, line)
    draft.answers.append(
        Answer(
            event_id=draft.next_event_id(),
            status=Status.EXPIRED,
            transaction_id=draft.transaction.transaction_id,
            source=draft.transaction.source,
            sku=draft.sku,
            kind=Kind.EXPIRE,
            at_ms=draft.at_ms,
            quantity=soft_units(claim),
            location=first_place(claim),
            holder=holder,
            line=line,
            legs=legs_of(after),
            backordered=0 if after is None else after.backordered,
            due_ms=claim.due_ms,
            channel=claim.channel,
            order_id=claim.order_id,
            routed=claim.routed,
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

"""Notices: what the holder of a claim must hear because of another's record, or of units that came for a backorder.

They are noted while a decision is made, and written behind its answer, so that each tells what the claim holds after
all of it. What happens to one claim twice in the same way is said once.
"""

from __future__ import annotations

import msgspec

from agents.inventory.answers import Answer, Notice, Status, legs_of
from agents.inventory.departures import dispatch_days
from agents.inventory.draft import Draft
from agents.inventory.reservations import Claim
from agents.inventory.transactions import Kind, Transaction

LOCATION_CLOSED, LOT_EXPIRED, LOT_BLOCKED = "location_closed", "lot_expired", "lot_blocked"
"""Reasons of the ledger's own."""
NEW = frozenset({Status.MOVED, Status.COVERED})
"""The claim may have units at a place where it had none: as if they were claimed now."""


def note(
    draft: Draft,
    status: Status,
    holder: str,
    line: int,
    quantity: int,
    location: str | None,
    claim: Claim,
    from_location: str | None = None,
) -> None:
    """Note that `quantity` units of a claim yielded at, moved to, or were covered at `location`."""
    for number, known in enumerate(draft.notices):
        if (known.status, known.holder, known.line, known.location, known.from_location) == (
            status,
            holder,
            line,
            location,
            from_location,
        ):
            draft.notices[number] = msgspec.structs.replace(known, quantity=known.quantity + quantity)
            return
    draft.notices.append(Notice(status, holder, line, quantity, location, from_location, claim))


def because(draft: Draft, known: int, reason: str) -> None:
    """Say why, of all that was noted behind the first `known` notices."""
    draft.notices[known:] = [msgspec.structs.replace(notice, reason=reason) for notice in draft.notices[known:]]


def reason_told(transaction: Transaction) -> str | None:
    """What the cause says of itself: its reason, or that a lot was blocked."""
    blocks = transaction.kind is Kind.QUARANTINE and transaction.lot is not None
    return LOT_BLOCKED if blocks else transaction.reason


def write_notices(draft: Draft) -> None:
    """Write what was noted, in the order in which it happened."""
    for notice in draft.notices:
        claim = draft.claim(notice.holder, notice.line)
        draft.answers.append(
            Answer(
                event_id=draft.next_event_id(),
                status=notice.status,
                transaction_id=draft.transaction.transaction_id,
                source=draft.transaction.source,
                sku=draft.sku,
                kind=draft.transaction.kind,
                at_ms=draft.at_ms,
                quantity=notice.quantity,
                location=notice.location,
                holder=notice.holder,
                line=notice.line,
                legs=legs_of(claim),
                backordered=0 if claim is None else claim.backordered,
                due_ms=None if claim is None else claim.due_ms,
                from_location=notice.from_location,
                channel=notice.claim.channel,
                order_id=notice.claim.order_id,
                reason=notice.reason or reason_told(draft.transaction),
                routed=notice.claim.routed,
                dispatch_days=dispatch_days(draft, (claim,)) if notice.claim.routed and notice.status in NEW else (),
            )
        )
    draft.notices.clear()

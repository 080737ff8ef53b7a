"""Notices: what the holder of a claim must hear because of another's record, or of units that came for a backorder.

They are noted while a decision is made, and written behind its answer, so that each tells what the claim holds after
all of it. What happens to one claim twice in the same way is said once.
"""

from __future__ import annotations

import msgspec

from agents.inventory.answers import Answer, Notice, Status, legs_of
from agents.inventory.draft import Draft
from agents.inventory.reservations import Claim


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
                routed=notice.claim.routed,
            )
        )
    draft.notices.clear()

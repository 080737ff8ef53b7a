"""Backorders: demand accepted without stock, and the queue in which it is covered.

What a claim waits for is part of the claim, and no stock: it is posted nowhere. Whenever something may be promised,
the queue of the SKU is covered in the same decision, out of what is available to promise: higher priority first, then
the earlier promise date (who has none comes last), then the older claim; partly if need be.

How much may wait is policy (`backorder`: none, unlimited, or `limit`: all claims of the SKU together). A preorder is
a backorder against an announced inbound: all preorders together wait for no more than it still has to bring, and,
where policy says so, for no more than `preorder_limit` in total and `preorder_channel_limit` through one channel.
"""

from __future__ import annotations

from agents.inventory.answers import Status
from agents.inventory.draft import Draft
from agents.inventory.granting import WITHOUT_LIMIT, place_units, spread, units_of
from agents.inventory.inbounds import announced
from agents.inventory.items import is_tracked
from agents.inventory.moving import move_whole
from agents.inventory.notices import note
from agents.inventory.reservations import Claim, with_backorder
from agents.inventory.shipments import open_units
from agents.inventory.validation import LATEST_MS


def room_of(draft: Draft, claim: Claim) -> int:
    """Units more that a claim which asks may wait for."""
    return room_by_policy(draft, claim) if claim.inbound is None else room_for_preorder(draft, claim, claim.inbound)


def room_for_yielded(draft: Draft, claim: Claim) -> int:
    """Units more that a claim may wait for because it lost them."""
    room = room_by_policy(draft, claim)
    return room if claim.inbound is None else max(room, room_for_preorder(draft, claim, claim.inbound))


def room_by_policy(draft: Draft, claim: Claim) -> int:
    """Units more that any claim on these terms may wait for: the rule of its first place and its channel counts."""
    policy = draft.policy(claim.locations[0] if claim.locations else None, claim.channel)
    if policy.backorder == "unlimited":
        return WITHOUT_LIMIT
    return max(0, policy.backorder_limit - draft.goods.queued) if policy.backorder == "limit" else 0


def room_for_preorder(draft: Draft, claim: Claim, inbound: str) -> int:
    """Units more that may be preordered against the inbound; nothing if it is not announced or has all arrived."""
    expected = announced(draft, inbound)
    if expected is None:
        return 0
    waiting = [(each.channel, each.backordered) for each in draft.claims().values() if each.inbound == inbound]
    total = sum([units for _, units in waiting])
    room = open_units(expected) - total
    limit = draft.policy(None).preorder_limit
    if limit is not None:
        room = min(room, limit - total)
    channel_limit = draft.policy(None, claim.channel).preorder_channel_limit
    if channel_limit is not None:
        room = min(room, channel_limit - sum([units for channel, units in waiting if channel == claim.channel]))
    return max(0, room)


def cover_queue(draft: Draft) -> None:
    """Cover what the claims of the SKU wait for, in the order of the queue, until nothing more can be covered."""
    freed = True
    while freed and draft.goods.queued > 0:
        freed = False
        for holder, line in queue_of(draft):
            claim = draft.claim(holder, line)
            if claim is not None and cover(draft, holder, line, claim):
                freed = True  # It left places where others may wait.


def queue_of(draft: Draft) -> list[tuple[str, int]]:
    """(holder, line) of the claims that wait and may find something at one of their places, the first one first."""
    places = places_with_units(draft)
    if not places:
        return []
    waiting = [
        (-claim.priority, promised_by(claim), claim.opening_offset, line, holder)
        for (holder, line), claim in draft.claims().items()
        if claim.backordered and (not claim.locations or any(place in places for place in claim.locations))
    ]
    waiting.sort()
    return [(holder, line) for _, _, _, line, holder in waiting]


def promised_by(claim: Claim) -> int:
    """When it was promised for, in epoch milliseconds; a claim that was promised for no time comes last."""
    return LATEST_MS + 1 if claim.promise_by_ms is None else claim.promise_by_ms


def places_with_units(draft: Draft) -> dict[str, None]:
    """The places of the SKU that have units which nobody was promised; of an untracked SKU all."""
    places = dict.fromkeys([*draft.rows.positions(draft.sku), *draft.shelves])
    if not is_tracked(draft):
        return places
    return {place: None for place in places if draft.shelf(place).unpromised > draft.safety_stock(place)}


def cover(draft: Draft, holder: str, line: int, claim: Claim) -> bool:
    """Cover as much of what one claim waits for as may be; whether it moved as a whole."""
    shares = spread(draft, claim, claim.backordered)
    covered = units_of(shares)
    if covered < claim.backordered and claim.legs and move_whole(draft, holder, line, claim, backordered=True):
        moved = draft.claim(holder, line)
        assert moved is not None
        note(draft, Status.COVERED, holder, line, claim.backordered, moved.legs[0].location, claim)
        return True
    after = claim
    for share in shares:
        firm = min(share.quantity, after.backordered_firm)
        soft = share.quantity - firm
        waiting = after.backordered - after.backordered_firm - soft
        after = with_backorder(after, waiting, after.backordered_firm - firm)
        after = place_units(draft, holder, line, after, share.location, soft, firm)
    if shares:
        draft.put_claim(holder, line, after)
        note(draft, Status.COVERED, holder, line, covered, shares[0].location, claim)
    return False

"""A fact took what was promised: who gives way.

Promises yield only while `unpromised` is below zero, only at that location, and only the missing units, so safety
stock is used up first. The order is (being picked, allocated, priority, -opening offset, -line), ascending: soft
before firm, weak before strong, new before old, the last line first; units that are being picked go last, on their
own. When a claim is due plays no part.
"""

from __future__ import annotations

import msgspec

from agents.inventory.answers import Answer, Status, legs_of
from agents.inventory.draft import Draft, Shelf
from agents.inventory.postings import Account
from agents.inventory.reservations import (
    Claim,
    Closing,
    Loss,
    leg_at,
    take_allocated,
    take_reserved,
    with_leg,
)


class Stake(msgspec.Struct, frozen=True, gc=False):
    """Units of one claim at one location that yield together."""

    order: tuple[bool, bool, int, int, int, str]
    """(being picked, allocated, priority, -opening offset, -line, holder): the lowest yields first."""
    holder: str
    line: int
    quantity: int


class Lost(msgspec.Struct, frozen=True, gc=False):
    """What one claim lost at one location in this decision."""

    holder: str
    line: int
    location: str
    quantity: int
    claim: Claim
    """As it was before."""


def yield_promises(draft: Draft, shelf: Shelf, counted_at_second: int | None) -> list[Lost]:
    """Take the missing units from the claims at this place, and say who lost what, in the order of yielding.

    `counted_at_second` is given if it is a count that takes them: the claim remembers the loss for a late SHIP.
    """
    lost: dict[tuple[str, int], Lost] = {}
    if shelf.unpromised >= 0 or shelf.reserved + shelf.allocated == 0:
        return []
    for stake in sorted(stakes_at(draft, shelf.location), key=lambda stake: stake.order):
        quantity = min(-shelf.unpromised, stake.quantity)
        if quantity <= 0:
            break
        claim = draft.claim(stake.holder, stake.line)
        assert claim is not None
        take(draft, shelf, stake, claim, quantity, counted_at_second)
        earlier = lost.get((stake.holder, stake.line))
        lost[stake.holder, stake.line] = Lost(
            stake.holder,
            stake.line,
            shelf.location,
            quantity + (earlier.quantity if earlier else 0),
            earlier.claim if earlier else claim,
        )
    return list(lost.values())


def stakes_at(draft: Draft, location: str) -> list[Stake]:
    """What the open claims hold at this location, in up to three stakes each."""
    stakes: list[Stake] = []
    for (holder, line), claim in draft.claims().items():
        leg = leg_at(claim, location)
        if leg is None:
            continue
        age = (claim.priority, -claim.opening_offset, -line, holder)
        for being_picked, allocated, quantity in (
            (False, False, leg.reserved),
            (False, True, leg.allocated - leg.picking),
            (True, True, leg.picking),
        ):
            if quantity:
                stakes.append(Stake((being_picked, allocated, *age), holder, line, quantity))
    return stakes


def take(draft: Draft, shelf: Shelf, stake: Stake, claim: Claim, quantity: int, counted_at_second: int | None) -> None:
    """Take units of one stake back to unpromised. A claim that has nothing left closes as yielded."""
    leg = leg_at(claim, shelf.location)
    assert leg is not None
    firm = stake.order[1]
    bucket = Account.ALLOCATED if firm else Account.RESERVED
    shelf.move(bucket, Account.UNPROMISED, quantity, stake.holder, stake.line)
    marked = msgspec.structs.replace(
        claim,
        yielded=claim.yielded + quantity,
        losses=claim.losses
        if counted_at_second is None
        else with_loss(claim.losses, Loss(shelf.location, counted_at_second, quantity)),
    )
    after = with_leg(marked, take_allocated(leg, quantity) if firm else take_reserved(leg, quantity))
    draft.keep_or_close(stake.holder, stake.line, after, marked, Closing.YIELDED)


def with_loss(losses: tuple[Loss, ...], loss: Loss) -> tuple[Loss, ...]:
    """The losses with one more; what was lost to the same count is one loss."""
    same = sum(
        each.quantity
        for each in losses
        if each.location == loss.location and each.counted_at_second == loss.counted_at_second
    )
    others = tuple(
        each for each in losses if each.location != loss.location or each.counted_at_second != loss.counted_at_second
    )
    return (*others, msgspec.structs.replace(loss, quantity=loss.quantity + same))


def notify_yielded(draft: Draft, lost: Lost) -> None:
    """Tell a holder what the claim lost, and what it holds now."""
    claim = draft.claim(lost.holder, lost.line)
    draft.answers.append(
        Answer(
            event_id=draft.next_event_id(),
            status=Status.YIELDED,
            transaction_id=draft.transaction.transaction_id,
            source=draft.transaction.source,
            sku=draft.sku,
            kind=draft.transaction.kind,
            at_ms=draft.at_ms,
            quantity=lost.quantity,
            location=lost.location,
            holder=lost.holder,
            line=lost.line,
            legs=legs_of(claim),
            due_ms=None if claim is None else claim.due_ms,
            channel=lost.claim.channel,
            order_id=lost.claim.order_id,
        )
    )

"""Goods leave for a customer: the claim's leg first, then what nobody was promised.

`q` units leave at L. A late shipment (it occurred at or before the last count of L) first takes the units that its
claim lost to a count taken at or after it: the count had only noticed what this shipment explains. Then
min(q, leg at L) leave the leg. The rest leaves unpromised at L, and equally many units of the claim's legs elsewhere
are released, in ranked order; then it waits for as many less. Only what exceeds the whole claim is a discrepancy.
"""

from __future__ import annotations

import msgspec

from agents.inventory.alarms import raise_discrepancy
from agents.inventory.draft import Draft
from agents.inventory.items import is_tracked
from agents.inventory.movements import is_late, settle_movement
from agents.inventory.outcomes import Outcome, accept, refuse
from agents.inventory.places import refusal_of_name
from agents.inventory.postings import ALLOCATED, CUSTOMER, RESERVED, UNPROMISED
from agents.inventory.refusals import Refusal
from agents.inventory.releasing import release_leg
from agents.inventory.reservations import (
    Claim,
    Closing,
    Loss,
    leg_at,
    take_from_leg,
    with_leg,
    without_backorder,
)
from agents.inventory.transactions import Mode, line_of
from agents.inventory.units import MILLISECONDS_PER_DAY, second_of


class Plan(msgspec.Struct, frozen=True, gc=False):
    """Where the shipped units come from."""

    lost_before: int
    """Lost to a count that had noticed them missing."""
    firm: int
    """From the allocated part of the leg."""
    soft: int
    """From the reserved part of the leg."""
    unpromised: int
    """From what nobody was promised at the place."""


def ship(draft: Draft) -> Outcome:
    """Let goods leave, with or without a claim.

    Refuses: QUANTITY_NOT_POSITIVE; as a request also UNKNOWN_SKU, UNKNOWN_LOCATION and INSUFFICIENT_ATP, if stock
    would go negative or the promise of another claim would break.
    """
    transaction = draft.transaction
    quantity = transaction.quantity or 0
    location = transaction.location or ""
    if quantity <= 0:
        return refuse(Refusal.QUANTITY_NOT_POSITIVE)
    request = transaction.mode is Mode.REQUEST
    unknown = refusal_of_name(draft, location) if request else None
    if unknown is not None:
        return unknown
    holder, line = transaction.holder, line_of(transaction)
    claim = None if holder is None else draft.claim(holder, line)
    plan = plan_shipment(draft, holder, line, claim, quantity)
    shelf = draft.shelf(location)
    short = plan.unpromised > max(0, shelf.unpromised) and is_tracked(draft)
    if request and short and not is_late(draft, shelf):
        return refuse(Refusal.INSUFFICIENT_ATP, plan.unpromised - max(0, shelf.unpromised))

    # From here on it must succeed.
    told, lot = None if holder is None else line, transaction.lot
    shelf.move(UNPROMISED, CUSTOMER, plan.lost_before, holder, told)
    shelf.move(ALLOCATED, CUSTOMER, plan.firm, holder, told, lot)
    shelf.move(RESERVED, CUSTOMER, plan.soft, holder, told, lot)
    shelf.move(UNPROMISED, CUSTOMER, plan.unpromised, holder, told, lot)
    settle_movement(draft, shelf, -quantity)
    if holder is not None:
        close_what_left(draft, holder, line, claim, plan)
    return accept(quantity)


def plan_shipment(draft: Draft, holder: str | None, line: int, claim: Claim | None, quantity: int) -> Plan:
    """Say where the units come from; changes nothing."""
    location = draft.transaction.location or ""
    lost_before = 0
    if holder is not None and is_late(draft, draft.shelf(location)):
        losses = losses_of(draft, holder, line, claim)
        lost_before = min(quantity, sum(loss.quantity for loss in losses if explains(draft, loss)))
    left = quantity - lost_before
    leg = None if claim is None else leg_at(claim, location)
    if leg is None:
        return Plan(lost_before, 0, 0, left)
    firm = min(left, leg.allocated)
    soft = min(left - firm, leg.reserved)
    return Plan(lost_before, firm, soft, left - firm - soft)


def losses_of(draft: Draft, holder: str, line: int, claim: Claim | None) -> tuple[Loss, ...]:
    """What the claim lost to counts; where it is closed, what it had lost by then, for 24 hours."""
    if claim is not None:
        return claim.losses
    closed = draft.closed_claim(holder, line)
    if closed is None or draft.at_ms - closed.closed_at_ms > MILLISECONDS_PER_DAY:
        return ()
    return closed.last.losses


def explains(draft: Draft, loss: Loss) -> bool:
    """Whether this shipment explains the loss: at the same place, and counted in the same second or later."""
    return loss.location == draft.transaction.location and loss.counted_at_second >= second_of(draft.occurred_at_ms)


def without_losses(draft: Draft, losses: tuple[Loss, ...], quantity: int) -> tuple[Loss, ...]:
    """The losses without the `quantity` units that this shipment explains."""
    left = quantity
    remaining: list[Loss] = []
    for loss in losses:
        explained = min(left, loss.quantity) if explains(draft, loss) else 0
        left -= explained
        if loss.quantity > explained:
            remaining.append(msgspec.structs.replace(loss, quantity=loss.quantity - explained))
    return tuple(remaining)


def close_what_left(draft: Draft, holder: str, line: int, claim: Claim | None, plan: Plan) -> None:
    """Take from the claim what was shipped, release as much elsewhere, and report what no part of it covers."""
    exceeding = plan.unpromised
    if claim is None:
        forget_closed_losses(draft, holder, line, plan)
    else:
        exceeding = take_from_claim(draft, holder, line, claim, plan)
    if exceeding:
        location = draft.transaction.location or ""
        message = f"{draft.transaction.quantity} units of {draft.sku} were shipped for {holder} line {line}: "
        raise_discrepancy(draft, location, f"{message}{exceeding} more than it had claimed.", -exceeding)


def forget_closed_losses(draft: Draft, holder: str, line: int, plan: Plan) -> None:
    """What a closed claim had lost, and has shipped now, cannot be shipped from there again."""
    closed = draft.closed_claim(holder, line)
    if closed is None or plan.lost_before == 0:
        return
    losses = without_losses(draft, closed.last.losses, plan.lost_before)
    last = msgspec.structs.replace(closed.last, losses=losses)
    draft.put_closed_claim(holder, line, msgspec.structs.replace(closed, last=last))


def take_from_claim(draft: Draft, holder: str, line: int, claim: Claim, plan: Plan) -> int:
    """The claim without what was shipped; answers how many units exceed it."""
    location = draft.transaction.location or ""
    last = claim
    if plan.lost_before:
        last = msgspec.structs.replace(claim, losses=without_losses(draft, claim.losses, plan.lost_before))
    after = last
    leg = leg_at(last, location)
    if leg is not None:
        left = take_from_leg(leg, plan.soft, plan.firm)
        if leg.picking:  # What was picked leaves first.
            left = msgspec.structs.replace(left, picking=max(0, leg.picking - plan.firm))
        after = with_leg(after, left)
    exceeding = plan.unpromised
    for other in [each.location for each in after.legs if each.location != location]:
        after, released = release_leg(draft, holder, line, after, other, exceeding)
        exceeding -= released
    if exceeding and after.backordered:
        waiting = min(exceeding, after.backordered)
        after = without_backorder(after, waiting)
        exceeding -= waiting
    draft.keep_or_close(holder, line, after, last, Closing.SHIPPED)
    return exceeding

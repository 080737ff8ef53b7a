"""What becomes of an order when the day of a place is full, or becomes shorter.

Over capacity, the goods move to the next best place, as from a place that is closed: before CONFIRMED with another attempt
that avoids the place, after it as a reroute with the reason `over_capacity`. Only where nowhere else has both goods and
room will a later day do: then the order takes the best place again, and there the first day with room. Goods that have
been picked stay where they are.
"""

from __future__ import annotations

import msgspec

from agents.inventory.alerts import Severity
from agents.inventory.answers import Status
from agents.inventory.orders import basket, forward, slots
from agents.inventory.orders.desk import Desk
from agents.inventory.orders.fulfilment import firm_at, without
from agents.inventory.orders.rows import Asked, Slot, Stage
from agents.inventory.refusals import Refusal
from agents.inventory.transactions import Kind

OVER_CAPACITY = basket.OVER_CAPACITY
UNLIMITED = frozenset({Refusal.UNKNOWN_SKU, Refusal.UNKNOWN_LOCATION})
"""Refused for one of these, the place has no limit any more."""


def hear(desk: Desk) -> str | None:
    """What the ledger said of a slot. Returns why it is of no effect, if it is not."""
    answer = desk.record.answer
    assert answer is not None
    slot = slots.slot_of(desk.standing, answer.sku) if answer.holder == desk.order_id else None
    if slot is None or slot.left:
        return f"the answer to {answer.transaction_id} is about a shipment that is history"
    if answer.status in forward.ANSWERS:
        if slot.asked is None or forward.number_of(answer) != slot.operation:
            return f"the answer to {answer.transaction_id} is about a shipment that is history"
        hear_answer(desk, slot, answer.refusal, held=bool(answer.legs), due_ms=answer.due_ms)
    elif answer.status in {Status.EXPIRED, Status.YIELDED}:
        hear_loss(desk, slot)
    basket.settle(desk)
    return None


def hear_answer(desk: Desk, slot: Slot, refusal: Refusal | None, *, held: bool, due_ms: int | None) -> None:
    """What was asked last is settled: it is held, or not."""
    after = msgspec.structs.replace(slot, asked=None, held=held, due_ms=due_ms)
    if held:
        slots.put(desk, after)
    elif refusal in UNLIMITED:
        slots.drop(desk, slot)
    elif slot.asked in {Asked.CONFIRM, Asked.EXTEND}:  # It ended by time: ask anew.
        slots.put(desk, after)
    elif desk.standing.stage is Stage.CONFIRMED:
        no_room(desk, after)
    else:
        slots.put(desk, msgspec.structs.replace(after, refused=True))


def hear_loss(desk: Desk, slot: Slot) -> None:
    """The hold has ended by time, or the day has become shorter. What was asked since, its answer will settle."""
    after = msgspec.structs.replace(slot, held=False, due_ms=None)
    slots.put(desk, after)
    if desk.standing.stage is Stage.CONFIRMED and slot.asked is None:
        no_room(desk, after)


def no_room(desk: Desk, slot: Slot) -> None:
    """After CONFIRMED: the goods move to the next best place, or where none has room leave on a later day."""
    if is_picked(desk, slot.location):
        slots.drop(desk, slot)
    elif not desk.standing.any_day:
        move_away(desk, slot)
    elif not basket.put_off(desk, slot, Asked.ALLOCATE):
        slots.drop(desk, slot)
        desk.alert(
            Severity.WARNING,
            f"{slot.location} has no room for a shipment of order {desk.order_id} in {basket.MOST_DAYS} days.",
            f"Raise daily_capacity of {slot.location}, or send it from there beside the others.",
            about=f"place/{slot.location}",
            location=slot.location,
        )


def is_picked(desk: Desk, location: str) -> bool:
    """Whether something of the order has been picked that is still at the place."""
    return any(line.picked > line.shipped and firm_at(line, location) for line in desk.standing.lines)


def move_away(desk: Desk, slot: Slot) -> None:
    """Give back what is firm at the place, and source it from others."""
    slots.drop(desk, slot)
    desk.put(avoid=(*desk.standing.avoid, slot.location))
    for line in desk.standing.lines:
        moved = 0
        for part, place in firm_at(line, slot.location):
            operation = desk.next_operation()
            desk.send(
                Kind.RELEASE,
                line.sku,
                operation,
                line=part.claim_line,
                location=slot.location,
                quantity=place.quantity,
            )
            desk.put_part(line.line, without(desk.part(part.claim_line), slot.location, place.quantity, operation))
            moved += place.quantity
        if moved:
            forward.source_anew(desk, line, moved, OVER_CAPACITY, slot.location)

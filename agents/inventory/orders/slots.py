"""Slots: the shipments of an order in the daily capacity of the places that can send only so much.

The ledger says with its answers which places are limited, and when what was claimed would leave them (`dispatch_days`). For
each of them the order claims one shipment of that day (inventory/capacity.py): before CONFIRMED softly, beside its goods,
and confirmed with them; after it firmly at once. A slot is given back when nothing is left to come from there, and shipped
with the first goods that leave. Where no place is limited there are no slots, and nothing of this is done.

What happens when a day is full is said in overflow.py.
"""

from __future__ import annotations

from typing import Any

import msgspec

from agents.inventory.answers import Answer
from agents.inventory.capacity import capacity_sku
from agents.inventory.channels import Method
from agents.inventory.orders.desk import Desk
from agents.inventory.orders.rows import Asked, Order, Slot, firm_places
from agents.inventory.transactions import Kind

CLAIM_LINE = 1
"""The line of every such claim: an order takes the day of a place once, however many of its lines leave with the shipment."""


def learn(desk: Desk, answer: Answer) -> None:
    """Note the limited places that an answer tells of. What is collected is not sent, and takes nobody's capacity."""
    order = desk.standing
    if order.method is not Method.SHIPPING:
        return
    known = {slot.location for slot in order.slots}
    new = [Slot(day.location, day.date) for day in answer.dispatch_days if day.location not in known]
    desk.put(slots=(*order.slots, *new))


def slot_of(order: Order, sku: str) -> Slot | None:
    """The slot whose claim is of this SKU."""
    return next((slot for slot in order.slots if sku_of(slot) == sku), None)


def sku_of(slot: Slot) -> str:
    """The SKU of the ledger that the slot is a unit of."""
    return capacity_sku(slot.location, slot.date)


def is_awaited(order: Order) -> bool:
    """Whether the ledger has still to say something about a slot."""
    return any(slot.asked for slot in order.slots)


def places_in_use(order: Order) -> dict[str, None]:
    """The places from which something of the order is to leave, as far as was heard."""
    return dict.fromkeys(
        place.location
        for line in order.lines
        for part in line.parts
        for places in (part.reserved, firm_places(part))
        for place in places
    )


# -- asking ------------------------------------------------------------------------------------------------------------


def hold(desk: Desk) -> bool:
    """Before CONFIRMED: ask for the slots that are not held, give back those of no use; whether all are held."""
    release_unused(desk)
    for slot in desk.standing.slots:
        if not slot.held and slot.asked is None and not slot.refused:
            ask(desk, slot, Asked.RESERVE)
    return all(slot.held for slot in desk.standing.slots)


def follow(desk: Desk) -> None:
    """After CONFIRMED: a slot for every limited place that something leaves from, and none for any other."""
    release_unused(desk)
    for slot in desk.standing.slots:
        if not slot.held and slot.asked is None and not slot.left:
            ask(desk, slot, Asked.ALLOCATE)


def ask(desk: Desk, slot: Slot, asked: Asked) -> None:
    """Ask the ledger for the slot, or for it to be held longer, or to be made firm."""
    operation = desk.next_operation()
    put(desk, msgspec.structs.replace(slot, asked=asked, operation=operation, refused=False))
    if asked is Asked.CONFIRM:
        send(desk, Kind.ALLOCATE, slot, operation, confirm=True)
    elif asked is Asked.EXTEND:
        send(desk, Kind.EXTEND, slot, operation, ttl_ms=desk.policy.reservation_ttl_ms)
    elif asked is Asked.RESERVE:
        ttl_ms = desk.policy.reservation_ttl_ms
        send(desk, Kind.RESERVE, slot, operation, location=slot.location, quantity=1, ttl_ms=ttl_ms)
    else:
        send(desk, Kind.ALLOCATE, slot, operation, location=slot.location, quantity=1)


def ask_all(desk: Desk, asked: Asked) -> None:
    """Ask for all slots that are held to be held longer, or to be made firm."""
    for slot in desk.standing.slots:
        if slot.held and slot.due_ms is not None:
            ask(desk, slot, asked)


def send(desk: Desk, kind: Kind, slot: Slot, operation: int, **fields: Any) -> None:
    """Send a transaction about the slot's claim: of no channel, as the day of a place belongs to none."""
    desk.send(kind, sku_of(slot), operation, line=CLAIM_LINE, channel=None, **fields)


# -- giving back -------------------------------------------------------------------------------------------------------


def release_unused(desk: Desk) -> None:
    """Give back the slots of places from which nothing is to come any more, unless the shipment has left."""
    if not desk.standing.slots:
        return
    used = places_in_use(desk.standing)
    for slot in desk.standing.slots:
        if slot.location not in used and not slot.left:
            release(desk, slot)


def release_all(desk: Desk) -> None:
    """Give back all that have not left."""
    for slot in desk.standing.slots:
        release(desk, slot)


def release(desk: Desk, slot: Slot) -> None:
    """Give the slot back, also one that is only asked for: the release comes after what it releases."""
    if not slot.left and (slot.held or slot.asked):
        send(desk, Kind.RELEASE, slot, desk.next_operation(), quantity=1)
    drop(desk, slot)


def depart(desk: Desk, locations: list[str]) -> None:
    """Goods have left these places: so has the shipment, however little of the order was in it."""
    for slot in desk.standing.slots:
        if slot.location not in locations or slot.left:
            continue
        if slot.held:
            at_ms = desk.at_ms
            send(
                desk,
                Kind.SHIP,
                slot,
                desk.next_operation(),
                location=slot.location,
                quantity=1,
                occurred_at_ms=at_ms,
            )
        elif slot.asked:
            send(desk, Kind.RELEASE, slot, desk.next_operation(), quantity=1)
        put(desk, msgspec.structs.replace(slot, left=True, held=False, asked=None))


# -- the order's row ---------------------------------------------------------------------------------------------------


def put(desk: Desk, slot: Slot) -> None:
    """Set the slot in place of the one at the same location."""
    slots = desk.standing.slots
    desk.put(slots=tuple([slot if each.location == slot.location else each for each in slots]))


def drop(desk: Desk, slot: Slot) -> None:
    """Forget the slot of this location."""
    desk.put(slots=tuple([each for each in desk.standing.slots if each.location != slot.location]))

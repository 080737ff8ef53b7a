"""The basket protocol: an order over several SKUs is held whole, or not at all, before anything of it is firm.

    placed -> (planned) -> reserving -> reserved -> confirmed

Every line is reserved for a time; when all are, and the order is paid, and every hold lasts longer than the margin, the
order is CONFIRMED and its holds are made firm. Until then there are only releases: if anything fails, what is held is
given back, and another plan is made or the order is refused. If everything dies in between, the holds expire by
themselves. From CONFIRMED on there is only forward (see forward.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import msgspec

from agents.inventory.channels import Method
from agents.inventory.orders import slots
from agents.inventory.orders.desk import Desk
from agents.inventory.orders.rows import Asked, Line, Order, Part, Slot, Stage, units, wanted
from agents.inventory.orders.words import RoutingType
from agents.inventory.transactions import Kind
from agents.inventory.transactions import Line as ClaimedLine
from agents.inventory.units import date_of_day, day_of_date

Ranked = Mapping[int, tuple[str, ...]]
"""Line -> places, the best first."""

OVER_CAPACITY = "over_capacity"
MOST_AVOIDED = 8
"""Places with a full day that are avoided; beyond them a later day will do."""
MOST_DAYS = 14
"""Days that a shipment is put off before nobody has room for it."""


def place(desk: Desk) -> None:
    """A new order: plan it, or where there is nothing to weigh let the ledger choose at once."""
    record = desk.record
    window = desk.policy.payment_window_ms if record.payment_window_ms is None else record.payment_window_ms
    desk.order = Order(
        lines=tuple([Line(line.line, line.sku, line.quantity) for line in record.lines]),
        placed_at_ms=desk.at_ms,
        channel=record.channel,
        method=record.method,
        pickup_location=record.pickup_location,
        destination=record.destination,
        promise_by_ms=record.promise_by_ms,
        priority=record.priority,
        partial=record.partial,
        max_splits=record.max_splits,
        paid=record.paid,
        pay_by_ms=desk.at_ms + window,
        occurred_at_ms=record.occurred_at_ms or 0,
    )
    begin(desk)


def begin(desk: Desk) -> None:
    """Start an attempt. Several SKUs to be shipped are worth a plan: fewer shipments."""
    if is_planned(desk.standing):
        desk.put(stage=Stage.PLANNING)
    else:
        reserve_all(desk, {})


def follow_plan(desk: Desk) -> str | None:
    """The plan of the present attempt has come: reserve along it. Says why it is not wanted, if it is not."""
    order = desk.standing
    if order.stage is not Stage.PLANNING or desk.record.attempt != order.attempt:
        return f"the plan is for attempt {desk.record.attempt}, the order is {order.stage}, attempt {order.attempt}"
    reserve_all(desk, {planned.line: planned.locations for planned in desk.record.plan})
    return None


def reserve_all(desk: Desk, ranked: Ranked) -> None:
    """Ask the ledger to hold every line; lines of one SKU together."""
    desk.put(stage=Stage.RESERVING)
    lines = sorted((line for line in desk.standing.lines if wanted(line)), key=lambda line: (line.sku, line.line))
    for sku, group in groupby(lines, key=lambda line: line.sku):
        of_sku = list(group)
        operation = desk.next_operation()
        for line in of_sku:
            desk.ask(Asked.RESERVE, line.line, Part(line.line, wanted(line)), operation)
        order = desk.standing
        desk.send(
            Kind.RESERVE,
            sku,
            operation,
            locations=places_for(order, ranked.get(of_sku[0].line, ())),
            partial=order.partial,
            priority=order.priority,
            promise_by_ms=order.promise_by_ms,
            max_splits=order.max_splits,
            avoid=order.avoid,
            destination=order.destination,
            ttl_ms=desk.policy.reservation_ttl_ms,
            **lines_asked(of_sku),
        )


def lines_asked(lines: Sequence[Line]) -> dict[str, object]:
    """How a transaction names its lines: a single one by itself."""
    if len(lines) == 1:
        return {"line": lines[0].line, "quantity": wanted(lines[0])}
    return {"lines": tuple([ClaimedLine(line.line, wanted(line)) for line in lines])}


def places_for(order: Order, ranked: tuple[str, ...]) -> tuple[str, ...]:
    """The places that a claim names: that of a pickup, those of the plan, or none, and the ledger chooses."""
    if order.pickup_location is not None:
        return (order.pickup_location,)
    return tuple([place for place in ranked if place not in order.avoid]) if order.avoid else ranked


def settle(desk: Desk) -> None:
    """Before CONFIRMED, after anything that the ledger said: go on once nothing is open."""
    order = desk.standing
    if order.stage not in {Stage.RESERVING, Stage.EXTENDING, Stage.RESERVED}:
        return
    if any(part.asked for _, part in desk.parts()) or slots.is_awaited(order):
        return
    missing = [line for line in order.lines if held(line) < wanted(line)]
    if is_too_little(order, missing):
        abort(desk, missing)
    elif order.slots and not slots.hold(desk):
        full = [slot for slot in desk.standing.slots if slot.refused]
        if full:
            go_elsewhere(desk, full)
    else:
        for line in missing:
            give_up_missing(desk, line)
        hold_or_confirm(desk)


def is_too_little(order: Order, missing: Sequence[Line]) -> bool:
    """Whether another attempt must be made, or the order be refused.

    While places are avoided because their day is full, nothing is given up, and nothing waited for: what is missing is there.
    """
    if order.avoid:
        return bool(missing) or any(part.backordered for line in order.lines for part in line.parts)
    return bool(missing) and not (order.partial and any(held(line) for line in order.lines))


def go_elsewhere(desk: Desk, full: Sequence[Slot]) -> None:
    """The days of these places are full: another attempt avoids them. Where nowhere else is room, a later day will do."""
    order = desk.standing
    if not order.any_day:
        avoid = (*order.avoid, *[slot.location for slot in full])
        release_parts(desk)
        desk.put(avoid=avoid)
        if len(avoid) > MOST_AVOIDED:
            allow_any_day(desk)
        try_again(desk)
        return
    put_off_too_long = [slot for slot in full if not put_off(desk, slot, Asked.RESERVE)]
    if put_off_too_long:
        release_parts(desk)
        refuse(desk, OVER_CAPACITY)


def put_off(desk: Desk, slot: Slot, asked: Asked) -> bool:
    """Ask for the next day; False where too many were full."""
    if slot.days >= MOST_DAYS:
        return False
    later = Slot(slot.location, date_of_day(day_of_date(slot.date) + 1), days=slot.days + 1)
    slots.put(desk, later)
    slots.ask(desk, later, asked)
    return True


def allow_any_day(desk: Desk) -> bool:
    """From now on no place is avoided, and a later day will do; False where that is so already, or none was avoided."""
    order = desk.standing
    if order.any_day or not order.avoid:
        return False
    desk.put(any_day=True, avoid=())
    return True


def held(line: Line) -> int:
    """Units that are held, or accepted without stock."""
    return sum([units(part.reserved) + units(part.allocated) + part.backordered for part in line.parts])


def give_up_missing(desk: Desk, line: Line) -> None:
    """What could not be held will not be delivered: a part is better than nothing."""
    short = wanted(line) - held(line)
    reason = next((part.refused for part in line.parts if part.refused), "insufficient_atp")
    desk.put_line(msgspec.structs.replace(line, unfillable=line.unfillable + short, reason=reason))
    trim_parts(desk, line.line)
    desk.say(RoutingType.UNFILLABLE, line, short, reason)


def trim_parts(desk: Desk, number: int) -> None:
    """Each part is to hold what it holds; an empty one is forgotten."""
    line = desk.line(number)
    assert line is not None
    parts = [
        msgspec.structs.replace(part, quantity=units(part.reserved) + units(part.allocated) + part.backordered)
        for part in line.parts
    ]
    kept = tuple([part for part in parts if part.quantity])
    desk.put_line(msgspec.structs.replace(line, parts=kept))


def hold_or_confirm(desk: Desk) -> None:
    """All is held: confirm it if it is paid and every hold lasts long enough; else wait, or hold longer."""
    order = desk.standing
    if not order.paid:
        desk.put(stage=Stage.RESERVED)
    elif all(lasts(desk, part) for _, part in desk.parts()) and all(lasts(desk, slot) for slot in order.slots):
        confirm_all(desk)
    else:
        extend_all(desk)


def lasts(desk: Desk, part: Part | Slot) -> bool:
    """Whether the hold outlives the margin within which a confirmation must have arrived."""
    return part.due_ms is None or part.due_ms - desk.at_ms > desk.policy.confirm_margin_ms


def extend_all(desk: Desk) -> None:
    """Ask for longer holds."""
    desk.put(stage=Stage.EXTENDING)
    for line, part in desk.parts():
        if part.due_ms is not None:
            operation = desk.next_operation()
            desk.ask(Asked.EXTEND, line.line, part, operation)
            desk.send(Kind.EXTEND, line.sku, operation, line=part.claim_line, ttl_ms=desk.policy.reservation_ttl_ms)
    slots.ask_all(desk, Asked.EXTEND)


def confirm_all(desk: Desk) -> None:
    """The point of no return: every hold is made firm."""
    desk.put(stage=Stage.CONFIRMED)
    for line, part in desk.parts():
        operation = desk.next_operation()
        desk.ask(Asked.CONFIRM, line.line, part, operation)
        desk.send(
            Kind.ALLOCATE, line.sku, operation, line=part.claim_line, confirm=True, partial=True
        )  # What yielded meanwhile is sourced anew, so a part is always taken.
    slots.ask_all(desk, Asked.CONFIRM)


def abort(desk: Desk, missing: Sequence[Line]) -> None:
    """Give back what is held. Another attempt may find what this one did not; else the order is refused.

    A plan can choose otherwise, and what was held once and got lost may be had elsewhere; the same question to the
    ledger again would only get the same answer.
    """
    release_parts(desk)
    if allow_any_day(desk):
        try_again(desk)
        return
    order = desk.standing
    may_differ = is_planned(order) or order.stage is not Stage.RESERVING
    if may_differ and order.attempt < desk.policy.most_attempts:
        try_again(desk)
        return
    refused = next((part.refused for line in missing for part in line.parts if part.refused), None)
    refuse(desk, refused or "insufficient_atp")


def try_again(desk: Desk) -> None:
    """Make the next attempt; all that was held is given back by now."""
    order = desk.standing
    lines = tuple([msgspec.structs.replace(line, parts=()) for line in order.lines])
    desk.put(attempt=order.attempt + 1, lines=lines)
    begin(desk)


def is_planned(order: Order) -> bool:
    """Whether there is something to weigh: several SKUs to be shipped."""
    return order.method is Method.SHIPPING and len({line.sku for line in order.lines}) > 1


def refuse(desk: Desk, reason: str) -> None:
    """The order ends before anything of it was firm."""
    for line in desk.standing.lines:
        short = wanted(line)
        over = msgspec.structs.replace(line, unfillable=line.unfillable + short, parts=(), reason=reason)
        desk.put_line(over)
        desk.say(RoutingType.UNFILLABLE, over, short, reason)
    desk.put(stage=Stage.REFUSED, reason=reason)


def release_parts(desk: Desk) -> None:
    """Give back every claim that may be open, answered or not: the release comes after what it releases."""
    for line, part in desk.parts():
        if part.asked or part.reserved or part.backordered:
            desk.send(Kind.RELEASE, line.sku, desk.next_operation(), line=part.claim_line)
    slots.release_all(desk)

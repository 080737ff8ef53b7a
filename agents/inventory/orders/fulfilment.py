"""What happens to an order's goods: picked, found short, packed, ready, collected, shipped; and what its owner changes.

What was physically done is passed on to the ledger as a fact, whatever the router believes.
"""

from __future__ import annotations

import msgspec

from agents.inventory.orders import basket, forward, slots
from agents.inventory.orders.desk import Desk
from agents.inventory.orders.rows import Line, Part, Stage, firm_places, holds
from agents.inventory.orders.words import OrderKind, Place, RoutingType
from agents.inventory.transactions import Kind

SHORT_PICK = "short_pick"


def pay(desk: Desk) -> str | None:
    """It is paid: what was held for it can be made firm."""
    if desk.standing.paid:
        return "it is paid already"
    desk.put(paid=True)
    if desk.standing.stage is Stage.RESERVED:
        basket.settle(desk)
    return None


def meant(desk: Desk) -> list[Line]:
    """The lines that the record means: the one it names, or all."""
    number = desk.record.line
    return [line for line in desk.standing.lines if number in {None, line.line}]


def firm_at(line: Line, location: str | None) -> list[tuple[Part, Place]]:
    """What the line holds firmly there, or anywhere, part by part."""
    return [
        (part, place)
        for part in line.parts
        for place in firm_places(part)
        if location is None or place.location == location
    ]


def shares(line: Line, location: str | None, quantity: int | None) -> list[tuple[Part, str, int]]:
    """Which parts `quantity` units (None = all of them) at a location belong to; what no part has goes to the first."""
    found: list[tuple[Part, str, int]] = []
    left = quantity
    for part, place in firm_at(line, location):
        taken = place.quantity if left is None else min(left, place.quantity)
        if taken:
            found.append((part, place.location, taken))
        left = None if left is None else left - taken
    if left and location is not None and line.parts:
        found.append((line.parts[0], location, left))
    return found


def pick(desk: Desk) -> str | None:
    """It is being picked: those units yield last from now on."""
    for line in meant(desk):
        picked = 0
        for part, location, quantity in shares(line, desk.record.location, desk.record.quantity):
            desk.send(
                Kind.PICK,
                line.sku,
                desk.next_operation(),
                line=part.claim_line,
                location=location,
                quantity=quantity,
            )
            picked += quantity
        change(desk, line, picked=line.picked + picked)
    return None


def change(desk: Desk, line: Line, **fields: object) -> None:
    """Set fields of a line as it is by now."""
    now = desk.line(line.line)
    assert now is not None
    desk.put_line(msgspec.structs.replace(now, **fields))


def pick_short(desk: Desk) -> str | None:
    """Fewer were found than promised: the missing ones are written off there and sourced from another place.

    The hold on them is given back first, so that the write-off takes them from nobody else.
    """
    record = desk.record
    line = None if record.line is None else desk.line(record.line)
    location = record.location
    if line is None or location is None:
        return "PICKED_SHORT names no line of the order, or no location"
    short = sum(place.quantity for _, place in firm_at(line, location)) - (record.quantity or 0)
    if short <= 0:
        return f"{record.quantity or 0} units were found and no more are promised at {location}"
    left = short
    for part, place in reversed(firm_at(line, location)):
        given_back = min(left, place.quantity)
        left -= given_back
        if given_back:
            operation = desk.next_operation()
            desk.send(Kind.RELEASE, line.sku, operation, line=part.claim_line, location=location, quantity=given_back)
            desk.put_part(line.line, without(desk.part(part.claim_line), location, given_back, operation))
    desk.send(
        Kind.ADJUST,
        line.sku,
        desk.next_operation(),
        location=location,
        quantity=-short,
        holder=None,  # Nobody's claim: what is missing there is missing for all.
        reason=SHORT_PICK,
        occurred_at_ms=occurred_at_ms(desk),
    )
    change(desk, line, picked=line.picked + (record.quantity or 0))
    forward.source_anew(desk, line, short, SHORT_PICK, location, (location,))
    return None


def without(part: Part, location: str, quantity: int, operation: int) -> Part:
    """The part with so many firm units at a place on their way out."""
    return msgspec.structs.replace(
        part,
        quantity=max(0, part.quantity - quantity),
        leaving=(*part.leaving, (operation, quantity, location)),
    )


def occurred_at_ms(desk: Desk) -> int:
    """When it happened: the publisher's time, never later than the record's."""
    occurred = desk.record.occurred_at_ms
    return desk.at_ms if occurred is None else min(occurred, desk.at_ms)


def leave(desk: Desk) -> str | None:
    """Goods left for the customer, or were handed over at the counter."""
    locations: list[str] = []
    for line in meant(desk):
        left = 0
        for part, location, quantity in shares(line, desk.record.location, desk.record.quantity):
            operation = desk.next_operation()
            desk.send(
                Kind.SHIP,
                line.sku,
                operation,
                line=part.claim_line,
                location=location,
                quantity=quantity,
                occurred_at_ms=occurred_at_ms(desk),
            )
            desk.put_part(line.line, without(desk.part(part.claim_line), location, quantity, operation))
            left += quantity
            locations.append(location)
        if left:
            count_as_shipped(desk, line, left)
            forward.give_back_surplus(desk, line)
            desk.say(RoutingType.SHIPPED, line, left, from_location=desk.record.location)
    slots.depart(desk, locations)
    close_if_done(desk)
    return None


def count_as_shipped(desk: Desk, line: Line, quantity: int) -> None:
    """What has left counts first: a cancellation that came too late for it is none."""
    now = desk.line(line.line) or line
    shipped = now.shipped + quantity
    cancelled = max(0, min(now.cancelled, now.quantity - shipped - now.unfillable))
    change(desk, line, shipped=shipped, cancelled=cancelled)


def close_if_done(desk: Desk) -> None:
    """When nothing is wanted any more, the order is over."""
    if all(line.shipped + line.cancelled + line.unfillable >= line.quantity for line in desk.standing.lines):
        release_leftovers(desk)
        desk.put(stage=Stage.DONE)


def release_leftovers(desk: Desk) -> None:
    """What is held beyond what was wanted, or is on its way to be held, is given back: no claim outlives its order."""
    for line, part in desk.parts():
        if part.asked or part.quantity or part.leaving or holds(part):
            desk.send(Kind.RELEASE, line.sku, desk.next_operation(), line=part.claim_line)
    slots.release_all(desk)


def make_ready(desk: Desk) -> str | None:
    """It can be collected; the window runs from now."""
    for line in meant(desk):
        change(desk, line, ready=True)
    desk.put(ready_at_ms=desk.at_ms)
    return None


def delay(desk: Desk) -> str | None:
    """It will come later than promised: the new promise counts."""
    if desk.record.promise_by_ms is None:
        return "DELAYED says no new promise_by_ms"
    desk.put(promise_by_ms=desk.record.promise_by_ms, warned=False)
    return None


def cancel(desk: Desk) -> str | None:
    """The order or one line of it is given up: whatever of it has not left is free again."""
    refusal = cancel_refusal(desk)
    if refusal is not None:
        return refusal
    cancel_lines(desk, meant(desk), desk.record.reason or "cancelled")
    return None


def cancel_refusal(desk: Desk) -> str | None:
    """Why it is too late to cancel; None while it is not."""
    order = desk.standing
    limit_ms = cancel_limit_ms(desk, order.channel or "")
    if limit_ms is not None and desk.at_ms - order.placed_at_ms > limit_ms:
        return f"the channel {order.channel} may cancel for {limit_ms} ms, and it was placed earlier"
    if limit_ms is None and any(line.picked > line.shipped for line in meant(desk)):
        return "it has been picked: stop the parcel, then report a return"
    return None


def cancel_limit_ms(desk: Desk, channel: str) -> int | None:
    """How long after it was placed the channel may cancel: by the policy of orders, else by its CHANNEL record."""
    by_policy = desk.policy.cancel_limit_ms.get(channel)
    if by_policy is not None:
        return by_policy
    reference = desk.references.channel(channel)
    return None if reference is None else reference.cancel_limit_ms


def cancel_lines(desk: Desk, lines: list[Line], reason: str) -> None:
    """Release whatever the lines hold, and end the order if nothing of it is left."""
    for line in lines:
        open_units = line.quantity - line.shipped - line.cancelled - line.unfillable
        if open_units <= 0:
            continue
        for part in line.parts:
            if part.asked or part.reserved or part.allocated or part.backordered:
                desk.send(Kind.RELEASE, line.sku, desk.next_operation(), line=part.claim_line)
        change(desk, line, cancelled=line.cancelled + open_units, parts=(), reason=reason, ready=False)
        desk.say(RoutingType.CANCELLED, line, open_units, reason)
    over = all(line.shipped + line.cancelled + line.unfillable >= line.quantity for line in desk.standing.lines)
    if over:
        slots.release_all(desk)
        shipped = any(line.shipped for line in desk.standing.lines)
        desk.put(stage=Stage.DONE if shipped else Stage.CANCELLED, reason=reason)
    else:
        basket.settle(desk)  # It may have waited for nothing but this line.


def revise(desk: Desk) -> str | None:
    """The lines are others from now on. Before CONFIRMED all is asked anew; after it only the difference."""
    order = desk.standing
    wanted = {line.line: line for line in desk.record.lines}
    for line in order.lines:
        known = wanted.get(line.line)
        if known is not None and known.sku != line.sku:
            return f"line {line.line} is {line.sku}; another SKU is another line"
    if order.stage is not Stage.CONFIRMED:
        basket.release_parts(desk)
        lines = tuple([Line(line.line, line.sku, line.quantity) for line in desk.record.lines])
        desk.put(lines=lines, attempt=order.attempt + 1)
        basket.begin(desk)
        return None
    for line in order.lines:
        resize(desk, line, wanted[line.line].quantity if line.line in wanted else 0)
    for number, added in wanted.items():
        if desk.line(number) is None:
            new = Line(number, added.sku, added.quantity)
            desk.put(lines=(*desk.standing.lines, new))
            forward.source_anew(desk, new, added.quantity, OrderKind.CHANGED.value.lower(), None)
    close_if_done(desk)
    return None


def resize(desk: Desk, line: Line, quantity: int) -> None:
    """A confirmed line wants more or fewer units: source the difference, or release it, the newest part first."""
    wanted = line.quantity - line.cancelled - line.unfillable
    change_by = max(quantity, line.shipped) - wanted
    if change_by > 0:
        change(desk, line, quantity=line.quantity + change_by)
        forward.source_anew(desk, line, change_by, OrderKind.CHANGED.value.lower(), None)
    elif change_by < 0:
        change(desk, line, cancelled=line.cancelled - change_by)
        forward.give_back(desk, line, -change_by)
        desk.say(RoutingType.CANCELLED, line, -change_by, OrderKind.CHANGED.value.lower())

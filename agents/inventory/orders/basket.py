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
from agents.inventory.orders.desk import Desk
from agents.inventory.orders.rows import Asked, Line, Order, Part, Stage, units, wanted
from agents.inventory.orders.words import RoutingType
from agents.inventory.transactions import Kind
from agents.inventory.transactions import Line as ClaimedLine

Ranked = Mapping[int, tuple[str, ...]]
"""Line -> places, the best first."""


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
    return (order.pickup_location,) if order.pickup_location is not None else ranked


def settle(desk: Desk) -> None:
    """Before CONFIRMED, after anything that the ledger said: go on once nothing is open."""
    order = desk.standing
    if order.stage not in {Stage.RESERVING, Stage.EXTENDING, Stage.RESERVED}:
        return
    if any(part.asked for _, part in desk.parts()):
        return
    missing = [line for line in order.lines if held(line) < wanted(line)]
    if not missing:
        hold_or_confirm(desk)
    elif order.partial and any(held(line) for line in order.lines):
        for line in missing:
            give_up_missing(desk, line)
        hold_or_confirm(desk)
    else:
        abort(desk, missing)


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
    elif all(lasts(desk, part) for _, part in desk.parts()):
        confirm_all(desk)
    else:
        extend_all(desk)


def lasts(desk: Desk, part: Part) -> bool:
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


def confirm_all(desk: Desk) -> None:
    """The point of no return: every hold is made firm."""
    desk.put(stage=Stage.CONFIRMED)
    for line, part in desk.parts():
        operation = desk.next_operation()
        desk.ask(Asked.CONFIRM, line.line, part, operation)
        desk.send(
            Kind.ALLOCATE, line.sku, operation, line=part.claim_line, confirm=True, partial=True
        )  # What yielded meanwhile is sourced anew, so a part is always taken.


def abort(desk: Desk, missing: Sequence[Line]) -> None:
    """Give back what is held. Another attempt may find what this one did not; else the order is refused.

    A plan can choose otherwise, and what was held once and got lost may be had elsewhere; the same question to the
    ledger again would only get the same answer.
    """
    release_parts(desk)
    order = desk.standing
    may_differ = is_planned(order) or order.stage is not Stage.RESERVING
    if may_differ and order.attempt < desk.policy.most_attempts:
        lines = tuple([msgspec.structs.replace(line, parts=()) for line in order.lines])
        desk.put(attempt=order.attempt + 1, lines=lines)
        begin(desk)
        return
    refused = next((part.refused for line in missing for part in line.parts if part.refused), None)
    refuse(desk, refused or "insufficient_atp")


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

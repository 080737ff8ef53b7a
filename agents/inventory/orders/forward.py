"""After CONFIRMED: only forward. What a line loses is sourced anew as a part of its own, backordered, or unfillable.

The ledger tells of every change of an order's claims, by an answer or by a notice, and always with what the claim
holds afterwards. They come in the order of the SKU's log, so the last one heard is how the claim stands.
"""

from __future__ import annotations

import msgspec

from agents.inventory.alerts import Severity
from agents.inventory.answers import Answer, LegState, Status
from agents.inventory.orders import basket, hurrying, slots
from agents.inventory.orders.desk import Desk, next_claim_line, places_of
from agents.inventory.orders.rows import OVER, Asked, Line, Part, Stage, holds, leaving, need, surplus, units
from agents.inventory.orders.words import Place, RoutingType
from agents.inventory.transactions import Kind

ANSWERS = frozenset({Status.ACCEPTED, Status.REFUSED, Status.ACCEPTED_EARLIER, Status.REFUSED_EARLIER})

RESCUE_SPLITS = 4
"""Places more than one that units which were lost may come from, unless the order says: late is worse than split."""


class Told(msgspec.Struct, frozen=True, gc=False):
    """What the ledger said of one claim."""

    claim_line: int
    reserved: tuple[Place, ...]
    allocated: tuple[Place, ...]
    backordered: int
    due_ms: int | None


def hear(desk: Desk) -> str | None:
    """What the ledger said. Returns why it is of no effect, if it is not."""
    answer = desk.record.answer
    assert answer is not None
    if answer.dispatch_days:
        slots.learn(desk, answer)
    heard = False
    for told in told_of(answer) if answer.holder == desk.order_id else ():
        found = desk.part_of_claim(told.claim_line)
        if found is None:
            continue
        heard = True
        line, part = found
        if answer.status in ANSWERS:
            hear_answer(desk, line, part, answer, told)
        else:
            hear_notice(desk, line, part, answer, told)
    if not heard:
        return f"the answer to {answer.transaction_id} is about a claim that is history"
    basket.settle(desk)
    return None


def told_of(answer: Answer) -> list[Told]:
    """Each claim that an answer tells of."""
    if answer.lines:
        return [Told(state.line, *by_firmness(state.legs), state.backordered, state.due_ms) for state in answer.lines]
    if answer.line is None:
        return []
    return [Told(answer.line, *by_firmness(answer.legs), answer.backordered, answer.due_ms)]


def by_firmness(legs: tuple[LegState, ...]) -> tuple[tuple[Place, ...], tuple[Place, ...]]:
    """Soft and firm units by place."""
    return (
        tuple([Place(leg.location, leg.reserved) for leg in legs if leg.reserved]),
        tuple([Place(leg.location, leg.allocated) for leg in legs if leg.allocated]),
    )


def as_told(part: Part, told: Told) -> Part:
    """The part as the ledger says that its claim stands."""
    return msgspec.structs.replace(
        part,
        reserved=told.reserved,
        allocated=told.allocated,
        backordered=told.backordered,
        due_ms=told.due_ms,
    )


def hear_answer(desk: Desk, line: Line, part: Part, answer: Answer, told: Told) -> None:
    """An answer to what was asked last settles it; any other one only says how the claim stands."""
    number = number_of(answer)
    after = as_told(part, told)
    after = msgspec.structs.replace(after, leaving=tuple([each for each in part.leaving if each[0] != number]))
    if part.asked is None or number != part.operation:
        hear_standing(desk, line, part, after, answer)
        return
    refused = None if answer.refusal is None else answer.refusal.value
    after = msgspec.structs.replace(after, asked=None, refused=refused)
    desk.put_part(line.line, after)
    if desk.standing.stage is Stage.CONFIRMED and part.asked in {Asked.CONFIRM, Asked.ALLOCATE}:
        take_stock(desk, line, part, after, answer)
    elif part.asked is Asked.HURRY:
        hear_standing(desk, line, msgspec.structs.replace(part, asked=None), after, answer)
        hurrying.tell(desk, line, part, desk.part(part.claim_line), answer)


def hear_standing(desk: Desk, line: Line, before: Part, after: Part, answer: Answer) -> None:
    """How the claim stands after something of ours, or of another: what is missing is sourced anew."""
    desk.put_part(line.line, after)
    if desk.standing.stage is not Stage.CONFIRMED or before.asked is not None:
        return
    missing = before.quantity + leaving(after) - holds(after)
    desk.put_part(line.line, expecting(after))
    if missing > 0:
        reason = answer.reason or answer.kind.value.lower()
        avoid = () if answer.location is None else (answer.location,)
        source_anew(desk, line, missing, reason, answer.location, avoid)
    give_back_surplus(desk, line)


def expecting(part: Part) -> Part:
    """The part as it will be once the ledger has heard everything: what it holds less what is leaving."""
    return msgspec.structs.replace(part, quantity=max(0, holds(part) - leaving(part)))


def number_of(answer: Answer) -> int:
    """The number of the operation that is answered; 0 of somebody else's."""
    number = answer.transaction_id.rpartition(".")[2]
    return int(number) if number.isdigit() else 0


def take_stock(desk: Desk, line: Line, before: Part, after: Part, answer: Answer) -> None:
    """A part is firm, wholly or in part; what it did not get is sourced anew once, then it is unfillable."""
    missing = before.quantity + leaving(after) - holds(after)
    desk.put_part(line.line, expecting(after))
    if units(after.allocated):
        say_allocated(desk, line, after, answer)
    if before.asked is Asked.ALLOCATE and (missing > 0 or after.backordered) and basket.allow_any_day(desk):
        stop_waiting(desk, line, after)
        source_anew(
            desk, line, missing + after.backordered, before.reason or basket.OVER_CAPACITY, before.from_location
        )
        return
    if after.backordered:
        desk.say(RoutingType.BACKORDERED, line, after.backordered, before.reason, cause=answer.event_id)
    if missing <= 0:
        return
    if before.asked is Asked.CONFIRM:
        source_anew(desk, line, missing, after.refused or "yielded", None)
    else:
        give_up(desk, line, missing, after.refused or "insufficient_atp", answer)


def say_allocated(desk: Desk, line: Line, part: Part, answer: Answer) -> None:
    """A line has its place, its places, or another place than before."""
    now = desk.line(line.line) or line
    quantity, where = units(part.allocated), part.allocated[0].location
    if part.from_location is not None or part.reason is not None:
        desk.say(
            RoutingType.REROUTED,
            line,
            quantity,
            part.reason,
            from_location=part.from_location,
            to_location=where,
            cause=answer.event_id,
        )
    elif len(places_of(now)) > 1:
        desk.say(RoutingType.SPLIT, line, quantity, cause=answer.event_id)
    else:
        desk.say(RoutingType.ALLOCATED, line, quantity, to_location=where, cause=answer.event_id)


def stop_waiting(desk: Desk, line: Line, part: Part) -> None:
    """Give back what the part waits for."""
    if part.backordered:
        operation = desk.next_operation()
        desk.send(Kind.RELEASE, line.sku, operation, line=part.claim_line, quantity=part.backordered)
        now = desk.part(part.claim_line)
        left = (*now.leaving, (operation, part.backordered, ""))
        desk.put_part(line.line, msgspec.structs.replace(now, quantity=now.quantity - part.backordered, leaving=left))


def give_up(desk: Desk, line: Line, quantity: int, reason: str, answer: Answer) -> None:
    """No place has it, and nobody may wait for it. What was given up meanwhile is missed by nobody."""
    now = desk.line(line.line) or line
    quantity = min(quantity, need(now))
    if quantity == 0:
        return
    desk.put_line(msgspec.structs.replace(now, unfillable=now.unfillable + quantity, reason=reason))
    desk.say(RoutingType.UNFILLABLE, line, quantity, reason, cause=answer.event_id)
    desk.alert(
        Severity.CRITICAL,
        f"{quantity} units of {line.sku} for order {desk.order_id} line {line.line} are nowhere to be had: {reason}.",
        "Tell the customer, or find the goods and change the order.",
        about=f"line/{line.line}",
        quantity=quantity,
        sku=line.sku,
    )


def source_anew(
    desk: Desk, line: Line, quantity: int, reason: str, from_location: str | None, avoid: tuple[str, ...] = ()
) -> None:
    """Ask the ledger for units elsewhere, firmly, as a part of its own. A part of them is better than none.

    Only for those that are still wanted: what was lost may have been cancelled or shipped meanwhile.
    """
    order, now = desk.standing, desk.line(line.line) or line
    quantity = min(quantity, need(now))
    if quantity == 0:
        return
    part = Part(next_claim_line(now), quantity, reason=reason, from_location=from_location)
    operation = desk.next_operation()
    desk.ask(Asked.ALLOCATE, line.line, part, operation)
    desk.send(
        Kind.ALLOCATE,
        line.sku,
        operation,
        line=part.claim_line,
        quantity=quantity,
        locations=basket.places_for(order, ()),
        avoid=(*avoid, *[place for place in order.avoid if place not in avoid]) if order.avoid else avoid,
        partial=True,
        priority=order.priority,
        promise_by_ms=order.promise_by_ms,
        max_splits=RESCUE_SPLITS if order.max_splits is None else order.max_splits,
        destination=order.destination,
    )


def hear_notice(desk: Desk, line: Line, part: Part, notice: Answer, told: Told) -> None:
    """Another's record changed a claim of this order."""
    after = as_told(part, told)
    desk.put_part(line.line, after)
    if desk.standing.stage is not Stage.CONFIRMED or desk.standing.stage in OVER:
        return
    cause, reason = notice.event_id, notice.reason or notice.kind.value.lower()
    if notice.status is Status.MOVED:
        desk.say(
            RoutingType.REROUTED,
            line,
            notice.quantity,
            reason,
            from_location=notice.from_location,
            to_location=notice.location,
            cause=cause,
        )
    elif notice.status is Status.COVERED:
        desk.say(RoutingType.COVERED, line, notice.quantity, to_location=notice.location, cause=cause)
    elif part.asked is None:
        lost(desk, line, part, after, notice, reason)


def lost(desk: Desk, line: Line, before: Part, after: Part, notice: Answer, reason: str) -> None:
    """Units yielded, or expired before they were firm. Those that now wait are backordered, the others sourced anew."""
    waiting = after.backordered - before.backordered
    if waiting > 0:
        desk.say(RoutingType.BACKORDERED, line, waiting, reason, from_location=notice.location, cause=notice.event_id)
    missing = before.quantity + leaving(after) - holds(after)
    desk.put_part(line.line, expecting(after))
    if missing > 0:
        avoid = () if notice.location is None else (notice.location,)
        source_anew(desk, line, missing, reason, notice.location, avoid)


def give_back(desk: Desk, line: Line, quantity: int) -> None:
    """Release so many units of the line, of its newest part first."""
    left = quantity
    for part in reversed((desk.line(line.line) or line).parts):
        given_back = min(left, part.quantity)
        left -= given_back
        if not given_back:
            continue
        operation = desk.next_operation()
        desk.send(Kind.RELEASE, line.sku, operation, line=part.claim_line, quantity=given_back)
        after = msgspec.structs.replace(
            part, quantity=part.quantity - given_back, leaving=(*part.leaving, (operation, given_back, ""))
        )
        desk.put_part(line.line, after)


def give_back_surplus(desk: Desk, line: Line) -> None:
    """A shipment may turn out to be what a count had missed: then the claim still holds what has left already."""
    now = desk.line(line.line) or line
    if surplus(now) > 0:
        give_back(desk, line, surplus(now))

"""A promise that comes near: what has not been picked is asked to come from where it would be less late.

Only the ledger knows when goods would arrive from where (inventory/hurrying.py). So the router asks for the claim anew with
the reason `sla_at_risk`; the ledger moves it in one step, or leaves it where it is. Nothing is given back for it.
"""

from __future__ import annotations

import msgspec

from agents.inventory.answers import Answer
from agents.inventory.channels import Method
from agents.inventory.hurrying import SLA_AT_RISK
from agents.inventory.orders.desk import Desk
from agents.inventory.orders.rows import Asked, Line, Part, Stage, units
from agents.inventory.orders.words import RoutingType
from agents.inventory.transactions import Kind


def hurry(desk: Desk) -> None:
    """Ask for everything that is firm, not picked, and to be shipped."""
    order = desk.standing
    if order.stage is not Stage.CONFIRMED or order.method is not Method.SHIPPING:
        return
    for line in order.lines:
        for part in line.parts if line.picked <= line.shipped else ():
            if part.allocated and part.asked is None and not (part.leaving or part.reserved or part.backordered):
                ask(desk, line, part)


def ask(desk: Desk, line: Line, part: Part) -> None:
    """Ask the ledger for a better place for one claim."""
    order, operation = desk.standing, desk.next_operation()
    desk.ask(Asked.HURRY, line.line, part, operation)
    desk.send(
        Kind.ALLOCATE,
        line.sku,
        operation,
        line=part.claim_line,
        quantity=units(part.allocated),
        avoid=order.avoid,
        priority=order.priority,
        promise_by_ms=order.promise_by_ms,
        max_splits=order.max_splits,
        destination=order.destination,
        reason=SLA_AT_RISK,
    )


def tell(desk: Desk, line: Line, before: Part, after: Part, answer: Answer) -> None:
    """Say it if the claim has moved."""
    left = [place.location for place in before.allocated if place not in after.allocated]
    if not left or not after.allocated:
        return
    desk.put_part(line.line, msgspec.structs.replace(after, reason=SLA_AT_RISK, from_location=left[0]))
    desk.say(
        RoutingType.REROUTED,
        line,
        units(after.allocated),
        SLA_AT_RISK,
        from_location=left[0],
        to_location=after.allocated[0].location,
        cause=answer.event_id,
    )

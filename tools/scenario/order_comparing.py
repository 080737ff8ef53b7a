"""What became of an order against what the text expects, and as scenario text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from agents.inventory.alerts import Alert
from agents.inventory.orders.desk import places_of, status_of
from agents.inventory.orders.rows import Order, units
from agents.inventory.orders.words import Place, Routing
from tools.scenario.comparing import describe_alert, figure, has_fields, listed
from tools.scenario.router import DecidedOrder
from tools.scenario.steps import Expected, ExpectedOrder, ExpectedRouting


def differences_of_order(wanted: ExpectedOrder | None, own: DecidedOrder, order: Order | None) -> Iterator[str]:
    """Sentences that say how the order stands otherwise than expected; `own` is what became of the record itself."""
    wanted = wanted or ExpectedOrder()
    decision = own.decision
    if wanted.malformed:
        yield "it was expected to be malformed"
    elif wanted.too_late:
        if decision.dead_letter is None:
            yield f"it is {describe_order(own, order)}, expected to be too late"
    elif wanted.ignored:
        if decision.ignored is None or decision.dead_letter is not None:
            yield f"the order is {describe_order(own, order)}, expected to ignore it"
    elif decision.ignored is not None:
        yield f"it has no effect: {decision.ignored}"
    elif wanted.stage is not None:
        if order is None or order.stage != wanted.stage:
            yield f"the order is {describe_order(own, order)}, expected {wanted.stage}"
        elif wanted.reason is not None and order.reason != wanted.reason:
            yield f"the reason is {order.reason}, expected {wanted.reason}"


def differences_of_routings(expected: Expected, decided: Iterable[DecidedOrder]) -> Iterator[str]:
    """Sentences that say how routings differ from those declared; they are compared in their order."""
    if expected.routings is None:
        return
    routings = routings_of(decided)
    if len(routings) != len(expected.routings) or not all(map(is_routing, expected.routings, routings)):
        wanted = listed(map(describe_wanted_routing, expected.routings))
        yield f"the routings are {listed(map(describe_routing, routings))}, expected {wanted}"


def routings_of(decided: Iterable[DecidedOrder]) -> tuple[Routing, ...]:
    """What the router decided about lines, in its order."""
    return tuple([routing for each in decided for routing in each.decision.routings])


def alerts_of(decided: Iterable[DecidedOrder]) -> list[Alert]:
    """What the router alerted people to."""
    return [alert for each in decided for alert in each.decision.alerts]


def is_routing(wanted: ExpectedRouting, routing: Routing) -> bool:
    """Whether the routing is the one declared."""
    return (
        (wanted.type, wanted.order_id, wanted.line) == (routing.type, routing.order_id, routing.line)
        and wanted.quantity in {None, routing.quantity}
        and wanted.location in {None, routing.to_location}
        and wanted.from_location in {None, routing.from_location}
        and has_places(routing, wanted.others)
    )


def has_places(routing: Routing, wanted: Iterable[tuple[str, str]]) -> bool:
    """Whether every field named has the value that the text says; places are `LEEDS:2,YORK:1`."""
    others = [(name, value) for name, value in wanted if name != "places"]
    places = [value for name, value in wanted if name == "places"]
    return has_fields(routing, others) and all(value == places_text(routing.places) for value in places)


# -- as scenario text --------------------------------------------------------------------------------------------------


def describe_order(own: DecidedOrder, order: Order | None) -> str:
    """What became of a record of an order, and how the order stands now that all is said."""
    if own.decision.dead_letter is not None:
        return "too_late"
    if own.decision.ignored is not None:
        return f"ignored ({own.decision.ignored})"
    if order is None:
        return "forgotten"
    return order.stage.value if order.reason is None else f"{order.stage.value} {order.reason}"


def describe_decided(decided: Iterable[DecidedOrder]) -> list[str]:
    """Routings, alerts and dead letters of the router as scenario text."""
    decided = list(decided)
    said = [f".. {describe_routing(routing)}" for routing in routings_of(decided)]
    said += [f".. {describe_alert(alert)}" for alert in alerts_of(decided)]
    return said + [".. dead_letter" for each in decided if each.decision.dead_letter is not None]


def describe_routing(routing: Routing) -> str:
    """A routing as scenario text."""
    said = f"routed {routing.type.value.lower()} {routing.order_id}/{routing.line} {routing.quantity}"
    if routing.from_location is not None:
        said += f" {routing.from_location}->{routing.to_location or ''}"
    elif routing.to_location is not None:
        said += f" {routing.to_location}"
    return said if routing.reason is None else f"{said} reason={routing.reason}"


def describe_wanted_routing(wanted: ExpectedRouting) -> str:
    """An expected routing as scenario text."""
    said = f"routed {wanted.type.value.lower()} {wanted.order_id}/{wanted.line}{figure(wanted.quantity)}"
    if wanted.from_location is not None:
        said += f" {wanted.from_location}->{wanted.location or ''}"
    elif wanted.location is not None:
        said += f" {wanted.location}"
    return " ".join([said, *(f"{name}={value}" for name, value in wanted.others)])


# -- looked at ---------------------------------------------------------------------------------------------------------

ORDER_FIGURES = ("stage", "attempt", "paid", "reason", "lines", "places", "due", "promise", "channel", "warned")
LINE_FIGURES = [
    "sku",
    "quantity",
    "state",
    "places",
    "reserved",
    "allocated",
    "backordered",
    "picked",
    "shipped",
    "cancelled",
    "unfillable",
    "ready",
    "reason",
    "parts",
]


def figures_of_order(order: Order | None) -> dict[str, Any]:
    """How an order stands; nothing where it is not known."""
    if order is None:
        return {}
    places: dict[str, int] = {}
    for line in order.lines:
        for place in places_of(line):
            places[place.location] = places.get(place.location, 0) + place.quantity
    return msgspec.structs.asdict(order) | {
        "lines": len(order.lines),
        "places": places_text(Place(location, quantity) for location, quantity in places.items()),
        "due": order.due_ms,
        "promise": order.promise_by_ms,
    }


def figures_of_line(order: Order | None, number: int) -> dict[str, Any]:
    """How a line of an order stands; nothing where there is none."""
    line = None if order is None else next((line for line in order.lines if line.line == number), None)
    if order is None or line is None:
        return {}
    status = status_of(order, line)
    return msgspec.structs.asdict(line) | {
        "state": status.state,
        "places": places_text(status.places),
        "backordered": status.backordered,
        "reason": status.reason,
        "reserved": sum(units(part.reserved) for part in line.parts),
        "allocated": sum(units(part.allocated) for part in line.parts),
        "parts": len(line.parts),
    }


def places_text(places: Iterable[Place]) -> str:
    """`LEEDS:2,YORK:1`, by location; or `none`."""
    return (
        ",".join(f"{place.location}:{place.quantity}" for place in sorted(places, key=lambda place: place.location))
        or "none"
    )

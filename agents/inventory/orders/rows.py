"""The rows of the order router: one for each order that is not over, with its lines and their parts."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

import msgspec

from agents.inventory.alerts import Alert
from agents.inventory.channels import Method, References
from agents.inventory.orders.words import LineStanding, OrderRecord, OrderStatus, Place, Routing
from agents.inventory.transactions import ChannelReference, Destination, LocationReference, Transaction

# Beside these the router keeps the references of places and channels, in tables like those of the ledger (inventory/rows.py).
ORDERS = "orders"  # (order_id,) -> Order
ORDERS_DUE = "orders_due"  # (due_ms, order_id) -> OrderDue

LINES_APART = 10_000
"""A line's first claim has the line's own number; later parts of it add this much each."""


class Stage(StrEnum):
    """How far the basket protocol of an order has come."""

    PLANNING = "planning"
    """Its plan is awaited."""
    RESERVING = "reserving"
    """The ledger's answers are awaited. Until CONFIRMED there are only releases."""
    RESERVED = "reserved"
    """All is held; payment is awaited."""
    EXTENDING = "extending"
    """Held, but for less than the margin: longer holds are awaited."""
    CONFIRMED = "confirmed"
    """From here on only forward: what fails is sourced anew, backordered or unfillable."""
    REFUSED = "refused"
    CANCELLED = "cancelled"
    DONE = "done"


OVER = frozenset({Stage.REFUSED, Stage.CANCELLED, Stage.DONE})


class Asked(StrEnum):
    """What was asked of the ledger for a part, and is not answered yet."""

    RESERVE = "reserve"
    EXTEND = "extend"
    CONFIRM = "confirm"
    ALLOCATE = "allocate"
    HURRY = "hurry"


class Part(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One claim of the ledger. A line begins with one; what it loses later becomes a part of its own."""

    claim_line: int
    quantity: int
    """Units that it was asked for."""
    reserved: tuple[Place, ...] = ()
    allocated: tuple[Place, ...] = ()
    backordered: int = 0
    due_ms: int | None = None
    asked: Asked | None = None
    operation: int = 0
    """The number of what was asked last: answers to others are history."""
    refused: str | None = None
    """Why the ledger said no to what was asked last."""
    from_location: str | None = None
    """Of a part that replaces what was lost elsewhere: where, and why."""
    reason: str | None = None
    leaving: tuple[tuple[int, int, str], ...] = ()
    """(operation, units, location or "") that were released or shipped, and that the ledger has not yet heard of."""


class Line(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One line of an order."""

    line: int
    sku: str
    quantity: int
    parts: tuple[Part, ...] = ()
    picked: int = 0
    shipped: int = 0
    cancelled: int = 0
    unfillable: int = 0
    ready: bool = False
    reason: str | None = None


class Slot(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One shipment in the day of a place that can send only so much: a claim of the ledger on its capacity."""

    location: str
    date: str
    """The local day, `YYYY-MM-DD`."""
    held: bool = False
    due_ms: int | None = None
    """When the hold ends; null once it is firm."""
    asked: Asked | None = None
    operation: int = 0
    refused: bool = False
    """The day is full."""
    left: bool = False
    """The shipment has left."""
    days: int = 0
    """Days that it was put off, because nowhere was room earlier."""


class Order(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One order."""

    lines: tuple[Line, ...]
    stage: Stage = Stage.PLANNING
    placed_at_ms: int = 0
    channel: str | None = None
    method: Method = Method.SHIPPING
    pickup_location: str | None = None
    destination: Destination | None = None
    promise_by_ms: int | None = None
    priority: int = 0
    partial: bool = False
    max_splits: int | None = None
    paid: bool = False
    pay_by_ms: int = 0
    attempt: int = 1
    operations: int = 0
    """Numbers the transactions it sent: `<order id>.<number>`."""
    due_ms: int | None = None
    reason: str | None = None
    warned: bool = False
    """That its promise is at risk was said."""
    asked_at_ms: int | None = None
    """When the ledger was asked first for what is not answered yet."""
    ready_at_ms: int | None = None
    """When it was ready to be collected."""
    seen: tuple[str, ...] = ()
    """Records that were applied: `source/record id`."""
    occurred_at_ms: int = 0
    """When it was placed, by the clock of whoever said so."""
    slots: tuple[Slot, ...] = ()
    """Its shipments in the days of places that can send only so much, at most one for each place."""
    avoid: tuple[str, ...] = ()
    """Places whose day was full."""
    any_day: bool = False
    """Nowhere was room: a later day will do."""
    open_alerts: tuple[str, ...] = ()
    """Types of the alerts about it that were said and are not over."""


class OrderDue(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """That an order needs to be looked at; the key says when."""


OrderRow = Order | OrderDue | LocationReference | ChannelReference
Key = tuple[str | int, ...]


class OrderRows(Protocol):
    """What a decision about an order may read."""

    def order(self, order_id: str) -> Order | None:
        """The order, or None."""

    def references(self) -> References:
        """What the LOCATION and CHANNEL records of this log said of places and channels, the last one of each."""


class OrderArrival(msgspec.Struct, frozen=True, gc=False):
    """One record as it comes from the log."""

    record: OrderRecord
    cause: str
    """`topic-partition-offset`."""
    at_ms: int


class OrderDecision(msgspec.Struct, frozen=True, gc=False):
    """What follows from one record."""

    changes: Mapping[tuple[str, Key], OrderRow | None]
    transactions: tuple[Transaction, ...] = ()
    """To the ledger, in this order."""
    routings: tuple[Routing, ...] = ()
    status: OrderStatus | None = None
    alerts: tuple[Alert, ...] = ()
    ignored: str | None = None
    """Why it had no effect."""
    dead_letter: str | None = None
    """Why the record is kept aside, where it is."""


class OrderPolicy(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The knobs of the order router; from `orders:` of the topology, in milliseconds."""

    reservation_ttl_ms: int = 15 * 60_000
    confirm_margin_ms: int = 60_000
    """An order is confirmed only while every hold lasts longer than this."""
    answer_patience_ms: int = 60_000
    """So long without an answer of the ledger, and an order is stuck."""
    plan_patience_ms: int = 2_000
    """So long without a plan, and the ledger chooses the places."""
    payment_window_ms: int = 30 * 60_000
    pickup_window_ms: int = 7 * 86_400_000
    promise_margin_ms: int = 4 * 3_600_000
    """So long before the promise, what is not shipped is at risk."""
    most_attempts: int = 3
    """Plans made for one order before it is refused."""
    split_must_save: int | None = None
    """One shipment more is made where it saves more than this, in the unit of costs; null = the fewest, whatever they cost."""
    keep_ms: int = 7 * 86_400_000
    """How long an order that is over is remembered; one that was placed longer ago than this is too late."""
    cancel_limit_ms: Mapping[str, int] = {}
    """By channel: how long after it was placed an order may be cancelled, where it is not as its CHANNEL record says."""
    currency: str | None = None
    """ISO 4217; of penalties."""


def leaving(part: Part) -> int:
    """Units that the claim still holds and is about to give away by our own doing."""
    return sum([quantity for _, quantity, _ in part.leaving])


def firm_places(part: Part) -> tuple[Place, ...]:
    """Where its firm units are, without those that are leaving, whether or not the ledger has heard of it."""
    if not part.leaving:
        return part.allocated
    left = {place.location: place.quantity for place in part.allocated}
    for _, quantity, location in part.leaving:
        units_left = quantity
        for place in [location] if location else list(left):
            taken = min(units_left, left.get(place, 0))
            left[place] = left.get(place, 0) - taken
            units_left -= taken
    return tuple([Place(location, quantity) for location, quantity in left.items() if quantity > 0])


def holds(part: Part) -> int:
    """Units that the claim holds or waits for, as far as was heard."""
    return units(part.reserved) + units(part.allocated) + part.backordered


def wanted(line: Line) -> int:
    """Units of the line that are still wanted."""
    return line.quantity - line.cancelled - line.shipped - line.unfillable


def need(line: Line) -> int:
    """Units that are still wanted and that no part is to bring; never below 0."""
    return max(0, line.quantity - spoken_for(line))


def surplus(line: Line) -> int:
    """Units that are held beyond what is wanted; never below 0."""
    return max(0, spoken_for(line) - line.quantity)


def spoken_for(line: Line) -> int:
    """Units of the line that somebody brings, has brought, or will not bring."""
    return line.shipped + line.cancelled + line.unfillable + sum([part.quantity for part in line.parts])


def units(places: tuple[Place, ...]) -> int:
    """The units of all places."""
    return sum([place.quantity for place in places])


def state_of(order: Order, line: Line) -> LineStanding:
    """How a line stands, as the customer would ask."""
    open_units = line.quantity - line.shipped - line.cancelled - line.unfillable
    if open_units <= 0:
        if line.shipped:
            return LineStanding.COLLECTED if order.method is Method.PICKUP else LineStanding.SHIPPED
        return LineStanding.UNFILLABLE if line.unfillable else LineStanding.CANCELLED
    if order.stage in OVER:
        return LineStanding.CANCELLED
    if line.ready:
        return LineStanding.READY
    if any(part.allocated for part in line.parts):
        return LineStanding.ALLOCATED
    if any(part.backordered for part in line.parts):
        return LineStanding.BACKORDERED
    if any(part.reserved for part in line.parts):
        return LineStanding.RESERVED
    return LineStanding.PLANNING if order.stage is Stage.PLANNING else LineStanding.RESERVING

"""What is said about orders: one record type for what shops and warehouses report, and for what the router tells itself.

The field names are those of `schemas/order.avsc`.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from agents.inventory.answers import Answer, Status
from agents.inventory.channels import Method
from agents.inventory.rows import Decision
from agents.inventory.transactions import (
    STOCK_KEEPER,
    ChannelReference,
    Destination,
    Kind,
    LocationReference,
    Transaction,
)


class OrderKind(StrEnum):
    """What happened to an order. The last five are written by Onhand itself; the last two are about no order."""

    PLACED = "PLACED"
    CHANGED = "CHANGED"
    CANCELLED = "CANCELLED"
    PAID = "PAID"
    PICKED = "PICKED"
    PICKED_SHORT = "PICKED_SHORT"
    PACKED = "PACKED"
    READY = "READY"
    COLLECTED = "COLLECTED"
    SHIPPED = "SHIPPED"
    DELAYED = "DELAYED"
    PLAN = "PLAN"
    """The router's plan, with the revisions that it read: a record, so that replay is exact."""
    ANSWER = "ANSWER"
    """What the ledger said to a transaction of this order, or about one of its claims."""
    WAKE = "WAKE"
    """Something of the order is due."""
    LOCATION = "LOCATION"
    """The reference of a place, as the ledger has it from now on: in every partition."""
    CHANNEL = "CHANNEL"
    """The reference of a channel, likewise."""


REFERENCE_KINDS = frozenset({OrderKind.LOCATION, OrderKind.CHANNEL})
"""About no order. Their `order_id` is empty, their key names the place or the channel (`key_of`)."""
SYSTEM_KINDS = frozenset({OrderKind.PLAN, OrderKind.ANSWER, OrderKind.WAKE, *REFERENCE_KINDS})


class OrderedLine(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One line as it was ordered."""

    line: int
    """1 to 9,999; unique within the order."""
    sku: str
    quantity: int
    """Base units."""


class Read(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One level that a plan was made from."""

    location: str
    revision: int
    atp: int


class PlannedLine(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Where one line should be taken from, the best place first."""

    line: int
    locations: tuple[str, ...] = ()
    """Ranked; none = the ledger chooses."""
    read: tuple[Read, ...] = ()


class OrderRecord(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One record about one order."""

    record_id: str
    """Unique per source and order: the same one again has no effect, as long as the order is remembered."""
    source: str
    kind: OrderKind
    order_id: str
    occurred_at_ms: int | None = None
    """By the publisher's clock. Required of PLACED: what is older than orders are remembered is too late."""
    lines: tuple[OrderedLine, ...] = ()
    """PLACED, CHANGED: all lines, as they are from now on."""
    line: int | None = None
    """The line that is meant; null = the whole order."""
    location: str | None = None
    quantity: int | None = None
    """Base units: picked, shipped, collected; of PICKED_SHORT what was found; null = all that is meant."""
    channel: str | None = None
    method: Method = Method.SHIPPING
    pickup_location: str | None = None
    destination: Destination | None = None
    promise_by_ms: int | None = None
    """When the customer was told to have it."""
    priority: int = 0
    partial: bool = False
    """Whether a part of it is better than nothing; else all lines or none."""
    max_splits: int | None = None
    paid: bool = False
    payment_window_ms: int | None = None
    """How long it stays reserved unpaid; null = the policy of the topology."""
    plan: tuple[PlannedLine, ...] = ()
    attempt: int = 0
    """PLAN: the attempt that it was made for."""
    answer: Answer | None = None
    reason: str | None = None
    who: str | None = None
    why: str | None = None
    location_reference: LocationReference | None = None
    """LOCATION: what is so of the place, as a whole."""
    channel_reference: ChannelReference | None = None
    """CHANNEL: what is so of the channel, as a whole."""


def key_of(record: OrderRecord) -> str:
    """The key of its record: the order, or the place or channel that it is the reference of."""
    if record.location_reference is not None:
        return f"location:{record.location_reference.location}"
    if record.channel_reference is not None:
        return f"channel:{record.channel_reference.channel}"
    return record.order_id


def reference_record(
    event_id: str, location: LocationReference | None, channel: ChannelReference | None
) -> OrderRecord:
    """How the order router hears of the reference of a place or a channel."""
    return OrderRecord(
        record_id=event_id,
        source=STOCK_KEEPER,
        kind=OrderKind.LOCATION if channel is None else OrderKind.CHANNEL,
        order_id="",
        location_reference=location,
        channel_reference=channel,
    )


def references_told(transaction: Transaction, decision: Decision) -> list[OrderRecord]:
    """What the order router hears of a LOCATION or CHANNEL record, if that was accepted now and not earlier."""
    if transaction.kind is not Kind.LOCATION and transaction.kind is not Kind.CHANNEL:
        return []
    return [
        reference_record(answer.event_id, transaction.location_reference, transaction.channel_reference)
        for answer in decision.answers
        if answer.status is Status.ACCEPTED and answer.repeats is None
    ]


def answer_record(order_id: str, answer: Answer) -> OrderRecord:
    """How the order router hears of an answer of the ledger."""
    return OrderRecord(
        record_id=answer.event_id, source=STOCK_KEEPER, kind=OrderKind.ANSWER, order_id=order_id, answer=answer
    )


class LineStanding(StrEnum):
    """How a line stands, as the customer would ask."""

    PLANNING = "planning"
    RESERVING = "reserving"
    RESERVED = "reserved"
    ALLOCATED = "allocated"
    BACKORDERED = "backordered"
    UNFILLABLE = "unfillable"
    READY = "ready"
    SHIPPED = "shipped"
    COLLECTED = "collected"
    CANCELLED = "cancelled"


class RoutingType(StrEnum):
    """What the router says on `orders.routing.v1`."""

    ALLOCATED = "ALLOCATED"
    SPLIT = "SPLIT"
    REROUTED = "REROUTED"
    BACKORDERED = "BACKORDERED"
    COVERED = "COVERED"
    UNFILLABLE = "UNFILLABLE"
    CANCELLED = "CANCELLED"
    SHIPPED = "SHIPPED"
    SLA_AT_RISK = "SLA_AT_RISK"


class Place(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Units of a line at one location."""

    location: str
    quantity: int


class Routing(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One decision about one line: what its fulfilment must know, and why."""

    event_id: str
    type: RoutingType
    order_id: str
    line: int
    sku: str
    quantity: int
    """Base units concerned."""
    at_ms: int
    places: tuple[Place, ...] = ()
    """Where all its firm units are after this."""
    from_location: str | None = None
    to_location: str | None = None
    reason: str | None = None
    cause: str | None = None
    """event_id of the ledger's answer or notice that it follows from."""
    channel: str | None = None
    method: Method = Method.SHIPPING
    ordered: int = 0
    """Units of the line as it was ordered, changes included; 0 = not told."""
    placed_at_ms: int = 0
    """When the order was placed; 0 = not told."""


class LineStatus(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How a line stands."""

    line: int
    sku: str
    quantity: int
    state: LineStanding
    places: tuple[Place, ...] = ()
    backordered: int = 0
    shipped: int = 0
    reason: str | None = None


class OrderStatus(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How an order stands, with the current promise of each line."""

    event_id: str
    order_id: str
    stage: str
    at_ms: int
    lines: tuple[LineStatus, ...]
    channel: str | None = None
    method: Method = Method.SHIPPING
    promise_by_ms: int | None = None
    placed_at_ms: int = 0

"""Goods on their way: what is remembered of an announced inbound and of a transfer between two places.

What is open of either lies in the bucket `in_transit` of the place it goes to. Announcement and arrival, departure and
arrival may be heard of in any order, so both sides are kept as totals and what is open follows from them.
"""

from __future__ import annotations

import msgspec

from agents.inventory.units import MILLISECONDS_PER_DAY

SHIPMENTS_KEPT_MS = 30 * MILLISECONDS_PER_DAY
"""How long a shipment of which nothing is open is remembered after its last change: for what is heard of late. It is
far longer than a fact may be late (`answers keep`)."""


class Inbound(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Goods that a supplier announced (an ASN), of one SKU."""

    location: str
    """Where they are to arrive."""
    announced: int = 0
    """Units in all, by the youngest announcement."""
    received: int = 0
    """Units in all that came by receipts which named it."""
    due_ms: int | None = None
    announced_at_ms: int = 0
    """When the youngest announcement occurred: an older one that is heard of later changes nothing."""
    ended: bool = False
    """A receipt was marked the last one: what is missing will not come."""
    overdue_told: bool = False
    changed_at_ms: int = 0
    """Record time of the last change."""


class Transfer(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Goods of one SKU that go from one place to another."""

    to_location: str
    from_location: str | None = None
    """None while only arrivals were heard of, and none of them said."""
    sent: int = 0
    """Units in all that left."""
    arrived: int = 0
    """Units in all that arrived, also those that were taken from `found`."""
    due_ms: int | None = None
    ended: bool = False
    """An arrival was marked the last one: what is missing is lost."""
    overdue_told: bool = False
    changed_at_ms: int = 0
    """Record time of the last change."""


Shipment = Inbound | Transfer


def open_units(shipment: Shipment | None) -> int:
    """Units still on their way."""
    if shipment is None or shipment.ended:
        return 0
    if isinstance(shipment, Inbound):
        return max(0, shipment.announced - shipment.received)
    return max(0, shipment.sent - shipment.arrived)


def place_of_arrival(shipment: Shipment) -> str:
    """Where it goes: its open units are in_transit there."""
    return shipment.location if isinstance(shipment, Inbound) else shipment.to_location


def is_expected(shipment: Shipment | None) -> bool:
    """Whether units of it are still to come at a known time."""
    return shipment is not None and shipment.due_ms is not None and open_units(shipment) > 0


def is_forgotten(shipment: Shipment, at_ms: int) -> bool:
    """Whether it counts as never heard of: nothing is open of it, and it is long ago. Its row may be removed then."""
    return open_units(shipment) == 0 and at_ms - shipment.changed_at_ms > SHIPMENTS_KEPT_MS

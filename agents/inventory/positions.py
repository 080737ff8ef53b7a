"""The position of a SKU at a location: the sum of its postings."""

from __future__ import annotations

import msgspec


class Position(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Disjoint buckets of one SKU at one location, in base units. `unpromised` may be negative; reality may."""

    unpromised: int = 0
    reserved: int = 0
    allocated: int = 0
    quarantined: int = 0
    in_transit: int = 0
    revision: int = 0
    """Grows by one with every change of this row."""
    as_of_ms: int = 0
    """Record time of the last change."""
    counted_at_second: int | None = None
    """The second the last accepted count was taken."""
    counted_by: str | None = None
    safety_stock: int = 0
    """Units withheld from promise as its last level said: so a change of policy alone is noticed, and told once."""


class StockLevel(msgspec.Struct, frozen=True, gc=False):
    """What is published of a position."""

    event_id: str
    sku: str
    location: str
    unpromised: int
    reserved: int
    allocated: int
    quarantined: int
    in_transit: int
    on_hand: int
    atp: int
    safety_stock: int
    revision: int
    as_of_ms: int

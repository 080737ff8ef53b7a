"""What the ledger knows of a SKU as a whole, beside its positions: one row, read once for every decision.

It holds what is rarely there and must never cost a search: the reference of the SKU, its ring-fences, who watches it,
and whether it has lots or a queue of backorders at all. A SKU of which nothing of this is so has no row.
"""

from __future__ import annotations

import msgspec

from agents.inventory.transactions import Item, Watcher


class Fence(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Units of a location that are kept for one channel. Fences are no bucket: the units lie in `unpromised`."""

    location: str
    channel: str
    open: int
    """Units that no claim has taken yet."""
    fenced_offset: int
    """Input offset of the channel's last FENCE here: when stock runs short, the newest fence shrinks first."""


class SafetyBuffer(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Units of a location that are withheld beside the safety stock, because units were lost there again and again."""

    location: str
    quantity: int
    until_ms: int
    """Record time from which on there are too few losses within the window."""


class Goods(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A SKU as a whole."""

    item: Item | None = None
    """What the last ITEM record said; null where none came."""
    fences: tuple[Fence, ...] = ()
    """By location and channel."""
    watchers: tuple[Watcher, ...] = ()
    has_lots: bool = False
    """Whether any lot of it is known."""
    queued: int = 0
    """Backordered units of all its open claims; 0 means that nobody waits."""
    due_ms: int | None = None
    """When the next of its own dates comes (a lot's removal, an alert); claims have theirs."""
    safety_buffers: tuple[SafetyBuffer, ...] = ()
    """By location; withheld automatically after repeated losses."""
    expected: int = 0
    """Shipments with units still to come at a known time; 0 means that nothing is awaited."""
    has_snapshots: bool = False
    """Whether systems of record send snapshots of it: only then levels are remembered as they were told."""
    recalled: tuple[str, ...] = ()
    """Lots that are blocked wherever they are, or will come."""
    reminder_ms: int | None = None
    """When a safety buffer ends, a shipment is overdue or a claim grows old: dates beside `due_ms`."""
    capacity: int | None = None
    """Of the day of a place (capacity.py): the shipments that were put on the books for it."""
    ages_ms: int | None = None
    """When the next of its claims may be open for too long; only where a policy asks for it."""
    open_alerts: int = 0
    """Alerts of it that are said and not over; 0 means that nobody need look whether one is."""


class Lot(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What is there of one lot at one location, in base units."""

    quantity: int = 0
    """Sellable units, promised or not."""
    quarantined: int = 0
    expires_on: str | None = None
    """`YYYY-MM-DD`; null for a lot that does not expire."""
    blocked: bool = False
    """Recalled or found faulty: whatever comes of it is set apart, until it is given free."""
    warned: bool = False
    """Its coming expiry was said."""
    in_transit: int = 0
    """Units on their way to this place."""
    came_offset: int = 0
    """Input offset of the record that first brought it here: of lots that expire on the same day, or never, the one that
    came first leaves first."""


NO_GOODS = Goods()
"""Of a SKU without the row."""


def next_date_ms(goods: Goods) -> int | None:
    """When the SKU must be woken next for its own sake."""
    if goods.reminder_ms is None or goods.due_ms is None:
        return goods.due_ms if goods.reminder_ms is None else goods.reminder_ms
    return min(goods.due_ms, goods.reminder_ms)

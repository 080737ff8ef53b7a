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


NO_GOODS = Goods()
"""Of a SKU without the row."""

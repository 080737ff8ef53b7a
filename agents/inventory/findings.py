"""What is remembered of books and places that disagreed: open cases, losses, and levels as they were told."""

from __future__ import annotations

import msgspec


class Case(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An open discrepancy of one SKU at one place. There is one at most; it stays open until somebody closes it."""

    opened_at_ms: int
    times: int = 1
    """Discrepancies since it was opened, the first one included."""
    quantity: int = 0
    """Units of the last one, signed: what is there less what the books said."""
    transfer: str | None = None
    """The transfer it is about; None as soon as it is about anything else."""


class Loss(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Units that were lost without a cause found."""

    event_id: str
    """Of the journal record that posted them to shrinkage."""
    at_ms: int
    """Record time."""
    quantity: int
    """Units lost, above 0."""
    occurred_at_second: int
    """When it was found: counted, written off, or missed on arrival."""
    reason: str


class OpenAlert(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An alert that was said and is not over: its key names SKU, place, type, and what it is about."""

    since_ms: int


class Usual(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What movements of one kind usually are, of one SKU at one place. See anomalies.py."""

    seen: int
    """Movements it follows from."""
    mean_thousandths: int
    """Of units, without sign."""
    deviation_thousandths: int
    """Mean distance from the mean."""


MOST_LOSSES = 100
"""Losses remembered of one place, the youngest; `shrinkage_events` cannot ask for more."""


class Losses(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The losses of one SKU at one place within the shrinkage window, the oldest first."""

    events: tuple[Loss, ...]


class ToldLevel(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A level as it was published."""

    at_ms: int
    """Record time since when it was the level."""
    on_hand: int
    unpromised: int
    atp: int


class ToldLevels(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The last levels of one SKU at one place, the oldest first; kept only where snapshots come from."""

    levels: tuple[ToldLevel, ...]

"""Which systems are believed at a place: those that its LOCATION record names, the highest first.

Where none is named, every system is. A system that is not named may not set stock there at all; a lower one may not
overwrite what a higher one counted less than the late window before.
"""

from __future__ import annotations

from agents.inventory.draft import Draft, Shelf
from agents.inventory.units import MILLISECONDS_PER_SECOND


def is_authorised(draft: Draft, shelf: Shelf, taken_at_second: int) -> bool:
    """Whether the source of this COUNT or SNAPSHOT, taken in that second, may set the stock of the place."""
    reference = draft.references.location(shelf.location)
    systems = () if reference is None else reference.authority
    if not systems:
        return True
    source = draft.transaction.source
    if source not in systems:
        return False
    if shelf.counted_by is None or shelf.counted_at_second is None or shelf.counted_by not in systems:
        return True
    age_ms = (taken_at_second - shelf.counted_at_second) * MILLISECONDS_PER_SECOND
    higher = systems.index(shelf.counted_by) < systems.index(source)
    return not higher or age_ms >= draft.policy(shelf.location).late_window_ms

"""Cycle counts: what was counted, and what moved since, is what is on hand."""

from __future__ import annotations

from agents.inventory.alarms import raise_discrepancy
from agents.inventory.draft import Draft
from agents.inventory.movements import correct
from agents.inventory.outcomes import Outcome, accept, refuse
from agents.inventory.refusals import Refusal
from agents.inventory.units import second_of


def count(draft: Draft) -> Outcome:
    """Set on_hand as of the second the count was taken: counted + movements that occurred later and are applied.

    The difference posts to unpromised. Refuses: QUANTITY_NOT_POSITIVE (below zero), STALE_COUNT (taken not later
    than the last accepted count, or before the late window).
    """
    transaction = draft.transaction
    counted = transaction.quantity or 0
    if counted < 0:
        return refuse(Refusal.QUANTITY_NOT_POSITIVE)
    shelf = draft.shelf(transaction.location or "")
    policy = draft.policy(shelf.location)
    taken_at_second = second_of(draft.occurred_at_ms)
    if shelf.counted_at_second is not None and taken_at_second <= shelf.counted_at_second:
        return refuse(Refusal.STALE_COUNT)
    if taken_at_second < second_of(draft.at_ms - policy.late_window_ms):
        return refuse(Refusal.STALE_COUNT)

    # From here on the count stands.
    moved_since = draft.rows.movements_after(draft.sku, shelf.location, taken_at_second)
    difference = counted + moved_since - shelf.on_hand
    correct(shelf, difference)
    shelf.counted_at_second = taken_at_second
    shelf.counted_by = transaction.source
    if abs(difference) > policy.count_tolerance:
        message = f"{draft.sku} at {shelf.location}: the count differs by {difference:+d} units."
        raise_discrepancy(draft, shelf.location, message, difference)
    return accept(difference)

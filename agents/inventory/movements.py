"""Movements and counts: which of the two happened first is judged by whole seconds, not by which arrives first.

A movement that occurred after the last accepted count changes on_hand when it arrives, and is remembered by its
second for a count that was taken before it but arrives later. A movement that occurred at or before the last count
was already seen by whoever counted: it is journalled together with an equal correction, so on_hand stays.
"""

from __future__ import annotations

from agents.inventory.draft import Draft, Shelf
from agents.inventory.postings import Account
from agents.inventory.rows import MOVEMENTS, Movement
from agents.inventory.shrinkage import explain_loss
from agents.inventory.units import second_of


def is_late(draft: Draft, shelf: Shelf) -> bool:
    """Whether this transaction occurred at or before the last count of the place; an equal second is before."""
    return shelf.counted_at_second is not None and second_of(draft.occurred_at_ms) <= shelf.counted_at_second


def settle_movement(draft: Draft, shelf: Shelf, change: int, *, explains: bool = True) -> None:
    """Follow up a movement that changed on_hand by `change` units: correct it away if it is late, else remember it.

    A late one that took units explains what a count had missed, unless it is itself a loss without a cause.
    """
    if change == 0:
        return
    if is_late(draft, shelf):
        correct(shelf, -change)
        if change < 0 and explains:
            explain_loss(draft, shelf, -change)
        return
    second = second_of(draft.occurred_at_ms)
    if second <= second_of(draft.at_ms - draft.policy(shelf.location).late_window_ms):
        return  # No count that reaches back so far will be accepted any more.
    total = draft.rows.movement(draft.sku, shelf.location, second) + change
    draft.changes[MOVEMENTS, (draft.sku, shelf.location, second)] = Movement(total) if total else None


def correct(shelf: Shelf, difference: int, lot: str | None = None) -> None:
    """Post a count's difference, or the correction of a late movement: to unpromised, from found or into shrinkage."""
    if difference > 0:
        shelf.move(Account.FOUND, Account.UNPROMISED, difference, lot=lot)
    else:
        shelf.move(Account.UNPROMISED, Account.SHRINKAGE, -difference, lot=lot)

"""Cycle counts: what was counted, and what moved since, is what is on hand."""

from __future__ import annotations

from agents.inventory.alarms import raise_discrepancy
from agents.inventory.authority import is_authorised
from agents.inventory.cases import RESOLVED, case_at, close_case
from agents.inventory.draft import Draft, Shelf
from agents.inventory.lots import lot_at
from agents.inventory.movements import correct
from agents.inventory.outcomes import Outcome, accept, refuse
from agents.inventory.refusals import Refusal
from agents.inventory.shrinkage import note_loss
from agents.inventory.units import second_of


def count(draft: Draft) -> Outcome:
    """Set on_hand as of the second the count was taken: counted + movements that occurred later and are applied.

    The difference posts to unpromised. Refuses: QUANTITY_NOT_POSITIVE (below zero), UNAUTHORISED, STALE_COUNT (taken
    not later than the last accepted count, or before the late window).
    """
    transaction = draft.transaction
    counted = transaction.quantity or 0
    if counted < 0:
        return refuse(Refusal.QUANTITY_NOT_POSITIVE)
    shelf = draft.shelf(transaction.location or "")
    if transaction.lot is not None:
        return count_lot(draft, shelf, transaction.lot, counted)
    difference = counted + moved_since(draft, shelf) - shelf.on_hand
    refusal = refusal_of_stock_taking(draft, shelf, difference)
    if refusal is not None:
        return refuse(refusal)

    # From here on the count stands.
    take_stock(draft, shelf, difference, "count")
    return accept(difference)


def count_lot(draft: Draft, shelf: Shelf, lot: str, counted: int) -> Outcome:
    """One lot was counted: it has so many units from now on. Of the others it says nothing, so it is no count of the place.

    Units that have left since it was taken are not told apart by lots, so a count of a lot is of the moment it arrives.
    """
    known = lot_at(draft, shelf.location, lot)
    difference = counted - known.quantity - known.quarantined
    correct(shelf, difference, lot)
    if difference:
        message = f"Lot {lot} of {draft.sku} at {shelf.location} differs by {difference:+d} units."
        raise_discrepancy(draft, shelf.location, message, difference)
    return accept(difference)


def moved_since(draft: Draft, shelf: Shelf) -> int:
    """Signed on_hand changes of the place that occurred after this count or snapshot was taken, and are applied."""
    return draft.rows.movements_after(draft.sku, shelf.location, second_of(draft.occurred_at_ms))


def refusal_of_stock_taking(draft: Draft, shelf: Shelf, difference: int) -> Refusal | None:
    """Why a COUNT or SNAPSHOT may not set the stock of the place, or None.

    What a system says that is not believed there changes nothing, but a difference beyond the tolerance opens a case.
    """
    policy = draft.policy(shelf.location)
    taken_at_second = second_of(draft.occurred_at_ms)
    if not is_authorised(draft, shelf, taken_at_second):
        case = case_at(draft, shelf.location)
        told = case is not None and case.quantity == difference
        if abs(difference) > policy.count_tolerance and not told:
            source = draft.transaction.source
            message = (
                f"{draft.sku} at {shelf.location}: {source} differs by {difference:+d} units, but is not believed."
            )
            raise_discrepancy(draft, shelf.location, message, difference)
        return Refusal.UNAUTHORISED
    if shelf.counted_at_second is not None and taken_at_second <= shelf.counted_at_second:
        return Refusal.STALE_COUNT
    if taken_at_second < second_of(draft.at_ms - policy.late_window_ms):
        return Refusal.STALE_COUNT
    return None


def take_stock(draft: Draft, shelf: Shelf, difference: int, what: str) -> None:
    """Post the difference of a count or snapshot, and open or close the case of the place. `what` says which it is."""
    correct(shelf, difference)
    shelf.counted_at_second = second_of(draft.occurred_at_ms)
    shelf.counted_by = draft.transaction.source
    differs = abs(difference) > draft.policy(shelf.location).count_tolerance
    if draft.transaction.reason == RESOLVED and case_at(draft, shelf.location) is not None:
        close_case(draft, shelf.location, f"a {what} that was declared final")
    elif differs:
        message = f"{draft.sku} at {shelf.location}: the {what} differs by {difference:+d} units."
        raise_discrepancy(draft, shelf.location, message, difference)
    else:
        close_case(draft, shelf.location, f"a {what}")
    if differs and difference < 0:
        note_loss(draft, shelf.location, -difference, what)

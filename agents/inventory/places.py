"""What a transaction names: SKU, place, line, quantity; and whether the ledger knows them."""

from __future__ import annotations

from agents.inventory.draft import Draft
from agents.inventory.outcomes import Outcome, refuse
from agents.inventory.refusals import Refusal
from agents.inventory.transactions import Transaction


def refusal_of_name(draft: Draft, location: str | None) -> Outcome | None:
    """UNKNOWN_SKU if no fact of this SKU was ever accepted, UNKNOWN_LOCATION if none at this place; else None."""
    if location is not None and draft.shelf(location).before is not None:
        return None
    if not draft.rows.positions(draft.sku):
        return refuse(Refusal.UNKNOWN_SKU)
    return None if location is None else refuse(Refusal.UNKNOWN_LOCATION)


def place_of(transaction: Transaction) -> str | None:
    """The one place a claim names, or None if it names none."""
    if transaction.location is not None:
        return transaction.location
    return transaction.locations[0] if len(transaction.locations) == 1 else None


def line_of(transaction: Transaction) -> int:
    """The order line of a claim: of its only line, or `line`."""
    return transaction.lines[0].line if transaction.lines else transaction.line


def quantity_of(transaction: Transaction) -> int | None:
    """The units of a claim: of its only line, or `quantity`; None asks for all there is."""
    return transaction.lines[0].quantity if transaction.lines else transaction.quantity

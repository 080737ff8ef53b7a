"""What a transaction names: SKU, place, line, quantity; and whether the ledger knows them."""

from __future__ import annotations

from agents.inventory.draft import Draft
from agents.inventory.outcomes import Outcome, refuse
from agents.inventory.refusals import Refusal
from agents.inventory.transactions import Transaction


def refusal_of_name(draft: Draft, location: str | None) -> Outcome | None:
    """UNKNOWN_SKU if no fact and no reference ever named the SKU, UNKNOWN_LOCATION if none named the place; else None.

    A fact makes a place known for its SKU only, a LOCATION record for all.
    """
    if location is not None and draft.shelf(location).before is not None:
        return None
    if not draft.rows.positions(draft.sku) and draft.goods.item is None:
        return refuse(Refusal.UNKNOWN_SKU)
    if location is None or draft.references.location(location) is not None:
        return None
    return refuse(Refusal.UNKNOWN_LOCATION, location=location)


def refusal_of_names(draft: Draft, locations: tuple[str, ...]) -> Outcome | None:
    """The same for all places that a claim asks for: one unknown place refuses the whole."""
    if not locations:
        return refusal_of_name(draft, None)
    for location in locations:
        unknown = refusal_of_name(draft, location)
        if unknown is not None:
            return unknown
    return None


def places_asked(transaction: Transaction) -> tuple[str, ...]:
    """The places a claim asks for, the first choice first; none leaves the choice to the ledger."""
    if transaction.location is not None:
        return (transaction.location,)
    return transaction.locations if len(transaction.locations) < 2 else tuple(dict.fromkeys(transaction.locations))


def holder_of(transaction: Transaction) -> str:
    """The holder of the claim concerned."""
    return transaction.holder or ""


def lines_of(transaction: Transaction) -> list[tuple[int, int | None]]:
    """(line, units) of the claims concerned, in the order sent; None asks for all there is."""
    if not transaction.lines:
        return [(transaction.line, transaction.quantity)]
    return [(line.line, line.quantity) for line in transaction.lines]

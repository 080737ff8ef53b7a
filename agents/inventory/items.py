"""ITEM: what is known of a SKU apart from its stock: unit, category, whether stock is kept of it, components of a kit.

The category changes which policy rules apply, so levels are told again where the safety stock is another one. A SKU
that is not tracked (a gift card, a service) is always available: its claims and facts are posted as ever, so that the
books close and its demand is known, but nothing is short there: nothing yields, and nobody is alarmed.

The unit is for people and feeds: the ledger counts whole base units (grams, millilitres, pieces) and converts nothing.
"""

from __future__ import annotations

import msgspec

from agents.inventory.alerts import AlertType, Severity
from agents.inventory.draft import Draft
from agents.inventory.outcomes import Outcome, accept
from agents.inventory.transactions import Item


def is_tracked(draft: Draft) -> bool:
    """Whether stock is kept of this SKU. An untracked one is always available, and `unpromised` means nothing."""
    item = draft.goods.item
    return item is None or item.tracked


def set_item(draft: Draft) -> Outcome:
    """Set the reference of the SKU as a whole. It makes the SKU known. Never refused."""
    item = draft.transaction.item
    assert item is not None
    before = draft.goods.item or Item()
    places = sorted(draft.rows.positions(draft.sku))
    withheld = {location: draft.safety_stock(location) for location in places}
    draft.put_goods(msgspec.structs.replace(draft.goods, item=item))
    for location in places:
        # To look at a place is enough for what follows from facts: a SKU that is tracked now may be short there.
        shelf = draft.shelf(location)
        shelf.tell_again = draft.safety_stock(location) != withheld[location] or before.tracked != item.tracked
        if before.unit != item.unit and (shelf.on_hand or shelf.in_transit):
            raise_changed_unit(draft, location, before.unit, item.unit, shelf.on_hand)
    return accept()


def raise_changed_unit(draft: Draft, location: str, old: str, new: str, on_hand: int) -> None:
    """The unit changed while there is stock: its figures now mean something else."""
    message = f"{draft.sku} at {location}: the unit changed from {old} to {new}; {on_hand} on hand was not converted."
    draft.alert(AlertType.OTHER, Severity.WARNING, location, message, on_hand, "Count the place in the new unit.")

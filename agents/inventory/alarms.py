"""What people must hear of: the sentences, and what to do. At most one alert of a type for a place in one decision.

Of a SKU that is not tracked nothing can be short, so nobody is alarmed.
"""

from __future__ import annotations

from agents.inventory.alerts import AlertType, Severity
from agents.inventory.cases import age_text, open_case
from agents.inventory.draft import Draft, Shelf
from agents.inventory.items import is_tracked


def raise_discrepancy(draft: Draft, location: str, message: str, quantity: int, transfer: str | None = None) -> None:
    """The books and the place disagree by `quantity` units: opens a case, or adds to the one that is open there.

    The first reason in a decision stands for the place. `transfer` names the one it is about.
    """
    if not is_tracked(draft):
        return
    for alert in draft.alerts:
        if alert.type is AlertType.DISCREPANCY and alert.location == location:
            return
    message += age_text(draft, open_case(draft, location, quantity, transfer))
    draft.alert(
        AlertType.DISCREPANCY, Severity.WARNING, location, message, quantity, "Count the place, or find the cause."
    )


def raise_oversold(draft: Draft, location: str, quantity: int) -> None:
    """Promises yielded `quantity` units to a fact."""
    message = f"{quantity} promised units of {draft.sku} at {location} are not there and were taken from their holders."
    draft.alert(
        AlertType.OVERSOLD, Severity.CRITICAL, location, message, quantity, "Serve the holders named in the notices."
    )


def raise_unknown(draft: Draft, shelf: Shelf, *, sku_is_known: bool) -> None:
    """A fact named a place, or a SKU, of which nothing was known; the fact has made it known.

    A backfill source tells what was: that its names are new is no news.
    """
    if draft.arrival.backfill:
        return
    if sku_is_known:
        kind, severity = AlertType.UNKNOWN_LOCATION, Severity.WARNING
        message = f"{draft.transaction.kind} was the first to name {shelf.location} for {draft.sku}."
    else:
        kind, severity = AlertType.UNKNOWN_SKU, Severity.INFO
        message = f"{draft.transaction.kind} was the first to name {draft.sku}."
    draft.alert(kind, severity, shelf.location, message, 0, "Check the name, if it is not new.")


def raise_negative(draft: Draft, shelf: Shelf) -> None:
    """The decision ends below zero here, and lower than it began: more left than was known to be there."""
    began = 0 if shelf.before is None else shelf.before.unpromised
    if shelf.unpromised >= 0 or shelf.unpromised >= began or not is_tracked(draft):
        return
    message = f"{draft.sku} at {shelf.location} is at {shelf.unpromised} units: more left than was known to be there."
    raise_discrepancy(draft, shelf.location, message, shelf.unpromised - min(began, 0))
    draft.alert(AlertType.NEGATIVE, Severity.CRITICAL, shelf.location, message, shelf.unpromised, "Count the place.")

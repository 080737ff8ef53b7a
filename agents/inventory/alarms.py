"""What people must hear of: the sentences, and what to do. At most one alert of a type for a place in one decision."""

from __future__ import annotations

from agents.inventory.alerts import AlertType, Severity
from agents.inventory.draft import Draft, Shelf


def raise_discrepancy(draft: Draft, location: str, message: str, quantity: int) -> None:
    """The books and the place disagree by `quantity` units. The first reason in a decision stands for the place."""
    for alert in draft.alerts:
        if alert.type is AlertType.DISCREPANCY and alert.location == location:
            return
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
    """A fact named a place, or a SKU, of which nothing was known; the fact has made it known."""
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
    if shelf.unpromised >= 0 or shelf.unpromised >= began:
        return
    message = f"{draft.sku} at {shelf.location} is at {shelf.unpromised} units: more left than was known to be there."
    raise_discrepancy(draft, shelf.location, message, shelf.unpromised - min(began, 0))
    draft.alert(AlertType.NEGATIVE, Severity.CRITICAL, shelf.location, message, shelf.unpromised, "Count the place.")

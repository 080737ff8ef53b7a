"""What people must hear of: the sentences, and what to do. At most one alert of a type for a place in one decision.

Of a SKU that is not tracked nothing can be short, so nobody is alarmed.
"""

from __future__ import annotations

from agents.inventory.alerts import AlertType, Severity
from agents.inventory.cases import age_text, open_case
from agents.inventory.draft import Draft, Shelf
from agents.inventory.items import is_tracked
from agents.inventory.open_alerts import NOTHING_TO_DO, open_alert
from agents.inventory.transactions import FeedReference
from agents.inventory.units import moment_text


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
    open_alert(draft, AlertType.NEGATIVE, shelf.location)
    draft.alert(AlertType.NEGATIVE, Severity.CRITICAL, shelf.location, message, shelf.unpromised, "Count the place.")


def raise_feed_silent(draft: Draft, feed: FeedReference) -> None:
    """A feed has not been heard for longer than it may be silent."""
    heard = "ever" if feed.since_ms is None else f"since {moment_text(feed.since_ms)}"
    message = f"Feed {feed.feed} has not been heard {heard}. {places_text(feed)}"
    action = "Find out why; where policy says so its stock is not promised until it speaks again."
    draft.alert(AlertType.FEED_SILENT, Severity.CRITICAL, None, message, len(feed.locations), action, subject=feed.feed)


def resolve_feed_silent(draft: Draft, feed: FeedReference) -> None:
    """The feed speaks again."""
    since = "" if feed.since_ms is None else f", since {moment_text(feed.since_ms)}"
    message = f"Feed {feed.feed} speaks again{since}. {places_text(feed)}"
    resolves = AlertType.FEED_SILENT
    draft.alert(
        AlertType.RESOLVED, Severity.INFO, None, message, 0, NOTHING_TO_DO, resolves=resolves, subject=feed.feed
    )


def places_text(feed: FeedReference) -> str:
    """The places that a feed reports, as a sentence."""
    if not feed.locations:
        return "No place is declared for it."
    return f"It reports {', '.join(feed.locations)}."

"""LOW and OUT: a place has few units of a SKU to promise, or none any more.

    out    atp falls to 0 or below, from above
    low    atp is at `low_at` or below, and above 0; until it is above `low_until`

Only where policy says so (`stock_alerts`: `out`, or `low` for both). The edges of channels.py tell channels the same of
what they may promise; this tells people of one place. At most one of the two is open at a place: a place that runs out
is not low any more, and one that is filled up a little after it ran out is low. A backfill source tells what was: it
opens no alert. A place that never had anything is not out.
"""

from __future__ import annotations

from agents.inventory.alerts import AlertType, Severity
from agents.inventory.draft import Draft
from agents.inventory.items import is_tracked
from agents.inventory.open_alerts import close_alert, is_open, open_alert
from agents.inventory.policy import Policy
from agents.inventory.transactions import Kind

NO_ALERTS = "none"
LOW_TOO = "low"


def watch_stock(draft: Draft) -> None:
    """Look at the places that the decision has touched; at all of them where it follows from a change of rules."""
    places = draft.rows.positions(draft.sku) if draft.transaction.kind is Kind.REFRESH else draft.shelves
    for location in sorted(places):
        shelf = draft.shelf(location)
        if shelf.before is not None or shelf.created:
            look_at(draft, location)


def look_at(draft: Draft, location: str) -> None:
    """Say what has become of the stock of one place."""
    policy = draft.policy(location)
    if policy.stock_alerts == NO_ALERTS and not draft.goods.open_alerts:
        return
    shelf = draft.shelf(location)
    atp = shelf.unpromised - draft.safety_stock(location)
    told = told_of(draft, location)
    had = shelf.before is not None and shelf.before.unpromised > shelf.before.safety_stock
    state = state_of(policy, atp, told, had=had) if is_tracked(draft) else None
    if draft.arrival.backfill and told is None:
        return
    if state is told:
        return
    if told is not None:
        close_alert(draft, told, location, None, sentence_of(draft, location, atp))
    if state is not None:
        say(draft, state, location, atp, policy)


def told_of(draft: Draft, location: str) -> AlertType | None:
    """Which of the two is open there."""
    return next((kind for kind in (AlertType.OUT, AlertType.LOW) if is_open(draft, kind, location)), None)


def state_of(policy: Policy, atp: int, told: AlertType | None, *, had: bool) -> AlertType | None:
    """What is so there. `had`: there was something to promise before the decision."""
    if policy.stock_alerts == NO_ALERTS:
        return None
    if atp <= 0:
        return AlertType.OUT if had or told is not None else None
    if policy.stock_alerts != LOW_TOO:
        return None
    low_until = max(policy.low_at, policy.low_until)
    if atp <= policy.low_at or (told is not None and atp <= low_until):
        return AlertType.LOW
    return None


def sentence_of(draft: Draft, location: str, atp: int) -> str:
    """How it stands there, for what is over."""
    if atp <= 0:
        return f"{draft.sku} at {location} has nothing left to promise."
    return f"{draft.sku} at {location} has {atp} units to promise."


def say(draft: Draft, state: AlertType, location: str, atp: int, policy: Policy) -> None:
    """Open one of the two."""
    open_alert(draft, state, location)
    if state is AlertType.OUT:
        message = f"{draft.sku} at {location} has nothing left to promise."
        draft.alert(state, Severity.WARNING, location, message, atp, "Bring more, or sell from elsewhere.")
    else:
        message = f"{draft.sku} at {location} has {atp} units left to promise; {policy.low_at} are few."
        draft.alert(state, Severity.INFO, location, message, atp, "Bring more before it runs out.")

"""What people must hear of an order: that it is stuck, or that its promise is at risk; and when that is over.

Each is said once and is open until it is over: which are open stands in the order. STUCK_ORDER is over when the ledger
has answered, SLA_AT_RISK when the order has left, was given up, or has another promise.

What the channel's service level costs for each day late (`late_penalty` of its CHANNEL record, in hundredths of
`orders.currency`) is the penalty that is named; a channel without one names none.
"""

from __future__ import annotations

from agents.inventory.alerts import AlertType, Severity
from agents.inventory.orders.desk import Desk
from agents.inventory.orders.rows import OVER
from agents.inventory.units import moment_text

NOTHING_TO_DO = "Nothing; it is for your information."


def raise_stuck(desk: Desk) -> None:
    """The ledger has not answered for long. Whatever is held expires by itself; a person must look."""
    if not begins(desk, AlertType.STUCK_ORDER):
        return
    desk.alert(
        Severity.CRITICAL,
        f"Order {desk.order_id} has waited {desk.policy.answer_patience_ms} ms for an answer of the ledger.",
        "Look at the stock keeper: is it running, is a partition parked, is there a dead letter of this order?",
    )


def raise_at_risk(desk: Desk, open_units: int) -> None:
    """The promise is near, and so many units have not left: by when they must, and what it costs if they do not."""
    order, policy = desk.standing, desk.policy
    if order.promise_by_ms is None or open_units == 0 or not begins(desk, AlertType.SLA_AT_RISK):
        return
    channel = desk.references.channel(order.channel or "")
    penalty = None if channel is None else channel.late_penalty
    message = (
        f"{open_units} units of order {desk.order_id} have not left; promised by {moment_text(order.promise_by_ms)}."
    )
    if penalty is not None:
        money = f"{penalty // 100}.{penalty % 100:02d}" + ("" if policy.currency is None else f" {policy.currency}")
        message += f" Each day late costs {money}."
    desk.alert(
        Severity.CRITICAL if desk.at_ms >= order.promise_by_ms else Severity.WARNING,
        message,
        "Send it first; if it cannot be in time, tell the customer and report DELAYED.",
        type_=AlertType.SLA_AT_RISK,
        quantity=open_units,
        deadline_ms=order.promise_by_ms,
        penalty_minor_units=penalty,
        currency=None if penalty is None else policy.currency,
    )


def begins(desk: Desk, type_: AlertType) -> bool:
    """Note that an alert is open; whether it was not before."""
    is_new = type_.value not in desk.standing.open_alerts
    if is_new:
        desk.put(open_alerts=(*desk.standing.open_alerts, type_.value))
    return is_new


def close_what_is_over(desk: Desk) -> None:
    """Say of each open alert that is over that it is."""
    for name in desk.standing.open_alerts:
        how = how_it_ended(desk, AlertType(name))
        if how is not None:
            left = tuple([each for each in desk.standing.open_alerts if each != name])
            desk.put(open_alerts=left)
            resolves = AlertType(name)
            desk.alert(Severity.INFO, how, NOTHING_TO_DO, type_=AlertType.RESOLVED, resolves=resolves)


def how_it_ended(desk: Desk, type_: AlertType) -> str | None:
    """What is so now, where an open alert is over."""
    order = desk.standing
    if order.stage in OVER:
        return f"Order {desk.order_id} is {order.stage}."
    if type_ is AlertType.STUCK_ORDER and order.asked_at_ms is None:
        return f"Order {desk.order_id} goes on: the ledger has answered."
    if type_ is AlertType.SLA_AT_RISK and not order.warned:
        return f"Order {desk.order_id} has another promise."
    return None

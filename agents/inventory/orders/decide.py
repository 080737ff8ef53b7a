"""The decision about one record of one order. Pure; the way in to the order router's core.

`(rows, record, policy) -> (new rows, transactions to the ledger, routing, status)`. The same log always gives the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from agents.inventory.capacity import is_capacity
from agents.inventory.hours import collected_by_ms
from agents.inventory.orders import alarms, basket, forward, fulfilment, hurrying, overflow, slots
from agents.inventory.orders.desk import Desk
from agents.inventory.orders.rows import (
    OVER,
    Key,
    Line,
    Order,
    OrderArrival,
    OrderDecision,
    OrderPolicy,
    OrderRow,
    OrderRows,
    Stage,
)
from agents.inventory.orders.words import REFERENCE_KINDS, SYSTEM_KINDS, OrderKind, OrderRecord, RoutingType
from agents.inventory.rows import CHANNELS, LOCATIONS

MOST_SEEN = 200
"""Records of one order that are recognised when they come again; an order has a few dozen."""

Rule = Callable[[Desk], "str | None"]
"""Applies a record to the order; says why it had no effect, where it had none."""


def decide_order(rows: OrderRows, arrival: OrderArrival, policy: OrderPolicy) -> OrderDecision:
    """Decide one record. Changes nothing; the same rows and arrival always give the same decision."""
    record = arrival.record
    if record.kind in REFERENCE_KINDS:
        return OrderDecision(reference_rows(record))
    desk = Desk(rows, arrival, policy)
    if record.kind is OrderKind.PLACED:
        ignored = place(desk)
    elif desk.order is None:
        ignored = "no such order is known"
    else:
        ignored = apply(desk)
    if desk.order is not None and ignored is None:
        if record.kind not in SYSTEM_KINDS:
            remember(desk)
        if desk.order is not None:
            if desk.order.slots and desk.order.stage is Stage.CONFIRMED:
                slots.follow(desk)
            schedule(desk)
            if desk.standing.open_alerts:
                alarms.close_what_is_over(desk)
    return desk.finish(ignored)


def reference_rows(record: OrderRecord) -> dict[tuple[str, Key], OrderRow | None]:
    """What is so of a place or a channel from now on: orders meet it when they are looked at next."""
    location, channel = record.location_reference, record.channel_reference
    rows: dict[tuple[str, Key], OrderRow | None] = {}
    if location is not None:
        rows[LOCATIONS, (location.location,)] = location
    if channel is not None:
        rows[CHANNELS, (channel.channel,)] = channel
    return rows


def place(desk: Desk) -> str | None:
    """A new order."""
    if desk.order is not None:
        return "the order is known already; a change of it is CHANGED"
    if is_too_late(desk):
        record = desk.record
        desk.dead_letter = (
            f"{record.kind} {record.record_id} of {record.source} was refused: too_late, it occurred longer ago than orders "
            f"that are over are remembered ({desk.policy.keep_ms} ms)"
        )
        return "it is too late"
    basket.place(desk)
    return None


def is_too_late(desk: Desk) -> bool:
    """Whether it was placed before orders of its time were forgotten: it may be a repeat that nobody recognises."""
    occurred_at_ms = desk.record.occurred_at_ms
    return occurred_at_ms is not None and occurred_at_ms < desk.at_ms - desk.policy.keep_ms


def apply(desk: Desk) -> str | None:
    """A record about an order that is known."""
    record, order = desk.record, desk.standing
    if record.kind not in SYSTEM_KINDS and seen_as(desk) in order.seen:
        return "the same record came before"
    if record.kind is OrderKind.WAKE:
        return wake(desk)
    if record.kind is OrderKind.ANSWER:
        # Also of an order that is over: what was on its way may have opened a claim.
        return hear(desk) if order.stage not in OVER else "the order is over"
    if order.stage in OVER:
        return f"the order is {order.stage}"
    return RULES[record.kind](desk)


def hear(desk: Desk) -> str | None:
    """What the ledger said: of a shipment in the day of a place, or of goods."""
    answer = desk.record.answer
    if answer is not None and is_capacity(answer.sku):
        return overflow.hear(desk)
    ignored = forward.hear(desk)
    if ignored is None and desk.standing.stage is Stage.CONFIRMED:
        # The last that was still to come cannot be had.
        fulfilment.close_if_done(desk)
    return ignored


def nothing_to_do(_desk: Desk) -> str | None:
    """It is told, and changes no stock."""
    return None


RULES: Mapping[OrderKind, Rule] = MappingProxyType(
    {
        OrderKind.PLAN: basket.follow_plan,
        OrderKind.CHANGED: fulfilment.revise,
        OrderKind.CANCELLED: fulfilment.cancel,
        OrderKind.PAID: fulfilment.pay,
        OrderKind.PICKED: fulfilment.pick,
        OrderKind.PICKED_SHORT: fulfilment.pick_short,
        OrderKind.PACKED: nothing_to_do,
        OrderKind.READY: fulfilment.make_ready,
        OrderKind.COLLECTED: fulfilment.leave,
        OrderKind.SHIPPED: fulfilment.leave,
        OrderKind.DELAYED: fulfilment.delay,
    }
)


def seen_as(desk: Desk) -> str:
    """How a record is remembered."""
    return f"{desk.record.source}/{desk.record.record_id}"


def remember(desk: Desk) -> None:
    """The same record again will have no effect."""
    desk.put(seen=(*desk.standing.seen, seen_as(desk))[-MOST_SEEN:])


# -- time --------------------------------------------------------------------------------------------------------------


def wake(desk: Desk) -> str | None:
    """Something was due: look at what it is."""
    order = desk.standing
    if order.due_ms is None or order.due_ms > desk.at_ms:
        return "nothing of it is due"
    if order.stage in OVER:
        desk.order = None
    elif order.stage is Stage.PLANNING:
        basket.reserve_all(desk, {})
    elif order.asked_at_ms is not None:
        stuck(desk)
    elif order.stage is Stage.RESERVED:
        wait_for_payment(desk)
    elif order.ready_at_ms is not None and desk.at_ms >= collected_by(desk, order, order.ready_at_ms):
        fulfilment.cancel_lines(desk, [line for line in order.lines if line.ready], "uncollected")
        if desk.standing.stage is Stage.CONFIRMED:
            desk.put(ready_at_ms=None)
    elif (
        order.promise_by_ms is not None
        and not order.warned
        and desk.at_ms >= order.promise_by_ms - desk.policy.promise_margin_ms
    ):
        warn(desk)
    # Else the store has other hours than when this was set: it is looked at again when they end.
    return None


def stuck(desk: Desk) -> None:
    """The ledger has not answered for long: people hear of it, once, and patience begins anew."""
    alarms.raise_stuck(desk)
    desk.put(asked_at_ms=desk.at_ms)


def wait_for_payment(desk: Desk) -> None:
    """Unpaid for too long: give it up. Else hold it longer."""
    if desk.at_ms >= desk.standing.pay_by_ms:
        fulfilment.cancel_lines(desk, list(desk.standing.lines), "unpaid")
    else:
        basket.extend_all(desk)


def warn(desk: Desk) -> None:
    """The promise is near and goods are still here: say so once, for each line, and to people for all of them."""
    desk.put(warned=True)
    for line in desk.standing.lines:
        open_units = units_open(line)
        if open_units > 0:
            desk.say(RoutingType.SLA_AT_RISK, line, open_units, "promise_near")
    alarms.raise_at_risk(desk, sum([max(0, units_open(line)) for line in desk.standing.lines]))
    hurrying.hurry(desk)


def units_open(line: Line) -> int:
    """Units of a line that have not left and are still wanted."""
    return line.quantity - line.shipped - line.cancelled - line.unfillable


def schedule(desk: Desk) -> None:
    """Set when the order must be looked at next."""
    order = desk.standing
    asks = any(part.asked for _, part in desk.parts()) or slots.is_awaited(order)
    asked_at_ms = (order.asked_at_ms or desk.at_ms) if asks else None
    if desk.before is not None and order.asked_at_ms == desk.before.asked_at_ms and asks and spoke(desk):
        asked_at_ms = desk.at_ms
    desk.put(asked_at_ms=asked_at_ms)
    desk.put(due_ms=next_look(desk, desk.standing))


def spoke(desk: Desk) -> bool:
    """Whether the ledger has just said something of the order: it is alive, so patience begins anew."""
    return desk.record.kind is OrderKind.ANSWER


def collected_by(desk: Desk, order: Order, ready_at_ms: int) -> int:
    """Until when an order that is ready may be collected, by the hours that the store has now."""
    store = desk.references.location(order.pickup_location or "")
    return collected_by_ms(store, ready_at_ms, desk.policy.pickup_window_ms)


def next_look(desk: Desk, order: Order) -> int | None:
    """When something of the order is due; None where nothing is."""
    policy = desk.policy
    if order.stage in OVER:
        # A clock that runs ahead must not let the order be forgotten while its time is not yet too late.
        return max(desk.at_ms, order.occurred_at_ms) + policy.keep_ms
    if order.stage is Stage.PLANNING:
        return desk.at_ms + policy.plan_patience_ms
    if order.asked_at_ms is not None:
        return order.asked_at_ms + policy.answer_patience_ms
    if order.stage is Stage.RESERVED:
        ends = [part.due_ms - policy.confirm_margin_ms for _, part in desk.parts() if part.due_ms is not None]
        return min([order.pay_by_ms, *ends])
    dates: list[int] = []
    if order.ready_at_ms is not None:
        dates.append(collected_by(desk, order, order.ready_at_ms))
    if order.promise_by_ms is not None and not order.warned:
        dates.append(order.promise_by_ms - policy.promise_margin_ms)
    return min(dates, default=None)

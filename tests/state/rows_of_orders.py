"""A row of each table that only the order router keeps, every field away from its default."""

from __future__ import annotations

from agents.inventory.channels import Method
from agents.inventory.orders import rows as names
from agents.inventory.orders.rows import Asked, Line, Order, OrderDue, Part, Slot, Stage
from agents.inventory.orders.words import Place
from agents.inventory.transactions import Destination

NOON_MS = 1_790_000_000_000
PART = Part(
    10_002,
    7,
    reserved=(Place("LEEDS", 1),),
    allocated=(Place("YORK", 2),),
    backordered=3,
    due_ms=NOON_MS + 1,
    asked=Asked.EXTEND,
    operation=4,
    refused="insufficient_atp",
    from_location="HULL",
    reason="short_pick",
    leaving=((5, 1, "YORK"),),
)
LINE = Line(2, "SHOE-é", 12, parts=(PART,), picked=1, shipped=2, cancelled=3, unfillable=4, ready=True, reason="late")
SLOT = Slot("LEEDS", "2026-11-22", True, NOON_MS + 2, Asked.RESERVE, 6, True, True, 1)
ORDER = Order(
    (LINE,),
    Stage.CONFIRMED,
    placed_at_ms=NOON_MS,
    channel="web",
    method=Method.PICKUP,
    pickup_location="LEEDS",
    destination=Destination("GB", "LS1", 538, -15),
    promise_by_ms=NOON_MS + 3,
    priority=1,
    partial=True,
    max_splits=2,
    paid=True,
    pay_by_ms=NOON_MS + 4,
    attempt=3,
    operations=5,
    due_ms=NOON_MS + 5,
    reason="unpaid",
    warned=True,
    asked_at_ms=NOON_MS + 6,
    ready_at_ms=NOON_MS + 7,
    seen=("shop/r-1",),
    occurred_at_ms=NOON_MS - 1,
    slots=(SLOT,),
    avoid=("BATH",),
    any_day=True,
    open_alerts=("ORDER_STUCK",),
)
GOLDEN_ROWS: dict[str, tuple[str, tuple[str | int, ...], object]] = {
    "order": (names.ORDERS, ("o-é",), ORDER),
    "order_due": (names.ORDERS_DUE, (NOON_MS, "o-é"), OrderDue()),
}

"""What people hear of an order: once, with figures, and that it is over."""

from __future__ import annotations

from typing import cast

from agents.inventory.alerts import Alert, AlertType, Severity
from agents.inventory.answers import Answer, Status
from agents.inventory.channels import NO_REFERENCES, References
from agents.inventory.orders.decide import decide_order
from agents.inventory.orders.rows import ORDERS, Order, OrderArrival, OrderDecision, OrderPolicy
from agents.inventory.orders.words import OrderedLine, OrderKind, OrderRecord, answer_record
from agents.inventory.refusals import Refusal
from agents.inventory.transactions import ORDER_ROUTER, ChannelReference, Kind
from tests.inventory.orders.world import World


class Kept:
    """The one order, as the decisions left it."""

    def __init__(self) -> None:
        self.kept: Order | None = None
        self.heard = 0

    def order(self, order_id: str) -> Order | None:
        """See `OrderRows.order`."""
        return self.kept

    def references(self) -> References:
        """See `OrderRows.references`."""
        return NO_REFERENCES

    def hear(self, record: OrderRecord, at_ms: int, policy: OrderPolicy) -> OrderDecision:
        """Decide a record, and keep what became of the order."""
        self.heard += 1
        decision = decide_order(self, OrderArrival(record, f"orders.v1-0-{self.heard}", at_ms), policy)
        self.kept = cast("Order | None", decision.changes.get((ORDERS, ("o1",)), self.kept))
        return decision


def alerts_of(world: World) -> list[Alert]:
    """What the router alerted people to."""
    return [alert for decided in world.heard for alert in decided.decision.alerts]


def test_a_promise_at_risk_names_deadline_and_money_once_and_is_over_when_the_order_has_left() -> None:
    world = World(3, OrderPolicy(currency="GBP"))
    world.refer(ChannelReference("web", late_penalty=250))
    world.fact(Kind.RECEIPT, "SHOE", "LEEDS", 5)
    world.run()
    promise_ms = world.now_ms + 5 * 3_600_000
    world.place("o1", {1: ("SHOE", 2)}, paid=True, promise_by_ms=promise_ms, channel="web")
    world.run()
    world.pass_time(2 * 3_600_000)
    (alert,) = alerts_of(world)
    assert (alert.type, alert.severity, alert.subject) == (AlertType.SLA_AT_RISK, Severity.WARNING, "o1")
    assert (alert.quantity, alert.deadline_ms, alert.penalty_minor_units, alert.currency) == (2, promise_ms, 250, "GBP")
    assert alert.message.endswith("Each day late costs 2.50 GBP.")
    world.pass_time(2 * 3_600_000)
    assert len(alerts_of(world)) == 1
    world.tell(OrderKind.SHIPPED, "o1")
    world.run()
    over = alerts_of(world)[-1]
    assert (over.type, over.resolves, over.subject) == (AlertType.RESOLVED, AlertType.SLA_AT_RISK, "o1")
    assert len(alerts_of(world)) == 2


def test_an_order_that_waits_for_the_ledger_too_long_is_stuck_once_until_it_is_answered() -> None:
    policy, rows = OrderPolicy(), Kept()
    placed = OrderRecord(
        record_id="r1",
        source="shop",
        kind=OrderKind.PLACED,
        order_id="o1",
        lines=(OrderedLine(1, "SHOE", 1),),
        paid=True,
    )
    rows.hear(placed, 0, policy)
    wake = OrderRecord(record_id="wake", source="onhand", kind=OrderKind.WAKE, order_id="o1")
    patience = policy.answer_patience_ms
    stuck = [alert for turn in range(1, 4) for alert in rows.hear(wake, turn * patience, policy).alerts]
    assert [alert.type for alert in stuck] == [AlertType.STUCK_ORDER]
    answer = Answer(
        event_id="t-0-1-0",
        status=Status.REFUSED,
        transaction_id="o1.1",
        source=ORDER_ROUTER,
        sku="SHOE",
        kind=Kind.RESERVE,
        at_ms=4 * patience,
        refusal=Refusal.UNKNOWN_SKU,
        holder="o1",
        line=1,
        order_id="o1",
        routed=True,
    )
    said = rows.hear(answer_record("o1", answer), 4 * patience, policy).alerts
    assert [(alert.type, alert.resolves) for alert in said] == [(AlertType.RESOLVED, AlertType.STUCK_ORDER)]

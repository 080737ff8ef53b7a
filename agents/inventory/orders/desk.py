"""The working sheet of one decision about an order: the order as it becomes, what is sent, what is said."""

from __future__ import annotations

from typing import Any

import msgspec

from agents.inventory.alerts import Alert, AlertType, Severity
from agents.inventory.orders.rows import (
    LINES_APART,
    ORDERS,
    ORDERS_DUE,
    Asked,
    Key,
    Line,
    Order,
    OrderArrival,
    OrderDecision,
    OrderDue,
    OrderPolicy,
    OrderRow,
    OrderRows,
    Part,
    firm_places,
    state_of,
)
from agents.inventory.orders.words import LineStatus, OrderStatus, Place, Routing, RoutingType
from agents.inventory.transactions import ORDER_ROUTER, Kind, Transaction

DUE_ROW = OrderDue()


class Desk:
    """What one decision reads and what it is about to do. Lives for one decision."""

    def __init__(self, rows: OrderRows, arrival: OrderArrival, policy: OrderPolicy) -> None:
        self.record = arrival.record
        self.at_ms = arrival.at_ms
        self.policy = policy
        self.order_id = arrival.record.order_id
        self.before = rows.order(self.order_id)
        self.references = rows.references()
        """Of places and channels, as the log has said by now."""
        self.order: Order | None = self.before
        self.transactions: list[Transaction] = []
        self.routings: list[Routing] = []
        self.alerts: list[Alert] = []
        self.dead_letter: str | None = None
        self._cause = arrival.cause
        self._events = 0

    # -- the order -----------------------------------------------------------------------------------------------

    @property
    def standing(self) -> Order:
        """The order, where there is one."""
        assert self.order is not None
        return self.order

    def put(self, **fields: Any) -> None:
        """Change fields of the order."""
        self.order = msgspec.structs.replace(self.standing, **fields)

    def line(self, number: int) -> Line | None:
        """One line of the order."""
        return next((line for line in self.standing.lines if line.line == number), None)

    def put_line(self, line: Line) -> None:
        """Set a line in its place."""
        self.put(lines=tuple([line if each.line == line.line else each for each in self.standing.lines]))

    def put_part(self, number: int, part: Part) -> None:
        """Set a part of a line: in place of the one with its claim, or behind all others."""
        line = self.line(number)
        assert line is not None
        known = any(each.claim_line == part.claim_line for each in line.parts)
        parts = tuple([part if each.claim_line == part.claim_line else each for each in line.parts])
        self.put_line(msgspec.structs.replace(line, parts=parts if known else (*parts, part)))

    def parts(self) -> list[tuple[Line, Part]]:
        """All parts of all lines, in their order."""
        return [(line, part) for line in self.standing.lines for part in line.parts]

    def part_of_claim(self, claim_line: int) -> tuple[Line, Part] | None:
        """The part that is this claim of the ledger."""
        return next(((line, part) for line, part in self.parts() if part.claim_line == claim_line), None)

    def part(self, claim_line: int) -> Part:
        """The part that is this claim, as it is by now. It must be there."""
        found = self.part_of_claim(claim_line)
        assert found is not None
        return found[1]

    # -- to the ledger -------------------------------------------------------------------------------------------

    def next_operation(self) -> int:
        """The number of the next transaction."""
        self.put(operations=self.standing.operations + 1)
        return self.standing.operations

    def send(self, kind: Kind, sku: str, operation: int, **fields: Any) -> None:
        """Send a transaction to the ledger under the order's id and number."""
        self.transactions.append(
            Transaction(
                transaction_id=f"{self.order_id}.{operation}",
                source=ORDER_ROUTER,
                kind=kind,
                sku=sku,
                order_id=self.order_id,
                **({"holder": self.order_id, "channel": self.standing.channel} | fields),
            )
        )

    def ask(self, asked: Asked, number: int, part: Part, operation: int) -> None:
        """Remember what was asked for a part, until it is answered."""
        self.put_part(number, msgspec.structs.replace(part, asked=asked, operation=operation, refused=None))

    # -- said ----------------------------------------------------------------------------------------------------

    def say(self, type_: RoutingType, line: Line, quantity: int, reason: str | None = None, **fields: Any) -> None:
        """Say what was decided about a line."""
        now = self.line(line.line) or line
        self.routings.append(
            Routing(
                event_id=self._next_event_id(),
                type=type_,
                order_id=self.order_id,
                line=line.line,
                sku=line.sku,
                quantity=quantity,
                at_ms=self.at_ms,
                places=places_of(now),
                reason=reason,
                channel=self.standing.channel,
                method=self.standing.method,
                ordered=now.quantity,
                placed_at_ms=self.standing.placed_at_ms,
                **fields,
            )
        )

    def alert(
        self,
        severity: Severity,
        message: str,
        action: str,
        *,
        type_: AlertType = AlertType.STUCK_ORDER,
        **fields: Any,
    ) -> None:
        """Raise an alert about this order."""
        self.alerts.append(
            Alert(
                event_id=self._next_event_id(),
                type=type_,
                severity=severity,
                subject=self.order_id,
                message=message,
                at_ms=self.at_ms,
                action=action,
                **fields,
            )
        )

    def _next_event_id(self) -> str:
        number = self._events
        self._events += 1
        return f"{self._cause}-{number}"

    # -- done ----------------------------------------------------------------------------------------------------

    def finish(self, ignored: str | None = None) -> OrderDecision:
        """Hand everything over."""
        changes: dict[tuple[str, Key], OrderRow | None] = {}
        order = self.order
        if order is not self.before:
            changes[ORDERS, (self.order_id,)] = order
        old_due = None if self.before is None else self.before.due_ms
        due = None if order is None else order.due_ms
        if old_due != due:
            if old_due is not None:
                changes[ORDERS_DUE, (old_due, self.order_id)] = None
            if due is not None:
                changes[ORDERS_DUE, (due, self.order_id)] = DUE_ROW
        status = None if order is None or order == self.before else self._status(order)
        return OrderDecision(
            changes,
            tuple(self.transactions),
            tuple(self.routings),
            status,
            tuple(self.alerts),
            ignored,
            self.dead_letter,
        )

    def _status(self, order: Order) -> OrderStatus:
        return OrderStatus(
            event_id=self._next_event_id(),
            order_id=self.order_id,
            stage=order.stage.value,
            at_ms=self.at_ms,
            lines=tuple([status_of(order, line) for line in order.lines]),
            channel=order.channel,
            method=order.method,
            promise_by_ms=order.promise_by_ms,
            placed_at_ms=order.placed_at_ms,
        )


def status_of(order: Order, line: Line) -> LineStatus:
    """How a line stands."""
    return LineStatus(
        line=line.line,
        sku=line.sku,
        quantity=line.quantity,
        state=state_of(order, line),
        places=places_of(line),
        backordered=sum([part.backordered for part in line.parts]),
        shipped=line.shipped,
        reason=line.reason or order.reason,
    )


def places_of(line: Line) -> tuple[Place, ...]:
    """Where the line's units are, firm ones or, while nothing is firm, held ones; by the order of its parts."""
    firm = any(part.allocated for part in line.parts)
    found: dict[str, int] = {}
    for part in line.parts:
        for place in firm_places(part) if firm else part.reserved:
            found[place.location] = found.get(place.location, 0) + place.quantity
    return tuple([Place(location, quantity) for location, quantity in found.items() if quantity])


def next_claim_line(line: Line) -> int:
    """The claim of the line's next part."""
    return line.line + LINES_APART * len(line.parts)

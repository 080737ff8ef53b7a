"""What shopper and warehouse do next with an order. They know of it what its status says, and no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from agents.inventory.channels import Method
from agents.inventory.orders.rows import OVER, Stage
from agents.inventory.orders.words import LineStanding, LineStatus, OrderKind, OrderRecord, OrderStatus
from tools.order_day.day import SHOP, Course

FINAL = frozenset(stage.value for stage in OVER)
ROUTED = FINAL | {Stage.CONFIRMED.value, Stage.RESERVED.value}
"""Stages in which it is said what becomes of the order, as far as it is paid."""
OPEN_LINES = frozenset({LineStanding.PLANNING, LineStanding.RESERVING, LineStanding.RESERVED})


class Following:
    """One order as shopper and warehouse see it."""

    __slots__ = (
        "_course",
        "_is_pickup",
        "_order_id",
        "_records",
        "_shipped_before",
        "_short",
        "_told",
        "is_routed",
        "status",
    )

    def __init__(self, placed: OrderRecord, course: Course) -> None:
        self.status: OrderStatus | None = None
        self.is_routed = False
        """Whether it was said once what becomes of it."""
        self._order_id = placed.order_id
        self._is_pickup = placed.method is Method.PICKUP
        self._course = course
        self._told: frozenset[OrderKind] = frozenset()
        self._records = 0
        self._shipped_before = -1
        self._short: LineStatus | None = None
        """The line of which too few were found, as it was then: statuses that show it so are older."""

    @property
    def is_final(self) -> bool:
        """Whether nothing can become of it any more."""
        return self.status is not None and self.status.stage in FINAL

    def hear(self, status: OrderStatus, *, is_evening: bool) -> Iterator[OrderRecord]:
        """What is done when this status is heard."""
        self.status = status
        self.is_routed = self.is_routed or status.stage in ROUTED
        if is_evening:
            yield from self.tidy_up()
        if status.stage == Stage.RESERVED and self._course.pays and OrderKind.PAID not in self._told:
            yield self._tell(OrderKind.PAID)
        elif status.stage == Stage.CONFIRMED and OrderKind.CANCELLED not in self._told:
            yield from self._fulfil(status)

    def cancel_at_once(self) -> Iterator[OrderRecord]:
        """Second thoughts, right after it was placed."""
        if self._course.cancels_at_once:
            yield self._tell(OrderKind.CANCELLED)

    def tidy_up(self) -> Iterator[OrderRecord]:
        """In the evening: what was not paid, not collected, or is still waited for, is given up; what is there, leaves.

        What became firm after the goods had left, as they were known then, lies there still.
        """
        status = self.status
        if status is None or OrderKind.CANCELLED in self._told:
            return
        unpaid = status.stage == Stage.RESERVED and not self._course.pays
        if unpaid or (status.stage == Stage.CONFIRMED and not self._course.collects and is_told_of(status)):
            yield self._tell(OrderKind.CANCELLED, reason="unpaid" if unpaid else "uncollected")
        elif status.stage == Stage.CONFIRMED and is_told_of(status):
            for line in status.lines:
                if line.backordered and not line.places:
                    yield self._tell(OrderKind.CANCELLED, line=line.line, reason="not delivered today", again=True)
            if any(line.places for line in status.lines):
                self._shipped_before = -1
                yield from self._hand_over(status)

    def _fulfil(self, status: OrderStatus) -> Iterator[OrderRecord]:
        if self._course.cancels_later and not self._told:
            yield self._tell(OrderKind.CANCELLED)
            return
        there = [line for line in status.lines if line.places]
        if not there or not is_told_of(status) or self._is_old(status):
            return
        if self._course.is_short and OrderKind.PICKED_SHORT not in self._told:
            self._short, place = there[0], there[0].places[0]
            yield self._tell(
                OrderKind.PICKED_SHORT, line=there[0].line, location=place.location, quantity=place.quantity // 2
            )
        elif self._course.is_picked and OrderKind.PICKED not in self._told:
            yield self._tell(OrderKind.PICKED)
        elif self._is_pickup and OrderKind.READY not in self._told:
            yield self._tell(OrderKind.READY)
        elif self._course.collects:
            yield from self._hand_over(status)

    def _is_old(self, status: OrderStatus) -> bool:
        """Whether it was said before it was heard that too few were found."""
        short = self._short
        return short is not None and any(
            line.line == short.line and line.places == short.places and line.shipped == short.shipped
            for line in status.lines
        )

    def _hand_over(self, status: OrderStatus) -> Iterator[OrderRecord]:
        """The goods leave: once for each time that there are some, though statuses may be older than what was told."""
        shipped = sum(line.shipped for line in status.lines)
        if shipped > self._shipped_before:
            self._shipped_before = shipped
            yield self._tell(OrderKind.COLLECTED if self._is_pickup else OrderKind.SHIPPED)

    def _tell(self, kind: OrderKind, *, again: bool = False, **fields: Any) -> OrderRecord:
        if not again:
            self._told |= {kind}
        self._records += 1
        return OrderRecord(
            record_id=f"{kind.value.lower()}-{self._records}",
            source=SHOP,
            kind=kind,
            order_id=self._order_id,
            **fields,
        )


def is_told_of(status: OrderStatus) -> bool:
    """Whether of each unit that is still wanted it is said where it comes from, that it is awaited, or cannot be had."""
    return all(line.state not in OPEN_LINES and is_accounted_for(line) for line in status.lines)


def is_accounted_for(line: LineStatus) -> bool:
    """Whether all units are somewhere; a line of which some cannot be had says why."""
    known = line.shipped + line.backordered + sum(place.quantity for place in line.places)
    return known >= line.quantity or line.reason is not None

"""What became of the demo's orders, and whether it may be so: judged by what was ordered, not by the router's code."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from agents.inventory.orders.rows import OVER, Stage
from agents.inventory.orders.words import LineStanding, LineStatus, OrderRecord, OrderStatus, Routing, RoutingType
from tools.demo.tally import percentile

SETTLED = frozenset({stage.value for stage in (*OVER, Stage.CONFIRMED)})
OPEN_LINES = frozenset({LineStanding.PLANNING, LineStanding.RESERVING, LineStanding.RESERVED})
FIRM_LINES = frozenset({LineStanding.ALLOCATED, LineStanding.READY, LineStanding.SHIPPED, LineStanding.COLLECTED})
SHORT_PICK = "short_pick"

LineKey = tuple[str, int]
"""Order and line."""


@dataclass
class OrderTally:
    """All orders placed and all that was said of them. Filled by two threads; each entry is written once."""

    placed: dict[str, OrderRecord] = field(default_factory=dict)
    statuses: dict[str, OrderStatus] = field(default_factory=dict)
    short_picked_s: dict[LineKey, float] = field(default_factory=dict)
    """When a line was told to be short."""
    disturbed: set[LineKey] = field(default_factory=set)
    """Short picks that were open while the worker was away: their latency is that of the outage."""
    rerouted: dict[LineKey, Routing] = field(default_factory=dict)
    """The answer to each short pick."""
    reroutes: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    latency_of_ms: dict[LineKey, float] = field(default_factory=dict)
    doubled_events: int = 0
    split: set[str] = field(default_factory=set)
    """Orders that ever came from several places."""
    _event_ids: set[str] = field(default_factory=set)

    def hear_routing(self, routing: Routing, now_s: float) -> None:
        """A decision about a line came."""
        if routing.event_id in self._event_ids:
            self.doubled_events += 1
            return
        self._event_ids.add(routing.event_id)
        if routing.type is not RoutingType.REROUTED:
            return
        self.reroutes += 1
        key = routing.order_id, routing.line
        if routing.reason == SHORT_PICK and key in self.short_picked_s and key not in self.rerouted:
            self.rerouted[key] = routing
            self.latency_of_ms[key] = (now_s - self.short_picked_s[key]) * 1_000
            if key not in self.disturbed:
                self.latencies_ms.append(self.latency_of_ms[key])

    def hear_status(self, status: OrderStatus) -> None:
        """How an order stands came."""
        self.statuses[status.order_id] = status
        places = {place.location for line in status.lines for place in line.places}
        if len(places) > 1 and status.stage == Stage.CONFIRMED:
            self.split.add(status.order_id)

    @property
    def over_allocated(self) -> int:
        """Lines that have more units than were ordered."""
        return sum(is_over(line) for lines in self._lines() for line in lines)

    @property
    def unsettled(self) -> int:
        """Orders of which it is not yet said what becomes of them."""
        statuses = dict(self.statuses)
        return sum(not is_settled(statuses.get(order_id)) for order_id in list(self.placed))

    @property
    def open_short_picks(self) -> list[LineKey]:
        """Short picks that are not rerouted yet."""
        return [key for key in list(self.short_picked_s) if key not in self.rerouted]

    def figures(self) -> dict[str, Any]:
        """`orders` and `reroutes` of --json."""
        return {
            "orders": {
                "placed": len(self.placed),
                "allocated": sum(all(line.state in FIRM_LINES for line in lines) for lines in self._lines()),
                "split": len(self.split),
                "backordered": self._with(LineStanding.BACKORDERED),
                "unfillable": self._with(LineStanding.UNFILLABLE),
                "lost": self.unsettled,
            },
            "reroutes": {
                "count": self.reroutes,
                "latency_ms": {
                    "p50": round(percentile(self.latencies_ms, 0.5), 1),
                    "p99": round(percentile(self.latencies_ms, 0.99), 1),
                },
            },
        }

    def states(self) -> Counter[str]:
        """Orders by stage."""
        return Counter(status.stage for status in list(self.statuses.values()))

    def _lines(self) -> list[tuple[LineStatus, ...]]:
        return [status.lines for status in list(self.statuses.values())]

    def _with(self, state: LineStanding) -> int:
        return sum(any(line.state is state for line in lines) for lines in self._lines())


def is_settled(status: OrderStatus | None) -> bool:
    """Whether every unit of an order has its place, is awaited, or is told not to be had."""
    if status is None or status.stage not in SETTLED:
        return False
    if status.stage != Stage.CONFIRMED:
        return True
    return all(line.state not in OPEN_LINES and is_accounted_for(line) for line in status.lines)


def is_over(line: LineStatus) -> bool:
    """Whether more units have left or are firm than were ordered."""
    return line.shipped + sum(place.quantity for place in line.places) > line.quantity


def is_accounted_for(line: LineStatus) -> bool:
    """Whether units that are still wanted are firm or awaited; a line of which a part cannot be had says why."""
    known = line.shipped + line.backordered + sum(place.quantity for place in line.places)
    return known >= line.quantity or line.reason is not None or line.state not in FIRM_LINES

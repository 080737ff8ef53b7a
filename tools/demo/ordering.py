"""The course of the orders in the demo: open their stock, place them, find too few, wait until all are settled."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable

from agents.codec import Codec
from agents.runtime.topology import Topology
from tools.demo.baskets import baskets, opening_stock
from tools.demo.order_tally import LineKey, OrderTally
from tools.demo.shop import ORDERS_PER_RECORD, OrderListener, Shop
from tools.demo.tally import Tally, Verdict
from tools.demo.traders import Publisher
from tools.demo_data.traffic import stamped

SEED = 11
SETTLED_WITHIN_S = 60.0
REROUTED_WITHIN_S = 10.0
_STEP_S = 0.005


class Ordering:
    """The orders of one demo."""

    def __init__(self, topology: Topology, codec: Codec, tally: Tally, rate: float, seconds: float) -> None:
        """`rate` is that of the other traffic, in records a second; orders are placed for `seconds`."""
        self.tally = OrderTally()
        a_second = max(1.0, rate * ORDERS_PER_RECORD)
        self._rate = a_second
        self._orders = list(baskets(SEED, math.ceil(a_second * seconds)))
        tallies = tally, self.tally
        self._shop = Shop(topology, codec, self._orders, a_second, tallies)
        self.listener = OrderListener(topology, codec, tallies)

    def open(self, publisher: Publisher) -> None:
        """Send the opening stock of the baskets, and listen from now on."""
        plans = opening_stock(self._orders)
        publisher.send_all(stamped(plans, lambda: time.time_ns() // 1_000_000))
        self.listener.start()

    def start(self, say: Callable[[str], None]) -> None:
        """Place the orders from now on."""
        say(f"Ordering: {len(self._orders):,} invoices of that month as orders, {self._rate:,.0f} a second")
        self._shop.start()

    def finish(self, say: Callable[[str], None]) -> None:
        """Wait until every order is settled, and show one short pick more."""
        self._shop.join()
        _wait(lambda: self.tally.unsettled == 0, SETTLED_WITHIN_S)
        _wait(lambda: not self.tally.open_short_picks, REROUTED_WITHIN_S)
        key = self._shop.pick_short()
        self._shop.close()
        if key is None:
            say("No line is left that could be picked short and had elsewhere")
            return
        _wait(lambda: key in self.tally.rerouted, REROUTED_WITHIN_S)
        say(self._told(key))

    def judged(self, verdict: Verdict) -> Verdict:
        """The check, the orders taken in."""
        return dataclasses.replace(
            verdict,
            lost=verdict.lost + self.tally.unsettled,
            doubled=verdict.doubled + self.tally.doubled_events,
            oversold=verdict.oversold + self.tally.over_allocated,
        )

    def _told(self, key: LineKey) -> str:
        order_id, line = key
        routing = self.tally.rerouted.get(key)
        if routing is None:
            return f"Short pick: line {line} of {order_id} has found no other place"
        return (
            f"Short pick: {routing.quantity} {routing.sku} of {order_id} are not at {routing.from_location}; they come "
            f"from {routing.to_location} now, {self.tally.latency_of_ms[key]:.0f} ms later"
        )


def _wait(condition: Callable[[], bool], within_s: float) -> None:
    """Wait until it holds, or so long that the check will say what is missing."""
    deadline = time.monotonic() + within_s
    while not condition() and time.monotonic() < deadline:
        time.sleep(_STEP_S)

"""From an order that is placed to all of its lines routed, under load: both agents as they are run.

The orders are those of a day of tools/order_day, placed at a steady rate and paid; what is shipped or cancelled afterwards is
left out. The time runs from the publishing of the order to the reading of the committed routing event of its last line.
In between lie six steps, each committed before the next: plan, holds, answers, confirmations, answers, routing.
"""

from __future__ import annotations

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import msgspec

from agents.inventory.orders.words import Routing
from agents.inventory.transactions import ORDER_ROUTER, STOCK_KEEPER
from agents.runtime.plan import said_topics
from agents.runtime.topology import load
from tools.bench.figures import Latency
from tools.brokers.encoding import codec_of
from tools.context import Context, fail, find_topology
from tools.demo.stage import Stage, StageFailed
from tools.order_day.day import Day
from tools.order_day.live import reader
from tools.order_day.outside import DayFailed, Outside
from tools.order_day.places import references
from tools.order_day.topology_file import write_topology

AGENTS = (STOCK_KEEPER, ORDER_ROUTER)
ORDERS_PER_SKU = 5
STEP_S = 0.002
PATIENCE_S = 60.0
P99_GOAL_MS = 800.0


@dataclass(frozen=True)
class OrderLoad:
    """How much is measured."""

    per_second: int
    warm_up_s: float
    seconds: float

    @property
    def orders(self) -> int:
        """Placed in all."""
        return max(1, int(self.per_second * (self.warm_up_s + self.seconds)))


class OrderRun:
    """Shop and listener at a stage with two real agents. One thread: it places what is due, and reads what was said."""

    def __init__(self, stage: Stage, load: OrderLoad, day: Day) -> None:
        topology, codec = stage.topology, codec_of(stage.topology)
        routing = said_topics(topology, topology.agents[ORDER_ROUTER])["order_routing"]
        self._load, self._day = load, day
        self._outside = Outside(topology, codec, linger_ms=1)
        self._decode = codec.decoder(routing, "order_routing")
        self._routings = reader(topology, routing)
        self._waiting: dict[str, tuple[float, set[int]]] = {}
        """Placed at, and the lines of which nothing was said."""
        self._taken: list[tuple[float, float]] = []
        """(placed at, seconds until its last line was routed)."""

    def measure(self) -> Latency:
        """Open the stock, place at the rate; the latency of the orders placed after the warm-up. Raises DayFailed."""
        self._outside.open(self._day.stock(), ())
        begun = time.monotonic()
        for placed, each in enumerate(self._day.orders()):
            while time.monotonic() - begun < placed / self._load.per_second:
                self._read(STEP_S)
            order = msgspec.structs.replace(each.placed, paid=True)
            self._waiting[order.order_id] = time.monotonic(), {line.line for line in order.lines}
            self._outside.tell(order)
            self._outside.poll()
        deadline = time.monotonic() + PATIENCE_S
        while self._waiting:
            self._read(STEP_S)
            if time.monotonic() > deadline:
                raise DayFailed(f"{len(self._waiting)} orders were not routed {PATIENCE_S:.0f} s after the last one")
        counts_from = begun + self._load.warm_up_s
        return Latency.of([1_000 * took for placed_at, took in self._taken if placed_at >= counts_from])

    def close(self) -> None:
        """Let go of the broker."""
        self._outside.close()
        self._routings.close()

    def _read(self, wait_s: float) -> None:
        messages = self._routings.consume(1_000, wait_s)
        now = time.monotonic()
        for message in messages:
            if message.error() is None:
                self._hear(self._decode(message.value(), None), now)

    def _hear(self, routing: Routing, now: float) -> None:
        waiting = self._waiting.get(routing.order_id)
        if waiting is None:
            return
        placed_at, lines = waiting
        lines.discard(routing.line)
        if not lines:
            del self._waiting[routing.order_id]
            self._taken.append((placed_at, now - placed_at))


def order_latency(context: Context, measured: OrderLoad) -> Latency:
    """Measure on the cluster that `context` names, under names of its own."""
    day = Day(measured.orders, max(1, measured.orders // ORDERS_PER_SKU))
    with tempfile.TemporaryDirectory(prefix="onhand-bench-") as directory:
        file = Path(directory) / "topology.yaml"
        write_topology(context.topology_path or find_topology(), file, references(measured.orders))
        topology = load(file, os.environ)
        if context.bootstrap is not None:
            topology = topology.with_bootstrap(context.bootstrap)
        try:
            with Stage(topology, file, on_own_cluster=True, agents=AGENTS) as stage:
                stage.start_worker()
                run = OrderRun(stage, measured, day)
                try:
                    return run.measure()
                finally:
                    run.close()
        except (StageFailed, DayFailed) as failed:
            fail(f"The bench cannot run: {failed}")

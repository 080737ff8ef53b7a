"""Scenarios that speak of orders, told to both agents: line by line, each when all that follows from the one before is said.

How much follows is known from the play in memory. What the router did is judged three times: its log is folded again and
compared with everything it keeps and said (tools/audit); the routings of each order are those of the play in memory; and so
is the way each order stands in the end. Places are left out of the last two: the planner reads levels on the side, perhaps
a moment old, and another place is as right.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from agents.inventory.orders.desk import status_of
from agents.inventory.orders.rows import Order
from agents.inventory.orders.words import LineStatus, OrderKind, OrderRecord, Routing
from agents.inventory.transactions import ORDER_ROUTER, Kind, Transaction
from agents.runtime.fold import header
from agents.runtime.plan import said_topics
from tools.audit.auditor import audit
from tools.brokers.encoding import codec_of
from tools.live.reading import Reader
from tools.live.stage import INDEX_HEADER, LiveStage
from tools.logics import LOGICS
from tools.scenario.recording import Elsewhere, Recording, ToldOrder

CLOCK = "clock"
"""SKU, order and source of the records that only tell the time."""
LEVELS_SEEN_S = 1.0
"""The planner reads levels on the side, and nobody hears when it has: so long before an order that is planned."""


class RouterWords:
    """The router's topics of one stage."""

    def __init__(self, stage: LiveStage) -> None:
        self.topology, self.codec = stage.topology, codec_of(stage.topology)
        self.agent = self.topology.agents[ORDER_ROUTER]
        self.orders = self.agent.folds
        says = said_topics(self.topology, self.agent)
        self.routings, self.statuses = says["order_routing"], says["order_status"]
        self.decode = self.codec.decoder(self.orders, "order", self.topology.topics[self.orders].format)
        self.encode = self.codec.encoder(self.orders, "order", self.topology.topics[self.orders].format)

    def decoders(self) -> dict[str, Any]:
        """For a reader: the orders as they came, routings and statuses as words."""
        routing, status = (
            self.codec.decoder(self.routings, "order_routing"),
            self.codec.decoder(self.statuses, "order_status"),
        )
        return {
            self.orders: lambda message: message,
            self.routings: lambda message: routing(message.value(), None),
            self.statuses: lambda message: status(message.value(), None),
        }


def clock_order(at_ms: int) -> OrderRecord:
    """Tells the router what time it is, and nothing else."""
    return OrderRecord(record_id=str(at_ms), source=CLOCK, kind=OrderKind.WAKE, order_id=CLOCK)


def clock_transaction(at_ms: int, sku: str) -> Transaction:
    """Tells the ledger what time it is, and nothing else."""
    return Transaction(transaction_id=str(at_ms), source=CLOCK, kind=Kind.EXPIRE, sku=sku)


def is_planned(record: OrderRecord) -> bool:
    """Whether the router may make a plan for it."""
    return len({line.sku for line in record.lines}) > 1


def wait_for_levels(records: Sequence[OrderRecord]) -> None:
    """Before orders that are planned."""
    if any(map(is_planned, records)):
        time.sleep(LEVELS_SEEN_S)


def followed(reader: Reader, topic: str, partition: int, sources: frozenset[str] | None, decode: Any) -> int:
    """Records of a partition that no scenario told: of these sources, or all."""
    found = 0
    for message in reader.said.get((topic, partition), []):
        if header(message, INDEX_HEADER) is None:
            found += sources is None or decode(message.value(), message.headers()).source in sources
    return found


# -- judged ------------------------------------------------------------------------------------------------------------


def audit_router(words: RouterWords, partitions: int) -> list[list[str]]:
    """What of the router's rows and words does not follow from its log, for each partition."""
    logic = LOGICS[ORDER_ROUTER](words.topology, words.codec)
    with without_remarks():
        report = audit(words.topology, words.agent, logic, words.codec)
    found: list[list[str]] = [[] for _ in range(partitions)]
    for each in report.partitions:
        found[each.partition] += [f"order router: {told.sentence}" for told in each.findings.told]
        if each.cannot is not None:
            found[each.partition].append(f"order router: {each.cannot.sentence}")
    return found


@contextmanager
def without_remarks() -> Iterator[None]:
    """The owner that folds again would remark that the time of a scenario lies ahead: it does."""
    owner = logging.getLogger("onhand.owner")
    before = owner.level
    owner.setLevel(logging.ERROR)
    try:
        yield
    finally:
        owner.setLevel(before)


def differences_of_orders(
    recording: Recording, elsewhere: Elsewhere, words: RouterWords, reader: Reader, number: int
) -> Iterator[str]:
    """How routings and orders went otherwise than in memory."""
    names = {elsewhere.order(name): name for name in elsewhere.orders}
    said: list[Routing] = reader.said.get((words.routings, number), [])
    there = Counter(fate_of_routing(routing, names) for routing in said)
    here = Counter(fate_of_routing(routing, {}) for routing in recording.routings)
    for fate, count in sorted((here - there).items(), key=str):
        yield f"routing {fate}: {count} in memory and not live"
    for fate, count in sorted((there - here).items(), key=str):
        yield f"routing {fate}: {count} live and not in memory"
    last = {status.order_id: status for status in reader.said.get((words.statuses, number), [])}
    for order_id, order in recording.orders.items():
        status = last.get(elsewhere.order(order_id))
        live = None if status is None else (status.stage, [fate_of_line(line) for line in status.lines])
        memory = fate_of_order(order)
        if live != memory:
            yield f"order {order_id}: in memory {memory}, live {live}"


def fate_of_routing(routing: Routing, names: dict[str, str]) -> tuple[Any, ...]:
    """What was decided, without places and without what depends on when it was told."""
    order_id = names.get(routing.order_id, routing.order_id)
    return routing.type.value, order_id, routing.line, routing.quantity, routing.reason


def fate_of_order(order: Order) -> tuple[str, list[tuple[Any, ...]]]:
    """How an order stands."""
    return order.stage.value, [fate_of_line(status_of(order, line)) for line in order.lines]


def fate_of_line(line: LineStatus) -> tuple[Any, ...]:
    """How a line stands, without its places."""
    return line.line, line.quantity, line.state.value, line.backordered, line.shipped, line.reason


def told_orders(recording: Recording, first: int, last: int) -> list[OrderRecord]:
    """The records of orders among the told ones."""
    return [told.record for told in recording.told[first:last] if isinstance(told, ToldOrder)]

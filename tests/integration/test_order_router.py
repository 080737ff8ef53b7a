"""Router and ledger as processes: orders find their stock, and nothing is lost or doubled when one of them is killed."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from typing import Any

from confluent_kafka import Message

from agents.inventory.channels import Method
from agents.inventory.orders.words import OrderedLine, OrderKind, OrderRecord, Routing, RoutingType
from agents.inventory.transactions import ORDER_ROUTER, Kind
from tests.integration.harness import Stage, Tail, a_transaction, receipt
from tests.integration.processes import Worker
from tests.tools.asking import ask
from tools.brokers.encoding import codec_of

PATIENCE_S = 60.0


class Shop:
    """Orders sent to a stage, and what was decided about them."""

    def __init__(self, stage: Stage) -> None:
        topology = stage.topology
        codec = codec_of(topology)
        agent = topology.agents[ORDER_ROUTER]
        self._stage = stage
        self._topic = agent.folds
        self._encode = codec.encoder(self._topic, "order")
        routing = next(name for name in agent.says if topology.topics[name].schema == "order_routing")
        decode = codec.decoder(routing, "order_routing")

        def read(message: Message) -> Any:
            return decode(message.value(), None)

        self.routings = Tail(topology, routing, read)
        self._told = 0

    def tell(self, kind: OrderKind, order_id: str, **fields: Any) -> None:
        """Publish a record of an order."""
        self._told += 1
        record = OrderRecord(record_id=f"t{self._told}", source="shop", kind=kind, order_id=order_id, **fields)
        self._stage.producer.produce(self._topic, self._encode(record), order_id.encode())
        self._stage.producer.poll(0)

    def place(self, order_id: str, *lines: tuple[str, int], **fields: Any) -> None:
        """A paid order."""
        ordered = tuple(OrderedLine(number, sku, quantity) for number, (sku, quantity) in enumerate(lines, 1))
        now_ms = time.time_ns() // 1_000_000
        self.tell(OrderKind.PLACED, order_id, lines=ordered, **{"paid": True, "occurred_at_ms": now_ms, **fields})

    def of(self, order_id: str) -> list[Routing]:
        """What was said about an order, in its order."""
        return [routing for routing in self.routings.all if routing.order_id == order_id]

    def until(self, wanted: Iterable[tuple[str, int]], seconds: float = PATIENCE_S) -> None:
        """Wait until each order has that many routing events."""
        wants = dict(wanted)

        def there(tail: Tail) -> bool:
            counts = Counter(routing.order_id for routing in tail.all)
            return all(counts[order_id] >= count for order_id, count in wants.items())

        self.routings.until(there, seconds, "the orders are not routed")


def two_agents(stage: Stage) -> tuple[Worker, Worker]:
    """The stock keeper and the order router, ready."""
    stage.create(ORDER_ROUTER)
    keeper, router = stage.worker("1"), stage.worker("2")
    router.agent = ORDER_ROUTER
    keeper.start()
    router.start()
    return keeper.until_ready(), router.until_ready()


def test_orders_find_their_stock_and_a_short_pick_is_rerouted(any_stage: Stage) -> None:
    two_agents(any_stage)
    shop = Shop(any_stage)
    any_stage.send(receipt("SHOE", 3), receipt("SHOE", 5, location="YORK"), receipt("HAT", 2, location="YORK"))
    any_stage.settle()
    shop.place("o-1", ("SHOE", 2), ("HAT", 1))
    shop.place("o-2", ("SHOE", 1), method=Method.PICKUP, pickup_location="LEEDS")
    shop.place("o-3", ("HAT", 9))
    shop.until([("o-1", 2), ("o-2", 1), ("o-3", 1)])
    assert {(each.type, each.to_location) for each in shop.of("o-1")} == {(RoutingType.ALLOCATED, "YORK")}
    assert [(each.type, each.to_location) for each in shop.of("o-2")] == [(RoutingType.ALLOCATED, "LEEDS")]
    assert [(each.type, each.reason) for each in shop.of("o-3")] == [(RoutingType.UNFILLABLE, "insufficient_atp")]

    shop.tell(OrderKind.PICKED_SHORT, "o-1", line=1, location="YORK", quantity=0)
    shop.until([("o-1", 3)])
    rerouted = shop.of("o-1")[-1]
    assert (rerouted.type, rerouted.from_location, rerouted.to_location) == (RoutingType.REROUTED, "YORK", "LEEDS")
    assert (rerouted.quantity, rerouted.reason) == (2, "short_pick")
    a_full_day_is_avoided_and_a_shorter_one_left(any_stage, shop)
    any_stage.settle()
    any_stage.judge()


def a_full_day_is_avoided_and_a_shorter_one_left(stage: Stage, shop: Shop) -> None:
    """LEEDS sends one shipment a day, and then none."""
    assert ask(stage, "location", "set", "LEEDS", "daily_capacity=1", "--yes").exit_code == 0
    stage.send(receipt("BAG", 5), receipt("BAG", 4, location="YORK"))
    stage.settle()
    for number, place in (("o-4", "LEEDS"), ("o-5", "YORK")):
        shop.place(number, ("BAG", 1))
        shop.until([(number, 1)])
        assert [(each.type, each.to_location) for each in shop.of(number)] == [(RoutingType.ALLOCATED, place)]
    assert ask(stage, "location", "set", "LEEDS", "daily_capacity=0", "--yes").exit_code == 0
    shop.until([("o-4", 2)])
    moved = shop.of("o-4")[-1]
    assert (moved.type, moved.from_location, moved.to_location) == (RoutingType.REROUTED, "LEEDS", "YORK")
    assert moved.reason == "over_capacity"


def test_killed_workers_lose_no_order_and_promise_nothing_twice(any_stage: Stage) -> None:
    keeper, router = two_agents(any_stage)
    shop = Shop(any_stage)
    skus = [f"sku-{number}" for number in range(6)]
    any_stage.send(*[receipt(sku, 40, location=place) for sku in skus for place in ("LEEDS", "YORK")])
    orders = [f"o-{number}" for number in range(60)]
    for number, order_id in enumerate(orders):
        shop.place(order_id, (skus[number % 6], 1), (skus[(number + 1) % 6], 2))
        if number == 20:
            router.kill()
            router.start()
        if number == 40:
            keeper.kill()
            keeper.start()
    any_stage.flush()
    shop.until([(order_id, 2) for order_id in orders], 90.0)
    said = shop.routings.all
    assert Counter(routing.type for routing in said)[RoutingType.ALLOCATED] >= 2 * len(orders) - 6
    assert not [event for event, count in Counter(each.event_id for each in said).items() if count > 1]
    any_stage.send(a_transaction(Kind.SALE, skus[0], quantity=1))
    any_stage.settle()
    expected = any_stage.judge()
    claims = {key: row for want in expected.values() for key, row in want.rows.tables["claims"].items()}
    held = Counter[tuple[str, int]]()
    for (_, holder, line), claim in claims.items():
        held[str(holder), int(line) % 10_000] += sum(leg.allocated for leg in claim.legs)  # type: ignore[union-attr, misc]
    assert held == {(order_id, line): line for order_id in orders for line in (1, 2)}

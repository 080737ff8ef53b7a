"""The shop of the demo: places orders, finds too few on a shelf now and then, and hears what becomes of all that."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from agents.codec import Codec
from agents.inventory.channels import Method
from agents.inventory.orders.rows import Stage
from agents.inventory.orders.words import LineStanding, LineStatus, OrderKind, OrderRecord, OrderStatus, Routing
from agents.inventory.transactions import ORDER_ROUTER, Transaction
from agents.runtime.partitioner import PARTITIONER
from agents.runtime.plan import said_topics
from agents.runtime.topology import Topology
from tools.demo.baskets import NORTH, SOUTH
from tools.demo.order_tally import LineKey, OrderTally
from tools.demo.tally import Tally

STEP_S = 0.01
FLUSH_S = 30.0
ORDERS_PER_RECORD = 1 / 40
"""Orders placed for each record of the other traffic."""
SHORT_PICK_EVERY_S = 0.5
SHIPPED = 1 / 3
OTHER = {NORTH: SOUTH, SOUTH: NORTH}


class Shop(threading.Thread):
    """Places the orders at a steady rate; a failure of its own is raised by `join`."""

    def __init__(
        self,
        topology: Topology,
        codec: Codec,
        orders: Sequence[OrderRecord],
        rate: float,
        tallies: tuple[Tally, OrderTally],
    ) -> None:
        super().__init__(name="demo-shop", daemon=True)
        self.stop = threading.Event()
        self._topic = topology.agents[ORDER_ROUTER].folds
        self._encode = codec.encoder(self._topic, "order", topology.topics[self._topic].format)
        self._orders, self._rate = list(orders), rate
        self._tally, self._order_tally = tallies
        self._rng = random.Random(len(orders))
        self._shipped: set[str] = set()
        self._failure: BaseException | None = None
        self._refused: KafkaError | None = None
        self._producer = Producer(
            {
                "linger.ms": 1,
                **topology.kafka,
                **topology.producer,
                "enable.idempotence": True,
                "partitioner": PARTITIONER,
            }
        )

    def run(self) -> None:
        """Trade until all is placed or it is stopped."""
        try:
            self._trade()
            self._flush()
        except BaseException as failure:  # noqa: BLE001 - handed over to the main thread
            self._failure = failure

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end; raises what ended it."""
        super().join(timeout)
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Let go of the broker before it ends."""
        self._flush()
        del self._producer

    def pick_short(self) -> LineKey | None:
        """Find too few of a line that another warehouse has as well; None where there is no such line now."""
        found = self._line_to_miss()
        if found is None:
            return None
        order_id, line = found
        missed = line.places[0]
        key = order_id, line.line
        self._order_tally.short_picked_s[key] = time.monotonic()
        self._tell(
            OrderKind.PICKED_SHORT, order_id, line=line.line, location=missed.location, quantity=missed.quantity // 2
        )
        self._producer.poll(0)
        return key

    def _trade(self) -> None:
        started, placed, next_pick_s = time.monotonic(), 0, 1.0
        while placed < len(self._orders) and not self.stop.is_set():
            elapsed = time.monotonic() - started
            while placed < min(elapsed * self._rate, len(self._orders)):
                self._place(self._orders[placed])
                placed += 1
            if not self._tally.calm:
                self._order_tally.disturbed.update(self._order_tally.open_short_picks)
            elif elapsed >= next_pick_s:
                next_pick_s = elapsed + SHORT_PICK_EVERY_S
                self.pick_short()
                self._ship_one()
            self._producer.poll(STEP_S)

    def _place(self, order: OrderRecord) -> None:
        self._order_tally.placed[order.order_id] = order
        self._send(msgspec.structs.replace(order, occurred_at_ms=time.time_ns() // 1_000_000))
        if not order.paid:
            self._tell(OrderKind.PAID, order.order_id)

    def _ship_one(self) -> None:
        """A parcel leaves now and then."""
        for order_id, status in self._confirmed():
            whole = all(line.state is LineStanding.ALLOCATED for line in status.lines)
            searched = any(key[0] == order_id for key in self._order_tally.open_short_picks)
            if whole and not searched and order_id not in self._shipped and self._rng.random() < SHIPPED:
                self._shipped.add(order_id)
                self._tell(OrderKind.SHIPPED, order_id)
                return

    def _line_to_miss(self) -> tuple[str, LineStatus] | None:
        for order_id, status in self._confirmed():
            if status.method is Method.PICKUP or order_id in self._shipped:
                continue
            for line in status.lines:
                if (order_id, line.line) not in self._order_tally.short_picked_s and self._can_move(line):
                    return order_id, line
        return None

    def _can_move(self, line: LineStatus) -> bool:
        if line.state is not LineStanding.ALLOCATED or len(line.places) != 1:
            return False
        other = self._tally.levels.get((line.sku, OTHER.get(line.places[0].location, "")))
        return other is not None and other.atp >= line.quantity

    def _confirmed(self) -> list[tuple[str, OrderStatus]]:
        """Confirmed orders, any first."""
        found = [each for each in list(self._order_tally.statuses.items()) if each[1].stage == Stage.CONFIRMED]
        self._rng.shuffle(found)
        return found

    def _tell(self, kind: OrderKind, order_id: str, **fields: Any) -> None:
        record_id = f"{kind.value.lower()}-{fields.get('line', 0)}"
        now_ms = time.time_ns() // 1_000_000
        self._send(
            OrderRecord(
                record_id=record_id, source="shop", kind=kind, order_id=order_id, occurred_at_ms=now_ms, **fields
            )
        )

    def _send(self, record: OrderRecord) -> None:
        def delivered(error: KafkaError | None, message: Message) -> None:
            del message
            self._refused = error or self._refused

        self._producer.produce(self._topic, self._encode(record), record.order_id.encode(), on_delivery=delivered)

    def _flush(self) -> None:
        left = self._producer.flush(FLUSH_S)
        if left or self._refused is not None:
            timed_out = KafkaError(KafkaError._MSG_TIMED_OUT, f"{left} were not delivered")  # noqa: SLF001 - its public name
            raise KafkaException(self._refused or timed_out)


class OrderListener:
    """Hears of orders, committed records only, on a thread of its own; and of what the router asks of the ledger.

    What the router sends is counted like everything else that is sent: shipments and write-offs change what is on hand.
    """

    def __init__(self, topology: Topology, codec: Codec, tallies: tuple[Tally, OrderTally]) -> None:
        says = said_topics(topology, topology.agents[ORDER_ROUTER])
        self._tally, self._order_tally = tallies
        self._stop = threading.Event()
        formats = topology.all_topics[says["transaction"]].format
        self._hears: dict[str, Callable[[Message, float], None]] = {}
        self._decode_transaction = codec.decoder(says["transaction"], "transaction", formats)
        self._decode_routing = codec.decoder(says["order_routing"], "order_routing")
        self._decode_status = codec.decoder(says["order_status"], "order_status")
        self._hears[says["transaction"]] = self._hear_transaction
        self._hears[says["order_routing"]] = self._hear_routing
        self._hears[says["order_status"]] = self._hear_status
        self._consumer = Consumer(
            {
                "fetch.wait.max.ms": 10,
                **topology.kafka,
                "group.id": "onhand.demo-orders",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            }
        )
        self._consumer.assign(
            [
                TopicPartition(topic, number, OFFSET_BEGINNING)
                for topic in self._hears
                for number in range(topology.all_topics[topic].partitions)
            ]
        )
        self._thread = threading.Thread(target=self._run, name="demo-order-listener", daemon=True)

    def start(self) -> None:
        """Listen from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Listen no more."""
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._stop.is_set():
            messages = self._consumer.consume(2_000, STEP_S)
            now_s = time.monotonic()
            for message in messages:
                if message.error() is None:
                    self._hears[message.topic() or ""](message, now_s)
        self._consumer.close()

    def _hear_transaction(self, message: Message, _now_s: float) -> None:
        transaction = cast("Transaction", self._decode_transaction(message.value(), message.headers()))
        if transaction.source == ORDER_ROUTER:
            self._tally.sent[message.partition() or 0, message.offset() or 0] = transaction

    def _hear_routing(self, message: Message, now_s: float) -> None:
        self._order_tally.hear_routing(cast("Routing", self._decode_routing(message.value(), None)), now_s)

    def _hear_status(self, message: Message, _now_s: float) -> None:
        self._order_tally.hear_status(cast("OrderStatus", self._decode_status(message.value(), None)))

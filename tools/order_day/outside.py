"""Everybody outside, as far as they publish: shop and warehouse tell of orders, tills and goods receipt of units."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from agents.codec import Codec
from agents.inventory.orders.words import OrderKind, OrderRecord
from agents.inventory.transactions import ORDER_ROUTER, Item, Kind, Transaction
from agents.runtime.levels_view import LevelsView
from agents.runtime.partitioner import PARTITIONER
from agents.runtime.plan import said_topics
from agents.runtime.topology import Topology
from tools.order_day.day import TO_ORDER

WMS, POS = "wms", "pos"
FLUSH_S = 60.0
OPENED_WITHIN_S = 900.0
_LOOK_EVERY_S = 0.1


class DayFailed(Exception):
    """The day does not come to its end; the message says where it stands."""


class Outside:
    """Publishes orders and transactions, and sees the levels."""

    def __init__(self, topology: Topology, codec: Codec, linger_ms: int = 5) -> None:
        router = topology.agents[ORDER_ROUTER]
        self._orders, self._transactions = router.folds, said_topics(topology, router)["transaction"]
        self._encode_order = codec.encoder(self._orders, "order", topology.topics[self._orders].format)
        self._encode = codec.encoder(self._transactions, "transaction", topology.topics[self._transactions].format)
        levels = next(topic for topic in topology.topics.values() if topic.schema == "level")
        self.view = LevelsView(topology.kafka, levels.name, levels.partitions, codec.decoder(levels.name, "level"))
        self._producer = Producer(
            {
                **topology.kafka,
                **topology.producer,
                "linger.ms": linger_ms,
                "queue.buffering.max.messages": 1_000_000,
                "enable.idempotence": True,
                "partitioner": PARTITIONER,
            }
        )
        self._refused: KafkaError | None = None
        self._numbers = 0

    def open(self, stock: Mapping[tuple[str, str], int], made_to_order: Iterable[str]) -> float:
        """Receive the stock, and wait until all of it is published: the seconds that took. Raises DayFailed."""
        started = time.monotonic()
        for sku in made_to_order:
            item = Item(category=TO_ORDER)
            self._send(Transaction(transaction_id=self._number(), source=WMS, kind=Kind.ITEM, sku=sku, item=item))
        for (sku, place), units in stock.items():
            self.fact(Kind.RECEIPT, WMS, sku, place, units, "opening")
        self.flush()
        self.view.start()
        skus = list(dict.fromkeys(sku for sku, _ in stock))
        while sum(len(self.view.of(sku)) for sku in skus) < len(stock):
            if time.monotonic() - started > OPENED_WITHIN_S:
                raise DayFailed(f"the opening stock was not there after {OPENED_WITHIN_S:.0f} s")
            time.sleep(_LOOK_EVERY_S)
        return time.monotonic() - started

    def tell(self, record: OrderRecord) -> None:
        """Publish a record of an order; one that is placed, is placed now."""
        if record.kind is OrderKind.PLACED:
            record = msgspec.structs.replace(record, occurred_at_ms=now_ms())
        self._produce(self._orders, record.order_id, self._encode_order(record))

    def fact(self, kind: Kind, source: str, sku: str, place: str, units: int, reason: str | None = None) -> None:
        """Publish that units came or went."""
        self._send(
            Transaction(
                transaction_id=self._number(),
                source=source,
                kind=kind,
                sku=sku,
                occurred_at_ms=now_ms(),
                location=place,
                quantity=units,
                reason=reason,
            )
        )

    def poll(self) -> None:
        """Let the producer hear what was delivered."""
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until the broker has all. Raises KafkaException."""
        left = self._producer.flush(FLUSH_S)
        if left or self._refused is not None:
            raise KafkaException(self._refused or KafkaError(KafkaError._MSG_TIMED_OUT))  # noqa: SLF001 - its public name

    def close(self) -> None:
        """Look no more."""
        self.view.stop()

    def _send(self, transaction: Transaction) -> None:
        self._produce(self._transactions, transaction.sku, self._encode(transaction))

    def _number(self) -> str:
        self._numbers += 1
        return f"day-{self._numbers}"

    def _produce(self, topic: str, key: str, value: bytes) -> None:
        while True:
            try:
                self._producer.produce(topic, value, key.encode(), on_delivery=self._delivered)
            except BufferError:
                self._producer.poll(0.05)
            else:
                return

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        self._refused = error or self._refused


def now_ms() -> int:
    """The wall clock: the day is played now, whatever its hours."""
    return time.time_ns() // 1_000_000


Say = Callable[[str], None]

"""The two sides of the demo: a publisher as an upstream system would be one, and a subscriber as a shop would be one."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from agents.codec import Codec
from agents.inventory.answers import Answer
from agents.inventory.positions import StockLevel
from agents.inventory.transactions import Kind
from agents.runtime.partitioner import PARTITIONER
from agents.runtime.plan import said_topics
from agents.runtime.topology import Topology
from tools.demo.tally import Tally
from tools.demo_data.traffic import OPENING, RACE, Planned

STEP_S = 0.01
_FLUSH_S = 30.0


class Publisher:
    """Sends planned transactions: the opening stock at once, everything else at a steady rate."""

    def __init__(self, topology: Topology, encode: Callable[[Any], bytes], tally: Tally) -> None:
        self._topic = topology.agents["stock_keeper"].folds
        self._encode = encode
        self._tally = tally
        self._failure: KafkaError | None = None
        self._producer = Producer(
            {
                "linger.ms": 1,
                "enable.idempotence": True,
                **topology.kafka,
                **topology.producer,
                "partitioner": PARTITIONER,
            }
        )

    def open_stock(self, plans: Iterator[Planned]) -> Planned | None:
        """Send the opening receipts and wait until they are in the log. Returns the first record after them."""
        for planned in plans:
            if planned.note != OPENING:
                self._flush()
                return planned
            self._send(planned)
        return None

    def send_all(self, plans: Iterable[Planned]) -> None:
        """Send these and wait until they are in the log."""
        for planned in plans:
            self._send(planned)
        self._flush()

    def replay(self, plans: Iterator[Planned], rate: float, seconds: float, stop: threading.Event) -> None:
        """Send `rate` records a second for `seconds`, or until `stop`."""
        started, sent = time.monotonic(), 0
        while not stop.is_set():
            elapsed = time.monotonic() - started
            while sent < min(elapsed, seconds) * rate:
                planned = next(plans, None)
                if planned is None:
                    self._flush()
                    return
                self._send(planned)
                sent += 1
            if elapsed >= seconds:
                break
            self._producer.poll(STEP_S)
        self._flush()

    def _send(self, planned: Planned) -> None:
        transaction, sent_at_s = planned.transaction, time.monotonic()

        def delivered(error: KafkaError | None, message: Message) -> None:
            if error is not None:
                self._failure = error
                return
            origin = (message.partition() or 0, message.offset() or 0)
            self._tally.sent[origin] = transaction
            self._tally.sent_at_s[origin] = sent_at_s
            if planned.note == RACE and planned.race is not None and transaction.kind is Kind.RESERVE:
                self._tally.races[origin] = planned.race

        value, key = self._encode(transaction), transaction.sku.encode()
        while True:
            try:
                self._producer.produce(self._topic, value, key, on_delivery=delivered)
            except BufferError:
                self._producer.poll(STEP_S)
            else:
                self._producer.poll(0)
                return

    def _flush(self) -> None:
        left = self._producer.flush(_FLUSH_S)
        if left or self._failure is not None:
            raise KafkaException(self._failure or KafkaError(KafkaError._MSG_TIMED_OUT, f"{left} were not delivered"))  # noqa: SLF001 - its public name


class Subscriber:
    """Reads answers and levels, committed ones only, on a thread of its own."""

    def __init__(self, topology: Topology, codec: Codec, tally: Tally) -> None:
        says = said_topics(topology, topology.agents["stock_keeper"])
        self._answers, self._levels = says["answer"], says["level"]
        self._decode_answer = codec.decoder(self._answers, "answer")
        self._decode_level = codec.decoder(self._levels, "level")
        self._tally = tally
        self._stop = threading.Event()
        self._consumer = Consumer(
            {
                "fetch.wait.max.ms": 10,
                **topology.kafka,
                "group.id": "onhand.demo",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            }
        )
        partitions = range(topology.all_topics[self._answers].partitions)
        self._consumer.assign(
            [TopicPartition(topic, n, OFFSET_BEGINNING) for topic in (self._answers, self._levels) for n in partitions]
        )
        self._thread = threading.Thread(target=self._run, name="demo-subscriber", daemon=True)

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
                    self._hear(message, now_s)
        self._consumer.close()

    def _hear(self, message: Message, now_s: float) -> None:
        value = message.value()
        if message.topic() == self._answers:
            self._tally.hear_answer(cast("Answer", self._decode_answer(value, None)))
        else:
            self._tally.hear_level(cast("StockLevel", self._decode_level(value, None)), now_s)

"""The measurements themselves: outputs counted, and levels matched with the transactions that made them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from confluent_kafka import Consumer, Producer, TopicPartition

from agents.inventory.positions import StockLevel
from agents.inventory.transactions import Transaction
from agents.runtime.plan import said_topics
from agents.runtime.topology import Topology
from agents.stock_keeper import AGENT
from tools.bench.figures import Latency, Run, Sample, run_of
from tools.bench.scene import Scene, Side, Work, quiet
from tools.bench.traffic import KeyValue, LedgerTraffic, thin_records
from tools.brokers.encoding import codec_of, transaction_encoder
from tools.context import Context

MOST_LEDGER_SKUS = 5_000
OPENING_SHARE = 20
"""One in so many records of a ledger run opens the stock of a SKU: all of that is before the window of the rate."""
LATENCY_SKUS = 1_000
SEND_EVERY_S = 0.002
LINGER_MS = 5
"""What librdkafka's publishers have if nobody says otherwise. It is a part of the latency."""
PATIENCE_S = 90.0
"""For one run of a throughput; and after the last send of a latency run."""
READ_S = 0.05


class Input:
    """The records of a throughput run, made and encoded once for all runs."""

    def __init__(self, context: Context, work: Work, count: int) -> None:
        self.work: Work = work
        self.records = list(thin_records(count)) if work == "thin" else _ledger_records(context.topology, count)


def _ledger_records(topology: Topology, count: int) -> list[KeyValue]:
    skus = min(MOST_LEDGER_SKUS, max(1, count // OPENING_SHARE))
    traffic = LedgerTraffic(skus, now_ms())
    encode = transaction_encoder(topology, topology.agents[AGENT].folds)
    transactions = [*traffic.opening(), *traffic.shuffled(count - skus)]
    return [(transaction.sku.encode(), encode(transaction)) for transaction in transactions]


def throughput(context: Context, given: Input, side: Side) -> Run:
    """One run of one side, on topics of its own."""
    with Scene(context, given.work) as scene:
        scene.publish(given.records)
        started_at = time.monotonic()
        scene.start(side)
        return run_of(_outputs(scene, len(given.records)), len(given.records), started_at)


def _outputs(scene: Scene, total: int) -> Sequence[Sample]:
    """Count committed outputs, one per transaction, until all are there."""
    says = said_topics(scene.topology, scene.agent)
    consumer = _reader(scene.topology, says.get("answer", scene.agent.says[0]))
    samples: list[Sample] = []
    seen, ends_at = 0, time.monotonic() + PATIENCE_S
    try:
        while seen < total:
            messages = consumer.consume(20_000, READ_S)
            if messages:
                seen += sum(message.error() is None for message in messages)
                samples.append((time.monotonic(), seen))
            scene.check_process()
            if time.monotonic() > ends_at:
                scene.too_late(f"All {total} outputs ({seen} came)")
    finally:
        consumer.close()
    return samples


class LatencyRun:
    """A real worker of the ledger, and transactions sent to it at a given rate, each followed to its level.

    Levels are coalesced: the level of a SKU with revision r stands for all its transactions up to r. Each SKU is used in
    turn, so that a transaction is nearly always alone in its chunk with its SKU.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._traffic = LedgerTraffic(LATENCY_SKUS, now_ms())
        self._topic = scene.agent.folds
        self._encode = transaction_encoder(scene.topology, self._topic)
        levels = said_topics(scene.topology, scene.agent)["level"]
        self._decode = codec_of(scene.topology).decoder(levels, "level")
        self._reader = _reader(scene.topology, levels)
        self._producer: Producer = scene.producer(linger_ms=LINGER_MS)
        self._waiting: dict[str, deque[tuple[int, float]]] = {sku: deque() for sku in self._traffic.skus}
        self._sent = 0

    def open(self) -> None:
        """Start the worker, open the stock, and wait until all of it is published."""
        self._scene.start("ours")
        for transaction in self._traffic.opening():
            self._send(transaction, 1)
        self._producer.flush()
        self._read_until(lambda: False, PATIENCE_S)

    def at(self, per_second: int, warm_up_s: float, seconds: float) -> Latency:
        """Latency at that rate, over the transactions sent after the warm-up."""
        stopped = threading.Event()
        sender = threading.Thread(
            target=self._send_steadily, args=(per_second, warm_up_s + seconds, stopped), daemon=True
        )
        counts_from = time.monotonic() + warm_up_s
        sender.start()
        try:
            pairs = self._read_until(sender.is_alive, PATIENCE_S)
        finally:
            stopped.set()
            sender.join()
        return Latency.of([1_000 * took for sent_at, took in pairs if sent_at >= counts_from])

    def close(self) -> None:
        """Close the reader; the scene ends the worker."""
        self._reader.close()

    def _send_steadily(self, per_second: int, seconds: float, stopped: threading.Event) -> None:
        total, begun = int(per_second * seconds), time.monotonic()
        sent = 0
        while sent < total and not stopped.wait(SEND_EVERY_S):
            due = min(total, int((time.monotonic() - begun) * per_second))
            for _ in range(due - sent):
                sku = self._traffic.skus[self._sent % LATENCY_SKUS]
                self._send(*self._traffic.next_of(sku))
            sent = due
        self._producer.flush()

    def _send(self, transaction: Transaction, revision: int) -> None:
        value = self._encode(transaction)
        self._sent += 1
        self._waiting[transaction.sku].append((revision, time.monotonic()))
        self._producer.produce(self._topic, value, transaction.sku.encode())
        self._producer.poll(0)

    def _read_until(self, sending: Callable[[], bool], patience_s: float) -> list[tuple[float, float]]:
        """(sent at, seconds until its level was read) of every transaction, until none is sent or waited for."""
        taken: list[tuple[float, float]] = []
        ends_at = time.monotonic() + patience_s
        while sending() or any(self._waiting.values()):
            messages = self._reader.consume(2_000, 0.005)
            at = time.monotonic()
            for message in messages:
                if message.error() is None:
                    self._match(self._decode(message.value(), None), at, taken)
            if not messages:
                self._scene.check_process()
            if at > ends_at:
                self._scene.too_late(f"{sum(map(len, self._waiting.values()))} levels")
        return taken

    def _match(self, level: StockLevel, at: float, taken: list[tuple[float, float]]) -> None:
        waiting = self._waiting[level.sku]
        while waiting and waiting[0][0] <= level.revision:
            sent_at = waiting.popleft()[1]
            taken.append((sent_at, at - sent_at))


def latencies(context: Context, rates: Sequence[int], warm_up_s: float, seconds: float) -> dict[int, Latency]:
    """Latency of the ledger at each rate, one worker for all."""
    with Scene(context, "ledger") as scene:
        run = LatencyRun(scene)
        try:
            run.open()
            return {rate: run.at(rate, warm_up_s, seconds) for rate in rates}
        finally:
            run.close()


def _reader(topology: Topology, topic: str) -> Consumer:
    consumer = Consumer(
        {
            **topology.kafka,
            **topology.consumer,
            "group.id": f"{topology.app}.bench",  # never joined
            "enable.auto.commit": False,
            "isolation.level": "read_committed",
            "auto.offset.reset": "earliest",
            "fetch.wait.max.ms": 10,
        },
        logger=quiet,
    )
    consumer.assign([TopicPartition(topic, number, 0) for number in range(topology.all_topics[topic].partitions)])
    return consumer


def now_ms() -> int:
    """The wall clock: when the facts of a bench happened."""
    return time.time_ns() // 1_000_000

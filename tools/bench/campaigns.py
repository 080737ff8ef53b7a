"""From the sale that empties a SKU to the PAUSE of the campaign that advertises it, under load: two agents as they are run.

One sender publishes claims and sales of other SKUs at a steady rate, and now and then the sale of the last unit of an
advertised SKU. The time runs from its publishing to the reading of the committed PAUSE. There is a sales channel over all
places, so availability is published for everything: without one no campaign could be guarded.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from confluent_kafka import Producer

from agents.inventory.campaigns.words import CAMPAIGN_GUARD, CampaignKind, Command, CommandKind, Registration
from agents.inventory.transactions import STOCK_KEEPER, ChannelReference, Kind, Transaction
from agents.runtime.partitioner import PARTITIONER
from agents.runtime.reference import write_seeds
from tools.bench.figures import Latency
from tools.bench.measuring import LATENCY_SKUS, now_ms
from tools.bench.traffic import LOCATION, LedgerTraffic
from tools.brokers.encoding import codec_of, transaction_encoder
from tools.context import Context, fail
from tools.demo.ad_platform import AdPlatform, CampaignWriter
from tools.demo.stage import Stage, StageFailed

AGENTS = (STOCK_KEEPER, CAMPAIGN_GUARD)
PAUSES_PER_S = 20
SEND_EVERY_S = 0.002
PATIENCE_S = 60.0
FLUSH_S = 30.0
P99_GOAL_MS = 400.0


@dataclass(frozen=True)
class CampaignLoad:
    """How much is measured."""

    per_second: int
    """Transactions, those that empty an advertised SKU among them."""
    warm_up_s: float
    seconds: float

    @property
    def every(self) -> int:
        """One transaction in so many empties an advertised SKU."""
        return max(1, self.per_second // PAUSES_PER_S)

    @property
    def campaigns(self) -> int:
        """Each is paused once."""
        return int(self.per_second * (self.warm_up_s + self.seconds)) // self.every + 1


class CampaignRun:
    """Sender, platform and two real agents on a stage."""

    def __init__(self, stage: Stage, load: CampaignLoad) -> None:
        topology = stage.topology
        codec = codec_of(topology)
        self._topology, self._load = topology, load
        self._topic = topology.agents[STOCK_KEEPER].folds
        self._encode = transaction_encoder(topology, self._topic)
        self._traffic = LedgerTraffic(LATENCY_SKUS, now_ms())
        self._names = [f"advert-{number}" for number in range(load.campaigns)]
        self._writer = CampaignWriter(topology, codec)
        self._platform = AdPlatform(topology, codec, self._writer, self._hear)
        self._sold_at_s: dict[str, float] = {}
        self._paused_at_s: dict[str, float] = {}
        self._watched: set[str] = set()
        self._failure: BaseException | None = None
        self._producer = Producer(
            {
                **topology.kafka,
                **topology.producer,
                "enable.idempotence": True,
                "partitioner": PARTITIONER,
                "linger.ms": 1,
                "queue.buffering.max.messages": 1_000_000,
            }
        )

    def open(self) -> None:
        """A channel, the stock, the campaigns; one of them is tried, so that all are known to be watched."""
        partitions = self._topology.all_topics[self._topic].partitions
        channel = ChannelReference("web")
        write_seeds(self._topology.kafka, self._topology.app, self._topic, partitions, (channel,), self._encode)
        for transaction in (*self._traffic.opening(), *map(last_unit, (*self._names, *self._trials()))):
            self._send(transaction)
        self._producer.flush(FLUSH_S)
        self._platform.start()
        # The trials come last in their partitions: when they are paused, all others have been registered and watched.
        for name in (*self._names, *self._trials()):
            registration = Registration("bench", "1", 1_000, "EUR", skus=(name,))
            self._writer.tell(CampaignKind.REGISTERED, name, registration=registration)
        self._writer.flush()
        self._until(lambda: self._sell_until_paused(self._trials()), "the trial campaigns")

    def measure(self) -> Latency:
        """Send at the rate; the latency of the pauses whose sale was sent after the warm-up."""
        counts_from_s = time.monotonic() + self._load.warm_up_s
        sender = threading.Thread(target=self._send_steadily, name="bench-sender", daemon=True)
        sender.start()
        sender.join()
        if self._failure is not None:
            raise self._failure
        sold = [name for name in self._names if name in self._sold_at_s]
        self._until(lambda: all(name in self._paused_at_s for name in sold), "all pauses")
        return Latency.of(
            [
                1_000 * (self._paused_at_s[name] - self._sold_at_s[name])
                for name in sold
                if self._sold_at_s[name] >= counts_from_s
            ]
        )

    def close(self) -> None:
        """Let go of the broker."""
        self._platform.stop()
        self._writer.close()
        del self._producer

    def _trials(self) -> Iterator[str]:
        """So many that each partition of the ledger, and of the campaigns, has some of them."""
        partitions = self._topology.all_topics[self._topic].partitions
        return (f"trial-{number}" for number in range(4 * partitions))

    def _sell_until_paused(self, names: Iterator[str]) -> bool:
        waiting = [name for name in names if name not in self._paused_at_s]
        for name in waiting:
            if name not in self._sold_at_s:
                self._sell(name)
        self._producer.poll(0)
        return not waiting

    def _send_steadily(self) -> None:
        try:
            load, begun_s, sent, paused = self._load, time.monotonic(), 0, 0
            total = int(load.per_second * (load.warm_up_s + load.seconds))
            while sent < total:
                due = min(total, int((time.monotonic() - begun_s) * load.per_second))
                for number in range(sent, due):
                    if number % load.every == 0:
                        self._sell(self._names[paused])
                        paused += 1
                    else:
                        self._send(self._traffic.next_of(self._traffic.skus[number % LATENCY_SKUS])[0])
                sent = due
                self._producer.poll(SEND_EVERY_S)
            self._producer.flush(FLUSH_S)
        except BaseException as failure:  # noqa: BLE001 - handed over to the main thread
            self._failure = failure

    def _sell(self, name: str) -> None:
        sale = Transaction(
            transaction_id="sale",
            source="pos",
            kind=Kind.SALE,
            sku=name,
            location=LOCATION,
            quantity=1,
            occurred_at_ms=now_ms(),
        )
        self._sold_at_s[name] = time.monotonic()
        self._send(sale)

    def _send(self, transaction: Transaction) -> None:
        self._producer.produce(self._topic, self._encode(transaction), transaction.sku.encode())
        self._producer.poll(0)

    def _hear(self, command: Command, now_s: float) -> bool:
        if command.kind is CommandKind.PAUSE:
            self._paused_at_s.setdefault(command.campaign_id, now_s)
        return True

    def _until(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > deadline:
                fail(f"Not {what} came within {PATIENCE_S:.0f} s; the measurement is given up.")
            time.sleep(SEND_EVERY_S)


def last_unit(sku: str) -> Transaction:
    """The one unit that an advertised SKU has."""
    return Transaction(
        transaction_id="opening",
        source="wms",
        kind=Kind.RECEIPT,
        sku=sku,
        location=LOCATION,
        quantity=1,
        occurred_at_ms=now_ms(),
    )


def pause_latency(context: Context, load: CampaignLoad) -> Latency:
    """Measure on the cluster that `context` names, under names of its own."""
    try:
        with Stage(context.topology, context.topology_path, on_own_cluster=True, agents=AGENTS) as stage:
            stage.start_worker()
            run = CampaignRun(stage, load)
            try:
                run.open()
                return run.measure()
            finally:
                run.close()
    except StageFailed as failed:
        fail(f"The bench cannot run: {failed}")

"""Two workers on Apache Kafka while processes are killed and frozen, and the broker too: every input is answered exactly once.

The judge is an oracle that folds the committed input partition by partition and must agree to the last field.
"""

from __future__ import annotations

import random
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agents.inventory.answers import Answer, Status
from agents.inventory.transactions import Kind, Transaction
from tests.integration.harness import Stage, Worker, a_transaction, receipt, reserve
from tools.brokers.apache_kafka import ApacheKafka, unavailable_reason
from tools.brokers.scratch import ClusterAddress

pytestmark = [pytest.mark.kafka, pytest.mark.chaos, pytest.mark.slow]

PARTITIONS = 8
SKUS = 300
PER_SECOND = 300
STEP_S = 0.02
NOTICES = frozenset({Status.EXPIRED, Status.YIELDED, Status.MOVED, Status.COVERED})


@dataclass
class Load:
    """A stream of transactions, and when each was sent and answered."""

    stage: Stage
    random: random.Random = field(default_factory=lambda: random.Random(7))
    sent_at: dict[str, float] = field(default_factory=dict)
    answered_at: dict[str, float] = field(default_factory=dict)
    _open: list[tuple[str, str]] = field(default_factory=list)
    _seen: dict[int, int] = field(default_factory=dict)

    def run(self, seconds: float, per_second: int, events: list[tuple[float, Callable[[], None]]]) -> None:
        """Send so many a second, do each event at its time, take in the answers meanwhile."""
        began, waiting = time.monotonic(), sorted(events, key=lambda event: event[0])
        while (at := time.monotonic() - began) < seconds or waiting:
            while waiting and waiting[0][0] <= at:
                waiting.pop(0)[1]()
            while len(self.sent_at) < min(at, seconds) * per_second:
                self.send(self.next())
            self.take_in(STEP_S)
        self.stage.flush()

    def send(self, transaction: Transaction) -> None:
        self.stage.offer(transaction)
        self.sent_at[transaction.transaction_id] = time.monotonic()

    def next(self) -> Transaction:
        """Some stock, many claims, what follows of them, some sales."""
        number = f"t{len(self.sent_at)}"
        sku, what = f"shoe-{self.random.randrange(SKUS)}", self.random.random()
        if what < 0.15:
            return receipt(sku, 20, number)
        if what < 0.60 or not self._open:
            self._open.append((sku, number))
            # Short-lived ones expire on their own, those of idle SKUs by a wake-up.
            return reserve(sku, self.random.randint(1, 4), number, number, ttl_ms=self.random.choice([3_000, 900_000]))
        if what < 0.80:
            sku, holder = self._open.pop(self.random.randrange(len(self._open)))
            return a_transaction(Kind.RELEASE, sku, number, holder=holder, quantity=1)
        if what < 0.90:
            sku, holder = self._open[self.random.randrange(len(self._open))]
            return a_transaction(Kind.ALLOCATE, sku, number, location=None, holder=holder, confirm=True)
        return a_transaction(Kind.SALE, sku, number, quantity=1)

    def take_in(self, seconds: float) -> None:
        """Note when answers came."""
        tail = self.stage.tail("answer")
        tail.poll(seconds)
        now = time.monotonic()
        for partition, said in tail.said.items():
            for answer in said[self._seen.get(partition, 0) :]:
                self.answered_at.setdefault(answer.transaction_id, now)
            self._seen[partition] = len(said)

    def longest_wait(self, since: float, until: float) -> float:
        """Of the transactions sent in that time: how long the slowest answer took, seconds."""
        waits = [
            self.answered_at[number] - at
            for number, at in self.sent_at.items()
            if since <= at <= until and number in self.answered_at
        ]
        return max(waits, default=0.0)

    def each_is_answered_once(self, *, in_the_log_once: bool = True) -> int:
        """Counted without the oracle. Returns how many answers there are.

        A broker that was killed may have a record twice that was sent once. Each record has one answer even then, and all
        but the first one tell the first one again: decided was once.
        """
        answers: list[Answer] = [each for each in self.stage.tail("answer").all if each.status not in NOTICES]
        said: dict[str, list[Answer]] = defaultdict(list)
        for each in answers:
            said[each.transaction_id].append(each)
        there = Counter(
            transaction.transaction_id for want in self.stage.expected().values() for transaction in want.transactions
        )
        missing = [number for number in self.sent_at if number not in said]
        assert not missing, f"{len(missing)} of {len(self.sent_at)} were never answered: {missing[:10]}"
        copied = [number for number in self.sent_at if there[number] != 1]
        assert not (copied and in_the_log_once), f"{len(copied)} are in the log more than once: {copied[:10]}"
        odd = [number for number in self.sent_at if len(said[number]) != there[number]]
        assert not odd, f"{len(odd)} have not one answer for each record: {odd[:10]}"
        decided = [number for number in self.sent_at if said[number][0].repeats is not None]
        decided += [n for n in self.sent_at if any(each.repeats != said[n][0].event_id for each in said[n][1:])]
        assert not decided, f"{len(decided)} were decided more than once: {decided[:10]}"
        return len(answers)


@pytest.mark.timeout(300)
def test_three_kills_and_a_frozen_zombie_lose_nothing_and_double_nothing(
    kafka: ClusterAddress, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    with Stage(kafka, tmp_path, partitions=PARTITIONS) as stage:
        workers = [stage.worker(name).start() for name in ("a", "b")]
        wait_until_shared(workers)
        load, blows = Load(stage), list[float]()

        def kill(worker: Worker) -> None:
            blows.append(time.monotonic())
            worker.kill()
            worker.start()

        def freeze() -> None:
            blows.append(time.monotonic())
            workers[1].signal(signal.SIGSTOP)

        load.run(
            62,
            PER_SECOND,
            [
                (5, lambda: kill(workers[0])),
                (18, lambda: kill(workers[1])),
                (30, lambda: kill(workers[0])),
                (42, freeze),
                (54, lambda: workers[1].signal(signal.SIGCONT)),
            ],
        )
        stage.settle(90)
        answers = load.each_is_answered_once()
        expected = stage.judge()
        take_overs = [round(load.longest_wait(blow - 0.5, blow + 9), 1) for blow in blows]
        figures = {
            "sent": len(load.sent_at),
            "answers": answers,
            "journal": sum(len(each.journal) for each in expected.values()),
            "expired": sum(said.status is Status.EXPIRED for said in stage.tail("answer").all),
            "doubled": 0,
            "longest_wait_s": take_overs,
        }
        print(figures)  # noqa: T201
        record_property("figures", figures)
        assert max(take_overs) < 20, take_overs
        wait_until_shared(workers)  # the thawed one works again


@pytest.mark.timeout(240)
def test_a_broker_killed_under_load_loses_nothing_and_doubles_nothing(tmp_path: Path) -> None:
    reason = unavailable_reason()
    if reason:
        pytest.skip(reason)
    with ApacheKafka(tmp_path / "kafka") as broker:
        cluster = ClusterAddress(broker.bootstrap, broker.client_settings)
        with Stage(cluster, tmp_path, partitions=4) as stage:
            worker = stage.worker("a").start().until_ready(60)
            load = Load(stage)

            def blow() -> None:
                broker.kill()
                broker.start()

            load.run(20, 150, [(6, blow)])
            stage.settle(90)
            load.each_is_answered_once(in_the_log_once=False)
            stage.judge()
            assert worker.running


def wait_until_shared(workers: list[Worker]) -> None:
    """Both run, and together they have all partitions."""
    for worker in workers:
        worker.until_ready(60)
    deadline = time.monotonic() + 60
    while sum(len(worker.status().get("partitions", ())) for worker in workers) != PARTITIONS or not all(
        worker.status().get("ready") for worker in workers
    ):
        assert time.monotonic() < deadline, [worker.tail() for worker in workers]
        time.sleep(0.1)

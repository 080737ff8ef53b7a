"""The consumer's pump on a real broker: what comes of a partition when its client brings nothing more."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Callable, Mapping

import pytest
from confluent_kafka import Producer, TopicPartition

from agents.runtime import pump as pumping
from agents.runtime.fold import InputRecord
from agents.runtime.plan import CONSUMER_DEFAULTS, HELD_FAST
from agents.runtime.pump import Pump
from agents.runtime.topology import Topology
from agents.stock_keeper import AGENT
from tests.conftest import MakeScratch
from tools.brokers.scratch import ClusterAddress

SILENT_S = 0.5
PATIENCE_S = 60.0


class Ears:
    """Hears everything, and starts each partition at its beginning."""

    def __init__(self) -> None:
        self.pump: Pump | None = None
        self.offsets: dict[int, list[int]] = {}
        self.standing: set[int] = set()

    async def assigned(self, partitions: list[int]) -> None:
        assert self.pump is not None
        for partition in partitions:
            self.pump.start(partition, 0)

    async def taken(self, partitions: list[int]) -> None:
        self.standing.difference_update(partitions)

    def arrived(self, records: Mapping[int, list[InputRecord]]) -> None:
        for partition, came in records.items():
            self.offsets.setdefault(partition, []).extend(record.offset() for record in came)

    def started(self, partition: int) -> None:
        self.standing.add(partition)

    def lost_its_place(self, partition: int, why: str) -> None:
        raise AssertionError(f"{partition}: {why}")

    def broken(self, why: str) -> None:
        raise AssertionError(why)

    def positions(self) -> Mapping[int, int]:
        return {}

    async def until(self, offsets: dict[int, list[int]]) -> None:
        """Wait for these."""
        deadline = time.monotonic() + PATIENCE_S
        while self.offsets != offsets:
            assert time.monotonic() < deadline, (self.offsets, offsets)
            await asyncio.sleep(0.02)


@pytest.mark.kafka
def test_a_partition_that_stands_still_is_asked_for_again_and_nothing_comes_twice_or_is_left_out(
    kafka: ClusterAddress, make_scratch: MakeScratch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pumping, "SILENT_S", SILENT_S)
    topology = make_scratch(kafka, create=True)
    asyncio.run(stand_still(topology))


async def stand_still(topology: Topology) -> None:
    """Records come; the client stops bringing those of partition 0 without a word; more records come."""
    topic, ears = topology.agents[AGENT].folds, Ears()
    settings = {
        **topology.kafka,
        **CONSUMER_DEFAULTS,
        **HELD_FAST,
        "group.id": f"{topology.app}.pump",
        "group.protocol": "consumer",
    }
    ears.pump = pump = Pump(topic, settings, ears, asyncio.get_running_loop())
    producer = Producer({**topology.kafka, "enable.idempotence": True})
    pump.begin()
    try:
        send(producer, topic, 3)
        await ears.until({0: [0, 1, 2], 1: [0, 1, 2]})
        consumer = pump._consumer
        assert consumer is not None
        stopped = asyncio.Event()
        on_the_thread(pump, lambda: consumer.pause([TopicPartition(topic, 0)]), stopped)  # it takes no note of that
        await stopped.wait()
        send(producer, topic, 3)
        await ears.until({0: [0, 1, 2, 3, 4, 5], 1: [0, 1, 2, 3, 4, 5]})
        pump.pause(0)
        paused = asyncio.Event()
        on_the_thread(pump, lambda: None, paused)
        await paused.wait()
        send(producer, topic, 1)
        await ears.until({0: [0, 1, 2, 3, 4, 5], 1: [0, 1, 2, 3, 4, 5, 6]})
        paused_one, other = pump._following[0], pump._following[1]
        looked_at = other.since
        deadline = time.monotonic() + PATIENCE_S
        while (
            other.since <= looked_at + SILENT_S
        ):  # until the other one was looked after, which has brought nothing either
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        assert not paused_one.asked
        assert ears.offsets[0] == [0, 1, 2, 3, 4, 5], "who is paused is not silent"
        pump.resume(0)
        await ears.until({0: [0, 1, 2, 3, 4, 5, 6], 1: [0, 1, 2, 3, 4, 5, 6]})
    finally:
        await asyncio.get_running_loop().run_in_executor(None, pump.stop)


def on_the_thread(pump: Pump, job: Callable[[], None], done: asyncio.Event) -> None:
    """Do it with the next poll: from another thread the consumer would keep the caller waiting."""
    loop = asyncio.get_running_loop()
    pump._jobs.append(job)
    pump._jobs.append(functools.partial(told, loop, done))


def told(loop: asyncio.AbstractEventLoop, done: asyncio.Event) -> None:
    """Said to the loop from the pump's thread."""
    loop.call_soon_threadsafe(done.set)


def send(producer: Producer, topic: str, count: int) -> None:
    """So many records to each of the two partitions."""
    for partition in (0, 1):
        for _ in range(count):
            producer.produce(topic, b"v", b"k", partition)
    assert producer.flush(20) == 0

# ruff: noqa: ARG002, ASYNC109 - Faust gives the signatures
"""The Faust transport `onhand://`: Faust's agents, fed by librdkafka, one owner per partition.

Faust gives agents, lifecycle and timers. What it does with offsets, acks, tables and fetching is not used: those calls
do nothing here, and the position is in the state. See docs/concepts/runtime.md.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from faust.events import Event
from faust.transport import base
from faust.transport.consumer import Consumer as FaustConsumer
from faust.types import TP, ConsumerMessage

from agents.runtime.custody import Custody
from agents.runtime.fold import InputRecord
from agents.runtime.plan import WorkerPlan
from agents.runtime.pump import Pump

log = logging.getLogger("onhand.transport")

COLLECT_AFTER = (10_000, 20, 100)
"""New objects before the youngest are looked through; such rounds before the next older ones are, and so on."""


def collect_less_often() -> None:
    """Let Python look for garbage in cycles less often. This is global on purpose: the collector is the process's.

    A chunk makes tens of thousands of objects that live until its commit and are in no cycle. By default they would be
    looked through every 700 of them, and now and then with all that is cached: that costs more than a thin fold does.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_AFTER)


class Chunk(ConsumerMessage):
    """Faust's envelope of a chunk; always of the present generation, so that Faust never drops it."""

    app: Any

    @property
    def generation_id(self) -> int:
        """Of the app, whatever it is now: whether a chunk still counts is decided by its owner, not by Faust."""
        return int(self.app.consumer_generation_id)

    @generation_id.setter
    def generation_id(self, _: int) -> None:
        """Faust sets what is not used."""


class Consumer(FaustConsumer):
    """Starts the pump and the custody, and tells Faust which partitions its agents have."""

    custody: Custody

    async def on_start(self) -> None:
        """Make everything; nothing is polled before Faust has subscribed."""
        collect_less_often()
        self.plan: WorkerPlan = self.app.plan  # type: ignore[attr-defined]
        self._pool = ThreadPoolExecutor(self.plan.threads, thread_name_prefix="onhand")
        self._assigned: set[TP] = set()
        self._assigning = asyncio.Lock()
        self._ticking: asyncio.Task[None] | None = None
        self._protocol = await asyncio.get_running_loop().run_in_executor(self._pool, self.plan.group_protocol)
        log.info("group %s, protocol %s", self.plan.group, self._protocol.name)
        self.custody = Custody(
            self.plan.open_owner,
            self._pool,
            self._deliver,
            self.plan.stop_worker,
            self._tell_agents,
            self._protocol.heartbeat_interval_ms,
            unparkings=self.plan.unparkings,
        )
        self.plan.watch(self.custody)

    async def subscribe(self, topics: Any) -> None:
        """Faust is ready: poll from now on."""
        if self.custody.pump is None:
            pump = Pump(
                self.plan.topic,
                self.plan.consumer_settings(self._protocol.name),
                self.custody,
                asyncio.get_running_loop(),
            )
            self.custody.pump = pump
            self._pump = pump
            self._ticking = asyncio.create_task(self.custody.tick())
            pump.begin()

    async def on_stop(self) -> None:
        """Finish the chunks in flight, close the owners, leave the group."""
        self.custody.leave()
        if self.custody.pump is not None:
            await asyncio.get_running_loop().run_in_executor(self._pool, self._pump.stop)
        if self._ticking is not None:
            self._ticking.cancel()

    def _deliver(self, partition: int, records: list[InputRecord]) -> None:
        """Put one chunk into the queue of the partition's agent."""
        tp = TP(self.plan.topic, partition)
        channels = self.app.topics._tp_index.get(tp, ())  # type: ignore[attr-defined]
        if len(channels) != 1:
            # To none the chunk would be lost without a word, and by two it would be decided twice.
            self.plan.stop_worker(
                f"A bug of the runtime: {len(channels)} agents have {tp.topic}[{partition}]. "
                "The state is safe; start the worker again."
            )
            return
        message = Chunk(tp.topic, partition, 0, 0.0, 0, [], None, None, None, 0, 0, tp)
        message.app = self.app
        for channel in channels:
            channel.queue.put_nowait(Event(self.app, None, records, {}, message))

    async def _tell_agents(self, partitions: set[int]) -> None:
        """Faust must have an actor for each partition, and forget those that are gone, or its conductor asserts."""
        async with self._assigning:
            assigned = {TP(self.plan.topic, partition) for partition in partitions}
            gone, kept = self._assigned - assigned, self._assigned & assigned
            self._assigned = assigned
            self.app.consumer_generation_id += 1
            if gone:
                # Not yet of those that came meanwhile: Faust gives an actor to what is new to it.
                self.app._update_assignment(kept)  # type: ignore[attr-defined]
                await self.app.agents.on_rebalance(gone, set())
            if assigned and not self.custody.leaving:
                self.app.on_rebalance_start()
                await self.on_partitions_assigned(set(assigned), self.app.consumer_generation_id)

    # -- what Faust asks of a consumer and gets no more than an answer to ----------------------------------------------

    def assignment(self) -> set[TP]:
        """The partitions that are ours."""
        return set(self._assigned)

    def topic_partitions(self, topic: str) -> int | None:
        """How many partitions the input topic has."""
        return self.plan.partitions

    def key_partition(self, topic: str, key: bytes | None, partition: int | None = None) -> int | None:
        """Agents of ours do not send through Faust."""
        return partition

    async def _drain_messages(self, fetcher: Any) -> None:
        """The pump delivers; Faust's fetcher only has to exist.

        It is cancelled when the worker leaves. Told so while partitions change hands, Faust would take it for a crash.
        """
        with contextlib.suppress(asyncio.CancelledError):
            await fetcher.wait_until_stopped()

    async def commit(self, *_: Any, **__: Any) -> bool:
        """The position is committed with the outputs, by the owner."""
        return False

    async def _commit(self, offsets: Any) -> bool:
        return False

    async def verify_all_partitions_active(self) -> None:
        """Faust's livelock detector looks at acks, which are not used."""

    async def create_topic(self, *_: Any, **__: Any) -> None:
        """`onhand topics create` does this."""

    async def seek_to_committed(self) -> dict[TP, int]:
        """Owners know where to begin."""
        return {}

    async def _seek(self, partition: TP, offset: int) -> None:
        """Owners know where to begin."""

    async def seek_wait(self, partitions: Any) -> None:
        """Owners know where to begin."""

    def _new_topicpartition(self, topic: str, partition: int) -> TP:
        return TP(topic, partition)

    async def position(self, tp: TP) -> int | None:
        """Not kept here."""
        return None

    async def earliest_offsets(self, *partitions: TP) -> dict[TP, int]:
        """Faust has no tables here."""
        return {}

    async def highwaters(self, *partitions: TP) -> dict[TP, int]:
        """Faust has no tables here."""
        return {}

    def highwater(self, tp: TP) -> int:
        """Faust has no tables here."""
        return 0

    async def _getmany(self, active_partitions: Any, timeout: float) -> dict[TP, Any]:
        return {}

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        raise TypeError("records go to the agents in chunks, see Consumer._deliver")


class Producer(base.Producer):
    """Owners have producers of their own, in transactions; Faust's sends nothing."""

    async def create_topic(self, *_: Any, **__: Any) -> None:
        """`onhand topics create` does this."""

    async def flush(self) -> None:
        """Nothing is ever buffered."""

    def key_partition(self, topic: str, key: bytes) -> TP:
        """Not used."""
        return TP(topic, 0)


class Transport(base.Transport):
    """Entry point `faust.transports`: `onhand`."""

    Consumer = Consumer
    Producer = Producer
    default_port = 9092
    driver_version = "onhand"

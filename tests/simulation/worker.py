"""A worker in the virtual world: the real custody, opener, owner, fold and pump, with virtual surroundings.

What Faust does is done here in a few lines: a queue and a task for each partition.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

from confluent_kafka import TopicPartition

from agents.runtime.broker_errors import BrokerUnusable
from agents.runtime.custody import Custody, Standing
from agents.runtime.fold import InputRecord
from agents.runtime.opener import Opener
from agents.runtime.opening import LogFigures
from agents.runtime.owner import Owner
from agents.runtime.plan import WorkerPlan
from agents.runtime.pump import _TAKEN_PATIENCE_S, Pump
from agents.runtime.surroundings import Surroundings
from tests.simulation.consumer import VirtualConsumer
from tests.simulation.disk import opener_of_stores
from tests.simulation.group import HEARTBEAT_MS
from tests.simulation.process import Process
from tests.simulation.producer import VirtualProducer
from tests.simulation.setting import CHANGELOG, CODEC, INPUT, KEEPER, LOGIC, SAYS, TOPIC_ID, TOPOLOGY

if TYPE_CHECKING:
    from tests.simulation.world import World

IDLE_POLL_MS = 400
CORES = 2
_HEARTBEAT = CODEC.decoder(SAYS["heartbeat"], "heartbeat")


class VirtualFigures:
    """What the virtual broker says of the logs of a partition."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self.hides_after_aborts = process.world.plan.is_embedded

    def of(self, partition: int) -> LogFigures:
        world = self._process.world
        self._process.pause("ask for figures")
        if world.meets("broker away"):
            raise BrokerUnusable("Nobody answers.", "Wait.")
        source, changelog = world.broker.log(INPUT, partition), world.broker.log(CHANGELOG, partition)
        return LogFigures(
            topic=INPUT,
            partition=partition,
            input_start=0,
            input_end=source.stable_end,
            input_topic_id="" if self.hides_after_aborts else TOPIC_ID,
            changelog=CHANGELOG,
            changelog_start=0,
            changelog_end=changelog.stable_end,
            changelog_cleanup_policy="compact",
            changelog_delete_retention_ms=world.plan.delete_retention_ms,
            told_position=self._told_position(partition),
        )

    def _told_position(self, partition: int) -> int:
        """Of the last heartbeat that was committed for the partition."""
        log = self._process.world.broker.log(SAYS["heartbeat"], partition)
        for entry in reversed(log.committed(0, log.stable_end)):
            return int(_HEARTBEAT(entry.value).input_position)
        return 0


class VirtualPump(Pump):
    """The real one without its thread: the world polls. While it waits for partitions to be given up, it does not."""

    _waits_for: asyncio.Future[None] | None = None
    _patient_until = 0.0
    _gone: list[TopicPartition]

    def begin(self) -> None:
        self._subscribe()

    @property
    def wants_poll(self) -> bool:
        if self._waits_for is not None:
            return self._waits_for.done() or self._surroundings.monotonic() >= self._patient_until
        return bool(self._jobs) or self.consumer.wants_poll()

    @property
    def is_waiting(self) -> bool:
        return self._waits_for is not None

    @property
    def consumer(self) -> VirtualConsumer:
        consumer: Any = self._consumer
        assert isinstance(consumer, VirtualConsumer)
        return consumer

    def poll(self) -> None:
        if self._waits_for is not None:
            self._waits_for = None
            self.consumer.incremental_unassign(self._gone)
        else:
            self._poll()

    def give_up_everything(self) -> None:
        """As the consumer does when it is closed."""
        member = self.consumer.member
        owned = [] if member is None or member.evicted else sorted(member.owned)
        if owned:
            self._on_taken(self.consumer, [TopicPartition(INPUT, partition) for partition in owned])

    def _ask(self, work: Coroutine[Any, Any, None]) -> Any:
        return self._loop.create_task(work)

    def _on_taken(self, consumer: Any, partitions: list[TopicPartition]) -> None:
        self._gone = partitions
        self._patient_until = self._surroundings.monotonic() + _TAKEN_PATIENCE_S
        self._waits_for = self._ask(self._listener.taken([each.partition for each in partitions]))


class VirtualWorker(Process):
    """One process of `onhand worker`."""

    def __init__(self, world: World, name: str, directory: Path | None) -> None:
        super().__init__(world, name)
        self.skew_ms = world.plan.skews_ms[name]
        self.leaving = False
        self.next_poll_ms = 0
        plan = WorkerPlan(TOPOLOGY, KEEPER, LOGIC, CODEC, name)
        open_store, remove_store = opener_of_stores(self, directory)
        surroundings = Surroundings(
            producer=lambda settings, logger=None: VirtualProducer(self, settings),  # type: ignore[arg-type, return-value]
            consumer=lambda settings, logger=None: VirtualConsumer(self, settings),  # type: ignore[arg-type, return-value]
            now_ms=self.now_ms,
            monotonic=world.clock.monotonic,
            open_store=open_store,
            remove_store=remove_store,
            cores=CORES,
        )
        opener = Opener(plan._opener_settings(CODEC, accept_loss=False), VirtualFigures(self), surroundings)
        self._queues: dict[int, asyncio.Queue[list[InputRecord]]] = defaultdict(asyncio.Queue)
        self._agents: dict[int, asyncio.Task[None]] = {}
        self.custody = Custody(
            opener.open,
            self,  # type: ignore[arg-type]
            lambda partition, records: self._queues[partition].put_nowait(records),
            self._stop,
            self._assignment,
            HEARTBEAT_MS,
            surroundings,
        )
        settings = plan.consumer_settings("consumer")
        self.pump = VirtualPump(plan.topic, settings, self.custody, self.loop, surroundings)
        self.custody.pump = self.pump
        self.loop.create_task(self.custody.tick())
        self.pump.begin()

    def wants_poll(self) -> bool:
        return self.pump.wants_poll or (
            not self.pump.is_waiting and self.world.clock.now_ms >= self.next_poll_ms and not self.leaving
        )

    def poll(self) -> None:
        self.next_poll_ms = self.world.clock.now_ms + IDLE_POLL_MS
        self.pump.poll()
        if self.leaving and not self.pump.is_waiting:
            self.pump.consumer.close()
            self.world.left(self)

    def leave(self) -> None:
        """SIGTERM: finish what is in flight, give everything up, end."""
        self.leaving = True
        self.custody.leave()
        if not self.pump.is_waiting:
            self.pump.give_up_everything()

    def owners(self) -> dict[int, Owner]:
        """The open owners that take records, by partition."""
        return {
            partition: held.owner
            for partition, held in self.custody.held.items()
            if held.owner is not None and held.standing is Standing.RUNNING and held.listening
        }

    def _stop(self, why: str) -> None:
        if self.alive and not self.leaving:
            self.world.fail(f"{self.name} was stopped: {why}")

    async def _assignment(self, partitions: set[int]) -> None:
        for partition in sorted(partitions - self._agents.keys()):
            self._agents[partition] = asyncio.get_running_loop().create_task(self._agent(partition))
        for partition in sorted(self._agents.keys() - partitions):
            self._agents.pop(partition).cancel()
            self._queues.pop(partition, None)

    async def _agent(self, partition: int) -> None:
        queue = self._queues[partition]
        while True:
            await self.custody.apply(partition, await queue.get())

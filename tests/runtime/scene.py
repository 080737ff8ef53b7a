"""A custody on a real event loop, with stand-ins for owner and pump that note what is asked of them."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from agents.runtime.custody import Custody, Standing
from agents.runtime.faults import Fault
from agents.runtime.fold import InputRecord
from agents.runtime.owner import Counts, Parked
from agents.runtime.unparking import Skip
from tests.runtime.parts import Calls, HandMade

HEARTBEAT_MS = 100
PATIENCE_S = 10.0


class StandInOwner:
    """Notes what is asked of it. What happens at each decide and commit is told beforehand; then all goes well."""

    def __init__(self, partition: int, position: int = 0) -> None:
        self.partition = partition
        self.input_position = position
        self.time_ms = 0
        self.counts = Counts()
        self.decided: list[list[int]] = []
        self.committed: list[list[int]] = []
        self.decides: list[Exception] = []
        self.commits: list[Fault | Exception] = []
        self.gate = threading.Event()
        self.gate.set()
        self.in_commit = threading.Event()
        self.lock = threading.Lock()
        self.closed = False
        self.alerts = 0
        self.skip: Skip | None = None

    def decide(self, records: Sequence[InputRecord]) -> Any:
        assert not self.closed, "a closed owner was asked to decide"
        offsets = [record.offset() for record in records]
        self.decided.append(offsets)
        if self.decides:
            raise self.decides.pop(0)
        return offsets

    def commit(self, prepared: Any) -> Fault | None:
        with self.lock:
            self.in_commit.set()
            assert self.gate.wait(PATIENCE_S)
            if self.commits:
                met = self.commits.pop(0)
                if isinstance(met, Exception):
                    raise met
                return met
            self.committed.append(prepared)
            self.input_position = prepared[-1] + 1
            return None

    def by_the_clock(self, input_position: int, record_time_ms: int) -> list[Any]:
        return []

    def parking_alert(self, parked: Parked) -> list[Any]:
        return [parked]

    def say(self, outbox: list[Any]) -> Fault | None:
        self.alerts += len(outbox)
        return None

    def close(self) -> None:
        with self.lock:  # as the real one: after the commit in flight
            self.closed = True


class StandInPump:
    """Notes what is asked of the consumer."""

    def __init__(self) -> None:
        self.calls = Calls()
        self.last_poll_ms = 0

    def start(self, partition: int, position: int) -> None:
        self.calls.note("start", partition, position)

    def pause(self, partition: int) -> None:
        self.calls.note("pause", partition)

    def resume(self, partition: int) -> None:
        self.calls.note("resume", partition)


class Assigning:
    """What every scene does with its custody."""

    custody: Custody
    owners: dict[int, list[StandInOwner]]

    async def assign(self, *partitions: int) -> None:
        """Assigned, opened and started."""
        await self.custody.assigned(list(partitions))
        for partition in partitions:
            await self.until_running(partition)

    async def until_running(self, partition: int) -> StandInOwner:
        held = self.custody.held[partition]
        await until(lambda: held.standing is Standing.RUNNING and held.owner is not None)
        self.custody.started(partition)
        return self.owners[partition][-1]

    def arrive(self, partition: int, *offsets: int) -> None:
        self.custody.arrived({partition: [HandMade(b"k", b"", at) for at in offsets]})

    def open_gates(self) -> None:
        """So that no commit waits for ever."""
        for owner in (owner for owners in self.owners.values() for owner in owners):
            owner.gate.set()


class Scene(Assigning):
    """A custody on this loop, with one agent task for each partition."""

    def __init__(self) -> None:
        self.owners = defaultdict(list)
        self.opening: Callable[[int, Callable[[], bool]], StandInOwner] = lambda partition, _: StandInOwner(partition)
        self.stops: list[str] = []
        self.pump = StandInPump()
        self.queues: dict[int, asyncio.Queue[list[InputRecord]]] = defaultdict(asyncio.Queue)
        self.agents: dict[int, asyncio.Task[None]] = {}
        self.pool = ThreadPoolExecutor(8)
        self.custody = Custody(
            self._open,  # type: ignore[arg-type]
            self.pool,
            self._deliver,
            self.stops.append,
            self._assignment,
            HEARTBEAT_MS,
        )
        self.custody.pump = self.pump

    def _open(self, partition: int, given_up: Callable[[], bool]) -> StandInOwner:
        owner = self.opening(partition, given_up)
        self.owners[partition].append(owner)
        return owner

    def _deliver(self, partition: int, records: list[InputRecord]) -> None:
        self.queues[partition].put_nowait(records)

    async def _assignment(self, partitions: set[int]) -> None:
        for partition in partitions - self.agents.keys():
            self.agents[partition] = asyncio.create_task(self._agent(partition))
        for partition in self.agents.keys() - partitions:
            self.agents.pop(partition).cancel()
            self.queues.pop(partition, None)

    async def _agent(self, partition: int) -> None:
        queue = self.queues[partition]
        while True:
            await self.custody.apply(partition, await queue.get())

    async def close(self) -> None:
        self.custody.leave()
        self.open_gates()
        for task in self.agents.values():
            task.cancel()
        await asyncio.sleep(0)
        self.pool.shutdown()


async def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        await asyncio.sleep(0.002)


def play(scene: Callable[[Scene], Coroutine[Any, Any, None]]) -> Scene:
    """Run a scene on a loop of its own."""

    async def run() -> Scene:
        made = Scene()
        try:
            await scene(made)
        finally:
            await made.close()
        return made

    return asyncio.run(run())

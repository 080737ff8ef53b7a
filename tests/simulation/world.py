"""One virtual world: a broker, a clock, a disk, some workers, a trade, faults. One seed decides all of it.

The world takes steps: one round of a worker's event loop, one job of its pool, one poll of its consumer, or, when nobody
has anything to do, the next moment at which somebody will. Which step comes next is drawn.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

from agents.state.ledger import LEDGER_TABLES
from tests.simulation.broker import Broker, Transaction
from tests.simulation.disk import Disk
from tests.simulation.events import Events
from tests.simulation.group import SESSION_MS, Group
from tests.simulation.loop import BEGINS_MS, Clock
from tests.simulation.plan import Plan
from tests.simulation.process import Process
from tests.simulation.producer import VirtualProducer
from tests.simulation.setting import CHANGELOG, INPUT, PARTITIONS, TOPICS
from tests.simulation.traffic import LONGEST_TTL_MS
from tests.simulation.watch import Watch
from tests.simulation.worker import VirtualWorker

TRANSACTION_TIMEOUT_MS = 10_000
SELDOM = frozenset({"restore", "abort", "fence off", "fenced off", "half produced"})
"""Boundaries that are passed seldom; a crash is three times as likely there."""
DEEPEST = 4
"""Calls that block within calls that block."""
LATEST_WAKE_UP_MS = 10_000
LAG_GONE_MS = 60_000
"""So long after the last fault the lag must be 0."""
MOST_STEPS = 60_000


class Violation(AssertionError):
    """An invariant is broken."""


class World:
    """See the module's docstring."""

    def __init__(self, seed: int, *, directory: Path | None = None) -> None:
        """`directory`: where RocksDB keeps the local stores; None = in memory, and crashes lose what was not flushed."""
        self.seed = seed
        self.chance = Random(seed)
        self.plan = Plan(self.chance)
        self.clock = Clock()
        self.broker = Broker(self.clock, TOPICS)
        self.group = Group(PARTITIONS, self.chance)
        self.group_offsets: dict[tuple[str, int], int] = {}
        self.disk = Disk()
        self.tables = LEDGER_TABLES
        self.watch = Watch(self.broker, self.fail, lambda: self.clock.now_ms)
        self.workers: list[VirtualWorker] = []
        self.trace: list[tuple[Any, ...]] = []
        self.steps = 0
        self.failure: str | None = None
        self.closed_until_ms = 0
        """Nobody is there until then."""
        self._directory = directory
        self._timeline: list[tuple[int, int, Callable[[], None]]] = []
        self._number = 0
        self._generation = 0
        self._depth = 0
        self._all_due_ms = 0
        self.broker.on_ended = self._ended
        self.broker.on_begun = self._begun
        self._events = Events(self)

    # -- the whole run -----------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Raises Violation."""
        with _quiet():
            try:
                self.note("world", str(self.plan))
                for name in self.plan.names:
                    self.start(name)
                self._events.schedule()
                self._until(lambda: self._events.over, 10 * LAG_GONE_MS)
                self._heal()
                self._until(lambda: self._settled, LAG_GONE_MS)
                self._finish()
            finally:
                for worker in self.workers:
                    worker.die()

    def _until(self, condition: Callable[[], bool], patience_ms: int) -> None:
        deadline = self.clock.now_ms + patience_ms
        while not condition():
            if self.clock.now_ms > deadline:
                self.fail(f"after {patience_ms} ms of calm: {self._lag()}")
            self.step()

    def _heal(self) -> None:
        self.note("world", "heals")
        self.plan.heal()
        self.broker.append_skew_ms = 0
        for worker in self.workers:
            worker.frozen_until_ms = worker.deaf_until_ms = self.clock.now_ms
        self._all_due_ms = self.clock.now_ms + LONGEST_TTL_MS
        for name in self.plan.names:
            if name not in {worker.name for worker in self.workers}:
                self.start(name)

    @property
    def _settled(self) -> bool:
        for partition, oracle in enumerate(self.watch.oracles):
            log = self.broker.log(INPUT, partition)
            if (
                oracle.has_due(self._all_due_ms)
                or oracle.is_walking
                or log.open
                or log.committed(oracle.position, log.end)
            ):
                return False
        owners: list[int] = []
        for worker in self.workers:
            for partition, owner in worker.owners().items():
                if owner.input_position < self.watch.oracles[partition].position:
                    return False
                owners.append(partition)
        return sorted(owners) == list(range(PARTITIONS)) and not any(worker.jobs for worker in self.workers)

    def _lag(self) -> str:
        said = []
        for partition, oracle in enumerate(self.watch.oracles):
            log = self.broker.log(INPUT, partition)
            held = [
                f"{worker.name} {worker.custody.held[partition].standing} {worker.custody.held[partition].why}".strip()
                for worker in self.workers
                if partition in worker.custody.held
            ]
            left = len(log.committed(oracle.position, log.end))
            due = ", something due was never woken" if oracle.has_due(self.clock.now_ms - LATEST_WAKE_UP_MS) else ""
            due += ", SKUs were never visited" if oracle.is_walking else ""
            said.append(
                f"partition {partition} is at {oracle.position}, {left} behind{due} ({'; '.join(held) or 'nobody'})"
            )
        return ". ".join(said)

    def _finish(self) -> None:
        """Everything equals the oracle: outputs, the stores and the memory of the owners."""
        self.watch.outputs()
        for worker in self.workers:
            for partition, owner in worker.owners().items():
                oracle = self.watch.oracles[partition]
                for table in self.tables:
                    overlay = owner._overlay.table(table)
                    expected = oracle.written[table.name]
                    found = {
                        table.encode_key(key): table.encode_row(overlay.get(key) if table.key_digest is None else row)
                        for key, row in overlay.scan()
                    }
                    if found != expected:
                        self.fail(
                            f"{worker.name} has other rows of {table.name} in partition {partition} than the fold"
                        )
        for worker in self.workers:
            if worker.loop.unhandled:
                self.fail(worker.loop.unhandled[0])

    # -- steps -------------------------------------------------------------------------------------------------------

    def step(self) -> None:
        """One of the things that can happen now; or time goes on."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            self.fail(f"no end after {MOST_STEPS} steps: {self._lag()}")
        if self._timeline and self._timeline[0][0] <= self.clock.now_ms:
            heapq.heappop(self._timeline)[2]()
            self._raise_failure()
            return
        possible: list[Callable[[], None]] = []
        for worker in self.workers:
            if worker.is_frozen:
                continue
            if worker.loop.has_work:
                possible.append(worker.loop.run_once)
            if worker.jobs:
                possible += [partial(worker.run, job) for job in worker.runnable()]
            if worker.wants_poll():
                possible.append(worker.poll)
        if not possible:
            self._time_goes_on()
            return
        (possible[0] if len(possible) == 1 else possible[int(self.chance.random() * len(possible))])()
        self._raise_failure()

    def _time_goes_on(self) -> None:
        """To the next moment at which something happens."""
        now = self.clock.now_ms
        moments = [now + 1_000] if self.workers or not self._timeline else []
        if self._timeline:
            moments.append(self._timeline[0][0])
        for worker in self.workers:
            if worker.is_frozen:
                moments.append(worker.frozen_until_ms)
                continue
            timer = worker.loop.next_timer
            if timer is not None:
                moments.append(BEGINS_MS + int(timer * 1000 + 0.999))
            if not worker.pump.is_waiting and worker.next_poll_ms > now:
                moments.append(worker.next_poll_ms)
            if worker.deaf_until_ms > now:
                moments.append(worker.deaf_until_ms)
            member = worker.pump.consumer.member
            if member is not None and member.not_before_ms > now:
                moments.append(member.not_before_ms)
        self.clock.now_ms = max(now + 1, min(moments))

    def boundary(self, process: Process, where: str) -> None:
        """Within a call that blocks: see `Process.pause`."""
        self._raise_failure()
        if self.chance.random() < 0.3:
            self.clock.now_ms += 1
        if self.meets("crash") or (where in SELDOM and (self.meets("crash") or self.meets("crash"))):
            self.note(process.name, "crashes", where)
            self.crash(process)
            return
        if self._depth >= DEEPEST:
            return
        steps = 0
        if self.meets("pause"):
            steps = self.chance.choice((1, 2, 5, 15))
        elif self.meets("long pause"):
            steps = self.chance.choice((60, 200))
            self.note(process.name, "waits", where)
        self._depth += 1
        try:
            while process.alive and (steps > 0 or process.is_frozen):
                steps -= 1
                self.step()
        finally:
            self._depth -= 1

    # -- what happens to workers -------------------------------------------------------------------------------------

    def start(self, name: str) -> None:
        """A process of that name, on the disk that the last one left."""
        if any(worker.name == name for worker in self.workers):
            return
        if self.clock.now_ms < self.closed_until_ms:
            self.later(self.closed_until_ms - self.clock.now_ms, lambda: self.start(name))
            return
        self.note(name, "starts")
        directory = None if self._directory is None else self._directory / name
        self.workers.append(VirtualWorker(self, name, directory))

    def crash(self, process: Process, away_ms: int | None = None) -> None:
        """From one moment to the next; the disk may lose what was written last. It is started again later."""
        if not process.alive:
            return
        process.die()
        lost = self.disk.crash(process, self._kept)
        self.note(process.name, "is gone", f"{lost} batches lost")
        self.workers = [worker for worker in self.workers if worker is not process]
        self._mourn(process)
        self.later(self.between(50, 4_000) if away_ms is None else away_ms, lambda: self.start(process.name))

    def left(self, process: Process) -> None:
        """It has ended by itself."""
        process.die()
        self.disk.crash(process, lambda _, batches: batches)
        self.note(process.name, "has left")
        self.workers = [worker for worker in self.workers if worker is not process]
        self.later(self.between(50, 1_500), lambda: self.start(process.name))

    def _kept(self, durable: int, batches: int) -> int:
        if self.toss():
            return batches
        # Mostly what was not flushed; now and then somebody puts back an older copy, or none.
        return self.between(durable if self.chance.random() < 0.8 else 0, batches)

    def _mourn(self, process: Process) -> None:
        """The coordinator evicts, after a session, what it cannot hear."""
        worker = process
        assert isinstance(worker, VirtualWorker)
        member = worker.pump.consumer.member

        def evict() -> None:
            if member is not None and not member.evicted and not worker.is_heard:
                self.note(worker.name, "evicted", sorted(member.owned))
                self.group.leave(member)

        self.later(SESSION_MS, evict)

    def silenced(self, worker: VirtualWorker) -> None:
        """Frozen, or not heard by the coordinator from now on."""
        self._mourn(worker)

    # -- what the parts of the world ask -----------------------------------------------------------------------------

    def initialised(self, producer: VirtualProducer) -> int:
        """Its number in the order of all."""
        self._generation += 1
        return self._generation

    def compact(self, partition: int) -> None:
        """The changelog partition is cleaned."""
        removed = self.broker.log(CHANGELOG, partition).compact(self.clock.now_ms, self.plan.delete_retention_ms)
        self.watch.compacted[partition] = True
        self.note("broker", "compacts", partition, removed)

    def _begun(self, transaction: Transaction) -> None:
        self.later(TRANSACTION_TIMEOUT_MS, lambda: self._time_out(transaction))

    def _time_out(self, transaction: Transaction) -> None:
        if self.broker.time_out(transaction):
            self.note("broker", "transaction timed out", transaction.session.name)

    def _ended(self, transaction: Transaction) -> None:
        self.note("broker", transaction.outcome.value, transaction.session.name, len(transaction.entries))
        self.watch.ended(transaction)

    def later(self, delay_ms: int, what: Callable[[], None]) -> None:
        """At that time, between two steps."""
        self._number += 1
        heapq.heappush(self._timeline, (self.clock.now_ms + delay_ms, self._number, what))

    def meets(self, fault: str) -> bool:
        """Whether this fault happens now."""
        odds = self.plan.odds.get(fault)
        return odds is not None and self.chance.random() < odds

    def toss(self) -> bool:
        """Heads or tails."""
        return self.chance.random() < 0.5

    def between(self, least: int, most: int) -> int:
        """A whole number, both ends included."""
        return least + int(self.chance.random() * (most - least + 1))

    def shuffle(self, things: list[Any]) -> None:
        """In place."""
        if len(things) > 1:
            self.chance.shuffle(things)

    def late(self) -> int:
        """When a member may have its next assignment."""
        return self.clock.now_ms + (0 if self.toss() else self.between(1, 2_500))

    def note(self, *what: object) -> None:
        """One line of the trace."""
        self.trace.append((self.steps, self.clock.now_ms - BEGINS_MS, *what))

    def fail(self, why: str) -> None:
        """An invariant is broken. Raises Violation, here and at every later step."""
        if self.failure is None:
            self.failure = why
            self.note("world", "VIOLATION", why)
        raise Violation(f"seed {self.seed}: {self.failure}")

    def _raise_failure(self) -> None:
        if self.failure is not None:
            self.fail(self.failure)

    def story(self) -> str:
        """The trace, one line each."""
        return "\n".join(
            f"{step:6d} {at_ms:8d} ms  {' '.join(str(word) for word in what)}" for step, at_ms, *what in self.trace
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """The runtime's warnings are what we want to happen; writing them costs more than deciding."""
    logger = logging.getLogger("onhand")
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)

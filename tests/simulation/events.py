"""What comes from outside: the trade, and the misfortunes that are not part of a call."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from tests.simulation.broker import FencedOff
from tests.simulation.setting import INPUT, PARTITIONS
from tests.simulation.traffic import Traffic

if TYPE_CHECKING:
    from tests.simulation.worker import VirtualWorker
    from tests.simulation.world import World

UPSTREAM = "upstream"
_AFTERWARDS_MS = 3_000


class Events:
    """Of one world. All of it is put on its timeline at the beginning, or follows from what was."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._traffic = Traffic(world.chance, lambda: world.clock.now_ms)
        self._left = 0
        self._last_at_ms = 0
        self._transactions = 0

    @property
    def over(self) -> bool:
        """Whether all was written and suffered."""
        return self._left == 0 and self._world.clock.now_ms >= self._last_at_ms

    def schedule(self) -> None:
        """When what will happen."""
        world, plan = self._world, self._world.plan
        at_ms = world.between(0, 500)
        world.later(0, self._write_rules)
        for _ in range(plan.records):
            at_ms += world.chance.choice(plan.gaps_ms)
            self._later(at_ms, self._write)
        last = at_ms
        for event in plan.events:
            moment = world.between(100, at_ms + _AFTERWARDS_MS)
            last = max(last, moment)
            self._later(moment, partial(self._suffer, event))
        self._last_at_ms = world.clock.now_ms + last + world.between(200, _AFTERWARDS_MS)

    def _later(self, delay_ms: int, what: Callable[[], None]) -> None:
        self._left += 1

        def happen() -> None:
            self._left -= 1
            what()

        self._world.later(delay_ms, happen)

    # -- the trade ---------------------------------------------------------------------------------------------------

    def _write_rules(self) -> None:
        for key, value, partition in self._traffic.rules():
            self._world.broker.append(self._world.broker.log(INPUT, partition), key, value, None, UPSTREAM)

    def _write(self) -> None:
        world, plan = self._world, self._world.plan
        if world.chance.random() < plan.upstream_transactions:
            self._write_in_a_transaction()
            return
        key, value, partition = self._traffic.next(plan.poison, plan.duplicates, plan.astray)
        world.broker.append(world.broker.log(INPUT, partition), key, value, None, UPSTREAM)

    def _write_in_a_transaction(self) -> None:
        """Some publishers are transactional; what they abort was never said."""
        world, plan = self._world, self._world.plan
        self._transactions += 1
        name = f"{UPSTREAM}-{self._transactions}"
        epoch = world.broker.initialise(name)
        for _ in range(world.between(1, 3)):
            key, value, partition = self._traffic.next(plan.poison, plan.duplicates, plan.astray)
            world.broker.append(world.broker.log(INPUT, partition), key, value, None, UPSTREAM, (name, epoch))
        transaction = world.broker.open_transaction(name, epoch)
        commit = world.toss()

        def end() -> None:
            try:
                world.broker.end(name, epoch, transaction, commit=commit)
            except FencedOff:
                return  # it was left open for too long

        self._later(world.chance.choice((0, 5, 300, 2_000)), end)

    # -- misfortunes -------------------------------------------------------------------------------------------------

    def _suffer(self, event: str) -> None:
        world = self._world
        workers = [worker for worker in world.workers if not worker.leaving]
        if event == "compact":
            world.compact(world.between(0, PARTITIONS - 1))
        elif event == "rebalance":
            world.note("group", "rebalances")
            world.group.rebalance()
        elif event == "turn the clock back":
            world.broker.append_skew_ms = -world.between(1, 2_000)
        elif event == "abort upstream":
            self._write_in_a_transaction()
        elif event == "new rules":
            self._write_rules()
        elif event == "holiday":
            self._go_on_holiday()
        elif event == "fence":
            self._fence(world.between(0, PARTITIONS - 1))
        elif workers:
            self._hurt(event, workers[world.between(0, len(workers) - 1)])

    def _go_on_holiday(self) -> None:
        """Nobody is there for so long that the changelog forgets what was deleted."""
        world, keeps_ms = self._world, self._world.plan.delete_retention_ms
        world.note("world", "goes on holiday")
        world.closed_until_ms = world.clock.now_ms + 3 * keeps_ms
        for worker in list(world.workers):
            world.crash(worker)
        for moment in (0, 2 * keeps_ms):
            for partition in range(PARTITIONS):
                self._later(moment, partial(world.compact, partition))
        self._later(3 * keeps_ms, lambda: None)

    def _fence(self, partition: int) -> None:
        """The coordinator takes an epoch away for reasons of its own; the partition stays assigned."""
        names = sorted(name for name in self._world.broker.sessions if name.endswith(f".{partition}"))
        if names:
            self._world.note("broker", "fences off", names[0])
            self._world.broker.initialise(names[0])

    def _hurt(self, event: str, process: VirtualWorker) -> None:
        world = self._world
        now = world.clock.now_ms
        if event == "crash":
            world.note(process.name, "crashes", "somewhere")
            world.crash(process)
        elif event == "freeze":
            process.frozen_until_ms = now + world.chance.choice((500, 4_000, 8_000, 14_000))
            world.note(process.name, "freezes until", process.frozen_until_ms)
            world.silenced(process)
        elif event == "deafen":
            process.deaf_until_ms = now + world.chance.choice((3_000, 8_000, 12_000, 20_000))
            world.note(process.name, "is not heard until", process.deaf_until_ms)
            world.silenced(process)
        elif event == "leave":
            world.note(process.name, "leaves")
            process.leave()

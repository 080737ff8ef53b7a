"""Worlds in which one thing goes wrong at one named place. Each of these was found by a seed, or is a story worth keeping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import pytest

from agents.runtime.custody import Standing
from tests.simulation import consumer
from tests.simulation.disk import Plate
from tests.simulation.process import Process
from tests.simulation.setting import INPUT, PARTITIONS
from tests.simulation.world import World

Boundary = tuple[str, str]
"""Process and place."""


class Directed(World):
    """No faults but those of the script."""

    def __init__(
        self,
        faults: dict[str, int] | None = None,
        boundaries: dict[Boundary, Callable[[], None]] | None = None,
        *,
        workers: int = 1,
    ) -> None:
        """`faults`: which time it is asked for does a fault happen; `boundaries`: what happens there, once."""
        super().__init__(1)
        self.plan.is_embedded = False
        self.plan.names = [f"worker-{number}" for number in range(1, workers + 1)]
        self.plan.skews_ms = dict.fromkeys(self.plan.names, 0)
        self.plan.odds, self.plan.events = {}, []
        self.plan.poison = self.plan.astray = self.plan.upstream_transactions = 0.0
        self.plan.records, self.plan.gaps_ms = 40, (50, 150)
        self.plan.batch_rows = 1
        self.plan.delete_retention_ms = 40_000
        self.faults = faults or {}
        self.boundaries = boundaries or {}
        self.asked: Counter[str] = Counter()
        self.keeps_the_disk = True
        """Whether all that was written stays at a crash, or nothing."""

    def meets(self, fault: str) -> bool:
        self.asked[fault] += 1
        return self.faults.get(fault) == self.asked[fault]

    def boundary(self, process: Process, where: str) -> None:
        happens = self.boundaries.pop((process.name, where), None)
        if happens is not None:
            happens()
        super().boundary(process, where)

    def _kept(self, durable: int, batches: int) -> int:
        return batches if self.keeps_the_disk else 0

    def has(self, *words: object) -> bool:
        """Whether a line of the trace has these words."""
        return any(all(word in line for word in words) for line in self.trace)

    def plate(self, worker: str, partition: int) -> Plate:
        """What is on the disk of a worker's partition."""
        (path,) = [path for path in self.disk._plates if worker in path.parts and path.name == str(partition)]
        return self.disk._plates[path]


def test_an_opening_that_fails_at_its_first_write_lets_go_of_the_store() -> None:
    for write in range(1, 7):
        world = Directed({"disk full": write})
        world.run()
        assert world.asked["disk full"] > write


def test_a_commit_whose_answer_is_lost_is_found_in_the_changelog_and_not_decided_again() -> None:
    for commit in range(1, 8):
        world = Directed({"answer lost": commit})
        world.run()
        assert world.has("answer lost")


def test_a_commit_that_is_heard_late_does_not_hurt_the_transaction_of_the_next_owner() -> None:
    for commit in range(1, 8):
        world = Directed({"commit heard late": commit})
        world.run()
        assert world.has("commit on its way")


class HeardAmidTheNext(Directed):
    """A request to commit that the client gave up on, and asked again with success, comes amid the transactions after it."""

    on_its_way: Callable[[], None] | None = None
    came = 0

    def meets(self, fault: str) -> bool:
        return super().meets(fault) or (fault == "sent in parts" and self.on_its_way is not None)

    def toss(self) -> bool:
        return True  # the client is told that it may ask again

    def later(self, delay_ms: int, what: Callable[[], None]) -> None:
        if getattr(what, "__qualname__", "").startswith("VirtualProducer._ask_to_commit"):
            self.on_its_way = what
        else:
            super().later(delay_ms, what)

    def boundary(self, process: Process, where: str) -> None:
        if where == "half produced" and self.on_its_way is not None:
            self.came += 1
            self.on_its_way()
        super().boundary(process, where)


def test_a_commit_that_was_asked_for_twice_and_is_heard_late_does_not_end_a_transaction_in_its_middle() -> None:
    came = 0
    for commit in range(1, 8):
        world = HeardAmidTheNext({"commit heard late": commit})
        world.run()
        assert world.on_its_way is not None
        came += world.came
    assert came, "none came amid a transaction"


def test_a_store_that_was_cut_off_in_its_first_write_is_rebuilt_when_tombstones_may_be_gone() -> None:
    world = Directed()
    plates: list[Plate] = []

    def disk_gone() -> None:
        world.keeps_the_disk = False
        world.crash(world.workers[0])
        world.boundaries = {("worker-1", "half stored"): power_cut}

    def power_cut() -> None:
        world.keeps_the_disk = True
        world.crash(world.workers[0], world.plan.delete_retention_ms)
        plates.extend(world.plate("worker-1", partition) for partition in (0, 1))

    world.plan.records, world.plan.gaps_ms = 50, (400, 600)
    world.later(5_000, disk_gone)
    world.run()
    torn = [partition for partition, plate in enumerate(plates) if plate.torn]
    assert torn
    for partition in torn:
        assert world.plate("worker-1", partition) is not plates[partition]


def test_who_is_overtaken_while_it_restores_refuses_nothing_and_is_fenced_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another believes that the partition is its own, and goes on with it: the log is longer than when we asked."""
    monkeypatch.setattr(consumer, "_RESTORE_AT_ONCE", 10_000)
    world = Directed(workers=2)
    overtaken_in: list[int] = []

    def overtaken() -> None:
        ends = [world.broker.log(INPUT, partition).end for partition in range(PARTITIONS)]
        deadline = world.clock.now_ms + 8_000
        while world.clock.now_ms < deadline and not overtaken_in:
            world.step()
            if all(oracle.position > ends[partition] for partition, oracle in enumerate(world.watch.oracles)):
                overtaken_in.extend(range(PARTITIONS))

    def both_believe() -> None:
        holder = next(worker for worker in world.workers if worker.owners())
        other = next(worker for worker in world.workers if worker is not holder)
        holder.deaf_until_ms = world.clock.now_ms + 25_000
        world.silenced(holder)
        world.boundaries[other.name, "restore"] = overtaken

    standings: set[Standing] = set()

    def look() -> None:
        standings.update(held.standing for worker in world.workers for held in worker.custody.held.values())
        world.later(100, look)

    world.plan.records, world.plan.gaps_ms = 50, (400, 600)
    world.later(2_000, both_believe)
    world.later(2_000, look)
    world.run()
    assert overtaken_in, "nobody was overtaken"
    assert Standing.FENCED in standings
    assert Standing.REFUSED not in standings
    assert world.has("lost")


def test_a_partition_of_which_the_client_brings_nothing_more_is_asked_for_again() -> None:
    world = Directed({"stands still": 3})
    world.run()
    assert world.asked["stands still"] > 3

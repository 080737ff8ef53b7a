"""Custody gives only some partitions the turn to commit, and keeps count of them."""

from __future__ import annotations

import asyncio
import threading

import pytest

from agents.runtime import custody
from agents.runtime.turns import SPARE_TURNS, Turns
from tests.runtime.scene import PATIENCE_S, Scene, play, until

CORES = 1
AT_ONCE = CORES + SPARE_TURNS


class OneByOne(threading.Event):
    """A gate that lets one commit through each time it is set."""

    def __init__(self) -> None:
        super().__init__()
        self._steps = threading.Semaphore(0)

    def set(self) -> None:
        self._steps.release()

    def wait(self, timeout: float | None = None) -> bool:
        return self._steps.acquire(timeout=timeout or PATIENCE_S)


async def decided_by_now(it: Scene, partitions: range) -> list[int]:
    """The partitions that were given a chunk, after the loop has had every opportunity."""
    for _ in range(50):
        await asyncio.sleep(0)
    return [partition for partition in partitions if it.owners[partition][0].decided]


@pytest.fixture(autouse=True)
def _no_turn_is_overdue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custody, "TURN_AT_MOST_S", 60.0)


def test_a_partition_that_goes_on_with_its_next_chunk_still_counts() -> None:
    async def scene(it: Scene) -> None:
        it.custody._turns = Turns(CORES)
        await it.assign(0, 1, 2)
        gates = [OneByOne() for _ in range(3)]
        for partition, gate in enumerate(gates):
            it.owners[partition][0].gate = gate
        it.arrive(0, 0)
        await until(it.owners[0][0].in_commit.is_set)
        it.arrive(0, 1)
        gates[0].set()
        await until(lambda: it.owners[0][0].decided == [[0], [1]])
        it.arrive(1, 0)
        it.arrive(2, 0)
        assert await decided_by_now(it, range(3)) == [0, 1]
        gates[1].set()
        await until(lambda: it.owners[2][0].decided == [[0]])
        for gate in gates:
            gate.set()
        await until(lambda: it.owners[0][0].committed == [[0], [1]] and it.owners[2][0].committed == [[0]])

    play(scene)


def test_all_partitions_come_to_their_turn() -> None:
    async def scene(it: Scene) -> None:
        it.custody._turns = Turns(CORES)
        await it.assign(*range(5))
        gates = [OneByOne() for _ in range(5)]
        for partition, gate in enumerate(gates):
            it.owners[partition][0].gate = gate
            it.arrive(partition, 0)
        assert len(await decided_by_now(it, range(5))) == AT_ONCE
        for gate in gates:
            gate.set()
        await until(lambda: all(it.owners[partition][0].committed == [[0]] for partition in range(5)))

    play(scene)

"""How partitions are kept: opened, handed chunks, fenced off, parked and given up. Owner and pump are stand-ins."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agents.runtime.custody import Standing
from agents.runtime.faults import Fault
from agents.runtime.opener import Refused
from agents.runtime.owner import Parked
from agents.state.store import StoreCorrupt, StoreFault, StoreLocked
from tests.runtime.parts import Calls
from tests.runtime.scene import HEARTBEAT_MS, PATIENCE_S, Scene, StandInOwner, play, until


def test_an_assigned_partition_is_opened_at_once_and_read_from_its_position() -> None:
    async def scene(it: Scene) -> None:
        it.opening = lambda partition, _: StandInOwner(partition, 40 + partition)
        await it.assign(1, 2)
        assert sorted(it.pump.calls.of("start")) == [(1, 41), (2, 42)]

    play(scene)


def test_records_from_before_the_seek_are_not_taken_in() -> None:
    async def scene(it: Scene) -> None:
        await it.custody.assigned([0])
        await until(lambda: it.custody.held[0].standing is Standing.RUNNING)
        it.arrive(0, 7, 8)
        it.custody.started(0)
        it.arrive(0, 3)
        await until(lambda: it.owners[0][0].committed == [[3]])
        assert it.owners[0][0].decided == [[3]]

    play(scene)


def test_what_arrives_while_a_chunk_commits_is_decided_after_it_as_one_chunk() -> None:
    async def scene(it: Scene) -> None:
        await it.assign(0)
        owner = it.owners[0][0]
        owner.gate.clear()
        it.arrive(0, 0)
        await until(owner.in_commit.is_set)
        it.arrive(0, 1, 2)
        it.arrive(0, 3)
        assert owner.decided == [[0]]
        owner.gate.set()
        await until(lambda: len(owner.committed) == 2)
        assert owner.committed == [[0], [1, 2, 3]]

    play(scene)


def test_apply_again_decides_the_same_records_again_before_any_other() -> None:
    async def scene(it: Scene) -> None:
        await it.assign(0)
        owner = it.owners[0][0]
        owner.commits = [Fault.APPLY_AGAIN, Fault.APPLY_AGAIN]
        it.arrive(0, 0, 1)
        it.arrive(0, 2)
        await until(lambda: owner.committed == [[0, 1], [2]])
        assert owner.decided == [[0, 1], [0, 1], [0, 1], [2]]
        assert len(it.owners[0]) == 1

    play(scene)


def test_a_fault_of_the_world_while_deciding_waits_and_decides_again() -> None:
    async def scene(it: Scene) -> None:
        await it.assign(0)
        owner = it.owners[0][0]
        owner.decides = [OSError("the disk is away"), StoreFault(Path("x"), "busy")]
        it.arrive(0, 0)
        await until(lambda: owner.committed == [[0]])

    play(scene)


@pytest.mark.parametrize(
    "met", [Fault.INDEFINITE, StoreFault(Path("x"), "no space left on device"), OSError("no space left on device")]
)
def test_when_nobody_knows_what_was_committed_the_partition_is_opened_again_and_nothing_is_decided_meanwhile(
    met: Fault | Exception,
) -> None:
    async def scene(it: Scene) -> None:
        await it.assign(0)
        first = it.owners[0][0]
        first.commits = [met]
        first.gate.clear()
        it.arrive(0, 0)
        await until(first.in_commit.is_set)
        it.arrive(0, 1)
        first.gate.set()
        await until(lambda: len(it.owners[0]) == 2)
        await it.until_running(0)
        assert first.decided == [[0]], "a chunk was decided upon one whose fate nobody knew"
        assert first.closed
        it.arrive(0, 0, 1)
        await until(lambda: it.owners[0][1].committed == [[0, 1]])

    play(scene)


def test_a_corrupt_store_is_removed_before_the_partition_is_opened_again(tmp_path: Path) -> None:
    async def scene(it: Scene) -> None:
        corrupt = tmp_path / "0"
        corrupt.mkdir()
        (corrupt / "CURRENT").touch()
        there: list[bool] = []

        def opening(partition: int, _: Callable[[], bool]) -> StandInOwner:
            there.append(corrupt.exists())
            return StandInOwner(partition)

        it.opening = opening
        await it.assign(0)
        it.owners[0][0].decides = [StoreCorrupt(corrupt, "a block fails its checksum")]
        it.arrive(0, 0)
        await until(lambda: len(it.owners[0]) == 2)
        assert there == [True, False]

    play(scene)


def test_who_was_fenced_off_opens_again_only_after_two_heartbeats_of_polling() -> None:
    async def scene(it: Scene) -> None:
        await it.assign(0)
        it.owners[0][0].commits = [Fault.FENCED_OFF]
        it.arrive(0, 0)
        await until(lambda: it.custody.held[0].standing is Standing.FENCED)
        await until(lambda: it.owners[0][0].closed)
        await asyncio.sleep(0.5)  # the time passes, but nothing is polled: the process may have been frozen
        assert len(it.owners[0]) == 1
        now = time.time_ns() // 1_000_000
        for step in range(3):
            it.pump.last_poll_ms = now + step * HEARTBEAT_MS
            await asyncio.sleep(0.25)
        await it.until_running(0)
        assert len(it.owners[0]) == 2

    play(scene)


def test_who_was_fenced_off_and_loses_the_partition_stays_closed() -> None:
    async def scene(it: Scene) -> None:
        await it.assign(0)
        it.owners[0][0].commits = [Fault.FENCED_OFF]
        it.arrive(0, 0)
        await until(lambda: it.custody.held[0].standing is Standing.FENCED)
        await it.custody.taken([0])
        now = time.time_ns() // 1_000_000
        for step in range(4):
            it.pump.last_poll_ms = now + step * HEARTBEAT_MS
            await asyncio.sleep(0.25)
        assert len(it.owners[0]) == 1
        assert it.owners[0][0].closed

    play(scene)


def test_a_partition_taken_while_it_is_being_opened_is_given_up_and_never_run() -> None:
    async def scene(it: Scene) -> None:
        wanted = threading.Event()
        noticed = threading.Event()

        def opening(partition: int, given_up: Callable[[], bool]) -> StandInOwner:
            wanted.set()
            while not given_up():
                time.sleep(0.001)
            noticed.set()
            return StandInOwner(partition)

        it.opening = opening
        await it.custody.assigned([0])
        await until(wanted.is_set)
        await it.custody.taken([0])
        await until(noticed.is_set)
        await until(lambda: bool(it.owners[0]) and it.owners[0][0].closed)
        assert it.pump.calls.of("start") == []

    play(scene)


def test_a_partition_that_comes_back_waits_until_its_earlier_opening_has_ended() -> None:
    async def scene(it: Scene) -> None:
        go_on, at_once = threading.Event(), Calls()

        def opening(partition: int, _: Callable[[], bool]) -> StandInOwner:
            at_once.note("begin")
            assert go_on.wait(PATIENCE_S)
            at_once.note("end")
            return StandInOwner(partition)

        it.opening = opening
        await it.custody.assigned([0])
        await until(lambda: len(at_once.made) == 1)
        await it.custody.taken([0])
        await it.custody.assigned([0])
        await asyncio.sleep(0.05)
        assert at_once.made == [("begin",)]
        go_on.set()
        await it.until_running(0)
        assert at_once.made == [("begin",), ("end",), ("begin",), ("end",)]
        assert [owner.closed for owner in it.owners[0]] == [True, False]

    play(scene)


def test_a_taken_partition_is_closed_after_the_commit_in_flight() -> None:
    async def scene(it: Scene) -> None:
        await it.assign(0)
        owner = it.owners[0][0]
        owner.gate.clear()
        it.arrive(0, 0)
        await until(owner.in_commit.is_set)
        taken = asyncio.create_task(it.custody.taken([0]))
        await asyncio.sleep(0.05)
        assert not taken.done()
        owner.gate.set()
        await taken
        assert owner.committed == [[0]]
        assert owner.closed

    play(scene)


def test_a_parked_partition_keeps_what_came_before_the_broken_record_and_the_others_go_on() -> None:
    async def scene(it: Scene) -> None:
        await it.assign(0, 1)
        owner = it.owners[0][0]
        owner.decides = [Parked(2, 12, "the books do not close")]
        it.arrive(0, 10, 11, 12, 13)
        held = it.custody.held[0]
        await until(lambda: held.standing is Standing.PARKED and owner.alerts == 1)
        assert held.why == "the books do not close"
        assert owner.committed == [[10, 11]]
        assert (0,) in it.pump.calls.of("pause")
        it.arrive(0, 14)
        it.arrive(1, 0)
        await until(lambda: it.owners[1][0].committed == [[0]])
        assert owner.decided == [[10, 11, 12, 13], [10, 11]]
        assert it.stops == []

    play(scene)


def test_a_bug_in_the_runtime_stops_the_worker_and_leaves_no_chunk_out() -> None:
    async def scene(it: Scene) -> None:
        await it.assign(0)
        owner = it.owners[0][0]
        owner.decides = [RuntimeError("a bug")]
        it.arrive(0, 0)
        it.arrive(0, 1)
        await until(lambda: bool(it.stops))
        await asyncio.sleep(0.05)
        assert owner.decided == [[0]]
        assert isinstance(it.agents.pop(0).exception(), RuntimeError)

    assert "bug of the runtime" in play(scene).stops[0]


def test_a_partition_that_comes_back_is_not_opened_before_its_last_owner_has_let_go_of_the_store() -> None:
    async def scene(it: Scene) -> None:
        await it.assign(0)
        first = it.owners[0][0]
        first.gate.clear()
        it.arrive(0, 0)
        await until(first.in_commit.is_set)
        taking = asyncio.create_task(it.custody.taken([0]))
        await asyncio.sleep(0)
        closed_when_opened: list[bool] = []

        def opening(partition: int, _: Callable[[], bool]) -> StandInOwner:
            closed_when_opened.append(first.closed)
            return StandInOwner(partition)

        it.opening = opening
        await it.custody.assigned([0])  # the pump had waited long enough for the other
        await asyncio.sleep(0.05)
        first.gate.set()
        await taking
        await it.until_running(0)
        assert closed_when_opened == [True]

    play(scene)


def test_an_agent_that_is_taken_away_in_the_middle_leaves_the_answer_to_the_changelog() -> None:
    async def scene(it: Scene) -> None:
        await it.assign(0)
        owner = it.owners[0][0]
        owner.gate.clear()
        it.arrive(0, 0)
        it.arrive(0, 1)
        await until(owner.in_commit.is_set)
        it.agents[0].cancel()
        await asyncio.sleep(0.05)
        owner.gate.set()
        await until(lambda: len(it.owners[0]) == 2)
        assert owner.decided == [[0]]

    play(scene)


def test_missing_rights_stop_the_worker() -> None:
    async def scene(it: Scene) -> None:
        await it.assign(0)
        it.owners[0][0].commits = [Fault.STOP]
        it.arrive(0, 0)
        await until(lambda: bool(it.stops))

    assert "credentials or rights" in play(scene).stops[0]


def test_a_store_that_another_process_holds_stops_the_worker() -> None:
    async def scene(it: Scene) -> None:
        def opening(partition: int, _: Callable[[], bool]) -> StandInOwner:
            raise StoreLocked(Path("state/0"), "the store is open elsewhere")

        it.opening = opening
        await it.custody.assigned([0])
        await until(lambda: bool(it.stops))

    assert "open elsewhere" in play(scene).stops[0]


def test_a_refused_partition_stands_and_the_worker_stops_when_all_are_refused() -> None:
    async def scene(it: Scene) -> None:
        def opening(partition: int, _: Callable[[], bool]) -> StandInOwner:
            if partition == 1:
                return StandInOwner(1)
            raise Refused("records were lost")

        it.opening = opening
        await it.custody.assigned([0, 1])
        await it.until_running(1)
        await until(lambda: it.custody.held[0].standing is Standing.REFUSED)
        assert it.stops == []
        it.arrive(1, 0)
        await until(lambda: it.owners[1][0].committed == [[0]])
        await it.custody.taken([1])
        await it.custody.assigned([2])
        await until(lambda: bool(it.stops))

    assert play(scene).stops == ["records were lost"]


def test_a_position_that_left_the_log_is_judged_by_one_opening_only() -> None:
    async def scene(it: Scene) -> None:
        await it.assign(0)
        for _ in range(3):
            it.custody.lost_its_place(0, "offset out of range")
        await until(lambda: len(it.owners[0]) == 2)
        await it.until_running(0)
        await asyncio.sleep(0.1)
        assert [owner.closed for owner in it.owners[0]] == [True, False]

    play(scene)


def test_a_leaving_worker_opens_nothing_more() -> None:
    async def scene(it: Scene) -> None:
        await it.assign(0)
        it.owners[0][0].commits = [Fault.INDEFINITE]
        it.custody.leave()
        it.arrive(0, 0)
        await until(lambda: bool(it.owners[0][0].decided))
        await asyncio.sleep(0.1)
        assert len(it.owners[0]) == 1

    play(scene)

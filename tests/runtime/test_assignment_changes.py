"""A partition that stays goes on while others come and go, whatever of it lies between custody, Faust and owner then."""

from __future__ import annotations

import asyncio

import pytest

from agents.runtime.faults import Fault
from tests.runtime.faust_scene import PASSES, FaustScene, passes, play_with_faust
from tests.runtime.scene import until


def test_records_flow_through_faust(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(it: FaustScene) -> None:
        await it.assign(0, 1)
        for offset in range(3):
            it.arrive(0, offset)
            it.arrive(1, offset)
        await it.until_applied(0, 0, 1, 2)
        await it.until_applied(1, 0, 1, 2)

    play_with_faust(monkeypatch, scene)


def test_records_may_come_before_faust_has_taken_in_its_first_assignment(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(it: FaustScene) -> None:
        came = asyncio.Event()

        async def nearly(*_: object, **__: object) -> None:
            await it.until_running(0)
            it.arrive(0, 0)
            await passes(PASSES)
            came.set()

        it.app.on_rebalance_complete.connect(nearly)  # what Faust says before it lets records flow
        await it.custody.assigned([0])
        await came.wait()
        it.arrive(0, 1)
        await it.until_applied(0, 0, 1)

    play_with_faust(monkeypatch, scene)


def test_a_chunk_that_waits_for_its_agent_survives_that_faust_resumes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(it: FaustScene) -> None:
        await it.assign(0)
        await it.until_calm()
        it.arrive(0, 0)
        it.app.flow_control.resume()  # what Faust does some passes after each assignment
        it.arrive(0, 1)
        await it.until_applied(0, 0, 1)

    play_with_faust(monkeypatch, scene)


def test_a_record_may_arrive_at_any_moment_of_an_assignment(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(it: FaustScene) -> None:
        await it.assign(0)
        await it.until_calm()
        for moment in range(PASSES):
            more = asyncio.create_task(it.custody.assigned([moment + 1]))
            await passes(moment)
            it.arrive(0, moment)
            await it.until_applied(0, *range(moment + 1))
            await more
            await it.until_calm()

    play_with_faust(monkeypatch, scene)


def test_a_commit_may_end_at_any_moment_of_an_assignment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The chunk after it is handed over at once, and lies in Faust's queue while its agent comes back."""

    async def scene(it: FaustScene) -> None:
        await it.assign(0)
        await it.until_calm()
        owner = it.owners[0][0]
        for moment in range(PASSES):
            owner.gate.clear()
            owner.in_commit.clear()
            it.arrive(0, 2 * moment)
            await until(owner.in_commit.is_set)
            it.arrive(0, 2 * moment + 1)
            more = asyncio.create_task(it.custody.assigned([moment + 1]))
            await passes(moment)
            owner.gate.set()
            await it.until_applied(0, *range(2 * moment + 2))
            await more
            await it.until_calm()

    play_with_faust(monkeypatch, scene)


def test_a_record_may_arrive_at_any_moment_while_another_partition_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(it: FaustScene) -> None:
        await it.assign(0, *range(1, PASSES + 1))
        await it.until_calm()
        for moment in range(PASSES):
            less = asyncio.create_task(it.custody.taken([moment + 1]))
            while not it.owners[moment + 1][0].closed:  # then Faust is told
                await passes(1)
            await passes(moment)
            it.arrive(0, moment)
            await it.until_applied(0, *range(moment + 1))
            await less
            await it.until_calm()

    play_with_faust(monkeypatch, scene)


def test_a_partition_that_is_taken_with_a_chunk_in_the_queue_goes_on_when_it_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scene(it: FaustScene) -> None:
        await it.assign(0, 1)
        await it.until_calm()
        it.arrive(0, 0)
        await it.custody.taken([0])
        await it.assign(0)
        assert len(it.owners[0]) == 2
        it.arrive(0, 0)
        it.arrive(0, 1)
        await it.until_applied(0, 0, 1)
        it.arrive(1, 0)
        await it.until_applied(1, 0)

    play_with_faust(monkeypatch, scene)


def test_a_partition_that_is_taken_while_its_chunk_is_applied_again_and_again_goes_on_when_it_comes_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scene(it: FaustScene) -> None:
        await it.assign(0, 1)
        await it.until_calm()
        first = it.owners[0][0]
        first.commits = [Fault.APPLY_AGAIN] * 1_000
        it.arrive(0, 0)
        await until(lambda: len(first.decided) > 1)
        await it.custody.taken([0])
        it.arrive(1, 0)
        await it.until_applied(1, 0)
        await it.assign(0)
        it.arrive(0, 0)
        it.arrive(0, 1)
        await it.until_applied(0, 0, 1)
        await it.assign(2)
        it.arrive(1, 1)
        await it.until_applied(1, 0, 1)
        assert first.committed == []

    play_with_faust(monkeypatch, scene)


def test_a_partition_that_comes_while_another_is_still_closing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pump does not wait for ever until one is closed: then Faust hears of what went and what came at once."""

    async def scene(it: FaustScene) -> None:
        await it.assign(0, 1)
        await it.until_calm()
        closing = it.owners[0][0]
        closing.gate.clear()
        it.arrive(0, 0)
        await until(closing.in_commit.is_set)
        taken = asyncio.create_task(it.custody.taken([0]))
        await passes(5)
        await it.assign(2)
        it.arrive(2, 0)
        it.arrive(1, 0)
        await it.until_applied(1, 0)
        await it.until_applied(2, 0)
        closing.gate.set()
        await taken

    play_with_faust(monkeypatch, scene)

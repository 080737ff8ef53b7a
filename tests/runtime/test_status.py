"""What a worker says of itself while its partitions stand still, and while they run."""

from __future__ import annotations

from typing import Any, cast

import pytest

from agents.runtime.plan import WorkerPlan
from agents.runtime.status import status_of
from tests.runtime.faust_scene import FaustScene, play_with_faust
from tests.runtime.scene import until


def told(it: FaustScene, partition: int) -> dict[str, Any]:
    return next(each for each in status_of(cast("WorkerPlan", it))["partitions"] if each["partition"] == partition)


def test_the_status_tells_how_long_a_chunk_has_been_with_the_owner_and_what_waits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scene(it: FaustScene) -> None:
        await it.assign(0, 1)
        assert (told(it, 0)["busy_s"], told(it, 0)["waiting"]) == (None, 0)
        owner = it.owners[0][0]
        owner.gate.clear()
        it.arrive(0, 0)
        await until(owner.in_commit.is_set)
        it.arrive(0, 1, 2)
        first = told(it, 0)
        assert 0.0 <= first["busy_s"] < 1.0
        assert first["waiting"] == 2
        await until(lambda: told(it, 0)["busy_s"] > first["busy_s"])
        assert told(it, 1)["busy_s"] is None
        owner.gate.set()
        await it.until_applied(0, 0, 1, 2)
        await until(lambda: told(it, 0)["busy_s"] is None)
        assert told(it, 0)["waiting"] == 0

    play_with_faust(monkeypatch, scene)


def test_a_chunk_that_never_reaches_its_owner_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it was when Faust threw one away: running, listening, no error, and nothing came of it."""

    async def scene(it: FaustScene) -> None:
        await it.assign(0)
        (channel,) = it.app.topics._tp_index[it.tp(0)]  # type: ignore[attr-defined]
        it.arrive(0, 0)
        channel.queue._queue.clear()
        await until(lambda: told(it, 0)["busy_s"] >= 0.1)
        assert it.owners[0][0].decided == []
        assert told(it, 0)["standing"] == "running"

    play_with_faust(monkeypatch, scene)

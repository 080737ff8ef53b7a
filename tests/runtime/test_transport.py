"""What Faust asks of the transport, and what the transport asks of Faust. See also test_assignment_changes.py."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest
from mode import Service

from agents.runtime.transport import Consumer
from tests.runtime.faust_scene import PASSES, FaustScene, passes, play_with_faust


def test_leaving_while_partitions_change_hands_is_no_crash() -> None:
    async def leave() -> None:
        draining = asyncio.create_task(Consumer._drain_messages(cast("Any", None), Service()))
        await asyncio.sleep(0)
        draining.cancel()
        await draining  # raised CancelledError once, and Faust said "Crashed" with a traceback

    asyncio.run(leave())


def test_a_chunk_without_exactly_one_agent_stops_the_worker_and_is_decided_by_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def scene(it: FaustScene) -> None:
        await it.assign(0, 1)
        await it.until_calm()
        index: Any = it.app.topics._tp_index  # type: ignore[attr-defined]
        index[it.tp(0)] |= index[it.tp(1)]
        del index[it.tp(1)]
        it.arrive(0, 0)
        it.arrive(1, 0)
        assert [stop.split(".")[0] for stop in it.stops] == [
            "A bug of the runtime: 2 agents have input[0]",
            "A bug of the runtime: 0 agents have input[1]",
        ]
        await passes(PASSES)
        assert it.owners[0][0].decided == it.owners[1][0].decided == []
        it.stops.clear()

    play_with_faust(monkeypatch, scene)

"""A real Faust app with the real transport and custody, as a worker has them; only owners and pump are stand-ins."""

from __future__ import annotations

import asyncio
import warnings
from collections import defaultdict
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from agents.runtime import transport
from agents.runtime.app import OnhandApp, build_app
from agents.runtime.custody import Custody
from agents.runtime.figures import GroupProtocol
from tests.runtime.scene import HEARTBEAT_MS, Assigning, StandInOwner, StandInPump, until

THREADS = 16
PASSES = 40
"""Of the loop: in so many Faust takes in an assignment, and more."""


class PumpOfPlan(StandInPump):
    """Made by the transport as the real one, and as silent as the other stand-in."""

    def __init__(self, *_: Any) -> None:
        super().__init__()

    def begin(self) -> None:
        """Nothing is polled."""

    def stop(self) -> None:
        """Nothing is polled."""


class FaustScene(Assigning):
    """A worker without a broker. It is its own plan."""

    group, topic = "app.thin", "input"
    agent = SimpleNamespace(name="thin")
    threads = THREADS
    partitions = 1_000
    unparkings = None
    instance = "1"
    failure = None

    def __init__(self) -> None:
        self.owners = defaultdict(list)
        self.stops: list[str] = []
        self.app: OnhandApp = build_app(self)  # type: ignore[arg-type]

    def tp(self, partition: int) -> TP:
        """As Faust names it."""
        return TP(self.topic, partition)

    # -- what the transport asks of its plan -------------------------------------------------------------------------

    def group_protocol(self) -> GroupProtocol:
        return GroupProtocol("consumer", HEARTBEAT_MS)

    def consumer_settings(self, protocol: str) -> dict[str, Any]:
        return {}

    def open_owner(self, partition: int, _: Callable[[], bool]) -> StandInOwner:
        owner = StandInOwner(partition)
        self.owners[partition].append(owner)
        return owner

    def stop_worker(self, why: str) -> None:
        self.stops.append(why)

    def watch(self, custody: Custody) -> None:
        self.custody = custody

    # -- what a test does --------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Up to where the consumer would poll."""
        self.app.finalize()
        self.app.tables.sleep = _at_once  # type: ignore[attr-defined]  # a second, for tables that are not there
        self.starting = asyncio.create_task(self.app.start())  # ends with the first assignment
        await until(lambda: hasattr(self, "custody") and self.custody.pump is not None)

    async def until_calm(self) -> None:
        """Faust has taken in what was assigned."""
        await until(lambda: not self.app.rebalancing)

    async def until_applied(self, partition: int, *offsets: int) -> None:
        """Exactly these, each once and in order, by the present owner."""
        owner = self.owners[partition][-1]
        await until(lambda: len(applied(owner)) >= len(offsets))
        assert applied(owner) == list(offsets)

    async def stop(self) -> None:
        self.open_gates()
        await self.app.stop()
        self.starting.cancel()


async def _at_once(*_: object) -> None:
    await asyncio.sleep(0)


def applied(owner: StandInOwner) -> list[int]:
    """What it has committed, in that order."""
    return [offset for chunk in owner.committed for offset in chunk]


async def passes(count: int) -> None:
    """Let the loop go round so many times."""
    for _ in range(count):
        await asyncio.sleep(0)


def play_with_faust(
    monkeypatch: pytest.MonkeyPatch, scene: Callable[[FaustScene], Coroutine[Any, Any, None]]
) -> FaustScene:
    """Run a scene on a loop of its own."""
    monkeypatch.setattr(transport, "Pump", PumpOfPlan)
    monkeypatch.setattr(transport, "collect_less_often", lambda: None)

    async def run() -> FaustScene:
        made = FaustScene()
        await made.start()
        try:
            await scene(made)
            assert made.stops == []
        finally:
            await made.stop()
        return made

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return asyncio.run(run())

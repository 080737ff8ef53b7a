"""One process of the virtual machine: a loop, a pool that blocks, and what can happen to both.

A call that blocks (on the broker, on the disk) is a step boundary: here the process may crash, be frozen, or simply take
its time while the rest of the world goes on. "Goes on" is literal: the world runs other steps from within the call, so
no thread is needed. What began later therefore ends earlier; everything else may happen in any order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from agents.runtime.owner import Owner
from tests.simulation.loop import VirtualLoop

if TYPE_CHECKING:
    from tests.simulation.world import World


class Crashed(BaseException):
    """The process is gone: what it was doing ends here, whatever it wanted to catch."""


class Job:
    """Something that blocks, on its way to a thread of the pool."""

    __slots__ = ("function", "future", "owner", "values")

    def __init__(self, function: Callable[..., Any], values: tuple[Any, ...], future: asyncio.Future[Any]) -> None:
        self.function = function
        self.values = values
        self.future = future
        bound = getattr(function, "__self__", None)
        self.owner = bound if isinstance(bound, Owner) else None

    @property
    def can_run(self) -> bool:
        """Whether a thread would come further than to the owner's lock."""
        owner = self.owner
        if owner is None or not owner._lock.locked():
            return True
        if self.function == owner.close:
            owner._closing.set()  # that is what close does before it waits for the lock
        return False


class Process:
    """See the module's docstring."""

    def __init__(self, world: World, name: str) -> None:
        self.world = world
        self.name = name
        self.alive = True
        self.frozen_until_ms = 0
        self.deaf_until_ms = 0
        """The group's coordinator does not hear it, all others do."""
        self.skew_ms = 0
        """How far its wall clock is ahead."""
        self.loop = VirtualLoop(world.clock)  # type: ignore[abstract]
        self.jobs: list[Job] = []
        self.stores: list[Any] = []

    @property
    def is_frozen(self) -> bool:
        """Stopped by a signal: nothing of it runs."""
        return self.world.clock.now_ms < self.frozen_until_ms

    @property
    def is_heard(self) -> bool:
        """Whether its heartbeats reach the group's coordinator."""
        now = self.world.clock.now_ms
        return self.alive and now >= self.frozen_until_ms and now >= self.deaf_until_ms

    def now_ms(self) -> int:
        """Its wall clock."""
        return self.world.clock.now_ms + self.skew_ms

    def note(self, *what: object) -> None:
        """One line of the trace."""
        self.world.note(self.name, *what)

    def meets(self, fault: str) -> bool:
        """Whether this happens now."""
        return self.world.meets(fault)

    def pause(self, where: str) -> None:
        """A step boundary. Raises Crashed."""
        if not self.alive:
            raise Crashed
        self.world.boundary(self, where)
        if not self.alive:
            raise Crashed

    # -- the pool ----------------------------------------------------------------------------------------------------

    def enqueue(self, function: Callable[..., Any], values: tuple[Any, ...]) -> asyncio.Future[Any]:
        """See `loop.Pool`."""
        future: asyncio.Future[Any] = self.loop.create_future()
        self.jobs.append(Job(function, values, future))
        return future

    def runnable(self) -> list[Job]:
        """What the threads of the pool could do next, in any order."""
        return [job for job in self.jobs if job.can_run]

    def run(self, job: Job) -> None:
        """Do it now. As with threads: what was cancelled before it began is not begun."""
        self.jobs.remove(job)
        if job.future.cancelled():
            return
        try:
            answer = job.function(*job.values)
        except Crashed:
            return
        except Exception as error:  # noqa: BLE001 - as a pool does, which hands it to whoever waits
            failure = error
            self._settle(job, lambda: job.future.set_exception(failure))
        else:
            self._settle(job, lambda: job.future.set_result(answer))

    def _settle(self, job: Job, tell: Callable[[], None]) -> None:
        if self.alive:
            self.loop.call_soon(lambda: None if job.future.done() else tell())

    def die(self) -> None:
        """From one moment to the next."""
        self.alive = False
        self.jobs.clear()
        self.loop.kill()
        for store in self.stores:
            store.close()

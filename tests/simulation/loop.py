# mypy: disable-error-code="override"
"""Virtual time, and an event loop of asyncio that lives in it. No thread, no wall clock, no selector."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Any, Protocol

BEGINS_MS = 1_700_000_000_000
_SOON_ENOUGH_S = 1e-6


class Clock:
    """The one clock of a world. It moves only when the world says so."""

    def __init__(self) -> None:
        self.now_ms = BEGINS_MS

    def monotonic(self) -> float:
        """Seconds since the world began."""
        return (self.now_ms - BEGINS_MS) / 1000

    def forward_to(self, seconds: float) -> None:
        """Not before that many seconds; a clock never goes back."""
        self.now_ms = max(self.now_ms, BEGINS_MS + int(seconds * 1000 + 0.999_999))


class Pool(Protocol):
    """Where the loop of a process sends what blocks."""

    def enqueue(self, function: Callable[..., Any], values: tuple[Any, ...]) -> asyncio.Future[Any]:
        """Its future; it is run when the world wants it."""


class VirtualLoop(asyncio.AbstractEventLoop):
    """The loop of one process. It has what `custody` and `pump` ask of a loop; the rest of the interface is not there."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ready: deque[asyncio.Handle] = deque()
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._number = 0
        self._tasks: list[asyncio.Task[Any]] = []
        self.unhandled: list[str] = []

    # -- what the world asks -----------------------------------------------------------------------------------------

    @property
    def has_work(self) -> bool:
        """Whether something can run now."""
        return bool(self._ready) or (
            bool(self._timers) and self._timers[0][0] <= self._clock.monotonic() + _SOON_ENOUGH_S
        )

    @property
    def next_timer(self) -> float | None:
        """When the first timer is due, in seconds of the clock."""
        return self._timers[0][0] if self._timers else None

    def run_once(self) -> None:
        """One round: the timers that are due, and everything that was ready when it began."""
        until = self._clock.monotonic() + _SOON_ENOUGH_S
        while self._timers and self._timers[0][0] <= until:
            self._ready.append(heapq.heappop(self._timers)[2])
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            for _ in range(len(self._ready)):
                handle = self._ready.popleft()
                if not handle.cancelled():
                    handle._run()
        finally:
            asyncio._set_running_loop(before)

    def kill(self) -> None:
        """The process is gone: nothing of it runs any more."""
        before = asyncio._get_running_loop()
        asyncio._set_running_loop(self)
        try:
            while self._tasks:  # a block that is left may begin a task
                task = self._tasks.pop()
                if not task.done():
                    task._log_destroy_pending = False  # type: ignore[attr-defined]
                    coroutine: Any = task.get_coro()
                    coroutine.close()
        finally:
            asyncio._set_running_loop(before)
        self._ready.clear()
        self._timers.clear()

    # -- what asyncio asks -------------------------------------------------------------------------------------------

    def time(self) -> float:
        return self._clock.monotonic()

    def call_soon(self, callback: Any, *values: Any, context: Context | None = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, values, self, context)
        self._ready.append(handle)
        return handle

    def call_soon_threadsafe(self, callback: Any, *values: Any, context: Context | None = None) -> asyncio.Handle:
        return self.call_soon(callback, *values, context=context)

    def call_later(
        self, delay: float, callback: Any, *values: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self.time() + delay, callback, *values, context=context)

    def call_at(self, when: float, callback: Any, *values: Any, context: Context | None = None) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, values, self, context)
        self._number += 1
        heapq.heappush(self._timers, (when, self._number, handle))
        return handle

    def create_future(self) -> asyncio.Future[Any]:
        return asyncio.Future(loop=self)

    def create_task(
        self, coro: Any, *, name: str | None = None, context: Context | None = None, **_: Any
    ) -> asyncio.Task[Any]:
        if len(self._tasks) > 100:
            self._tasks = [task for task in self._tasks if not task.done()]
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=self, name=name or "task", context=context)
        self._tasks.append(task)
        return task

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *values: Any) -> asyncio.Future[Any]:
        pool: Pool = executor
        return pool.enqueue(func, values)

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.unhandled.append(f"{context.get('message')}: {error!r}")

    def get_debug(self) -> bool:
        return False

    def is_running(self) -> bool:
        return True

    def is_closed(self) -> bool:
        return False

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """It stays in the heap and is passed over."""

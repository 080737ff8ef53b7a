"""One agent as a Faust app, and one worker process from its start to its end.

Exit code 0: it was asked to stop, and left in order. 3: it cannot run, `plan.failure` says why and what to do.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
import warnings
from functools import cached_property
from typing import Any

import faust

from agents.runtime.flow import SteadyFlow
from agents.runtime.plan import WorkerPlan
from agents.runtime.status import write_status
from agents.runtime.stopping import CANNOT, FINE, stop_event

log = logging.getLogger("onhand.worker")

LEAVE_WITHIN_S = 4.5
STATUS_EVERY_S = 1.0


class OnhandApp(faust.App):
    """A Faust app that knows what it runs."""

    plan: WorkerPlan

    @cached_property
    def flow_control(self) -> SteadyFlow:
        """Faust's own would lose chunks, see flow.py."""
        return SteadyFlow()


def build_app(plan: WorkerPlan) -> OnhandApp:
    """The app of one agent: its topic comes in chunks, one partition at a time and in order."""
    app = OnhandApp(
        plan.group,
        broker="onhand://",
        store="memory://",
        web_enabled=False,
        topic_disable_leader=True,
        stream_wait_empty=False,
        datadir=tempfile.gettempdir(),  # Faust wants one; nothing is kept there
    )
    app.plan = plan
    topic = app.topic(plan.topic, key_serializer="raw", value_serializer="raw", acks=False)

    async def fold_chunks(chunks: Any) -> None:
        async for chunk in chunks.events():
            await app.consumer.custody.apply(chunk.message.tp.partition, chunk.value)  # type: ignore[attr-defined]

    app.agent(topic, name=plan.agent.name, isolated_partitions=True)(fold_chunks)
    return app


def run_worker(plan: WorkerPlan) -> int:
    """Run until SIGTERM or SIGINT, or until it cannot go on. Returns the exit code.

    The caller should end the process with `os._exit`, since a thread may still wait for a broker that is gone.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Faust's, not ours
        return asyncio.run(_serve(plan))


async def _serve(plan: WorkerPlan) -> int:
    loop = asyncio.get_running_loop()
    stop = stop_event()
    plan.on_stop(lambda: _set_soon(loop, stop))
    app = build_app(plan)
    app.finalize()
    telling = asyncio.create_task(_tell_status(plan))
    await app.start()
    crashed = asyncio.create_task(app.wait_until_stopped())
    await asyncio.wait({asyncio.create_task(stop.wait()), crashed}, return_when=asyncio.FIRST_COMPLETED)
    telling.cancel()
    if crashed.done() and plan.failure is None:
        plan.failure = f"The worker stopped by itself: {app.crash_reason!r}. The state is safe; start it again."
    await _leave(app)
    _tell_last(plan)
    return FINE if plan.failure is None else CANNOT


def _set_soon(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    loop.call_soon_threadsafe(stop.set)


async def _leave(app: OnhandApp) -> None:
    """Finish what is in flight and leave the group. What takes longer is fenced off by the next owner."""
    try:
        await asyncio.wait_for(app.stop(), LEAVE_WITHIN_S)
    except TimeoutError:
        log.warning("left without an answer from the broker; nothing is half done")


async def _tell_status(plan: WorkerPlan) -> None:
    while True:
        try:
            write_status(plan)
        except OSError as error:
            log.warning("the status cannot be written: %s", error)
        await asyncio.sleep(STATUS_EVERY_S)


def _tell_last(plan: WorkerPlan) -> None:
    try:
        write_status(plan)
    except OSError as error:
        log.warning("the status cannot be written: %s", error)

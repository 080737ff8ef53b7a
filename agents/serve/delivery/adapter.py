"""The delivering process: one session after another until it is stopped, and each minute a line of figures.

Exit code 0: it was asked to stop, and left in order. 3: it cannot go on, the log says why and what to do.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from agents.runtime.stopping import CANNOT, FINE, stop_event
from agents.serve.delivery.alerted import Alerted
from agents.serve.delivery.memory import Memory
from agents.serve.delivery.plan import DeliveryPlan
from agents.serve.delivery.session import Event, Session, SessionOver
from agents.serve.delivery.webhook import Webhooks

AGAIN_AFTER_S = 1.0
FIGURES_EVERY_S = 60.0
MOST_FENCED_OFF = 3
"""Times within a minute: then two processes have one name, and would shut each other out for ever."""

log = logging.getLogger("onhand.deliver")


@dataclass
class Figures:
    """What happened since the last line: by platform, and what."""

    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    def hear(self, event: Event) -> None:
        """Count an event."""
        what = str(event["event"])
        if what in {"called", "answered"}:
            what = f"{what} {event['result']}"
        of_platform = self.counts.setdefault(str(event.get("platform", "unreadable")), {})
        of_platform[what] = of_platform.get(what, 0) + 1

    def line(self, session: Session | None) -> str:
        """All of it in one line; begins anew."""
        counts, self.counts = self.counts, {}
        lanes = {} if session is None else session.desk.lanes
        parts = []
        for name in dict.fromkeys([*lanes, *counts]):
            said = [f"{count} {what}" for what, count in sorted(counts.get(name, {}).items())]
            if name in lanes:
                said += [f"{lanes[name].waiting} waiting", f"{lanes[name].calling} being called"]
            parts.append(f"{name}: {', '.join(said)}")
        return "; ".join(parts) or "nothing"


class Adapter:
    """One delivering process."""

    def __init__(self, plan: DeliveryPlan, on_event: Callable[[Event], None] | None = None) -> None:
        """`on_event` hears of every call at once, and of every outcome when it is committed."""
        self.failure: str | None = None
        self._plan = plan
        self._on_event = on_event
        self._memory = Memory()
        self._figures = Figures()
        self._fenced_off: deque[float] = deque(maxlen=MOST_FENCED_OFF)
        self._session: Session | None = None

    async def run(self, stop: asyncio.Event) -> int:
        """Deliver until `stop`. Returns the exit code."""
        telling = asyncio.create_task(self._tell_figures())
        alerted = Alerted(self._plan)
        try:
            async with Webhooks(self._plan.topology.platforms) as webhooks:
                while not stop.is_set() and self.failure is None:
                    self._session = Session(self._plan, webhooks, self._memory, alerted, self._hear)
                    try:
                        await self._session.run(stop)
                    except SessionOver as over:
                        self.failure = self._judge(over)
                        with contextlib.suppress(TimeoutError):
                            await asyncio.wait_for(stop.wait(), AGAIN_AFTER_S)
        finally:
            telling.cancel()
        log.info("stopped; since the last minute: %s", self._figures.line(None))
        return FINE if self.failure is None else CANNOT

    def _judge(self, over: SessionOver) -> str | None:
        """Why no other session is begun; None where one is."""
        if over.hopeless:
            return f"{over} The broker refuses this process: correct its credentials or rights, then start it."
        if over.fenced_off:
            self._fenced_off.append(time.monotonic())
            if len(self._fenced_off) == MOST_FENCED_OFF and self._fenced_off[-1] - self._fenced_off[0] < 60:
                return (
                    f"Another process delivers as instance {self._plan.instance!r} too: they shut each other out. "
                    "Stop one of them, or give it another --instance."
                )
        log.warning("%s Nothing is lost: what was not committed is delivered again under the same keys.", over)
        return None

    def _hear(self, event: Event) -> None:
        self._figures.hear(event)
        if self._on_event is not None:
            self._on_event(event)

    async def _tell_figures(self) -> None:
        while True:
            await asyncio.sleep(FIGURES_EVERY_S)
            log.info("the last minute: %s", self._figures.line(self._session))


def run_adapter(adapter: Adapter) -> int:
    """Run until SIGTERM or SIGINT, or until it cannot go on; a second signal ends it at once. Returns the exit code.

    The caller should end the process with `os._exit`, since a thread may still wait for a broker that is gone.
    """
    return asyncio.run(_serve(adapter))


async def _serve(adapter: Adapter) -> int:
    return await adapter.run(stop_event())

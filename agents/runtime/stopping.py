"""How a process is asked to stop, and how it says how it ended.

SIGTERM and Ctrl-C, for a loop of its own (`StopSignal`) and for asyncio (`stop_event`).
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from types import FrameType

FINE = 0
"""Exit code: it was asked to stop, and left in order."""
CANNOT = 3
"""Exit code: it cannot run, and somebody must act first."""
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
AGAIN_AFTER_S = 1.0
"""A second signal that comes sooner is the same wish: a terminal tells all processes of a group, and then the supervisor
tells its own."""
_LOOK_EVERY_S = 0.05


class StopSignal:
    """Whether SIGTERM or SIGINT came.

    No threading.Event: its lock is not re-entrant, and a signal that comes while the main thread holds it, in a wait or
    in the handler of another signal, would wait for ever. A handler here only sets a plain attribute.
    """

    def __init__(self) -> None:
        self.asked = False

    @classmethod
    def heard(cls) -> StopSignal:
        """One that hears both signals from now on. Main thread only."""
        stop = cls()
        for number in STOP_SIGNALS:
            signal.signal(number, stop._on_signal)
        return stop

    def ask(self) -> None:
        """Ask the process itself to stop, from any thread or handler."""
        self.asked = True

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it was asked, after `seconds` at most; None waits as long as it takes."""
        ends_at = None if seconds is None else time.monotonic() + seconds
        while not self.asked:
            left = _LOOK_EVERY_S if ends_at is None else min(_LOOK_EVERY_S, ends_at - time.monotonic())
            if left <= 0:
                break
            time.sleep(left)
        return self.asked

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.asked = True


def stop_event() -> asyncio.Event:
    """An event of the running loop that SIGTERM and SIGINT set. A second wish, a second later, ends the process at once.

    The loop calls the handler between two of its steps, so nothing is held meanwhile.
    """
    asked, loop = asyncio.Event(), asyncio.get_running_loop()
    first_at_s = 0.0

    def on_signal() -> None:
        nonlocal first_at_s
        if not asked.is_set():
            first_at_s = loop.time()
            asked.set()
        elif loop.time() - first_at_s >= AGAIN_AFTER_S:
            os._exit(FINE)

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, on_signal)
    return asked

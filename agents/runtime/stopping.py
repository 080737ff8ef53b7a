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
    """An event of the running loop that SIGTERM and SIGINT set. A second signal ends the process at once.

    The loop calls the handler between two of its steps, so nothing is held meanwhile.
    """
    asked = asyncio.Event()

    def on_signal() -> None:
        if asked.is_set():
            os._exit(FINE)
        asked.set()

    for number in STOP_SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, on_signal)
    return asked

"""One agent = one process. The supervisor starts one process for each agent, and starts it again when it dies.

A process that says that it cannot run (exit code 3) is not started again: somebody must act first.
"""

from __future__ import annotations

import ctypes
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence

from agents.runtime.stopping import CANNOT, FINE, StopSignal

log = logging.getLogger("onhand.supervisor")

STOP_WITHIN_S = 8.0
BACK_OFF_S = (0.1, 0.5, 1.0, 2.0, 5.0)
HEALTHY_AFTER_S = 30.0
_LOOK_EVERY_S = 0.05
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Have the kernel end this process when its parent dies, so that no worker outlives its supervisor (Linux only)."""
    try:
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    except (OSError, AttributeError):
        log.debug("this system cannot tie a process to its parent")


def tied_to(parent: int) -> Callable[[], None]:
    """What a child does before it is anything: it ends with the parent, even one that dies in this very moment."""

    def tie() -> None:
        die_with_parent()
        if os.getppid() != parent:  # It died before the kernel knew.
            os._exit(FINE)

    return tie


class _Child:
    """One agent's process, and when it may be started again."""

    def __init__(self, name: str, command: Sequence[str]) -> None:
        self.name = name
        self.command = list(command)
        self.process: subprocess.Popen[bytes] | None = None
        self.started_at = 0.0
        self.start_again_at = 0.0
        self.deaths = 0

    def start(self) -> None:
        self.started_at = time.monotonic()
        # A child that tied itself would be on its own while it is loading its modules. No thread runs here.
        self.process = subprocess.Popen(self.command, preexec_fn=tied_to(os.getpid()))  # noqa: PLW1509
        log.info("agent %s runs as process %d", self.name, self.process.pid)

    def died(self, code: int) -> None:
        lived = time.monotonic() - self.started_at
        self.deaths = 0 if lived > HEALTHY_AFTER_S else self.deaths
        wait = BACK_OFF_S[min(self.deaths, len(BACK_OFF_S) - 1)]
        self.deaths += 1
        self.process = None
        self.start_again_at = time.monotonic() + wait
        log.warning(
            "agent %s ended (%s); starting it again in %.1f s. What it had not committed is decided again. "
            "If this goes on, the lines before say why",
            self.name,
            _said(code),
            wait,
        )


class Supervisor:
    """Watches the processes of some agents."""

    def __init__(self, commands: Mapping[str, Sequence[str]]) -> None:
        self._children = [_Child(name, command) for name, command in commands.items()]

    def run(self) -> int:
        """Start all and watch them, until SIGTERM or SIGINT, or until one cannot run. Returns the exit code."""
        stop = StopSignal.heard()
        code = FINE
        while code == FINE and not stop.wait(_LOOK_EVERY_S):
            code = self._look()
        return max(code, self._stop_all())

    def _look(self) -> int:
        for child in self._children:
            if child.process is None:
                if time.monotonic() >= child.start_again_at:
                    child.start()
                continue
            ended = child.process.poll()
            if ended == CANNOT:
                return CANNOT
            if ended is not None:
                child.died(ended)
        return FINE

    def _stop_all(self) -> int:
        running = [child.process for child in self._children if child.process is not None]
        for process in running:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + STOP_WITHIN_S
        worst = FINE
        for process in running:
            try:
                worst = max(worst, process.wait(max(0.1, deadline - time.monotonic())))
            except subprocess.TimeoutExpired:
                log.warning("process %d does not leave; killed, nothing is half done", process.pid)
                process.kill()
                process.wait()
        return worst


def _said(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"

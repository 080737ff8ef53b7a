"""A worker as a process: started, waited for, signalled and killed by its pid."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import orjson

from agents.runtime.status import read_status
from agents.stock_keeper import AGENT

if TYPE_CHECKING:
    from tests.integration.harness import Stage

ROOT = Path(__file__).resolve().parents[2]
LOG_LINES = 40


class Worker:
    """One worker process."""

    def __init__(self, stage: Stage, instance: str, options: Iterable[str], environment: Mapping[str, str]) -> None:
        self.instance = instance
        self.supervised = False
        """Its process is the supervisor then, which starts the one of the agent."""
        self.agent = AGENT
        """Which one it runs."""
        self.program = "tools"
        """The module that is run; another one may bring a fold of its own."""
        self.log = stage.root / f"worker-{instance}.log"
        self._stage = stage
        self._options = list(options)
        self._environment = dict(environment)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is there; frozen counts."""
        return self._process is not None and self._process.poll() is None

    @property
    def state_directory(self) -> Path:
        """Of its agent."""
        return self._stage.topology.state.directory / self.instance / self.agent

    def start(self) -> Self:
        """Start the process; it appends to its log."""
        command = [sys.executable, "-m", self.program, "worker", self.agent, "--instance", self.instance]
        command += ["--log-format", "text", *self._stage.options, *self._options]
        command += [] if self.supervised else ["--alone"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd=ROOT, env={**self._stage.environment, **self._environment}, stdout=log, stderr=log
            )
        return self

    def status(self) -> Mapping[str, Any]:
        """What this very process (or the last one of the supervisor) wrote last; empty before it wrote."""
        status = read_status(self._stage.topology.state.directory, self.instance, self.agent)
        own = status is not None and self._process is not None and (self.supervised or status["pid"] == self.pid)
        return status if status is not None and own else {}

    def until_ready(self, seconds: float = 40.0, partitions: int | None = None) -> Self:
        """Wait until all its partitions (as many as named) run."""
        return self.until(
            lambda status: (
                bool(status.get("ready")) and (partitions is None or len(status["partitions"]) == partitions)
            ),
            "ready",
            seconds,
        )

    def until(self, condition: Callable[[Mapping[str, Any]], bool], what: str, seconds: float = 40.0) -> Self:
        """Wait until its status fulfils the condition."""
        deadline = time.monotonic() + seconds
        while not condition(self.status()):
            assert self.running, f"the worker ended with {self.exit_code(0)} before it was {what}\n{self.tail()}"
            assert time.monotonic() < deadline, f"the worker is not {what}: {self.status()}\n{self.tail()}"
            time.sleep(0.05)
        return self

    def until_logged(self, words: str, seconds: float = 30.0) -> Self:
        """Wait until its log has these words."""
        deadline = time.monotonic() + seconds
        while words not in self.text():
            assert time.monotonic() < deadline, f"the worker never said {words!r}\n{self.tail()}"
            time.sleep(0.05)
        return self

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        self.exit_code(10)

    def terminate(self) -> tuple[int, float]:
        """SIGTERM. Returns its exit code and the seconds it took."""
        began = time.monotonic()
        self.signal(signal.SIGTERM)
        return self.exit_code(20), time.monotonic() - began

    def exit_code(self, seconds: float = 60.0) -> int:
        """Wait for it to end by itself."""
        assert self._process is not None
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"the worker has not ended\n{self.tail()}") from None

    def text(self) -> str:
        """All it has logged and said."""
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def tail(self) -> str:
        """The end of its log."""
        status = orjson.dumps(self.status()).decode() if self._process else "not started"
        return f"--- worker {self.instance}: {status}\n" + "\n".join(self.text().splitlines()[-LOG_LINES:])

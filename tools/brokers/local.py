"""A broker on this machine as a child process: started, waited for, stopped and killed by its process id.

What Apache Kafka and the embedded broker have in common. Each runs under `guard.py`, so that none outlives the process that
started it. Ports are on the loopback address; one that nobody named is chosen free.
"""

from __future__ import annotations

import fcntl
import logging
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tools.brokers import guard

LOOPBACK = "127.0.0.1"
READY_SECONDS = 60.0
STOP_SECONDS = 20.0

# librdkafka says on stderr that nobody listens yet; while a broker starts that is no news.
_quiet = logging.getLogger("onhand.brokers.starting")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


class BrokerFailed(Exception):
    """The broker did not start or did not stop; the message is a sentence with the end of its log."""


def free_port() -> int:
    """Return a loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


class LocalBroker:
    """One broker process on a loopback port; a context manager.

    Subclasses say how it is prepared and which command runs it. `start` may follow `stop` or `kill` any number of times:
    port and data stay the same.
    """

    name: str

    def __init__(self, directory: Path, port: int | None) -> None:
        self.directory = directory
        self.port = port or free_port()
        self.log = directory / "broker.log"
        self._guard: subprocess.Popen[bytes] | None = None
        self._lock: IO[str] | None = None
        self._pid = 0

    @property
    def bootstrap(self) -> str:
        """Address for `bootstrap.servers`."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def client_settings(self) -> Mapping[str, str]:
        """What a client needs to connect, under librdkafka's names."""
        return {"bootstrap.servers": self.bootstrap}

    @property
    def pid(self) -> int:
        """Process id of the broker itself (not of its guard); raises BrokerFailed while it does not run."""
        if not self.running:
            raise BrokerFailed(f"{self.name} at {self.bootstrap} is not running")
        return self._pid

    @property
    def running(self) -> bool:
        """Whether the process is alive (frozen counts as alive)."""
        return self._guard is not None and self._guard.poll() is None

    def prepare(self) -> None:
        """Write what the broker needs before its first start. Repeating it is harmless."""
        raise NotImplementedError

    def command(self) -> Sequence[str]:
        """Return the command line that runs the broker in the foreground."""
        raise NotImplementedError

    def start(self, ready_seconds: float = READY_SECONDS) -> Self:
        """Start the broker and return once it answers an admin call. Raises BrokerFailed."""
        if self.running:
            raise BrokerFailed(f"{self.name} at {self.bootstrap} is running already")
        self._gone_within(0)  # what is left of one that ended by itself
        self.directory.mkdir(parents=True, exist_ok=True)
        self._claim_directory()
        try:
            self._check_port()
            self.prepare()
            self._launch()
            self._wait_until_ready(time.monotonic() + ready_seconds)
        except BaseException:
            self.kill()
            raise
        return self

    def stop(self, patience_seconds: float = STOP_SECONDS) -> None:
        """SIGTERM, so that it saves its data, and SIGKILL if it has not gone by then. Nothing to do if it does not run."""
        self._end(signal.SIGTERM)
        if not self._gone_within(patience_seconds):
            self.kill()

    def kill(self) -> None:
        """SIGKILL: what a power cut does. Nothing to do if it does not run."""
        self._end(signal.SIGKILL)
        if not self._gone_within(STOP_SECONDS):
            raise BrokerFailed(f"{self.name} with process id {self._pid} does not go away")

    def restart(self) -> None:
        """Stop it if it runs, and start it again on the same port and data."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def wait(self, seconds: float) -> bool:
        """Wait for it to end by itself; return whether it still runs after `seconds`."""
        return not self._gone_within(seconds)

    def _check_port(self) -> None:
        if self._listens():
            raise BrokerFailed(f"port {self.port} is in use by another program; choose another port")

    def _claim_directory(self) -> None:
        """Take the lock of the data directory: two brokers on the same files would destroy them."""
        lock = (self.directory / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise BrokerFailed(f"another broker uses {self.directory}; stop it, or name another directory") from None
        self._lock = lock

    def _release_directory(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _launch(self) -> None:
        # A session of its own: Ctrl-C in the terminal is for us, and we stop the broker in order.
        self._guard = subprocess.Popen(
            [sys.executable, "-I", "-S", str(Path(guard.__file__)), str(self.log), *self.command()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=self.directory,
            start_new_session=True,
        )
        assert self._guard.stdout is not None
        line = self._guard.stdout.readline()
        if not line:
            raise BrokerFailed(f"{self.name} could not be started: {self.command()[0]} does not run")
        self._pid = int(line)

    def _wait_until_ready(self, deadline: float) -> None:
        while time.monotonic() < deadline:
            if not self.running:
                raise BrokerFailed(f"{self.name} ended while it started; the end of {self.log}:\n{self._log_end()}")
            if self._listens() and self._answers():
                return
            time.sleep(0.05)
        raise BrokerFailed(
            f"{self.name} does not answer at {self.bootstrap}; the end of {self.log}:\n{self._log_end()}"
        )

    def _listens(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1.0)
            return probe.connect_ex((LOOPBACK, self.port)) == 0

    def _answers(self) -> bool:
        admin = AdminClient({**self.client_settings, "socket.timeout.ms": 3000, "log_level": 0}, logger=_quiet)
        try:
            return bool(admin.list_topics(timeout=3.0).brokers)
        except KafkaException:
            return False

    def _end(self, number: signal.Signals) -> None:
        if self.running:
            # It may have died since we looked; then there is nothing left to end.
            try:
                os.kill(self._pid, number)
            except ProcessLookupError:
                return

    def _gone_within(self, seconds: float) -> bool:
        if self._guard is None:
            self._release_directory()
            return True
        try:
            self._guard.wait(seconds)
        except subprocess.TimeoutExpired:
            return False
        for stream in (self._guard.stdin, self._guard.stdout):
            if stream is not None:
                stream.close()
        self._guard = None
        self._release_directory()
        return True

    def _log_end(self, lines: int = 15) -> str:
        if not self.log.exists():
            return "(empty)"
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

"""The embedded broker: noida-db, one small program from a Python package that speaks Kafka's protocol.

For a newcomer's machine and for quick tests: it starts in a fraction of a second and needs no Java. Never for production:

* it keeps all records in memory and rewrites all of them as one JSON snapshot whenever something changed, so its work and
  its file grow with everything ever written (100 MB of records became 322 MB);
* a topic created right before a kill -9 of the broker may be gone;
* it has no KIP-848 and never evicts a dead group member, so clients use `group.protocol=classic` with a `group.instance.id`;
* its topic ids are all zero, so a topic created anew cannot be told from the old one.

Data directory: broker.log, and data/ with noida-db's own files. Without a directory a temporary one lives as long as the object.
"""

from __future__ import annotations

import importlib.util
import os
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from tools.brokers.local import LOOPBACK, BrokerFailed, LocalBroker

SMALL_LOADS_ONLY = (
    "The embedded broker keeps everything in memory and rewrites all its data as one snapshot: it is for a first look, "
    "for tests and for small loads. For anything bigger use Apache Kafka."
)


def program() -> Path | None:
    """Return the program of the installed package, or None where the package is not installed."""
    package = importlib.util.find_spec("noida_db")
    if package is None or package.origin is None:
        return None
    for name in ("noida-db", "noida-db.exe"):
        path = Path(package.origin).with_name(name)
        if path.is_file():
            return path
    return None


def unavailable_reason() -> str | None:
    """Say in one sentence why the embedded broker cannot run here, or return None if it can."""
    if program() is None:
        return "the embedded broker is not installed; install it with `pip install 'onhand[broker]'`"
    return None


class EmbeddedBroker(LocalBroker):
    """The embedded broker on a loopback port; a context manager."""

    name = "the embedded broker"

    def __init__(self, directory: Path | None = None, port: int | None = None) -> None:
        self._temporary = None
        if directory is None:
            self._temporary = tempfile.TemporaryDirectory(prefix="onhand-broker-", ignore_cleanup_errors=True)
            directory = Path(self._temporary.name)
        super().__init__(Path(directory).resolve(), port)

    def prepare(self) -> None:
        """Make sure that the program is there and may be run. Raises BrokerFailed."""
        path = program()
        if path is None:
            raise BrokerFailed(unavailable_reason())
        if not os.access(path, os.X_OK):
            # Wheels do not always keep the permission; the package's own starter sets it in the same way.
            path.chmod(path.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)

    def command(self) -> Sequence[str]:
        """noida-db with its Kafka service alone, in the foreground."""
        return [
            str(program()),
            "start",
            "--only",
            "kafka",
            "--host",
            LOOPBACK,
            "--kafka-port",
            str(self.port),
            "--data-dir",
            str(self.directory / "data"),
        ]

    def close(self) -> None:
        """Stop it, and remove its data if they are in a temporary directory."""
        self.stop()
        if self._temporary is not None:
            self._temporary.cleanup()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

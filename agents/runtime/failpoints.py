"""Named points at which a process ends itself, so that a test can let it die exactly there.

A worker that is started with `ONHAND_FAILPOINT=after_commit:3` gets SIGKILL when it passes that point for the third time;
`after_produce:2:SIGSTOP` freezes it there. Without the variable a point costs one comparison, once a chunk and never
once a record. For tests only: nothing of it is needed in operation, and a worker that is armed says so in its log.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

log = logging.getLogger("onhand.failpoints")

VARIABLE = "ONHAND_FAILPOINT"
SIGNALS = frozenset({signal.SIGKILL, signal.SIGSTOP})
_SETTING = re.compile(r"(?P<point>[a-z_]+):(?P<pass>[1-9][0-9]*)(?::(?P<signal>SIG[A-Z]+))?")


class Failpoint(StrEnum):
    """Where a worker may be made to end."""

    AFTER_PRODUCE = "after_produce"
    """All records of a transaction are with the broker, none is committed."""
    AFTER_COMMIT = "after_commit"
    """Kafka has committed, RocksDB knows nothing of it."""
    AFTER_ROCKSDB = "after_rocksdb"
    """RocksDB has it, too; nobody has been told."""
    AFTER_FENCING = "after_fencing"
    """Opening: the owner before is fenced off, nothing is restored yet."""
    IN_RESTORE = "in_restore"
    """One batch of the changelog is in RocksDB, the rest is not."""


class NoSuchFailpoint(ValueError):
    """The setting names no point; the message says what may be written."""


@dataclass
class _Armed:
    point: Failpoint
    at_pass: int
    number: signal.Signals
    passed: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def reach(self, point: Failpoint, first: Callable[[], object] | None) -> None:
        if point is not self.point:
            return
        with self.lock:
            self.passed += 1
            if self.passed != self.at_pass:
                return
            if first is not None:
                first()
            log.warning("failpoint %s, pass %d: %s", point, self.passed, self.number.name)
            os.kill(os.getpid(), self.number)


_armed: _Armed | None = None
"""This is global on purpose: a process ends as a whole."""


def arm(setting: str) -> None:
    """End this process where `setting` says: `POINT:PASS` or `POINT:PASS:SIGNAL`. Raises NoSuchFailpoint."""
    global _armed
    told = _SETTING.fullmatch(setting)
    name = "SIGKILL" if told is None else told["signal"] or "SIGKILL"
    if told is None or told["point"] not in set(Failpoint) or name not in {number.name for number in SIGNALS}:
        raise NoSuchFailpoint(
            f"{VARIABLE}={setting} is no failpoint: write POINT:PASS or POINT:PASS:SIGNAL with a point of "
            f"{', '.join(Failpoint)} and SIGKILL or SIGSTOP, such as after_commit:3"
        )
    _armed = _Armed(Failpoint(told["point"]), int(told["pass"]), signal.Signals[name])
    log.warning("this process is armed: %s. For tests only.", setting)


def reach(point: Failpoint, first: Callable[[], object] | None = None) -> None:
    """Pass a point. `first` is called before the process ends there: it brings about what the point claims."""
    if _armed is not None:
        _armed.reach(point, first)

"""What the runtime touches of the world: clients of the broker, clocks, the local store. The simulation brings its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, Producer

from agents.state.rocks import RocksOptions, open_or_rebuild, remove_store
from agents.state.store import Store


def now_ms() -> int:
    """The wall clock. Used for heartbeats, wake-ups and the age of a checkpoint; never in a decision."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a worker takes from outside of its own logic. The simulation gives virtual ones, everybody else `REAL`."""

    producer: Callable[..., Producer] = Producer
    """Called as librdkafka's: settings, and `logger=`."""
    consumer: Callable[..., Consumer] = Consumer
    """Called as librdkafka's: settings, and `logger=`."""
    now_ms: Callable[[], int] = now_ms
    """Epoch milliseconds by the wall clock."""
    monotonic: Callable[[], float] = time.monotonic
    """Seconds, for how long to be patient."""
    open_store: Callable[[Path, RocksOptions, Callable[[str], None]], Store] = open_or_rebuild
    """The local store of a path; a corrupt one is made anew. Raises StoreLocked, StoreFault."""
    remove_store: Callable[[Path], Any] = remove_store
    """Removes a closed store. Raises StoreFault."""
    cores: int = os.cpu_count() or 1
    """How many decisions and commits the machine can do at once."""


REAL = Surroundings()
"""The machine that this process runs on."""

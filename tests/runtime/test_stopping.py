"""Signals that ask a process to stop: real ones, sent to this process."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.runtime.stopping import FINE, STOP_SIGNALS, StopSignal, stop_event

ROOT = Path(__file__).resolve().parents[2]
STORM = """
import itertools, os, signal, sys, threading, time
from agents.runtime.stopping import StopSignal
stop = StopSignal.heard()
def storm():
    for number in itertools.islice(itertools.cycle((signal.SIGTERM, signal.SIGINT)), 500):
        os.kill(os.getpid(), number)
        time.sleep(0)
storming = threading.Thread(target=storm, daemon=True)
sys.setswitchinterval(0.0001)
storming.start()
while storming.is_alive():
    stop.wait(0)
assert stop.asked
print("stopped", flush=True)
"""
ASKED_TWICE = """
import asyncio, os, signal
from agents.runtime.stopping import AGAIN_AFTER_S, stop_event
async def main():
    asked = stop_event()
    os.kill(os.getpid(), signal.SIGTERM)
    await asked.wait()
    await asyncio.sleep(AGAIN_AFTER_S)
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(60)
asyncio.run(main())
"""
ASKED_BY_ALL = """
import asyncio, os, signal
from agents.runtime.stopping import stop_event
async def main():
    asked = stop_event()
    os.kill(os.getpid(), signal.SIGINT)
    await asked.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.sleep(0.2)
    print("left in order", flush=True)
asyncio.run(main())
"""


@pytest.fixture(autouse=True)
def handlers_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in STOP_SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_either_signal_ends_a_wait_that_has_no_end(number: signal.Signals) -> None:
    stop = StopSignal.heard()
    assert not stop.asked
    threading.Timer(0.2, os.kill, (os.getpid(), number)).start()
    assert stop.wait()
    assert stop.asked


def test_a_wait_that_nobody_ends_takes_its_time_and_says_so() -> None:
    stop = StopSignal.heard()
    began = time.monotonic()
    assert not stop.wait(0.12)
    assert time.monotonic() - began >= 0.12
    stop.ask()
    assert stop.wait(60)


def test_signals_in_the_middle_of_the_handlers_of_others_hang_nobody() -> None:
    """With a threading.Event a handler waits for the lock that the code it interrupted holds: for ever."""
    done = subprocess.run(
        [sys.executable, "-c", STORM], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "stopped\n", "")


def test_a_second_signal_ends_a_process_of_coroutines_at_once() -> None:
    began = time.monotonic()
    assert subprocess.run([sys.executable, "-c", ASKED_TWICE], cwd=ROOT, timeout=50, check=False).returncode == FINE
    assert time.monotonic() - began < 50


def test_the_same_wish_from_terminal_and_supervisor_lets_a_process_leave_in_order() -> None:
    done = subprocess.run(
        [sys.executable, "-c", ASKED_BY_ALL], cwd=ROOT, capture_output=True, text=True, timeout=50, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (FINE, "left in order\n", "")


def test_the_event_of_a_loop_is_set_by_a_signal() -> None:
    async def asked() -> bool:
        event = stop_event()
        os.kill(os.getpid(), signal.SIGINT)
        return await asyncio.wait_for(event.wait(), 30)

    assert asyncio.run(asked())

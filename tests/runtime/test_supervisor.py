"""The supervisor watches real child processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agents.runtime.stopping import CANNOT, FINE
from tests.runtime.parts import wait_for

ROOT = Path(__file__).resolve().parents[2]
RUN = "import sys, json; from agents.runtime.supervisor import Supervisor; sys.exit(Supervisor(json.loads(sys.argv[1])).run())"
CALM = "import sys, time\nopen({0!r}, 'a').write('started\\n')\nimport signal\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\ntime.sleep(60)"
DIES_TWICE = "import sys, time, os\nopen({0!r}, 'a').write('started\\n')\nif len(open({0!r}).readlines()) < 3: os._exit(7)\ntime.sleep(60)"
CANNOT_RUN = f"import sys; sys.exit({CANNOT})"
STUBBORN = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nopen({0!r}, 'a').write('started\\n')\ntime.sleep(60)"


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "notes"
    path.touch()
    return path


def supervised(**programs: str) -> subprocess.Popen[bytes]:
    commands = {name: [sys.executable, "-c", program] for name, program in programs.items()}
    return subprocess.Popen([sys.executable, "-c", RUN, json.dumps(commands)], cwd=ROOT)


def starts(notes: Path) -> int:
    return len(notes.read_text().splitlines())


def test_a_process_that_dies_is_started_again(notes: Path) -> None:
    supervisor = supervised(a=DIES_TWICE.format(str(notes)))
    wait_for(lambda: starts(notes) == 3, 20)
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(15) == FINE


def test_sigterm_ends_all_processes_and_then_the_supervisor(notes: Path) -> None:
    supervisor = supervised(a=CALM.format(str(notes)), b=CALM.format(str(notes)))
    wait_for(lambda: starts(notes) == 2, 20)
    began = time.monotonic()
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(15) == FINE
    assert time.monotonic() - began < 5


def test_a_process_that_says_it_cannot_run_is_not_started_again_and_ends_the_others(notes: Path) -> None:
    supervisor = supervised(a=CALM.format(str(notes)), b=CANNOT_RUN)
    assert supervisor.wait(30) == CANNOT
    assert starts(notes) <= 1


def test_a_process_that_does_not_leave_is_killed(notes: Path) -> None:
    supervisor = supervised(a=STUBBORN.format(str(notes)))
    wait_for(lambda: starts(notes) == 1, 20)
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(20) == FINE


def test_a_supervisor_that_is_killed_leaves_nobody_behind_even_one_that_has_just_been_born(tmp_path: Path) -> None:
    number = tmp_path / "pid"
    slow_to_load = f"import os, time\nopen({str(number)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    supervisor = supervised(a=slow_to_load)
    wait_for(lambda: number.exists() and number.read_text() != "", 20)
    child = int(number.read_text())
    supervisor.kill()
    supervisor.wait()
    wait_for(lambda: not is_there(child), 10)


def is_there(pid: int) -> bool:
    """Whether it runs; a zombie that nobody waits for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"

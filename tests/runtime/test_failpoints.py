"""A process ends itself exactly at the named point, at the pass that was asked for, and nowhere without being asked."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agents.runtime.failpoints import Failpoint, NoSuchFailpoint, arm, reach

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys
from agents.runtime.failpoints import Failpoint, arm, reach
if sys.argv[1]:
    arm(sys.argv[1])
for number in range(4):
    for point in Failpoint:
        reach(point, lambda: print("first", flush=True))
        print(point, number, flush=True)
"""


def run(setting: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM, setting]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_without_a_setting_every_point_is_passed() -> None:
    done = run("")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [f"{point} {number}" for number in range(4) for point in Failpoint]


@pytest.mark.parametrize("point", Failpoint)
def test_the_process_dies_at_the_point_and_the_pass_that_were_asked_for(point: Failpoint) -> None:
    done = run(f"{point}:3")
    assert done.returncode == -signal.SIGKILL
    passed = [f"{each} {number}" for number in range(2) for each in Failpoint]
    passed += [f"{each} 2" for each in list(Failpoint)[: list(Failpoint).index(point)]]
    assert done.stdout.splitlines() == [*passed, "first"]
    assert f"failpoint {point}, pass 3: SIGKILL" in done.stderr


@pytest.mark.parametrize(
    "setting", ["", "after_commit", "after_commit:0", "in_the_middle:1", "after_commit:1:SIGHUP", "after_commit:1:KILL"]
)
def test_a_setting_that_names_no_point_is_refused_with_what_may_be_written(setting: str) -> None:
    with pytest.raises(NoSuchFailpoint, match=r"after_produce, after_commit.*such as after_commit:3"):
        arm(setting)


def test_this_process_is_not_armed() -> None:
    for point in Failpoint:
        reach(point)

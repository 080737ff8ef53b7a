from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from agents.state.lock import LOCK_FILE, StateDirectoryLock, StateDirectoryTaken, StateDirectoryUnusable

HOLDER = """
import sys
from pathlib import Path
from agents.state.lock import StateDirectoryLock

StateDirectoryLock(Path(sys.argv[1])).take()  # kept by nobody: only release or the end of the process lets go
print("held", flush=True)
sys.stdin.read()
"""


def hold(directory: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(directory)],
        cwd=Path(__file__).resolve().parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_a_second_worker_on_the_same_directory_is_refused_in_one_sentence_with_the_pid(tmp_path: Path) -> None:
    process = hold(tmp_path / "state")
    try:
        with pytest.raises(StateDirectoryTaken) as caught, StateDirectoryLock(tmp_path / "state"):
            pass
        assert caught.value.pid == process.pid
        assert f"is in use by process {process.pid}: stop it" in str(caught.value)
        assert "\n" not in str(caught.value)
    finally:
        process.communicate()


@pytest.mark.parametrize("kill", [True, False])
def test_the_lock_is_free_when_its_process_has_ended_or_was_killed(tmp_path: Path, kill: bool) -> None:
    process = hold(tmp_path)
    if kill:
        process.kill()
    process.communicate()
    assert process.returncode == (-signal.SIGKILL if kill else 0)
    with StateDirectoryLock(tmp_path):
        assert int((tmp_path / LOCK_FILE).read_text()) == os.getpid()


def test_a_released_lock_can_be_taken_again(tmp_path: Path) -> None:
    lock = StateDirectoryLock(tmp_path)
    for _ in range(2):
        lock.take()
        with pytest.raises(StateDirectoryTaken):
            StateDirectoryLock(tmp_path).take()
        lock.release()
        lock.release()


def test_a_shorter_pid_leaves_nothing_of_a_longer_one(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).write_text("99999999999\n")
    with StateDirectoryLock(tmp_path):
        assert (tmp_path / LOCK_FILE).read_text() == f"{os.getpid()}\n"


def test_a_directory_that_cannot_be_made_is_said_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateDirectoryUnusable, match=r"cannot be used .*configure another"):
        StateDirectoryLock(tmp_path / "file" / "state").take()

"""The lock of a state directory: two workers on one directory would write each other's databases."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

LOCK_FILE = "worker.lock"


class StateDirectoryTaken(Exception):
    """Another worker works in the state directory."""

    def __init__(self, directory: Path, pid: int | None) -> None:
        process = "another process" if pid is None else f"process {pid}"
        super().__init__(
            f"the state directory {directory} is in use by {process}: stop it, or give this worker a directory of its own"
        )
        self.directory = directory
        self.pid = pid


class StateDirectoryUnusable(Exception):
    """The state directory cannot be made or written."""

    def __init__(self, directory: Path, why: str) -> None:
        super().__init__(
            f"the state directory {directory} cannot be used ({why}): make it writable, or configure another one"
        )
        self.directory = directory


class StateDirectoryLock:
    """Held from `take` until `release`, or until the process ends in whatever way: the kernel lets it go then."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._descriptor: int | None = None

    def take(self) -> None:
        """Make the directory if need be and lock it. Raises StateDirectoryTaken, StateDirectoryUnusable."""
        path = self.directory / LOCK_FILE
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StateDirectoryUnusable(self.directory, str(error.strerror)) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, b"%d\n" % os.getpid(), 0)
        except BlockingIOError as error:
            pid = _pid_in(descriptor)
            os.close(descriptor)
            raise StateDirectoryTaken(self.directory, pid) from error
        except OSError as error:
            os.close(descriptor)
            raise StateDirectoryUnusable(self.directory, str(error.strerror)) from error
        self._descriptor = descriptor

    def release(self) -> None:
        """Let go. The file stays: removing it would let two later workers lock two different files of its name."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def __enter__(self) -> Self:
        self.take()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.release()


def _pid_in(descriptor: int) -> int | None:
    """Who wrote the file; None where the holder has not written yet."""
    written = os.pread(descriptor, 32, 0).strip()
    return int(written) if written.isdigit() else None

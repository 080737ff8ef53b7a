"""Runs one command and ends it when the process that asked for it is gone.

Started as a script with `LOG COMMAND...`. Prints the command's process id on one line of its standard output, sends what
the command prints to LOG, and exits with the command's exit code (128 + signal where a signal ended it).

Its standard input is a pipe that nobody writes to: the operating system closes it however the asking process dies, kill -9
included. Then the command gets SIGTERM and, ten seconds later, SIGKILL. The guard is the command's parent, so the process id
cannot be somebody else's by then. A prctl would do the same on Linux only, and only for the thread that forked.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import threading
from pathlib import Path

PATIENCE_SECONDS = 10.0


def end_with_the_asker(child: subprocess.Popen[bytes]) -> None:
    """Wait until the asking process closes our standard input, then end the child."""
    # Not sys.stdin: its lock, held by a waiting thread, would abort the interpreter at its end.
    os.read(0, 1)
    child.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(PATIENCE_SECONDS)
        return
    child.kill()


def main(log: str, command: list[str]) -> int:
    """Run the command under guard; return its exit code, 128 + signal number where a signal ended it."""
    with Path(log).open("ab") as output:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    sys.stdout.write(f"{child.pid}\n")
    sys.stdout.flush()
    threading.Thread(target=end_with_the_asker, args=(child,), daemon=True).start()
    code = child.wait()
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

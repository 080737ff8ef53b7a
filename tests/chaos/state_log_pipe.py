"""A worker that can be kept from growing any file while its log goes on: it logs into a pipe, which is copied to the file."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.scene import Run
from tests.integration.harness import Worker


@contextmanager
def piped(run: Run, instance: str) -> Iterator[Worker]:
    """Start a worker of that name, in place of the one that had it. The copying ends with the worker."""
    worker = run.workers[instance] = run.stage.worker(instance)
    log, pipe = worker.log, worker.log.with_suffix(".pipe")
    os.mkfifo(pipe)
    copying = threading.Thread(target=_copy, args=(pipe, log), daemon=True)
    copying.start()
    worker.log = pipe
    try:
        worker.start()
    finally:
        worker.log = log
    yield worker


def _copy(pipe: Path, log: Path) -> None:
    with pipe.open("rb", buffering=0) as source, log.open("ab", buffering=0) as target:
        while content := source.read(65_536):
            target.write(content)

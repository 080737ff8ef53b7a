"""The view of the levels: begun once, however many partitions are opened at the same moment."""

from __future__ import annotations

import sys
import threading

from agents.inventory.positions import StockLevel
from agents.runtime.levels_view import LevelsView

THREADS, TURNS = 12, 15


def never_decoded(*_: object) -> StockLevel:
    raise AssertionError("nothing is read here")


def test_partitions_that_are_opened_at_once_begin_it_once() -> None:
    failures: list[BaseException] = []
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(TURNS):
            view = LevelsView({"bootstrap.servers": "127.0.0.1:1"}, "levels", 1, never_decoded)
            together = threading.Barrier(THREADS)

            def begin(view: LevelsView = view, together: threading.Barrier = together) -> None:
                together.wait()
                try:
                    view.start()
                except RuntimeError as failure:
                    failures.append(failure)

            threads = [threading.Thread(target=begin) for _ in range(THREADS)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            view.stop()
    finally:
        sys.setswitchinterval(interval)
    assert not failures
    assert not view.is_current

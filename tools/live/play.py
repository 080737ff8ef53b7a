"""`onhand play --live`: scenarios in batches, each batch on a stage of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tools.brokers.embedded import EmbeddedBroker
from tools.live.batch import LARGEST_BATCH, Batch
from tools.live.stage import LiveStage
from tools.scenario.recording import Recording

LARGEST_BATCH_WITH_ORDERS = 8
"""Two workers open each partition, and each line waits for the slowest."""


ONLY_IN_MEMORY = "it speaks of campaigns, demand or KPIs, whose days pass in memory only"


@dataclass(frozen=True)
class LiveResult:
    """What became of one scenario."""

    path: Path
    transactions: int
    crashed: bool
    """The worker was killed in the middle."""
    differences: tuple[str, ...]
    skipped: str | None = None
    """Why it was not told to a worker, though it went as its text says in memory."""


class Theatre:
    """A broker for any number of batches; a context manager."""

    def __init__(self, topology_file: Path, bootstrap: str | None) -> None:
        """`bootstrap`: a cluster to use under scratch names; None starts an embedded broker."""
        self._stack = ExitStack()
        self._topology_file = topology_file
        self._bootstrap = bootstrap

    def __enter__(self) -> Self:
        if self._bootstrap is None:
            self._bootstrap = self._stack.enter_context(EmbeddedBroker()).bootstrap
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def play(self, recordings: list[Recording]) -> Iterator[LiveResult]:
        """Tell all of them to workers, batch by batch. Raises LiveFailed, BrokerUnusable, KafkaException.

        A scenario that went otherwise than its text says in memory already is not told to a worker.
        """
        for recording in recordings:
            if recording.difference is not None:
                step = recording.difference
                yield LiveResult(
                    recording.path,
                    0,
                    crashed=False,
                    differences=tuple(f"line {step.step.line}: {said}" for said in step.differences),
                )
            elif recording.has_others:
                yield LiveResult(recording.path, 0, crashed=False, differences=(), skipped=ONLY_IN_MEMORY)
        good = [each for each in recordings if each.difference is None and not each.has_others]
        for batch in batches(good):
            yield from self._play_batch(batch)

    def _play_batch(self, recordings: list[Recording]) -> Iterator[LiveResult]:
        assert self._bootstrap is not None
        orders = any(recording.has_orders for recording in recordings)
        with LiveStage(self._topology_file, self._bootstrap, len(recordings), orders=orders) as stage:
            found = Batch(stage, recordings).play()
        for recording, differences in zip(recordings, found, strict=True):
            yield LiveResult(recording.path, len(recording.told), bool(recording.crashes), tuple(differences))


def batches(recordings: list[Recording]) -> Iterator[list[Recording]]:
    """What is played at a time: each in a partition of its own, and alone where it cannot be kept in one."""
    plain = [recording for recording in recordings if not recording.has_orders]
    orders = [recording for recording in recordings if recording.has_orders and not recording.takes_capacity]
    for chosen, most in ((plain, LARGEST_BATCH), (orders, LARGEST_BATCH_WITH_ORDERS)):
        for first in range(0, len(chosen), most):
            yield chosen[first : first + most]
    yield from ([recording] for recording in recordings if recording.takes_capacity)

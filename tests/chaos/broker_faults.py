"""The broker itself goes away and comes back, in order and by a power cut."""

from __future__ import annotations

from collections.abc import Callable

from tests.chaos.faults import ANSWERS_AGAIN, AWAY, fault
from tests.chaos.scene import Run

COUNT = 2_000


def strike_broker(run: Run, end: Callable[[], None]) -> None:
    """Under load, with two workers. Sending goes on as soon as it is back."""
    run.two_workers()

    def blow() -> None:
        end()
        run.broker.start()
        run.healed()

    run.load.send(COUNT, blows=[(run.random.uniform(0.4, 0.6), blow)])


@fault(
    "broker_stopped",
    "SIGTERM of the broker under load, and its start",
    AWAY,
    ANSWERS_AGAIN,
)
def broker_stopped(run: Run) -> None:
    strike_broker(run, run.broker.stop)


@fault(
    "broker_killed",
    "SIGKILL of the broker under load, and its start",
    AWAY,
    ANSWERS_AGAIN,
    short=True,
)
def broker_killed(run: Run) -> None:
    strike_broker(run, run.broker.kill)

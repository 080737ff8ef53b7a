"""The way between workers and broker: slow, cut again and again, gone for one worker, and slow just for the end of transactions."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable

from tests.chaos.faults import ANSWERS_AGAIN, AWAY, FENCED_OFF, OPENED, fault, log_says
from tests.chaos.proxy import END_OF_TRANSACTION
from tests.chaos.scene import Run

COUNT = 2_000
DELAY_S = 0.3
HELD_S = 1.5
LONGER_THAN_A_TRANSACTION_S = 18.0
"""`transaction.timeout.ms` of the owners is 10 s; a broker on a busy machine looks only now and then for what timed out."""
AFTER_THE_TAKE_OVER_S = 12.0
"""The session of a dead worker ends after 6 s."""
CUTS = 6
PATIENCE_S = 40.0
SLOW = log_says(
    r"a transaction took [\d.]+ s, so answers come that late; nothing is lost\. Look at the load of the broker"
)
WAITS = log_says(r"the broker has not confirmed a transaction for \d+ s; it is asked again, nothing is lost")
DISCONNECTED = log_says(r"Disconnected: connection (?:closed|reset) by peer")


def until(condition: Callable[[], object], what: str, seconds: float = PATIENCE_S) -> None:
    """Wait for it."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


@fault("network_slow", f"every request and every answer takes {DELAY_S} s longer", SLOW)
def network_slow(run: Run) -> None:
    run.two_workers(proxied=True)
    run.proxy.delay_s = DELAY_S
    run.load.send(COUNT)
    run.proxy.heal()
    run.healed()


@fault(
    "network_cut",
    f"all connections are cut {CUTS} times under load",
    AWAY,
    ANSWERS_AGAIN,
    short=True,
)
def network_cut(run: Run) -> None:
    run.two_workers(proxied=True)
    before = run.proxy.cuts

    def cut() -> None:
        run.proxy.cut()
        run.healed()

    run.load.send(COUNT, per_second=300, blows=[((number + 0.5) / CUTS, cut) for number in range(CUTS)])
    assert run.proxy.cuts - before >= CUTS


@fault(
    "worker_cut_off",
    "one worker alone cannot reach the broker for longer than its session, and goes on running; the other takes over",
    AWAY,
    FENCED_OFF,
    ANSWERS_AGAIN,
)
def worker_cut_off(run: Run) -> None:
    run.worker("a", proxied=True)
    run.worker("b")
    run.until_shared("a", "b")

    def cut_off() -> None:
        run.proxy.shut()

    run.load.send(COUNT // 2, blows=[(0.5, cut_off)])
    run.until_shared("b")
    run.proxy.heal()
    run.healed()
    run.load.send(COUNT // 2)
    run.until_shared("a", "b")


@fault(
    "end_of_transaction_slow",
    f"EndTxn alone takes {HELD_S} s longer, then once longer than a transaction may take",
    SLOW,
    WAITS,
    FENCED_OFF,
)
def end_of_transaction_slow(run: Run) -> None:
    run.two_workers(proxied=True)
    before = run.proxy.held[END_OF_TRANSACTION]
    run.proxy.hold(END_OF_TRANSACTION, HELD_S)
    run.load.send(COUNT // 2)
    run.proxy.hold(END_OF_TRANSACTION, LONGER_THAN_A_TRANSACTION_S)
    seen = run.proxy.held[END_OF_TRANSACTION]
    assert seen > before, "no EndTxn was held"
    run.load.send(COUNT // 4)
    until(lambda: run.proxy.held[END_OF_TRANSACTION] > seen, "no EndTxn was held for long")
    # Held until then: a worker that asks again would else be let through before the transaction is timed out.
    until(lambda: "transaction.timeout.ms" in run.logs(), "no transaction was timed out")
    run.proxy.hold(END_OF_TRANSACTION, 0.0)
    run.healed()
    run.load.send(COUNT // 4)


@fault(
    "end_of_transaction_unanswered",
    "EndTxn reaches the broker, and the connection is cut in place of its answer; five times",
    DISCONNECTED,
)
def end_of_transaction_unanswered(run: Run) -> None:
    run.two_workers(proxied=True)
    before = run.proxy.lost[END_OF_TRANSACTION]
    run.proxy.lose_answers(END_OF_TRANSACTION, 5)
    run.load.send(COUNT)
    until(lambda: run.proxy.lost[END_OF_TRANSACTION] - before >= 5, "no answer was lost")
    run.healed()


@fault(
    "end_of_transaction_of_the_dead",
    "a worker is killed while its EndTxn is under way; it reaches the broker when another worker has taken over",
    OPENED,
    short=True,
)
def end_of_transaction_of_the_dead(run: Run) -> None:
    run.worker("a")
    dying = run.worker("b", proxied=True)
    run.until_shared("a", "b")
    run.load.send(COUNT // 2)
    run.proxy.hold(END_OF_TRANSACTION, AFTER_THE_TAKE_OVER_S)
    before, struck = run.proxy.held[END_OF_TRANSACTION], time.monotonic()
    run.load.send(COUNT // 4, per_second=1_000)
    until(lambda: run.proxy.held[END_OF_TRANSACTION] > before, "no EndTxn was held")
    dying.signal(signal.SIGKILL)
    dying.exit_code(10)
    run.healed()
    run.until_shared("a")
    taken_over = time.monotonic() - struck
    assert taken_over < AFTER_THE_TAKE_OVER_S, (
        f"the take-over took {taken_over:.1f} s: the dead one's word came before it"
    )
    run.load.send(COUNT // 4, per_second=300)
    run.load.until_answered(run.fault.lag_zero_within_s)
    until(lambda: time.monotonic() - struck > AFTER_THE_TAKE_OVER_S + 0.5, "")

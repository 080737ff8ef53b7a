"""The way between workers and broker: slow, cut again and again, gone for one worker, and slow just for the end of transactions."""

from __future__ import annotations

import re
import signal
import time
from collections.abc import Callable

from tests.chaos.faults import ANSWERS_AGAIN, AWAY, FENCED_OFF, OPENED, fault, log_says
from tests.chaos.proxy import END_OF_TRANSACTION, GROUP_HEARTBEAT
from tests.chaos.scene import Run

COUNT = 2_000
DELAY_S = 0.3
HELD_S = 1.5
CUTS = 6
PATIENCE_S = 40.0
TIMED_OUT = re.compile(r"rollback of ongoing transaction for transactionalId (\S+) due to timeout")
"""What Apache Kafka logs of a transaction that took longer than its `transaction.timeout.ms`."""
SLOW = log_says(
    r"a transaction took [\d.]+ s, so answers come that late; nothing is lost\. Look at the load of the broker",
    seldom=True,
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
    # Its group tells it only when it has tried to write: that it is refused is no matter of who is heard first.
    run.proxy.hold_until_released(GROUP_HEARTBEAT)
    run.proxy.open()
    until(lambda: run.said(FENCED_OFF), "the worker that was cut off was not refused")
    run.proxy.heal()
    run.healed()
    run.load.send(COUNT // 2)
    run.until_shared("a", "b")


@fault(
    "end_of_transaction_slow",
    f"EndTxn alone takes {HELD_S} s longer, then longer than a transaction may take",
    SLOW,
    WAITS,
    FENCED_OFF,
    short=True,
)
def end_of_transaction_slow(run: Run) -> None:
    run.two_workers(proxied=True)
    before = run.proxy.held[END_OF_TRANSACTION]
    run.proxy.hold(END_OF_TRANSACTION, HELD_S)
    run.load.send(COUNT // 2)
    assert run.proxy.held[END_OF_TRANSACTION] > before, "no EndTxn was held"
    run.proxy.hold(END_OF_TRANSACTION, 0.0)
    until_a_transaction_is_timed_out(run)
    run.proxy.release(END_OF_TRANSACTION)
    run.healed()
    until(lambda: run.said(FENCED_OFF), "no worker was told that its transaction was timed out")
    run.load.send(COUNT // 4)


def until_a_transaction_is_timed_out(run: Run) -> None:
    """Hold every EndTxn, under load, until the broker says that it has given up the transaction of one that is held."""
    log = run.broker.log
    told_before = log.stat().st_size
    run.proxy.hold_until_released(END_OF_TRANSACTION)
    run.load.send(COUNT // 4)

    def timed_out() -> bool:
        names = TIMED_OUT.findall(log.read_bytes()[told_before:].decode(errors="replace"))
        return any(name.encode() in request for name in names for request in run.proxy.holding(END_OF_TRANSACTION))

    until(timed_out, "no transaction was timed out while its EndTxn was held")


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
    run.proxy.hold_until_released(END_OF_TRANSACTION)
    run.load.send(COUNT // 4, per_second=1_000)
    until(lambda: run.proxy.holding(END_OF_TRANSACTION), "no EndTxn was held")
    dying.signal(signal.SIGKILL)
    dying.exit_code(10)
    run.healed()
    run.until_shared("a")
    assert run.proxy.holding(END_OF_TRANSACTION), "the dead one's word came before the take-over"

    def let_it_come() -> None:
        run.proxy.release(END_OF_TRANSACTION)
        until(lambda: not run.proxy.holding(END_OF_TRANSACTION), "the dead one's word is still held")

    # Amid the transactions of the one who has taken over: a broker that took it for theirs would commit half of one.
    run.load.send(COUNT // 4, per_second=300, blows=[(0.5, let_it_come)])
    run.load.until_answered(run.fault.lag_zero_within_s)

"""The course of the demo: open stock, trade, kill, go on, wait, check."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from agents.inventory.answers import Status
from tools.brokers.encoding import codec_of, transaction_encoder
from tools.demo.campaign_tally import CampaignTally
from tools.demo.campaigning import Campaigning
from tools.demo.order_tally import OrderTally
from tools.demo.ordering import Ordering
from tools.demo.screen import statuses
from tools.demo.stage import Stage
from tools.demo.tally import Tally, Verdict, percentile, verdict
from tools.demo.traders import Publisher, Subscriber
from tools.demo_data.traffic import stamped, traffic

SEED = 7
DRAIN_WITHIN_S = 60.0
EXPIRY_WAIT_S = 8.0
"""The longest short-lived reservation lives 4 s; a wake-up of an idle SKU follows within a second or two."""
_STEP_S = 0.1


@dataclass(frozen=True)
class Wishes:
    """What the options ask for."""

    seconds: float
    rate: float
    kill: bool
    orders: bool = False
    campaigns: bool = False

    @property
    def agents(self) -> tuple[str, ...]:
        """The agents that it takes."""
        wanted = {"stock_keeper": True, "order_router": self.orders, "campaign_guard": self.campaigns}
        return tuple([name for name, is_wanted in wanted.items() if is_wanted])


@dataclass(frozen=True)
class Outcome:
    """What the demo found."""

    tally: Tally
    verdict: Verdict
    kills: int
    outage_s: float
    """From the kill until the backlog was worked off."""
    traded: int
    """Transactions sent after the opening stock."""
    seconds: float
    """How long trade lasted."""
    ordering: OrderTally | None = None
    """What became of the orders, where there were any."""
    campaigning: CampaignTally | None = None
    """What the campaigns were told, where there were any."""

    def as_dict(self) -> dict[str, Any]:
        """The figures of `--json`."""
        by_status = statuses(self.tally)
        latencies = self.tally.latencies_ms
        return {
            "transactions": len(self.tally.sent),
            "accepted": by_status[Status.ACCEPTED] + by_status[Status.ACCEPTED_EARLIER],
            "refused": by_status[Status.REFUSED] + by_status[Status.REFUSED_EARLIER],
            "expired": self.tally.notices[Status.EXPIRED],
            "yielded": self.tally.notices[Status.YIELDED],
            "races": self.verdict.races,
            "kills": self.kills,
            "outage_s": round(self.outage_s, 2),
            "lost": self.verdict.lost,
            "doubled": self.verdict.doubled,
            "oversold": self.verdict.oversold,
            "transactions_per_s": round(self.traded / self.seconds, 1) if self.seconds else 0.0,
            "latency_ms": {"p50": round(percentile(latencies, 0.5), 1), "p99": round(percentile(latencies, 0.99), 1)},
            **({} if self.ordering is None else self.ordering.figures()),
            **({} if self.campaigning is None else self.campaigning.figures()),
        }


def play(stage: Stage, tally: Tally, wishes: Wishes, say: Callable[[str], None]) -> Outcome:
    """Run the demo on a stage; `say` is told the headline of each act."""
    topology = stage.topology
    codec = codec_of(topology)
    plans = stamped(traffic(SEED), lambda: time.time_ns() // 1_000_000)
    say("Starting the worker")
    ordering = Ordering(topology, codec, tally, wishes.rate, wishes.seconds) if wishes.orders else None
    campaigning = Campaigning(topology, codec, tally, wishes.seconds) if wishes.campaigns else None
    parts = [part for part in (ordering, campaigning) if part is not None]
    stage.start_worker()
    subscriber = Subscriber(topology, codec, tally)
    subscriber.start()
    publisher = Publisher(topology, transaction_encoder(topology, topology.agents["stock_keeper"].folds), tally)
    say("Opening stock: one RECEIPT for each article and place of the month")
    publisher.open_stock(plans)
    for part in parts:
        part.open(publisher)
    _wait(lambda: tally.unanswered == 0)
    tally.latencies_ms.clear()
    opened = len(tally.sent)

    say(
        f"Trading: November 2011 of a real web shop, {wishes.rate:,.0f} records a second; two shoppers race for last units"
    )
    trading = _Trading(publisher, plans, wishes)
    trading.start()
    for part in parts:
        part.start(say)
    outage_s = _kill_in_the_middle(stage, tally, wishes, trading, say) if wishes.kill else 0.0
    trading.join()
    ended = time.monotonic()
    for part in parts:
        part.finish(say)
    say("All sent; waiting for the last answers and for what still expires")
    _wait(lambda: tally.unanswered == 0)
    _wait_for_quiet(tally)
    subscriber.stop()
    if ordering is not None:
        ordering.listener.stop()
    say("Checking against an independent count")
    traded = len(tally.sent) - opened
    found = verdict(tally)
    for part in parts:
        found = part.judged(found)
    orders = None if ordering is None else ordering.tally
    told = None if campaigning is None else campaigning.tally
    return Outcome(tally, found, stage.kills, outage_s, traded, ended - trading.started, orders, told)


class _Trading(threading.Thread):
    """The publisher at work; a failure of its own is raised by `join`."""

    def __init__(self, publisher: Publisher, plans: Any, wishes: Wishes) -> None:
        super().__init__(name="demo-publisher", daemon=True)
        self.started = time.monotonic()
        self.stop = threading.Event()
        self._publisher, self._plans, self._wishes = publisher, plans, wishes
        self._failure: BaseException | None = None

    def run(self) -> None:
        """Send until the time is over."""
        try:
            self._publisher.replay(self._plans, self._wishes.rate, self._wishes.seconds, self.stop)
        except BaseException as failure:  # noqa: BLE001 - handed over to the main thread
            self._failure = failure

    def join(self, timeout: float | None = None) -> None:
        """Wait for the end; raises what ended it."""
        super().join(timeout)
        if self._failure is not None:
            raise self._failure


def _kill_in_the_middle(
    stage: Stage, tally: Tally, wishes: Wishes, trading: _Trading, say: Callable[[str], None]
) -> float:
    while trading.is_alive() and time.monotonic() - trading.started < wishes.seconds / 2:
        time.sleep(_STEP_S)
    tally.calm = False
    pid = stage.kill_worker()
    killed = time.monotonic()
    say(f"Killed the worker (process {pid}) with SIGKILL in the middle of its work; its supervisor starts it again")
    stage.wait_until_ready(lambda: None, other_than=pid)
    _wait(lambda: tally.unanswered < wishes.rate / 2)
    outage_s = time.monotonic() - killed
    tally.calm = True
    say(f"Back after {outage_s:.1f} s, the backlog is worked off; trading went on all the time")
    return outage_s


def _wait(condition: Callable[[], bool]) -> None:
    """Wait until it holds, or long enough that the check will say what is missing."""
    deadline = time.monotonic() + DRAIN_WITHIN_S
    while not condition() and time.monotonic() < deadline:
        time.sleep(_STEP_S)


def _wait_for_quiet(tally: Tally) -> None:
    """Wait until no notice has come for a while: what was to expire has expired."""
    deadline = time.monotonic() + EXPIRY_WAIT_S
    last, since = sum(tally.notices.values()), time.monotonic()
    while time.monotonic() < deadline and time.monotonic() - since < EXPIRY_WAIT_S / 2:
        time.sleep(_STEP_S)
        now = sum(tally.notices.values())
        if now != last:
            last, since = now, time.monotonic()

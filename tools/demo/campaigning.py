"""The course of the campaigns in the demo: goods sell out and come back, again and again, and the ad platform is told."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar

from agents.codec import Codec
from agents.inventory.campaigns.words import (
    Alternative,
    CampaignKind,
    Command,
    CommandKind,
    Registration,
    Signal,
    Thresholds,
)
from agents.inventory.transactions import ChannelReference, Kind, Transaction
from agents.runtime.reference import write_seeds
from agents.runtime.topology import Topology
from tools.brokers.encoding import transaction_encoder
from tools.demo.ad_platform import AdPlatform, CampaignWriter
from tools.demo.campaign_tally import CampaignTally
from tools.demo.tally import Tally, Verdict
from tools.demo.traders import Publisher
from tools.demo_data.traffic import OPENING, POS, WMS, Planned

CAMPAIGNS = 6
PLACE = "OUTLET"
CHANNEL = "online"
BUDGET_MINOR = 10_000
UNITS = 3
DWELL_MS = 1_000
COVER_DAYS = {"hats": 30, "caps": 10}
"""How long the goods of the alternatives last: the budget is shared in this proportion."""
REST_S = DWELL_MS / 1_000 + 0.4
"""Between two moves of one campaign: the dwell counts from when the last command was decided."""
TOLD_WITHIN_S = 15.0
_STEP_S = 0.005


class Act(Enum):
    """What a campaign of the demo waits for."""

    SELLING = "the next sale that empties its SKU"
    PAUSING = "PAUSE"
    SHIFTING = "SHIFT_BUDGET for every alternative"
    EMPTY = "the next delivery of goods"
    RESUMING = "RESUME"


@dataclass
class Round:
    """Where one campaign stands."""

    campaign_id: str
    act: Act = Act.SELLING
    since_s: float = 0.0
    """When the act began: when its cause was published."""
    disturbed: bool = False
    """The worker was away meanwhile: the latency is that of the outage."""
    shifted: int = 0
    """Minor units told to the alternatives since the pause."""
    took_ms: dict[CommandKind, float] = field(default_factory=dict)
    """How soon it was told last."""

    WAITS_FOR: ClassVar[dict[CommandKind, Act]] = {
        CommandKind.PAUSE: Act.PAUSING,
        CommandKind.SHIFT_BUDGET: Act.SHIFTING,
        CommandKind.RESUME: Act.RESUMING,
    }

    @property
    def sku(self) -> str:
        """What it advertises."""
        return f"{self.campaign_id}-SHOE"

    def begin(self, act: Act, now_s: float) -> None:
        """Go on to the next act."""
        self.act, self.since_s, self.disturbed = act, now_s, False


class Campaigning:
    """The campaigns of one demo."""

    def __init__(self, topology: Topology, codec: Codec, tally: Tally, seconds: float) -> None:
        """Goods sell out and come back for `seconds`."""
        self.tally = CampaignTally()
        self._topology, self._tally, self._seconds = topology, tally, seconds
        keeper = topology.agents["stock_keeper"]
        self._encode = transaction_encoder(topology, keeper.folds)
        self._publisher = Publisher(topology, self._encode, tally)
        self._writer = CampaignWriter(topology, codec)
        self._platform = AdPlatform(topology, codec, self._writer, self._hear)
        self._rounds = {name: Round(name) for name in (f"campaign-{number}" for number in range(1, CAMPAIGNS + 1))}
        self._lock = threading.Lock()
        self._sent = 0
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="demo-campaigns", daemon=True)

    def open(self, publisher: Publisher) -> None:
        """A channel to sell by, the goods, and the campaigns; the platform listens from now on."""
        topology, topic = self._topology, self._topology.agents["stock_keeper"].folds
        partitions = topology.all_topics[topic].partitions
        channel = ChannelReference(CHANNEL, locations=(PLACE,))
        write_seeds(topology.kafka, topology.app, topic, partitions, (channel,), self._encode)
        publisher.send_all(self._opening())
        self._platform.start()
        for each in self._rounds.values():
            self._writer.tell(CampaignKind.REGISTERED, each.campaign_id, registration=_registration(each))
            for name, days in COVER_DAYS.items():
                signal = Signal(f"{each.campaign_id}-{name}", days, _now_ms())
                self._writer.tell(CampaignKind.SIGNAL, each.campaign_id, source="replenisher", signal=signal)
        self._writer.flush()

    def start(self, say: Callable[[str], None]) -> None:
        """Sell out and deliver from now on."""
        say(
            f"Advertising: {len(self._rounds)} campaigns on an ad platform; what they advertise sells out and comes back"
        )
        self._thread.start()

    def finish(self, say: Callable[[str], None]) -> None:
        """Let every campaign run again, and show one of them once more."""
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        each = next(iter(self._rounds.values()))
        self._show(each, say)
        self.tally.missing += sum(round_.act is not Act.SELLING for round_ in self._rounds.values())
        self.tally.wrong += sum(1 for minor in self._platform.extra_minor.values() if minor)
        self._platform.stop()
        self._writer.close()
        del self._publisher  # lets go of the broker before it ends

    def judged(self, verdict: Verdict) -> Verdict:
        """The check, the campaigns taken in: a command that never came is lost, one that came twice or wrongly doubled."""
        found = self.tally
        return dataclasses.replace(
            verdict, lost=verdict.lost + found.missing, doubled=verdict.doubled + found.doubled_events + found.wrong
        )

    # -- the course ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            begins_s = time.monotonic()
            while time.monotonic() - begins_s < self._seconds:
                self._move_all(may_sell=True)
                time.sleep(_STEP_S)
            self._until(lambda: all(each.act is Act.SELLING for each in self._rounds.values()))
        except BaseException as failure:  # noqa: BLE001 - handed over to the main thread
            self._failure = failure

    def _until(self, condition: Callable[[], bool]) -> None:
        """Go on, without another sale, until it holds; or so long that the check will say what is missing."""
        deadline = time.monotonic() + TOLD_WITHIN_S
        while not condition() and time.monotonic() < deadline:
            self._move_all(may_sell=False)
            time.sleep(_STEP_S)

    def _move_all(self, *, may_sell: bool) -> None:
        for number, each in enumerate(self._rounds.values()):
            with self._lock:
                if not self._tally.calm:
                    each.disturbed = True
                rested = time.monotonic() - each.since_s >= REST_S + number / 10
                if each.act is Act.SELLING and may_sell and rested:
                    self._sell_out(each)
                elif each.act is Act.EMPTY and rested:
                    self._deliver(each)

    def _sell_out(self, each: Round) -> None:
        each.begin(Act.PAUSING, time.monotonic())
        self._move_goods(each.sku, Kind.SALE, POS)

    def _deliver(self, each: Round) -> None:
        each.begin(Act.RESUMING, time.monotonic())
        self._move_goods(each.sku, Kind.RECEIPT, WMS)

    def _move_goods(self, sku: str, kind: Kind, source: str) -> None:
        self._sent += 1
        transaction = Transaction(
            transaction_id=f"adverts-{self._sent}",
            source=source,
            kind=kind,
            sku=sku,
            location=PLACE,
            quantity=UNITS,
            occurred_at_ms=_now_ms(),
        )
        self._publisher.send_all([Planned(0, 0, transaction)])

    def _opening(self) -> Iterator[Planned]:
        for each in self._rounds.values():
            for sku in (each.sku, *(f"{each.campaign_id}-{name}" for name in COVER_DAYS)):
                receipt = Transaction(
                    transaction_id="opening",
                    source=WMS,
                    kind=Kind.RECEIPT,
                    sku=sku,
                    location=PLACE,
                    quantity=UNITS,
                    occurred_at_ms=_now_ms(),
                    reason="opening",
                )
                yield Planned(0, 0, receipt, OPENING)

    # -- what is heard ---------------------------------------------------------------------------------------------

    def _hear(self, command: Command, now_s: float) -> bool:
        with self._lock:
            if not self.tally.hear(command):
                return False
            each = self._rounds[command.campaign_id]
            if each.act is Round.WAITS_FOR.get(command.kind) and command.amount_minor != 0:
                self._go_on(each, command, now_s)
            return True

    def _go_on(self, each: Round, command: Command, now_s: float) -> None:
        each.took_ms[command.kind] = (now_s - each.since_s) * 1_000
        if not each.disturbed and self._tally.calm:
            self.tally.latencies_ms[command.kind].append(each.took_ms[command.kind])
        if command.kind is CommandKind.PAUSE:
            each.shifted = 0
            each.begin(Act.SHIFTING, now_s)
        elif command.kind is CommandKind.RESUME:
            each.begin(Act.SELLING, now_s)
        else:
            each.shifted += command.amount_minor or 0
            if each.shifted >= BUDGET_MINOR:
                self.tally.wrong += each.shifted > BUDGET_MINOR
                each.begin(Act.EMPTY, now_s)

    def _show(self, each: Round, say: Callable[[str], None]) -> None:
        """One campaign more, told step by step."""
        heard, deadline = len(self.tally.commands), time.monotonic() + TOLD_WITHIN_S
        time.sleep(max(0.0, each.since_s + REST_S - time.monotonic()))
        with self._lock:
            if each.act is Act.SELLING:
                self._sell_out(each)
        is_over = False
        while not is_over and time.monotonic() < deadline:
            self._move_all(may_sell=False)
            with self._lock:
                is_over, news = self._is_over(each), self.tally.commands[heard:]
            heard += len(news)
            for command in news:
                if command.campaign_id == each.campaign_id:
                    say(_told(command, each.took_ms.get(command.kind, 0.0)))
            time.sleep(_STEP_S)

    def _is_over(self, each: Round) -> bool:
        """Whether it runs again, and the others have given back what they had of its budget."""
        shares = [self._platform.extra_minor.get(f"{each.campaign_id}-{name}", 0) for name in COVER_DAYS]
        return each.act is Act.SELLING and not any(shares)


_CAUSES = {
    CommandKind.PAUSE: "the sale of the last units",
    CommandKind.SHIFT_BUDGET: "the pause was told",
    CommandKind.RESUME: "the goods came",
}


def _told(command: Command, took_ms: float) -> str:
    after = f", {took_ms:.0f} ms after {_CAUSES[command.kind]}"
    if command.kind is CommandKind.PAUSE:
        return f"PAUSE {command.entity}: {', '.join(command.skus)} cannot be sold any more{after}"
    if command.kind is CommandKind.RESUME:
        return f"RESUME {command.entity}: {', '.join(command.skus)} can be sold again{after}"
    amount = (command.amount_minor or 0) / 100
    told = f"SHIFT_BUDGET: {command.entity} has {amount:,.2f} {command.currency} a day of {command.campaign_id}'s now"
    return f"{told}{after}" if amount else told


def _registration(each: Round) -> Registration:
    others = tuple(Alternative(f"{each.campaign_id}-{name}", (f"{each.campaign_id}-{name}",)) for name in COVER_DAYS)
    thresholds = Thresholds(minimum_dwell_ms=DWELL_MS, cool_down_ms=0)
    return Registration(
        "demo_ads", "1", BUDGET_MINOR, "EUR", skus=(each.sku,), thresholds=thresholds, alternatives=others
    )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

"""Campaign guard, replenisher and scorekeepers of a conversation: their cores, fed with what their agents are fed with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from agents.campaign_guard import wake as wake_campaign
from agents.inventory.campaigns.decide import decide_campaign
from agents.inventory.campaigns.rows import (
    CAMPAIGNS,
    CAMPAIGNS_DUE,
    Campaign,
    CampaignArrival,
    CampaignDecision,
    CampaignDue,
    CampaignPolicy,
)
from agents.inventory.campaigns.words import CampaignRecord, Command, cover_record, edge_record
from agents.inventory.offers import Edge
from agents.inventory.orders.words import Routing
from agents.inventory.postings import JournalRecord
from agents.inventory.replenishment.copying import copies_of
from agents.inventory.replenishment.decide import decide_demand
from agents.inventory.replenishment.rows import (
    OUTLOOKS,
    PLACES,
    SUPPLIERS,
    SUPPLIES,
    SUPPLIES_DUE,
    DemandArrival,
    DemandDecision,
    Outlook,
    ReplenishmentPolicy,
    Supply,
)
from agents.inventory.replenishment.validation import key_of
from agents.inventory.replenishment.words import REPLENISHER, DemandRecord, Supplier, Whereabouts
from agents.inventory.rows import Decision
from agents.inventory.scores.forecasts import score_day
from agents.inventory.scores.rows import SCORES_DUE, ScorePolicy
from agents.inventory.scores.tallies import Increment, Sums
from agents.inventory.scores.windows import TallyArrival, score_tally
from agents.inventory.scores.words import KpiRecord, Tally
from agents.inventory.transactions import Transaction
from agents.replenisher import wake as wake_sku
from agents.scorekeeper import SOURCES, Source
from agents.scorekeeper import wake as wake_subject
from tools.scenario.agents import Agent, Decided, LogName, Tables

DecidedCampaign = Decided[CampaignRecord, CampaignDecision]
DecidedDemand = Decided[DemandRecord, DemandDecision]

COUNTED = {"journal": JournalRecord, "order_routing": Routing, "edge": Edge, "campaign_command": Command}
"""Schema of what a scorekeeper counts -> the record."""


class Others:
    """All of them, with the policies that a topology without any has, unless the campaign guard's is given."""

    def __init__(self, policy: CampaignPolicy | None = None) -> None:
        self.guard = Guard(policy or CampaignPolicy())
        self.replenisher = Replenisher()
        self.windows = Windows()
        counting = [Counting(source, COUNTED[source.schema]) for source in SOURCES]
        self.agents: tuple[Agent, ...] = (self.guard, self.replenisher, *counting, self.windows)

    def said_by_ledger(self, transaction: Transaction, decision: Decision) -> Iterator[Any]:
        """What the stock keeper says to them of a decision."""
        yield from decision.journal
        yield from decision.edges
        topic = self.guard.policy.topic
        told: dict[str, list[Edge]] = {}
        for watcher, edge in decision.watched:
            if watcher.topic == topic:
                told.setdefault(watcher.key, []).append(edge)
        yield from (edge_record(campaign_id, tuple(edges)) for campaign_id, edges in told.items())
        yield from copies_of(transaction, decision, topic)


class Guard:
    """The campaign guard. Implements `Agent` and `CampaignRows`."""

    name = "campaigns"
    hears = (CampaignRecord,)

    def __init__(self, policy: CampaignPolicy) -> None:
        self.policy = policy
        self.tables = Tables()
        self.decided: list[DecidedCampaign] = []
        self.commands: list[Command] = []
        """All of them."""

    def log_of(self, record: CampaignRecord) -> LogName:
        """See `Agent.log_of`."""
        return ("campaign", record.campaign_id)

    def decide(self, record: CampaignRecord, cause: str, at_ms: int) -> Sequence[Any]:
        """See `Agent.decide`: to the ledger, and to who counts commands."""
        decision = decide_campaign(self, CampaignArrival(record, cause, at_ms), self.policy)
        self.tables.apply(decision.changes)
        self.decided.append(Decided(record, at_ms, cause, decision))
        self.commands += decision.commands
        return [*decision.transactions, *decision.commands]

    def dates(self) -> Iterator[int]:
        """See `Agent.dates`."""
        yield from (due_ms for due_ms, _ in self.tables.due(CAMPAIGNS_DUE))

    def wakes(self, now_ms: int) -> Iterator[CampaignRecord]:
        """See `Agent.wakes`."""
        yield from (wake_campaign(name, due_ms) for due_ms, name in self.tables.due(CAMPAIGNS_DUE) if due_ms <= now_ms)

    def forget(self) -> None:
        """See `Agent.forget`."""
        self.decided = []

    def crash(self) -> bool:
        """See `Agent.crash`."""
        return self.tables.crash()

    def know(self, campaigns: Mapping[str, Campaign]) -> None:
        """Campaigns as they stand, by name."""
        for name, campaign in campaigns.items():
            self.tables.apply({(CAMPAIGNS, (name,)): campaign})
            if campaign.due_ms is not None:
                self.tables.apply({(CAMPAIGNS_DUE, (campaign.due_ms, name)): CampaignDue()})

    def campaign(self, campaign_id: str) -> Campaign | None:
        """See `CampaignRows.campaign`."""
        found: Campaign | None = self.tables.row(CAMPAIGNS, (campaign_id,))
        return found


class Replenisher:
    """The replenisher. Implements `Agent` and `DemandRows`."""

    name = "demand"
    hears = (DemandRecord,)

    def __init__(self) -> None:
        self.policy = ReplenishmentPolicy()
        self.tables = Tables()
        self.decided: list[DecidedDemand] = []

    def log_of(self, record: DemandRecord) -> LogName:
        """See `Agent.log_of`."""
        return ("demand", key_of(record))

    def decide(self, record: DemandRecord, cause: str, at_ms: int) -> Sequence[Any]:
        """See `Agent.decide`: to the ledger, to campaigns, and what is counted of the days that ended."""
        decision = decide_demand(self, DemandArrival(record, cause, at_ms), self.policy)
        self.tables.apply(decision.changes)
        self.decided.append(Decided(record, at_ms, cause, decision))
        covers = [
            cover_record(each.event_id, each.campaign, each.sku, each.cover_days, each.at_ms, each.until_ms)
            for each in decision.covers
        ]
        days = [increment for ended in decision.days for increment in score_day(ended)]
        return [*decision.transactions, *covers, *tallies_of(days, REPLENISHER, cause)]

    def dates(self) -> Iterator[int]:
        """See `Agent.dates`."""
        yield from (due_ms for due_ms, _ in self.tables.due(SUPPLIES_DUE))

    def wakes(self, now_ms: int) -> Iterator[DemandRecord]:
        """See `Agent.wakes`."""
        yield from (wake_sku(sku) for due_ms, sku in self.tables.due(SUPPLIES_DUE) if due_ms <= now_ms)

    def forget(self) -> None:
        """See `Agent.forget`."""
        self.decided = []

    def crash(self) -> bool:
        """See `Agent.crash`."""
        return self.tables.crash()

    def outlook(self, sku: str, location: str) -> Outlook | None:
        """See `DemandRows.outlook`."""
        found: Outlook | None = self.tables.row(OUTLOOKS, (sku, location))
        return found

    def supply(self, sku: str) -> Supply | None:
        """See `DemandRows.supply`."""
        found: Supply | None = self.tables.row(SUPPLIES, (sku,))
        return found

    def supplier(self, supplier: str) -> Supplier | None:
        """See `DemandRows.supplier`."""
        found: Supplier | None = self.tables.row(SUPPLIERS, (supplier,))
        return found

    def place(self, location: str) -> Whereabouts | None:
        """See `DemandRows.place`."""
        found: Whereabouts | None = self.tables.row(PLACES, (location,))
        return found


class Counting:
    """One of the scorekeepers that count. Implements `Agent`."""

    def __init__(self, source: Source, counted: type) -> None:
        self.name = source.agent
        self.hears = (counted,)
        self.policy = ScorePolicy()
        self.tables = Tables()
        self._source = source

    def log_of(self, record: Any) -> LogName:
        """See `Agent.log_of`."""
        return (self.name, self._source.key(record))

    def decide(self, record: Any, cause: str, at_ms: int) -> Sequence[Tally]:  # noqa: ARG002 - as every agent
        """See `Agent.decide`: to who keeps the windows."""
        scored = self._source.score(self.tables, record, self.policy)
        self.tables.apply(scored.changes)
        return tallies_of(scored.increments, self.name, cause)

    def dates(self) -> Iterator[int]:
        """See `Agent.dates`: time is the business of the windows."""
        return iter(())

    def wakes(self, now_ms: int) -> Iterator[Any]:  # noqa: ARG002 - as every agent
        """See `Agent.wakes`."""
        return iter(())

    def forget(self) -> None:
        """See `Agent.forget`."""

    def crash(self) -> bool:
        """See `Agent.crash`."""
        return self.tables.crash()


class Windows:
    """The scorekeeper that keeps the windows and says the KPIs. Implements `Agent`."""

    name = "scores"
    hears = (Tally,)

    def __init__(self) -> None:
        self.policy = ScorePolicy()
        self.tables = Tables()
        self.said: dict[tuple[str, str, int], KpiRecord] = {}
        """(subject, window, its start) -> what was said last."""

    def log_of(self, record: Tally) -> LogName:
        """See `Agent.log_of`."""
        return ("subject", record.subject)

    def decide(self, record: Tally, cause: str, at_ms: int) -> Sequence[Any]:
        """See `Agent.decide`."""
        decision = score_tally(self.tables, TallyArrival(record, cause, at_ms), self.policy)
        self.tables.apply(decision.changes)
        self.said |= {(each.subject, each.window, each.from_ms): each for each in decision.records}
        return ()

    def dates(self) -> Iterator[int]:
        """See `Agent.dates`."""
        yield from (due_ms for due_ms, _ in self.tables.due(SCORES_DUE))

    def wakes(self, now_ms: int) -> Iterator[Tally]:
        """See `Agent.wakes`."""
        yield from (
            wake_subject(subject, due_ms) for due_ms, subject in self.tables.due(SCORES_DUE) if due_ms <= now_ms
        )

    def forget(self) -> None:
        """See `Agent.forget`: what is said last of a window is not forgotten."""

    def crash(self) -> bool:
        """See `Agent.crash`."""
        return self.tables.crash()


def tallies_of(increments: Iterable[Increment], source: str, cause: str) -> list[Tally]:
    """Increments of one record as they are told: in life those of a chunk are added up first."""
    sums = Sums()
    sums.add(increments)
    return sums.take(source, cause)

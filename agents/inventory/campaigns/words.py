"""What is said about campaigns: one record type for what people, platforms and the ledger report, and the commands.

A command is neutral: README.md here says how its fields map to those of ad platforms.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from agents.inventory.offers import Edge, State
from agents.inventory.transactions import STOCK_KEEPER

CAMPAIGN_GUARD = "campaign_guard"
"""The source of what the guard asks of the ledger, and of its own WAKE records."""
REPLENISHER = "replenisher"
"""The source of figures about cover."""


class CampaignKind(StrEnum):
    """What happened to a campaign. EDGE and WAKE are written by Onhand itself."""

    REGISTERED = "REGISTERED"
    CHANGED = "CHANGED"
    """The registration as it is from now on, as a whole."""
    ENDED = "ENDED"
    """It is guarded no more."""
    MEMBERS = "MEMBERS"
    """The SKUs of the campaign's category, as they are from now on."""
    EDGE = "EDGE"
    """Edges of one watched SKU: all that one decision of the ledger said to this campaign."""
    SIGNAL = "SIGNAL"
    """How long the stock of a SKU lasts."""
    ACKNOWLEDGED = "ACKNOWLEDGED"
    """What the platform said to a command."""
    PAUSED_BY_OTHERS = "PAUSED_BY_OTHERS"
    RESUMED_BY_OTHERS = "RESUMED_BY_OTHERS"
    WAKE = "WAKE"
    """Something of the campaign is due."""


class Rule(StrEnum):
    """How many SKUs must be unsellable for the campaign to be paused."""

    ALL = "all"
    ANY = "any"
    SHARE = "share"


class Thresholds(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """When a campaign is paused and resumed."""

    rule: Rule = Rule.ALL
    pause_at: int = 0
    """SHARE: percent of the SKUs that can be sold at which, or below which, it is paused."""
    resume_at: int = 0
    """SHARE and ALL: percent of the SKUs that can be sold from which on it is resumed; with SHARE above `pause_at`."""
    pause_on: State = State.OUT
    """The state from which on a SKU does not count as sellable: out, or already low. It counts again once in stock."""
    minimum_dwell_ms: int = 15 * 60_000
    """So long lie at least between two opposite commands."""
    cool_down_ms: int = 30 * 60_000
    """So long after it began to run again it is not paused."""
    boost_above_weeks: int | None = None
    """A SKU whose stock lasts longer than this is overstocked; null = no boost."""
    boost_until_weeks: int = 0
    """It is so until its stock lasts no longer than this."""
    boost_share: int = 100
    """Percent of its SKUs that must be overstocked for the campaign to be boosted."""
    boost_percent: int = 20
    """What a boost adds, in percent of the budget, rounded down."""


class Alternative(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Who may take the budget while the campaign is paused."""

    campaign: str
    """Its id on the same platform and account."""
    skus: tuple[str, ...]
    """What it sells: it takes budget while all of them can be sold."""


class Registration(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A campaign as people registered it."""

    platform: str
    """Such as `google_ads` or `meta`."""
    account: str
    budget_minor: int
    """Per day, in minor units of the currency, such as cents."""
    currency: str
    """ISO 4217 code."""
    entity: str | None = None
    """Its id on the platform; null = the campaign id."""
    skus: tuple[str, ...] = ()
    """What it advertises; or `category`."""
    category: str | None = None
    """It advertises the SKUs of a category: MEMBERS records say which those are."""
    regions: tuple[str, ...] = ()
    """Where it is shown; none = everywhere."""
    channels: tuple[str, ...] = ()
    """The sales channels it leads to; none = all. A SKU is as sellable as in the best of them."""
    thresholds: Thresholds = Thresholds()
    alternatives: tuple[Alternative, ...] = ()


class Signal(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """How long the stock of a SKU lasts."""

    sku: str
    cover_days: int
    """Whole days, rounded down."""
    as_of_ms: int
    """When it was so: an older one than is known has no effect."""
    until_ms: int | None = None
    """From then on the figure means nothing; null = until the next."""


class Result(StrEnum):
    """What a platform says to a command."""

    DONE = "done"
    FAILED = "failed"
    """It was not done, and will not be."""
    ALREADY = "already"
    """It was so before, not by this command."""


class Acknowledgement(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a platform said to a command. One and the same key is answered the same each time, unless it failed."""

    idempotency_key: str
    result: Result
    attempt: int = 1
    """The attempt that is answered."""
    message: str | None = None
    """In the platform's words."""


class CampaignRecord(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One record about one campaign."""

    record_id: str
    """Unique per source and campaign: the same one again has no effect."""
    source: str
    kind: CampaignKind
    campaign_id: str
    occurred_at_ms: int | None = None
    registration: Registration | None = None
    """REGISTERED, CHANGED."""
    skus: tuple[str, ...] = ()
    """MEMBERS."""
    edges: tuple[Edge, ...] = ()
    """EDGE."""
    signal: Signal | None = None
    acknowledgement: Acknowledgement | None = None
    who: str | None = None
    why: str | None = None


def edge_record(campaign_id: str, edges: tuple[Edge, ...]) -> CampaignRecord:
    """All that one decision of the ledger says to a campaign. Taken one by one, goods that only change places could look gone."""
    return CampaignRecord(
        record_id=edges[0].event_id,
        source=STOCK_KEEPER,
        kind=CampaignKind.EDGE,
        campaign_id=campaign_id,
        edges=edges,
    )


def cover_record(
    event_id: str, campaign_id: str, sku: str, cover_days: int, as_of_ms: int, until_ms: int | None
) -> CampaignRecord:
    """How long the stock of a SKU lasts, as the replenisher says it to a campaign that watches the SKU."""
    return CampaignRecord(
        record_id=event_id,
        source=REPLENISHER,
        kind=CampaignKind.SIGNAL,
        campaign_id=campaign_id,
        signal=Signal(sku, cover_days, as_of_ms, until_ms),
    )


class CommandKind(StrEnum):
    """What a platform is told to do."""

    PAUSE = "PAUSE"
    RESUME = "RESUME"
    SHIFT_BUDGET = "SHIFT_BUDGET"
    """Set what an alternative has of this campaign's budget beside its own."""
    BOOST = "BOOST"
    """Set what this campaign has beside its own budget."""


class Status(StrEnum):
    """Whether a campaign is to run."""

    ENABLED = "enabled"
    PAUSED = "paused"


class Command(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One command to an ad platform. The same key means the same command, however often it is sent."""

    event_id: str
    idempotency_key: str
    """`<campaign id>.<record time of its registration>.<sequence>`."""
    sequence: int
    """Of the campaign, from 1: a command with a lower one than was done is history."""
    attempt: int
    """1 = sent for the first time."""
    kind: CommandKind
    campaign_id: str
    platform: str
    account: str
    entity: str
    """The campaign on the platform that is to be changed: with SHIFT_BUDGET the alternative."""
    at_ms: int
    """Record time of the decision; of a repeat, of the repeat."""
    expires_at_ms: int
    """From then on it must not be done any more: it was not, or it is answered as it was. A repeat that comes expired
    only asks what became of it."""
    desired_status: Status | None = None
    """PAUSE, RESUME."""
    amount_minor: int | None = None
    """SHIFT_BUDGET, BOOST: what `entity` has from now on beside its own budget by this campaign, per day; 0 = nothing."""
    before_minor: int | None = None
    """What it had before, as far as it was acknowledged."""
    currency: str | None = None
    reason: str
    skus: tuple[str, ...] = ()
    """The SKUs that led to it, the latest first; not all of a long list."""
    causes: tuple[str, ...] = ()
    """event_id of the edges, cause of the signals, or key of the command, that led to it."""

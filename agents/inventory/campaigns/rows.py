"""The rows of the campaign guard: one for each campaign that is guarded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from agents.inventory.alerts import Alert
from agents.inventory.campaigns.words import CampaignRecord, Command, CommandKind, Registration, Status
from agents.inventory.channels import Method
from agents.inventory.offers import State
from agents.inventory.transactions import Transaction

CAMPAIGNS = "campaigns"  # (campaign_id,) -> Campaign
CAMPAIGNS_DUE = "campaigns_due"  # (due_ms, campaign_id) -> CampaignDue


class HeardCell(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """How a SKU stands in one channel, by one method, in one region."""

    channel: str
    method: Method
    region: str | None
    state: State


class Heard(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What is known of a watched SKU."""

    sku: str
    cells: tuple[HeardCell, ...] = ()
    """Those that the campaign leads to and that are not out, in the order in which they were told."""
    sellable: bool | None = None
    """Null until the ledger has said how it stands."""
    since_ms: int = 0
    """Record time, here, of its last change."""
    cause: str = ""
    """event_id of the edge that changed it."""
    cover_days: int | None = None
    cover_as_of_ms: int = -1
    cover_until_ms: int | None = None
    cover_cause: str = ""
    overstocked: bool = False
    told: str = ""
    """event_id of the last edge, of whatever channel; empty until there is one."""
    told_at_ms: int = 0
    asked: bool = False
    """The ledger was asked anew how it stands, for other channels or regions: until it has answered, changes tell too
    little."""


class Pending(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A command that the platform has not done yet. There is at most one for each thing that it can set."""

    sequence: int
    kind: CommandKind
    entity: str
    attempt: int
    due_ms: int
    """When it is sent again."""
    expires_at_ms: int
    failed: bool = False
    """The last attempt was answered: not done. Else no answer is known."""
    alerted: bool = False
    amount_minor: int | None = None
    before_minor: int | None = None
    reason: str = ""
    skus: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()


class Share(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What another campaign, or this one, has beside its own budget."""

    entity: str
    told_minor: int
    """As it was told last."""
    done_minor: int = 0
    """As it was acknowledged last."""


class Spread(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Over whom a budget was spread."""

    entities: tuple[str, ...]
    budget_minor: int
    at_ms: int


class Campaign(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One campaign."""

    registration: Registration
    begun_at_ms: int
    members: tuple[str, ...] = ()
    """What it advertises, by name."""
    heard: tuple[Heard, ...] = ()
    """What is watched, its members and those of its alternatives, by SKU."""
    status: Status = Status.ENABLED
    """What the platform was told, or is known to be."""
    status_at_ms: int | None = None
    """Of the last PAUSE or RESUME, or since others resumed it; null = never touched."""
    owned: bool = False
    """It was paused by Onhand and, as far as is known, still is."""
    others: bool = False
    """It was paused by others: Onhand leaves it alone."""
    pending: tuple[Pending, ...] = ()
    """By sequence."""
    shares: tuple[Share, ...] = ()
    """What alternatives have of its budget; by the order in which they first got something."""
    spread: Spread | None = None
    boost: Share | None = None
    boosted_at_ms: int | None = None
    sequence: int = 0
    """Of the last command."""
    operations: int = 0
    """Transactions sent to the ledger."""
    ended_at_ms: int | None = None
    due_ms: int | None = None
    seen: tuple[str, ...] = ()
    """Records that were applied: `source/record id`."""
    crowded: bool = False
    """It was told of more places to sell than are kept; an alert was raised."""


class CampaignDue(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """That a campaign needs to be looked at; the key says when."""


CampaignRow = Campaign | CampaignDue
Key = tuple[str | int, ...]


class CampaignRows(Protocol):
    """What a decision about a campaign may read."""

    def campaign(self, campaign_id: str) -> Campaign | None:
        """The campaign, or None."""


class CampaignArrival(msgspec.Struct, frozen=True, gc=False):
    """One record as it comes from the log."""

    record: CampaignRecord
    cause: str
    """`topic-partition-offset`."""
    at_ms: int


class CampaignDecision(msgspec.Struct, frozen=True, gc=False):
    """What follows from one record."""

    changes: Mapping[tuple[str, Key], CampaignRow | None]
    commands: tuple[Command, ...] = ()
    """To the platform, in this order."""
    transactions: tuple[Transaction, ...] = ()
    """To the ledger: WATCH and UNWATCH."""
    alerts: tuple[Alert, ...] = ()
    ignored: str | None = None
    """Why it had no effect."""


class CampaignPolicy(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The knobs of the campaign guard, in milliseconds."""

    topic: str = "campaigns.v1"
    """Where edges are to be said to."""
    command_ttl_ms: int = 5 * 60_000
    """So long after it was sent a command may be done."""
    answer_patience_ms: int = 30_000
    """So long without an answer, and a command is sent again."""
    first_back_off_ms: int = 5_000
    """So long after a first failure a command is sent again; each time twice as long."""
    longest_back_off_ms: int = 5 * 60_000
    alert_after_attempts: int = 5
    """After so many attempts in vain somebody is told; they go on."""
    keep_ms: int = 7 * 86_400_000
    """How long a campaign that has ended is remembered."""

"""The rows of the replenisher, and what a decision is made of and gives."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol

import msgspec

from agents.inventory.replenishment.words import (
    CountProposal,
    Cover,
    DemandRecord,
    Insight,
    InsightType,
    Request,
    SignalKind,
    Supplier,
    Terms,
    TransferProposal,
    Whereabouts,
)
from agents.inventory.transactions import Transaction

OUTLOOKS = "outlooks"
SUPPLIES = "supplies"
SUPPLIERS = "suppliers"
SUPPLIES_DUE = "supplies_due"
PLACES = "places"
DAYS_OF_WEEK = 7
STEEPEST = 1_000 // DAYS_OF_WEEK
"""The largest smoothing: a weekday may weigh seven times as much as an average one, and must not overshoot."""


class Rebalance(StrEnum):
    """What becomes of a transfer that would help."""

    OFF = "off"
    PROPOSE = "propose"
    AUTO = "auto"


class Span(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Days from the first to the last one, both included, at a place or everywhere."""

    location: str | None
    first_day: int
    last_day: int


class Interest(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One signal at a place: what is usual, and what today has brought."""

    signal: SignalKind
    day: int
    today: int
    usual_thousandths: int
    """EWMA of the days before; of a price of the prices before."""
    days: int
    """Days, or prices, that it knows."""


class Need(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Units that were requested and have not come."""

    request_id: str
    quantity: int
    received: int
    opened_day: int
    due_day: int
    overdue_told: bool = False


class Coming(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A transfer to this place that was proposed or asked for, and is not in the journal yet."""

    transfer: str
    from_location: str
    quantity: int
    until_ms: int
    refused: bool = False
    """The ledger refused it: until then nothing more is asked of that place."""


class Told(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An insight that still holds is not told again."""

    type: InsightType
    until_ms: int


class Outlook(msgspec.Struct, frozen=True, gc=False, kw_only=True, array_like=True):
    """All that is kept of one SKU at one place."""

    day: int
    """The day that is not over yet; sales and hours below are of it."""
    changed_ms: int
    """Until when the hours are reckoned."""
    stocked_ms: int = 0
    """How long there was something to sell on this day."""
    sold: int = 0
    unpromised: int = 0
    promised: int = 0
    """Reserved and allocated."""
    quarantined: int = 0
    in_transit: int = 0
    level_thousandths: int = 0
    """EWMA of a day's demand, the weekday taken out."""
    variance_millionths: int = 0
    """EWMA of the squared error of a day's forecast."""
    weekdays: tuple[int, ...] = (0,) * DAYS_OF_WEEK
    """EWMA of the demand of each weekday, Monday first, in thousandths."""
    counted: int = 0
    """Days that taught something."""
    lost_thousandths: int = 0
    """EWMA of units lost in a day."""
    lost: int = 0
    """Units lost on this day."""
    checked_day: int
    """When it was last counted; the first day it was heard of, where it never was."""
    count_told: bool = False
    needs: int = 0
    """Needs so far; the number of the next one."""
    need: Need | None = None
    transfers: int = 0
    coming: tuple[Coming, ...] = ()
    interests: tuple[Interest, ...] = ()
    told: tuple[Told, ...] = ()
    empty_days: int = 0
    """Whole days in a row that ended with nothing to sell, nothing sold and nothing on its way."""


class Supply(msgspec.Struct, frozen=True, gc=False, kw_only=True, array_like=True):
    """What is kept of a SKU as a whole."""

    places: tuple[str, ...] = ()
    """Where it was ever seen, by name."""
    terms: tuple[Terms, ...] = ()
    promotions: tuple[Span, ...] = ()
    seen: tuple[str, ...] = ()
    """Records from outside that came lately."""
    due_ms: int | None = None
    category: str | None = None
    campaigns: tuple[str, ...] = ()
    """Who hears how long the stock lasts."""
    cover_day: int = -1
    """When they heard it last; -1 = never."""
    cover_days: int = 0
    """What they heard."""


class SupplyDue(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """That there is something to do then. The key says all."""


Key = tuple[str | int, ...]
DemandRow = Outlook | Supply | Supplier | SupplyDue | Whereabouts


class DemandRows(Protocol):
    """What a decision may read."""

    def outlook(self, sku: str, location: str) -> Outlook | None:
        """What is kept of a SKU at a place."""

    def supply(self, sku: str) -> Supply | None:
        """What is kept of a SKU."""

    def supplier(self, supplier: str) -> Supplier | None:
        """The reference of a supplier."""

    def place(self, location: str) -> Whereabouts | None:
        """Where a place lies."""


class DemandArrival(msgspec.Struct, frozen=True, gc=False):
    """A record as it came."""

    record: DemandRecord
    cause: str
    """`<topic>-<partition>-<offset>`: event ids begin with it."""
    at_ms: int
    """Record time, never falling within a partition."""


class DayEnded(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A day of a SKU at a place that is over: forecast against actual. None of a promotion, and none that nobody missed."""

    location: str
    day: int
    forecast_thousandths: int
    """Of the whole day, made before it began; thousandths of units."""
    exposure: int
    """Share of the day in which there was something to sell, in thousandths."""
    sold: int
    counted: int
    """Days that were known before."""


class DemandDecision(msgspec.Struct, frozen=True, gc=False):
    """What became of a record."""

    changes: dict[tuple[str, Key], DemandRow | None]
    requests: tuple[Request, ...] = ()
    transfers: tuple[TransferProposal, ...] = ()
    counts: tuple[CountProposal, ...] = ()
    insights: tuple[Insight, ...] = ()
    covers: tuple[Cover, ...] = ()
    days: tuple[DayEnded, ...] = ()
    """Days that ended; each is told once."""
    transactions: tuple[Transaction, ...] = ()
    """To the ledger."""
    ignored: str | None = None
    """Why it had no effect."""


class Seed(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Terms of the topology: for one SKU, for a category, or (neither) for all."""

    terms: Terms
    sku: str | None = None
    category: str | None = None


class ReplenishmentPolicy(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The knobs of the replenisher; from `replenishment:` of the topology. Shares are in thousandths.

    Raises ValueError where a smoothing is out of its range.
    """

    smoothing: int = 100
    """Weight of the newest day in the velocity."""
    variance_smoothing: int = 50
    weekday_smoothing: int = 140
    """Weight of the newest Monday in that of Mondays."""
    season_weeks: int = 4
    """Weeks that must be known before weekdays differ."""
    season_doubt: int = 2
    """Weeks of a flat profile that are mixed into the one seen; 0 = none."""
    season_most: int = 26
    """A profile seen for more weeks than this weighs no more."""
    outlier_deviations: int = 6
    """A day counts at most as so many standard deviations above its forecast; 0 = as it is."""
    caution: int = 1_884
    """What the deviation of the demand is multiplied by where a level is reckoned: errors of real demand have longer tails
    than normal ones. Measured by `tools/backtest`."""
    least_days: int = 7
    """Days that must be known before anything is requested."""
    rebalance: Rebalance = Rebalance.PROPOSE
    surplus_days: int = 56
    """A place spares what lasts longer than this, and never what it needs up to its order-up-to level."""
    transfer_minimum: int = 5
    transfer_farthest_km: int = 1_000
    transfer_days: int = 2
    """Days that a proposal holds, and that an asked transfer may take to appear in the journal."""
    missed_days: int = 28
    """A shelf that was empty for so many whole days, with nothing on its way, is given up: nothing more is missed there. Where goods
    take longer to come, not before they are overdue."""
    overdue_days: int = 3
    """So many days after its lead time a request that has not come is overdue."""
    rise: int = 3_000
    """A signal of so many thousandths of the usual one is a rise."""
    rise_least: int = 10
    """A signal below this is no rise, however little is usual."""
    rise_days: int = 7
    """Days that must be known before anything is a rise."""
    rise_most: int = 4_000
    """A rise is believed up to this when the order is reckoned."""
    low_cover_days: int = 10
    budget_percent: int = 20
    price_fall: int = 100
    """A competitor's price that falls by so many thousandths is told."""
    insight_days: int = 3
    base_loss_millionths: int = 50
    """Share of the stock lost in a day, where nothing else is known."""
    count_risk: int = 10_000
    """Money that may be missing before a count is proposed; 0 = never."""
    default_terms: Terms = Terms()
    seeds: tuple[Seed, ...] = ()
    """Terms for those that no record has told any, the narrowest first: see `narrowest_first`."""
    suppliers: tuple[Supplier, ...] = ()
    """Of those that no record has told of."""

    def __post_init__(self) -> None:
        """Refuse smoothings that would overshoot."""
        if not 0 < self.smoothing <= STEEPEST:
            raise ValueError(f"smoothing is from 1 to {STEEPEST}, not {self.smoothing}")
        for smoothing in (self.variance_smoothing, self.weekday_smoothing):
            if not 0 < smoothing <= 1_000:
                raise ValueError(f"a smoothing is from 1 to 1000, not {smoothing}")

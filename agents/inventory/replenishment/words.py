"""What the replenisher hears, and the reference of those who supply: the records of the demand log of a SKU."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from agents.inventory.postings import Account
from agents.inventory.transactions import Kind

REPLENISHER = "replenisher"
"""The source of the transfers that the replenisher asks of the ledger, and of its own WAKE records."""


class DemandKind(StrEnum):
    """What a record of the demand log tells."""

    MOVED = "MOVED"
    """A journal record, copied in by the stock keeper."""
    REFUSED = "REFUSED"
    """The ledger refused a transfer that the replenisher asked for; copied in by the stock keeper."""
    ITEM = "ITEM"
    """What kind of goods it is; copied in by the stock keeper."""
    WATCHED = "WATCHED"
    """A campaign wants to hear how long the stock lasts; copied in by the stock keeper."""
    UNWATCHED = "UNWATCHED"
    """It does not any more."""
    PLACE = "PLACE"
    """Where a place lies; copied in by the stock keeper, in every partition."""
    SIGNAL = "SIGNAL"
    """Interest seen outside of the ledger: searches, views, clicks, a competitor's price."""
    PROMOTION = "PROMOTION"
    """Days on which more is sold than usual on purpose: they teach nothing about the usual."""
    TERMS = "TERMS"
    """How a SKU is supplied."""
    SUPPLIER = "SUPPLIER"
    """How long a supplier takes; heard by every partition."""
    WAKE = "WAKE"
    """Written by the replenisher to itself: a day has begun."""


class SignalKind(StrEnum):
    """What was seen."""

    SEARCH = "SEARCH"
    VIEW = "VIEW"
    AD_CLICK = "AD_CLICK"
    COMPETITOR_PRICE = "COMPETITOR_PRICE"


class Whereabouts(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Where a place lies, so that it is known how far apart two of them are; and whether it is open."""

    location: str
    country: str | None = None
    latitude_tenths: int | None = None
    longitude_tenths: int | None = None
    open: bool = True
    """False: nothing is sold there, and nothing is sent there to be sold."""


class Moved(msgspec.Struct, frozen=True, gc=False):
    """One signed line of a journal record: a posting without the claim and the lot that it names."""

    account: Account
    location: str
    quantity: int
    """Base units, signed: what comes into the account is positive."""


class Supplier(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Reference of one supplier."""

    supplier: str
    lead_time_days: int = 7
    """From the request to goods on the shelf."""
    lead_time_deviation_tenths: int = 0
    """Standard deviation of the lead time, in tenths of days."""


class Terms(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """How a SKU is supplied to a place, or to every place that has no terms of its own."""

    location: str | None = None
    supplier: str | None = None
    lead_time_days: int | None = None
    """Instead of the supplier's."""
    review_days: int = 7
    """Days that an order is to last beyond the lead time."""
    service_level: int = 950
    """In thousandths: the share of lead times that are to end without a stock-out."""
    minimum_order: int = 1
    pack_size: int = 1
    unit_value: int = 0
    """What a unit is worth, in the smallest unit of money."""


class DemandRecord(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One record of the demand log. Which fields are meant follows from its kind."""

    record_id: str
    """Unique per source and SKU; of what is copied in the event id of the journal record or answer."""
    source: str
    kind: DemandKind
    sku: str = ""
    """The key of the record; empty for PLACE and SUPPLIER, which are for every partition."""
    moved: Kind | None = None
    """MOVED: the kind of the transaction."""
    postings: tuple[Moved, ...] = ()
    """MOVED: its double entry."""
    location: str | None = None
    """Of SIGNAL and PROMOTION; null = everywhere. Of MOVED the place that was counted: a count without a difference has no
    postings that would tell."""
    transfer: str | None = None
    """MOVED by a TRANSFER_OUT, and REFUSED: the transfer's id."""
    signal: SignalKind | None = None
    quantity: int = 0
    """Of SIGNAL: how many were seen since the last record; of COMPETITOR_PRICE the price, in the smallest unit of money."""
    from_on: str | None = None
    """PROMOTION: the first day, `YYYY-MM-DD`, UTC."""
    until_on: str | None = None
    """PROMOTION: the last day."""
    terms: Terms | None = None
    supplier: Supplier | None = None
    place: Whereabouts | None = None
    category: str | None = None
    """ITEM: the kind of goods; null = none."""
    campaign: str | None = None
    """WATCHED, UNWATCHED: the campaign."""
    reason: str | None = None
    """REFUSED: why."""
    history: bool = False
    """MOVED: of a source that tells what is long past. It moves the stock, and says nothing about the demand of today."""


class RequestStatus(StrEnum):
    """Why a request is told."""

    OPENED = "OPENED"
    RECEIVED = "RECEIVED"
    """All of it came."""
    COVERED = "COVERED"
    """Goods came otherwise: it is not needed any more."""


class Figures(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What a request or an insight rests on, as it was when it was written."""

    daily_thousandths: int
    """Demand velocity: thousandths of units a day."""
    deviation_thousandths: int
    """Standard deviation of a day's demand, in thousandths of units."""
    available: int
    in_transit: int
    on_order: int
    cover_days: int
    reorder_point: int
    order_up_to: int
    lead_time_days: int
    service_level: int


class Request(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Order units of a supplier; or the word that this is over. One id for one need, whatever is told of it."""

    event_id: str
    request_id: str
    status: RequestStatus
    sku: str
    location: str
    supplier: str | None = None
    quantity: int
    received: int
    needed_on: str
    """The day on which the shelf would be empty without it."""
    at_ms: int
    figures: Figures


class TransferProposal(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Move units from a place that has too many to one that has too few."""

    event_id: str
    transfer: str
    sku: str
    location: str
    to_location: str
    quantity: int
    distance_km: int
    surplus: int
    """Units that the sending place could spare."""
    shortage: int
    """Units that the other place lacks."""
    ordered: bool
    """True: the ledger was asked to do it. False: somebody must."""
    until_ms: int
    at_ms: int


class CountProposal(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """Count a SKU at a place: what may be wrong there is worth it."""

    event_id: str
    sku: str
    location: str
    risk: int
    """Money that may be missing, in the smallest unit."""
    on_hand: int
    unit_value: int
    loss_millionths: int
    """Share of the stock that is expected to be lost in a day."""
    days_since_count: int
    at_ms: int


class InsightType(StrEnum):
    """What was seen together."""

    LOW_WHILE_DEMAND_RISES = "LOW_WHILE_DEMAND_RISES"
    COMPETITOR_CHEAPER = "COMPETITOR_CHEAPER"
    REQUEST_OVERDUE = "REQUEST_OVERDUE"


class Insight(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What to do about two things that were seen together, with the figures and until when it holds."""

    event_id: str
    type: InsightType
    sku: str
    location: str
    message: str
    figures: Figures
    signal: SignalKind | None = None
    signal_today: int = 0
    signal_usual_thousandths: int = 0
    rise_thousandths: int = 0
    """Today's signal against the usual one: 3000 = three times as many."""
    reorder: int = 0
    reorder_by: str | None = None
    budget_percent: int = 0
    """By how much the advertising budget there may rise."""
    budget_from: str | None = None
    """From when on: before that day it would advertise an empty shelf."""
    at_ms: int
    holds_until_ms: int


class ProposalType(StrEnum):
    """What is proposed."""

    ORDER = "ORDER"
    TRANSFER = "TRANSFER"
    COUNT = "COUNT"


class Proposal(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What should be done so that there is enough of a SKU where it is wanted; the type tells which field is meant."""

    type: ProposalType
    order: Request | None = None
    transfer: TransferProposal | None = None
    count: CountProposal | None = None


class Cover(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """How long the stock of a SKU lasts, all places together: for a campaign that advertises it."""

    event_id: str
    campaign: str
    sku: str
    cover_days: int
    """Whole days, rounded down."""
    at_ms: int
    until_ms: int
    """It is told again before."""

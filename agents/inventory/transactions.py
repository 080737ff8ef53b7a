"""What upstream systems say: one record type for every kind of fact, intention and reference.

The field names are those of `schemas/transaction.avsc`. Fields at their default are left out of the digest, so a
new field never changes the digest of an old transaction.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Kind(StrEnum):
    """What happened, or what is asked. See README.md here for the table of kinds."""

    RECEIPT = "RECEIPT"
    INBOUND = "INBOUND"
    SALE = "SALE"
    RESERVE = "RESERVE"
    EXTEND = "EXTEND"
    ALLOCATE = "ALLOCATE"
    RELEASE = "RELEASE"
    SHIP = "SHIP"
    RETURN = "RETURN"
    TRANSFER_OUT = "TRANSFER_OUT"
    TRANSFER_IN = "TRANSFER_IN"
    QUARANTINE = "QUARANTINE"
    UNQUARANTINE = "UNQUARANTINE"
    ADJUST = "ADJUST"
    COUNT = "COUNT"
    SNAPSHOT = "SNAPSHOT"
    FENCE = "FENCE"
    UNFENCE = "UNFENCE"
    PICK = "PICK"
    ITEM = "ITEM"
    WATCH = "WATCH"
    UNWATCH = "UNWATCH"
    EXPIRE = "EXPIRE"
    REFRESH = "REFRESH"
    POLICY = "POLICY"
    LOCATION = "LOCATION"
    CHANNEL = "CHANNEL"
    FEED = "FEED"


STOCK_KEEPER = "stock_keeper"
ORDER_ROUTER = "order_router"
"""The source of what the order router asks: it hears, on its own topic, of everything that becomes of its claims."""

BROADCAST_KINDS = frozenset({Kind.POLICY, Kind.LOCATION, Kind.CHANNEL, Kind.FEED})
"""Reference that every partition hears; the only records whose key is not a SKU."""

SYSTEM_KINDS = frozenset({Kind.EXPIRE, Kind.REFRESH})
"""Written by the ledger to itself; never answered, never remembered by id."""


INTENTION_KINDS = frozenset(
    {
        Kind.RESERVE,
        Kind.EXTEND,
        Kind.ALLOCATE,
        Kind.RELEASE,
        Kind.FENCE,
        Kind.UNFENCE,
        Kind.PICK,
        Kind.WATCH,
        Kind.UNWATCH,
    }
)
"""What is asked, not reported."""

FACT_KINDS = frozenset(
    {
        Kind.RECEIPT,
        Kind.INBOUND,
        Kind.SALE,
        Kind.SHIP,
        Kind.RETURN,
        Kind.TRANSFER_OUT,
        Kind.TRANSFER_IN,
        Kind.QUARANTINE,
        Kind.UNQUARANTINE,
        Kind.ADJUST,
        Kind.COUNT,
        Kind.SNAPSHOT,
    }
)
"""What happened; SHIP, TRANSFER_OUT and ADJUST may ask instead, see Mode."""


class Mode(StrEnum):
    """Whether SHIP, TRANSFER_OUT and ADJUST report what happened or ask whether it may."""

    FACT = "FACT"
    REQUEST = "REQUEST"


class Bucket(StrEnum):
    """The posted buckets. A unit is in exactly one."""

    UNPROMISED = "unpromised"
    RESERVED = "reserved"
    ALLOCATED = "allocated"
    QUARANTINED = "quarantined"
    IN_TRANSIT = "in_transit"


class Measures(StrEnum):
    """What a SNAPSHOT measures: everything on hand, or what of it is neither promised nor quarantined."""

    ON_HAND = "on_hand"
    AVAILABLE = "available"


class Line(msgspec.Struct, frozen=True, gc=False, array_like=False, omit_defaults=True):
    """One line of a claim on several lines of the same SKU."""

    line: int
    quantity: int


class Destination(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Where a claim is to be sent: coarse on purpose, never a name or a street."""

    country: str
    postal_area: str = ""
    latitude_tenths: int | None = None
    """Degrees north times ten, so that it compares exactly."""
    longitude_tenths: int | None = None


class Watcher(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Topic and key that want to hear this SKU's edges."""

    topic: str
    key: str


class Component(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One component of a kit."""

    sku: str
    quantity: int


class Item(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Reference of one SKU."""

    unit: str = "piece"
    category: str | None = None
    tracked: bool = True
    kit: tuple[Component, ...] = ()
    unit_cost: int = 0
    """What a unit costs, in the smallest unit of money; 0 = not told."""


class PolicySettings(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One policy rule: where it applies (null = everywhere) and what it sets (null = says nothing)."""

    rule: str
    sku: str | None = None
    category: str | None = None
    location: str | None = None
    channel: str | None = None
    withdrawn: bool = False
    """True removes the rule."""
    safety_stock: int | None = None
    reservation_ttl_ms: int | None = None
    late_window_ms: int | None = None
    claims: str | None = None
    """`first_come` or `priority`."""
    backorder: str | None = None
    """`none`, `limit` or `unlimited`."""
    backorder_limit: int | None = None
    max_splits: int | None = None
    preorder_limit: int | None = None
    """Units that may be preordered against one inbound, at most as many as are announced."""
    preorder_channel_limit: int | None = None
    """The same through one channel."""
    count_tolerance: int | None = None
    buffer: int | None = None
    buffer_percent: int | None = None
    minimum_shelf_life_days: int | None = None
    """Life that a lot must have left to be promised or sold."""
    removal_days: int | None = None
    """A lot with less life than this is set apart by the ledger."""
    expiry_warning_days: int | None = None
    """Of a lot with less life than this an alert is raised, once; 0 = never."""
    low_at: int | None = None
    low_until: int | None = None
    shrinkage_events: int | None = None
    """After so many losses within the window units are withheld at that place; 0 = never."""
    shrinkage_window_ms: int | None = None
    shrinkage_buffer: int | None = None
    """The units withheld then, beside the safety stock."""
    echo_window_ms: int | None = None
    """A snapshot that says back a level published so shortly before it was taken is an echo; 0 = there are none."""
    distance_weight: int | None = None
    """Where the ledger chooses a place: the cost of a kilometre. 0 = distance does not count; likewise all weights."""
    zone_weight: int | None = None
    """What the place's own zone cost is multiplied with."""
    scarcity_weight: int | None = None
    """The cost of a tenth of a week that the supply of the place falls short of twelve."""
    expiry_weight: int | None = None
    """The cost of a day that the first lot of the place has left: old units are sold first."""
    load_weight: int | None = None
    """The cost of a percent of the place's daily capacity that is promised of the SKU."""
    lateness_weight: int | None = None
    """What the channel's penalty for days late is multiplied with."""
    farthest_km: int | None = None
    """The ledger chooses no place that is further away than this; 0 = any."""
    abroad: str | None = None
    """`allowed`, or `never`: the ledger chooses no place in another country than the destination's."""
    stock_alerts: str | None = None
    """`none`, `out`, or `low` (both): whether people hear when a place runs out, or runs low (`low_at`, `low_until`)."""
    aging_after_ms: int | None = None
    """A claim that is open for longer is alerted, once; 0 = never."""
    anomaly_factor: int | None = None
    """A movement beyond the usual by so many times the usual deviation is alerted; 0 = never."""
    anomaly_after: int | None = None
    """So many movements of the kind must have been seen there before one can be unusual."""
    anomaly_minimum: int | None = None
    """Movements of fewer units are never unusual."""
    withhold_when_silent: int | None = None
    """Percent of what is available that is not promised while the feed that reports the place is silent."""


class Zone(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What it costs, and how long it takes, to send from a place to an area."""

    country: str
    """ISO 3166-1 alpha-2 code; `*` = every country that no other zone names."""
    postal_prefix: str = ""
    """Beginning of the postal areas that are meant, upper case, no spaces; empty = the whole country."""
    cost: int = 0
    """In the unit that weights and penalties are in too, such as cents."""
    days: int = 0
    """Days on the way."""


class LocationReference(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Reference of one location."""

    location: str
    kind: str = "warehouse"
    """`warehouse`, `store`, `dark_store` or `marketplace`."""
    open: bool = True
    ships: bool = True
    pickup: bool = False
    region: str | None = None
    country: str | None = None
    latitude_tenths: int | None = None
    longitude_tenths: int | None = None
    time_zone: str | None = None
    """IANA name, for people. The ledger reckons with `utc_offset_minutes`."""
    authority: tuple[str, ...] = ()
    """Systems whose absolute facts count here, the highest first."""
    utc_offset_minutes: int = 0
    """Local time less UTC. Summer time is another record: it is in the log, so replay is exact."""
    zones: tuple[Zone, ...] = ()
    """Where it sends to, at which cost; none = everywhere, at no cost that is known."""
    opening_days: tuple[str, ...] = ()
    """`mon` to `sun`: when shoppers may come; none = every day."""
    opens_at: str | None = None
    """`HH:MM` local time; null = at midnight."""
    closes_at: str | None = None
    """`HH:MM` local time; null = at midnight."""
    working_days: tuple[str, ...] = ()
    """`mon` to `sun`: when parcels leave; none = every day."""
    cut_off: str | None = None
    """`HH:MM` local time: what is ready later leaves on the next working day; null = parcels leave when ready."""
    handling_time_ms: int | None = None
    """From claim to ready for the carrier; null = as long as the channel says."""
    daily_capacity: int | None = None
    """Shipments that can leave in a day; null = without limit, 0 = the ledger never chooses it."""
    holidays: tuple[str, ...] = ()
    """Local dates, `YYYY-MM-DD`, on which no parcels leave and no shoppers may come."""


class ChannelReference(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Reference of one sales channel."""

    channel: str
    locations: tuple[str, ...] = ()
    """Places it may sell from; none = all."""
    region: str | None = None
    """It sells from places of this region only; null = from all of its places."""
    handling_time_ms: int | None = None
    methods: tuple[str, ...] = ()
    """`shipping`, `pickup`: how it sells; none = both."""
    cancel_limit_ms: int | None = None
    """How long after it was placed an order may be cancelled; null = until it is picked."""
    late_penalty: int | None = None
    """What each day late costs by its service level, in the unit of zone costs; null = 1."""


class FeedReference(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """How a feed stands: a system that reports what happens at some places."""

    feed: str
    """The `source` of its records."""
    silent: bool = False
    """True: it has not been heard for longer than it may be silent."""
    since_ms: int | None = None
    """Silent: when it was last heard, null = never. Speaking: when it was heard again."""
    locations: tuple[str, ...] = ()
    """Places whose stock it reports."""


class Transaction(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True):
    """One fact, intention or reference record about one SKU (broadcast kinds: about none)."""

    transaction_id: str
    """Unique per source and SKU."""
    source: str
    """The publishing system, such as `pos` or `wms`."""
    kind: Kind
    sku: str = ""
    occurred_at_ms: int | None = None
    """When it happened, by the publisher's clock; required of facts; for COUNT and SNAPSHOT when it was taken."""
    location: str | None = None
    locations: tuple[str, ...] = ()
    """Ranked locations of a claim; with `location` unset and none here the ledger chooses."""
    quantity: int | None = None
    """Base units; signed for ADJUST, absolute for COUNT, SNAPSHOT and INBOUND (all of it; 0 cancels), else positive."""
    bucket: Bucket | None = None
    """The named bucket of RETURN, ADJUST and transfers: unpromised (default) or quarantined."""
    reason: str | None = None
    holder: str | None = None
    """Who holds the claim: an order, a cart, a marketplace order."""
    line: int = 1
    lines: tuple[Line, ...] = ()
    partial: bool = False
    confirm: bool = False
    revive: bool = False
    sold: bool = False
    mode: Mode = Mode.FACT
    priority: int = 0
    """Higher is stronger."""
    ttl_ms: int | None = None
    due_at_ms: int | None = None
    """When an announced INBOUND or a transfer is due."""
    promise_by_ms: int | None = None
    max_splits: int | None = None
    avoid: tuple[str, ...] = ()
    """Places that the ledger must not choose for this claim, where it chooses."""
    channel: str | None = None
    fence: str | None = None
    """The channel whose ring-fence FENCE and UNFENCE move."""
    lot: str | None = None
    expires_on: str | None = None
    """Expiry date of the lot, `YYYY-MM-DD`."""
    inbound: str | None = None
    """The inbound (ASN) that INBOUND announces, that a RECEIPT closes or a preorder waits for."""
    transfer: str | None = None
    """The transfer that TRANSFER_OUT sends and TRANSFER_IN brings; unique per SKU."""
    to_location: str | None = None
    """Where a transfer goes. A TRANSFER_IN that names none arrives at `location`; one that does came from there."""
    last: bool = False
    """The last arrival of a transfer, or the last receipt of an inbound: what is missing then is given up."""
    destination: Destination | None = None
    measures: Measures | None = None
    order_id: str | None = None
    watcher: Watcher | None = None
    item: Item | None = None
    policy: PolicySettings | None = None
    location_reference: LocationReference | None = None
    channel_reference: ChannelReference | None = None
    feed: FeedReference | None = None
    who: str | None = None
    """The person or system answerable for a correction."""
    why: str | None = None


def place_of(transaction: Transaction) -> str | None:
    """The one place a claim names, or None if it names none."""
    if transaction.location is not None:
        return transaction.location
    return transaction.locations[0] if len(transaction.locations) == 1 else None


def line_of(transaction: Transaction) -> int:
    """The order line of a claim: of its only line, or `line`."""
    return transaction.lines[0].line if transaction.lines else transaction.line


def line_told(transaction: Transaction) -> int | None:
    """The one line of a holder that it is about; None without a holder, or where it is about several."""
    return None if transaction.holder is None or len(transaction.lines) > 1 else line_of(transaction)


def is_intention(transaction: Transaction) -> bool:
    """Whether it asks: its answer is kept in full, and it may be refused without loss."""
    return transaction.kind in INTENTION_KINDS or (transaction.mode is Mode.REQUEST and transaction.kind in FACT_KINDS)


def is_fact(transaction: Transaction) -> bool:
    """Whether it reports what happened: refused, it is kept as a dead letter."""
    return transaction.kind in FACT_KINDS and transaction.mode is Mode.FACT

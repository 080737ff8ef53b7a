"""Rows and tables that the tests of this folder share."""

from __future__ import annotations

from pathlib import Path

import msgspec

from agents.inventory.answers import (
    Alternative,
    Answer,
    Candidate,
    CostTerm,
    DispatchDay,
    KeptAnswer,
    LegState,
    LineState,
    Status,
)
from agents.inventory.channels import Method
from agents.inventory.findings import Case, Losses, OpenAlert, ToldLevel, ToldLevels, Usual
from agents.inventory.findings import Loss as FoundLoss
from agents.inventory.goods import Fence, Goods, Lot, SafetyBuffer
from agents.inventory.offers import Refreshing, Scope, State, Told, ToldStates
from agents.inventory.positions import Position
from agents.inventory.refusals import Refusal
from agents.inventory.reservations import Claim, ClosedClaim, Closing, Leg, Loss
from agents.inventory.rows import Demand, Due, Movement
from agents.inventory.shipments import Inbound, Transfer
from agents.inventory.transactions import (
    ChannelReference,
    Component,
    Destination,
    FeedReference,
    Item,
    Kind,
    LocationReference,
    PolicySettings,
    Watcher,
    Zone,
)
from agents.state.rocks import RocksOptions, RocksStore, TableOptions
from agents.state.tables import Table

NOON_MS = 1_790_000_000_000
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


class Note(msgspec.Struct, frozen=True, array_like=True):
    """A row as small as can be."""

    text: str


def order_of_note(rest: object, note: Note) -> tuple[str, ...]:
    """Notes in a group are in the order of their text."""
    return (note.text, str(rest))


NOTES = Table("notes", b"n", (str, str), Note)
COUNTED = Table("counted", b"N", (str, str, int), Note, order=order_of_note)
DATED = Table("dated", b"D", (int, str, str, int), Note, cached=False)
SMALL_TABLES = (NOTES, COUNTED, DATED)

SMALL_MEMORY = RocksOptions(
    block_cache_bytes=8 << 20,
    write_buffers_bytes=4 << 20,
    tables={"notes": TableOptions(1 << 20), "counted": TableOptions(1 << 20), "dated": TableOptions(1 << 20)},
)


def open_store(path: Path) -> RocksStore:
    """A RocksDB store with little memory."""
    return RocksStore(path, SMALL_MEMORY)


POSITION = Position(-3, 2, 4, 1, 6, 7, NOON_MS, 1_790_000_000, "wms", 2)
CLAIM = Claim(
    (Leg("LEEDS", 2, 1, 1, 1), Leg("YORK", 1)),
    backordered=3,
    priority=5,
    opening_offset=77,
    due_ms=NOON_MS + 900_000,
    ttl_ms=900_000,
    locations=("LEEDS", "YORK"),
    max_splits=1,
    channel="web",
    order_id="o-1",
    losses=(Loss("LEEDS", 1_790_000_000, 1),),
    yielded=2,
    backordered_firm=1,
    promise_by_ms=NOON_MS + DAY_MS,
    inbound="asn-1",
    avoid=("HULL",),
    routed=True,
    lot="L-1",
    destination=Destination("GB", "LS1", 538, -15),
    opened_at_ms=NOON_MS - 1,
)
ANSWER = Answer(
    event_id="inventory.transactions.v1-3-77-0",
    status=Status.REFUSED,
    transaction_id="t-1",
    source="shop",
    sku="SHOE-é",
    kind=Kind.RESERVE,
    at_ms=NOON_MS,
    refusal=Refusal.INSUFFICIENT_ATP,
    shortfall=2,
    quantity=1,
    location="LEEDS",
    holder="o-1",
    line=1,
    legs=(LegState("LEEDS", 1, 0),),
    backordered=1,
    due_ms=NOON_MS + 900_000,
    alternatives=(Alternative("YORK", 4),),
    next_receipt_at_ms=NOON_MS + DAY_MS,
    from_location="HULL",
    repeats="inventory.transactions.v1-3-70-0",
    channel="web",
    order_id="o-1",
    reason="because",
    lines=(LineState(1, 1, 1, 2, (LegState("LEEDS", 1, 0),), NOON_MS),),
    routed=True,
    candidates=(Candidate("LEEDS", 5, 318, (CostTerm("distance", 159, 318),)),),
    dispatch_days=(DispatchDay("LEEDS", "2026-11-22"),),
)
KEPT = KeptAnswer(b"\x00\x01\x02\x03\xfc\xfd\xfe\xff", False, NOON_MS, False, ANSWER)
STUB = KeptAnswer(b"\x00\x01\x02\x03\xfc\xfd\xfe\xff", True, NOON_MS, True)
RULE = PolicySettings(
    rule="r",
    sku="SHOE",
    category="shoes",
    location="LEEDS",
    channel="web",
    withdrawn=True,
    safety_stock=1,
    reservation_ttl_ms=2,
    late_window_ms=3,
    claims="priority",
    backorder="limit",
    backorder_limit=4,
    max_splits=5,
    count_tolerance=6,
    buffer=7,
    buffer_percent=8,
    minimum_shelf_life_days=9,
    removal_days=12,
    expiry_warning_days=13,
    low_at=10,
    low_until=11,
    preorder_limit=18,
    preorder_channel_limit=19,
    shrinkage_events=14,
    shrinkage_window_ms=15,
    shrinkage_buffer=16,
    echo_window_ms=17,
    distance_weight=20,
    zone_weight=21,
    scarcity_weight=22,
    expiry_weight=23,
    load_weight=24,
    lateness_weight=25,
    farthest_km=26,
    abroad="never",
    stock_alerts="low",
    aging_after_ms=27,
    anomaly_factor=28,
    anomaly_after=29,
    anomaly_minimum=30,
    withhold_when_silent=31,
)
GOODS = Goods(
    item=Item(unit="gram", category="shoes", tracked=False, kit=(Component("SOLE", 2),)),
    fences=(Fence("LEEDS", "web", 4, 77),),
    watchers=(Watcher("campaigns.v1", "summer"),),
    has_lots=True,
    queued=3,
    due_ms=NOON_MS,
    safety_buffers=(SafetyBuffer("LEEDS", 2, NOON_MS + 1),),
    expected=1,
    has_snapshots=True,
    reminder_ms=NOON_MS + 2,
    recalled=("L-0",),
    ages_ms=NOON_MS + 3,
    open_alerts=2,
    capacity=40,
)
LOCATION = LocationReference(
    location="LEEDS",
    kind="store",
    open=False,
    ships=False,
    pickup=True,
    region="north",
    country="GB",
    latitude_tenths=538,
    longitude_tenths=-16,
    time_zone="Europe/London",
    authority=("wms", "pos"),
    utc_offset_minutes=60,
    zones=(Zone("GB", "LS", 3, 1), Zone("*")),
    opening_days=("mon", "sat"),
    opens_at="09:00",
    closes_at="17:30",
    working_days=("mon",),
    cut_off="15:00",
    handling_time_ms=7_200_000,
    daily_capacity=400,
    holidays=("2026-12-25",),
)
CHANNEL = ChannelReference(
    channel="web",
    locations=("LEEDS", "YORK"),
    region="north",
    handling_time_ms=3_600_000,
    methods=("pickup",),
    cancel_limit_ms=1_800_000,
    late_penalty=250,
)
TOLD = ToldStates(
    (Told(("app", "web"), ((Method.SHIPPING, None), (Method.PICKUP, "north")), (State.LOW, State.IN_STOCK)),)
)
REFRESHING = Refreshing(77, "SHOE-é", (Scope("SHOE", "shoes", "LEEDS"), Scope()), (Scope(category="hats"),), 99)
GOLDEN_ROWS: dict[str, tuple[str, tuple[str | int, ...], object]] = {
    "position": ("positions", ("SHOE-é", "LEEDS"), POSITION),
    "claim": ("claims", ("SHOE-é", "o-1", 1), CLAIM),
    "closed_claim": ("closed_claims", ("SHOE-é", "o-1", 1), ClosedClaim(Closing.YIELDED, NOON_MS, CLAIM)),
    "kept_answer": ("answers", ("shop", "SHOE-é", "t-1"), KEPT),
    "kept_answer_stub": ("answers", ("shop", "SHOE-é", "t-2"), STUB),
    "due": ("due", (NOON_MS, "SHOE-é", "o-1", 1), Due()),
    "movement": ("movements", ("SHOE-é", "LEEDS", 1_790_000_000), Movement(-5)),
    "policy": ("policy", ("r",), RULE),
    "goods": ("goods", ("SHOE-é",), GOODS),
    "inbound": (
        "inbounds",
        ("SHOE-é", "asn-1"),
        Inbound("LEEDS", 10, 4, NOON_MS, NOON_MS - 1, True, True, NOON_MS + 1),
    ),
    "transfer": (
        "transfers",
        ("SHOE-é", "t-1"),
        Transfer("YORK", "LEEDS", 6, 5, NOON_MS, True, True, NOON_MS + 1),
    ),
    "case": ("cases", ("SHOE-é", "LEEDS"), Case(NOON_MS, 2, -3, "t-1")),
    "losses": (
        "losses",
        ("SHOE-é", "LEEDS"),
        Losses((FoundLoss("topic-3-17-0", NOON_MS, 2, 1_790_000_000, "count"),)),
    ),
    "demand": ("demand", ("SHOE-é", "LEEDS"), Demand(3_500, 20_717)),
    "told_levels": ("told_levels", ("SHOE-é", "LEEDS"), ToldLevels((ToldLevel(NOON_MS, 10, 7, 6),))),
    "location": ("locations", ("LEEDS",), LOCATION),
    "channel": ("channels", ("web",), CHANNEL),
    "told": ("told", ("SHOE-é",), TOLD),
    "open_alert": ("open_alerts", ("SHOE-é", "LEEDS", "LOT_EXPIRING", "L-1"), OpenAlert(NOON_MS)),
    "usual": ("usual", ("SHOE-é", "LEEDS", "SALE"), Usual(31, 2_500, 400)),
    "feed": ("feeds", ("pos",), FeedReference("pos", True, NOON_MS, ("LEEDS", "YORK"))),
    "refreshing": ("refreshing", ("skus",), REFRESHING),
    "lot": ("lots", ("SHOE-é", "LEEDS", "L-1"), Lot(4, 2, "2027-01-31", True, True, 3, 77)),
}
"""Every field away from its default, so that a moved field is seen."""

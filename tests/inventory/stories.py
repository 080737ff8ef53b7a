"""Hypothesis strategies for transactions of every kind, about two SKUs, three places and a handful of names.

The world is small on purpose: what matters is that everything meets everything. A story is the fields of a transaction;
`ago_ms` stands for when it occurred, before now.
"""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from agents.inventory.transactions import (
    FACT_KINDS,
    Bucket,
    ChannelReference,
    FeedReference,
    Item,
    Kind,
    Line,
    LocationReference,
    Measures,
    Mode,
    PolicySettings,
    Watcher,
)

Story = dict[str, Any]

SKUS = ("SHOE", "CARD")
PLACES = ("A", "B", "C")
CHANNELS = ("pos", "web")
MINUTE_MS = 60_000

skus = st.sampled_from((SKUS[0],) * 7 + SKUS[1:])
places = st.sampled_from(PLACES)
few = st.integers(1, 6)
channels = st.sampled_from((None, None, *CHANNELS))
holders = st.sampled_from(("anna", "anna", "ben"))
lots = st.sampled_from((None, None, None, "L1", "L2"))
inbounds = st.sampled_from(("n1", "n2"))
transfers = st.sampled_from(("t1", "t2"))
sources = st.sampled_from(("wms", "wms", "erp"))
ago = st.sampled_from((0, 0, 0, 500, 1_000, 5_000, 30_000, -2_000))
"""Sometimes in the future of a clock that runs ahead."""
ranked: st.SearchStrategy[Story] = st.one_of(
    st.just({}),
    places.map(lambda place: {"location": place}),
    st.permutations(PLACES).flatmap(
        lambda order: st.integers(2, 3).map(lambda number: {"locations": tuple(order[:number])})
    ),
)
one_place: st.SearchStrategy[Story] = st.one_of(st.just({}), places.map(lambda place: {"location": place}))
EXPIRY = {None: None, "L1": "2026-01-05", "L2": "2026-01-20"}


def story(*kinds: Kind, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Story]:
    """Transactions of one of the kinds; a field that is None is left out."""
    given = {"kind": st.sampled_from(kinds), **fields}
    if not set(kinds) & {Kind.POLICY, Kind.LOCATION, Kind.CHANNEL, Kind.FEED}:
        given.setdefault("sku", skus)
    if set(kinds) & FACT_KINDS:
        given["ago_ms"] = ago
    return st.fixed_dictionaries(given).map(flat)


def flat(fields: Story) -> Story:
    """`where` holds several fields; None says nothing."""
    where = fields.pop("where", {})
    return {name: value for name, value in {**fields, **where}.items() if value is not None}


def with_expiry(fields: Story) -> Story:
    """A receipt of a lot says when it expires."""
    expires_on = EXPIRY[fields.get("lot")]
    return fields if expires_on is None else {**fields, "expires_on": expires_on}


terms: dict[str, st.SearchStrategy[Any]] = {
    "holder": holders,
    "where": ranked,
    "priority": st.integers(0, 2),
    "max_splits": st.sampled_from((None, 0, 1, 2)),
    "ttl_ms": st.sampled_from((None, 1_000, 30_000)),
    "channel": channels,
    "partial": st.booleans(),
    "inbound": st.sampled_from((None, None, None, "n1")),
    "promise_in_ms": st.sampled_from((None, None, MINUTE_MS, 5 * MINUTE_MS)),
    "lot": st.sampled_from((None, None, None, None, "L1", "L2")),
}
line = st.sampled_from((1, 1, 1, 2))
both_lines = st.tuples(few, few).map(lambda units: (Line(1, units[0]), Line(2, units[1])))

facts = st.one_of(
    story(Kind.RECEIPT, location=places, quantity=few, lot=lots).map(with_expiry),
    story(Kind.RECEIPT, location=places, quantity=st.integers(0, 6), inbound=inbounds, last=st.booleans()),
    story(Kind.INBOUND, location=places, quantity=st.integers(0, 6), inbound=inbounds, due_in_ms=st.just(MINUTE_MS)),
    story(Kind.SALE, location=places, quantity=few, channel=channels, lot=lots),
    story(Kind.RETURN, location=places, quantity=few, bucket=st.sampled_from((None, Bucket.QUARANTINED)), lot=lots),
    story(Kind.QUARANTINE, Kind.UNQUARANTINE, location=places, quantity=few, lot=lots),
    story(
        Kind.ADJUST,
        location=places,
        quantity=st.integers(-5, 5).filter(bool),
        bucket=st.sampled_from((None, None, Bucket.QUARANTINED)),
        mode=st.sampled_from(Mode),
        reason=st.sampled_from((None, "damage", "theft", "resolved")),
    ),
    story(Kind.COUNT, location=places, quantity=st.integers(0, 10), source=sources),
    story(
        Kind.SNAPSHOT,
        location=places,
        quantity=st.integers(0, 10),
        measures=st.sampled_from(Measures),
        source=sources,
    ),
    story(
        Kind.TRANSFER_OUT,
        location=places,
        to_location=places,
        quantity=few,
        transfer=transfers,
        mode=st.sampled_from(Mode),
        due_in_ms=st.sampled_from((None, MINUTE_MS)),
    ),
    story(Kind.TRANSFER_IN, location=places, quantity=st.integers(0, 6), transfer=transfers, last=st.booleans()),
    story(Kind.SHIP, location=places, quantity=few, holder=st.none() | holders, mode=st.sampled_from(Mode)),
)
claims = st.one_of(
    story(Kind.RESERVE, Kind.ALLOCATE, quantity=few, line=line, **terms),
    story(Kind.RESERVE, Kind.ALLOCATE, lines=both_lines, **terms),
    story(Kind.ALLOCATE, quantity=few, sold=st.just(True), holder=holders, where=ranked, channel=channels),
    story(
        Kind.ALLOCATE,
        holder=holders,
        line=line,
        quantity=st.none() | few,
        confirm=st.just(True),
        revive=st.booleans(),
        partial=st.booleans(),
    ),
    story(Kind.EXTEND, holder=holders, line=line, ttl_ms=st.sampled_from((None, 10_000))),
    story(Kind.RELEASE, Kind.PICK, holder=holders, line=line, quantity=st.none() | few, where=one_place),
    story(Kind.SHIP, location=places, quantity=few, holder=holders, line=line),
)
fences = st.one_of(
    story(Kind.FENCE, location=places, quantity=few, fence=st.sampled_from(CHANNELS)),
    story(Kind.UNFENCE, location=places, quantity=st.none() | few, fence=st.sampled_from(CHANNELS)),
)


def rule(**settings: Any) -> PolicySettings:
    """A policy rule that is known by what it sets and where."""
    scope = [str(settings.get(name)) for name in ("sku", "location", "channel")]
    return PolicySettings(rule=" ".join((*scope, *sorted(settings))), **settings)


SETTINGS: tuple[Story, ...] = (
    {"safety_stock": 0},
    {"safety_stock": 2},
    {"safety_stock": 1, "location": "A"},
    {"backorder": "unlimited"},
    {"backorder": "limit", "backorder_limit": 4},
    {"backorder": "none"},
    {"claims": "priority"},
    {"max_splits": 1},
    {"buffer": 2, "channel": "web"},
    {"buffer_percent": 25, "channel": "web"},
    {"low_at": 3, "low_until": 5},
    {"shrinkage_events": 2, "shrinkage_buffer": 2},
    {"preorder_limit": 3},
    {"late_window_ms": 10 * MINUTE_MS},
    {"minimum_shelf_life_days": 3, "channel": "web"},
    {"removal_days": 1},
    {"withhold_when_silent": 50},
)
ALERT_SETTINGS: tuple[Story, ...] = (
    {"stock_alerts": "low", "low_at": 2, "low_until": 4},
    {"stock_alerts": "out", "location": "A"},
    {"stock_alerts": "none"},
    {"aging_after_ms": MINUTE_MS},
    {"anomaly_factor": 2, "anomaly_after": 2, "anomaly_minimum": 3},
    {"withhold_when_silent": 50},
)
alert_policies = story(Kind.POLICY, policy=st.sampled_from(ALERT_SETTINGS).map(lambda settings: rule(**settings)))
policies = story(Kind.POLICY, policy=st.sampled_from(SETTINGS).map(lambda settings: rule(**settings)))
reference = st.one_of(
    policies,
    story(
        Kind.LOCATION,
        location_reference=st.builds(
            LocationReference,
            location=places,
            open=st.booleans(),
            ships=st.sampled_from((True, True, False)),
            pickup=st.booleans(),
            region=st.sampled_from((None, "north")),
            authority=st.sampled_from(((), ("wms", "erp"))),
        ),
    ),
    story(
        Kind.CHANNEL,
        channel_reference=st.builds(
            ChannelReference,
            channel=st.sampled_from(CHANNELS),
            locations=st.sampled_from(((), ("A",), ("A", "B"))),
            region=st.sampled_from((None, "north")),
        ),
    ),
    story(Kind.ITEM, sku=st.just("CARD"), item=st.builds(Item, tracked=st.booleans())),
    story(
        Kind.FEED,
        feed=st.builds(
            FeedReference,
            feed=st.sampled_from(("pos", "wms")),
            silent=st.booleans(),
            locations=st.sampled_from((("A",), ("A", "B"))),
        ),
    ),
    story(Kind.WATCH, Kind.UNWATCH, watcher=st.just(Watcher("watched.edges.v1", "c7"))),
)

STORIES = {
    "claims": st.one_of(claims, claims, facts),
    "facts": st.one_of(facts, facts, claims),
    "channels": st.one_of(fences, reference, claims, facts),
    "alerts": st.one_of(facts, facts, claims, claims, alert_policies, reference),
    "everything": st.one_of(facts, claims, fences, reference),
}
"""What a machine may be told, by its theme: few kinds at a time meet more often."""

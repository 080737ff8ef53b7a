"""What the codec tests share: the real codec, records of every schema, and a real registry on the loopback."""

from __future__ import annotations

import hashlib
import io
import itertools
from collections.abc import Callable
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import strategies as st

from agents.codec import Codec, DeadLetter, Heartbeat, SchemaSet
from agents.codec.generate import Generated, generate
from agents.codec.shapes import Field, Shape, shape_of
from agents.codec.varints import Tables
from agents.codec.words import STRUCTS
from agents.inventory.alerts import Alert, AlertType, Severity
from agents.inventory.answers import Alternative, Answer, Candidate, CostTerm, DispatchDay, LegState, Status
from agents.inventory.campaigns.words import (
    Acknowledgement,
    CampaignKind,
    CampaignRecord,
    Command,
    CommandKind,
    Registration,
    Result,
    Rule,
    Signal,
    Thresholds,
)
from agents.inventory.campaigns.words import Alternative as OtherCampaign
from agents.inventory.campaigns.words import Status as CampaignStatus
from agents.inventory.channels import Method
from agents.inventory.offers import Availability, ChannelOffers, Edge, Offer, State
from agents.inventory.orders.words import (
    LineStanding,
    LineStatus,
    OrderedLine,
    OrderKind,
    OrderRecord,
    OrderStatus,
    Place,
    PlannedLine,
    Read,
    Routing,
    RoutingType,
    reference_record,
)
from agents.inventory.positions import StockLevel
from agents.inventory.postings import Account, JournalRecord, Posting
from agents.inventory.refusals import Refusal
from agents.inventory.replenishment import words as replenishment
from agents.inventory.scores.words import Count, Counter, Dimension, Figure, KpiRecord, Tally, TallyKind
from agents.inventory.transactions import (
    Bucket,
    ChannelReference,
    Component,
    Destination,
    FeedReference,
    Item,
    Kind,
    Line,
    LocationReference,
    Measures,
    Mode,
    PolicySettings,
    Transaction,
    Watcher,
    Zone,
)

LONGS = st.one_of(st.integers(-70, 70), st.integers(-(1 << 63), (1 << 63) - 1), st.integers(1_700_000_000_000, 1 << 41))
NAMES = st.one_of(
    st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=20),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=200),
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=150)


def values_of(field: Field) -> st.SearchStrategy[Any]:
    """Values the field may have; its default often, as in life."""
    plain: st.SearchStrategy[Any]
    if field.shape is not None:
        plain = records_of(field.shape)
    elif field.items is not None:
        plain = st.lists(values_of(field.items), max_size=4).map(tuple)
    elif field.symbols is not None:
        plain = st.sampled_from(list(field.symbols.values()))
    elif field.type == "string":
        plain = NAMES if field.role in {"name", "id"} else TEXTS
    else:
        plain = LONGS if field.type == "long" else st.booleans()
    choices = [plain]
    if field.nullable:
        choices.append(st.none())
    if field.has_default:
        choices += [st.just(field.default)] * 2
    return st.one_of(choices)


def records_of(shape: Shape) -> st.SearchStrategy[Any]:
    """Records of one schema."""
    return st.builds(shape.struct, **{field.name: values_of(field) for field in shape.fields})


def as_values(value: Any) -> Any:
    """A struct as the dict that a generic Avro library writes."""
    if isinstance(value, msgspec.Struct):
        return {name: as_values(getattr(value, name)) for name in value.__struct_fields__}
    return [as_values(item) for item in value] if isinstance(value, tuple) else value


def reference_bytes(schema: Any, record: Any) -> bytes:
    """What fastavro writes, without a frame."""
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, as_values(record))
    return out.getvalue()


@pytest.fixture(scope="session")
def schemas() -> SchemaSet:
    return SchemaSet.load()


@pytest.fixture(scope="session")
def codec(schemas: SchemaSet) -> Codec:
    return Codec(schemas)


@pytest.fixture(scope="session")
def shapes(schemas: SchemaSet) -> dict[str, Shape]:
    return {name: shape_of(schemas[name].json, STRUCTS[name]) for name in schemas.names}


@pytest.fixture(scope="session")
def records(shapes: dict[str, Shape]) -> dict[str, st.SearchStrategy[Any]]:
    """Schema name -> Hypothesis strategy of its records."""
    return {name: records_of(shape) for name, shape in shapes.items()}


@pytest.fixture(scope="session")
def generated(shapes: dict[str, Shape]) -> dict[str, Generated]:
    """Schema name -> its generated encoder and decoder."""
    return {name: generate(shape, Tables()) for name, shape in shapes.items()}


@pytest.fixture(scope="session")
def by_fastavro(schemas: SchemaSet) -> Callable[[str, Any], bytes]:
    """(schema name, record) -> what the reference library writes, without a frame."""
    return lambda name, record: reference_bytes(schemas[name].parsed, record)


AT_MS = 1_767_225_600_123


@pytest.fixture(scope="session")
def usual_records() -> dict[str, list[Any]]:
    """Schema name -> records as traffic has them: no fuzz, every nested record and enum once."""
    return usual()


def usual() -> dict[str, list[Any]]:
    """Records of every schema that never change: the golden files were made of them."""
    reserve = Transaction(
        transaction_id="web-000017",
        source="shop",
        kind=Kind.RESERVE,
        sku="SHOE-42",
        occurred_at_ms=AT_MS,
        location="LEEDS",
        quantity=7,
        holder="order-17",
        order_id="order-17",
        channel="web",
        ttl_ms=900_000,
    )
    return {
        "transaction": [reserve, *_facts(), *_claims(reserve), *_references()],
        "journal": _journal(),
        "level": [
            StockLevel(
                event_id="inventory.transactions.v1-3-1041-2", sku="SHOE-42", location="LEEDS", unpromised=-5,
                reserved=7, allocated=64, quarantined=8_192, in_transit=0, on_hand=8_258, atp=-6, safety_stock=1,
                revision=1_000_000, as_of_ms=AT_MS,
            )
        ],
        "answer": _answers(),
        "alert": [
            Alert(event_id="inventory.transactions.v1-3-1041-3", type=kind, severity=severity, subject="SHOE-42@LEEDS",
                  message="2 units are promised and not there.", at_ms=AT_MS, sku="SHOE-42", location="LEEDS",
                  quantity=2, transaction_id="till-9", action="Count SHOE-42 at LEEDS.")
            for kind, severity in zip(AlertType, itertools.cycle(Severity), strict=False)
        ] + [
            Alert(event_id="inventory.transactions.v1-3-1041-3", type=AlertType.RESOLVED, severity=Severity.INFO,
                  subject="o-1", message="Order o-1 was shipped.", at_ms=AT_MS, about="order-17/1",
                  resolves=AlertType.SLA_AT_RISK, deadline_ms=AT_MS + 1, penalty_minor_units=1_500, currency="GBP")
        ],
        "dead_letter": [
            DeadLetter(topic="inventory.transactions.v1", partition=3, offset=1_042, record_time_ms=AT_MS,
                       reason="The value is empty.", stage="decode", error_class="Malformed", at_ms=AT_MS + 5,
                       value_sha256=hashlib.sha256(b"").hexdigest(), value_bytes=0),
            DeadLetter(topic="inventory.transactions.v1", partition=3, offset=1_043, record_time_ms=-1,
                       reason="A bug: list index out of range.", stage="decide", error_class="IndexError",
                       traceback="Traceback (most recent call last):\n  ...\nIndexError: list index out of range",
                       at_ms=AT_MS + 5, value_sha256=hashlib.sha256(b"x").hexdigest(), value_bytes=99_999,
                       truncated=True, attempts=3),
        ],
        "heartbeat": [
            Heartbeat(topic="inventory.transactions.v1", partition=3, input_position=1_042, record_time_ms=AT_MS,
                      at_ms=AT_MS + 900, instance="worker-1")
        ],
        "availability": [
            Availability(event_id="inventory.transactions.v1-3-1041-4", sku="SHOE-42", as_of_ms=AT_MS,
                         groups=(ChannelOffers(("shop", "web"), tuple(_offers())), ChannelOffers(("pos",), ())))
        ],
        "edge": [
            Edge(event_id="inventory.transactions.v1-3-1041-5", sku="SHOE-42", channel="web", method=offer.method,
                 region=offer.region, state=offer.state, previous=previous, quantity=offer.quantity,
                 next_receipt_at_ms=offer.next_receipt_at_ms, at_ms=AT_MS, transaction_id="till-9", source="pos")
            for offer in _offers() for previous in (None, *State)
        ],
        "order": _orders(),
        "order_routing": [
            Routing(event_id="orders.v1-1-9-0", type=type_, order_id="o-1", line=1, sku="SHOE-42", quantity=1, at_ms=AT_MS,
                    places=(Place("YORK", 1),), from_location="LEEDS", to_location="YORK", reason="short_pick",
                    cause="inventory.transactions.v1-3-8-0", channel="web", method=Method.SHIPPING, ordered=2,
                    placed_at_ms=AT_MS - 1)
            for type_ in RoutingType
        ],
        "order_status": [
            OrderStatus(event_id="orders.v1-1-9-1", order_id="o-1", stage="confirmed", at_ms=AT_MS,
                        lines=tuple(LineStatus(line=1, sku="SHOE-42", quantity=2, state=state, places=(Place("YORK", 2),),
                                               backordered=1, shipped=1, reason="short_pick") for state in LineStanding),
                        channel="web", method=Method.PICKUP, promise_by_ms=AT_MS + 1, placed_at_ms=AT_MS)
        ],
        "campaign": _campaigns(),
        "tally": [
            Tally(tally_id="inventory.journal.v1-3-1041-0", source="scorekeeper_stock", kind=kind, subject="location:LEEDS",
                  slot_ms=AT_MS - 123, counts=tuple(Count(counter, -7) for counter in Counter))
            for kind in TallyKind
        ],
        "kpi": [
            KpiRecord(event_id="scores.v1-3-17-0", subject=f"{dimension}:LEEDS", dimension=dimension, member="LEEDS",
                      window="1h", from_ms=AT_MS - 123, until_ms=AT_MS, as_of_ms=AT_MS, closed=True, revision=2,
                      figures=(Figure("turnover", "per_year", 365, 7, 52_142_857),))
            for dimension in Dimension
        ],
        "campaign_command": [
            Command(event_id="campaigns.v1-1-9-0", idempotency_key=f"summer.{AT_MS}.7", sequence=7, attempt=2, kind=kind,
                    campaign_id="summer", platform="google_ads", account="123-456", entity="21", at_ms=AT_MS,
                    expires_at_ms=AT_MS + 300_000, desired_status=status, amount_minor=None if status else 4_000,
                    before_minor=None if status else 0, currency=None if status else "EUR", reason="out_of_stock",
                    skus=("SHOE-42", "HAT-é"), causes=("inventory.transactions.v1-3-8-0",))
            for kind, status in zip(CommandKind, (*CampaignStatus, None, None), strict=True)
        ],
        "demand": _demands(),
        "replenishment_request": _proposals(),
        "insight": [
            replenishment.Insight(event_id="demand.v1-3-18-0", type=type_, sku="SHOE-42", location="LEEDS", message="Low.",
                                  figures=_figures(), signal=signal, signal_today=120, signal_usual_thousandths=38_000,
                                  rise_thousandths=3_157, reorder=96, reorder_by="2026-11-27", budget_percent=20,
                                  budget_from="2026-12-02", at_ms=AT_MS, holds_until_ms=AT_MS + 1)
            for type_ in replenishment.InsightType for signal in (None, *replenishment.SignalKind)
        ],
    }  # fmt: skip


def _campaigns() -> list[CampaignRecord]:
    def one(kind: CampaignKind, **more: Any) -> CampaignRecord:
        return CampaignRecord(record_id=f"r-{kind}", source="ads", kind=kind, campaign_id="summer", **more)

    thresholds = Thresholds(Rule.SHARE, 40, 60, State.LOW, 600_000, 1_200_000, 12, 8, 50, 25)
    registration = Registration(
        "google_ads", "123-456", 10_007, "EUR", "21", ("SHOE-42", "HAT-é"), None, ("north",), ("web", "app"), thresholds,
        (OtherCampaign("22", ("SOCK-1",)),),
    )  # fmt: skip
    edges = tuple(
        [Edge(event_id=f"inventory.transactions.v1-3-1041-{number}", sku="SHOE-42", channel="web", method=Method.PICKUP,
              region="north", state=state, previous=State.LOW, quantity=number, at_ms=AT_MS, transaction_id="till-9",
              source="pos") for number, state in enumerate(State)]
    )  # fmt: skip
    return [
        one(CampaignKind.REGISTERED, registration=registration, occurred_at_ms=AT_MS, who="ann", why="Summer."),
        one(CampaignKind.CHANGED, registration=Registration("meta", "act_1", 1, "EUR", category="hats")),
        one(CampaignKind.MEMBERS, skus=("HAT-1", "HAT-2")),
        one(CampaignKind.EDGE, edges=edges),
        one(CampaignKind.SIGNAL, signal=Signal("SHOE-42", 17, AT_MS, AT_MS + 1)),
        *[
            one(CampaignKind.ACKNOWLEDGED, acknowledgement=Acknowledgement(f"summer.{AT_MS}.7", result, 2, "No."))
            for result in Result
        ],
        *[one(kind) for kind in CampaignKind if kind in {"ENDED", "PAUSED_BY_OTHERS", "RESUMED_BY_OTHERS", "WAKE"}],
    ]


def _demands() -> list[replenishment.DemandRecord]:
    words = replenishment
    moved = words.DemandRecord(record_id="inventory.transactions.v1-3-1041-1", source="stock_keeper",
                               kind=words.DemandKind.MOVED, sku="GRÖSSE-7/ß", moved=Kind.TRANSFER_OUT, transfer="t-1",
                               postings=tuple(words.Moved(account, "BERLIN", -64) for account in Account))  # fmt: skip
    told = words.DemandRecord(record_id="r-1", source="shop", kind=words.DemandKind.SIGNAL, sku="SHOE-42", location="LEEDS",
                              signal=words.SignalKind.SEARCH, quantity=40, from_on="2026-11-27", until_on="2026-11-30",
                              terms=words.Terms("LEEDS", "ACME", 9, 14, 980, 24, 12, 1_999), category="shoes",
                              supplier=words.Supplier("ACME", 10, 25), place=words.Whereabouts("LEEDS", "GB", 538, -15, False),
                              campaign="summer", reason="insufficient_atp", history=True)  # fmt: skip
    change = msgspec.structs.replace
    kinds = [change(told, kind=kind) for kind in words.DemandKind]
    return [moved, told, change(moved, moved=Kind.COUNT, postings=(), location="YORK", transfer=None), *kinds,
            *[change(told, signal=signal) for signal in words.SignalKind], change(told, sku="", terms=None)]  # fmt: skip


def _figures() -> replenishment.Figures:
    return replenishment.Figures(daily_thousandths=5_000, deviation_thousandths=1_200, available=64, in_transit=3, on_order=0,
                                 cover_days=12, reorder_point=70, order_up_to=106, lead_time_days=7, service_level=950)  # fmt: skip


def _proposals() -> list[replenishment.Proposal]:
    words = replenishment
    order = words.Request(event_id="demand.v1-3-17-0", request_id="SHOE-42@LEEDS-0", status=words.RequestStatus.OPENED,
                          sku="SHOE-42", location="LEEDS", supplier="ACME", quantity=48, received=1, needed_on="2026-12-04",
                          at_ms=AT_MS, figures=_figures())  # fmt: skip
    transfer = words.TransferProposal(event_id="demand.v1-3-17-1", transfer="replenisher-1", sku="SHOE-42", location="YORK",
                                      to_location="LEEDS", quantity=30, distance_km=37, surplus=200, shortage=30,
                                      ordered=True, until_ms=AT_MS + 1, at_ms=AT_MS)  # fmt: skip
    count = words.CountProposal(event_id="demand.v1-3-17-2", sku="SHOE-42", location="LEEDS", risk=12_000, on_hand=64,
                                unit_value=1_999, loss_millionths=300, days_since_count=90, at_ms=AT_MS)  # fmt: skip
    change = msgspec.structs.replace
    return [
        *[words.Proposal(type=words.ProposalType.ORDER, order=change(order, status=status, supplier=supplier))
          for status in words.RequestStatus for supplier in (None, "ACME")],
        words.Proposal(type=words.ProposalType.TRANSFER, transfer=transfer),
        words.Proposal(type=words.ProposalType.COUNT, count=count),
    ]  # fmt: skip


def _offers() -> list[Offer]:
    return [
        Offer(method, state, region, quantity, None if quantity else AT_MS + 86_400_000)
        for method in Method
        for state, region, quantity in zip(State, (None, "north", "süd"), (0, 7, None), strict=False)
    ]


def _orders() -> list[OrderRecord]:
    placed = OrderRecord(record_id="r-1", source="shop", kind=OrderKind.PLACED, order_id="o-1", occurred_at_ms=AT_MS,
                         lines=(OrderedLine(1, "SHOE-42", 2), OrderedLine(2, "HAT-é", 1)), channel="web",
                         destination=Destination("GB", "LS1", 538, -15), promise_by_ms=AT_MS + 1, paid=True)  # fmt: skip
    change = msgspec.structs.replace
    told = [
        change(placed, kind=kind, lines=(), line=1, location="LEEDS", quantity=1, method=Method.PICKUP, reason="torn")
        for kind in OrderKind
    ]
    plan = (PlannedLine(1, ("LEEDS", "YORK"), (Read("LEEDS", 7, 5), Read("YORK", 9, 1))),)
    return [
        placed,
        *told,
        change(placed, kind=OrderKind.PLAN, lines=(), attempt=2, plan=plan),
        *[change(placed, kind=OrderKind.ANSWER, lines=(), answer=answer) for answer in _answers()],
        *[
            reference_record("inventory.transactions.v1-0-7-0", each.location_reference, each.channel_reference)
            for each in _references()
            if each.location_reference is not None or each.channel_reference is not None
        ],
    ]


def _facts() -> list[Transaction]:
    return [
        Transaction(transaction_id=f"f-{number}", source="wms", kind=kind, sku="GRÖSSE-7/ß", occurred_at_ms=AT_MS + number,
                    location="BERLIN", quantity=-64 if kind is Kind.ADJUST else 64, reason="damage",
                    holder="order-1" if kind is Kind.SHIP else None,
                    bucket=Bucket.QUARANTINED if kind is Kind.RETURN else None,
                    lot="L-7" if kind is Kind.RECEIPT else None, expires_on="2027-02-28" if kind is Kind.RECEIPT else None,
                    who="warehouse-7", why="Fell from the shelf.\nSecond time this week.")
        for number, kind in enumerate(
            [Kind.RECEIPT, Kind.SALE, Kind.SHIP, Kind.RETURN, Kind.QUARANTINE, Kind.UNQUARANTINE, Kind.ADJUST, Kind.COUNT]
        )
    ]  # fmt: skip


def _claims(reserve: Transaction) -> list[Transaction]:
    change = msgspec.structs.replace
    return [
        change(reserve, kind=Kind.EXTEND, quantity=None),
        change(reserve, kind=Kind.ALLOCATE, confirm=True, revive=True, partial=True, quantity=None),
        change(reserve, kind=Kind.ALLOCATE, sold=True, priority=-3, promise_by_ms=AT_MS + 86_400_000, inbound="ASN-1"),
        change(reserve, kind=Kind.RELEASE, line=200),
        change(reserve, kind=Kind.PICK),
        change(reserve, location=None, locations=("LEEDS", "YORK"), quantity=None, lines=(Line(1, 2), Line(2, 300)),
               max_splits=1, destination=Destination("GB", "LS1", 538, -15)),
        change(reserve, kind=Kind.ADJUST, holder=None, mode=Mode.REQUEST, reason="scrap"),
    ]  # fmt: skip


def _references() -> list[Transaction]:
    def one(kind: Kind, **more: Any) -> Transaction:
        known = {"transaction_id": f"r-{kind}", "source": "erp", "kind": kind, "occurred_at_ms": AT_MS}
        return Transaction(**{**known, **more})

    rule = PolicySettings("p1", "SHOE-42", "shoes", "LEEDS", "web", True, 1, 900_000, 7_200_000, "priority", "limit", 5,
                          2, 3, 4, 10, 30, 2, 4)  # fmt: skip
    place = LocationReference(
        "LEEDS", "store", False, False, True, "north", "GB", 538, -15, "Europe/London", ("wms", "pos"), 60,
        (Zone("GB", "LS", 3, 1), Zone("*", cost=9)), ("mon", "sat"), "09:00", "17:30", ("mon",), "15:00", 7_200_000, 400,
        ("2026-12-25",),
    )  # fmt: skip
    return [
        one(Kind.INBOUND, sku="SHOE-42", location="LEEDS", quantity=12, inbound="ASN-1", due_at_ms=AT_MS + 1),
        one(Kind.TRANSFER_OUT, sku="SHOE-42", location="LEEDS", to_location="YORK", quantity=1, transfer="T-1"),
        one(Kind.TRANSFER_IN, sku="SHOE-42", location="YORK", quantity=1, transfer="T-1", last=True),
        one(Kind.SNAPSHOT, sku="SHOE-42", location="YORK", quantity=0, measures=Measures.AVAILABLE),
        one(Kind.FENCE, sku="SHOE-42", location="YORK", quantity=3, fence="web"),
        one(Kind.UNFENCE, sku="SHOE-42", location="YORK", quantity=3, fence="web"),
        one(Kind.ITEM, sku="KIT-1", item=Item("gram", "kits", False, (Component("SHOE-42", 2), Component("LACE", 4)), 199)),
        one(Kind.ITEM, sku="SHOE-42", item=Item()),
        one(Kind.WATCH, sku="SHOE-42", watcher=Watcher("campaigns.v1", "campaign-7")),
        one(Kind.UNWATCH, sku="SHOE-42", watcher=Watcher("campaigns.v1", "campaign-7")),
        one(Kind.EXPIRE, sku="SHOE-42"),
        one(Kind.REFRESH, sku="SHOE-42"),
        one(Kind.POLICY, policy=rule),
        one(Kind.POLICY, policy=PolicySettings("p2", distance_weight=2, zone_weight=1, scarcity_weight=3, expiry_weight=4,
                                               load_weight=5, lateness_weight=6, farthest_km=800, abroad="never")),
        one(Kind.LOCATION, location_reference=place),
        one(Kind.CHANNEL, channel_reference=ChannelReference("web", ("LEEDS", "YORK"), "north", 3_600_000)),
        one(Kind.CHANNEL, channel_reference=ChannelReference("app", cancel_limit_ms=1_800_000, late_penalty=250)),
        one(Kind.POLICY, policy=PolicySettings("p3", stock_alerts="low", aging_after_ms=1, anomaly_factor=2,
                                               anomaly_after=3, anomaly_minimum=4, withhold_when_silent=5)),
        one(Kind.FEED, feed=FeedReference("pos", True, AT_MS - 1, ("LEEDS", "YORK"))),
    ]  # fmt: skip


def _journal() -> list[JournalRecord]:
    return [
        JournalRecord(event_id="inventory.transactions.v1-3-1041-1", transaction_id="web-000017", source="shop",
                      sku="SHOE-42", kind=Kind.RESERVE, at_ms=AT_MS + 40, occurred_at_ms=AT_MS,
                      postings=(Posting(Account.UNPROMISED, "LEEDS", -7),
                                Posting(Account.RESERVED, "LEEDS", 7, "order-17", 1)),
                      holder="order-17", line=1, channel="web", order_id="order-17", location="LEEDS"),
        JournalRecord(event_id="inventory.transactions.v1-3-1042-0", transaction_id="f-6", source="wms",
                      sku="SHOE-42", kind=Kind.ADJUST, at_ms=AT_MS + 41, occurred_at_ms=AT_MS, reason="damage",
                      postings=tuple(Posting(account, "LEEDS", 0, None, None, "L-7") for account in Account),
                      who="warehouse-7", why="Fell from the shelf.", location="LEEDS", oversold=3),
        JournalRecord(event_id="inventory.transactions.v1-3-1043-0", transaction_id="i-1", source="erp", sku="KIT-1",
                      kind=Kind.ITEM, at_ms=AT_MS + 42, occurred_at_ms=AT_MS, postings=(),
                      item=Item("gram", "kits", False, (Component("SHOE-42", 2),), 199)),
    ]  # fmt: skip


def _answers() -> list[Answer]:
    first = Answer(event_id="inventory.transactions.v1-3-1041-0", status=Status.ACCEPTED, transaction_id="web-000017",
                   source="shop", sku="SHOE-42", kind=Kind.RESERVE, at_ms=AT_MS, quantity=7, location="LEEDS",
                   holder="order-17", line=1, legs=(LegState("LEEDS", 7, 0),), due_ms=AT_MS + 900_000, channel="web",
                   order_id="order-17")  # fmt: skip
    change = msgspec.structs.replace
    refused = [change(first, status=Status.REFUSED, quantity=0, legs=(), due_ms=None, refusal=refusal, shortfall=64,
                      alternatives=(Alternative("YORK", 3), Alternative("BERLIN", 300)), next_receipt_at_ms=AT_MS + 1)
               for refusal in Refusal]  # fmt: skip
    notices = [change(first, status=status, from_location="YORK", backordered=2, repeats=first.event_id, reason="count")
               for status in Status]  # fmt: skip
    costs = CostTerm("distance", 150, 300), CostTerm("zone", 4, 4)
    weighed = change(first, candidates=(Candidate("LEEDS", 9, 304, costs), Candidate("YORK", 70, 1_000)))
    limited = change(
        weighed, routed=True, dispatch_days=(DispatchDay("LEEDS", "2026-11-22"), DispatchDay("YORK", "2026-11-23"))
    )
    return [first, *refused, *notices, weighed, limited]

"""Availability against a naive sum over what the rows hold, edges against the states that were said before."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.inventory.channels import Method, References
from agents.inventory.offers import Edge, Offer, Refreshing, Scope, State
from agents.inventory.policy import PolicyBook
from agents.inventory.refreshing import MOST_SCOPES, merge
from agents.inventory.rows import REFRESHING, WALK, Decision
from agents.inventory.rules import scopes_of_change
from agents.inventory.transactions import (
    ChannelReference,
    Kind,
    LocationReference,
    PolicySettings,
    Transaction,
    Watcher,
)
from tools.scenario.ledger import Ledger

PLACES = ("LEEDS", "PARIS", "YORK")
SKU = "SHOE"
CHANNELS = (
    ChannelReference("app"),
    ChannelReference("market", region="north", methods=("shipping",)),
    ChannelReference("outlet", locations=("PARIS", "YORK")),
    ChannelReference("web"),
)
LOCATIONS = (
    LocationReference("LEEDS", pickup=True, region="north"),
    LocationReference("PARIS", ships=False, pickup=True, region="south"),
)
RULES = (
    PolicySettings(rule="low", low_at=3, low_until=6),
    PolicySettings(rule="market", channel="market", buffer_percent=30),
    PolicySettings(rule="web-in-leeds", channel="web", location="LEEDS", buffer=2),
    PolicySettings(rule="care", location="YORK", safety_stock=1),
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ("receipt", "sale", "reserve", "release", "allocate", "fence", "unfence", "close", "open", "walk")
        ),
        st.sampled_from(PLACES),
        st.integers(1, 8),
        st.sampled_from((None, "app", "market", "outlet", "web")),
        st.integers(0, 3),
    ),
    max_size=40,
)


class World:
    """A ledger with channels, and everything that it said of them."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.edges: list[Edge] = []
        self.decisions: list[Decision] = []
        self._number = itertools.count()
        for place in LOCATIONS:
            self.send(Kind.LOCATION, "", location_reference=place)
        for channel in CHANNELS:
            self.send(Kind.CHANNEL, "", channel_reference=channel)
        for rule in RULES:
            self.send(Kind.POLICY, "", policy=rule)

    def send(self, kind: Kind, sku: str = SKU, **fields: Any) -> Decision:
        transaction = Transaction(
            transaction_id=f"t{next(self._number)}",
            source="test",
            kind=kind,
            sku=sku,
            occurred_at_ms=self.ledger.now_ms,
            **fields,
        )
        return self.heard(self.ledger.send(transaction))

    def heard(self, decision: Decision) -> Decision:
        self.decisions.append(decision)
        self.edges += decision.edges
        return decision

    def walk(self) -> None:
        for decision in self.ledger.wake():
            self.heard(decision)

    def do(self, step: tuple[str, str, int, str | None, int]) -> None:
        kind, place, quantity, channel, holder = step
        if kind == "receipt":
            self.send(Kind.RECEIPT, location=place, quantity=quantity)
        elif kind == "sale":
            self.send(Kind.SALE, location=place, quantity=quantity, channel=channel)
        elif kind == "reserve":
            self.send(Kind.RESERVE, location=place, quantity=quantity, channel=channel, holder=f"h{holder}")
        elif kind == "release":
            self.send(Kind.RELEASE, holder=f"h{holder}", quantity=quantity)
        elif kind == "allocate":
            self.send(Kind.ALLOCATE, holder=f"h{holder}", confirm=True)
        elif kind == "fence":
            self.send(Kind.FENCE, location=place, fence=channel or "web", quantity=quantity)
        elif kind == "unfence":
            self.send(Kind.UNFENCE, location=place, fence=channel or "web", quantity=quantity)
        elif kind == "walk":
            self.walk()
        else:
            known = next((each for each in LOCATIONS if each.location == place), LocationReference(place))
            reference = msgspec.structs.replace(known, open=kind == "open")
            self.send(Kind.LOCATION, "", location_reference=reference)


def naive(world: World) -> dict[tuple[str, str, str | None], int]:
    """What may be promised by channel, method and region, by the words of the documentation."""
    rows = world.ledger.rows
    book: PolicyBook = rows.policies()
    goods = rows.goods(SKU)
    fences = () if goods is None else goods.fences
    found: dict[tuple[str, str, str | None], int] = {}
    for channel in CHANNELS:
        for place, position in rows.positions(SKU).items():
            reference = rows.references().location(place) or LocationReference(place)
            sells = not channel.locations or place in channel.locations
            same_region = channel.region is None or reference.region in (None, channel.region)
            if not reference.open or not sells or not same_region:
                continue
            policy = book.policy(SKU, place, channel.channel)
            to_sell = max(0, position.unpromised + position.reserved + position.allocated)
            percent = (policy.buffer_percent * to_sell + 99) // 100
            units = position.unpromised - book.policy(SKU, place).safety_stock - max(policy.buffer, percent)
            units -= sum(f.open for f in fences if f.location == place and f.channel != channel.channel)
            for method, offered in (("shipping", reference.ships), ("pickup", reference.pickup)):
                if offered and (not channel.methods or method in channel.methods):
                    for region in {None, reference.region}:
                        key = (channel.channel, method, region)
                        found[key] = found.get(key, 0) + max(0, units)
    return found


def published(world: World) -> dict[tuple[str, str, str | None], Offer]:
    availability = world.ledger.availability.get(SKU)
    groups = () if availability is None else availability.groups
    told = [
        ((name, offer.method.value, offer.region), offer)
        for group in groups
        for name in group.channels
        for offer in group.offers
    ]
    assert len(dict(told)) == len(told), "no channel is in two groups"
    return dict(told)


@settings(max_examples=120, deadline=None)
@given(STEPS)
def test_what_was_published_last_is_what_the_rows_say(steps: list[tuple[str, str, int, str | None, int]]) -> None:
    world = World()
    for step in steps:
        world.do(step)
    world.walk()
    assert world.ledger.faults() == []
    assert {key: offer.quantity for key, offer in published(world).items()} == naive(world)


@settings(max_examples=120, deadline=None)
@given(STEPS)
def test_every_edge_leaves_the_state_that_was_said_before_and_the_last_is_the_published_one(
    steps: list[tuple[str, str, int, str | None, int]],
) -> None:
    world = World()
    for step in steps:
        world.do(step)
    world.walk()
    said: dict[tuple[str, str, str | None], State] = {}
    for edge in world.edges:
        key = (edge.channel, edge.method.value, edge.region)
        assert edge.previous == said.get(key, State.OUT)
        assert edge.state != edge.previous
        assert edge.quantity is not None
        if edge.state is State.IN_STOCK:
            assert edge.quantity > 6, "low until there are more"
        elif edge.previous is State.IN_STOCK and edge.state is State.LOW:
            assert edge.quantity <= 3, "in stock until there are so few"
        said[key] = edge.state
    offers = published(world)
    for key, offer in offers.items():
        assert said.get(key, State.OUT) is offer.state
        assert offer.quantity is not None
        if offer.quantity > 6:
            assert offer.state is State.IN_STOCK
        elif 0 < offer.quantity <= 3:
            assert offer.state is State.LOW
        assert (offer.quantity == 0) is (offer.state is State.OUT)
    assert all(state is State.OUT for key, state in said.items() if key not in offers)


def test_nothing_is_said_and_no_row_kept_before_there_is_a_channel() -> None:
    ledger = Ledger()
    ledger.send(Transaction(transaction_id="l", source="t", kind=Kind.LOCATION, location_reference=LOCATIONS[0]))
    decision = ledger.send(
        Transaction(
            transaction_id="r",
            source="t",
            kind=Kind.RECEIPT,
            sku=SKU,
            occurred_at_ms=ledger.now_ms,
            location="LEEDS",
            quantity=5,
        )
    )
    assert decision.availability is None
    assert decision.edges == ()
    assert not any(table == "told" for table, _ in decision.changes)


def test_a_decision_that_changes_no_offer_says_nothing() -> None:
    world = World()
    world.send(Kind.RECEIPT, location="LEEDS", quantity=10)
    world.send(Kind.RESERVE, location="LEEDS", quantity=2, holder="h1")
    assert world.send(Kind.ALLOCATE, holder="h1", confirm=True).availability is None
    assert world.send(Kind.RESERVE, location="LEEDS", quantity=99, holder="h2").availability is None
    assert world.send(Kind.EXTEND, holder="h1").availability is None


def test_the_availability_of_a_sku_that_closes_everywhere_is_published_empty() -> None:
    world = World()
    world.send(Kind.RECEIPT, location="LEEDS", quantity=10)
    assert published(world)
    world.do(("close", "LEEDS", 0, None, 0))
    world.walk()
    assert published(world) == {}
    assert {edge.state for edge in world.decisions[-1].edges} == {State.OUT}


def test_channels_on_the_same_terms_are_told_of_together() -> None:
    world = World()
    world.send(Kind.RECEIPT, location="PARIS", quantity=10)
    groups = world.ledger.availability[SKU].groups
    assert [group.channels for group in groups] == [("app", "outlet", "web")]
    world.send(Kind.FENCE, location="PARIS", fence="outlet", quantity=4)
    assert {group.channels for group in world.ledger.availability[SKU].groups} == {("app", "web"), ("outlet",)}


def test_a_watcher_of_a_topic_that_nobody_says_edges_into_is_refused() -> None:
    world = World()
    watcher = Watcher("orders.v1", "k")
    world.ledger.edge_topics = ("campaigns.v1",)
    decision = world.send(Kind.WATCH, watcher=watcher)
    assert decision.answers[0].refusal == "unknown_topic"
    assert world.ledger.rows.goods(SKU) is None
    allowed = world.send(Kind.WATCH, watcher=Watcher("campaigns.v1", "k"))
    assert allowed.answers[0].refusal is None
    assert {edge.previous for _, edge in allowed.watched} == {None}


def test_a_visit_of_an_earlier_walk_does_not_end_the_one_under_way() -> None:
    world = World()
    world.send(Kind.RECEIPT, location="LEEDS", quantity=10)
    before = world.ledger.rows.row(REFRESHING, (WALK,))
    assert isinstance(before, Refreshing)
    world.send(Kind.REFRESH, quantity=before.walk - 1, last=True)
    assert world.ledger.rows.row(REFRESHING, (WALK,)) == before
    world.send(Kind.REFRESH, quantity=before.walk, last=True)
    assert world.ledger.rows.row(REFRESHING, (WALK,)) is None


def test_what_comes_before_a_walk_has_visited_anybody_is_visited_by_it() -> None:
    world = World()
    for sku in ("A", "B", "C"):
        world.send(Kind.RECEIPT, sku, location="LEEDS", quantity=10)
    world.walk()
    world.send(Kind.POLICY, "", policy=PolicySettings(rule="one", sku="C", safety_stock=1))
    first = world.ledger.rows.row(REFRESHING, (WALK,))
    world.send(Kind.POLICY, "", policy=PolicySettings(rule="two", sku="A", safety_stock=2))
    both = world.ledger.rows.row(REFRESHING, (WALK,))
    assert both.scopes == (Scope(sku="C"), Scope(sku="A"))
    world.send(Kind.REFRESH, "C", quantity=first.walk, last=True)  # On its way since before: it knew of one rule only.
    world.walk()
    kept = {sku: world.ledger.rows.positions(sku)["LEEDS"].safety_stock for sku in ("A", "B", "C")}
    assert kept == {"A": 2, "B": 0, "C": 1}


def test_what_comes_while_a_walk_has_visited_somebody_waits_for_the_next_one() -> None:
    world = World()
    for sku in ("A", "B", "C"):
        world.send(Kind.RECEIPT, sku, location="LEEDS", quantity=10)
    world.walk()
    world.send(Kind.POLICY, "", policy=PolicySettings(rule="one", sku="C", safety_stock=1))
    first = world.ledger.rows.row(REFRESHING, (WALK,))
    world.send(Kind.REFRESH, "A", quantity=first.walk)
    world.send(Kind.POLICY, "", policy=PolicySettings(rule="two", sku="A", safety_stock=2))
    under_way = world.ledger.rows.row(REFRESHING, (WALK,))
    assert (under_way.walk, under_way.after, under_way.scopes) == (first.walk, "A", (Scope(sku="C"),))
    assert under_way.next_scopes == (Scope(sku="A"),)
    world.walk()
    assert world.ledger.rows.row(REFRESHING, (WALK,)) is None
    kept = {sku: world.ledger.rows.positions(sku)["LEEDS"].safety_stock for sku in ("A", "B", "C")}
    assert kept == {"A": 2, "B": 0, "C": 1}


RULE = PolicySettings(rule="r", sku="SHOE", safety_stock=2)


@pytest.mark.parametrize(
    ("old", "new", "scopes"),
    [
        (None, RULE, (Scope(sku="SHOE"),)),
        (RULE, RULE, ()),
        (RULE, None, (Scope(sku="SHOE"),)),
        (RULE, PolicySettings(rule="r", sku="SHOE", safety_stock=3), (Scope(sku="SHOE"),)),
        (
            RULE,
            PolicySettings(rule="r", location="LEEDS", safety_stock=2),
            (Scope(sku="SHOE"), Scope(location="LEEDS")),
        ),
        (None, PolicySettings(rule="r", reservation_ttl_ms=5), ()),
        (None, PolicySettings(rule="r", reservation_ttl_ms=5, buffer=0), (Scope(),)),
    ],
)
def test_a_rule_has_those_visited_that_it_concerned_or_concerns(
    old: PolicySettings | None, new: PolicySettings | None, scopes: tuple[Scope, ...]
) -> None:
    assert scopes_of_change(old, new) == scopes


def test_the_first_rule_of_a_ledger_visits_nobody_if_it_says_what_holds_anyway() -> None:
    ledger = Ledger()
    for number, rule in enumerate(
        (PolicySettings(rule="default", safety_stock=0, backorder="none"), PolicySettings(rule="care", safety_stock=1))
    ):
        ledger.send(Transaction(transaction_id=f"p{number}", source="t", kind=Kind.POLICY, policy=rule))
        assert (ledger.rows.row(REFRESHING, (WALK,)) is None) is (number == 0)


def test_many_scopes_are_taken_as_everything() -> None:
    scopes = tuple(Scope(sku=f"s{number}") for number in range(MOST_SCOPES))
    assert merge(scopes, (Scope(sku="s0"),)) == scopes
    assert merge(scopes, (Scope(sku="another"),)) == (Scope(),)
    assert merge(scopes[:1], (Scope(),)) == (Scope(),)


def test_a_place_without_a_reference_is_open_to_all_and_ships_only() -> None:
    references = References({}, {"web": CHANNELS[3]})
    assert references.is_open("LEEDS")
    assert references.may_sell("web", "LEEDS")
    assert references.may_sell("unheard-of", "LEEDS")
    assert references.offers(CHANNELS[3], "LEEDS") == (Method.SHIPPING,)

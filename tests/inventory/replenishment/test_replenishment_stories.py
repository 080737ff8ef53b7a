"""Random stories of a shop: what must hold of them all."""

from __future__ import annotations

from itertools import accumulate
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.inventory.replenishment.levels import levels_of
from agents.inventory.replenishment.rows import Rebalance, ReplenishmentPolicy
from agents.inventory.replenishment.words import DemandKind, RequestStatus, SignalKind
from tests.inventory.replenishment.world import World, near

SKUS = ("HAT", "SHOE")
PLACES = ("LEEDS", "YORK", "HULL")

Event = tuple[str, str, str, int]
EVENTS = st.tuples(
    st.sampled_from(["sell"] * 6 + ["receive", "see", "promote", "agree", "night", "night", "send", "lose"]),
    st.sampled_from(SKUS),
    st.sampled_from(PLACES),
    st.integers(1, 30),
)
STORIES = st.lists(EVENTS, min_size=10, max_size=90)
POLICY = ReplenishmentPolicy(rebalance=Rebalance.AUTO, least_days=2, rise_days=2, rise_least=1, transfer_minimum=2)


def new_world() -> World:
    world = World(POLICY)
    world.places = near(*PLACES)
    for sku in SKUS:
        world.receive(400, "YORK", sku)
        world.receive(30, "LEEDS", sku)
    return world


def happen(world: World, event: Event, number: int) -> None:
    """The record ids and times are the event's own, so that another order of events leaves them as they are."""
    what, sku, place, units = event
    fields: dict[str, Any] = {"record_id": f"e{number}"}
    if what == "sell":
        world.sell(units, place, sku)
    elif what == "receive":
        world.receive(units * 3, place, sku)
    elif what == "see":
        world.tell(DemandKind.SIGNAL, sku, signal=SignalKind.SEARCH, quantity=units, location=place, **fields)
    elif what == "promote":
        world.tell(DemandKind.PROMOTION, sku, from_on="2026-01-08", until_on="2026-01-10", **fields)
    elif what == "agree":
        world.agree(sku, lead_time_days=units, pack_size=units % 7 + 1)
    elif what == "lose":
        world.lose(units, place, sku)
    elif what == "night":
        world.pass_hours(24)
    elif what == "send" and (open_ones := [each for each in world.transfers if each.sku == sku]):
        proposal = open_ones[-1]
        if any(coming.transfer == proposal.transfer for coming in world.at(proposal.to_location, sku).coming):
            world.send(proposal)


def played(story: list[Event]) -> World:
    world = new_world()
    for number, event in enumerate(story):
        happen(world, event, number)
    return world


def said(world: World, sku: str) -> list[Any]:
    """Everything said of a SKU, without the ids, which name the offset of their cause."""
    words: list[Any] = [*world.requests, *world.transfers, *world.counts, *world.insights]
    return [
        [getattr(word, name) for name in word.__struct_fields__ if name != "event_id"]
        for word in words
        if word.sku == sku
    ]


@given(STORIES)
@settings(max_examples=40, deadline=None)
def test_the_same_log_gives_the_same_rows_and_words(story: list[Event]) -> None:
    one, other = played(story), played(story)
    assert one.rows == other.rows
    assert (one.requests, one.transfers, one.insights, one.transactions) == (
        other.requests,
        other.transfers,
        other.insights,
        other.transactions,
    )


@given(STORIES)
@settings(max_examples=40, deadline=None)
def test_the_order_of_independent_skus_does_not_matter(story: list[Event]) -> None:
    # Between two nights first all of one SKU, then all of the other; each keeps its own order.
    nights = list(accumulate([event[0] == "night" for event in story]))
    apart = sorted(enumerate(story), key=lambda each: (nights[each[0]], each[1][0] != "night", each[1][1]))
    world = new_world()
    for number, event in apart:
        happen(world, event, number)
    straight = played(story)
    assert world.rows == straight.rows
    assert [said(world, sku) for sku in SKUS] == [said(straight, sku) for sku in SKUS]


@given(STORIES)
@settings(max_examples=60, deadline=None)
def test_a_request_is_never_emitted_twice_for_one_need(story: list[Event]) -> None:
    world = played(story)
    for sku in SKUS:
        for place in PLACES:
            requests = [each for each in world.requests if (each.sku, each.location) == (sku, place)]
            statuses = [each.status for each in requests]
            # Opened, over, opened, over: never two open at once, each with an id of its own.
            assert all(status is RequestStatus.OPENED for status in statuses[::2])
            assert RequestStatus.OPENED not in statuses[1::2]
            opened = [each.request_id for each in requests[::2]]
            assert len(set(opened)) == len(opened)
            assert [each.request_id for each in requests[1::2]] == opened[: len(requests) // 2]
            row = world.outlook(sku, place)
            assert (row is not None and row.need is not None) == (len(requests) % 2 == 1)


@given(STORIES)
@settings(max_examples=60, deadline=None)
def test_transferred_units_never_exceed_what_a_place_can_spare(story: list[Event]) -> None:
    world = new_world()
    for number, event in enumerate(story):
        before = len(world.transfers)
        happen(world, event, number)
        for proposal in world.transfers[before:]:
            assert 0 < proposal.quantity <= min(proposal.surplus, proposal.shortage)
            giver = world.at(proposal.location, proposal.sku)
            promised = sum(
                coming.quantity
                for place in PLACES
                if (row := world.outlook(proposal.sku, place))
                for coming in row.coming
                if coming.from_location == proposal.location and coming.until_ms > world.at_ms
            )
            supply = world.supply(proposal.sku)
            assert supply is not None
            # All that it is to give leaves it what it needs itself.
            keeps = levels_of(proposal.sku, giver, supply, proposal.location, world, world.policy).order_up_to
            assert promised + keeps <= giver.unpromised
    asked = [transaction.transfer for transaction in world.transactions]
    assert len(set(asked)) == len(asked)

"""Transfers: from places that can spare units to places that lack them."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from agents.inventory.replenishment.rebalancing import Stand, rebalance
from agents.inventory.replenishment.rows import Rebalance, ReplenishmentPolicy
from agents.inventory.transactions import Kind, Mode
from agents.inventory.validation import problem_of
from tests.inventory.replenishment.world import World, near

POLICY = ReplenishmentPolicy(transfer_minimum=5)
PLACES = near("A", "B", "C", "D", "E", "F")


def stand(place: str, surplus: int = 0, shortage: int = 0, cover_days: int = 3) -> Stand:
    return Stand(location=place, cover_days=cover_days, surplus=surplus, shortage=shortage, place=PLACES.get(place))


def moved(*stands: Stand, policy: ReplenishmentPolicy = POLICY) -> list[tuple[str, str, int]]:
    return [(move.location, move.to_location, move.quantity) for move in rebalance(stands, policy)]


def test_the_nearest_place_gives_first_and_the_next_one_the_rest() -> None:
    assert moved(stand("A", 100), stand("C", 20), stand("D", 0, 50)) == [("C", "D", 20), ("A", "D", 30)]


def test_the_place_with_the_fewest_days_is_served_first() -> None:
    assert moved(stand("A", 30), stand("B", 0, 25, 4), stand("C", 0, 25, 1)) == [("A", "C", 25), ("A", "B", 5)]


def test_a_few_units_are_not_worth_a_van() -> None:
    assert moved(stand("A", 100), stand("B", 0, 4)) == []
    assert moved(stand("A", 4), stand("B", 0, 100)) == []


def test_nothing_is_sent_too_far_or_to_a_place_nobody_knows() -> None:
    assert moved(stand("A", 100), stand("F", 0, 50), policy=ReplenishmentPolicy(transfer_farthest_km=300)) == []
    assert moved(stand("A", 100), stand("NOWHERE", 0, 50)) == []


@given(
    st.lists(st.tuples(st.sampled_from("ABCDEF"), st.integers(0, 200), st.integers(0, 200), st.integers(0, 9)),
             unique_by=lambda each: each[0]),
    st.randoms(use_true_random=False),
    st.integers(0, 30),
)  # fmt: skip
@settings(deadline=None)
def test_what_is_moved_never_exceeds_what_can_be_spared_or_is_lacking(
    drawn: list[tuple[str, int, int, int]], shuffler: random.Random, minimum: int
) -> None:
    # A place either spares or lacks.
    stands = [stand(place, 0 if lacks else spare, lacks and spare, cover) for place, spare, lacks, cover in drawn]
    policy = ReplenishmentPolicy(transfer_minimum=minimum)
    moves = rebalance(stands, policy)
    for each in stands:
        given_away = sum(move.quantity for move in moves if move.location == each.location)
        taken = sum(move.quantity for move in moves if move.to_location == each.location)
        assert given_away <= each.surplus
        assert taken <= each.shortage
    assert all(move.quantity >= max(1, minimum) for move in moves)
    shuffler.shuffle(stands)
    assert rebalance(stands, policy) == moves


# -- in a shop ---------------------------------------------------------------------------------------------------------


def two_shops(mode: Rebalance = Rebalance.PROPOSE, york: int = 1_000, leeds: int = 76) -> World:
    """LEEDS sells five a day and is a unit above its reorder point; YORK sells ten and has months of stock."""
    world = World(ReplenishmentPolicy(rebalance=mode))
    world.places = near("LEEDS", "YORK")
    world.receive(york, "YORK")
    world.receive(leeds)
    for _ in range(8):
        world.pass_hours(12)
        world.sell(5)
        world.sell(10, "YORK")
        world.pass_hours(12)
    return world


def test_what_another_place_can_spare_is_moved_instead_of_ordered() -> None:
    world = two_shops()
    world.sell(1)
    [proposal] = world.transfers
    assert (proposal.location, proposal.to_location, proposal.ordered) == ("YORK", "LEEDS", False)
    assert proposal.quantity == proposal.shortage
    assert world.transactions == []
    assert world.requests == []


def test_only_what_cannot_be_moved_is_ordered() -> None:
    world = two_shops(york=650)
    world.sell(1)
    [proposal], [request] = world.transfers, world.requests
    assert proposal.quantity == proposal.surplus
    assert request.quantity == proposal.shortage - proposal.quantity


def test_auto_asks_the_ledger_in_words_that_it_understands() -> None:
    world = two_shops(Rebalance.AUTO)
    world.sell(1)
    [proposal], [transaction] = world.transfers, world.transactions
    assert (transaction.kind, transaction.mode, transaction.source) == (Kind.TRANSFER_OUT, Mode.REQUEST, "replenisher")
    assert (transaction.location, transaction.to_location) == ("YORK", "LEEDS")
    assert (transaction.quantity, transaction.transfer) == (proposal.quantity, proposal.transfer)
    assert problem_of(transaction) is None


def test_off_moves_nothing() -> None:
    world = two_shops(Rebalance.OFF)
    world.sell(1)
    assert world.transfers == []
    assert len(world.requests) == 1


def test_a_transfer_is_proposed_once_and_counts_until_it_arrives() -> None:
    world = two_shops()
    world.sell(1)
    world.trade(1, 4)
    assert len(world.transfers) == 1
    world.send(world.transfers[0])
    assert world.at().coming == ()
    assert world.at().in_transit == world.transfers[0].quantity
    world.trade(3, 5)
    assert len(world.transfers) == 1
    assert world.requests == []


def test_a_proposal_that_nobody_follows_lapses_and_is_made_again() -> None:
    world = two_shops()
    world.sell(1)
    world.trade(3, 5)
    assert [proposal.transfer for proposal in world.transfers] == [
        f"replenisher-SHOE@LEEDS-{number}" for number in range(len(world.transfers))
    ]
    assert len(world.transfers) == 2


def test_two_places_in_need_do_not_get_the_same_units() -> None:
    world = two_shops(york=700, leeds=100)
    world.places = near("LEEDS", "YORK", "HULL")
    world.receive(100, "HULL")
    world.trade(8, 5, "HULL")
    world.sell(60)
    world.sell(50, "HULL")
    assert {proposal.to_location for proposal in world.transfers} == {"LEEDS", "HULL"}
    first = world.transfers[0]
    assert {proposal.location for proposal in world.transfers} == {"YORK"}
    assert sum(proposal.quantity for proposal in world.transfers) <= first.surplus
    assert world.transfers[1].surplus == first.surplus - first.quantity

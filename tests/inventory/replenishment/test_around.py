"""What surrounds the reckoning: refusals of the ledger, categories and seeds, campaigns that hear of cover, days that ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from agents.inventory.postings import Account
from agents.inventory.replenishment.decide import decide_demand
from agents.inventory.replenishment.levels import levels_of, narrowest_first
from agents.inventory.replenishment.rows import (
    DayEnded,
    DemandArrival,
    DemandDecision,
    Rebalance,
    ReplenishmentPolicy,
    Seed,
    Supply,
)
from agents.inventory.replenishment.validation import key_of, problem_of
from agents.inventory.replenishment.words import (
    DemandKind,
    DemandRecord,
    RequestStatus,
    SignalKind,
    Supplier,
    Terms,
    Whereabouts,
)
from agents.inventory.transactions import Kind
from tests.inventory.replenishment.test_rebalancing import two_shops
from tests.inventory.replenishment.world import SHOE, World, pair

# -- refused transfers -------------------------------------------------------------------------------------------------


def test_what_the_ledger_refuses_to_move_is_ordered_and_not_asked_again_there_for_a_while() -> None:
    world = two_shops(Rebalance.AUTO)
    world.sell(1)
    [proposal] = world.transfers
    world.tell(DemandKind.REFUSED, transfer=proposal.transfer, reason="insufficient_atp")
    [request] = world.requests
    assert (request.status, request.quantity) == (RequestStatus.OPENED, proposal.shortage)
    world.tell(DemandKind.REFUSED, transfer=proposal.transfer)
    world.trade(1, 1)
    assert (len(world.transfers), len(world.requests), len(world.transactions)) == (1, 1, 1)
    world.trade(3, 1)
    assert world.at().coming == ()


def test_a_transfer_that_somebody_carried_out_under_its_id_is_not_waited_for() -> None:
    world = two_shops(Rebalance.PROPOSE)
    world.sell(1)
    [proposal] = world.transfers
    world.send(proposal)
    assert (world.at().coming, world.at().in_transit) == ((), proposal.quantity)


def test_an_id_that_would_be_too_long_for_a_transaction_is_made_of_the_cause() -> None:
    place = "L" * 190
    world = World(ReplenishmentPolicy(rebalance=Rebalance.AUTO, transfer_farthest_km=9_999))
    world.receive(1_000, "YORK")
    world.receive(76, place)
    for _ in range(8):
        world.pass_hours(12)
        world.sell(5, place)
        world.sell(10, "YORK")
        world.pass_hours(12)
    world.sell(1, place)
    [transaction] = world.transactions
    assert len(transaction.transaction_id) <= 200
    assert transaction.transaction_id == transaction.transfer == world.transfers[0].transfer


# -- terms -------------------------------------------------------------------------------------------------------------

SEEDS = narrowest_first(
    [
        Seed(terms=Terms(lead_time_days=1)),
        Seed(terms=Terms(lead_time_days=2), category="shoes"),
        Seed(terms=Terms("YORK", lead_time_days=3), category="shoes"),
        Seed(terms=Terms(lead_time_days=4), sku="BOOT"),
        Seed(terms=Terms("YORK", lead_time_days=5), sku="BOOT"),
        Seed(terms=Terms(supplier="ACME"), category="hats"),
    ]
)


@pytest.mark.parametrize(
    ("sku", "category", "place", "days"),
    [
        ("SHOE", None, "LEEDS", 1),
        ("SHOE", "shoes", "LEEDS", 2),
        ("SHOE", "shoes", "YORK", 3),
        ("BOOT", "shoes", "LEEDS", 4),
        ("BOOT", "shoes", "YORK", 5),
        ("HAT", "hats", "YORK", 11),
    ],
)
def test_the_narrowest_seed_counts(sku: str, category: str | None, place: str, days: int) -> None:
    policy = ReplenishmentPolicy(seeds=SEEDS, suppliers=(Supplier("ACME", 11),))
    world = World(policy)
    world.receive(1, place, sku)
    if category is not None:
        world.tell(DemandKind.ITEM, sku, category=category)
    supply = world.supply(sku)
    assert supply is not None
    assert levels_of(sku, world.at(place, sku), supply, place, world, policy).lead_time_days == days


def test_what_was_told_counts_before_any_seed() -> None:
    policy = ReplenishmentPolicy(seeds=SEEDS, suppliers=(Supplier("ACME", 11),))
    world = World(policy)
    world.receive(1, "YORK", "BOOT")
    world.agree("BOOT", lead_time_days=9)
    supply = world.supply("BOOT")
    assert supply is not None
    assert levels_of("BOOT", world.at("YORK", "BOOT"), supply, "YORK", world, policy).lead_time_days == 9
    world.tell(DemandKind.SUPPLIER, "", supplier=Supplier("ACME", 12))
    hats = Supply(category="hats")
    assert levels_of("HAT", world.at("YORK", "BOOT"), hats, "YORK", world, policy).lead_time_days == 12


def test_more_caution_keeps_more() -> None:
    world = World()
    world.receive(500)
    for units in (3, 9, 4, 8, 2, 7, 5, 9):
        world.trade(1, units)
    supply = world.supply(SHOE) or Supply()
    usual, careful = (
        levels_of(SHOE, world.at(), supply, "LEEDS", world, ReplenishmentPolicy(caution=caution)).reorder_point
        for caution in (1_000, 2_000)
    )
    assert careful > usual


# -- cover, for campaigns ----------------------------------------------------------------------------------------------


def test_a_campaign_hears_each_morning_how_long_the_stock_lasts_and_at_once_when_it_falls_far() -> None:
    world = World()
    world.tell(DemandKind.WATCHED, campaign="summer")
    world.receive(1_000)
    world.trade(7, 10)
    [first] = world.covers
    assert (first.campaign, first.sku, first.cover_days) == ("summer", SHOE, 93)
    assert first.until_ms > world.at_ms
    world.trade(3, 10)
    assert [cover.cover_days for cover in world.covers] == [93, 92, 91, 90]
    world.sell(1)
    assert len(world.covers) == 4, "it only drifts"
    world.sell(600)
    assert world.covers[-1].cover_days == 29
    world.receive(2_000)
    assert len(world.covers) == 5, "a rise waits for the morning"
    world.pass_hours(24)
    assert world.covers[-1].cover_days > 29
    world.tell(DemandKind.UNWATCHED, campaign="summer")
    world.trade(2, 10)
    assert len(world.covers) == 6


def test_a_campaign_that_begins_to_watch_hears_it_now_and_one_that_watches_twice_hears_it_once() -> None:
    world = World()
    world.receive(1_000)
    world.trade(8, 10)
    world.tell(DemandKind.WATCHED, campaign="summer")
    assert [cover.campaign for cover in world.covers] == ["summer"]
    assert world.tell(DemandKind.WATCHED, campaign="summer").ignored is not None
    world.tell(DemandKind.WATCHED, campaign="autumn")
    assert [cover.campaign for cover in world.covers[1:]] == ["autumn", "summer"]


# -- days and history --------------------------------------------------------------------------------------------------


def test_imported_history_moves_the_stock_and_teaches_nothing() -> None:
    world = World()
    world.receive(1_000)
    world.trade(8, 5)
    before = world.at()
    world.moved(Kind.SALE, *pair("LEEDS", Account.UNPROMISED, Account.CUSTOMER, 900), history=True)
    world.pass_hours(24)
    after = world.at()
    assert after.unpromised == before.unpromised - 900
    assert after.level_thousandths < before.level_thousandths, "a day on which nothing was sold"


def test_a_day_that_ended_is_told_once_with_what_was_expected_of_it_and_none_of_a_promotion() -> None:
    world, ended = World(), list[DayEnded]()
    hear: Callable[[DemandRecord], DemandDecision] = world.hear

    def listening(record: DemandRecord) -> DemandDecision:
        decision = hear(record)
        ended.extend(decision.days)
        return decision

    world.hear = listening  # type: ignore[method-assign]
    world.receive(1_000)
    world.trade(9, 5)
    world.promote("2026-01-14", "2026-01-14")
    world.trade(2, 5)
    first = ended[0].day
    assert [day.day - first for day in ended] == [0, 1, 2, 3, 4, 5, 6, 7, 8, 10]
    assert all((day.location, day.sold, day.exposure) == ("LEEDS", 5, 1_000) for day in ended)
    assert [day.forecast_thousandths for day in ended] == [0] + [5_000] * 9


# -- what a record must carry ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "fields", "problem"),
    [
        (DemandKind.SIGNAL, {}, "SIGNAL names what was seen"),
        (DemandKind.SIGNAL, {"signal": SignalKind.VIEW}, "how many, or the price"),
        (DemandKind.PROMOTION, {"from_on": "2026-02-30", "until_on": "2026-03-01"}, "2026-02-30"),
        (DemandKind.PROMOTION, {"from_on": "2026-03-02", "until_on": "2026-03-01"}, "from 1 to 366 days"),
        (DemandKind.TERMS, {}, "carries terms"),
        (DemandKind.TERMS, {"terms": Terms(service_level=1_000)}, "from 1 to 999"),
        (DemandKind.TERMS, {"terms": Terms(lead_time_days=-1)}, "days are from 0"),
        (DemandKind.MOVED, {}, "kind of the transaction"),
        (DemandKind.REFUSED, {}, "names the transfer"),
        (DemandKind.WATCHED, {}, "names the campaign"),
        (DemandKind.WAKE, {"sku": ""}, "a SKU"),
        (DemandKind.SUPPLIER, {"sku": ""}, "carries a supplier"),
        (DemandKind.SUPPLIER, {"sku": "", "supplier": Supplier("ACME", -1)}, "lead_time_days"),
        (DemandKind.SUPPLIER, {"supplier": Supplier("ACME")}, "for all"),
        (DemandKind.PLACE, {"sku": ""}, "carries a place"),
        (DemandKind.WAKE, {"source": ""}, "a name is empty"),
        (DemandKind.WAKE, {"sku": "S" * 257}, "a name is empty, longer"),
    ],
)
def test_what_is_missing_is_told_in_a_sentence(kind: DemandKind, fields: dict[str, Any], problem: str) -> None:
    record = DemandRecord(**{"record_id": "r-1", "source": "shop", "kind": kind, "sku": SHOE, **fields})
    assert problem in (problem_of(record) or "")


def test_what_is_for_every_partition_is_keyed_by_what_it_is() -> None:
    place = DemandRecord(record_id="r", source="s", kind=DemandKind.PLACE, place=Whereabouts("LEEDS"))
    supplier = DemandRecord(record_id="r", source="s", kind=DemandKind.SUPPLIER, supplier=Supplier("ACME"))
    assert [(key_of(each), problem_of(each)) for each in (place, supplier)] == [
        ("location:LEEDS", None),
        ("supplier:ACME", None),
    ]
    world = World()
    decide = decide_demand(world, DemandArrival(place, "d-0-0", world.at_ms), world.policy)
    assert list(decide.changes.values()) == [Whereabouts("LEEDS")]

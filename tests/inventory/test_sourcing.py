"""Sourcing: terms, filters and hours, as functions. What the ledger does with them: docs/scenarios/sourcing*.txt."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agents.inventory.answers import Answer, Status
from agents.inventory.demand import FORGOTTEN_DAYS, after
from agents.inventory.distances import UNKNOWN_DISTANCE_KM, distance_km, sends_to, zone_of
from agents.inventory.hours import (
    arrival_ms,
    clock_ms,
    days_late,
    dispatch_ms,
    next_open_ms,
)
from agents.inventory.orders.costs import ABROAD_KM, SHIPMENT_KM, serves, shipment_cost
from agents.inventory.policy import OF_THE_CHOICE, WEIGHTS
from agents.inventory.rows import DEMAND, Demand
from agents.inventory.sourcing import MOST_TOLD, TERMS
from agents.inventory.transactions import (
    ChannelReference,
    Destination,
    Kind,
    Line,
    LocationReference,
    PolicySettings,
    Zone,
)
from agents.inventory.units import MILLISECONDS_PER_DAY as DAY_MS
from agents.inventory.units import MILLISECONDS_PER_HOUR as HOUR_MS
from agents.inventory.units import day_of, day_of_date, start_of
from agents.inventory.validation import problem_of
from tests.inventory.helpers import SKU, Shop, answer_of, transaction
from tools.scenario.words import BEGINS_MS

LONDON = Destination("GB", "SW1A 1AA", 515, -1)
MONDAY_MS = start_of(day_of_date("2026-01-05"))


def place(location: str = "LEEDS", **fields: Any) -> LocationReference:
    return LocationReference(location, **fields)


# -- distances and zones -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("latitude", "longitude", "kilometres"),
    [(515, -1, 0), (538, -15, 272), (489, 24, 339), (407, -740, 5572), (-515, 1799, 20015)],
)
def test_a_distance_is_the_great_circle_cut_to_whole_kilometres(latitude: int, longitude: int, kilometres: int) -> None:
    assert distance_km(place(latitude_tenths=latitude, longitude_tenths=longitude), LONDON) == kilometres


def test_what_is_not_known_is_far_away() -> None:
    assert distance_km(None, LONDON) == UNKNOWN_DISTANCE_KM
    assert distance_km(place(latitude_tenths=515), LONDON) == UNKNOWN_DISTANCE_KM
    assert distance_km(place(latitude_tenths=515, longitude_tenths=0), Destination("GB")) == UNKNOWN_DISTANCE_KM


@pytest.mark.parametrize(
    ("destination", "cost"),
    [
        (LONDON, 3),
        (Destination("GB", "sw1a1aa"), 3),
        (Destination("GB", "SW2"), 2),
        (Destination("GB"), 1),
        (Destination("GB", "LS1"), 1),
        (Destination("IE", "SW1"), 9),
    ],
)
def test_the_zone_with_the_longest_prefix_counts_and_anywhere_last(destination: Destination, cost: int) -> None:
    zones = (Zone("*", cost=9), Zone("GB", "SW", 2), Zone("GB", "SW1", 3), Zone("GB", cost=1))
    for order in (zones, zones[::-1]):
        found = zone_of(place(zones=order), destination)
        assert found is not None
        assert found.cost == cost


def test_a_place_with_zones_sends_nowhere_else() -> None:
    assert sends_to(place(), LONDON)
    assert sends_to(place(zones=(Zone("GB"),)), LONDON)
    assert sends_to(place(zones=(Zone("FR"),)), None)
    assert not sends_to(place(zones=(Zone("FR"), Zone("GB", "LS"))), LONDON)


# -- hours -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "asked", "leaves"),
    [
        ({}, 10, 10),
        ({"handling_time_ms": 3 * HOUR_MS}, 10, 13),
        ({"cut_off": "15:00"}, 10, 15),
        ({"cut_off": "15:00"}, 15, 15),
        ({"cut_off": "15:00"}, 16, 24 + 15),
        ({"cut_off": "15:00", "handling_time_ms": 6 * HOUR_MS}, 10, 24 + 15),
        ({"cut_off": "15:00", "utc_offset_minutes": -300}, 16, 20),
        ({"cut_off": "15:00", "utc_offset_minutes": 330}, 10, 24 + 9.5),
        ({"working_days": ("wed", "fri")}, 10, 48),
        ({"working_days": ("mon", "fri"), "cut_off": "09:00"}, 10, 4 * 24 + 9),
        ({"working_days": ("tue",), "utc_offset_minutes": 60}, 10, 23),
    ],
)
def test_what_is_claimed_leaves_with_the_next_carrier(fields: dict[str, Any], asked: int, leaves: float) -> None:
    left_ms = dispatch_ms(place(**fields), None, MONDAY_MS + asked * HOUR_MS)
    assert (left_ms - MONDAY_MS) / HOUR_MS == leaves


def test_the_handling_time_of_the_place_comes_before_that_of_the_channel() -> None:
    web = ChannelReference("web", handling_time_ms=5 * HOUR_MS)
    assert dispatch_ms(place(), web, 0) == dispatch_ms(None, web, 0) == 5 * HOUR_MS
    assert dispatch_ms(place(handling_time_ms=0), web, 0) == 0


def test_days_on_the_way_are_those_of_the_zone() -> None:
    sends = place(zones=(Zone("GB", "", 0, 2), Zone("GB", "SW", 0, 1)))
    assert arrival_ms(sends, None, LONDON, MONDAY_MS) - MONDAY_MS == DAY_MS
    assert arrival_ms(sends, None, Destination("GB"), MONDAY_MS) - MONDAY_MS == 2 * DAY_MS
    assert arrival_ms(None, None, LONDON, MONDAY_MS) == MONDAY_MS


def test_each_day_begun_after_the_promise_is_a_day_late() -> None:
    days = [days_late(arrives, 1_000) for arrives in (0, 1_000, 1_001, 1_000 + DAY_MS, 1_001 + DAY_MS, 10**15)]
    assert days == [0, 0, 1, 1, 2, 365]


@pytest.mark.parametrize(
    ("hours", "opens"),
    [(8, 9), (9, 9), (12, 12), (17.5, 48 + 9), (30, 48 + 9), (48 + 10, 48 + 10)],
)
def test_shoppers_may_come_while_it_is_open(hours: float, opens: float) -> None:
    store = place(opening_days=("mon", "wed"), opens_at="09:00", closes_at="17:30", utc_offset_minutes=60)
    local_ms = MONDAY_MS - HOUR_MS
    assert next_open_ms(store, local_ms + int(hours * HOUR_MS)) == local_ms + int(opens * HOUR_MS)


def test_a_place_that_says_no_hours_is_always_open() -> None:
    assert next_open_ms(place(), MONDAY_MS + 7) == MONDAY_MS + 7


@pytest.mark.parametrize("text", ["9:00", "24:00", "12:60", "noon", "", "12.00", "1²:00"])
def test_a_time_of_the_day_is_two_digits_colon_two_digits(text: str) -> None:
    with pytest.raises(ValueError, match="no time"):
        clock_ms(text)


# -- demand ------------------------------------------------------------------------------------------------------------


def test_the_same_sales_each_day_come_to_a_week_of_them() -> None:
    demand = Demand(0, 0)
    for day in range(1, 200):
        demand = Demand(after(demand, day) + 3_000, day)
    assert 20_990 <= demand.weekly_thousandths <= 21_000
    assert after(demand, 199 + 60) < 10
    assert after(demand, 199 + FORGOTTEN_DAYS) == after(None, 5) == 0


def test_demand_is_remembered_only_where_a_policy_weighs_scarcity() -> None:
    shop = Shop()
    shop.tell(Kind.RECEIPT, 10)
    assert not any(table == DEMAND for table, _ in shop.tell(Kind.SALE, 1).changes)
    shop.tell(Kind.POLICY, sku="", policy=PolicySettings(rule="w", scarcity_weight=1))
    changes = shop.tell(Kind.SALE, 2).changes
    assert changes[DEMAND, (SKU, "LEEDS")] == Demand(2_000, day_of(BEGINS_MS))
    shop.tell(Kind.RESERVE, 3, holder="o1")
    assert shop.tell(Kind.SHIP, 3, holder="o1").changes[DEMAND, (SKU, "LEEDS")] == Demand(5_000, day_of(BEGINS_MS))
    for kind in (Kind.RETURN, Kind.RECEIPT):
        assert not any(table == DEMAND for table, _ in shop.tell(kind, 1).changes)


# -- the answer --------------------------------------------------------------------------------------------------------


def weighed(shop: Shop, quantity: int = 1, number: str = "o1", **fields: Any) -> Answer:
    decision = shop.tell(Kind.RESERVE, quantity, holder=number, location=None, destination=LONDON, **fields)
    return answer_of(decision)


def test_the_costs_of_a_candidate_sum_to_its_cost() -> None:
    shop = Shop()
    weights = PolicySettings(
        rule="w",
        distance_weight=2,
        zone_weight=3,
        scarcity_weight=5,
        expiry_weight=7,
        load_weight=11,
        lateness_weight=13,
    )
    shop.tell(Kind.POLICY, sku="", policy=weights)
    leeds = place(
        latitude_tenths=538, longitude_tenths=-15, zones=(Zone("GB", "", 4, 2),), daily_capacity=10, cut_off="15:00"
    )
    shop.tell(Kind.LOCATION, sku="", location=None, location_reference=leeds)
    shop.tell(Kind.CHANNEL, sku="", location=None, channel_reference=ChannelReference("web", late_penalty=6))
    shop.tell(Kind.RECEIPT, 20, lot="L1", expires_on="2026-01-25")
    shop.tell(Kind.SALE, 10)
    shop.tell(Kind.RESERVE, 1, holder="o0")
    answer = weighed(shop, channel="web", promise_by_ms=BEGINS_MS + DAY_MS)
    (candidate,) = answer.candidates
    measures = {term.term: term.measure for term in candidate.terms}
    assert measures == {"distance": 272, "zone": 4, "scarcity": 111, "expiry": 20, "load": 10, "lateness": 12}
    assert (candidate.location, candidate.atp) == ("LEEDS", 9)
    assert candidate.cost == sum(term.cost for term in candidate.terms)
    assert candidate.cost == 2 * 272 + 3 * 4 + 5 * 111 + 7 * 20 + 11 * 10 + 13 * 12


def test_an_answer_tells_of_so_many_places_and_always_of_the_chosen_one() -> None:
    shop = Shop()
    shop.tell(Kind.POLICY, sku="", policy=PolicySettings(rule="w", distance_weight=1))
    for number in range(30):
        shop.tell(Kind.RECEIPT, 9 if number == 29 else 1, location=f"P{number:02}")
    answer = weighed(shop, 5)
    assert [each.location for each in answer.candidates] == [*(f"P{number:02}" for number in range(MOST_TOLD)), "P29"]
    assert [leg.location for leg in answer.legs] == ["P29"]


def test_a_stronger_claim_is_told_of_the_place_whose_units_it_takes() -> None:
    shop = Shop()
    shop.tell(Kind.POLICY, sku="", policy=PolicySettings(rule="w", distance_weight=1, claims="priority"))
    shop.tell(Kind.RECEIPT, 2)
    shop.tell(Kind.RESERVE, 2, holder="weak")
    answer = weighed(shop, 2, priority=5)
    assert answer.status is Status.ACCEPTED
    assert [(each.location, each.atp) for each in answer.candidates] == [("LEEDS", 0)]


def test_lines_of_one_order_are_told_of_all_their_places() -> None:
    shop = Shop()
    shop.tell(Kind.POLICY, sku="", policy=PolicySettings(rule="w", distance_weight=1))
    for number in range(MOST_TOLD + 4):
        shop.tell(Kind.RECEIPT, number + 1, location=f"P{number:02}")
    lines = (Line(1, MOST_TOLD + 4), Line(2, MOST_TOLD + 3))
    asked = transaction(Kind.RESERVE, holder="o1", location=None, lines=lines, number=99)
    answer = answer_of(shop.send(asked))
    chosen = [leg.location for state in answer.lines for leg in state.legs]
    assert chosen == [f"P{MOST_TOLD + 3:02}", f"P{MOST_TOLD + 2:02}"]
    told = [each.location for each in answer.candidates]
    assert told == [*(f"P{number:02}" for number in range(MOST_TOLD)), *sorted(chosen)]


def test_nothing_is_told_where_nothing_is_weighed_or_a_place_was_asked_for() -> None:
    shop = Shop()
    shop.tell(Kind.RECEIPT, 5)
    assert weighed(shop).candidates == ()
    shop.tell(Kind.POLICY, sku="", policy=PolicySettings(rule="w", distance_weight=1))
    assert answer_of(shop.tell(Kind.RESERVE, 1, holder="o2", destination=LONDON)).candidates == ()
    assert len(weighed(shop, number="o3").candidates) == 1


def test_a_repeated_answer_says_the_same() -> None:
    shop = Shop()
    shop.tell(Kind.POLICY, sku="", policy=PolicySettings(rule="w", distance_weight=1))
    shop.tell(Kind.RECEIPT, 5)
    asked = transaction(Kind.RESERVE, 1, holder="o1", location=None, destination=LONDON, number=7)
    first, again = answer_of(shop.send(asked)), answer_of(shop.send(asked))
    assert again.repeats == first.event_id
    assert again.candidates == first.candidates != ()


def test_weights_may_be_of_a_sku_or_a_channel() -> None:
    shop = Shop()
    shop.tell(Kind.POLICY, sku="", policy=PolicySettings(rule="w", channel="web", distance_weight=1))
    shop.tell(Kind.RECEIPT, 5)
    assert weighed(shop, number="o1").candidates == ()
    assert len(weighed(shop, number="o2", channel="web").candidates) == 1


def test_every_term_has_a_weight_and_a_setting() -> None:
    assert tuple(f"{name}_weight" for name in TERMS) == WEIGHTS
    assert set(OF_THE_CHOICE) <= set(PolicySettings.__struct_fields__)


# -- what cannot be kept -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"opening_days": ("monday",)}, "none of mon"),
        ({"working_days": ("mon", "mon")}, "given twice"),
        ({"cut_off": "25:00"}, "no time 25:00"),
        ({"opens_at": "9am"}, "HH:MM"),
        ({"opens_at": "10:00", "closes_at": "09:00"}, "before it opens"),
        ({"closes_at": "00:00"}, "before it opens"),
        ({"utc_offset_minutes": 900}, "utc_offset_minutes"),
        ({"handling_time_ms": -1}, "handling_time_ms"),
        ({"zones": (Zone(""),)}, "no country"),
        ({"zones": (Zone("GB", "ls"),)}, "upper case"),
        ({"zones": (Zone("GB", "SW 1"),)}, "without spaces"),
        ({"zones": (Zone("*", "SW"),)}, "of one country"),
        ({"zones": (Zone("GB"), Zone("GB", cost=2))}, "given twice"),
        ({"zones": (Zone("GB", cost=-1),)}, "the cost is -1"),
        ({"zones": (Zone("GB", days=400),)}, "400 days"),
        ({"daily_capacity": -1}, "daily_capacity"),
        ({"holidays": ("2026-02-30",)}, "there is no day"),
        ({"holidays": ("christmas",)}, "no date"),
        ({"holidays": ("2026-12-25", "2026-12-25")}, "twice"),
        ({"location": "L" * 250, "daily_capacity": 1}, "too long a name"),
    ],
)
def test_a_place_that_cannot_be_kept_is_malformed(fields: dict[str, Any], says: str) -> None:
    reference = LocationReference(**({"location": "LEEDS"} | fields))
    told = transaction(Kind.LOCATION, sku="", location=None, location_reference=reference)
    assert says in (problem_of(told) or "")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"cancel_limit_ms": -1}, "cancel_limit_ms"),
        ({"late_penalty": -1}, "late_penalty"),
        ({"late_penalty": 1_000_001}, "late_penalty"),
        ({"handling_time_ms": 10**15}, "handling_time_ms"),
    ],
)
def test_a_channel_that_cannot_be_kept_is_malformed(fields: dict[str, Any], says: str) -> None:
    told = transaction(Kind.CHANNEL, sku="", location=None, channel_reference=ChannelReference("web", **fields))
    assert says in (problem_of(told) or "")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"distance_weight": -1}, "distance_weight is -1"),
        ({"load_weight": 1_000_001}, "load_weight"),
        ({"farthest_km": -1}, "farthest_km"),
        ({"abroad": "maybe"}, "allowed or never"),
        ({"location": "LEEDS", "zone_weight": 1}, "for one place"),
        ({"location": "LEEDS", "abroad": "never"}, "for one place"),
    ],
)
def test_a_rule_that_cannot_weigh_is_malformed(fields: dict[str, Any], says: str) -> None:
    told = transaction(Kind.POLICY, sku="", policy=PolicySettings(rule="r", **fields))
    assert says in (problem_of(told) or "")


@pytest.mark.parametrize("destination", [Destination(""), Destination("GB", "", 901), Destination("GB", "", 0, -1_801)])
def test_a_destination_that_is_nowhere_is_malformed(destination: Destination) -> None:
    told = transaction(Kind.RESERVE, 1, holder="o1", location=None, destination=destination)
    assert "destination" in (problem_of(told) or "")


# -- the planner's cost of a shipment ----------------------------------------------------------------------------------


def test_a_shipment_costs_its_way_its_zone_and_a_border() -> None:
    leeds = place(country="GB", latitude_tenths=538, longitude_tenths=-15)
    assert shipment_cost(leeds, None) == SHIPMENT_KM
    assert shipment_cost(leeds, LONDON) == SHIPMENT_KM + 272
    assert shipment_cost(None, LONDON) == SHIPMENT_KM + UNKNOWN_DISTANCE_KM
    zoned = msgspec.structs.replace(leeds, zones=(Zone("GB", "", 40),))
    assert shipment_cost(zoned, LONDON) == SHIPMENT_KM + 272 + 40
    abroad = msgspec.structs.replace(leeds, country="FR")
    assert shipment_cost(abroad, LONDON) == SHIPMENT_KM + 272 + ABROAD_KM
    # What its zone costs is what sending abroad costs: as the ledger weighs it, which knows no borders.
    zoned_abroad = msgspec.structs.replace(abroad, zones=(Zone("*", "", 900),))
    assert shipment_cost(zoned_abroad, LONDON) == SHIPMENT_KM + 272 + 900


def test_a_plan_is_made_of_places_that_send_there() -> None:
    assert serves(None, LONDON)
    assert serves(place(), LONDON)
    for fields in ({"open": False}, {"ships": False}, {"daily_capacity": 0}, {"zones": (Zone("FR"),)}):
        assert not serves(place(**fields), LONDON)

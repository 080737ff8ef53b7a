"""Cover, reorder point and order-up-to level, against figures reckoned by hand."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.inventory.replenishment.levels import (
    MOST_COVER_DAYS,
    Z_BY_SERVICE_LEVEL,
    days_of_cover,
    expected,
    levels_of,
    order_quantity,
    spread,
    z_of,
)
from agents.inventory.replenishment.rows import Outlook, ReplenishmentPolicy, Supply
from agents.inventory.replenishment.words import DemandKind, Supplier, Terms
from tests.inventory.replenishment.world import MONDAY, World

POLICY = ReplenishmentPolicy(caution=1_000)


def outlook(**fields: Any) -> Outlook:
    return Outlook(day=MONDAY, changed_ms=0, checked_day=MONDAY, **fields)


def test_the_reorder_point_is_demand_of_the_lead_time_and_its_safety() -> None:
    row = outlook(level_thousandths=10_000, variance_millionths=9_000_000, counted=100)
    levels = levels_of("SHOE", row, Supply(terms=(Terms(lead_time_days=4, review_days=5),)), "LEEDS", World(), POLICY)
    # 4 x 10 + 1.645 x sqrt(5.34) x 3 = 51.4; 9 x 10 + 1.645 x sqrt(18.24) x 3 = 111.1
    assert (levels.reorder_point, levels.order_up_to) == (52, 112)


def test_an_unreliable_supplier_costs_safety_stock() -> None:
    world = World()
    world.tell(DemandKind.SUPPLIER, "", supplier=Supplier("ACME", lead_time_days=4, lead_time_deviation_tenths=20))
    row = outlook(level_thousandths=10_000, variance_millionths=9_000_000, counted=100)
    levels = levels_of("SHOE", row, Supply(terms=(Terms(supplier="ACME"),)), "LEEDS", world, POLICY)
    # 40 + 1.645 x sqrt(5.34 x 9 + 100 x 4) = 74.8
    assert levels.reorder_point == 75


def test_the_terms_of_a_place_win_over_those_of_everywhere() -> None:
    row = outlook(level_thousandths=10_000, counted=100)
    supply = Supply(terms=(Terms(lead_time_days=2), Terms(location="YORK", lead_time_days=20)))
    points = [levels_of("SHOE", row, supply, place, World(), POLICY).reorder_point for place in ("LEEDS", "YORK")]
    assert points == [20, 200]


def test_cover_is_in_whole_days_and_follows_the_weekdays() -> None:
    assert days_of_cover(outlook(level_thousandths=10_000, unpromised=39), POLICY) == 3
    assert days_of_cover(outlook(level_thousandths=10_000, unpromised=-5), POLICY) == 0
    assert days_of_cover(outlook(unpromised=5), POLICY) == MOST_COVER_DAYS
    closed = ReplenishmentPolicy(season_doubt=0)
    weekend = outlook(level_thousandths=10_000, unpromised=50, counted=700, weekdays=(14, 14, 14, 14, 14, 0, 0))
    # 14 units a day from Monday on: the fourth day is not covered. From Friday on the weekend costs nothing.
    assert days_of_cover(weekend, closed) == 3
    assert days_of_cover(msgspec.structs.replace(weekend, day=MONDAY + 4, unpromised=30), closed) == 4


def test_a_service_level_between_two_lines_takes_the_safer_one() -> None:
    assert [z_of(950), z_of(951), z_of(500), z_of(1)] == [1_645, 1_751, 0, 0]
    assert z_of(999) == z_of(1_000) == 3_090
    assert list(Z_BY_SERVICE_LEVEL) == sorted(Z_BY_SERVICE_LEVEL)


@pytest.mark.parametrize(
    ("missing", "minimum", "pack", "ordered"),
    [(0, 50, 12, 0), (-3, 50, 12, 0), (1, 1, 1, 1), (13, 1, 12, 24), (13, 50, 12, 60), (48, 1, 12, 48), (5, 1, 0, 5)],
)
def test_an_order_is_whole_packs_and_at_least_the_minimum(missing: int, minimum: int, pack: int, ordered: int) -> None:
    assert order_quantity(missing, Terms(minimum_order=minimum, pack_size=pack)) == ordered


@given(
    st.integers(0, 10**7), st.integers(0, 10**12), st.integers(0, 60), st.integers(0, 60), st.integers(500, 999),
    st.integers(500, 999),
)  # fmt: skip
@settings(deadline=None)
def test_levels_rise_with_lead_time_and_service(
    level: int, variance: int, lead: int, longer: int, service: int, other: int
) -> None:
    row = outlook(level_thousandths=level, variance_millionths=variance, counted=100)

    def point(days: int, service_level: int) -> int:
        terms = Terms(lead_time_days=days, service_level=service_level)
        levels = levels_of("SHOE", row, Supply(terms=(terms,)), "LEEDS", World(), POLICY)
        assert levels.reorder_point <= levels.order_up_to
        return levels.reorder_point

    assert point(lead, service) <= point(lead + longer, max(service, other))


@given(st.integers(0, 10**6), st.integers(0, 200), st.integers(0, 200))
@settings(deadline=None)
def test_demand_adds_up_over_weeks(level: int, days: int, more: int) -> None:
    row = outlook(level_thousandths=level)
    assert expected(row, days, POLICY) == days * level
    assert spread(row, days, 0, POLICY) <= spread(row, days + more, 0, POLICY)

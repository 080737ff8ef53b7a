"""Stock and interest seen together, and what to count next."""

from __future__ import annotations

from agents.inventory.replenishment.rows import ReplenishmentPolicy
from agents.inventory.replenishment.words import InsightType, SignalKind
from agents.inventory.transactions import Kind
from agents.inventory.units import MILLISECONDS_PER_DAY
from tests.inventory.replenishment.world import World

LOW = InsightType.LOW_WHILE_DEMAND_RISES


def a_shop_with_searches(stock: int = 300) -> World:
    """Fourteen days of ten sales and forty searches; it is Monday again."""
    world = World()
    world.agree(lead_time_days=4)
    world.receive(stock)
    for _ in range(14):
        world.see(SignalKind.SEARCH, 40)
        world.trade(1, 10)
    return world


def test_a_place_that_is_low_while_searches_rise_is_told_what_to_do_by_when() -> None:
    world = a_shop_with_searches()
    world.see(SignalKind.SEARCH, 119)
    assert world.insights == []
    world.see(SignalKind.SEARCH, 1)
    [insight] = world.insights
    assert (insight.type, insight.location, insight.signal) == (LOW, "LEEDS", SignalKind.SEARCH)
    assert (insight.signal_today, insight.signal_usual_thousandths, insight.rise_thousandths) == (120, 40_000, 3_000)
    # 160 units last five days at thirty a day, and an order takes four: by tomorrow. It is to last eleven days: 330.
    assert (insight.reorder, insight.reorder_by, insight.budget_percent) == (170, "2026-01-20", 20)
    assert insight.budget_from == "2026-01-19"
    assert insight.holds_until_ms == world.at_ms + 3 * MILLISECONDS_PER_DAY
    assert (insight.figures.available, insight.figures.cover_days, insight.figures.daily_thousandths) == (
        160,
        16,
        10_000,
    )
    assert "searches rise 3.0x: reorder 170 by 2026-01-20, +20 % budget there from 2026-01-19" in insight.message


def test_what_is_ordered_already_is_not_to_be_reordered() -> None:
    world = a_shop_with_searches(181)
    world.sell(1)
    assert world.requests[0].quantity == 70
    world.see(SignalKind.SEARCH, 120)
    assert world.insights[0].reorder == 330 - 40 - 70


def test_an_empty_shelf_is_not_advertised_before_the_goods_are_there() -> None:
    world = a_shop_with_searches(190)
    world.see(SignalKind.SEARCH, 120)
    assert (world.insights[0].reorder_by, world.insights[0].budget_from) == ("2026-01-19", "2026-01-23")


def test_a_place_with_enough_is_left_alone_however_much_is_searched() -> None:
    world = a_shop_with_searches(5_000)
    world.see(SignalKind.SEARCH, 500)
    assert world.insights == []


def test_an_insight_is_told_once_while_it_holds_and_again_later() -> None:
    world = a_shop_with_searches()
    world.see(SignalKind.SEARCH, 120)
    world.see(SignalKind.SEARCH, 50)
    assert len(world.insights) == 1
    world.pass_hours(3 * 24)
    world.see(SignalKind.SEARCH, 400)
    assert [insight.type for insight in world.insights] == [LOW, LOW]


def test_a_signal_for_everywhere_is_seen_at_each_place() -> None:
    world = a_shop_with_searches()
    world.receive(10, "YORK")
    world.see(SignalKind.VIEW, 7, None)
    assert [[each.signal for each in world.at(place).interests] for place in ("LEEDS", "YORK")] == [
        [SignalKind.SEARCH, SignalKind.VIEW],
        [SignalKind.VIEW],
    ]


def test_a_signal_that_comes_twice_counts_once() -> None:
    world = a_shop_with_searches()
    world.see(SignalKind.SEARCH, 60, record_id="s1", source="web")
    again = world.see(SignalKind.SEARCH, 60, record_id="s1", source="web")
    assert again.ignored == "the same record came before"
    assert (again.changes, world.insights) == ({}, [])


def test_a_cheaper_competitor_is_told_where_there_is_stock_to_lose() -> None:
    world = World()
    world.receive(100)
    world.see(SignalKind.COMPETITOR_PRICE, 2_000)
    world.see(SignalKind.COMPETITOR_PRICE, 1_900)
    assert world.insights == []
    world.see(SignalKind.COMPETITOR_PRICE, 1_500)
    [insight] = world.insights
    assert (insight.type, insight.signal_today) == (InsightType.COMPETITOR_CHEAPER, 1_500)
    assert insight.signal_usual_thousandths == 1_975_000


def test_a_signal_of_nothing_or_of_an_unknown_place_is_ignored() -> None:
    world = World()
    assert world.see(SignalKind.SEARCH, 5).ignored == "nothing is known of the SKU there"
    assert world.see(SignalKind.SEARCH, 0).ignored == "a signal names what was seen, and how many"
    assert world.rows == {}


# -- counting ----------------------------------------------------------------------------------------------------------


def a_warehouse(unit_value: int = 5_000) -> World:
    world = World(ReplenishmentPolicy(count_risk=10_000))
    world.agree(unit_value=unit_value)
    world.receive(1_000)
    return world


def test_a_count_is_proposed_once_when_what_may_be_missing_is_worth_it() -> None:
    world = a_warehouse()
    # 1,000 units of 5,000 lose 50 millionths of 5,000,000 a day: 250. 10,000 are reached after forty days.
    world.pass_hours(39 * 24)
    assert world.counts == []
    world.pass_hours(24 * 10)
    [proposal] = world.counts
    assert (proposal.risk, proposal.days_since_count, proposal.loss_millionths) == (10_000, 40, 50)


def test_a_count_without_a_difference_starts_the_days_anew() -> None:
    world = a_warehouse()
    world.pass_hours(50 * 24)
    world.moved(Kind.COUNT, location="LEEDS")
    world.pass_hours(39 * 24)
    assert len(world.counts) == 1
    world.pass_hours(2 * 24)
    assert len(world.counts) == 2


def test_where_units_vanish_a_count_is_due_sooner() -> None:
    world = a_warehouse()
    world.lose(100)
    world.pass_hours(10 * 24)
    assert world.counts[0].loss_millionths > 1_000
    assert world.counts[0].days_since_count < 10


def test_cheap_goods_are_not_worth_counting() -> None:
    world = a_warehouse(unit_value=5)
    world.pass_hours(300 * 24)
    assert world.counts == []

"""Requests: once per need, open until the goods came or came otherwise."""

from __future__ import annotations

from agents.inventory.postings import Account
from agents.inventory.replenishment.rows import SUPPLIES_DUE, ReplenishmentPolicy
from agents.inventory.replenishment.words import DemandKind, InsightType, Moved, RequestStatus, Supplier
from agents.inventory.transactions import Kind
from tests.inventory.replenishment.world import SHOE, World, pair

OPENED, RECEIVED, COVERED = RequestStatus.OPENED, RequestStatus.RECEIVED, RequestStatus.COVERED


def a_shop(stock: int = 200, least_days: int = 7) -> World:
    """Sells ten a day for ten days; what comes takes four days and lasts seven."""
    world = World(ReplenishmentPolicy(least_days=least_days))
    world.tell(DemandKind.SUPPLIER, "", supplier=Supplier("ACME", lead_time_days=4))
    world.agree(supplier="ACME", pack_size=12)
    world.receive(stock)
    world.trade(10, 10)
    return world


def told(world: World) -> list[tuple[str, RequestStatus]]:
    return [(request.request_id, request.status) for request in world.requests]


def test_nothing_is_requested_while_the_stock_lasts_beyond_the_lead_time() -> None:
    world = a_shop()
    world.trade(5, 10)
    assert world.at().unpromised == 50
    assert world.requests == []


def test_at_the_reorder_point_one_request_fills_up_in_whole_packs() -> None:
    world = a_shop_in_need()
    [request] = world.requests
    assert (request.status, request.quantity, request.supplier) == (OPENED, 72, "ACME")
    figures = request.figures
    assert (figures.daily_thousandths, figures.reorder_point, figures.order_up_to) == (10_000, 40, 110)
    assert (figures.available, figures.cover_days, figures.lead_time_days) == (40, 4, 4)


def a_shop_in_need() -> World:
    world = a_shop(142)
    assert told(world) == []
    world.sell(2)
    assert told(world) == [("SHOE@LEEDS-0", OPENED)]
    return world


def test_a_need_is_requested_once_however_much_more_is_sold() -> None:
    world = a_shop_in_need()
    world.trade(3, 9)
    world.sell(5)
    assert len(world.requests) == 1


def test_a_need_is_over_when_all_of_it_came() -> None:
    world = a_shop_in_need()
    quantity = world.requests[0].quantity
    world.trade(1, 10)
    world.receive(quantity - 30)
    assert world.at().need is not None
    world.sell(40)
    world.receive(30)
    assert told(world)[1:] == [("SHOE@LEEDS-0", RECEIVED)]
    assert world.requests[1].received == quantity
    assert world.at().need is None


def test_a_need_is_over_when_goods_came_otherwise() -> None:
    world = a_shop_in_need()
    world.moved(Kind.RETURN, *pair("LEEDS", Account.CUSTOMER, Account.UNPROMISED, 500))
    assert told(world)[1:] == [("SHOE@LEEDS-0", COVERED)]


def test_the_next_need_has_an_id_of_its_own() -> None:
    world = a_shop_in_need()
    world.receive(world.requests[0].quantity)
    while len(world.requests) < 3:
        world.trade(1, 10)
    assert told(world) == [("SHOE@LEEDS-0", OPENED), ("SHOE@LEEDS-0", RECEIVED), ("SHOE@LEEDS-1", OPENED)]


def test_a_request_that_does_not_come_is_said_to_be_overdue_once() -> None:
    world = a_shop_in_need()
    world.trade(6, 4)
    assert world.insights == []
    world.trade(3, 4)
    assert [insight.type for insight in world.insights] == [InsightType.REQUEST_OVERDUE]
    assert len(world.requests) == 1


def test_goods_that_are_on_the_way_are_not_requested_again() -> None:
    world = a_shop(142)
    world.moved(Kind.TRANSFER_OUT, Moved(Account.IN_TRANSIT, "LEEDS", 100), Moved(Account.UNPROMISED, "YORK", -100))
    world.sell(10)
    assert world.requests == []


def test_nobody_orders_on_the_first_days_of_a_sku() -> None:
    world = World()
    world.receive(20)
    world.trade(6, 3)
    assert world.requests == []
    world.trade(2, 1)
    assert len(world.requests) == 1


def test_a_stock_out_does_not_shrink_the_request() -> None:
    world = a_shop(100, least_days=30)
    assert world.at().unpromised == 0
    before = world.at().level_thousandths
    world.pass_hours(24 * 60)
    assert world.at().level_thousandths == before


def test_what_was_sold_in_a_promotion_is_no_reason_to_order_more() -> None:
    world = World()
    world.receive(2_000)
    world.trade(14, 10)
    before = world.at().level_thousandths
    world.promote("2026-01-19", "2026-01-21")
    world.trade(3, 200)
    assert world.at().level_thousandths == before


def test_a_promotion_elsewhere_hides_no_demand_here() -> None:
    world = World()
    world.receive(2_000)
    world.trade(14, 10)
    world.promote("2026-01-19", "2026-01-21", "YORK")
    world.trade(3, 20)
    assert world.at().level_thousandths > 10_000


def test_nonsense_is_ignored_with_a_reason() -> None:
    world = World()
    assert world.promote("2026-02-30", "2026-03-01").ignored == "there is no day 2026-02-30"
    assert world.promote("2026-03-02", "2026-03-01").ignored == "a promotion lasts from 1 to 366 days"
    assert world.tell(DemandKind.TERMS).ignored == "terms are numbers from 0"
    assert world.tell(DemandKind.WAKE).ignored == "nothing of it is due"
    assert world.moved(Kind.SALE).ignored == "nothing was posted"
    assert world.rows == {}


def test_a_sku_that_is_sold_out_and_forgotten_is_not_woken_for_ever() -> None:
    world = World()
    world.receive(3)
    world.moved(Kind.ADJUST, *pair("LEEDS", Account.UNPROMISED, Account.SCRAP, 3))
    world.pass_hours(48)
    assert [key for table, key in world.rows if table == SUPPLIES_DUE] == []
    assert world.outlook(SHOE, "LEEDS") is not None

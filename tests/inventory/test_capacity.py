"""The daily capacity of a place in the ledger: the days it opens, who claims them, and what changes them."""

from __future__ import annotations

from typing import Any

from agents.inventory.answers import Answer, DispatchDay, Status
from agents.inventory.capacity import capacity_on, capacity_sku, place_and_date
from agents.inventory.hours import dispatch_date, next_open_ms
from agents.inventory.refusals import Refusal
from agents.inventory.replenishment.copying import copies_of
from agents.inventory.rows import Decision
from agents.inventory.transactions import ORDER_ROUTER, ChannelReference, Kind, LocationReference, Transaction
from agents.inventory.units import MILLISECONDS_PER_DAY as DAY_MS
from agents.inventory.units import MILLISECONDS_PER_HOUR as HOUR_MS
from agents.inventory.units import day_of_date, start_of
from tests.inventory.helpers import SKU, Shop, answer_of
from tools.scenario.visiting import visits

DAY = "2026-01-05"
"""A Monday: the shop begins then."""
MONDAY_MS = start_of(day_of_date(DAY))
CAPACITY = capacity_sku("LEEDS", DAY)


def place(**fields: Any) -> LocationReference:
    return LocationReference("LEEDS", **fields)


def a_limited_shop(**fields: Any) -> Shop:
    """A shop with LEEDS, from which two shipments leave in a day."""
    shop = Shop()
    limit(shop, 2, **fields)
    return shop


def limit(shop: Shop, shipments: int | None, **fields: Any) -> list[Decision]:
    """Say anew how many shipments leave LEEDS in a day, and visit what it concerns."""
    reference = place(daily_capacity=shipments, **fields)
    shop.tell(Kind.LOCATION, sku="", location=None, location_reference=reference)
    decisions: list[Decision] = []
    while (visit := next(visits(shop.rows), None)) is not None:
        decisions.append(shop.send(visit))
    return decisions


def claim_day(shop: Shop, order: str, sku: str = CAPACITY, kind: Kind = Kind.RESERVE) -> Answer:
    """An order asks for one shipment."""
    return answer_of(shop.tell(kind, 1, sku=sku, location="LEEDS", line=1, holder=order))


def free(shop: Shop, sku: str = CAPACITY) -> int | None:
    """Shipments that nobody has claimed; None of a day that nobody has asked for."""
    row = shop.rows.position(sku, "LEEDS")
    return None if row is None else row.unpromised


def test_the_day_is_the_local_one() -> None:
    assert dispatch_date(place(utc_offset_minutes=120), None, MONDAY_MS - HOUR_MS) == DAY
    assert dispatch_date(place(), None, MONDAY_MS - HOUR_MS) == dispatch_date(None, None, MONDAY_MS - 1) == "2026-01-04"


def test_no_parcels_leave_and_nobody_may_come_on_a_holiday() -> None:
    closed = place(holidays=(DAY, "2026-01-06"), opens_at="09:00", cut_off="15:00")
    assert dispatch_date(closed, None, MONDAY_MS) == "2026-01-07"
    assert next_open_ms(closed, MONDAY_MS) == MONDAY_MS + 2 * DAY_MS + 9 * HOUR_MS
    assert dispatch_date(closed, None, MONDAY_MS - 10 * HOUR_MS) == "2026-01-04"


def test_a_capacity_is_told_from_goods() -> None:
    assert place_and_date(capacity_sku("A:B", DAY)) == ("A:B", DAY)
    for sku in (SKU, "capacity:", "capacity:LEEDS", "capacity:LEEDS:soon", "capacity::2026-01-05"):
        assert place_and_date(sku) is None


def test_a_place_sends_nothing_on_a_day_on_which_it_does_not_work() -> None:
    assert capacity_on(place(daily_capacity=2), DAY) == 2
    assert capacity_on(place(daily_capacity=2, working_days=("tue",)), DAY) == 0
    assert capacity_on(place(daily_capacity=2, holidays=(DAY,)), DAY) == 0
    assert capacity_on(place(daily_capacity=2), "2026-13-01") == 0
    assert capacity_on(place(), DAY) is capacity_on(None, DAY) is None


def test_the_first_claim_of_a_day_opens_it() -> None:
    shop = a_limited_shop()
    assert free(shop) is None
    decision = shop.tell(Kind.RESERVE, 1, sku=CAPACITY, location="LEEDS", line=1, holder="o1")
    assert [(record.kind, record.reason) for record in decision.journal] == [
        (Kind.RECEIPT, "capacity"),
        (Kind.RESERVE, None),
    ]
    assert free(shop) == 1


def test_a_full_day_refuses_and_a_released_shipment_is_free_again() -> None:
    shop = a_limited_shop()
    answers = [claim_day(shop, order) for order in ("o1", "o2", "o3")]
    assert [answer.refusal for answer in answers] == [None, None, Refusal.INSUFFICIENT_ATP]
    shop.tell(Kind.RELEASE, holder="o1", sku=CAPACITY, location=None)
    assert claim_day(shop, "o3").refusal is None


def test_a_day_that_is_asked_for_and_has_no_room_is_open_and_full() -> None:
    shop = a_limited_shop(holidays=(DAY,))
    assert claim_day(shop, "o1").refusal is Refusal.INSUFFICIENT_ATP
    assert free(shop) == 0


def test_no_day_is_opened_where_there_is_no_limit() -> None:
    shop = a_limited_shop()
    limit(shop, None)
    assert claim_day(shop, "o1").refusal is Refusal.UNKNOWN_SKU
    assert free(shop) is None


def test_open_days_grow_and_shrink_with_the_place_and_the_newest_claims_give_way() -> None:
    shop = a_limited_shop()
    for order in ("o1", "o2"):
        claim_day(shop, order, kind=Kind.ALLOCATE)
    limit(shop, 3)
    assert claim_day(shop, "o3").refusal is None
    assert claim_day(shop, "o4").refusal is Refusal.INSUFFICIENT_ATP
    yielded = [
        answer.holder for decision in limit(shop, 1) for answer in decision.answers if answer.status is Status.YIELDED
    ]
    assert yielded == ["o3", "o2"]
    assert free(shop) == 0


def test_a_holiday_that_is_made_known_empties_the_day() -> None:
    shop = a_limited_shop()
    claim_day(shop, "o1", kind=Kind.ALLOCATE)
    decisions = limit(shop, 2, holidays=(DAY,))
    assert Status.YIELDED in [answer.status for decision in decisions for answer in decision.answers]
    assert free(shop) == 0


def test_a_day_that_somebody_else_put_on_the_books_is_left_as_it_is() -> None:
    shop = a_limited_shop()
    shop.tell(Kind.RECEIPT, 5, sku=CAPACITY, location="LEEDS")
    claim_day(shop, "o1")
    limit(shop, 1)
    assert free(shop) == 4


def test_shipments_are_offered_to_no_channel() -> None:
    shop = a_limited_shop()
    shop.tell(Kind.CHANNEL, sku="", location=None, channel_reference=ChannelReference("web"))
    decision = shop.tell(Kind.RESERVE, 1, sku=CAPACITY, location="LEEDS", line=1, holder="o1")
    assert decision.availability is None
    assert not decision.edges
    assert decision.levels


def test_the_order_router_hears_when_goods_leave_a_limited_place_and_nobody_else_does() -> None:
    shop = a_limited_shop(cut_off="15:00")
    shop.tell(Kind.RECEIPT, 5)
    asked = {"holder": "o1", "line": 1, "order_id": "o1"}
    told = answer_of(shop.tell(Kind.RESERVE, 1, source=ORDER_ROUTER, **asked))
    assert told.dispatch_days == (DispatchDay("LEEDS", dispatch_date(place(cut_off="15:00"), None, shop.now_ms)),)
    assert not answer_of(shop.tell(Kind.RESERVE, 1, source="shop", **(asked | {"holder": "o2"}))).dispatch_days
    limit(shop, None)
    assert not answer_of(shop.tell(Kind.RESERVE, 1, source=ORDER_ROUTER, **(asked | {"holder": "o3"}))).dispatch_days


def test_shipments_are_no_demand_and_nobody_reorders_them() -> None:
    shop = a_limited_shop()
    asked: dict[str, Any] = {"sku": CAPACITY, "location": "LEEDS", "line": 1, "holder": "o1"}
    told = Transaction(transaction_id="x", source="shop", kind=Kind.SHIP, **asked)
    decision = shop.tell(Kind.ALLOCATE, 1, **asked)
    assert decision.journal
    assert copies_of(told, decision, None) == []

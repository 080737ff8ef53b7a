from __future__ import annotations

from typing import Any

from agents.inventory.answers import Answer, LegState, LineState, Status
from agents.inventory.reservations import Leg
from agents.inventory.rows import ANSWERS, GOODS, POSITIONS, Decision
from agents.inventory.transactions import Kind, Line, LocationReference, Mode, PolicySettings
from agents.inventory.units import MILLISECONDS_PER_DAY as DAY_MS
from tests.inventory.helpers import NOTICES, SKU, Shop, answer_of
from tools.scenario.words import BEGINS_MS


def shop_with(policy: dict[str, Any] | None = None, **stock: int) -> Shop:
    """A shop with some units at each place; `policy` holds for all of it."""
    shop = Shop()
    if policy is not None:
        shop.tell(Kind.POLICY, sku="", policy=PolicySettings(rule="all", **policy))
    for place, units in stock.items():
        shop.tell(Kind.RECEIPT, units, location=place)
    return shop


def notices_of(decision: Decision) -> list[Answer]:
    return [answer for answer in decision.answers if answer.status in NOTICES]


def claim(shop: Shop, kind: Kind, quantity: int | None, places: str, **fields: Any) -> Decision:
    """Ask for units at ranked places, such as `A B`."""
    return shop.tell(kind, quantity, location=None, locations=tuple(places.split()), **fields)


def test_an_answer_about_several_lines_has_one_state_per_line() -> None:
    shop = shop_with(A=5)
    lines = (Line(1, 3), Line(2, 4))
    refused = answer_of(claim(shop, Kind.RESERVE, None, "A", holder="o1", lines=lines))
    assert (refused.status, refused.shortfall, refused.line) == (Status.REFUSED, 2, None)
    assert refused.lines == (LineState(1, 0), LineState(2, 0))
    granted = answer_of(claim(shop, Kind.RESERVE, None, "A", holder="o1", lines=lines, partial=True))
    due_ms = BEGINS_MS + 15 * 60_000
    assert (granted.quantity, granted.shortfall, granted.line, granted.legs) == (5, 2, None, ())
    assert granted.lines == (
        LineState(1, 3, 0, 0, (LegState("A", 3, 0),), due_ms),
        LineState(2, 2, 0, 2, (LegState("A", 2, 0),), due_ms),
    )


def test_the_only_line_of_a_list_is_answered_like_a_line() -> None:
    answer = answer_of(claim(shop_with(A=5), Kind.RESERVE, None, "A", holder="o1", lines=(Line(7, 3),)))
    assert (answer.line, answer.legs, answer.lines) == (7, (LegState("A", 3, 0),), ())


def test_a_refused_replacement_leaves_everything_as_it_was() -> None:
    shop = shop_with({"max_splits": 1, "backorder": "limit", "backorder_limit": 2}, A=3, B=2, C=1)
    claim(shop, Kind.ALLOCATE, 6, "A B", holder="o1", priority=4)
    shop.tell(Kind.FENCE, 1, location="C", fence="web")
    before = {table: dict(rows) for table, rows in shop.rows.tables.items() if table != ANSWERS}
    decision = claim(shop, Kind.ALLOCATE, None, "B C", holder="o1", lines=(Line(1, 4), Line(2, 9)), channel="web")
    assert answer_of(decision).status is Status.REFUSED
    assert {table for table, _ in decision.changes} == {ANSWERS}
    assert (decision.journal, decision.levels, decision.alerts) == ((), (), ())
    assert {table: dict(rows) for table, rows in shop.rows.tables.items() if table != ANSWERS} == before


def test_an_answer_about_several_lines_is_given_in_full_until_a_day_after_the_last_of_them_closed() -> None:
    shop = shop_with(A=5)
    asked = {"holder": "o1", "lines": (Line(1, 2), Line(2, 2)), "number": 99}
    claim(shop, Kind.ALLOCATE, None, "A", **asked)
    shop.tell(Kind.RELEASE, holder="o1", line=1)
    shop.now_ms += 2 * DAY_MS
    assert len(answer_of(claim(shop, Kind.ALLOCATE, None, "A", **asked)).lines) == 2
    shop.tell(Kind.RELEASE, holder="o1", line=2)
    shop.now_ms += DAY_MS + 1
    assert answer_of(claim(shop, Kind.ALLOCATE, None, "A", **asked)).status is Status.ACCEPTED_EARLIER


def test_notices_stand_behind_the_answer_and_tell_what_is_held_after_everything() -> None:
    shop = shop_with({"max_splits": 1, "backorder": "unlimited"}, A=5, B=1)
    claim(shop, Kind.RESERVE, 5, "A B", holder="r1", order_id="o7", channel="web")
    decision = shop.tell(Kind.SALE, 3, location="A")
    answer, moved, yielded = decision.answers
    assert (answer.status, moved.status, yielded.status) == (Status.ACCEPTED, Status.MOVED, Status.YIELDED)
    assert (moved.quantity, moved.from_location, moved.location) == (1, "A", "B")
    assert (yielded.quantity, yielded.location, yielded.backordered, yielded.order_id) == (2, "A", 2, "o7")
    assert moved.legs == yielded.legs == (LegState("A", 2, 0), LegState("B", 1, 0))
    covered = shop.tell(Kind.RECEIPT, 4, location="A").answers[1]
    assert (covered.status, covered.quantity, covered.location, covered.backordered) == (Status.COVERED, 2, "A", 0)
    events: list[Any] = [*decision.journal, *decision.answers, *decision.levels, *decision.alerts]
    ids = [event.event_id for event in events]
    assert ids == [f"{decision.journal[0].event_id.rsplit('-', 1)[0]}-{number}" for number in range(len(ids))]


def test_units_that_move_and_are_covered_are_posted_in_the_record_that_caused_it() -> None:
    shop = shop_with({"max_splits": 1}, A=4, B=4)
    claim(shop, Kind.RESERVE, 4, "A B", holder="r1")
    (record,) = shop.tell(Kind.SALE, 3, location="A").journal
    posted = [
        (posting.location, posting.account.value, posting.quantity, posting.holder) for posting in record.postings
    ]
    assert posted == [
        ("A", "unpromised", -3, None),
        ("A", "customer", 3, None),
        ("A", "reserved", -3, "r1"),
        ("A", "unpromised", 3, "r1"),
        ("B", "unpromised", -3, "r1"),
        ("B", "reserved", 3, "r1"),
    ]


def test_several_claims_due_at_once_cover_the_queue_once_in_the_last_record() -> None:
    shop = shop_with({"backorder": "unlimited"}, A=4)
    shop.tell(Kind.RESERVE, 2, location="A", holder="r1", ttl_ms=1_000)
    shop.tell(Kind.RESERVE, 2, location="A", holder="r2", ttl_ms=2_000)
    shop.tell(Kind.ALLOCATE, 3, location="A", holder="o1")
    shop.now_ms += 5_000
    decision = shop.tell(Kind.EXPIRE)
    first, last = decision.journal
    assert [posting.holder for posting in first.postings] == ["r1", "r1"]
    assert [posting.holder for posting in last.postings] == ["r2", "r2", "o1", "o1"]
    said = [(notice.status, notice.holder, notice.quantity) for notice in notices_of(decision)]
    assert said == [(Status.EXPIRED, "r1", 2), (Status.EXPIRED, "r2", 2), (Status.COVERED, "o1", 3)]


def test_a_refused_transaction_still_covers_what_an_expiry_made_room_for() -> None:
    shop = shop_with({"backorder": "unlimited"}, A=2)
    shop.tell(Kind.RESERVE, 2, location="A", holder="r1", ttl_ms=1_000)
    shop.tell(Kind.ALLOCATE, 2, location="A", holder="o1")
    shop.now_ms += 5_000
    decision = shop.tell(Kind.RELEASE, holder="nobody")
    assert (answer_of(decision).status, answer_of(decision).holder) == (Status.REFUSED, "nobody")
    assert [notice.status for notice in notices_of(decision)] == [Status.EXPIRED, Status.COVERED]


def test_the_row_of_the_sku_goes_when_nobody_waits_any_more() -> None:
    shop = shop_with({"backorder": "unlimited"}, A=1)
    shop.tell(Kind.ALLOCATE, 3, location="A", holder="o1")
    assert shop.rows.goods(SKU) is not None
    shop.tell(Kind.RECEIPT, 2, location="A")
    assert shop.rows.tables[GOODS] == {}


def test_a_closed_place_moves_its_claims_or_they_yield() -> None:
    shop = shop_with(A=4, B=2)
    claim(shop, Kind.ALLOCATE, 2, "A B", holder="o1")
    shop.tell(Kind.RESERVE, 2, location="A", holder="r1")
    closed = LocationReference(location="A", open=False)
    shop.tell(Kind.LOCATION, sku="", location=None, location_reference=closed)
    decision = shop.tell(Kind.REFRESH, location=None)
    said = [(each.status, each.holder, each.quantity, each.from_location, each.location) for each in decision.answers]
    assert said == [(Status.YIELDED, "r1", 2, None, "A"), (Status.MOVED, "o1", 2, "A", "B")]
    assert [alert.quantity for alert in decision.alerts if alert.type == "OVERSOLD"] == [2]
    assert answer_of(shop.tell(Kind.RESERVE, 1, location="A", holder="r2")).shortfall == 1


def test_a_shipment_that_only_asks_may_use_what_the_claim_holds_elsewhere_but_not_what_others_hold() -> None:
    shop = shop_with(A=3, B=1)
    shop.tell(Kind.ALLOCATE, 3, location="A", holder="o1")
    shop.tell(Kind.RESERVE, 1, location="B", holder="r1")
    asks = {"location": "B", "holder": "o1", "mode": Mode.REQUEST}
    assert answer_of(shop.tell(Kind.SHIP, 1, **asks)).shortfall == 1
    shop.tell(Kind.RELEASE, holder="r1")
    assert answer_of(shop.tell(Kind.SHIP, 1, **asks)).status is Status.ACCEPTED
    left = shop.rows.claim(SKU, "o1", 1)
    assert left is not None
    assert left.legs == (Leg("A", 0, 2),)


def test_a_look_at_other_places_leaves_no_row_there() -> None:
    shop = shop_with(A=1)
    shop.tell(Kind.LOCATION, sku="", location=None, location_reference=LocationReference(location="B"))
    assert answer_of(claim(shop, Kind.RESERVE, 2, "A B", holder="r1")).shortfall == 1
    claim(shop, Kind.RESERVE, 1, "B A", holder="r1")
    shop.tell(Kind.SALE, 1, location="A")
    assert {location for _, location in shop.rows.tables[POSITIONS]} == {"A"}

"""Inbounds and transfers: whatever order they are heard of in, positions end the same and the books close."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from agents.inventory.alerts import AlertType
from agents.inventory.dates import next_receipt_ms
from agents.inventory.draft import Draft
from agents.inventory.inbounds import announced
from agents.inventory.rows import DUE, INBOUNDS, TRANSFERS
from agents.inventory.shipments import SHIPMENTS_KEPT_MS, Inbound, Transfer
from agents.inventory.transactions import Kind, Mode
from agents.inventory.units import MILLISECONDS_PER_HOUR as HOUR_MS
from agents.inventory.units import MILLISECONDS_PER_MINUTE as MINUTE_MS
from tests.inventory.helpers import SKU, Shop, answer_of, arrival, transaction
from tools.scenario.words import BEGINS_MS

Told = tuple[Kind, int, dict[str, Any]]


def figures(shop: Shop) -> dict[str, tuple[int, int, int]]:
    """(unpromised, quarantined, in_transit) by location."""
    return {
        location: (row.unpromised, row.quarantined, row.in_transit)
        for location, row in sorted(shop.rows.positions(SKU).items())
    }


def after(tellings: tuple[Told, ...]) -> Shop:
    shop = Shop()
    shop.tell(Kind.RECEIPT, 20, occurred_at_ms=BEGINS_MS - HOUR_MS)
    shop.now_ms += 30 * MINUTE_MS
    for kind, quantity, fields in tellings:
        shop.tell(kind, quantity, **fields)
    assert shop.faults() == []
    return shop


OUT = {"transfer": "t1", "to_location": "YORK"}
IN = {"transfer": "t1", "location": "YORK"}


def minutes(number: int) -> dict[str, int]:
    return {"occurred_at_ms": BEGINS_MS + number * MINUTE_MS}


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(
            (
                (Kind.TRANSFER_OUT, 4, OUT | minutes(1)),
                (Kind.TRANSFER_OUT, 2, OUT | minutes(2)),
                (Kind.TRANSFER_IN, 3, IN | minutes(3)),
                (Kind.TRANSFER_IN, 2, IN | minutes(4) | {"last": True}),
            ),
            id="a transfer in parts, one unit lost",
        ),
        pytest.param(
            (
                (Kind.TRANSFER_OUT, 4, OUT | minutes(1)),
                (Kind.TRANSFER_IN, 4, IN | minutes(3)),
                (Kind.COUNT, 16, {"source": "wms"} | minutes(2)),
                (Kind.COUNT, 5, {"source": "wms", "location": "YORK"} | minutes(5)),
            ),
            id="a transfer around counts of both places",
        ),
        pytest.param(
            (
                (Kind.INBOUND, 9, {"inbound": "a1", "due_at_ms": BEGINS_MS + HOUR_MS} | minutes(1)),
                (Kind.INBOUND, 8, {"inbound": "a1"} | minutes(2)),
                (Kind.RECEIPT, 3, {"inbound": "a1"} | minutes(3)),
                (Kind.RECEIPT, 4, {"inbound": "a1", "last": True} | minutes(4)),
            ),
            id="an inbound that was changed, in parts",
        ),
        pytest.param(
            (
                (Kind.INBOUND, 9, {"inbound": "a1"} | minutes(1)),
                (Kind.INBOUND, 0, {"inbound": "a1"} | minutes(2)),
                (Kind.INBOUND, 7, {"inbound": "a1", "location": "YORK"} | minutes(3)),
                (Kind.SNAPSHOT, 18, {"source": "wms"} | minutes(4)),
            ),
            id="an inbound that was cancelled and is announced for another place",
        ),
    ],
)
def test_what_is_heard_of_in_any_order_ends_the_same(told: tuple[Told, ...]) -> None:
    ends = {str(figures(after(order))) for order in permutations(told)}
    assert len(ends) == 1


def test_an_arrival_beyond_its_transfer_is_paired_with_a_later_departure() -> None:
    shop = after(((Kind.TRANSFER_OUT, 5, OUT), (Kind.TRANSFER_IN, 7, IN), (Kind.TRANSFER_OUT, 3, OUT)))
    assert figures(shop) == {"LEEDS": (12, 0, 0), "YORK": (7, 0, 1)}


def test_units_that_were_given_up_and_arrive_after_all_are_found() -> None:
    shop = after(((Kind.TRANSFER_OUT, 5, OUT), (Kind.TRANSFER_IN, 3, IN | {"last": True})))
    decision = shop.tell(Kind.TRANSFER_IN, 2, **IN)
    assert [(alert.type, alert.quantity) for alert in decision.alerts] == [(AlertType.DISCREPANCY, 2)]
    assert figures(shop) == {"LEEDS": (15, 0, 0), "YORK": (5, 0, 0)}


def test_two_transfers_do_not_take_each_others_units() -> None:
    other = OUT | {"transfer": "t2"}
    shop = after(
        ((Kind.TRANSFER_OUT, 5, OUT), (Kind.TRANSFER_OUT, 4, other), (Kind.TRANSFER_IN, 5, IN | {"last": True}))
    )
    assert figures(shop)["YORK"] == (5, 0, 4)


def test_a_request_that_is_refused_leaves_no_transfer_behind() -> None:
    shop = after(((Kind.RECEIPT, 1, {"location": "YORK"}),))
    decision = shop.tell(Kind.TRANSFER_OUT, 21, **OUT, mode=Mode.REQUEST, occurred_at_ms=None)
    assert answer_of(decision).shortfall == 1
    assert not any(table == TRANSFERS for table, _ in decision.changes)


def test_both_ends_of_a_transfer_are_remembered_for_counts() -> None:
    shop = after(((Kind.TRANSFER_OUT, 5, OUT | minutes(1)), (Kind.TRANSFER_IN, 4, IN | minutes(2))))
    minute = BEGINS_MS // 1_000 + 60
    assert shop.rows.movement(SKU, "LEEDS", minute) == -5
    assert shop.rows.movement(SKU, "YORK", minute + 60) == 4


def test_a_forgotten_transfer_is_a_new_one() -> None:
    shop = after(((Kind.TRANSFER_OUT, 5, OUT), (Kind.TRANSFER_IN, 5, IN | {"last": True})))
    shop.now_ms += SHIPMENTS_KEPT_MS + 1
    fresh = {"occurred_at_ms": shop.now_ms}
    shop.tell(Kind.TRANSFER_OUT, 2, **(OUT | fresh))
    assert figures(shop)["YORK"] == (5, 0, 2)
    row = shop.rows.row(TRANSFERS, (SKU, "t1"))
    assert isinstance(row, Transfer)
    assert (row.sent, row.arrived, row.ended) == (2, 0, False)


def draft_of(shop: Shop) -> Draft:
    return Draft(shop.rows, arrival(transaction(Kind.SALE, 1), at_ms=shop.now_ms))


def test_the_next_receipt_is_the_earliest_that_is_not_overdue_and_has_units_to_come() -> None:
    shop = Shop()
    assert next_receipt_ms(draft_of(shop)) is None
    for name, hours, location in (("a", 1, "LEEDS"), ("b", 2, "YORK"), ("c", 3, "LEEDS")):
        shop.tell(Kind.INBOUND, 5, inbound=name, due_at_ms=BEGINS_MS + hours * HOUR_MS, location=location)
    shop.tell(Kind.INBOUND, 5, inbound="no date")
    assert next_receipt_ms(draft_of(shop)) == BEGINS_MS + HOUR_MS
    assert next_receipt_ms(draft_of(shop), "YORK") == BEGINS_MS + 2 * HOUR_MS
    shop.now_ms += HOUR_MS
    assert next_receipt_ms(draft_of(shop), "LEEDS") == BEGINS_MS + 3 * HOUR_MS
    shop.tell(Kind.RECEIPT, 5, inbound="c")
    assert next_receipt_ms(draft_of(shop), "LEEDS") is None
    assert next_receipt_ms(draft_of(shop)) == BEGINS_MS + 2 * HOUR_MS
    assert shop.faults() == []


def test_a_transfer_with_a_due_time_is_a_receipt_to_come() -> None:
    shop = after(((Kind.TRANSFER_OUT, 5, OUT | {"due_at_ms": BEGINS_MS + HOUR_MS}),))
    assert next_receipt_ms(draft_of(shop), "YORK") == BEGINS_MS + HOUR_MS


def test_an_inbound_is_announced_while_units_of_it_are_to_come() -> None:
    shop = Shop()
    assert announced(draft_of(shop), "a") is None
    shop.tell(Kind.INBOUND, 5, inbound="a", due_at_ms=BEGINS_MS + HOUR_MS)
    found = announced(draft_of(shop), "a")
    assert isinstance(found, Inbound)
    assert (found.announced, found.received, found.due_ms) == (5, 0, BEGINS_MS + HOUR_MS)
    shop.tell(Kind.RECEIPT, 5, inbound="a")
    assert announced(draft_of(shop), "a") is None


def test_nothing_is_left_to_wake_for_once_goods_have_come() -> None:
    shop = Shop()
    shop.tell(Kind.INBOUND, 5, inbound="a", due_at_ms=BEGINS_MS + HOUR_MS)
    assert list(shop.rows.tables[DUE]) == [(BEGINS_MS + HOUR_MS, SKU, "", 0)]
    shop.tell(Kind.RECEIPT, 5, inbound="a")
    assert not shop.rows.tables[DUE]
    assert shop.rows.goods(SKU) is None
    assert shop.rows.row(INBOUNDS, (SKU, "a")) is not None


def test_what_was_announced_for_the_past_is_overdue_with_the_next_record() -> None:
    shop = Shop()
    shop.tell(Kind.INBOUND, 5, inbound="a", due_at_ms=BEGINS_MS - 1)
    decision = shop.tell(Kind.RESERVE, 1, holder="r1", occurred_at_ms=None)
    assert [alert.type for alert in decision.alerts] == [AlertType.OVERDUE]
    assert shop.tell(Kind.SALE, 1).alerts[0].type is not AlertType.OVERDUE


def test_each_shipment_is_said_to_be_overdue_once() -> None:
    shop = Shop()
    for name, hours in (("a", 1), ("b", 2)):
        shop.tell(Kind.INBOUND, 5, inbound=name, due_at_ms=BEGINS_MS + hours * HOUR_MS)
    said: list[str] = []
    for _ in range(3):
        shop.now_ms += HOUR_MS
        said += [alert.message for decision in shop.wake() for alert in decision.alerts]
    assert [message.split(" are ")[0] for message in said] == [
        f"5 units of SHOE of inbound {name}" for name in ("a", "b")
    ]

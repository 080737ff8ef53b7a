from __future__ import annotations

from typing import Any

import pytest

from agents.inventory.transactions import Bucket, Component, Item, Kind, Line, Measures, Mode, PolicySettings
from agents.inventory.validation import problem_of
from tests.inventory.helpers import transaction

RULE = PolicySettings(rule="r", safety_stock=1)


@pytest.mark.parametrize(
    ("kind", "quantity", "fields", "says"),
    [
        (Kind.RECEIPT, 1, {"transaction_id": ""}, "transaction_id is empty"),
        (Kind.RECEIPT, 1, {"source": ""}, "source is empty"),
        (Kind.RECEIPT, 1, {"sku": ""}, "names no sku"),
        (Kind.RECEIPT, 1, {"sku": "A\0B"}, "zero character"),
        (Kind.RECEIPT, 1, {"sku": "A" * 257}, "longer than 256"),
        (Kind.RECEIPT, 1, {"location": ""}, "is empty"),
        (Kind.RECEIPT, 1, {"location": None}, "names no location"),
        (Kind.RECEIPT, None, {}, "names no quantity"),
        (Kind.RECEIPT, 10**15 + 1, {}, "beyond"),
        (Kind.RECEIPT, 1, {"occurred_at_ms": None}, "needs occurred_at_ms"),
        (Kind.RECEIPT, 1, {"occurred_at_ms": -1}, "no time"),
        (Kind.RECEIPT, 1, {"bucket": Bucket.QUARANTINED}, "takes no bucket"),
        (Kind.RECEIPT, 1, {"mode": Mode.REQUEST}, "cannot be a request"),
        (Kind.RETURN, 1, {"bucket": Bucket.RESERVED}, "only through claims"),
        (Kind.COUNT, 1, {"occurred_at_ms": None}, "needs occurred_at_ms"),
        (Kind.RESERVE, 1, {}, "names no holder"),
        (Kind.RESERVE, None, {"holder": "r1"}, "names no quantity"),
        (Kind.RESERVE, 1, {"holder": "r1", "ttl_ms": 0}, "ttl_ms"),
        (Kind.RESERVE, 1, {"holder": "r1", "line": 0}, "line is below 1"),
        (Kind.RESERVE, 1, {"holder": "r1", "locations": ("A",)}, "either location or locations"),
        (Kind.RESERVE, 1, {"holder": "r1", "lines": (Line(1, 2),)}, "either quantity or lines"),
        (Kind.RESERVE, None, {"holder": "r1", "lines": (Line(1, 2), Line(1, 3))}, "named twice"),
        (Kind.RESERVE, 1, {"holder": "r1", "confirm": True}, "cannot confirm"),
        (Kind.ALLOCATE, 1, {"holder": "r1", "revive": True}, "only a confirm"),
        (Kind.RELEASE, 1, {}, "names no holder"),
        (Kind.RECEIPT, 1, {"last": True}, "no arrival"),
        (Kind.RECEIPT, 1, {"inbound": ""}, "is empty"),
        (Kind.RECEIPT, 1, {"inbound": "A\0"}, "zero character"),
        (Kind.INBOUND, 1, {}, "names no inbound"),
        (Kind.INBOUND, None, {"inbound": "a"}, "names no quantity"),
        (Kind.TRANSFER_OUT, 1, {"to_location": "YORK"}, "names no transfer"),
        (Kind.TRANSFER_OUT, 1, {"transfer": "t"}, "names no to_location"),
        (Kind.TRANSFER_OUT, 1, {"transfer": "t", "to_location": "LEEDS"}, "moves nothing"),
        (Kind.TRANSFER_OUT, 1, {"transfer": "t", "to_location": "YORK", "last": True}, "no arrival"),
        (Kind.TRANSFER_IN, 1, {}, "names no transfer"),
        (Kind.TRANSFER_IN, 1, {"transfer": "t", "bucket": Bucket.IN_TRANSIT}, "only through claims"),
        (Kind.SNAPSHOT, None, {}, "names no quantity"),
        (Kind.COUNT, 1, {"measures": Measures.ON_HAND}, "measures nothing"),
        (Kind.ITEM, None, {}, "carries no item"),
        (Kind.SALE, 1, {"item": Item()}, "carries an item"),
        (Kind.ITEM, None, {"item": Item(unit="")}, "no unit"),
        (Kind.ITEM, None, {"item": Item(unit_cost=-1)}, "costs -1"),
        (Kind.ITEM, None, {"item": Item(kit=(Component("", 1),))}, "cannot be a key"),
        (Kind.ITEM, None, {"item": Item(kit=(Component("SOLE", 0),))}, "has 0 of SOLE"),
        (Kind.ITEM, None, {"item": Item(kit=(Component("SOLE", 1), Component("SOLE", 1)))}, "named twice"),
        (Kind.ITEM, None, {"item": Item(kit=(Component("SHOE", 1),))}, "its own component"),
        (
            Kind.POLICY,
            None,
            {"sku": "", "policy": PolicySettings("r", shrinkage_events=101)},
            "shrinkage_events is 101",
        ),
        (Kind.POLICY, None, {"sku": "", "policy": PolicySettings("r", shrinkage_window_ms=0)}, "above zero"),
        (Kind.POLICY, None, {"sku": "", "policy": PolicySettings("r", shrinkage_buffer=-1)}, "shrinkage_buffer is -1"),
        (Kind.POLICY, None, {"sku": "", "policy": PolicySettings("r", echo_window_ms=-1)}, "echo_window_ms is -1"),
        (Kind.POLICY, None, {"sku": ""}, "carries no policy"),
        (Kind.POLICY, None, {"policy": RULE}, "cannot name a sku"),
        (Kind.POLICY, None, {"sku": "", "policy": PolicySettings(rule="")}, "no name"),
        (Kind.POLICY, None, {"sku": "", "policy": PolicySettings(rule="r", safety_stock=-1)}, "safety_stock is -1"),
        (Kind.POLICY, None, {"sku": "", "policy": PolicySettings(rule="r", claims="fair")}, "first_come or priority"),
    ],
)
def test_what_cannot_be_decided_says_why(kind: Kind, quantity: int | None, fields: dict[str, Any], says: str) -> None:
    assert says in (problem_of(transaction(kind, quantity, **fields)) or "nothing")


@pytest.mark.parametrize(
    ("kind", "quantity", "fields"),
    [
        (Kind.RECEIPT, 1, {}),
        (Kind.RECEIPT, -1, {}),
        (Kind.COUNT, 0, {}),
        (Kind.RETURN, 1, {"bucket": Bucket.QUARANTINED}),
        (Kind.ADJUST, -1, {"mode": Mode.REQUEST, "occurred_at_ms": None}),
        (Kind.RESERVE, 1, {"holder": "r1"}),
        (Kind.RESERVE, None, {"holder": "r1", "lines": (Line(1, 2),)}),
        (Kind.ALLOCATE, None, {"holder": "r1", "confirm": True, "revive": True}),
        (Kind.EXTEND, None, {"holder": "r1"}),
        (Kind.RELEASE, None, {"holder": "r1"}),
        (Kind.RECEIPT, 0, {"inbound": "a", "last": True}),
        (Kind.INBOUND, 0, {"inbound": "a"}),
        (Kind.TRANSFER_OUT, 1, {"transfer": "t", "to_location": "YORK", "mode": Mode.REQUEST, "occurred_at_ms": None}),
        (Kind.TRANSFER_IN, 0, {"transfer": "t", "last": True, "bucket": Bucket.QUARANTINED}),
        (Kind.SNAPSHOT, -1, {"measures": Measures.AVAILABLE}),
        (Kind.ITEM, None, {"item": Item(kit=(Component("SOLE", 2),))}),
        (Kind.EXPIRE, None, {}),
        (Kind.POLICY, None, {"sku": "", "policy": RULE}),
    ],
)
def test_what_can_be_decided_has_no_problem(kind: Kind, quantity: int | None, fields: dict[str, Any]) -> None:
    assert problem_of(transaction(kind, quantity, **fields)) is None

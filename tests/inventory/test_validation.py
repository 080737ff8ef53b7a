from __future__ import annotations

from typing import Any

import pytest

from agents.inventory.transactions import Bucket, Kind, Line, Mode, PolicySettings
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
        (Kind.EXPIRE, None, {}),
        (Kind.POLICY, None, {"sku": "", "policy": RULE}),
    ],
)
def test_what_can_be_decided_has_no_problem(kind: Kind, quantity: int | None, fields: dict[str, Any]) -> None:
    assert problem_of(transaction(kind, quantity, **fields)) is None

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.inventory import validation
from agents.inventory.reference_validation import problem_of_reference
from agents.inventory.transactions import (
    Bucket,
    Component,
    FeedReference,
    Item,
    Kind,
    Line,
    LocationReference,
    Measures,
    Mode,
    PolicySettings,
    Transaction,
    Watcher,
)
from agents.inventory.validation import NEEDS_HOLDER, problem_of, problem_of_each_name
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


ODD_NAMES = ["A", "B", "", "A\0", "n" * 130, "n" * 256, "n" * 257]
NAMES = st.sampled_from(ODD_NAMES)
NAMED = ("location", "holder", "to_location", "inbound", "transfer", "locations")
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys((*NAMED, "fence", "lot"), NAMES),
    "locations": st.lists(NAMES, max_size=2).map(tuple),
    "quantity": st.sampled_from([0, 3, -3, 10**15, 10**15 + 1]),
    "occurred_at_ms": st.sampled_from([-1, 0, 5]),
    "line": st.sampled_from([0, 2]),
    "lines": st.lists(st.builds(Line, st.integers(0, 2), st.just(1)), max_size=2).map(tuple),
    **dict.fromkeys(("confirm", "revive", "sold", "last"), st.just(True)),
    "mode": st.just(Mode.REQUEST),
    "bucket": st.sampled_from(Bucket),
    "expires_on": st.sampled_from(["2026-11-30", "tomorrow"]),
    "measures": st.sampled_from(Measures),
    "item": st.sampled_from([Item(), Item(unit="")]),
    "policy": st.sampled_from([RULE, PolicySettings(rule="")]),
    "location_reference": st.sampled_from([LocationReference("LEEDS"), LocationReference("")]),
    "feed": st.sampled_from([FeedReference("wms"), FeedReference("")]),
    "watcher": st.sampled_from([Watcher("edges", "k"), Watcher("", "k")]),
}
ANY_TRANSACTION = st.builds(
    lambda needed, said: Transaction(**needed, **said),
    st.fixed_dictionaries(
        {"kind": st.sampled_from(Kind), "transaction_id": NAMES, "source": st.sampled_from(["pos", ""]), "sku": NAMES}
    ),
    st.sets(st.sampled_from(sorted(FIELDS)), max_size=4).flatmap(
        lambda names: st.fixed_dictionaries({name: FIELDS[name] for name in sorted(names)})
    ),
)


@settings(max_examples=1_000, deadline=None)
@given(told=ANY_TRANSACTION)
def test_a_check_that_was_left_out_would_have_found_nothing(told: Transaction) -> None:
    checks = [
        validation.problem_of_names,
        validation.problem_of_numbers,
        validation.problem_of_kind,
        validation.problem_of_policy,
        validation.problem_of_lot,
        validation.problem_of_shipment,
        problem_of_reference,
        validation.problem_of_item,
        *([validation.problem_of_claim] if told.kind in NEEDS_HOLDER else []),
    ]
    assert problem_of(told) == next((found for check in checks if (found := check(told)) is not None), None)


def test_names_together_are_good_only_where_each_is() -> None:
    said = [(field, name) for field in ("transaction_id", "source", "sku", *NAMED) for name in ODD_NAMES if name]
    said += [(field, "") for field in NAMED]
    for one, other in product(said, repeat=2):
        names: dict[str, Any] = {"transaction_id": "t", "source": "pos", "sku": "SHOE"} | dict([one, other])
        if "locations" in names:
            names["locations"] = (names["locations"],)
        told = Transaction(kind=Kind.RESERVE, **names)
        assert validation.problem_of_names(told) == problem_of_each_name(told), names

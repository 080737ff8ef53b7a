"""What scenario text can say: every field of every kind, and every figure that can be looked at."""

from __future__ import annotations

from typing import Any

import pytest

from agents.inventory.transactions import Kind, Measures, Mode, Transaction
from tools.scenario.parser import parse
from tools.scenario.runner import Runner
from tools.scenario.steps import Send
from tools.scenario.transactions import LEADING
from tools.scenario.values import field_of, same, text_of, types_of
from tools.scenario.words import DAY_BEGINS_MS, Unreadable

HOUR_MS = 3_600_000


def fields_of(line: str) -> dict[str, Any]:
    """What a line sends, its kind and SKU left out."""
    (step,) = parse(line)
    assert isinstance(step, Send)
    return step.fields


def differences(text: str) -> list[str]:
    return [difference for result in Runner().run(parse(text)) for difference in result.differences]


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("reserve r1 SHOE@A 5", {"holder": "r1", "location": "A", "quantity": 5}),
        ("reserve r1/2 SHOE@A,B 5", {"holder": "r1", "line": 2, "locations": ("A", "B"), "quantity": 5}),
        (
            "reserve r1 SHOE 5 max_splits=1 priority=-2",
            {"holder": "r1", "quantity": 5, "max_splits": 1, "priority": -2},
        ),
        ("pick r1 SHOE@A 2", {"holder": "r1", "location": "A", "quantity": 2}),
        ("ship SHOE@A 2 request", {"location": "A", "quantity": 2, "mode": Mode.REQUEST}),
        ("fence web SHOE@A 4", {"fence": "web", "location": "A", "quantity": 4}),
        (
            "inbound n1 SHOE@A 4 due=34:00",
            {"inbound": "n1", "location": "A", "quantity": 4, "due_at_ms": DAY_BEGINS_MS + 34 * HOUR_MS},
        ),
        ("receipt SHOE@A 4 inbound=n1 last", {"location": "A", "quantity": 4, "inbound": "n1", "last": True}),
        (
            "transfer_out t1 SHOE@A->B 6",
            {"transfer": "t1", "location": "A", "to_location": "B", "quantity": 6},
        ),
        ("transfer_in t1 SHOE@B 0 last", {"transfer": "t1", "location": "B", "quantity": 0, "last": True}),
        ("snapshot SHOE@A 7 measures=available", {"location": "A", "quantity": 7, "measures": Measures.AVAILABLE}),
        ("allocate m1 SHOE@A 5 sold channel=web order=9", {"sold": True, "channel": "web", "order_id": "9"}),
        ("sale SHOE@A 1 lot=L1 expires=2026-02-01", {"lot": "L1", "expires_on": "2026-02-01"}),
    ],
)
def test_a_line_says_the_fields_of_its_transaction(line: str, fields: dict[str, Any]) -> None:
    assert fields.items() <= fields_of(line).items()


def test_lines_are_said_in_two_ways() -> None:
    assert fields_of("reserve o1 SHOE@A lines 1:3 2:4 partial") == fields_of("reserve o1 SHOE@A lines=1:3,2:4 partial")


def test_records_that_are_carried_have_all_their_fields() -> None:
    item = fields_of("item SHOE unit=gram category=boots untracked kit=SOLE:2,LACE:1")["item"]
    assert (item.unit, item.category, item.tracked) == ("gram", "boots", False)
    assert [(part.sku, part.quantity) for part in item.kit] == [("SOLE", 2), ("LACE", 1)]
    place = fields_of("location LEEDS kind=store closed authority=wms,erp region=north")["location_reference"]
    assert (place.location, place.open, place.authority, place.region) == ("LEEDS", False, ("wms", "erp"), "north")
    channel = fields_of("channel web locations=A,B handling_time=1h")["channel_reference"]
    assert (channel.channel, channel.locations, channel.handling_time_ms) == ("web", ("A", "B"), HOUR_MS)
    assert fields_of("watch campaigns.v1:c7 SHOE")["watcher"].key == "c7"
    assert fields_of("reserve r1 SHOE 1 destination=GB:LS1:538:-15")["destination"].longitude_tenths == -15


def test_every_field_of_a_transaction_can_be_said() -> None:
    said = {field_of(Transaction, name) for name in types_of(Transaction)}
    assert said == set(Transaction.__struct_fields__)


def test_every_kind_is_a_verb() -> None:
    lines = {
        Kind.POLICY: "policy everywhere safety_stock 1",
        Kind.ITEM: "item SHOE",
        Kind.LOCATION: "location LEEDS",
        Kind.CHANNEL: "channel web",
        Kind.WATCH: "watch topic:key SHOE",
        Kind.UNWATCH: "unwatch topic:key SHOE",
    }
    for kind in Kind:
        named = f"{kind.lower()} x SHOE@A" if kind in LEADING else f"{kind.lower()} SHOE"
        (step,) = parse(lines.get(kind, named))
        assert isinstance(step, Send)
        assert step.kind is kind


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("due", "10:15", DAY_BEGINS_MS + 10 * HOUR_MS + 900_000),
        ("due_at_ms", "10:15:00.000", DAY_BEGINS_MS + 10 * HOUR_MS + 900_000),
        ("open", "yes", True),
        ("quantity", "+3", 3),
        ("state", "available", Measures.AVAILABLE),
        ("locations", "A,B", ("A", "B")),
        ("locations", "none", ()),
        ("channel", "none", None),
    ],
)
def test_a_value_is_read_back_as_it_was_written(name: str, text: str, value: object) -> None:
    assert same(name, text, value)
    assert same(name, text_of(name, value), value)
    assert not same(name, "something else", value)


STORY = """
receipt  SHOE@A 5
receipt  SHOE@B 4
channel  web methods=shipping
reserve  r1 SHOE@A,B 7 max_splits=1   -> reserved 7 legs A:5,B:2
receipt  SHOE@B 9                     .. no notices
sale     SHOE@A 2                     .. moved r1 2 A->B .. no alerts
fence    web SHOE@B 3
"""


@pytest.mark.parametrize(
    ("step", "says"),
    [
        ("claim r1 SHOE legs A:3,B:4", None),
        ("claim r1 SHOE legs A:4,B:3", "legs of r1/1 is A:3,B:4, expected A:4,B:3"),
        ("claim r1 SHOE@B reserved 4", None),
        ("claim r1 SHOE@C none", None),
        ("claim r1 SHOE@C reserved 1", "r1/1 at C is not there"),
        ("claim r1 SHOE@B picking 1", "picking of r1/1 at B is 0, expected 1"),
        ("fenced web SHOE@B 3", None),
        ("fenced web SHOE@B 2", "open of the fence of web at B is 3, expected 2"),
        ("fenced pos SHOE@B 0", None),
        ("account SHOE customer 2", None),
        ("account SHOE@B customer 2", "customer of SHOE is 0, expected 2"),
        ("goods SHOE queued 0", None),
        ("goods SHOE queued 1", "queued of goods SHOE is 0, expected 1"),
        ("goods SHOE mood 1", "mood of goods SHOE is no figure of it, expected 1"),
        ("claims SHOE rows 1", None),
        ("claims SHOE/r1/1 max_splits 1", None),
        ("positions SHOE@A reserved 3", None),
        ("positions SHOE reserved 3", "positions SHOE names 2 rows"),
        ("inbounds SHOE none", None),
        ("availability SHOE channel=web method=shipping quantity 9 state in_stock", None),
        ("availability SHOE channel=web quantity 4", "quantity of availability of SHOE channel=web is 9, expected 4"),
        ("availability SHOE channel=pos none", None),
        ("availability SHOE offers 1", None),
        ("projected SHOE 10:00 9", None),
        ("projected SHOE 10:00 8", "projected of SHOE at 10:00:00.000 is 9, expected 8"),
        ("promisable SHOE@A 34:00 0", None),
        ("reserve r2 SHOE lines 1:1 2:1 -> reserved lines 1:1,2:1", None),
        ("reserve r2 SHOE lines 1:1 2:1 -> reserved lines 1:1,2:2", "the lines are [(1, 1, 0, 0), (2, 1, 0, 0)]"),
        ("reserve r2 SHOE@B 1 -> reserved legs B:2", "the legs are (('B', 1),), expected (('B', 2),)"),
        ("reserve r2 SHOE@B 1 -> reserved backordered 1", "backordered is 0, expected 1"),
        ("sale SHOE@B 9 .. edge channel=web state=out", None),
        (
            "sale SHOE@B 9 .. edge channel=web state=low",
            "the edges are edge channel=web method=shipping region=none state=out",
        ),
        ("sale SHOE@B 8 .. edge channel=web state=out", "the edges are none, expected edge channel=web state=out"),
        ("sale SHOE@B 1 .. no edges", None),
        ("sale SHOE@A 1 .. moved r1 1 B->A", "the notices are moved r1 1 A->B, expected moved r1 1 B->A"),
        ("sale SHOE@A 1 .. moved r1 1 A -> B", None),
        ("sale SHOE@A 1 .. moved r1 1 A->B channel=none", None),
        ("watch campaigns:c7 SHOE .. watched campaigns:c7 channel=web state=in_stock", None),
        ("watch campaigns:c7 SHOE .. watched campaigns:c8", "those told are watched campaigns:c7 channel=web"),
        ("watch campaigns:c7 SHOE .. no watched", "expected none"),
        ("count SHOE@B 4 .. alert discrepancy -9 A", "the alerts are"),
    ],
)
def test_what_can_be_looked_at_is_seen(step: str, says: str | None) -> None:
    found = differences(f"{STORY}{step}\n")
    if says is None:
        assert found == []
    else:
        assert len(found) == 1
        assert says in found[0]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("transfer_out t1 SHOE@A-> 6", "a location has no name"),
        ("reserve r1 SHOE@A,,B 6", "a location has no name"),
        ("reserve r1 SHOE@A lines partial", "LINE:QUANTITY is missing"),
        ("location LEEDS open=maybe", "open is yes or no"),
        ("snapshot SHOE@A 1 measures=weight", "is none of on_hand, available"),
        ("item SHOE kit=SOLE:2:3", "has more parts than sku, quantity"),
        ("item SHOE kit=SOLE", "should say sku:quantity"),
        ("reserve r1 SHOE@A 1 -> reserved legs A", "is no LOCATION:UNITS"),
        ("reserve r1 SHOE@A 1 -> reserved lines 1", "each line is LINE:GRANTED"),
        ("reserve r1 SHOE@A 1 .. edge web", "is no name=value"),
        ("reserve r1 SHOE@A 1 sold=yes untracked", "is no option"),
        ("claim r1 SHOE@A priority 1", "is no figure; they are reserved, allocated, picking, fenced"),
        ("fenced web SHOE 1", "fenced needs SKU@LOCATION"),
    ],
)
def test_what_cannot_be_read_says_what_was_expected(line: str, says: str) -> None:
    with pytest.raises(Unreadable) as unreadable:
        parse(line)
    assert says in str(unreadable.value)

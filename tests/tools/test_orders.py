"""Records about orders written by hand, and the story that the records of an order tell."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from agents.codec.codec import Codec
from agents.codec.schema_set import SchemaSet
from agents.inventory.answers import Answer, Candidate, CostTerm, Status
from agents.inventory.channels import NO_REFERENCES, Method, References
from agents.inventory.orders.rows import OrderPolicy
from agents.inventory.orders.words import OrderedLine, OrderKind, OrderRecord, PlannedLine, Read
from agents.inventory.transactions import ORDER_ROUTER, Destination, Kind, LocationReference
from tests.inventory.orders.world import World
from tools.cli import cli
from tools.orders.reading import Heard
from tools.orders.sentences import candidate_sentences
from tools.orders.story import chapter_lines, story_of
from tools.orders.writing import read_records
from tools.scenario.words import Unreadable

TOPIC = "orders.v1"
WRITTEN = """
# Three orders and a short pick.
placed o-1 SHOE:2 HAT:1 paid channel=web to=GB:LS:538:-15
placed o-2 SHOE:1 pickup=LEEDS paid
placed o-3 HAT:9 paid
"""


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec(SchemaSet.load())


def read(codec: Codec, text: str) -> list[OrderRecord]:
    return read_records(text, codec, TOPIC, "hand")


# -- written by hand


def test_short_lines_say_what_json_says(codec: Codec) -> None:
    (short,) = read(codec, "placed o-1 SHOE:2 HAT:1 paid partial pickup=LEEDS max_splits=1")
    said = {
        "kind": "PLACED",
        "order_id": "o-1",
        "lines": [{"line": 1, "sku": "SHOE", "quantity": 2}, {"line": 2, "sku": "HAT", "quantity": 1}],
        "paid": True,
        "partial": True,
        "method": "pickup",
        "pickup_location": "LEEDS",
        "max_splits": 1,
        "record_id": short.record_id,
        "occurred_at_ms": short.occurred_at_ms,
    }
    assert read(codec, json.dumps(said)) == [short]
    assert read(codec, json.dumps([said], indent=2)) == [short]
    assert short.source == "hand"


def test_every_record_written_by_hand_has_an_id_of_its_own_and_is_of_now(codec: Codec) -> None:
    before_ms = time.time_ns() // 1_000_000
    first, second = read(codec, "paid o-1\npaid o-1")
    assert first.record_id != second.record_id
    (third,) = read(
        codec, '{"kind": "PLACED", "order_id": "o-1", "lines": [{"line": 1, "sku": "SHOE", "quantity": 2}]}'
    )
    for each in (first, third):
        assert each.occurred_at_ms is not None
        assert before_ms <= each.occurred_at_ms <= time.time_ns() // 1_000_000


def test_a_line_may_name_a_line_a_place_and_a_destination(codec: Codec) -> None:
    short, placed = read(codec, "picked_short o/1/2 at=YORK quantity=0\nplaced o-1 A:B:2 to=GB:LS:538:-15 # said so")
    assert (short.kind, short.order_id, short.line, short.location, short.quantity) == (
        OrderKind.PICKED_SHORT,
        "o/1",
        2,
        "YORK",
        0,
    )
    assert placed.lines == (OrderedLine(1, "A:B", 2),)
    assert placed.destination == Destination("GB", "LS", 538, -15)
    assert placed.method is Method.SHIPPING


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("placed o-1 SHOE:2\nplacd o-2 SHOE:1", "line 2: 'placd' is no kind"),
        ("placed o-1", "line 1: PLACED has 0 lines"),
        ("placed o-1 SHOE", "neither SKU:QUANTITY"),
        ("placed o-1 SHOE:1 colour=red", "'colour' is no field"),
        ("picked_short o-1 quantity=0", "PICKED_SHORT needs line"),
        ("wake o-1", "written by Onhand itself"),
        ('{"kind": "PLACED", "order_id": "o-1", "lines": [], "colour": 1}', "`colour`"),
        ('{"kind": "PAID"', "no JSON"),
        ("placed o-1 SHOE:1 occurred=2h", "'occurred' is no field"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(codec: Codec, text: str, why: str) -> None:
    with pytest.raises(Unreadable) as told:
        read(codec, text)
    assert why in str(told.value)


def test_a_dry_run_needs_no_broker_and_writes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "orders.txt"
    file.write_text(WRITTEN)
    nowhere = ["--bootstrap", "127.0.0.1:1"]
    told = CliRunner().invoke(cli, ["orders", "place", str(file), "--dry-run", *nowhere])
    assert told.exit_code == 0
    assert "o-1: onhand-cli placed it: line 1: 2 SHOE, line 2: 1 HAT; to be shipped to GB LS" in told.stdout
    assert "Nothing was written: 3 would be." in told.stderr
    wrong = CliRunner().invoke(cli, ["orders", "place", "-", "--dry-run", *nowhere], input="placd o-1")
    assert (wrong.exit_code, "line 1" in wrong.stderr) == (2, True)


# -- the story


def test_a_plan_tells_the_levels_that_it_read_and_costs_that_sum_to_its_own() -> None:
    lines = (OrderedLine(1, "SHOE", 2), OrderedLine(2, "HAT", 1))
    placed = OrderRecord(
        record_id="1",
        source="shop",
        kind=OrderKind.PLACED,
        order_id="o",
        occurred_at_ms=1,
        lines=lines,
        paid=True,
        destination=Destination("GB", "LS", 538, -15),
    )
    plan = (
        PlannedLine(1, ("YORK", "LEEDS"), (Read("YORK", 3, 5), Read("LEEDS", 1, 2))),
        PlannedLine(2, ("LEEDS",), (Read("LEEDS", 7, 1),)),
    )
    planned = OrderRecord(
        record_id="plan-1", source=ORDER_ROUTER, kind=OrderKind.PLAN, order_id="o", attempt=1, plan=plan
    )
    places = {
        "YORK": LocationReference("YORK", country="GB", latitude_tenths=540, longitude_tenths=-11),
        "LEEDS": LocationReference("LEEDS", country="FR", latitude_tenths=538, longitude_tenths=-15),
    }
    story = story_of([Heard(1, "t-0-1", placed), Heard(2, "t-0-2", planned)], [], OrderPolicy(), References(places, {}))
    first, second = story.chapters
    assert first.told.startswith("shop placed it: line 1: 2 SHOE, line 2: 1 HAT; to be shipped to GB LS, paid")
    assert second.told == "attempt 1 is planned: 2 shipments, from YORK and LEEDS"
    assert second.why == (
        "line 1, 2 SHOE: YORK, else LEEDS; it read YORK 5 free (revision 3), LEEDS 2 free (revision 1)",
        "line 2, 1 HAT: LEEDS; it read LEEDS 1 free (revision 7)",
        "a shipment from YORK costs 234 = 200 for the parcel + 34 km",
        "a shipment from LEEDS costs 1200 = 200 for the parcel + 0 km + 1000 for the border",
        "together 234 + 1200 = 1434; fewest shipments count first, then cost",
    )
    assert second.asked == ("hold 1 HAT for line 2, from LEEDS", "hold 2 SHOE for line 1, from YORK, else LEEDS")


@pytest.mark.parametrize(
    ("hull", "york", "why"),
    [
        (1, 1, "HULL and YORK have every line; HULL costs no more, and is first by name"),
        (1, 0, "only HULL has every line: fewest shipments count first"),
        (0, 0, "no place has every line; HULL has 1 of 2, none has more"),
    ],
)
def test_why_one_place_sends_it_all_follows_from_the_levels_that_were_read(hull: int, york: int, why: str) -> None:
    lines = (OrderedLine(1, "SHOE", 1), OrderedLine(2, "HAT", 1))
    placed = OrderRecord(
        record_id="1", source="shop", kind=OrderKind.PLACED, order_id="o", occurred_at_ms=1, lines=lines
    )
    # What is at hand of the hat: at both, at one, or nowhere.
    hats = (Read("HULL", 1, hull), Read("YORK", 1, york))
    plan = (
        PlannedLine(1, ("HULL", "YORK"), (Read("HULL", 1, 5), Read("YORK", 1, 5))),
        PlannedLine(2, ("HULL", "YORK"), hats),
    )
    record = OrderRecord(record_id="2", source=ORDER_ROUTER, kind=OrderKind.PLAN, order_id="o", attempt=1, plan=plan)
    story = story_of([Heard(1, "t-0-1", placed), Heard(2, "t-0-2", record)], [], OrderPolicy(), NO_REFERENCES)
    assert story.chapters[1].why[-1] == why


def a_rerouted_order(seed: int) -> World:
    """An order of two lines, of which one is found short where it was promised."""
    world = World(seed)
    for place in ("LEEDS", "YORK"):
        world.fact(Kind.RECEIPT, "SHOE", place, 5)
        world.fact(Kind.RECEIPT, "HAT", place, 5)
    world.run()
    world.place("o1", {1: ("SHOE", 4), 2: ("HAT", 2)}, paid=True)
    world.run()
    first = next(routing.to_location for routing in world.routings if routing.line == 1)
    world.tell(OrderKind.PICKED_SHORT, "o1", line=1, location=first, quantity=1)
    world.run()
    return world


@pytest.mark.parametrize("seed", range(4))
def test_a_story_says_what_the_router_said_and_what_it_asked(seed: int) -> None:
    world = a_rerouted_order(seed)
    story = story_of(
        [Heard(each.at_ms, each.cause, each.record) for each in world.heard],
        world.routings,
        world.router.policy,
        NO_REFERENCES,
    )
    assert story.is_exact
    assert sum(len(chapter.asked) for chapter in story.chapters) == len(world.sent)
    assert sum(len(chapter.said) for chapter in story.chapters) == len(world.routings)
    text = "\n".join(line for chapter in story.chapters for line in chapter_lines(chapter))
    moved = world.routings[-1]
    assert "shop found only 1 of line 1" in text
    assert f"write off 3 SHOE at {moved.from_location}: short_pick" in text
    assert f"line 1: 3 SHOE moved from {moved.from_location} to {moved.to_location}: short_pick" in text


def test_a_story_that_was_decided_otherwise_says_so() -> None:
    world = a_rerouted_order(0)
    assert not story_of(
        [Heard(each.at_ms, each.cause, each.record) for each in world.heard],
        world.routings[:-1],
        world.router.policy,
        NO_REFERENCES,
    ).is_exact
    assert not story_of(
        [Heard(each.at_ms, each.cause, each.record) for each in world.heard][:-1],
        world.routings,
        world.router.policy,
        NO_REFERENCES,
    ).is_exact


def test_candidates_of_the_ledger_are_told_with_the_terms_that_sum_to_their_cost() -> None:
    answer = Answer(
        event_id="t-0-1-0",
        status=Status.ACCEPTED,
        transaction_id="o.1",
        source=ORDER_ROUTER,
        sku="SHOE",
        kind=Kind.RESERVE,
        at_ms=0,
        candidates=(
            Candidate("YORK", 5, 231, (CostTerm("distance", 31, 31), CostTerm("zone", 2, 200))),
            Candidate("HULL", 1, 0),
        ),
    )
    assert candidate_sentences(answer) == ("YORK, 5 free: 231 = 31 distance + 200 zone", "HULL, 1 free: 0")

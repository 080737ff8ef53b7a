"""`onhand orders` on what two real agents decided."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.inventory.transactions import ORDER_ROUTER
from tests.integration.harness import Stage, receipt
from tests.tools.asking import ask, objects
from tools.brokers.encoding import codec_of
from tools.brokers.scratch import ClusterAddress
from tools.orders.reading import status_of

pytestmark = pytest.mark.embedded

WRITTEN = """
# Three orders and a short pick.
placed o-1 SHOE:2 HAT:1 paid channel=web to=GB:LS:538:-15
placed o-2 SHOE:1 pickup=LEEDS paid
placed o-3 HAT:9 paid
"""


@pytest.fixture(scope="module")
def shop(broker: ClusterAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Orders written by hand through the command, routed by two real agents, one of them picked short."""
    with Stage(broker, tmp_path_factory.mktemp("orders")) as stage:
        stage.create(ORDER_ROUTER)
        keeper, router = stage.worker("1").start(), stage.worker("2")
        router.agent = ORDER_ROUTER
        router.start().until_ready()
        keeper.until_ready()
        stage.send(receipt("SHOE", 3), receipt("SHOE", 5, location="YORK"), receipt("HAT", 2, location="YORK"))
        stage.settle()
        write(stage, WRITTEN)
        until(stage, "o-1", "allocated", "YORK")
        until(stage, "o-2", "allocated", "LEEDS")
        until(stage, "o-3", "unfillable", None)
        write(stage, "picked_short o-1/1 at=YORK quantity=0")
        until(stage, "o-1", "allocated", "LEEDS")
        yield stage


def write(stage: Stage, text: str) -> None:
    file = stage.root / "orders.txt"
    file.write_text(text)
    told = ask(stage, "orders", "place", str(file), "--yes")
    assert told.exit_code == 0, told.output


def until(stage: Stage, order_id: str, state: str, location: str | None) -> None:
    """Wait until line 1 of the order stands so."""
    codec, deadline = codec_of(stage.topology), time.monotonic() + 60
    while True:
        status = status_of(stage.topology, codec, order_id, lambda _: None)
        line = None if status is None else status.lines[0]
        places = [] if line is None else [place.location for place in line.places]
        if line is not None and line.state.value == state and (location is None or places == [location]):
            return
        assert time.monotonic() < deadline, f"{order_id} is {status}"
        time.sleep(0.1)


def ids(found: list[dict[str, Any]]) -> set[str]:
    return {str(order["order_id"]) for order in found}


def test_orders_are_listed_and_chosen_by_stage_state_channel_and_place(shop: Stage) -> None:
    assert ids(objects(shop, "orders", "list")) == {"o-1", "o-2", "o-3"}
    assert ids(objects(shop, "orders", "list", "--stage", "refused")) == {"o-3"}
    assert ids(objects(shop, "orders", "list", "--state", "allocated")) == {"o-1", "o-2"}
    assert ids(objects(shop, "orders", "list", "--channel", "web")) == {"o-1"}
    assert ids(objects(shop, "orders", "list", "--location", "YORK")) == {"o-1"}, "the hat is there"
    newest = objects(shop, "orders", "list", "--limit", "1")
    assert newest == objects(shop, "orders", "list")[:1]
    table = ask(shop, "orders", "list", "--limit", "1")
    assert "The newest 1 of 3" in table.stderr
    assert ask(shop, "orders", "list", "--state", "backordered").stdout == "No such orders.\n"


def test_an_order_is_shown_with_its_lines_places_and_nothing_left_open(shop: Stage) -> None:
    (order,) = objects(shop, "orders", "show", "o-1")
    assert (order["stage"], order["asked"], order["kept"], order["attempt"]) == ("confirmed", [], True, 1)
    places = [line["places"] for line in order["lines"]]
    assert places == [[{"location": "LEEDS", "quantity": 2}], [{"location": "YORK", "quantity": 1}]]
    told = ask(shop, "orders", "show", "o-1").stdout
    assert "o-1: confirmed, shipping, channel web" in told
    assert "line 1: 2 SHOE allocated, 2 at LEEDS" in told


def test_why_tells_the_plan_the_move_and_that_nothing_is_to_be_had(shop: Stage) -> None:
    told = ask(shop, "orders", "why", "o-1")
    assert (told.exit_code, told.stderr) == (0, "")
    assert "attempt 1 is planned: one shipment, from YORK" in told.stdout
    assert "line 1: 2 SHOE moved from YORK to LEEDS: short_pick" in told.stdout
    chapters = objects(shop, "orders", "why", "o-1")
    assert [chapter["kind"] for chapter in chapters[:2]] == ["PLACED", "PLAN"]
    assert chapters[1]["why"][0].startswith("line 1, 2 SHOE: YORK, else LEEDS; it read YORK 5 free (revision ")
    refused = ask(shop, "orders", "why", "o-3").stdout
    assert "the ledger: no, insufficient_atp, 7 short" in refused
    assert "line 1: 9 HAT cannot be had: insufficient_atp" in refused


@pytest.mark.parametrize("asked", ["show", "why"])
def test_an_unknown_order_ends_with_1(shop: Stage, asked: str) -> None:
    told = ask(shop, "orders", asked, "O-1")
    assert (told.exit_code, told.stdout) == (1, "")
    assert "Nothing is known of the order O-1" in told.stderr


def test_what_is_placed_is_told_and_never_without_being_asked(shop: Stage) -> None:
    file = shop.root / "more.txt"
    file.write_text("cancelled o-9 reason=changed_mind")
    assert ask(shop, "orders", "place", str(file), "--json").exit_code == 2
    (dry,) = objects(shop, "orders", "place", str(file), "--dry-run")
    assert (dry["written"], dry["record"]["kind"], dry["record"]["reason"]) == (False, "CANCELLED", "changed_mind")


@pytest.mark.parametrize("asked", [("list",), ("show", "o-1"), ("why", "o-1")])
def test_without_topics_it_says_how_to_create_them(broker: ClusterAddress, tmp_path: Path, asked: tuple[str]) -> None:
    told = ask(Stage(broker, tmp_path), "orders", *asked)
    assert (told.exit_code, "onhand topics create" in told.stderr) == (3, True)


def test_what_if_knows_the_orders_that_the_router_knows(shop: Stage) -> None:
    file = shop.root / "what_if.txt"
    file.write_text("cancelled o-1/1\n")
    cancelled, changes = objects(shop, "what-if", str(file))
    assert cancelled["said"].startswith("-> confirmed .. routed cancelled o-1/1")
    assert [(each["sku"], each["location"], each["allocated"]) for each in changes["changes"]] == [
        ("SHOE", "LEEDS", [3, 1])
    ]
    long_ago, nothing = objects(shop, "what-if", str(file), "--at", "1d")
    assert long_ago["said"] == "-> ignored (no such order is known)"
    assert nothing["changes"] == []

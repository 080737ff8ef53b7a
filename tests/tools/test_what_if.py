"""`onhand what-if` on the state of a real worker: it says what would be, and nothing is."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.inventory.campaigns.words import CAMPAIGN_GUARD
from agents.inventory.transactions import ORDER_ROUTER
from tests.integration.harness import Stage, receipt, reserve
from tests.tools.asking import ask, objects
from tools.brokers.scratch import ClusterAddress

pytestmark = pytest.mark.embedded

ORDER = {
    "record_id": "r1",
    "source": "shop",
    "kind": "PLACED",
    "order_id": "o-9",
    "occurred_at_ms": time.time_ns() // 1_000_000,
    "paid": True,
    "lines": [{"line": 1, "sku": "SHOE", "quantity": 2}, {"line": 2, "sku": "HAT", "quantity": 1}],
}


@pytest.fixture(scope="module")
def shop(broker: ClusterAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Shoes at two places, some of them promised, hats at one; both agents' topics are there."""
    with Stage(broker, tmp_path_factory.mktemp("what-if")) as stage:
        stage.create(ORDER_ROUTER, CAMPAIGN_GUARD)
        stage.worker().start().until_ready()
        stage.send(
            receipt("SHOE", 5),
            receipt("SHOE", 5, location="YORK"),
            receipt("HAT", 3, location="YORK"),
        )
        stage.settle()
        stage.send(reserve("SHOE", 4, "cart", ttl_ms=86_400_000))
        stage.settle()
        yield stage


@pytest.fixture
def a_file(tmp_path: Path) -> Path:
    """Where the hypothesis is written."""
    return tmp_path / "what.txt"


def test_it_answers_from_the_state_as_it_is_and_changes_nothing(shop: Stage, a_file: Path) -> None:
    a_file.write_text("reserve r1 SHOE@LEEDS 2\nsale SHOE@LEEDS 3\nadvance 2d\n")
    before = objects(shop, "stock", "SHOE", "HAT")
    *said, changes = objects(shop, "what-if", str(a_file))
    assert [line["said"].split(" ..")[0] for line in said[:2]] == [
        "-> refused insufficient_atp short 1",
        "-> accepted 3",
    ]
    assert ".. yielded cart 2" in said[1]["said"]
    assert ".. expired cart 2" in said[2]["said"]
    assert changes["changes"] == [
        {
            "sku": "SHOE",
            "location": "LEEDS",
            "unpromised": [1, 2],
            "reserved": [4, 0],
            "allocated": [0, 0],
            "quarantined": [0, 0],
            "in_transit": [0, 0],
        }
    ]
    assert objects(shop, "stock", "SHOE", "HAT") == before
    assert objects(shop, "what-if", str(a_file))[-1] == changes


def test_an_order_is_routed_as_the_two_agents_would(shop: Stage, a_file: Path) -> None:
    a_file.write_text(json.dumps(ORDER) + "\n")
    said, changes = objects(shop, "what-if", str(a_file))
    assert said["said"] == "-> confirmed"
    assert sorted((each["type"], each["sku"], each["to_location"]) for each in said["routings"]) == [
        ("ALLOCATED", "HAT", "YORK"),
        ("ALLOCATED", "SHOE", "YORK"),
    ]
    assert [(each["sku"], each["allocated"]) for each in changes["changes"]] == [("HAT", [0, 1]), ("SHOE", [0, 2])]


def test_orders_are_told_as_in_a_scenario(shop: Stage, a_file: Path) -> None:
    a_file.write_text("placed o-8 SHOE:2 HAT:1 paid\npicked_short o-8/2 at=YORK quantity=0 .. no routings\npaid o-77\n")
    placed, short, unknown, changes = objects(shop, "what-if", str(a_file))
    assert placed["said"].startswith("-> confirmed .. routed allocated o-8/1 2 YORK .. routed allocated o-8/2 1 YORK")
    assert short["said"].startswith("-> confirmed .. routed unfillable o-8/2 1 reason=insufficient_atp")
    assert unknown["said"] == "-> ignored (no such order is known)"
    # What the ledger believes to lie there is the rest of it now.
    assert [(each["sku"], each["allocated"]) for each in changes["changes"]] == [("HAT", [0, 0]), ("SHOE", [0, 2])]


def test_a_past_moment_is_folded_from_the_log(shop: Stage, a_file: Path) -> None:
    a_file.write_text("reserve r1 SHOE@LEEDS 2\n")
    reserved_at_ms = next(each["as_of_ms"] for each in objects(shop, "stock", "SHOE@LEEDS"))
    moment = ask(shop, "what-if", str(a_file), "--at", "yesterday")
    assert moment.exit_code == 2
    assert "--at must be an age such as 15m" in moment.output
    text = dt.datetime.fromtimestamp((reserved_at_ms - 1) / 1_000, dt.UTC).isoformat(timespec="milliseconds")
    said, _ = objects(shop, "what-if", str(a_file), "--at", text)
    assert said["said"] == "-> accepted 2"


def test_for_people_it_shows_what_would_change(shop: Stage, a_file: Path) -> None:
    a_file.write_text("sale HAT@YORK 1\n")
    shown = ask(shop, "what-if", str(a_file)).output
    assert "What would be other than now" in shown
    assert "3 -> 2" in shown
    a_file.write_text("reserve r1 HAT@YORK 9\n")
    assert "No position would change." in ask(shop, "what-if", str(a_file)).output


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("at 10:15 sale HAT@YORK 1\n", "what-if begins now"),
        ("sell HAT@YORK 1\n", "is no verb"),
        ('{"kind": "SALE"}\n', "line 1"),
        ("advance 1h\n", "names no SKU"),
    ],
)
def test_what_cannot_be_played_is_said_with_its_line(shop: Stage, a_file: Path, text: str, words: str) -> None:
    a_file.write_text(text)
    result = ask(shop, "what-if", str(a_file))
    assert result.exit_code == 2
    assert words in result.output


def test_a_campaign_is_guarded_as_it_would_be(shop: Stage, a_file: Path) -> None:
    a_file.write_text("channel web\ncampaign C1 skus=HAT\nsale HAT@YORK 3\ncampaign C1 done pause\n")
    *said, changes = objects(shop, "what-if", str(a_file))
    assert said[1]["said"].startswith("-> running")
    assert ".. command pause C1 reason=out_of_stock" in said[2]["said"]
    assert said[3]["said"].startswith("-> paused")
    assert [change["sku"] for change in changes["changes"]] == ["HAT"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("kpi turnover all 1", "demand and KPIs follow from many days"),
        ("sale SHOE@LEEDS 1 .. no proposals", "demand and KPIs follow from many days"),
    ],
)
def test_what_follows_from_many_days_is_not_asked_of_it(shop: Stage, a_file: Path, text: str, says: str) -> None:
    a_file.write_text(text + "\n")
    result = ask(shop, "what-if", str(a_file))
    assert result.exit_code == 2
    assert says in result.output

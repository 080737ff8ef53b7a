"""`onhand promise`: on the state of a real worker, and how it is told."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator

import pytest
from click.testing import CliRunner

from agents.inventory.capacity import capacity_sku
from agents.inventory.orders.promises import Ask, promise
from agents.inventory.orders.words import OrderedLine
from agents.inventory.transactions import Kind
from tests.integration.harness import Stage, receipt, reserve
from tests.inventory.orders.test_promises import LEEDS, LONDON, YORK, a_world, ask, hours, stock
from tests.tools.asking import ask as ask_onhand
from tests.tools.asking import objects
from tools.brokers.scratch import ClusterAddress
from tools.cli import cli
from tools.promising import headline, line_words, plain, why_words


@pytest.fixture(scope="module")
def shop(broker: ClusterAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Shoes at two places, of which YORK sends one shipment a day and has the most; somebody has taken today's."""
    with Stage(broker, tmp_path_factory.mktemp("promise")) as stage:
        stage.create()
        stage.worker().start().until_ready()
        assert ask_onhand(stage, "location", "set", "YORK", "daily_capacity=1", "--yes").exit_code == 0
        stage.send(receipt("SHOE", 3), receipt("SHOE", 5, location="YORK"))
        today = capacity_sku("YORK", dt.datetime.now(dt.UTC).date().isoformat())
        stage.send(reserve(today, 1, "early", location="YORK", ttl_ms=86_400_000))
        stage.settle()
        yield stage


@pytest.mark.embedded
def test_it_promises_from_the_state_as_it_is(shop: Stage) -> None:
    (found,) = objects(shop, "promise", "SHOE:2", "--to", "GB:LS")
    assert found["is_held_now"]
    assert [(part["location"], part["quantity"]) for part in found["lines"][0]["parts"]] == [("LEEDS", 2)], (
        "YORK is full"
    )
    assert found["arrives_ms"] <= time.time() * 1_000
    (found,) = objects(shop, "promise", "SHOE:4")
    (shipment,) = found["shipments"]
    tomorrow = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)
    assert (shipment["location"], shipment["date"]) == ("YORK", tomorrow.isoformat())


@pytest.mark.embedded
def test_what_cannot_be_promised_is_exit_code_1(shop: Stage) -> None:
    (found,) = objects(shop, "promise", "SHOE:9", exit_code=1)
    assert (found["arrives_ms"], found["lines"][0]["missing"]) == (None, 4)
    result = ask_onhand(shop, "promise", "GLOVE:1")
    assert result.exit_code == 1
    assert "line 1: 1 GLOVE, no date; 1 are nowhere to be had; unknown_sku; none are announced" in result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["SHOE"], "'SHOE' is no SKU:QUANTITY."),
        (["SHOE:1", "paid=yes"], "'paid=yes' is no SKU:QUANTITY."),
        (["SHOE:0"], "It cannot be promised: line 1 is of 0 units."),
        (["SHOE:1", "--to", "GB:LS:north"], "It cannot be read"),
        (["SHOE:1", "--by", "10:15"], "--by is a duration from now, such as 48h."),
    ],
)
def test_what_cannot_be_read_is_said_in_a_sentence(arguments: list[str], sentence: str) -> None:
    result = CliRunner().invoke(cli, ["promise", *arguments], prog_name="onhand", standalone_mode=False)
    assert sentence in str(result.exception)


def test_a_basket_is_told_with_the_costs_of_its_plan() -> None:
    found = ask(stock(a_world(LEEDS, YORK), _LEEDS=5, _YORK=5, HAT_YORK=3), ("SHOE", 2), ("HAT", 1))
    assert headline(found) == "All of it by 2026-01-07 10:00: one shipment."
    assert why_words(found) == [
        "a shipment from YORK costs 526 = 200 parcel + 286 distance + 40 zone",
        "fewest shipments count first, then what they cost",
    ]


def test_what_comes_later_is_told_with_its_date() -> None:
    world = a_world(LEEDS)
    world.fact(Kind.INBOUND, "SHOE", "LEEDS", 4, inbound="asn", due_at_ms=hours(2, 8))
    world.run()
    found = promise(world.stock, Ask(lines=(OrderedLine(1, "SHOE", 2),), at_ms=hours(0, 10), destination=LONDON))
    assert headline(found) == "All of it by 2026-01-08 15:00: one shipment; not all of it is there now."
    assert line_words(found.lines[0]) == (
        "line 1: 2 SHOE, by 2026-01-08 15:00; 2 from goods due at LEEDS 2026-01-07 08:00"
    )


def test_terms_are_objects_in_json() -> None:
    found = plain(ask(stock(a_world(LEEDS), _LEEDS=5), ("SHOE", 2)))
    assert found["shipments"][0]["terms"][0] == {"term": "parcel", "measure": 1, "cost": 200}
    assert found["lines"][0]["parts"][0]["leaves_ms"] == hours(0, 15)


def test_without_weights_it_says_that_nothing_was_weighed() -> None:
    (told,) = why_words(ask(stock(a_world(), _LEEDS=1), ("SHOE", 1)))
    assert told.startswith("the policy weighs nothing")

"""`onhand stock` on what a real worker published."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.inventory.transactions import Kind
from tests.integration.harness import Stage, a_transaction, receipt, reserve
from tests.tools.asking import ask, objects
from tools.brokers.scratch import ClusterAddress

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def shop(broker: ClusterAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Shoes in two places, some of them reserved; a boot that was sold and never came; names with signs in them."""
    with Stage(broker, tmp_path_factory.mktemp("stock")) as stage:
        stage.worker().start().until_ready()
        stage.send(
            receipt("SHOE", 1_210),
            receipt("SHOE", 3, location="YORK"),
            receipt("SHOE", 5, location="ROW@9"),
            reserve("SHOE", 4, "cart"),
            receipt("SHOE@ROW", 6, location="LEEDS"),
            a_transaction(Kind.SALE, "BOOT", quantity=2),
            receipt("SOCK[red]", 1),
            receipt("HAT", 3),
            a_transaction(Kind.INBOUND, "HAT", quantity=10, inbound="asn-1", due_at_ms=tomorrow_ms()),
            a_transaction(Kind.ALLOCATE, "HAT", quantity=5, holder="market", sold=True),
        )
        stage.settle()
        yield stage


def tomorrow_ms() -> int:
    return int((dt.datetime.now(dt.UTC) + dt.timedelta(days=1)).timestamp() * 1_000)


def day(days: int) -> str:
    return (dt.datetime.now(dt.UTC).date() + dt.timedelta(days=days)).isoformat()


def places(found: list[dict[str, object]]) -> list[tuple[object, object]]:
    return [(level["sku"], level["location"]) for level in found]


def test_a_sku_is_shown_at_all_its_places_with_its_last_level_only(shop: Stage) -> None:
    found = objects(shop, "stock", "SHOE")
    assert places(found) == [("SHOE", "LEEDS"), ("SHOE", "ROW@9"), ("SHOE", "YORK")]
    leeds = found[0]
    assert (leeds["on_hand"], leeds["reserved"], leeds["atp"], leeds["revision"]) == (1_210, 4, 1_206, 2)


def test_a_place_behind_an_at_sign_is_the_only_one_shown(shop: Stage) -> None:
    assert places(objects(shop, "stock", "SHOE@YORK")) == [("SHOE", "YORK")]


def test_an_at_sign_may_belong_to_the_sku_to_the_place_or_part_the_two(shop: Stage) -> None:
    assert places(objects(shop, "stock", "SHOE@ROW")) == [("SHOE@ROW", "LEEDS")]
    assert places(objects(shop, "stock", "SHOE@ROW@9")) == [("SHOE", "ROW@9")]
    assert places(objects(shop, "stock", "SHOE@ROW@LEEDS")) == [("SHOE@ROW", "LEEDS")]


def test_all_shows_every_sku_in_order_and_negative_only_what_is_below_zero(shop: Stage) -> None:
    everything = places(objects(shop, "stock", "--all"))
    assert everything == sorted(everything, key=str)
    assert {"BOOT", "SHOE", "SHOE@ROW", "SOCK[red]"} <= {sku for sku, _ in everything}
    negative = objects(shop, "stock", "--all", "--negative")
    assert [(level["sku"], level["atp"]) for level in negative] == [("BOOT", -2)]
    nothing = ask(shop, "stock", "SHOE", "--negative")
    assert (nothing.exit_code, nothing.stdout, nothing.stderr) == (0, "", "None of it is below zero.\n")


def test_by_a_day_what_is_announced_has_come_and_who_waits_is_served(shop: Stage) -> None:
    (now,) = objects(shop, "stock", "HAT")
    assert (now["atp"], now["in_transit"], "projected_atp" in now) == (0, 10, False)
    assert [each["projected_atp"] for each in objects(shop, "stock", "HAT", "--by", day(0))] == [-2]
    assert [each["projected_atp"] for each in objects(shop, "stock", "HAT", "--by", day(2))] == [8]
    assert "projected atp" in ask(shop, "stock", "--all", "--by", day(2)).stdout


@pytest.mark.parametrize("day", ["tomorrow", "2020-01-01"])
def test_a_day_that_is_none_or_is_over_is_wrong_usage(shop: Stage, day: str) -> None:
    told = ask(shop, "stock", "HAT", "--by", day)
    assert (told.exit_code, day in told.stderr) == (2, True)


def test_what_is_unknown_is_named_and_ends_with_1_and_the_rest_is_shown(shop: Stage) -> None:
    assert places(objects(shop, "stock", "SHOE@YORK", "shoe", "SHOE@HULL", exit_code=1)) == [("SHOE", "YORK")]
    told = ask(shop, "stock", "SHOE@YORK", "shoe", "SHOE@HULL").stderr
    assert "Nothing is known of shoe:" in told
    assert "Nothing is known of SHOE@HULL:" in told
    assert "SHOE@YORK" not in told
    assert ask(shop, "stock", "--negative", "SANDAL").exit_code == 1


def test_people_see_names_as_they_are_the_time_and_no_column_of_zeros(shop: Stage) -> None:
    table = ask(shop, "stock", "SHOE", "SOCK[red]").stdout
    assert "SOCK[red]" in table
    assert "1,206" in table
    assert "reserved" in table
    assert "quarantined" not in table
    assert "as of (UTC)" in table


@pytest.mark.parametrize("arguments", [(), ("SHOE", "--all")])
def test_neither_skus_nor_all_or_both_is_wrong_usage(shop: Stage, arguments: tuple[str, ...]) -> None:
    assert ask(shop, "stock", *arguments).exit_code == 2


def test_without_topics_it_says_how_to_create_them(broker: ClusterAddress, tmp_path: Path) -> None:
    told = ask(Stage(broker, tmp_path), "stock", "SHOE")
    assert told.exit_code == 3
    assert "onhand topics create" in told.stderr

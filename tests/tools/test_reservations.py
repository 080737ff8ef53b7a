"""`onhand reservations` on the claims that a real worker keeps."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agents.inventory.answers import Status
from agents.inventory.transactions import Kind
from tests.integration.harness import Stage, a_transaction, now_ms, receipt, reserve
from tests.tools.asking import ask, objects
from tools.brokers.scratch import ClusterAddress
from tools.commands.reservations import time_left

pytestmark = pytest.mark.embedded
MINUTE_MS = 60_000


@pytest.fixture(scope="module")
def shop(broker: ClusterAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Open claims of four holders; one was released, one has expired."""
    with Stage(broker, tmp_path_factory.mktemp("reservations")) as stage:
        stage.worker().start().until_ready()
        stage.send(
            receipt("SHOE", 100),
            receipt("SHOE", 100, location="YORK"),
            receipt("SHOELACE", 100),
            reserve("SHOE", 4, "cart-1", ttl_ms=2 * MINUTE_MS, channel="web"),
            reserve("SHOE", 2, "cart-1", line=2, ttl_ms=60 * MINUTE_MS),
            reserve("SHOE", 3, "cart[2]", location="YORK", ttl_ms=60 * MINUTE_MS),
            a_transaction(Kind.ALLOCATE, "SHOE", quantity=7, holder="order-1", order_id="order-1"),
            reserve("SHOELACE", 1, "cart-3"),
            reserve("SHOE", 9, "left"),
            a_transaction(Kind.RELEASE, "SHOE", holder="left"),
            reserve("SHOE", 9, "late", ttl_ms=300),
        )
        stage.tail("answer").until(lambda tail: any(said.status is Status.EXPIRED for said in tail.all))
        stage.settle()
        yield stage


def test_open_claims_are_shown_and_what_was_released_or_expired_is_not(shop: Stage) -> None:
    found = objects(shop, "reservations", "SHOE")
    shown = [(claim["holder"], claim["line"], claim["reserved"], claim["allocated"]) for claim in found]
    assert shown == [("cart-1", 1, 4, 0), ("cart-1", 2, 2, 0), ("cart[2]", 1, 3, 0), ("order-1", 1, 0, 7)]
    assert found[0]["channel"] == "web"
    assert found[0]["legs"] == [{"location": "LEEDS", "reserved": 4, "allocated": 0}]
    assert 0 < found[0]["due_ms"] - now_ms() <= 2 * MINUTE_MS
    assert (found[3]["due_ms"], found[3]["order_id"]) == (None, "order-1")


def test_without_a_sku_all_claims_are_shown_and_a_sku_is_no_prefix(shop: Stage) -> None:
    assert {claim["sku"] for claim in objects(shop, "reservations")} == {"SHOE", "SHOELACE"}
    assert {claim["sku"] for claim in objects(shop, "reservations", "SHOE")} == {"SHOE"}


def test_holder_place_and_time_left_narrow_it(shop: Stage) -> None:
    def holders(*options: str) -> list[tuple[str, int]]:
        return [(claim["holder"], claim["line"]) for claim in objects(shop, "reservations", "SHOE", *options)]

    assert holders("--holder", "cart-1") == [("cart-1", 1), ("cart-1", 2)]
    assert holders("--location", "YORK") == [("cart[2]", 1)]
    assert holders("--due-within", "5m") == [("cart-1", 1)]
    assert holders("--holder", "cart") == []
    assert ask(shop, "reservations", "--due-within", "soon").exit_code == 2


def test_people_see_names_as_they_are_and_how_long_it_lasts(shop: Stage) -> None:
    table = ask(shop, "reservations", "SHOE").stdout
    assert "cart[2]" in table
    assert "59m" in table or "1h 00m" in table
    assert "4 open claims" in table
    assert ask(shop, "reservations", "NOBODYS").stdout == "No open claims.\n"


def test_time_left_is_said_in_two_units() -> None:
    told = [time_left(seconds * 1000) for seconds in (-1, 0, 45, 845, 12_000, 187_200)]
    assert told == ["due", "due", "45s", "14m 05s", "3h 20m", "2d 4h"]

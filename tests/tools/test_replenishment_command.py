"""`onhand replenishment` on what a real replenisher keeps and says."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from agents.inventory.replenishment.words import REPLENISHER
from tests.integration.harness import Stage
from tests.integration.replenishing import PATIENCE_S, Shop, with_time_of_publishers
from tests.tools.asking import ask, objects
from tools.brokers.scratch import ClusterAddress

pytestmark = pytest.mark.embedded


@pytest.fixture(scope="module")
def shop(broker: ClusterAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Nine days of trade in boots and shoes, told to a real replenisher: both are low, and searched for."""
    with Stage(broker, tmp_path_factory.mktemp("needs"), edit=with_time_of_publishers) as stage:
        stage.create(REPLENISHER)
        shop = Shop(stage)
        shop.worker(REPLENISHER, "1").until_ready()
        shop.trade_nine_days(["BOOT", "SHOE"])
        stage.flush()
        shop.insights.until(lambda tail: len(tail.all) >= 2, PATIENCE_S)
        yield shop


def test_needs_are_told_with_their_figures_and_by_json_one_a_line(shop: Shop) -> None:
    found = objects(shop.stage, "replenishment", "needs", "--sku", "SHOE")
    [order] = [need for need in found if need["type"] == "ORDER"]
    said = next(each.order for each in shop.proposals.to_the_end(shop.stage.topology).all if each.order.sku == "SHOE")
    assert (order["id"], order["quantity"], order["location"]) == (said.request_id, said.quantity, "LEEDS")
    assert order["figures"]["daily_thousandths"] > 0
    everything = ask(shop.stage, "replenishment", "needs")
    assert f"order {said.quantity} for SHOE at LEEDS: {said.request_id}" in everything.output
    assert "BOOT" in everything.output
    assert "reorder point" in everything.output
    assert objects(shop.stage, "replenishment", "needs", "--location", "YORK") == []
    assert "Nothing is needed" in ask(shop.stage, "replenishment", "needs", "--type", "transfer").output


def test_an_insight_is_told_as_long_as_it_holds(shop: Shop) -> None:
    [found] = objects(shop.stage, "replenishment", "insights", "--sku", "SHOE")
    assert (found["type"], found["signal"], found["location"]) == ("LOW_WHILE_DEMAND_RISES", "SEARCH", "LEEDS")
    assert found["reorder"] > 0
    assert found["message"] in ask(shop.stage, "replenishment", "insights").output
    assert "No insight" in ask(shop.stage, "replenishment", "insights", "--sku", "HAT").output


def test_the_velocity_of_a_sku_is_told_and_of_an_unknown_one_is_exit_code_1(shop: Shop) -> None:
    [found] = objects(shop.stage, "replenishment", "velocity", "BOOT")
    assert (found["sku"], found["location"], found["days_known"]) == ("BOOT", "LEEDS", 9)
    assert found["signals"][0]["signal"] == "SEARCH"
    assert "BOOT at LEEDS:" in ask(shop.stage, "replenishment", "velocity", "BOOT").output
    unknown = ask(shop.stage, "replenishment", "velocity", "boot")
    assert unknown.exit_code == 1
    assert "Nothing is known of the SKU boot" in unknown.output


def test_terms_and_suppliers_that_are_set_change_what_follows(shop: Shop) -> None:
    def now() -> tuple[int, str | None]:
        [found] = objects(shop.stage, "replenishment", "velocity", "BOOT")
        return found["figures"]["lead_time_days"], found["terms"].get("supplier")

    def until(wanted: tuple[int, str | None]) -> None:
        shop.until(lambda: now() == wanted, f"{now()} is not {wanted}")

    before = now()
    tried = ask(shop.stage, "replenishment", "terms", "BOOT", "--supplier", "ACME", "--dry-run")
    assert (tried.exit_code, now()) == (0, before)
    assert "Nothing was written" in tried.output
    wrong = ask(shop.stage, "replenishment", "terms", "BOOT", "--service-level", "1000", "--yes")
    assert (wrong.exit_code, now()) == (2, before)
    [done] = objects(
        shop.stage, "replenishment", "terms", "BOOT", "--supplier", "ACME", "--lead-time-days", "4", "--yes"
    )
    assert done["record"]["terms"]["supplier"] == "ACME"
    until((4, "ACME"))
    # For all partitions at once; the terms above name a lead time of their own, and keep it.
    told = ask(shop.stage, "replenishment", "supplier", "ACME", "--lead-time-days", "12", "--yes")
    assert told.exit_code == 0, told.output
    shop.until(
        lambda: objects(shop.stage, "replenishment", "supplier", "ACME")[0]["lead_time_days"] == 12, "not 12 days"
    )
    assert now() == (4, "ACME")


def test_signals_and_promotions_are_published_and_the_same_id_again_has_no_effect(shop: Shop) -> None:
    before = len(shop.records())
    for _ in range(2):
        told = ask(
            shop.stage, "replenishment", "signal", "SHOE", "view", "7", "--location", "LEEDS", "--id", "v-1", "--yes"
        )
        assert told.exit_code == 0, told.output
    assert len(shop.records()) == before + 2

    def views() -> list[int]:
        [found] = objects(shop.stage, "replenishment", "velocity", "SHOE")
        return [signal["today"] for signal in found["signals"] if signal["signal"] == "VIEW"]

    days = ["2031-11-27", "2031-11-30"]
    assert ask(shop.stage, "replenishment", "promotion", "SHOE", *days, "--yes").exit_code == 0
    assert ask(shop.stage, "replenishment", "promotion", "SHOE", *reversed(days), "--yes").exit_code == 2

    def promotions() -> list[str]:
        return [each["from_on"] for each in objects(shop.stage, "replenishment", "velocity", "SHOE")[0]["promotions"]]

    shop.until(lambda: promotions() == ["2031-11-27"], "the promotion is not known")
    assert views() == [7], "what came before the promotion was decided before it"


def test_without_confirmation_nothing_is_written(shop: Shop) -> None:
    before = len(shop.records())
    refused = ask(shop.stage, "replenishment", "signal", "SHOE", "search", "1", "--json")
    assert refused.exit_code == 2
    assert len(shop.records()) == before

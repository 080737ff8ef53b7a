"""`onhand campaigns` on what two real agents decided."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.inventory.campaigns.words import (
    CAMPAIGN_GUARD,
    Acknowledgement,
    CampaignKind,
    Result,
)
from agents.inventory.transactions import ChannelReference, Item, Kind
from agents.runtime.reference import Broadcast, reference_key, reference_transaction, write_broadcasts
from tests.integration.harness import Stage, a_transaction, receipt
from tests.tools.asking import ask, objects
from tools.brokers.encoding import codec_of
from tools.brokers.scratch import ClusterAddress
from tools.campaigns import sentences
from tools.campaigns.reading import commands_of
from tools.campaigns.writing import publish, said_now
from tools.commands.campaigns import STANDINGS

pytestmark = pytest.mark.embedded

SUMMER = ("platform=meta", "account=act_1", "budget_minor=900", "currency=EUR", "skus=SHOE", "alternatives=b:HAT")
AT_ONCE = ("minimum_dwell_ms=0", "cool_down_ms=0")


@pytest.fixture(scope="module")
def ads(broker: ClusterAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A campaign that was paused because its goods are gone, and one over a category, by two real agents."""
    with Stage(broker, tmp_path_factory.mktemp("campaigns")) as stage:
        stage.create(CAMPAIGN_GUARD)
        keeper, guard = stage.worker("1").start(), stage.worker("2")
        guard.agent = CAMPAIGN_GUARD
        guard.start().until_ready()
        keeper.until_ready()
        web = ChannelReference("web")
        value = stage.encoded(reference_transaction(web, "web-1", "test"))
        key = reference_key(web).encode()
        write_broadcasts(
            stage.topology.kafka, stage.topology.app, stage.transactions, stage.partitions, [Broadcast(key, value)]
        )
        hat = a_transaction(Kind.ITEM, "HAT", location=None, occurred_at_ms=None, item=Item(category="hats"))
        stage.send(receipt("SHOE", 3), receipt("HAT", 5), hat)
        stage.settle()
        done(stage, "register", "summer", *SUMMER, *AT_ONCE, "--who", "ann", "--why", "It is warm.", "--yes")
        done(stage, "register", "hats", *SUMMER[:4], "category=hats", "--yes")
        until(stage, "hats", "standing", "running")
        done(stage, "members", "hats", "--from-items", "--yes")
        until(stage, "hats", "members", ["HAT"])
        stage.send(a_transaction(Kind.SALE, "SHOE", "till-7", quantity=3))
        until(stage, "summer", "standing", "pausing")
        acknowledge(stage, "summer")
        until(stage, "summer", "standing", "paused")
        yield stage


def done(stage: Stage, *asked: str) -> None:
    told = ask(stage, "campaigns", *asked)
    assert told.exit_code == 0, told.output


def shown(stage: Stage, campaign_id: str) -> dict[str, Any]:
    told = ask(stage, "campaigns", "show", campaign_id, "--json")
    return objects(stage, "campaigns", "show", campaign_id)[0] if told.exit_code == 0 else {}


def until(stage: Stage, campaign_id: str, field: str, value: object) -> None:
    deadline = time.monotonic() + 60
    while (now := shown(stage, campaign_id)).get(field) != value:
        assert time.monotonic() < deadline, f"{campaign_id} is {now}"
        time.sleep(0.1)


def acknowledge(stage: Stage, campaign_id: str) -> None:
    codec = codec_of(stage.topology)
    command = commands_of(stage.topology, codec, campaign_id, lambda _: None)[-1]
    said = Acknowledgement(command.idempotency_key, Result.DONE, command.attempt)
    publish(stage.topology, codec, [said_now(CampaignKind.ACKNOWLEDGED, campaign_id, acknowledgement=said)])


def test_campaigns_are_listed_with_how_they_stand(ads: Stage) -> None:
    found = {each["campaign_id"]: each for each in objects(ads, "campaigns", "list")}
    assert {name: each["standing"] for name, each in found.items()} == {"summer": "paused", "hats": "running"}
    assert found["summer"]["shares"] == [{"entity": "b", "told_minor": 900, "done_minor": 0}]
    assert [each["campaign_id"] for each in objects(ads, "campaigns", "list", "--standing", "paused")] == ["summer"]
    assert [each["campaign_id"] for each in objects(ads, "campaigns", "list", "--sku", "HAT")] == ["hats"]
    table = ask(ads, "campaigns", "list").output
    assert "0 of 1" in table
    assert ask(ads, "campaigns", "list", "--platform", "none").output == "No such campaigns.\n"


def test_a_campaign_is_shown_with_its_skus_and_what_is_on_its_way(ads: Stage) -> None:
    told = ask(ads, "campaigns", "show", "summer").output
    assert "SHOE on meta act_1, 900 minor units of EUR a day" in told
    assert "SHOE: not sellable since" in told
    assert "SHIFT_BUDGET b sent 1 time" in told
    hats = shown(ads, "hats")
    assert (hats["members"], hats["heard"][0]["sellable"]) == (["HAT"], True)


def test_the_story_names_the_sale_that_paused_it_and_who_registered_it(ads: Stage) -> None:
    told = ask(ads, "campaigns", "why", "summer")
    assert told.exit_code == 0
    assert "It is warm. (ann)" in told.output
    assert "after till-7 of test: SHOE web/pickup" not in told.output, "LEEDS is no store"
    assert "after till-7 of test: SHOE web/shipping out (was in_stock)" in told.output
    assert "PAUSE summer, out_of_stock (SHOE)" in told.output
    assert told.output.index("PAUSE summer") < told.output.index("SHIFT_BUDGET b") < told.output.index("Now paused")
    assert "What was published" not in told.output
    chapters = objects(ads, "campaigns", "why", "summer", "--all")
    assert [each["kind"] for each in chapters][:1] == ["REGISTERED"]
    assert len(chapters) > len(objects(ads, "campaigns", "why", "summer"))


def test_a_dry_run_writes_nothing_and_what_is_wrong_is_told(ads: Stage) -> None:
    before = objects(ads, "campaigns", "list")
    (told,) = objects(ads, "campaigns", "register", "summer", "budget_minor=5", "--dry-run")
    assert (told["written"], told["record"]["kind"]) == (False, "CHANGED")
    assert told["record"]["registration"]["budget_minor"] == 5
    assert ask(ads, "campaigns", "end", "summer", "--dry-run").exit_code == 0
    assert objects(ads, "campaigns", "list") == before
    for asked, words in [
        (("register", "autumn", "platform=meta"), "a new campaign needs account"),
        (("register", "autumn", *SUMMER, "rule=share"), "resume_at must be above pause_at"),
        (("register",), "Name a campaign"),
        (("members", "summer", "A"), "names its SKUs itself"),
        (("members", "hats"), "Name the SKUs"),
    ]:
        refused = ask(ads, "campaigns", *asked, "--yes")
        assert (refused.exit_code, words in refused.output) == (2, True), refused.output
    for asked in (("show", "nobody"), ("why", "nobody"), ("end", "nobody", "--yes"), ("paused", "nobody", "--yes")):
        assert ask(ads, "campaigns", *asked).exit_code == 1


def test_people_pause_it_resume_it_and_end_it(ads: Stage, tmp_path: Path) -> None:
    file = tmp_path / "campaigns.yaml"
    file.write_text("winter: {platform: meta, account: act_1, budget_minor: 1, currency: EUR, skus: [HAT]}\n")
    done(ads, "register", "--file", str(file), "--yes")
    until(ads, "winter", "standing", "running")
    done(ads, "paused", "winter", "--why", "wrong picture", "--yes")
    until(ads, "winter", "standing", "paused by others")
    done(ads, "resumed", "winter", "--yes")
    until(ads, "winter", "standing", "running")
    done(ads, "end", "winter", "--yes")
    until(ads, "winter", "standing", "ended")
    assert "people paused it; wrong picture" in ask(ads, "campaigns", "why", "winter").output


def test_the_standings_that_can_be_asked_for_are_those_that_there_are() -> None:
    assert set(STANDINGS) == {
        sentences.RUNNING, sentences.PAUSING, sentences.PAUSED, sentences.RESUMING, sentences.THEIRS, sentences.ENDED
    }  # fmt: skip

"""Registrations as people write them, and the story of a campaign: told from its records as the guard decided them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agents.inventory.campaigns.words import (
    Alternative,
    CampaignKind,
    Registration,
    Result,
    Rule,
    Thresholds,
)
from agents.inventory.offers import State
from tests.inventory.campaigns.world import HOUR_MS, MINUTE_MS, World
from tools.campaigns.reading import Heard
from tools.campaigns.sentences import record_sentence, standing_lines, standing_of
from tools.campaigns.settings import Unreadable, of_file, pairs, registration_of
from tools.campaigns.story import Story, chapter_lines, matters, story_of
from tools.campaigns.writing import said_now

NEW = ("platform=meta", "account=act_1", "budget_minor=10000", "currency=EUR", "skus=SHOE,HAT")


# -- what is written


def test_a_line_of_settings_is_a_registration_and_a_change_of_one_keeps_the_rest() -> None:
    more = ("rule=share", "pause_at=40", "resume_at=60", "minimum_dwell_ms=5m", "alternatives=b:SOCK+CAP,c:TIE")
    made = registration_of(None, pairs((*NEW, *more)))
    assert made == Registration(
        "meta",
        "act_1",
        10_000,
        "EUR",
        skus=("SHOE", "HAT"),
        thresholds=Thresholds(Rule.SHARE, 40, 60, minimum_dwell_ms=5 * MINUTE_MS),
        alternatives=(Alternative("b", ("SOCK", "CAP")), Alternative("c", ("TIE",))),
    )
    changed = registration_of(made, pairs(("pause_on=low", "pause_at=30", "alternatives=none", "entity=21")))
    assert changed == msgspec.structs.replace(
        made,
        entity="21",
        alternatives=(),
        thresholds=msgspec.structs.replace(made.thresholds, pause_on=State.LOW, pause_at=30),
    )
    assert registration_of(made, {"category": "hats"}).skus == ()
    assert registration_of(registration_of(made, {"category": "hats"}), {"skus": ["SHOE"]}).category is None


def test_a_file_says_the_same_in_yaml_and_in_json() -> None:
    yaml = "summer: {platform: meta, account: 7, budget_minor: 5, currency: EUR, skus: [A, B], alternatives: {b: [C]}}"
    json = '{"summer": {"platform": "meta", "account": "7", "budget_minor": 5, "currency": "EUR", "skus": "A,B", "alternatives": "b:C"}}'
    first, second = (registration_of(None, of_file(text)["summer"]) for text in (yaml, json))
    assert first == second
    assert first.alternatives == (Alternative("b", ("C",)),)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        (("platform=meta",), "a new campaign needs account, budget_minor, currency"),
        ((*NEW, "pause=1"), "'pause' is no setting of a campaign"),
        ((*NEW, "rule=most"), "rule must be one of all, any, share"),
        ((*NEW, "budget_minor=1"), "given twice"),
        (("budget_minor=1.5",), "budget_minor must be a whole number"),
        (("minimum_dwell_ms=soon",), "minimum_dwell_ms must be a duration"),
        (("alternatives=b",), "alternatives must be CAMPAIGN:SKU"),
        (("meta",), "is not SETTING=VALUE"),
    ],
)
def test_what_cannot_be_read_is_told(settings: tuple[str, ...], why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        registration_of(None, pairs(settings))


@pytest.mark.parametrize("text", ["- a", "a: [1", "a: 1"])
def test_a_file_that_holds_no_campaigns_is_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="it is no"):
        of_file(text)


# -- the story


def told(world: World) -> Story:
    heard = [Heard(each.at_ms, each.cause, each.record) for each in world.log]
    return story_of(heard, world.commands, world.policy)


def a_world(**thresholds: Any) -> World:
    others = (Alternative("b", ("HAT",)),)
    return World(
        Registration(
            "meta", "act_1", 900, "EUR", skus=("SHOE",), thresholds=Thresholds(**thresholds), alternatives=others
        )
    )


def test_the_story_tells_what_was_heard_what_followed_and_by_which_cause() -> None:
    world = a_world(minimum_dwell_ms=MINUTE_MS, cool_down_ms=MINUTE_MS)
    world.say(State.IN_STOCK, "SHOE", "HAT")
    world.say(State.OUT, "SHOE")
    cause = world.log[-1].record.edges[0].event_id
    world.pass_time(HOUR_MS)
    story = told(world)
    assert story.is_exact
    assert story.campaign is not None
    assert standing_of(story.campaign) == "paused"
    shown = [line for chapter in story.chapters if matters(chapter) for line in chapter_lines(chapter)]
    text = "\n".join(shown)
    assert "registered it: SHOE on meta act_1, 900 minor units of EUR a day" in shown[0]
    assert "asks the ledger  WATCH HAT, WATCH SHOE" in text
    assert "the ledger says, as asked: SHOE web/shipping out" in text
    assert f"PAUSE c1, out_of_stock (SHOE) [c1.{world.log[0].at_ms}.1]; cause {cause}" in text
    assert "SHIFT_BUDGET b: 900 minor units of EUR beside its own, shifted" in text
    assert len([chapter for chapter in story.chapters if matters(chapter)]) < len(story.chapters)
    assert standing_lines(story.campaign)[0].endswith("0 of 1 SKUs can be sold")
    assert "b has 900 minor units of EUR of its budget" in standing_lines(story.campaign)


def test_a_campaign_without_alternatives_can_be_told_too() -> None:
    told = record_sentence(
        said_now(CampaignKind.REGISTERED, "c1", registration=registration_of(None, pairs(NEW))), None
    )
    assert told.endswith("resumes from one on; dwell 15m, cool-down 30m")


def test_a_story_of_other_commands_than_were_published_is_not_called_exact() -> None:
    world = a_world()
    world.say(State.OUT, "SHOE")
    assert told(world).is_exact
    world.commands[0] = msgspec.structs.replace(world.commands[0], reason="other")
    assert not told(world).is_exact
    world.commands.clear()
    assert not told(world).is_exact


def test_it_stands_as_people_would_say_it() -> None:
    world = a_world(minimum_dwell_ms=MINUTE_MS, cool_down_ms=10 * MINUTE_MS)
    world.answers_by_itself = False

    def standing() -> str:
        assert world.book.row is not None
        return standing_of(world.book.row)

    assert standing() == "running"
    world.say(State.OUT, "SHOE")
    assert standing() == "pausing"
    world.acknowledge(world.commands[-1], Result.FAILED)
    assert world.book.row is not None
    assert any("PAUSE c1 failed 1 time" in line for line in standing_lines(world.book.row))
    world.acknowledge(world.commands[-1], Result.DONE)
    assert standing() == "paused"
    world.say(State.IN_STOCK, "SHOE")
    assert any("may be resumed from" in line for line in standing_lines(world.book.row))
    world.pass_time(2 * MINUTE_MS)
    assert standing() == "resuming"
    world.tell(CampaignKind.PAUSED_BY_OTHERS)
    assert standing() == "paused by others"
    world.tell(CampaignKind.ENDED)
    assert standing() == "ended"

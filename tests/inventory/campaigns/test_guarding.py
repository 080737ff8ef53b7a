from __future__ import annotations

from typing import Any

import msgspec
import pytest

from agents.inventory.alerts import AlertType, Severity
from agents.inventory.campaigns import watching
from agents.inventory.campaigns.budgets import apportion
from agents.inventory.campaigns.validation import problem_of
from agents.inventory.campaigns.words import (
    Alternative,
    CampaignKind,
    CampaignRecord,
    CommandKind,
    Registration,
    Result,
    Rule,
    Thresholds,
)
from agents.inventory.offers import State
from agents.inventory.transactions import Kind
from tests.inventory.campaigns.world import HOUR_MS, MINUTE_MS, SECOND_MS, World

PAUSE, RESUME, SHIFT, BOOST = CommandKind.PAUSE, CommandKind.RESUME, CommandKind.SHIFT_BUDGET, CommandKind.BOOST


def registration(*skus: str, alternatives: tuple[Alternative, ...] = (), **thresholds: Any) -> Registration:
    return Registration(
        "google_ads",
        "123",
        1_000,
        "EUR",
        skus=skus or ("SHOE",),
        thresholds=Thresholds(**thresholds),
        alternatives=alternatives,
    )


def test_the_sale_that_empties_the_sku_pauses_at_once_and_says_why() -> None:
    world = World(registration())
    world.say(State.IN_STOCK, "SHOE")
    (command,) = world.say(State.OUT, "SHOE").commands
    assert (command.kind, command.reason, command.skus) == (PAUSE, "out_of_stock", ("SHOE",))
    assert command.causes == (world.log[-1].record.edges[0].event_id,)
    assert command.expires_at_ms > command.at_ms
    assert command.idempotency_key == f"c1.{world.log[0].at_ms}.1"


@pytest.mark.parametrize(
    ("rule", "until_paused", "until_resumed"), [(Rule.ANY, 1, 4), (Rule.ALL, 4, 1), (Rule.SHARE, 2, 3)]
)
def test_the_rule_says_how_many_skus_pause_and_how_many_resume(
    rule: Rule, until_paused: int, until_resumed: int
) -> None:
    share: dict[str, Any] = {"pause_at": 50, "resume_at": 75} if rule is Rule.SHARE else {}
    skus = ("A", "B", "C", "D")
    world = World(registration(*skus, rule=rule, **share))
    world.say(State.IN_STOCK, *skus)
    for number, sku in enumerate(skus, 1):
        world.say(State.OUT, sku)
        assert world.kinds() == ([PAUSE] if number >= until_paused else [])
    world.pass_time(HOUR_MS)
    for number, sku in enumerate(skus, 1):
        world.say(State.IN_STOCK, sku)
        assert world.kinds() == ([PAUSE, RESUME] if number >= until_resumed else [PAUSE])


def test_low_is_a_band_in_which_everything_stays() -> None:
    world = World(registration())
    world.say(State.LOW, "SHOE")
    assert world.kinds() == []
    world.say(State.OUT, "SHOE")
    world.pass_time(HOUR_MS)
    world.say(State.LOW, "SHOE")
    world.pass_time(HOUR_MS)
    assert world.kinds() == [PAUSE]
    world.say(State.IN_STOCK, "SHOE")
    assert world.kinds() == [PAUSE, RESUME]


def test_a_sku_counts_by_the_best_of_its_channels_said_in_one_decision() -> None:
    world = World(registration())
    world.tell(CampaignKind.EDGE, edges=(world.edge("SHOE", State.OUT), world.edge("SHOE", State.IN_STOCK, "app")))
    assert world.kinds() == []


def test_a_resume_waits_for_the_dwell_and_the_next_pause_for_the_cool_down() -> None:
    world = World(registration(minimum_dwell_ms=10 * MINUTE_MS, cool_down_ms=20 * MINUTE_MS))
    world.say(State.OUT, "SHOE")
    world.pass_time(MINUTE_MS)
    world.say(State.IN_STOCK, "SHOE")
    assert world.kinds() == [PAUSE]
    world.pass_time(10 * MINUTE_MS)
    world.say(State.OUT, "SHOE")
    assert world.kinds() == [PAUSE, RESUME]
    world.pass_time(30 * MINUTE_MS)
    assert [command.at_ms - world.commands[0].at_ms for command in world.commands] == [
        0,
        10 * MINUTE_MS,
        30 * MINUTE_MS,
    ]


def test_what_others_paused_is_left_alone_until_they_resume_it() -> None:
    world = World(registration())
    world.others(pause=True)
    world.say(State.OUT, "SHOE")
    world.pass_time(2 * HOUR_MS)
    world.say(State.IN_STOCK, "SHOE")
    world.pass_time(2 * HOUR_MS)
    assert world.commands == []
    world.others(pause=False)
    world.say(State.OUT, "SHOE")
    assert world.commands == [], "who resumed it is given the cool-down"
    world.pass_time(HOUR_MS)
    assert world.kinds() == [PAUSE]


def test_a_pause_that_finds_it_paused_already_makes_it_theirs() -> None:
    world = World(registration())
    world.platform.paused_by = "others"
    world.say(State.OUT, "SHOE")
    world.pass_time(HOUR_MS)
    world.say(State.IN_STOCK, "SHOE")
    world.pass_time(HOUR_MS)
    assert world.kinds() == [PAUSE]
    assert [alert.severity for alert in world.alerts] == [Severity.WARNING]


def test_a_failed_pause_is_sent_again_ever_later_under_its_key_and_then_somebody_is_told() -> None:
    world = World(registration())
    world.answers_by_itself = False
    world.say(State.OUT, "SHOE")
    gaps = []
    for _ in range(6):
        begun_ms, sent = world.now_ms, len(world.commands)
        world.acknowledge(world.commands[-1], Result.FAILED)
        while len(world.commands) == sent:
            world.pass_time(SECOND_MS)
        gaps.append((world.now_ms - begun_ms) // SECOND_MS)
    assert gaps == [5, 10, 20, 40, 80, 160]
    assert len({command.idempotency_key for command in world.commands}) == 1
    (alert,) = world.alerts
    key = world.commands[0].idempotency_key
    assert (alert.type, alert.severity, alert.about) == (AlertType.COMMAND_FAILED, Severity.CRITICAL, key)
    world.acknowledge(world.commands[-1], Result.DONE)
    world.pass_time(HOUR_MS)
    assert len(world.commands) == 7
    resolved = world.alerts[1]
    assert (resolved.type, resolved.resolves, resolved.about) == (AlertType.RESOLVED, AlertType.COMMAND_FAILED, key)
    assert len(world.alerts) == 2


def test_a_pause_known_to_have_failed_needs_no_resume_when_stock_is_back() -> None:
    world = World(registration())
    world.answers_by_itself = False
    world.say(State.OUT, "SHOE")
    world.acknowledge(world.commands[-1], Result.FAILED)
    world.say(State.IN_STOCK, "SHOE")
    world.pass_time(HOUR_MS)
    assert len(world.commands) == 1
    assert [(alert.type, alert.about) for alert in world.alerts] == [
        (AlertType.RESOLVED, world.commands[0].idempotency_key)
    ], "whoever delivers may have told that it failed"


ALTERNATIVES = (Alternative("a1", ("X",)), Alternative("a2", ("Y",)), Alternative("a3", ("Z",)))


def test_the_budget_goes_to_alternatives_in_stock_by_their_cover_once_the_pause_is_done_and_comes_back() -> None:
    world = World(registration(alternatives=ALTERNATIVES))
    world.say(State.IN_STOCK, "SHOE", "X", "Y")
    world.say(State.OUT, "Z")
    world.signal("X", 20)
    world.signal("Y", 10)
    world.say(State.OUT, "SHOE")
    assert world.kinds() == [PAUSE], "nothing is spent twice: the pause must be done first"
    world.pass_time(MINUTE_MS)
    assert world.told == {"a1": 667, "a2": 333}
    world.pass_time(HOUR_MS)
    world.say(State.IN_STOCK, "SHOE")
    assert world.told == {"a1": 0, "a2": 0}
    assert world.kinds() == [PAUSE, SHIFT, SHIFT, RESUME, SHIFT, SHIFT]


def test_an_alternative_that_runs_out_gives_the_budget_to_the_others() -> None:
    world = World(registration(alternatives=ALTERNATIVES))
    world.say(State.IN_STOCK, "X", "Y")
    world.say(State.OUT, "SHOE")
    world.pass_time(MINUTE_MS)
    world.say(State.OUT, "X")
    world.pass_time(HOUR_MS)
    assert world.told == {"a1": 0, "a2": 1_000}


def test_parts_are_whole_and_sum_exactly() -> None:
    assert apportion(100, [1, 1, 1]) == (34, 33, 33)
    assert apportion(10, [7, 2, 1]) == (7, 2, 1)
    assert apportion(0, [3, 4]) == (0, 0)
    for amount in range(200):
        assert sum(apportion(amount, [3, 7, 11, 1])) == amount


def test_overstock_boosts_until_the_lower_bound_or_until_the_figure_no_longer_holds() -> None:
    world = World(registration(boost_above_weeks=10, boost_until_weeks=6, boost_percent=25))
    world.say(State.IN_STOCK, "SHOE")
    world.signal("SHOE", 71)
    assert world.platform.extra == {"c1": 250}
    world.pass_time(HOUR_MS)
    world.signal("SHOE", 43)
    assert world.platform.extra == {"c1": 250}
    world.signal("SHOE", 42)
    assert world.platform.extra == {"c1": 250}, "figures of one moment: the first stands"
    world.pass_time(HOUR_MS)
    world.signal("SHOE", 42)
    assert world.platform.extra == {"c1": 0}
    world.pass_time(HOUR_MS)
    world.signal("SHOE", 90, until_ms=world.now_ms + HOUR_MS)
    assert world.platform.extra == {"c1": 250}
    world.pass_time(2 * HOUR_MS)
    assert world.platform.extra == {"c1": 0}


def test_what_is_watched_follows_the_registration() -> None:
    world = World(registration("A", "B", alternatives=(Alternative("a1", ("X",)),)))
    assert [(each.kind, each.sku) for each in world.transactions] == [(Kind.WATCH, sku) for sku in ("A", "B", "X")]
    assert world.transactions[0].watcher is not None
    assert (world.transactions[0].watcher.topic, world.transactions[0].watcher.key) == ("campaigns.v1", "c1")
    world.transactions.clear()
    world.tell(CampaignKind.CHANGED, registration=registration("B", "C"))
    asked = [(each.kind, each.sku) for each in world.transactions]
    assert asked == [(Kind.UNWATCH, "A"), (Kind.UNWATCH, "X"), (Kind.WATCH, "C")]
    world.tell(CampaignKind.ENDED)
    assert [(each.kind, each.sku) for each in world.transactions[3:]] == [(Kind.UNWATCH, "B"), (Kind.UNWATCH, "C")]
    assert len({each.transaction_id for each in world.transactions}) == 5


def test_a_category_is_what_its_members_are() -> None:
    by_category = msgspec.structs.replace(registration(), skus=(), category="shoes")
    world = World(by_category)
    assert world.transactions == []
    world.tell(CampaignKind.MEMBERS, skus=("B", "A"))
    assert [each.sku for each in world.transactions] == ["A", "B"]
    world.say(State.OUT, "A", "B")
    assert world.kinds() == [PAUSE]


def test_what_ended_is_neither_resumed_nor_paused_gives_budgets_back_and_is_forgotten() -> None:
    world = World(registration(alternatives=ALTERNATIVES))
    world.say(State.IN_STOCK, "X")
    world.say(State.OUT, "SHOE")
    world.pass_time(MINUTE_MS)
    world.tell(CampaignKind.ENDED)
    assert world.told == {"a1": 0}
    world.pass_time(8 * 24 * HOUR_MS)
    assert world.kinds() == [PAUSE, SHIFT, SHIFT]
    assert world.book.row is None


def test_an_old_edge_that_comes_again_changes_nothing() -> None:
    world = World(registration())
    world.say(State.IN_STOCK, "SHOE")
    old = world.log[-1].record
    world.say(State.OUT, "SHOE")
    world.pass_time(HOUR_MS)
    assert world.tell(CampaignKind.EDGE, edges=old.edges).ignored is not None
    assert world.kinds() == [PAUSE]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"budget_minor": -1}, "budget_minor"),
        ({"currency": "euro"}, "currency"),
        ({"skus": ()}, "category"),
        ({"skus": ("A", "A")}, "twice"),
        ({"alternatives": (Alternative("c1", ("X",)),)}, "itself"),
        ({"thresholds": Thresholds(rule=Rule.SHARE, pause_at=50, resume_at=50)}, "flap"),
        ({"thresholds": Thresholds(minimum_dwell_ms=-1)}, "minimum_dwell_ms"),
    ],
)
def test_a_registration_that_makes_no_sense_is_malformed(fields: dict[str, Any], problem: str) -> None:
    wrong = msgspec.structs.replace(registration(), **fields)
    record = CampaignRecord(
        record_id="r", source="s", kind=CampaignKind.REGISTERED, campaign_id="c1", registration=wrong
    )
    assert problem in (problem_of(record) or "")


def test_an_older_edge_that_comes_again_changes_nothing_not_even_of_another_channel() -> None:
    world = World(registration())
    older = world.edge("SHOE", State.OUT, "app")
    world.tell(CampaignKind.EDGE, edges=(world.edge("SHOE", State.IN_STOCK), world.edge("SHOE", State.OUT)))
    assert world.kinds() == [PAUSE]
    decision = world.tell(CampaignKind.EDGE, edges=(older,))
    assert decision.ignored == "it says nothing new of what the campaign leads to"
    assert world.book.row is not None
    assert world.book.row.heard[0].cells == (), "what is out needs no room"


def test_more_channels_than_a_row_can_hold_are_warned_of_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "MOST_CELLS", 2)
    world = World(registration("A", "B"))
    for channel in ("web", "app", "till", "kiosk"):
        world.tell(CampaignKind.EDGE, edges=(world.edge("A", State.IN_STOCK, channel),))
    assert [alert.severity for alert in world.alerts] == [Severity.WARNING]
    assert world.book.row is not None
    assert [cell.channel for cell in world.book.row.heard[0].cells] == ["web", "app"]
    world.tell(CampaignKind.EDGE, edges=(world.edge("A", State.OUT, "web"), world.edge("B", State.LOW, "web")))
    assert [[cell.channel for cell in each.cells] for each in world.book.row.heard] == [["app"], ["web"]]


def test_after_other_channels_were_named_only_the_answer_of_the_ledger_counts() -> None:
    world = World(registration())
    world.say(State.IN_STOCK, "SHOE")
    world.tell(CampaignKind.CHANGED, registration=msgspec.structs.replace(registration(), channels=("web", "app")))
    change = msgspec.structs.replace(world.edge("SHOE", State.OUT, "app"), previous=State.IN_STOCK)
    assert world.tell(CampaignKind.EDGE, edges=(change,)).ignored is not None
    answer = world.edge("SHOE", State.OUT, "app"), world.edge("SHOE", State.IN_STOCK, "web")
    world.tell(CampaignKind.EDGE, edges=answer)
    assert world.commands == [], "it can be sold on the web all the time"
    gone = msgspec.structs.replace(world.edge("SHOE", State.OUT, "web"), previous=State.IN_STOCK)
    world.tell(CampaignKind.EDGE, edges=(gone,))
    assert world.kinds() == [PAUSE]

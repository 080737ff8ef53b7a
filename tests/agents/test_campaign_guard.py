from __future__ import annotations

import random

import pytest

from agents.campaign_guard import CampaignWords
from agents.codec import Malformed
from agents.inventory.campaigns.words import (
    Acknowledgement,
    Alternative,
    CampaignKind,
    CampaignRecord,
    CommandKind,
    Registration,
    Result,
    Rule,
    Thresholds,
    cover_record,
)
from agents.inventory.channels import Method
from agents.inventory.offers import State
from agents.inventory.transactions import ChannelReference, Kind, LocationReference
from tests.agents.two_folds import Given, TwoFolds, folded

PAUSE, RESUME, SHIFT, BOOST = CommandKind.PAUSE, CommandKind.RESUME, CommandKind.SHIFT_BUDGET, CommandKind.BOOST
MINUTE_MS = 60_000
AT_ONCE = Thresholds(minimum_dwell_ms=0, cool_down_ms=0)


def registration(*skus: str, category: str | None = None, others: tuple[Alternative, ...] = ()) -> Registration:
    return Registration(
        "google_ads", "123", 1_000, "EUR", skus=skus, category=category, thresholds=AT_ONCE, alternatives=others
    )


@pytest.fixture
def world() -> TwoFolds:
    made = TwoFolds()
    made.set(ChannelReference("web", methods=("shipping",)), LocationReference("LEEDS", region="north"))
    return made


def acknowledge(world: TwoFolds, result: Result = Result.DONE) -> None:
    command = world.commands[-1]
    said = Acknowledgement(command.idempotency_key, result, command.attempt)
    world.tell(CampaignKind.ACKNOWLEDGED, acknowledgement=said)


def edges_heard(world: TwoFolds) -> list[tuple[str, int, set[State]]]:
    """Of each EDGE record the SKU, the edges and their states."""
    return [
        (record.edges[0].sku, len(record.edges), {edge.state for edge in record.edges})
        for record, _ in world.log
        if record.kind is CampaignKind.EDGE
    ]


def test_the_sale_that_empties_a_sku_pauses_and_names_the_decision_that_caused_it(world: TwoFolds) -> None:
    world.fact(Kind.RECEIPT, "SHOE", 2)
    world.tell(CampaignKind.REGISTERED, registration=registration("SHOE"))
    world.fact(Kind.SALE, "SHOE", 1)
    assert world.commands == []
    world.fact(Kind.SALE, "SHOE", 1)
    (command,) = world.commands
    assert (command.kind, command.reason, command.skus, command.entity) == (PAUSE, "out_of_stock", ("SHOE",), "summer")
    everywhere = next(edge for edge in world.log[-1][0].edges if edge.region is None)
    assert command.causes == (everywhere.event_id,)
    assert everywhere.event_id.startswith("inventory.transactions.v1-0-")
    acknowledge(world)
    world.fact(Kind.RECEIPT, "SHOE", 5)
    assert [each.kind for each in world.commands] == [PAUSE, RESUME]


def test_a_registration_is_told_at_once_how_its_skus_stand(world: TwoFolds) -> None:
    world.fact(Kind.RECEIPT, "SHOE", 2)
    world.tell(CampaignKind.REGISTERED, registration=registration("SHOE", "HAT"))
    # The shop's shipping everywhere, and by itself in the north where SHOE lies; HAT was never heard of.
    assert edges_heard(world) == [("HAT", 1, {State.OUT}), ("SHOE", 2, {State.IN_STOCK})]
    assert world.commands == []
    world.tell(CampaignKind.REGISTERED, "winter", registration=registration("HAT"))
    assert [(each.campaign_id, each.kind) for each in world.commands] == [("winter", PAUSE)]


def test_all_edges_of_one_decision_come_as_one_record_for_each_campaign_that_watches(world: TwoFolds) -> None:
    world.set(ChannelReference("app"), LocationReference("YORK", region="south", pickup=True))
    world.fact(Kind.RECEIPT, "SHOE", 2)
    world.tell(CampaignKind.REGISTERED, registration=registration("SHOE"))
    world.tell(CampaignKind.REGISTERED, "winter", registration=registration("SHOE"))
    before = len(edges_heard(world))
    world.fact(Kind.SALE, "SHOE", 2)
    said = [record for record, _ in world.log if record.kind is CampaignKind.EDGE][before:]
    assert {record.campaign_id for record in said} == {"summer", "winter"}
    assert len(said) == 2
    for record in said:
        cells = {(edge.channel, edge.method, edge.region) for edge in record.edges}
        assert {(channel, Method.SHIPPING, region) for channel in ("web", "app") for region in (None, "north")} == cells
        assert len({edge.event_id.rpartition("-")[0] for edge in record.edges}) == 1
        assert record.record_id == record.edges[0].event_id
    assert said[0].edges == said[1].edges


def test_goods_that_only_change_places_pause_nothing(world: TwoFolds) -> None:
    world.set(LocationReference("YORK", region="south"))
    world.fact(Kind.RECEIPT, "SHOE", 2)
    world.tell(CampaignKind.REGISTERED, registration=registration("SHOE"))
    world.fact(Kind.RECEIPT, "SHOE", 1, "YORK")
    world.fact(Kind.SALE, "SHOE", 2)
    assert world.commands == []


def test_a_change_watches_only_what_is_new_and_unwatches_what_is_gone(world: TwoFolds) -> None:
    world.tell(CampaignKind.REGISTERED, registration=registration("SHOE", "HAT"))
    world.transactions.clear()
    world.tell(CampaignKind.REGISTERED, registration=registration("SHOE", "HAT"))
    world.tell(CampaignKind.CHANGED, registration=registration("SHOE", "HAT"))
    assert world.transactions == []
    world.tell(CampaignKind.CHANGED, registration=registration("SHOE", "SOCK", others=(Alternative("b", ("CAP",)),)))
    assert [(each.kind, each.sku) for each in world.transactions] == [
        (Kind.UNWATCH, "HAT"),
        (Kind.WATCH, "CAP"),
        (Kind.WATCH, "SOCK"),
    ]
    world.transactions.clear()
    world.tell(CampaignKind.ENDED)
    assert {(each.kind, each.sku) for each in world.transactions} == {
        (Kind.UNWATCH, "SHOE"),
        (Kind.UNWATCH, "SOCK"),
        (Kind.UNWATCH, "CAP"),
    }
    heard = len(edges_heard(world))
    for sku in ("SHOE", "HAT", "SOCK", "CAP"):
        world.fact(Kind.RECEIPT, sku, 1)
    assert len(edges_heard(world)) == heard, "the ledger says nothing to who does not watch"


def test_the_members_of_a_category_are_watched_as_they_are_told(world: TwoFolds) -> None:
    world.tell(CampaignKind.REGISTERED, registration=registration(category="hats"))
    assert world.transactions == []
    world.tell(CampaignKind.MEMBERS, skus=("HAT-2", "HAT-1"))
    world.tell(CampaignKind.MEMBERS, skus=("HAT-1", "HAT-3"))
    assert [(each.kind, each.sku) for each in world.transactions] == [
        (Kind.WATCH, "HAT-1"),
        (Kind.WATCH, "HAT-2"),
        (Kind.UNWATCH, "HAT-2"),
        (Kind.WATCH, "HAT-3"),
    ]


def test_the_budget_goes_to_the_alternatives_in_proportion_to_the_cover_that_the_replenisher_told(
    world: TwoFolds,
) -> None:
    for sku in ("SHOE", "HAT", "CAP"):
        world.fact(Kind.RECEIPT, sku, 1)
    others = (Alternative("hats", ("HAT",)), Alternative("caps", ("CAP",)))
    world.tell(CampaignKind.REGISTERED, registration=registration("SHOE", others=others))
    for sku, days in (("HAT", 30), ("CAP", 10)):
        record = cover_record(f"demand.v1-0-{days}-0", "summer", sku, days, world.now_ms, None)
        world.tell(CampaignKind.SIGNAL, signal=record.signal)
    world.fact(Kind.SALE, "SHOE", 1)
    acknowledge(world)
    shifted = [(each.entity, each.amount_minor) for each in world.commands if each.kind is SHIFT]
    assert shifted == [("hats", 750), ("caps", 250)]


def test_a_command_without_an_answer_is_sent_again_when_it_is_due(world: TwoFolds) -> None:
    world.fact(Kind.RECEIPT, "SHOE", 1)
    world.tell(CampaignKind.REGISTERED, registration=registration("SHOE"))
    world.fact(Kind.SALE, "SHOE", 1)
    world.wake()
    assert len(world.commands) == 1
    world.now_ms += MINUTE_MS
    assert [key for key, _ in world.guard.due(world.now_ms, 100)] == [b"summer"]
    world.wake()
    assert [(each.kind, each.attempt) for each in world.commands] == [(PAUSE, 1), (PAUSE, 2)]
    assert world.commands[0].idempotency_key == world.commands[1].idempotency_key
    assert world.commands[0].event_id != world.commands[1].event_id
    assert list(world.guard.due(world.now_ms, 100)) == []


def test_folding_the_log_again_gives_the_same_commands_to_the_byte() -> None:
    world = TwoFolds()
    world.set(ChannelReference("web"), LocationReference("LEEDS", pickup=True))
    chance = random.Random(3)
    skus = [f"S{number}" for number in range(6)]
    share = Thresholds(Rule.SHARE, 40, 60, minimum_dwell_ms=MINUTE_MS, cool_down_ms=2 * MINUTE_MS)
    for name, mine in (("summer", skus[:4]), ("winter", skus[2:])):
        others = (Alternative("b", tuple(skus[-1:])),) if name == "summer" else ()
        registered = Registration("meta", "1", 999, "EUR", skus=tuple(mine), thresholds=share, alternatives=others)
        world.tell(CampaignKind.REGISTERED, name, registration=registered)
    for _ in range(300):
        world.fact(chance.choice([Kind.RECEIPT, Kind.SALE]), chance.choice(skus), chance.randrange(1, 4))
        world.now_ms += chance.randrange(MINUTE_MS)
        world.wake()
        if world.commands and chance.random() < 0.7:
            command = chance.choice(world.commands[-3:])
            result = chance.choice([Result.DONE, Result.DONE, Result.FAILED])
            answer = Acknowledgement(command.idempotency_key, result, command.attempt)
            world.tell(CampaignKind.ACKNOWLEDGED, command.campaign_id, acknowledgement=answer)
    assert {PAUSE, RESUME} <= {each.kind for each in world.commands}

    again, guard = [], world.new_guard()
    for _, given in world.log:
        for topic, _, value, *_ in folded(guard, given, given.time_ms):
            if topic == world.guard_words.commands:
                again.append(world.command_of(value or b""))
    assert again == world.commands
    assert len({each.event_id for each in again}) == len(again)


@pytest.mark.parametrize(
    ("key", "fields", "why"),
    [
        (b"winter", {}, "is not its campaign"),
        (b"summer", {"kind": CampaignKind.MEMBERS, "skus": ("A", "A")}, "twice"),
        (b"summer", {"registration": None}, "carries no registration"),
    ],
)
def test_a_record_that_cannot_be_decided_is_malformed_and_changes_nothing(
    world: TwoFolds, key: bytes, fields: dict[str, object], why: str
) -> None:
    words: CampaignWords = world.guard_words
    given = {"kind": CampaignKind.REGISTERED, "registration": registration("SHOE"), **fields}
    record = CampaignRecord(record_id="r", source="test", campaign_id="summer", **given)  # type: ignore[arg-type]
    with pytest.raises(Malformed, match=why):
        folded(world.guard, Given(key, words.campaign(record), 1, world.now_ms), world.now_ms)
    assert not world.guard.overlay.changes()

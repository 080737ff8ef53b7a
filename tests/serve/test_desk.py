from __future__ import annotations

import random

from agents.inventory.campaigns.words import CommandKind, Result
from agents.serve.delivery.parcels import Call, Fate
from agents.serve.delivery.replies import Reply, no_reply
from tests.serve.parts import NOW_MS, Table, command, platform

DONE = Reply(Result.DONE, "", 204)
FAILED = Reply(Result.FAILED, "HTTP 422: removed", 422)
AGAIN = no_reply("connection refused")
PAUSE, RESUME, SHIFT = CommandKind.PAUSE, CommandKind.RESUME, CommandKind.SHIFT_BUDGET


def results(table: Table) -> list[Result | None]:
    return [outcome.result for outcome in table.outcomes]


def test_a_command_is_called_once_and_answered() -> None:
    table = Table()
    table.arrive(command())
    call = table.one()
    assert not call.ask_only
    assert table.start() == []
    table.reply(call, DONE)
    assert results(table) == [Result.DONE]
    assert table.desk.next_ms() is None


def test_a_later_command_for_the_same_takes_the_place_of_an_undelivered_one() -> None:
    table = Table(platform(concurrency=1))
    table.arrive(command(1, PAUSE, campaign_id="busy"))
    busy = table.one()
    table.arrive(command(1, PAUSE))
    table.arrive(command(2, RESUME))
    table.reply(busy, DONE)
    assert table.one().parcel.command.sequence == 2
    assert ("c1.1", Fate.SUPERSEDED) in table.fates


def test_commands_for_other_things_do_not_take_each_others_place() -> None:
    table = Table()
    for sequence, entity in enumerate(("a", "b"), 1):
        table.arrive(command(sequence, SHIFT, entity=entity, amount_minor=1, currency="EUR"))
    table.arrive(command(3, PAUSE))
    order = []
    for _ in range(3):
        call = table.one()
        order.append(call.parcel.command.sequence)
        table.reply(call, DONE)
    assert order == [1, 2, 3], "one at a time, in the order of the log"


def test_what_waits_to_be_tried_again_does_not_hold_up_other_things_of_its_campaign() -> None:
    table = Table()
    table.arrive(command(1, SHIFT, entity="a", amount_minor=1, currency="EUR"))
    table.reply(table.one(), AGAIN)
    table.arrive(command(2, PAUSE))
    assert table.one().parcel.command.kind is PAUSE


def test_two_calls_for_one_campaign_are_never_under_way_together() -> None:
    table = Table()
    table.arrive(command(1, PAUSE))
    first = table.one()
    table.arrive(command(2, RESUME))
    assert table.start() == []
    table.reply(first, AGAIN)
    assert ("c1.1", Fate.SUPERSEDED) in table.fates, "its call was in vain, and a later command is there"
    assert table.one().parcel.command.sequence == 2


def test_a_repeat_goes_on_where_the_attempt_before_it_was() -> None:
    table = Table(platform(most_attempts=3))
    table.arrive(command(attempt=1))
    table.reply(table.one(), AGAIN)
    table.arrive(command(attempt=2))
    assert table.start() == [], "its back-off does not begin anew"
    for _ in range(2):
        table.until_due()
        table.reply(table.one(), AGAIN)
    assert table.fates == [("c1.1", Fate.SUPERSEDED), ("c1.1", Fate.BURIED)]
    assert "3 calls" in table.outcomes[-1].message
    assert table.outcomes[-1].parcel.command.attempt == 2


def test_what_was_done_is_done_for_its_repeats_without_another_call() -> None:
    table = Table()
    table.arrive(command(attempt=1))
    call = table.one()
    table.arrive(command(attempt=2))
    table.reply(call, DONE)
    table.arrive(command(attempt=3))
    assert table.start() == []
    assert results(table) == [Result.DONE] * 3
    assert [outcome.parcel.command.attempt for outcome in table.outcomes] == [1, 2, 3]


def test_what_failed_is_called_again_when_it_is_sent_again() -> None:
    table = Table()
    table.arrive(command(attempt=1))
    table.reply(table.one(), FAILED)
    table.arrive(command(attempt=2))
    table.reply(table.one(), DONE)
    assert results(table) == [Result.FAILED, Result.DONE]


def test_people_hear_once_that_a_command_failed_and_once_that_it_is_done_after_all() -> None:
    table = Table()
    for attempt in (1, 2, 3):
        table.arrive(command(attempt=attempt))
        table.reply(table.one(), FAILED)
    table.arrive(command(attempt=4))
    table.reply(table.one(), DONE)
    assert [outcome.raises for outcome in table.outcomes] == [True, False, False, False]
    assert [outcome.resolves for outcome in table.outcomes] == [False, False, False, True]


def test_what_an_earlier_process_has_alerted_is_not_alerted_again_and_is_resolved_once() -> None:
    table = Table()
    table.desk.recall([command().idempotency_key])
    for attempt, reply in ((4, FAILED), (5, AGAIN), (5, DONE)):
        if reply is not DONE:
            table.arrive(command(attempt=attempt))
        else:
            table.until_due()
        table.reply(table.one(), reply)
    table.arrive(command(attempt=6))
    assert [outcome.raises for outcome in table.outcomes] == [False, False, False]
    assert [outcome.resolves for outcome in table.outcomes] == [False, True, False]


def test_what_nobody_was_told_of_is_not_resolved_however_often_it_was_sent() -> None:
    table = Table()
    table.arrive(command(attempt=4))
    table.reply(table.one(), DONE)
    assert not table.outcomes[0].resolves


def test_what_was_not_committed_before_the_partition_went_is_said_by_whoever_gets_it_next() -> None:
    table = Table()
    for partition in (0, 1):
        table.arrive(command(campaign_id=f"c{partition}"), partition=partition)
        table.reply(table.one(), FAILED)
    table.desk.leave(frozenset({1}))
    for partition in (0, 1):
        table.arrive(command(campaign_id=f"c{partition}", attempt=2), partition=partition)
        table.reply(table.one(), FAILED)
    assert [outcome.raises for outcome in table.outcomes] == [True, True, False, True]


def test_nothing_is_asked_to_be_done_after_it_has_expired_only_whether_it_was() -> None:
    table = Table()
    table.arrive(command(expires_at_ms=NOW_MS + 10_000))
    table.reply(table.one(), AGAIN)
    table.now_ms = NOW_MS + 9_999
    call = table.one()
    assert not call.ask_only
    table.now_ms += 1
    table.reply(call, AGAIN)
    table.until_due()
    call = table.one()
    assert call.ask_only
    table.reply(call, FAILED)
    assert results(table) == [Result.FAILED]
    assert not table.outcomes[0].raises, "that an expired command was not done is no news"


def test_a_repeat_that_comes_expired_only_asks() -> None:
    table = Table()
    table.arrive(command(attempt=2, expires_at_ms=NOW_MS))
    assert table.one().ask_only


def test_what_expired_long_ago_is_passed_over_unless_a_person_sent_it_again() -> None:
    table = Table(platform(give_up_ms=60_000))
    table.arrive(command(expires_at_ms=NOW_MS - 60_001))
    assert table.fates == [("c1.1", Fate.PASSED_OVER)]
    table.arrive(command(expires_at_ms=NOW_MS - 60_001), redriven=True)
    assert table.one().ask_only


def test_a_command_older_than_one_that_came_before_it_is_never_sent() -> None:
    table = Table()
    table.arrive(command(2, RESUME))
    table.reply(table.one(), DONE)
    table.arrive(command(1, PAUSE), redriven=True)
    assert table.start() == []
    assert table.fates[-1] == ("c1.1", Fate.SUPERSEDED)


def test_numbers_begin_anew_with_a_new_registration() -> None:
    table = Table()
    table.arrive(command(9, RESUME))
    table.reply(table.one(), DONE)
    table.arrive(command(1, PAUSE, idempotency_key=f"c1.{NOW_MS}.1"))
    assert table.one().parcel.command.sequence == 1


def test_after_so_many_calls_it_is_buried_and_people_hear_of_it() -> None:
    table = Table(platform(most_attempts=4))
    table.arrive(command())
    for _ in range(3):
        table.reply(table.one(), AGAIN)
        table.until_due()
    table.reply(table.one(), AGAIN)
    (buried,) = table.outcomes
    assert (buried.fate, buried.raises) == (Fate.BURIED, True)
    assert "4 calls" in buried.message
    assert "connection refused" in buried.message


def test_what_is_never_called_for_a_platform_that_is_away_is_buried_in_time() -> None:
    table = Table(platform(concurrency=1, give_up_ms=30_000, first_back_off_ms=20_000, most_attempts=1_000))
    for campaign in ("c1", "c2", "c3"):
        table.arrive(command(campaign_id=campaign))
    while not table.outcomes:
        table.reply_all(AGAIN)
        table.until_due()
    assert {fate for _, fate in table.fates} == {Fate.BURIED}
    assert table.now_ms - NOW_MS >= 30_000


def test_a_command_without_a_platform_is_buried_and_one_delivered_elsewhere_passed_over() -> None:
    table = Table(platform(), platform(name="theirs", elsewhere=True))
    table.arrive(command(platform="theirs"))
    table.arrive(command(platform="nowhere", campaign_id="c2"))
    assert [fate for _, fate in table.fates] == [Fate.PASSED_OVER, Fate.BURIED]
    assert table.outcomes[1].raises
    assert "no platform 'nowhere'" in table.outcomes[1].message


def test_so_many_calls_at_a_time_and_no_more() -> None:
    table = Table(platform(concurrency=3), platform(name="other", concurrency=1))
    for number in range(10):
        table.arrive(command(campaign_id=f"c{number}"))
    table.arrive(command(campaign_id="o", platform="other"))
    calls = table.start()
    assert len(calls) == 4
    assert [call.parcel.command.platform for call in calls].count("ads") == 3
    table.reply(calls[0], DONE)
    assert len(table.start()) == 1


def test_a_platform_that_is_away_is_only_probed_and_another_one_is_not_delayed() -> None:
    table = Table(platform(concurrency=4, most_attempts=1_000), platform(name="other"))
    for number in range(20):
        table.arrive(command(campaign_id=f"c{number}"))
    made = 0
    while table.now_ms < NOW_MS + 120_000:
        made += table.reply_all(AGAIN)
        table.until_due()
    assert made < 25, "twenty commands wait, but only the platform is tried"
    table.arrive(command(campaign_id="o", platform="other"))
    calls = table.start()
    assert "other" in {call.parcel.command.platform for call in calls}
    for call in calls:
        table.reply(call, DONE)
    table.reply_all(DONE)
    while table.desk.lanes["ads"].waiting:
        table.until_due()
        table.reply_all(DONE)
    assert results(table).count(Result.DONE) == 21, "when it is back, all of them are done"


def test_a_pause_that_the_platform_asks_for_holds_for_all_its_commands() -> None:
    table = Table()
    for campaign in ("c1", "c2"):
        table.arrive(command(campaign_id=campaign))
    first, second = table.start()
    table.reply(first, Reply(None, "HTTP 429", 429, retry_after_ms=30_000))
    table.arrive(command(campaign_id="c3"))
    table.reply(second, DONE)
    assert table.start() == [], "also after a call that was under way went well"
    table.now_ms += 29_999
    assert table.start() == []
    table.now_ms += 1
    assert len(table.start()) == 2


def test_a_partition_that_is_given_up_begins_no_further_call_and_keeps_the_answers_under_way() -> None:
    table = Table()
    table.arrive(command(campaign_id="c1"), partition=0)
    table.arrive(command(campaign_id="c2"), partition=1)
    one, two = table.start()
    table.arrive(command(campaign_id="c3"), partition=0)
    table.desk.close(frozenset({0}))
    table.reply(one, AGAIN)
    assert table.start() == []
    assert list(table.desk.calling(frozenset({0}))) == []
    assert [parcel.command.campaign_id for parcel in table.desk.calling(frozenset({1}))] == ["c2"]
    table.desk.leave(frozenset({0}))
    table.reply(two, DONE)
    assert results(table) == [Result.DONE]


def test_an_answer_that_comes_after_the_partition_went_counts_for_nothing() -> None:
    table = Table()
    table.arrive(command())
    call = table.one()
    table.desk.leave(frozenset({0}))
    table.reply(call, DONE)
    assert table.outcomes == []


def test_every_command_has_exactly_one_fate_whatever_the_platform_does() -> None:
    for seed in range(30):
        chance = random.Random(seed)
        table = Table(platform(concurrency=2, most_attempts=5), platform(name="other", concurrency=1))
        arrived, under_way = 0, list[Call]()
        for _ in range(400):
            what = chance.random()
            if what < 0.3:
                arrived += 1
                campaign, kind = f"c{chance.randrange(4)}", chance.choice([PAUSE, RESUME, SHIFT])
                where = "other" if campaign == "c0" else "ads"
                table.arrive(
                    command(arrived // 2 + 1, kind, campaign_id=campaign, platform=where, attempt=1 + arrived % 2,
                            expires_at_ms=table.now_ms + chance.randrange(-1_000, 60_000))
                )  # fmt: skip
            elif what < 0.6 and under_way:
                call = under_way.pop(chance.randrange(len(under_way)))
                table.reply(call, chance.choice([DONE, FAILED, AGAIN, AGAIN]))
            else:
                table.now_ms += chance.randrange(20_000)
                table.outcomes += table.desk.give_up(table.now_ms)
            under_way += table.start()
            campaigns = [call.parcel.command.campaign_id for call in under_way]
            assert len(campaigns) == len(set(campaigns))
        waiting = sum(lane.waiting for lane in table.desk.lanes.values())
        places = [outcome.parcel.place for outcome in table.outcomes]
        assert len(places) == len(set(places)), "one command, two fates"
        assert len(places) + waiting + len(under_way) == arrived, "a command without a fate"

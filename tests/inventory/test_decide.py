from __future__ import annotations

from typing import Any

from agents.inventory.answers import Alternative, KeptAnswer, LegState, Status
from agents.inventory.decide import RULES, decide
from agents.inventory.draft import occurrence_of
from agents.inventory.refusals import PRECEDENCE, Refusal
from agents.inventory.reservations import Claim, Closing, Leg, Loss
from agents.inventory.rows import ANSWERS, CLAIMS, CLOSED_CLAIMS, DUE, MOVEMENTS, POSITIONS
from agents.inventory.transactions import FACT_KINDS, INTENTION_KINDS, Destination, Kind, Mode
from agents.inventory.units import MILLISECONDS_PER_DAY as DAY_MS
from tests.inventory.helpers import SKU, Shop, answer_of, arrival, transaction
from tools.scenario.memory_rows import MemoryRows
from tools.scenario.words import BEGINS_MS


def stocked(quantity: int = 10) -> Shop:
    shop = Shop()
    shop.tell(Kind.RECEIPT, quantity)
    return shop


def test_a_decision_changes_nothing_by_itself() -> None:
    rows = MemoryRows()
    told = arrival(transaction(Kind.RECEIPT, 5))
    first = decide(rows, told)
    assert decide(rows, told) == first
    assert not any(rows.tables.values())


def test_every_field_of_record_answer_claim_and_level_says_what_is_called_so() -> None:
    """They are made by position: no two fields may have changed places."""
    shop = stocked(100)
    shop.tell(Kind.QUARANTINE, 7)
    shop.tell(Kind.INBOUND, 23, inbound="i1")
    texts = {field: f"the {field}" for field in ("holder", "channel", "order_id", "reason", "who", "why")}
    terms: dict[str, Any] = {"inbound": "i1", "promise_by_ms": BEGINS_MS + 5, "max_splits": 3, "priority": 4}
    terms |= {"ttl_ms": 90_000, "avoid": ("YORK",), "destination": Destination(country="GB")}
    asked = transaction(Kind.RESERVE, 12, number=9, line=6, source="order_router", **texts, **terms)
    decision = shop.send(asked)
    (record,), answer, (level,) = decision.journal, answer_of(decision), decision.levels
    claim, row = shop.rows.claim(SKU, "the holder", 6), shop.rows.position(SKU, "LEEDS")
    assert claim is not None
    assert row is not None
    for made, about in ((record, asked), (answer, asked), (claim, asked), (level, row), (answer, claim)):
        others = {"quantity", "legs", "locations"}  # Told in another form.
        common = set(made.__struct_fields__) & set(about.__struct_fields__) - others
        assert {name: getattr(made, name) for name in common} == {name: getattr(about, name) for name in common}
    assert (claim.locations, claim.routed, answer.routed, answer.quantity) == (("LEEDS",), True, True, 12)
    assert (claim.opened_at_ms, claim.due_ms) == (decision.answers[0].at_ms, decision.answers[0].at_ms + 90_000)
    assert (level.unpromised, level.reserved, level.quarantined, level.in_transit) == (81, 12, 7, 23)
    assert (level.on_hand, level.atp, level.location) == (100, 81, "LEEDS")


def test_event_ids_number_the_events_of_a_cause_in_the_documented_order() -> None:
    shop = stocked()
    shop.tell(Kind.RESERVE, 4, holder="r1", ttl_ms=1)
    shop.tell(Kind.RESERVE, 6, holder="r2", ttl_ms=60_000)
    shop.now_ms += 1
    decision = shop.tell(Kind.SALE, 7)
    expired, sold = decision.journal
    expiry, answer, notice = decision.answers
    events: list[Any] = [expired, expiry, sold, answer, notice, *decision.levels, *decision.alerts]
    assert [event.event_id for event in events] == [f"scenario-0-3-{number}" for number in range(len(events))]
    assert (expiry.status, answer.status, notice.status) == (Status.EXPIRED, Status.ACCEPTED, Status.YIELDED)
    assert (expired.kind, sold.kind) == (Kind.EXPIRE, Kind.SALE)
    assert [alert.type.value for alert in decision.alerts] == ["OVERSOLD"]


def test_refusals_stand_in_the_order_of_the_design() -> None:
    order = "id_reused too_late not_supported quantity_not_positive unknown_sku unknown_location unknown_topic already_allocated"
    order += " expired nothing_open unauthorised stale_count channel_quota insufficient_atp"
    assert [refusal.value for refusal in PRECEDENCE] == order.split()


def test_the_first_reason_that_applies_is_the_answer() -> None:
    shop = stocked()
    shop.tell(Kind.ALLOCATE, 1, holder="r1")
    week_ago = BEGINS_MS - 8 * DAY_MS
    asked = {"holder": "r1", "location": "HULL", "sku": "BOOT"}
    wrong = {**asked, "occurred_at_ms": week_ago}
    reasons = [
        answer_of(shop.tell(Kind.RESERVE, 0, **wrong)).refusal,
        answer_of(shop.tell(Kind.RESERVE, 0, **asked)).refusal,
        answer_of(shop.tell(Kind.RESERVE, 99, **asked)).refusal,
        answer_of(shop.tell(Kind.RESERVE, 99, **(asked | {"sku": SKU}))).refusal,
        answer_of(shop.tell(Kind.RESERVE, 99, holder="r1")).refusal,
        answer_of(shop.tell(Kind.RESERVE, 99, holder="r2")).refusal,
    ]
    assert reasons == [
        Refusal.TOO_LATE,
        Refusal.QUANTITY_NOT_POSITIVE,
        Refusal.UNKNOWN_SKU,
        Refusal.UNKNOWN_LOCATION,
        Refusal.ALREADY_ALLOCATED,
        Refusal.INSUFFICIENT_ATP,
    ]


def test_an_intention_is_kept_with_its_answer_and_a_fact_without() -> None:
    shop = stocked()
    answer = answer_of(shop.tell(Kind.RESERVE, 2, holder="r1"))
    kept = shop.rows.tables[ANSWERS]
    fact, intention = kept["shop", SKU, "t1"], kept["shop", SKU, "t2"]
    assert isinstance(fact, KeptAnswer)
    assert isinstance(intention, KeptAnswer)
    assert (fact.answer, fact.accepted, len(fact.digest)) == (None, True, 8)
    assert intention.answer == answer


def test_id_reused_leaves_what_is_kept_under_the_id() -> None:
    shop = stocked()
    decision = shop.tell(Kind.RECEIPT, 99, number=1)
    assert answer_of(decision).refusal is Refusal.ID_REUSED
    assert decision.changes == {}
    assert decision.dead_letter is not None


def test_a_backfill_source_is_never_too_late_and_never_forgotten() -> None:
    shop = Shop(backfill={"history"})
    old = BEGINS_MS - 5_000 * DAY_MS
    assert answer_of(shop.tell(Kind.RECEIPT, 5, source="history", occurred_at_ms=old)).refusal is None
    shop.now_ms += 400 * DAY_MS
    again = shop.tell(Kind.RECEIPT, 5, source="history", occurred_at_ms=old, number=1)
    assert answer_of(again).status is Status.ACCEPTED_EARLIER
    assert again.changes == {}
    assert answer_of(shop.tell(Kind.RECEIPT, 5, occurred_at_ms=old)).refusal is Refusal.TOO_LATE


def test_a_fact_of_a_clock_that_runs_ahead_is_not_applied_twice() -> None:
    shop = Shop()
    ahead = BEGINS_MS + 2 * DAY_MS
    shop.tell(Kind.RECEIPT, 5, occurred_at_ms=ahead)
    for days in range(1, 12):
        shop.now_ms = BEGINS_MS + days * DAY_MS
        shop.tell(Kind.RECEIPT, 5, occurred_at_ms=ahead, number=1)
    assert shop.rows.positions(SKU)["LEEDS"].unpromised == 5


def test_how_long_answers_are_kept_is_a_parameter() -> None:
    rows = MemoryRows()
    first = arrival(transaction(Kind.RECEIPT, 5, occurred_at_ms=BEGINS_MS))
    rows.apply(decide(rows, first, 1_000).changes)
    later = arrival(transaction(Kind.RECEIPT, 5, occurred_at_ms=BEGINS_MS), offset=1, at_ms=BEGINS_MS + 1_001)
    assert answer_of(decide(rows, later, 1_000)).refusal is Refusal.TOO_LATE
    assert answer_of(decide(rows, later, 1_001)).status is Status.ACCEPTED_EARLIER


def test_every_kind_is_decided() -> None:
    assert set(RULES) == set(Kind) - {Kind.EXPIRE, Kind.REFRESH}, "those two are the ledger's own, and have no answer"


def test_every_kind_is_fact_intention_reference_or_system() -> None:
    assert not FACT_KINDS & INTENTION_KINDS
    others = {Kind.ITEM, Kind.EXPIRE, Kind.REFRESH, Kind.POLICY, Kind.LOCATION, Kind.CHANNEL, Kind.FEED}
    assert set(Kind) == FACT_KINDS | INTENTION_KINDS | others


def test_an_expiry_that_finds_nothing_says_nothing() -> None:
    decision = stocked().tell(Kind.EXPIRE)
    assert (decision.changes, decision.answers, decision.journal, decision.levels) == ({}, (), (), ())


def test_due_rows_follow_the_claim() -> None:
    shop = stocked()
    due = shop.rows.tables[DUE]
    shop.tell(Kind.RESERVE, 2, holder="r1", ttl_ms=1_000)
    assert list(due) == [(BEGINS_MS + 1_000, SKU, "r1", 1)]
    shop.tell(Kind.EXTEND, holder="r1", ttl_ms=5_000)
    assert list(due) == [(BEGINS_MS + 5_000, SKU, "r1", 1)]
    shop.tell(Kind.ALLOCATE, 1, holder="r1", confirm=True)
    assert list(due) == [(BEGINS_MS + 5_000, SKU, "r1", 1)]
    shop.tell(Kind.ALLOCATE, holder="r1", confirm=True)
    assert list(due) == []


def test_the_answer_tells_what_the_claim_holds_after_everything() -> None:
    shop = stocked(5)
    shop.tell(Kind.RESERVE, 5, holder="r1")
    answer = answer_of(shop.tell(Kind.ALLOCATE, 2, holder="r1", confirm=True, order_id="o7", channel="web"))
    assert (answer.quantity, answer.legs, answer.location) == (2, (LegState("LEEDS", 3, 2),), "LEEDS")
    assert (answer.order_id, answer.channel, answer.line) == ("o7", "web", 1)
    assert answer.due_ms == BEGINS_MS + 15 * 60_000


def test_notices_go_to_the_order_of_the_claim_that_lost() -> None:
    shop = stocked(5)
    shop.tell(Kind.RESERVE, 5, holder="r1", order_id="o7", channel="web")
    notice = shop.tell(Kind.SALE, 2, order_id="till-9").answers[1]
    assert (notice.status, notice.holder, notice.order_id, notice.channel) == (Status.YIELDED, "r1", "o7", "web")
    assert (notice.quantity, notice.legs, notice.transaction_id) == (2, (LegState("LEEDS", 3, 0),), "t3")


def test_picked_units_of_a_claim_yield_last() -> None:
    shop = stocked(5)
    shop.tell(Kind.ALLOCATE, 2, holder="old")
    shop.tell(Kind.ALLOCATE, 3, holder="new")
    claim = shop.rows.claim(SKU, "new", 1)
    assert claim is not None
    picking = Claim((Leg("LEEDS", 0, 3, 2),), opening_offset=claim.opening_offset, locations=("LEEDS",))
    shop.rows.apply({(CLAIMS, (SKU, "new", 1)): picking})
    decision = shop.tell(Kind.COUNT, 3)
    assert [(notice.holder, notice.quantity) for notice in decision.answers[1:]] == [("new", 1), ("old", 1)]
    left = shop.rows.claim(SKU, "new", 1)
    assert left is not None
    assert left.legs == (Leg("LEEDS", 0, 2, 2),)
    assert left.losses == (Loss("LEEDS", BEGINS_MS // 1000, 1),)


def test_what_was_picked_leaves_first() -> None:
    shop = stocked(5)
    shop.tell(Kind.ALLOCATE, 3, holder="r1")
    shop.rows.apply({(CLAIMS, (SKU, "r1", 1)): Claim((Leg("LEEDS", 0, 3, 2),), locations=("LEEDS",))})
    shop.tell(Kind.SHIP, 1, holder="r1")
    claim = shop.rows.claim(SKU, "r1", 1)
    assert claim is not None
    assert claim.legs == (Leg("LEEDS", 0, 2, 1),)


def test_a_yielded_claim_closes_and_is_remembered() -> None:
    shop = stocked(2)
    shop.tell(Kind.RESERVE, 2, holder="r1")
    decision = shop.tell(Kind.SALE, 2)
    closed = shop.rows.closed_claim(SKU, "r1", 1)
    assert decision.changes[CLAIMS, (SKU, "r1", 1)] is None
    assert closed is not None
    assert (closed.closing, closed.last.legs) == (Closing.YIELDED, (Leg("LEEDS", 2),))


def test_what_a_closed_claim_lost_is_forgotten_after_a_day() -> None:
    shop = stocked(2)
    shop.tell(Kind.ALLOCATE, 2, holder="r1")
    shop.tell(Kind.COUNT, 0)
    assert (SKU, "r1", 1) in shop.rows.tables[CLOSED_CLAIMS]
    shop.now_ms += DAY_MS + 1
    decision = shop.tell(Kind.SHIP, 2, holder="r1")
    assert [alert.quantity for alert in decision.alerts] == [-2]


def test_a_level_is_published_for_every_changed_row_and_only_for_those() -> None:
    shop = stocked()
    shop.tell(Kind.RECEIPT, 3, location="YORK")
    shop.tell(Kind.RESERVE, 2, holder="r1")
    decision = shop.tell(Kind.RESERVE, 3, holder="r1", location="YORK")
    assert [(level.location, level.atp, level.revision) for level in decision.levels] == [
        ("LEEDS", 10, 3),
        ("YORK", 0, 2),
    ]
    assert {key for table, key in decision.changes if table == POSITIONS} == {(SKU, "LEEDS"), (SKU, "YORK")}
    assert shop.tell(Kind.EXTEND, holder="r1").levels == ()


def test_a_refusal_on_an_unknown_place_leaves_no_row_even_where_something_expires() -> None:
    shop = stocked()
    shop.tell(Kind.RESERVE, 2, holder="r1", ttl_ms=1)
    shop.now_ms += 1
    decision = shop.tell(Kind.RESERVE, 1, holder="r2", location="HULL")
    assert answer_of(decision).alternatives == (Alternative("LEEDS", 10),)
    assert {key for table, key in decision.changes if table == POSITIONS} == {(SKU, "LEEDS")}


def test_a_lot_is_named_in_the_postings() -> None:
    decision = Shop().tell(Kind.RECEIPT, 5, lot="L1")
    assert [posting.lot for posting in decision.journal[0].postings] == ["L1", "L1"]


def test_who_and_why_are_journalled() -> None:
    record = stocked().tell(Kind.ADJUST, -1, who="mary", why="stocktaking", reason="theft").journal[0]
    assert (record.who, record.why, record.reason) == ("mary", "stocktaking", "theft")


def test_movements_older_than_the_late_window_are_not_kept_for_a_count() -> None:
    shop = Shop()
    shop.now_ms += 3 * 3_600_000
    decision = shop.tell(Kind.RECEIPT, 5)
    assert not [table for table, _ in decision.changes if table == MOVEMENTS]
    assert [table for table, _ in shop.tell(Kind.SALE, 1, occurred_at_ms=shop.now_ms).changes if table == MOVEMENTS]


def test_the_first_record_time_of_a_forwarded_record_stands_in_for_a_missing_time() -> None:
    request = transaction(Kind.ADJUST, 1, mode=Mode.REQUEST, occurred_at_ms=None)
    assert occurrence_of(arrival(request, first_record_at_ms=BEGINS_MS - 9)) == BEGINS_MS - 9
    assert occurrence_of(arrival(request)) == BEGINS_MS
    assert occurrence_of(arrival(transaction(Kind.SALE, 1, occurred_at_ms=BEGINS_MS + 9))) == BEGINS_MS

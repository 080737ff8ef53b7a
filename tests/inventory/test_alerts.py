"""What people hear of stock, claims, movements and feeds; the stories are in docs/scenarios/alerts_of_*.txt."""

from __future__ import annotations

import pytest

from agents.inventory.alerts import STAYS_OPEN, AlertType, Severity
from agents.inventory.anomalies import LEARNING, NOTHING_SEEN, learnt, limit_of
from agents.inventory.decide import decide
from agents.inventory.findings import Usual
from agents.inventory.policy import PolicyBook
from agents.inventory.resolving import JUDGES
from agents.inventory.rows import FEEDS, OPEN_ALERTS, USUAL, Decision
from agents.inventory.transactions import FeedReference, Kind, PolicySettings, Transaction
from agents.inventory.validation import problem_of
from tests.inventory.helpers import SKU, Shop, arrival, transaction
from tools.scenario.ledger import Ledger
from tools.scenario.memory_rows import MemoryRows
from tools.scenario.words import BEGINS_MS

WATCHED = PolicySettings("alerts", stock_alerts="low", low_at=5, low_until=8)


def shop_with(rule: PolicySettings | None, units: int = 20) -> Shop:
    shop = Shop()
    shop.tell(Kind.RECEIPT, units)
    if rule is not None:
        shop.tell(Kind.POLICY, sku="", policy=rule)
        shop.wake()
    return shop


def types(decision: Decision) -> list[AlertType]:
    return [alert.type for alert in decision.alerts]


def test_nobody_hears_of_low_stock_or_old_claims_or_odd_movements_who_did_not_ask() -> None:
    shop = shop_with(None)
    shop.tell(Kind.RESERVE, 1, holder="r1", ttl_ms=10**12, occurred_at_ms=None)
    assert types(shop.tell(Kind.SALE, 19)) == []
    shop.now_ms += 10**11
    assert [alert for decision in shop.wake() for alert in decision.alerts] == []
    assert not shop.rows.tables[OPEN_ALERTS]
    assert not shop.rows.tables[USUAL]


def test_a_backfill_source_opens_nothing_and_ends_what_is_open() -> None:
    shop = Ledger(backfill=["history"])
    for number, (kind, quantity, source) in enumerate(
        [
            (Kind.RECEIPT, 20, "history"),
            (Kind.SALE, 18, "history"),
            (Kind.SALE, 1, "till"),
            (Kind.RECEIPT, 30, "history"),
            (Kind.SALE, 31, "history"),
        ]
    ):
        if number == 1:
            shop.send(Transaction(transaction_id="p", source="ops", kind=Kind.POLICY, policy=WATCHED))
        said = types(shop.send(transaction(kind, quantity, number=number, source=source)))
        assert said == {2: [AlertType.LOW], 3: [AlertType.RESOLVED]}.get(number, [])


def test_one_alert_is_open_of_a_place_however_often_it_goes_up_and_down() -> None:
    shop = shop_with(WATCHED)
    said = [types(shop.tell(Kind.SALE, 15))]
    for _ in range(5):
        said += [types(shop.tell(Kind.RETURN, 2)), types(shop.tell(Kind.SALE, 2))]
    assert said == [[AlertType.LOW], *[[]] * 10]
    assert types(shop.tell(Kind.RETURN, 4)) == [AlertType.RESOLVED]


def test_every_alert_of_the_ledger_has_an_id_of_its_own_and_the_same_again() -> None:
    first, second = shop_with(WATCHED), shop_with(WATCHED)
    told = [(Kind.SALE, 15), (Kind.SALE, 9), (Kind.RECEIPT, 40)]
    once = [alert for kind, units in told for alert in first.tell(kind, units).alerts]
    again = [alert for kind, units in told for alert in second.tell(kind, units).alerts]
    assert once == again
    assert len({alert.event_id for alert in once}) == len(once) == 7
    assert {alert.severity for alert in once if alert.type is AlertType.RESOLVED} == {Severity.INFO}


def test_what_the_ledger_judges_is_what_stays_open() -> None:
    assert {AlertType(name) for name in JUDGES} < STAYS_OPEN


# -- what is usual -----------------------------------------------------------------------------------------------------


def test_the_first_movements_count_alike_and_later_ones_a_sixteenth() -> None:
    usual = NOTHING_SEEN
    for units in (2, 4, 6, 8):
        usual = learnt(usual, units * 1_000)
    assert (usual.seen, usual.mean_thousandths) == (4, 5_000)
    steady = Usual(1_000, 5_000, 0)
    assert learnt(steady, 21_000) == Usual(1_001, 6_000, 1_000)
    assert LEARNING == 16


def test_what_always_moves_alike_is_not_unusual_for_one_unit_more() -> None:
    assert limit_of(Usual(99, 2_000, 0), 3) == 3_500


def test_a_mistake_does_not_make_the_next_one_usual_and_a_lasting_change_does() -> None:
    shop = shop_with(PolicySettings("odd", anomaly_factor=4, anomaly_after=20, anomaly_minimum=5), 100_000)
    for _ in range(30):
        shop.tell(Kind.SALE, 3)
    assert types(shop.tell(Kind.SALE, 300)) == [AlertType.ANOMALY]
    assert types(shop.tell(Kind.SALE, 300)) == [AlertType.ANOMALY]
    said = [types(shop.tell(Kind.SALE, 40)) for _ in range(80)]
    assert said[0] == [AlertType.ANOMALY]
    assert said[-1] == []


def test_a_movement_without_a_quantity_of_its_own_is_what_it_moved() -> None:
    shop = shop_with(PolicySettings("odd", anomaly_factor=4), 100)
    shop.tell(Kind.ALLOCATE, 7, holder="o1", occurred_at_ms=None)
    shop.tell(Kind.SHIP, 7, holder="o1")
    row = shop.rows.tables[USUAL][SKU, "LEEDS", "SHIP"]
    assert row == Usual(1, 7_000, 0)


# -- feeds -------------------------------------------------------------------------------------------------------------


def test_people_hear_of_a_feed_from_the_first_partition_only_and_every_partition_knows() -> None:
    told = Transaction(
        transaction_id="f", source="watch", kind=Kind.FEED, feed=FeedReference("pos", True, BEGINS_MS, ("LEEDS",))
    )
    here, there = (decide(MemoryRows(), arrival(told, partition=number)) for number in (0, 3))
    assert types(here) == [AlertType.FEED_SILENT]
    assert here.alerts[0].message == "Feed pos has not been heard since 2026-01-05 10:00 UTC. It reports LEEDS."
    assert types(there) == []
    assert (FEEDS, ("pos",)) in here.changes
    assert (FEEDS, ("pos",)) in there.changes


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({}, "carries no feed"),
        ({"feed": FeedReference("")}, "has no name"),
        ({"feed": FeedReference("pos", since_ms=-1)}, "since_ms of pos is -1"),
        ({"feed": FeedReference("pos", locations=("A", "A"))}, "given twice"),
        ({"feed": FeedReference("pos"), "sku": "SHOE"}, "cannot name a sku"),
    ],
)
def test_a_feed_record_that_says_nothing_is_malformed(fields: dict[str, object], says: str) -> None:
    told = Transaction(**{"transaction_id": "f", "source": "watch", "kind": Kind.FEED, **fields})  # type: ignore[arg-type]
    assert says in (problem_of(told) or "")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("stock_alerts", "sometimes"),
        ("withhold_when_silent", 101),
        ("aging_after_ms", -1),
        ("anomaly_factor", -1),
        ("anomaly_after", -1),
        ("anomaly_minimum", -1),
    ],
)
def test_settings_of_alerts_have_bounds(setting: str, value: object) -> None:
    rule = PolicySettings("r", **{setting: value})  # type: ignore[arg-type]
    told = Transaction(transaction_id="p", source="ops", kind=Kind.POLICY, policy=rule)
    assert setting in (problem_of(told) or "")


def test_the_book_knows_what_is_asked_for() -> None:
    def asked(**settings: object) -> tuple[bool, bool, bool, bool]:
        book = PolicyBook([PolicySettings("r", **settings)])  # type: ignore[arg-type]
        return book.watches_stock, book.watches_age, book.watches_movements, book.withholds_silent

    assert asked() == asked(stock_alerts="none", anomaly_factor=0) == (False, False, False, False)
    assert asked(stock_alerts="out") == (True, False, False, False)
    assert asked(aging_after_ms=1) == (False, True, False, False)
    assert asked(anomaly_factor=1) == (False, False, True, False)
    assert asked(withhold_when_silent=1) == (False, False, False, True)

"""The demo's count is independent, and it is able to fail; the demo itself runs as a user would run it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agents.inventory.answers import Answer, Status
from agents.inventory.positions import StockLevel
from agents.inventory.transactions import Kind, Transaction
from tools.brokers import embedded
from tools.demo.tally import Tally, independent_count, origin_of, percentile, verdict

ROOT = Path(__file__).resolve().parents[2]


def sent(kind: Kind, quantity: int, **fields: Any) -> Transaction:
    return Transaction(
        transaction_id=fields.pop("transaction_id", f"{kind}-{quantity}"),
        source="test",
        kind=kind,
        sku="SHOE",
        location="LEEDS",
        quantity=quantity,
        **fields,
    )


def answer(offset: int, status: Status = Status.ACCEPTED, kind: Kind = Kind.SALE, n: int = 0) -> Answer:
    return Answer(
        event_id=f"inventory.transactions.v1-0-{offset}-{n}",
        status=status,
        transaction_id="t",
        source="test",
        sku="SHOE",
        kind=kind,
        at_ms=0,
    )


def level(offset: int, on_hand: int, reserved: int = 0) -> StockLevel:
    return StockLevel(
        event_id=f"inventory.transactions.v1-0-{offset}-1",
        sku="SHOE",
        location="LEEDS",
        unpromised=on_hand - reserved,
        reserved=reserved,
        allocated=0,
        quarantined=0,
        in_transit=0,
        on_hand=on_hand,
        atp=on_hand - reserved,
        safety_stock=0,
        revision=1,
        as_of_ms=0,
    )


def a_fine_tally() -> Tally:
    tally = Tally()
    tally.sent = {(0, 0): sent(Kind.RECEIPT, 10), (0, 1): sent(Kind.SALE, 3)}
    tally.hear_answer(answer(0))
    tally.hear_answer(answer(1))
    tally.hear_level(level(1, 7), 0.0)
    return tally


def test_what_is_all_answered_and_adds_up_holds() -> None:
    assert verdict(a_fine_tally()).holds


def test_a_transaction_without_an_answer_is_lost() -> None:
    tally = a_fine_tally()
    tally.sent[0, 2] = sent(Kind.RETURN, 0)
    assert verdict(tally).lost == 1


def test_an_event_that_comes_twice_is_doubled() -> None:
    tally = a_fine_tally()
    tally.hear_answer(answer(1))
    assert verdict(tally).doubled == 1


def test_two_answers_to_one_record_are_doubled() -> None:
    tally = a_fine_tally()
    tally.hear_answer(answer(1, n=7))
    assert verdict(tally).doubled == 1


def test_a_place_with_fewer_or_more_units_than_counted_is_found() -> None:
    few, many = a_fine_tally(), a_fine_tally()
    few.hear_level(level(1, 6), 0.0)
    many.hear_level(level(1, 8), 0.0)
    assert (verdict(few).lost, verdict(few).doubled) == (1, 0)
    assert (verdict(many).lost, verdict(many).doubled) == (0, 1)


def test_a_place_that_promised_more_than_is_there_is_oversold_even_when_it_is_mended_later() -> None:
    tally = a_fine_tally()
    tally.hear_level(level(1, 7, reserved=8), 0.0)
    tally.hear_level(level(1, 7, reserved=7), 0.0)
    assert verdict(tally).oversold == 1


def test_a_race_with_two_winners_is_oversold() -> None:
    tally = a_fine_tally()
    tally.races = {(0, 0): 1, (0, 1): 1}
    assert verdict(tally).oversold == 1


def test_the_count_takes_duplicates_once_and_leaves_refused_ones_out() -> None:
    again = sent(Kind.SALE, 2, transaction_id="twice")
    transactions = {(0, n): again for n in range(2)} | {(0, 2): sent(Kind.SALE, 5), (0, 3): sent(Kind.COUNT, 9)}
    answers = {(0, 0): answer(0), (0, 1): answer(1), (0, 2): answer(2, Status.REFUSED)}
    assert independent_count(transactions, answers) == {("SHOE", "LEEDS"): -2}
    assert independent_count(transactions, {**answers, (0, 3): answer(3)}) == {("SHOE", "LEEDS"): 9}


def test_an_event_says_which_record_caused_it() -> None:
    assert origin_of("inventory.transactions.v1-demo-x-3-417-2") == (3, 417)


def test_percentiles() -> None:
    assert [percentile([4, 1, 3, 2], share) for share in (0.0, 0.5, 0.99)] == [1, 3, 4]
    assert percentile([], 0.5) == 0.0


@pytest.mark.embedded
@pytest.mark.timeout(300)
def test_a_short_demo_ends_with_its_figures_and_nothing_lost_doubled_or_oversold() -> None:
    reason = embedded.unavailable_reason()
    if reason:
        pytest.skip(reason)
    done = subprocess.run(
        [sys.executable, "-m", "tools", "demo", "--seconds", "10", "--rate", "150", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert (figures["lost"], figures["doubled"], figures["oversold"], figures["kills"]) == (0, 0, 0, 1)
    assert figures["transactions"] == figures["accepted"] + figures["refused"] > 5_000
    assert figures["refused"] > 0, "races have losers"
    assert set(figures["latency_ms"]) == {"p50", "p99"}

"""Orders in scenario text: every expectation about them can fail, and what is read is what a record of an order has."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agents.inventory.channels import Method
from agents.inventory.orders.rows import Stage
from agents.inventory.orders.words import SYSTEM_KINDS, OrderedLine, OrderKind, OrderRecord, RoutingType
from agents.inventory.transactions import Destination
from tools.scenario.order_text import NOT_BY_WORD, ORDER_KINDS
from tools.scenario.parser import parse
from tools.scenario.runner import Runner
from tools.scenario.steps import Again, CheckOrder, ExpectedOrder, ExpectedRouting, Step, Tell
from tools.scenario.values import types_of
from tools.scenario.words import BEGINS_MS, Unreadable

SCENARIOS = sorted((Path(__file__).resolve().parents[2] / "docs/scenarios").glob("orders_*.txt"))
HOUR_MS = 3_600_000


def record_of(line: str) -> OrderRecord:
    """The record that a line says, at the beginning of the first day."""
    (step,) = parse(line)
    assert isinstance(step, Tell)
    return step.order.record(BEGINS_MS, record_id="r", source="shop")


def differences(text: str) -> list[str]:
    return [difference for result in Runner().run(parse(text)) for difference in result.differences]


def altered_answers(answer: ExpectedOrder) -> Iterator[ExpectedOrder]:
    """The same expectation with something else in it."""
    yield ExpectedOrder(malformed=not answer.malformed, stage=Stage.DONE if answer.malformed else None)
    if answer.stage is not None:
        yield replace(answer, stage=Stage.PLANNING)
        yield replace(answer, reason="another")
    yield ExpectedOrder(ignored=True) if not answer.ignored else ExpectedOrder()


def altered_routings(routings: tuple[ExpectedRouting, ...]) -> Iterator[tuple[ExpectedRouting, ...]]:
    """The same, with one of them another, one too many, or one missing."""
    extra = ExpectedRouting(RoutingType.SPLIT, "nobody", 1)
    yield (*routings, extra)
    for number, each in enumerate(routings):
        before, after = routings[:number], routings[number + 1 :]
        yield (*before, *after)
        others: tuple[tuple[str, Any], ...] = (
            ("type", RoutingType.SPLIT if each.type is not RoutingType.SPLIT else RoutingType.COVERED),
            ("line", each.line + 1),
            ("order_id", "another"),
            ("quantity", (each.quantity or 0) + 100),
            ("location", "NOWHERE"),
            ("from_location", "NOWHERE"),
            ("others", (("reason", "another"),)),
        )
        for name, value in others:
            yield (*before, replace(each, **{name: value}), *after)


def altered(step: Step) -> Iterator[Step]:
    """The step with one expectation about orders altered."""
    if isinstance(step, Tell | Again) and isinstance(step.answer, ExpectedOrder):
        yield from (replace(step, answer=answer) for answer in altered_answers(step.answer))
    if step.expected.routings is not None:
        for routings in altered_routings(step.expected.routings):
            yield replace(step, expected=replace(step.expected, routings=routings))
    if isinstance(step, CheckOrder):
        yield replace(step, figures={} if step.figures else {"reason": "none"})
        for name in step.figures:
            yield replace(step, figures={**step.figures, name: "999"})


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_expectation_about_orders_can_fail(path: Path) -> None:
    steps = parse(path.read_text(encoding="utf-8"))
    variants = [(number, other) for number, step in enumerate(steps) for other in altered(step)]
    assert variants
    for number, other in variants:
        results = list(Runner().run([*steps[:number], other]))
        assert len(results) == number + 1
        assert results[-1].differences, f"{other.text}: {other}"


def test_a_line_says_the_fields_of_its_record() -> None:
    placed = record_of("placed o1 SHOE:2 A:B:1 paid partial to=GB:LS:538:-15 promise=12:00 priority=2 channel=web")
    assert placed.lines == (OrderedLine(1, "SHOE", 2), OrderedLine(2, "A:B", 1))
    assert (placed.paid, placed.partial, placed.priority, placed.channel) == (True, True, 2, "web")
    assert placed.destination == Destination("GB", "LS", 538, -15)
    assert placed.promise_by_ms == BEGINS_MS + 2 * HOUR_MS
    assert placed.occurred_at_ms == BEGINS_MS
    pickup = record_of("placed o1 SHOE:2 pickup=LEEDS payment_window=5m promise=2h id=i1 source=app")
    assert (pickup.method, pickup.pickup_location) == (Method.PICKUP, "LEEDS")
    assert (pickup.payment_window_ms, pickup.promise_by_ms) == (300_000, BEGINS_MS + 2 * HOUR_MS)
    assert (pickup.record_id, pickup.source) == ("i1", "app")
    short = record_of("picked_short o/1/2 at=YORK quantity=0")
    assert (short.kind, short.order_id, short.line, short.location, short.quantity) == (
        OrderKind.PICKED_SHORT,
        "o/1",
        2,
        "YORK",
        0,
    )


def test_every_kind_that_others_tell_is_a_verb() -> None:
    assert set(ORDER_KINDS.values()) == set(OrderKind) - SYSTEM_KINDS
    assert set(types_of(OrderRecord)) > NOT_BY_WORD


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("placed o1 SHOE", "line 1: 'SHOE' is neither SKU:QUANTITY"),
        ("placed o1 SHOE:1 colour=red", "'colour' is no field"),
        ("placed o1 SHOE:1 -> accepted", "'accepted' is no stage of an order"),
        ("placed o1 SHOE:1 .. routed lost o1", "'lost' is no type of a routing"),
        ("order o1 colour red", "'colour' is no figure"),
        ("order o1/x stage done", "o1/x is no ORDER/LINE"),
        ("answer o1", "'answer' is no verb"),
        ("receipt SHOE@LEEDS 1\nagain -> ignored", "line 2: 'ignored' is no answer"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, why: str) -> None:
    with pytest.raises(Unreadable) as told:
        parse(text)
    assert why in str(told.value)


def test_a_record_without_effect_must_be_declared() -> None:
    assert differences("paid o9") == ["it has no effect: no such order is known"]
    assert differences("paid o9 -> ignored") == []


def test_time_passes_from_one_thing_that_is_due_to_the_next() -> None:
    # Held for 15 minutes at a time, so that it is renewed on the way; another one's hold ends in between.
    text = """
        receipt SHOE@LEEDS 3
        placed  o1 SHOE:2 -> reserved
        reserve r1 SHOE@LEEDS 1
        advance 25m .. expired r1 1
                    .. no routings
        claim   o1 SHOE reserved 2
        advance 5m  .. no notices
                    .. routed cancelled o1/1 2 reason=unpaid
    """
    assert differences(text) == []

"""From scenario text to steps. The grammar is in docs/reference/scenarios.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from agents.inventory.orders.words import OrderKind
from agents.inventory.transactions import Kind
from tools.scenario.campaign_text import CampaignText, read_campaign
from tools.scenario.demand_text import DEMAND_VERBS, DemandText
from tools.scenario.expecting import STANDINGS, read_answer, read_order_answer, read_report_answer, with_expectation
from tools.scenario.looking import LOOKS
from tools.scenario.order_text import ORDER_KINDS, read_order
from tools.scenario.steps import Advance, Again, Crash, Report, Send, SetClock, Step, Tell
from tools.scenario.transactions import read_policy, read_transaction
from tools.scenario.words import Unreadable, Words

ARROW = re.compile(r"(?:^|\s)->(?:\s|$)")
"""Between blanks, so that LEEDS->YORK stays one word."""


def parse(text: str) -> list[Step]:
    """Read a whole scenario. Raises Unreadable with the line number."""
    steps: list[Step] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = without_comment(raw).strip()
        if not line:
            continue
        body, *dotted = [part.strip() for part in f" {line} ".split(" .. ")]
        if body:
            steps.append(read_step(body, line, number, last_sending(steps)))
        elif not steps:
            raise Unreadable(number, "an expectation `..` follows a step, and there is none before it")
        for part in dotted:
            steps[-1] = with_expectation(steps[-1], Words(part, number))
    return steps


def without_comment(line: str) -> str:
    """The line up to a `#` that begins a word."""
    if line.lstrip().startswith("#"):
        return ""
    return line.split(" #", 1)[0]


def last_sending(steps: list[Step]) -> Step | None:
    """The step that `again` repeats."""
    return next((step for step in reversed(steps) if isinstance(step, Send | Tell | Report)), None)


def read_step(body: str, text: str, number: int, last: Step | None) -> Step:
    """Read one step without its expectations. `last` is what `again` would repeat."""
    body, *tail = ARROW.split(body, maxsplit=1)
    words = Words(body, number)
    at_ms = words.time_of(words.take("a time")) if words.take_if("at") else None
    if not words:
        if at_ms is None or tail:
            raise words.wrong("a step is missing")
        return SetClock(number, text, at_ms=at_ms)
    verb = words.take("a verb")
    expected = Words(tail[0], number) if tail else None
    if verb in SENDING:
        step = SENDING[verb](words, text, expected)
    elif verb == "again":
        step = read_again(words, text, expected, last)
    elif verb not in OTHERS:
        raise words.wrong(f"{verb!r} is no verb; docs/reference/scenarios.md has the list")
    elif tail:
        raise words.wrong(f"{verb} has no answer")
    else:
        step = OTHERS[verb](words, text)
    words.end()
    return replace(step, at_ms=at_ms)


Read = Callable[[Words, str, Words | None], Step]
"""Reads a step that sends something: its words, its line, and what stands behind `->`."""


def sending(kind: Kind) -> Read:
    """A reader of steps that send a transaction of that kind."""

    def read(words: Words, text: str, expected: Words | None) -> Step:
        answer = None if expected is None else read_answer(expected, kind.value.lower())
        sku, fields = read_policy(words) if kind is Kind.POLICY else read_transaction(kind, words)
        return Send(words.line, text, kind, sku, fields, answer)

    return read


def telling(kind: OrderKind) -> Read:
    """A reader of steps that tell the router something of an order."""

    def read(words: Words, text: str, expected: Words | None) -> Step:
        answer = None if expected is None else read_order_answer(expected)
        return Tell(words.line, text, read_order(kind, words), answer)

    return read


def reporting(said: Callable[[Words], CampaignText | DemandText], standings: tuple[str, ...] = ()) -> Read:
    """A reader of steps that tell campaign guard or replenisher something; `standings`: how it may stand afterwards."""

    def read(words: Words, text: str, expected: Words | None) -> Step:
        answer = None if expected is None else read_report_answer(expected, standings)
        return Report(words.line, text, said(words), answer)

    return read


def read_again(words: Words, text: str, expected: Words | None, last: Step | None) -> Step:
    """Read `again`, which is answered like what it repeats."""
    if expected is None:
        return Again(words.line, text, None)
    if isinstance(last, Tell):
        return Again(words.line, text, read_order_answer(expected))
    if isinstance(last, Report):
        standings = STANDINGS if isinstance(last.said, CampaignText) else ()
        return Again(words.line, text, read_report_answer(expected, standings))
    return Again(words.line, text, read_answer(expected, "again"))


SENDING: dict[str, Read] = {
    **{kind.value.lower(): sending(kind) for kind in Kind},
    **{word: telling(kind) for word, kind in ORDER_KINDS.items()},
    **{verb: reporting(said) for verb, said in DEMAND_VERBS.items()},
    "campaign": reporting(read_campaign, STANDINGS),
}
"""The verbs that send something."""

OTHERS: dict[str, Callable[[Words, str], Step]] = {
    **LOOKS,
    "advance": lambda words, text: Advance(words.line, text, words.duration_ms(), wake=True),
    "skip": lambda words, text: Advance(words.line, text, words.duration_ms(), wake=False),
    "crash": lambda words, text: Crash(words.line, text),
}
"""The verbs that send nothing."""

"""From scenario text to steps. The grammar is in docs/reference/scenarios.md."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from agents.inventory.transactions import Kind
from tools.scenario.expecting import read_answer, read_order_answer, with_expectation
from tools.scenario.looking import LOOKS
from tools.scenario.order_text import ORDER_KINDS, read_order
from tools.scenario.steps import Advance, Again, Crash, ExpectedAnswer, ExpectedOrder, Send, SetClock, Step, Tell
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
    return next((step for step in reversed(steps) if isinstance(step, Send | Tell)), None)


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
    of_order = verb in ORDER_KINDS or (verb == "again" and isinstance(last, Tell))
    sends = verb == "again" or verb.upper() in Kind.__members__
    if tail and not (sends or of_order):
        raise words.wrong(f"{verb} has no answer")
    expected = Words(tail[0], number) if tail else None
    if of_order:
        step = read_telling(verb, words, text, None if expected is None else read_order_answer(expected))
    elif sends:
        step = read_sending(verb, words, text, None if expected is None else read_answer(expected, verb))
    elif verb in OTHERS:
        step = OTHERS[verb](words, text)
    else:
        raise words.wrong(f"{verb!r} is no verb; docs/reference/scenarios.md has the list")
    words.end()
    return replace(step, at_ms=at_ms)


def read_sending(verb: str, words: Words, text: str, answer: ExpectedAnswer | None) -> Step:
    """Read a step that sends a transaction."""
    if verb == "again":
        return Again(words.line, text, answer)
    kind = Kind(verb.upper())
    sku, fields = read_policy(words) if kind is Kind.POLICY else read_transaction(kind, words)
    return Send(words.line, text, kind, sku, fields, answer)


def read_telling(verb: str, words: Words, text: str, answer: ExpectedOrder | None) -> Step:
    """Read a step that tells the router something about an order."""
    if verb == "again":
        return Again(words.line, text, answer)
    return Tell(words.line, text, read_order(ORDER_KINDS[verb], words), answer)


OTHERS: dict[str, Callable[[Words, str], Step]] = {
    **LOOKS,
    "advance": lambda words, text: Advance(words.line, text, words.duration_ms(), wake=True),
    "skip": lambda words, text: Advance(words.line, text, words.duration_ms(), wake=False),
    "crash": lambda words, text: Crash(words.line, text),
}
"""The verbs that send no transaction."""

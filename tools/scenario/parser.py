"""From scenario text to steps. The grammar is in docs/reference/scenarios.md."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from agents.inventory.alerts import AlertType
from agents.inventory.answers import Status
from agents.inventory.postings import Account
from agents.inventory.refusals import Refusal
from agents.inventory.transactions import Kind
from tools.scenario.steps import (
    Advance,
    Again,
    CheckAccount,
    CheckClaim,
    CheckJournal,
    CheckLevel,
    Crash,
    Expected,
    ExpectedAlert,
    ExpectedAnswer,
    ExpectedNotice,
    Send,
    SetClock,
    Step,
)
from tools.scenario.transactions import read_policy, read_transaction
from tools.scenario.words import Unreadable, Words

FIGURES = (
    "on_hand",
    "unpromised",
    "reserved",
    "allocated",
    "quarantined",
    "in_transit",
    "atp",
    "safety_stock",
    "revision",
)
CLAIM_FIGURES = ("reserved", "allocated", "due", "priority", "yielded")
NOTICES = {status.value.lower(): status for status in (Status.EXPIRED, Status.YIELDED, Status.MOVED, Status.COVERED)}
ACCEPTED_AS = {
    "reserved": Kind.RESERVE,
    "allocated": Kind.ALLOCATE,
    "extended": Kind.EXTEND,
    "released": Kind.RELEASE,
    "shipped": Kind.SHIP,
}
"""Words for `accepted` that also name the kind."""


def parse(text: str) -> list[Step]:
    """Read a whole scenario. Raises Unreadable with the line number."""
    steps: list[Step] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = without_comment(raw).strip()
        if not line:
            continue
        body, *dotted = [part.strip() for part in f" {line} ".split(" .. ")]
        if body:
            steps.append(read_step(body, line, number))
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


def read_step(body: str, text: str, number: int) -> Step:
    """Read one step without its expectations."""
    body, arrow, tail = body.partition("->")
    words = Words(body, number)
    at_ms = words.time_of(words.take("a time")) if words.take_if("at") else None
    if not words:
        if at_ms is None or arrow:
            raise words.wrong("a step is missing")
        return SetClock(number, text, at_ms=at_ms)
    verb = words.take("a verb")
    sends = verb == "again" or verb.upper() in Kind.__members__
    if arrow and not sends:
        raise words.wrong(f"{verb} has no answer")
    answer = read_answer(Words(tail, number), verb) if arrow else None
    if sends:
        step = read_sending(verb, words, text, answer)
    elif verb in CHECKS:
        step = CHECKS[verb](words, text)
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


def read_answer(words: Words, verb: str) -> ExpectedAnswer:
    """Read what follows `->`."""
    word = words.take("the answer")
    if word == "nothing":
        return ended(words, ExpectedAnswer(None))
    if word == "malformed":
        return ended(words, ExpectedAnswer(None, malformed=True))
    if word == "refused":
        refusal = words.take("the reason of the refusal")
        if refusal not in tuple(Refusal):
            raise words.wrong(f"{refusal!r} is no reason of a refusal")
        return ended(words, ExpectedAnswer(Status.REFUSED, refusal=refusal, **read_details(words)))
    if word.upper() in {"ACCEPTED_EARLIER", "REFUSED_EARLIER"}:
        return ended(words, ExpectedAnswer(Status(word.upper())))
    if word in ACCEPTED_AS and verb not in {"again", ACCEPTED_AS[word].value.lower()}:
        raise words.wrong(f"{verb} is not answered with {word}")
    if word != "accepted" and word not in ACCEPTED_AS:
        raise words.wrong(f"{word!r} is no answer")
    quantity = words.number_if()
    return ended(words, ExpectedAnswer(Status.ACCEPTED, quantity=quantity, **read_details(words)))


def read_details(words: Words) -> dict[str, Any]:
    """Read `short 1`, `repeats`, `due 10:15`, `alternatives A 3 B 2` (or `alternatives none`)."""
    details: dict[str, Any] = {}
    while words:
        word = words.take("a detail")
        if word == "short":
            details["shortfall"] = words.number("the shortfall")
        elif word == "repeats":
            details["repeats"] = True
        elif word == "due":
            details["due_ms"] = words.time_of(words.take("the due time"))
        elif word == "alternatives":
            details["alternatives"] = read_alternatives(words)
        else:
            raise words.wrong(f"{word!r} is no detail of an answer")
    return details


def read_alternatives(words: Words) -> tuple[tuple[str, int], ...]:
    """Read `A 3 B 2`, or `none`."""
    if words.take_if("none"):
        return ()
    found: list[tuple[str, int]] = []
    while words:
        found.append((words.take("a location"), words.number("its atp")))
    return tuple(found)


def ended(words: Words, answer: ExpectedAnswer) -> ExpectedAnswer:
    """The answer, if nothing is left over."""
    words.end()
    return answer


def with_expectation(step: Step, words: Words) -> Step:
    """Add one `..` to a step."""
    if isinstance(step, CheckLevel | CheckClaim | CheckAccount | CheckJournal | Crash | SetClock):
        raise words.wrong("this step makes no notices and alerts")
    expected = step.expected
    word = words.take("what is expected")
    if word == "no":
        expected = nothing_of(expected, words)
    elif word == "dead_letter":
        expected = replace(expected, dead_letter=True)
    elif word == "alert":
        expected = replace(expected, alerts=(*(expected.alerts or ()), read_alert(words)))
    elif word in NOTICES:
        holder, line = words.claim()
        notice = ExpectedNotice(NOTICES[word], holder, line, words.number_if())
        expected = replace(expected, notices=(*(expected.notices or ()), notice))
    else:
        raise words.wrong(f"{word!r} is no notice; they are {', '.join(NOTICES)}, alert, dead_letter, no")
    words.end()
    return replace(step, expected=expected)


def nothing_of(expected: Expected, words: Words) -> Expected:
    """Read `no notices`, `no alerts`, `no dead_letter`."""
    word = words.take("notices, alerts or dead_letter")
    if word == "notices":
        return replace(expected, notices=())
    if word == "alerts":
        return replace(expected, alerts=())
    if word == "dead_letter":
        return replace(expected, dead_letter=False)
    raise words.wrong(f"`no {word}` is not known: no notices, no alerts, no dead_letter")


def read_alert(words: Words) -> ExpectedAlert:
    """Read `oversold 2`."""
    name = words.take("the type of the alert").upper()
    if name not in AlertType.__members__:
        raise words.wrong(f"{name.lower()!r} is no type of an alert")
    return ExpectedAlert(name, words.number_if())


def read_level(words: Words, text: str) -> Step:
    """Read `level SKU@LOCATION atp 5 reserved 2`, or `level SKU@LOCATION none`."""
    sku, location = words.place()
    if location is None:
        raise words.wrong("level needs SKU@LOCATION")
    return CheckLevel(words.line, text, sku, location, read_figures(words, FIGURES))


def read_claim(words: Words, text: str) -> Step:
    """Read `claim HOLDER[/LINE] SKU reserved 2`, or `claim HOLDER SKU none`."""
    holder, number = words.claim()
    sku = words.take("a SKU")
    return CheckClaim(words.line, text, sku, holder, number, read_figures(words, CLAIM_FIGURES))


def read_figures(words: Words, names: tuple[str, ...]) -> dict[str, int]:
    """Read pairs of name and number; `none` is no pair at all."""
    figures: dict[str, int] = {}
    if words.take_if("none"):
        return figures
    while words or not figures:
        name = words.take("a figure")
        if name not in names:
            raise words.wrong(f"{name!r} is no figure; they are {', '.join(names)}")
        figures[name] = words.time_of(words.take("a time")) if name == "due" else words.number(name)
    return figures


def read_account(words: Words, text: str) -> Step:
    """Read `account SKU scrap 5`."""
    sku, account = words.take("a SKU"), words.take("an account")
    if account not in tuple(Account):
        raise words.wrong(f"{account!r} is no account; they are {', '.join(Account)}")
    return CheckAccount(words.line, text, sku, account, words.number("the units"))


CHECKS: dict[str, Callable[[Words, str], Step]] = {
    "advance": lambda words, text: Advance(words.line, text, words.duration_ms(), wake=True),
    "skip": lambda words, text: Advance(words.line, text, words.duration_ms(), wake=False),
    "crash": lambda words, text: Crash(words.line, text),
    "level": read_level,
    "claim": read_claim,
    "account": read_account,
    "journal": lambda words, text: CheckJournal(words.line, text, words.number("how many records")),
}
"""The verbs that send no transaction."""

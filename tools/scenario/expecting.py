"""From scenario text to what is expected of a step: the answer behind `->`, and each `..`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from agents.inventory.alerts import AlertType
from agents.inventory.answers import Answer, Status
from agents.inventory.orders.rows import Stage
from agents.inventory.orders.words import RoutingType
from agents.inventory.refusals import Refusal
from agents.inventory.transactions import Kind
from tools.scenario.steps import (
    Crash,
    Expected,
    ExpectedAlert,
    ExpectedAnswer,
    ExpectedEdge,
    ExpectedNotice,
    ExpectedOrder,
    ExpectedRouting,
    Look,
    Places,
    SetClock,
    Step,
)
from tools.scenario.values import field_of
from tools.scenario.words import Words, is_number

NOTICES = {status.value.lower(): status for status in (Status.EXPIRED, Status.YIELDED, Status.MOVED, Status.COVERED)}
ACCEPTED_AS = {
    "reserved": Kind.RESERVE,
    "allocated": Kind.ALLOCATE,
    "extended": Kind.EXTEND,
    "released": Kind.RELEASE,
    "shipped": Kind.SHIP,
}
"""Words for `accepted` that also name the kind."""


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


FATES = {
    "ignored": ExpectedOrder(ignored=True),
    "malformed": ExpectedOrder(malformed=True),
    "too_late": ExpectedOrder(too_late=True),
}
"""What may become of a record of an order beside leading to a stage."""


def read_order_answer(words: Words) -> ExpectedOrder:
    """Read `-> STAGE [REASON]`, `-> ignored`, `-> too_late` or `-> malformed` behind a record of an order."""
    word = words.take("the stage of the order")
    reason = words.take("the reason") if words else None
    if word in FATES and reason is None:
        return FATES[word]
    if word not in tuple(Stage):
        raise words.wrong(
            f"{word!r} is no stage of an order; they are {', '.join(Stage)}, ignored, too_late, malformed"
        )
    words.end()
    return ExpectedOrder(word, reason)


def read_details(words: Words) -> dict[str, Any]:
    """Read `short 1`, `repeats`, `due 10:15`, `legs A:3,B:2`, `alternatives A 3 B 2`, `candidates A 120`, or a field."""
    details: dict[str, Any] = {}
    while words:
        word = words.take("a detail")
        if word == "short":
            details["shortfall"] = words.number("the shortfall")
        elif word == "repeats":
            details["repeats"] = True
        elif word == "due":
            details["due_ms"] = words.time_of(words.take("the due time"))
        elif word == "legs":
            details["legs"] = read_legs(words)
        elif word == "lines":
            details["lines"] = read_lines(words)
        elif word == "alternatives":
            details["alternatives"] = read_pairs(words, "its atp")
        elif word == "candidates":
            details["candidates"] = read_pairs(words, "its cost")
        else:
            field = field_of(Answer, word)
            if field is None:
                raise words.wrong(f"{word!r} is no detail of an answer")
            details["others"] = (*details.get("others", ()), (field, words.take(f"the {word}")))
    return details


def read_legs(words: Words) -> Places:
    """Read `A:3,B:2`, or `none`."""
    text = words.take("LOCATION:UNITS,...")
    if text == "none":
        return ()
    found: list[tuple[str, int]] = []
    for part in text.split(","):
        location, _, units = part.rpartition(":")
        if not location or not is_number(units):
            raise words.wrong(f"{part!r} is no LOCATION:UNITS")
        found.append((location, int(units)))
    return tuple(sorted(found))


def read_lines(words: Words) -> tuple[tuple[int, ...], ...]:
    """Read `1:3,2:2:4`: line, units granted, units it waits for, units missing."""
    lines = [part.split(":") for part in words.take("LINE:GRANTED,...").split(",")]
    if not all(2 <= len(line) <= 4 and all(map(is_number, line)) for line in lines):
        raise words.wrong("each line is LINE:GRANTED, perhaps with :BACKORDERED and :SHORT")
    return tuple(tuple(map(int, line)) for line in lines)


def read_pairs(words: Words, figure: str) -> tuple[tuple[str, int], ...]:
    """Read `A 3 B 2`, or `none`: locations, each with a figure."""
    if words.take_if("none"):
        return ()
    found: list[tuple[str, int]] = []
    while words:
        found.append((words.take("a location"), words.number(figure)))
    return tuple(found)


def ended(words: Words, answer: ExpectedAnswer) -> ExpectedAnswer:
    """The answer, if nothing is left over."""
    words.end()
    return answer


def with_expectation(step: Step, words: Words) -> Step:
    """Add one `..` to a step."""
    if isinstance(step, Look | Crash | SetClock):
        raise words.wrong("this step makes no notices and alerts")
    expected = step.expected
    word = words.take("what is expected")
    if word == "no":
        expected = nothing_of(expected, words)
    elif word == "dead_letter":
        expected = replace(expected, dead_letter=True)
    elif word == "alert":
        expected = replace(expected, alerts=(*(expected.alerts or ()), read_alert(words)))
    elif word == "edge":
        expected = replace(expected, edges=(*(expected.edges or ()), ExpectedEdge(pairs(words))))
    elif word == "watched":
        edge = ExpectedEdge(watcher=words.take("TOPIC:KEY"), fields=pairs(words, required=False))
        expected = replace(expected, watched=(*(expected.watched or ()), edge))
    elif word == "routed":
        expected = replace(expected, routings=(*(expected.routings or ()), read_routing(words)))
    elif word in NOTICES:
        expected = replace(expected, notices=(*(expected.notices or ()), read_notice(NOTICES[word], words)))
    else:
        raise words.wrong(
            f"{word!r} is no notice; they are {', '.join(NOTICES)}, alert, edge, watched, routed, dead_letter, no"
        )
    words.end()
    return replace(step, expected=expected)


def nothing_of(expected: Expected, words: Words) -> Expected:
    """Read `no notices`, `no alerts`, `no edges`, `no watched`, `no routings`, `no dead_letter`."""
    word = words.take("notices, alerts, edges, watched, routings or dead_letter")
    if word == "notices":
        return replace(expected, notices=())
    if word == "alerts":
        return replace(expected, alerts=())
    if word == "edges":
        return replace(expected, edges=())
    if word == "watched":
        return replace(expected, watched=())
    if word == "routings":
        return replace(expected, routings=())
    if word == "dead_letter":
        return replace(expected, dead_letter=False)
    raise words.wrong(
        f"`no {word}` is not known: no notices, no alerts, no edges, no watched, no routings, no dead_letter"
    )


def read_routing(words: Words) -> ExpectedRouting:
    """Read `rerouted o1/1 2 LEEDS->YORK name=value ...`: type, order and line, units, places; the first two must be said."""
    name = words.take("the type of the routing")
    if name.upper() not in RoutingType.__members__:
        raise words.wrong(f"{name!r} is no type of a routing; they are {', '.join(RoutingType).lower()}")
    order_id, line = words.claim()
    quantity = words.number_if()
    from_location, location = read_places(words)
    others = pairs(words, required=False)
    return ExpectedRouting(RoutingType(name.upper()), order_id, line, quantity, location, from_location, others)


def read_notice(status: Status, words: Words) -> ExpectedNotice:
    """Read `r1/2 3 LEEDS->YORK name=value ...`: holder, units, places; only the holder must be said."""
    holder, line = words.claim()
    quantity = words.number_if()
    from_location, location = read_places(words)
    return ExpectedNotice(status, holder, line, quantity, location, from_location, pairs(words, required=False))


def read_places(words: Words) -> tuple[str | None, str | None]:
    """Read `LEEDS->YORK`, `YORK` or nothing: where units were, and where they are."""
    if not words or "=" in words.peek():
        return None, None
    place, arrow, target = words.take("a location").partition("->")
    if words.take_if("->"):
        return place, words.take("a location")
    return (place or None, target or None) if arrow else (None, place)


def pairs(words: Words, *, required: bool = True) -> tuple[tuple[str, str], ...]:
    """Read `name=value ...`."""
    found: list[tuple[str, str]] = []
    while words or (required and not found):
        word = words.take("name=value")
        name, equals, text = word.partition("=")
        if not equals:
            raise words.wrong(f"{word!r} is no name=value")
        found.append((name, text))
    return tuple(found)


def read_alert(words: Words) -> ExpectedAlert:
    """Read `oversold 2 LEEDS name=value ...`: type, units, location, fields; only the type must be said."""
    name = words.take("the type of the alert").upper()
    if name not in AlertType.__members__:
        raise words.wrong(f"{name.lower()!r} is no type of an alert")
    quantity = words.number_if()
    location = words.take("a location") if words and "=" not in words.peek() else None
    return ExpectedAlert(name, quantity, location, pairs(words, required=False))

"""From scenario text to what is expected of a step: the answer behind `->`, and each `..`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from agents.inventory.alerts import AlertType
from agents.inventory.answers import Answer, Status
from agents.inventory.orders.rows import Stage
from agents.inventory.orders.words import RoutingType
from agents.inventory.refusals import Refusal
from agents.inventory.replenishment.words import InsightType
from agents.inventory.transactions import Kind
from tools.campaigns.sentences import ENDED, PAUSED, PAUSING, RESUMING, RUNNING, THEIRS
from tools.scenario.campaign_text import read_kind
from tools.scenario.steps import (
    Crash,
    Expected,
    ExpectedAlert,
    ExpectedAnswer,
    ExpectedCommand,
    ExpectedEdge,
    ExpectedInsight,
    ExpectedNotice,
    ExpectedOrder,
    ExpectedProposal,
    ExpectedReport,
    ExpectedRouting,
    Look,
    Places,
    SetClock,
    Step,
)
from tools.scenario.values import field_of
from tools.scenario.words import Words, is_number

STANDINGS = tuple(word.replace(" ", "_") for word in (RUNNING, PAUSING, PAUSED, RESUMING, THEIRS, ENDED))
"""How a campaign may stand."""
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


def read_report_answer(words: Words, standings: tuple[str, ...]) -> ExpectedReport:
    """Read `-> STANDING`, `-> ignored` or `-> malformed`; `standings`: how what the record is about may stand."""
    word = words.take("what becomes of it")
    if word in {"ignored", "malformed"}:
        return ExpectedReport(ignored=word == "ignored", malformed=word == "malformed")
    if word not in standings:
        raise words.wrong(f"{word!r} is none of {', '.join((*standings, 'ignored', 'malformed'))}")
    return ExpectedReport(word)


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
    elif word in EVENTS:
        name, read = EVENTS[word]
        added: dict[str, Any] = {name: (*(getattr(expected, name) or ()), read(words))}
        expected = replace(expected, **added)
    else:
        raise words.wrong(f"{word!r} is no notice; they are {', '.join(EVENTS)}, dead_letter, no")
    words.end()
    return replace(step, expected=expected)


def nothing_of(expected: Expected, words: Words) -> Expected:
    """Read `no notices`, `no alerts` ... `no dead_letter`."""
    known = [*dict.fromkeys(name for name, _ in EVENTS.values()), "dead_letter"]
    word = words.take(f"one of {', '.join(known)}")
    if word not in known:
        raise words.wrong(f"`no {word}` is not known: {', '.join(f'no {name}' for name in known)}")
    nothing: dict[str, Any] = {word: False if word == "dead_letter" else ()}
    return replace(expected, **nothing)


def read_edge(words: Words) -> ExpectedEdge:
    """Read `FIELD=VALUE ...`."""
    return ExpectedEdge(pairs(words))


def read_watched(words: Words) -> ExpectedEdge:
    """Read `TOPIC:KEY FIELD=VALUE ...`."""
    return ExpectedEdge(watcher=words.take("TOPIC:KEY"), fields=pairs(words, required=False))


def read_command(words: Words) -> ExpectedCommand:
    """Read `shift_budget C2 6000 name=value ...`: kind, the campaign that it changes, amount; the first two must be said."""
    kind, entity = read_kind(words), words.take("the campaign that it changes")
    return ExpectedCommand(kind, entity, words.number_if(), pairs(words, required=False))


def read_proposal(word: str) -> Callable[[Words], ExpectedProposal]:
    """Read `SKU@LOCATION[->LOCATION] [QUANTITY] name=value ...`."""

    def read(words: Words) -> ExpectedProposal:
        sku, locations, to_location = words.places()
        if len(locations) != 1 or (word == "transfer") != (to_location is not None):
            raise words.wrong(f"{word} needs SKU@LOCATION{'->LOCATION' if word == 'transfer' else ''}")
        quantity = words.number_if()
        return ExpectedProposal(word, sku, locations[0], to_location, quantity, pairs(words, required=False))

    return read


def read_insight(words: Words) -> ExpectedInsight:
    """Read `low_while_demand_rises SKU@LOCATION name=value ...`."""
    name = words.take("the type of the insight")
    if name.upper() not in InsightType.__members__:
        raise words.wrong(f"{name!r} is no type of an insight; they are {', '.join(InsightType).lower()}")
    sku, location = words.place()
    if location is None:
        raise words.wrong("insight needs SKU@LOCATION")
    return ExpectedInsight(InsightType(name.upper()), sku, location, pairs(words, required=False))


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


def notice_of(status: Status) -> Callable[[Words], ExpectedNotice]:
    """A reader of notices of that status."""
    return lambda words: read_notice(status, words)


EVENTS: dict[str, tuple[str, Callable[[Words], Any]]] = {
    **{word: ("notices", notice_of(status)) for word, status in NOTICES.items()},
    "alert": ("alerts", read_alert),
    "edge": ("edges", read_edge),
    "watched": ("watched", read_watched),
    "routed": ("routings", read_routing),
    "command": ("commands", read_command),
    "reorder": ("proposals", read_proposal("reorder")),
    "transfer": ("proposals", read_proposal("transfer")),
    "count": ("proposals", read_proposal("count")),
    "insight": ("insights", read_insight),
}
"""What may follow: its word -> the field of `Expected` that it is one of, and how it is read."""

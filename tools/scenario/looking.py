"""From scenario text to the steps that look at something: level, claim, fenced, account, journal, rows of tables."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

from agents.inventory.positions import Position
from agents.inventory.postings import Account
from agents.inventory.reservations import Claim
from agents.inventory.scores.kpis import KPIS
from agents.inventory.scores.rows import ScorePolicy
from agents.inventory.scores.words import parts_of
from tools.scenario.memory_rows import TABLES
from tools.scenario.order_comparing import LINE_FIGURES, ORDER_FIGURES
from tools.scenario.order_text import read_order_line
from tools.scenario.steps import (
    CheckAccount,
    CheckAvailability,
    CheckCampaign,
    CheckClaim,
    CheckFence,
    CheckJournal,
    CheckKpi,
    CheckLevel,
    CheckOrder,
    CheckOutlook,
    CheckProjection,
    CheckRow,
    Step,
)
from tools.scenario.values import is_time, types_of
from tools.scenario.words import Words, clock_text

FIGURES = tuple(dict.fromkeys(("on_hand", *types_of(Position), "atp", "safety_stock")))
LEG_FIGURES = ("reserved", "allocated", "picking", "fenced")
CLAIM_FIGURES = tuple(dict.fromkeys((*LEG_FIGURES, "due", "legs", *types_of(Claim))))
CAMPAIGN_FIGURES = ("standing", "owned", "sellable", "members", "pending", "shares", "boost")
WINDOWS = tuple(window.name for window in ScorePolicy().windows)
LONGEST_WINDOW = WINDOWS[-1]
FRACTION = re.compile(r"-?\d+(/0*[1-9]\d*)?")
WORDS_OF_ORDERS = ("stage", "paid", "reason", "places", "promise", "channel", "warned", "sku", "state", "ready")
NOT_ALL_NUMBERS = frozenset(
    {
        "due",
        "legs",
        "counted_by",
        *CAMPAIGN_FIGURES,
        *WORDS_OF_ORDERS,
        *(name for name, hint in types_of(Claim).items() if hint is not int),
    }
)


def read_level(words: Words, text: str) -> Step:
    """Read `level SKU@LOCATION atp 5 reserved 2`, or `level SKU@LOCATION none`."""
    sku, location = words.place()
    if location is None:
        raise words.wrong("level needs SKU@LOCATION")
    return CheckLevel(words.line, text, read_figures(words, FIGURES), sku, location)


def read_claim(words: Words, text: str) -> Step:
    """Read `claim HOLDER[/LINE] SKU reserved 2 legs A:1,B:1`, `claim HOLDER SKU@A reserved 1`, or `... none`."""
    holder, number = words.claim()
    sku, location = words.place()
    names = CLAIM_FIGURES if location is None else LEG_FIGURES
    return CheckClaim(words.line, text, read_figures(words, names), sku, location, holder, number)


def read_figures(words: Words, names: tuple[str, ...]) -> dict[str, str]:
    """Read pairs of name and value; `none` is no pair at all."""
    figures: dict[str, str] = {}
    if words.take_if("none"):
        return figures
    while words or not figures:
        name = words.take("a figure")
        if names and name not in names:
            raise words.wrong(f"{name!r} is no figure; they are {', '.join(names)}")
        figures[name] = read_figure(words, name, strict=bool(names))
    return figures


def read_figure(words: Words, name: str, *, strict: bool) -> str:
    """The value of a figure; where the names are known, those that are numbers must be numbers."""
    if strict and name not in NOT_ALL_NUMBERS and not is_time(name):
        return str(words.number(name))
    value = words.take(name)
    return clock_text(words.time_of(value)) if is_time(name) and ":" in value else value


def read_row(table: str) -> Callable[[Words, str], Step]:
    """Read `TABLE SKU[@LOCATION][/REST...] quantity 5`, or `... none`: a row by the name of its table and its key."""

    def read(words: Words, text: str) -> Step:
        first, *rest = words.take("the key of the row").split("/")
        sku, at, location = first.rpartition("@")
        key = (sku, location, *rest) if at else (first, *rest)
        return CheckRow(words.line, text, read_figures(words, ()), table, key)

    return read


def read_availability(words: Words, text: str) -> Step:
    """Read `availability SKU channel=web method=shipping atp 5 state in_stock`, or `availability SKU ... none`."""
    sku = words.take("a SKU")
    which: list[tuple[str, str]] = []
    while "=" in words.peek():
        name, _, value = words.take("name=value").partition("=")
        which.append((name, value))
    return CheckAvailability(words.line, text, read_figures(words, ()), sku, tuple(which))


def read_projection(figure: str) -> Callable[[Words, str], Step]:
    """Read `projected SKU[@LOCATION] TIME 5` or `promisable SKU[@LOCATION] TIME 5`."""

    def read(words: Words, text: str) -> Step:
        sku, location = words.place()
        at_ms = words.time_of(words.take("a time"))
        return CheckProjection(words.line, text, {figure: str(words.number("the units"))}, sku, location, at_ms)

    return read


def read_fence(words: Words, text: str) -> Step:
    """Read `fenced CHANNEL SKU@LOCATION 4`."""
    channel = words.take("a channel")
    sku, location = words.place()
    if location is None:
        raise words.wrong("fenced needs SKU@LOCATION")
    return CheckFence(words.line, text, {"open": str(words.number("the units"))}, channel, sku, location)


def read_account(words: Words, text: str) -> Step:
    """Read `account SKU[@LOCATION] scrap 5`."""
    sku, location = words.place()
    account = words.take("an account")
    if account not in tuple(Account):
        raise words.wrong(f"{account!r} is no account; they are {', '.join(Account)}")
    return CheckAccount(words.line, text, {account: str(words.number("the units"))}, sku, location, account)


def read_order_look(words: Words, text: str) -> Step:
    """Read `order o1 stage confirmed`, `order o1/2 state allocated places LEEDS:2`, or `order o1 none`."""
    order_id, number = read_order_line(words)
    names = ORDER_FIGURES if number is None else LINE_FIGURES
    return CheckOrder(words.line, text, read_figures(words, tuple(names)), order_id, number)


def read_guarded(words: Words, text: str) -> Step:
    """Read `guarded C1 standing paused owned yes`, or `guarded C1 none`."""
    campaign_id = words.take("a campaign")
    return CheckCampaign(words.line, text, read_figures(words, CAMPAIGN_FIGURES), campaign_id)


def read_outlook(words: Words, text: str) -> Step:
    """Read `outlook SHOE@LEEDS level_thousandths 2000 counted 8`, or `... none`."""
    sku, location = words.place()
    if location is None:
        raise words.wrong("outlook needs SKU@LOCATION")
    return CheckOutlook(words.line, text, read_figures(words, ()), sku, location)


def read_kpi(words: Words, text: str) -> Step:
    """Read `kpi fill_rate all 1/2`, `kpi lost_sales location:LEEDS 1h 3 at=34:00`, or `kpi turnover all none`."""
    name, subject = words.take("a KPI"), words.take("a subject")
    if name not in {kpi.name for kpi in KPIS}:
        raise words.wrong(f"{name!r} is no KPI; they are {', '.join(kpi.name for kpi in KPIS)}")
    try:
        parts_of(subject)
    except ValueError as invalid:
        raise words.wrong(f"{subject!r} is no subject: {invalid}") from None
    window = words.take("a window") if words.peek() in WINDOWS else LONGEST_WINDOW
    value = words.take("its value")
    if value != "none" and FRACTION.fullmatch(value) is None:
        raise words.wrong(f"{value!r} is no whole number, no fraction such as 1/2, and not none")
    within_ms = words.time_of(words.take("a moment").removeprefix("at=")) if words.peek().startswith("at=") else None
    wanted = None if value == "none" else Fraction(value)
    return CheckKpi(words.line, text, {name: value}, name, subject, window, within_ms, wanted)


def read_journal(words: Words, text: str) -> Step:
    """Read `journal 2`."""
    return CheckJournal(words.line, text, {"records": str(words.number("how many records"))})


LOOKS: dict[str, Callable[[Words, str], Step]] = {
    **{table: read_row(table) for table in TABLES},
    "level": read_level,
    "claim": read_claim,
    "availability": read_availability,
    "fenced": read_fence,
    "projected": read_projection("projected"),
    "promisable": read_projection("promisable"),
    "account": read_account,
    "journal": read_journal,
    "order": read_order_look,
    "guarded": read_guarded,
    "outlook": read_outlook,
    "kpi": read_kpi,
}
"""The verbs that only look. Every table of the ledger is one, under its own name."""

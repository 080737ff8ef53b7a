"""A KPI in words of people, and as an object for scripts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from agents.inventory.scores.kpis import MILLION, Unit
from agents.inventory.scores.words import Figure, KpiRecord
from tools.orders.sentences import moment

MINUTE, HOUR, DAY = 60, 3_600, 86_400


def chosen(
    found: Iterable[KpiRecord], dimension: str | None, subject: str | None, *, closed: bool, last: int
) -> list[KpiRecord]:
    """The newest `last` windows of each subject that is asked for; `found` has the newest first."""
    taken: dict[str, int] = {}
    kept: list[KpiRecord] = []
    for record in found:
        if dimension not in {None, record.dimension.value} or subject not in {None, record.subject}:
            continue
        if closed and not record.closed:
            continue
        if taken.get(record.subject, 0) < last:
            taken[record.subject] = taken.get(record.subject, 0) + 1
            kept.append(record)
    return kept


def plain(record: KpiRecord, names: Sequence[str]) -> dict[str, Any]:
    """One window as an object, with the KPIs that are asked for (none = all)."""
    return {
        "subject": record.subject,
        "dimension": record.dimension.value,
        "member": record.member,
        "window": record.window,
        "from_ms": record.from_ms,
        "until_ms": record.until_ms,
        "as_of_ms": record.as_of_ms,
        "closed": record.closed,
        "revision": record.revision,
        "kpis": {
            figure.kpi: {
                "value": figure.value_millionths / MILLION,
                "unit": figure.unit,
                "numerator": figure.numerator,
                "denominator": figure.denominator,
            }
            for figure in record.figures
            if not names or figure.kpi in names
        },
    }


def value_text(figure: Figure) -> str:
    """A value with its unit."""
    value = figure.value_millionths / MILLION
    match figure.unit:
        case Unit.RATIO:
            return f"{value:.2%}"
        case Unit.SECONDS:
            return duration_text(figure.value_millionths // MILLION)
        case Unit.MONEY:
            return f"{value / 100:,.2f}"
        case Unit.PER_YEAR:
            return f"{value:,.2f} a year"
        case _:
            return f"{value:,.1f} units"


def duration_text(seconds: int) -> str:
    """Seconds in the two largest units."""
    for size, name, smaller, inner in ((DAY, "d", HOUR, "h"), (HOUR, "h", MINUTE, "m"), (MINUTE, "m", 1, "s")):
        if seconds >= size:
            return f"{seconds // size}{name} {seconds % size // smaller}{inner}"
    return f"{seconds}s"


def state_text(record: KpiRecord) -> str:
    """Whether the window is over."""
    if not record.closed:
        return f"so far, as of {moment(record.as_of_ms)[-12:-4]}"
    return "closed" if not record.revision else f"closed, corrected {record.revision}x"


def from_text(record: KpiRecord) -> str:
    """When the window began."""
    return moment(record.from_ms)[:-7]

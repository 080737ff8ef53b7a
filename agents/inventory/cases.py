"""Discrepancy cases: once books and place disagree, that stays open until somebody has looked.

There is at most one case for a SKU at a place; further discrepancies there add to it. It is closed by a count that
agrees within the tolerance (or a snapshot that does), by a COUNT or ADJUST with the reason `resolved`, and, if it was
about nothing but a transfer whose arrival was heard of first, by the departure that explains it.
"""

from __future__ import annotations

import msgspec

from agents.inventory.alerts import AlertType, Severity
from agents.inventory.draft import Draft
from agents.inventory.findings import Case
from agents.inventory.rows import CASES
from agents.inventory.units import MILLISECONDS_PER_DAY, MILLISECONDS_PER_HOUR, MILLISECONDS_PER_MINUTE

RESOLVED = "resolved"
"""The reason of a COUNT or ADJUST that closes the case of its place."""


def case_at(draft: Draft, location: str) -> Case | None:
    """The open case of the place."""
    found: Case | None = draft.row(CASES, (draft.sku, location))
    return found


def open_case(draft: Draft, location: str, quantity: int, transfer: str | None) -> Case:
    """Open a case, or add to the one that is open."""
    case = case_at(draft, location)
    if case is None:
        case = Case(draft.at_ms, 1, quantity, transfer)
    else:
        same = case.transfer if case.transfer == transfer else None
        case = msgspec.structs.replace(case, times=case.times + 1, quantity=quantity, transfer=same)
    draft.changes[CASES, (draft.sku, location)] = case
    return case


def close_case(draft: Draft, location: str, how: str) -> None:
    """Close the case of the place, if one is open, and say so. `how` completes "... was resolved by"."""
    case = case_at(draft, location)
    if case is None:
        return
    draft.changes[CASES, (draft.sku, location)] = None
    discrepancies = "1 discrepancy" if case.times == 1 else f"{case.times} discrepancies"
    message = (
        f"The discrepancy of {draft.sku} at {location} was resolved by {how}. "
        f"It was open for {duration_text(draft.at_ms - case.opened_at_ms)}, with {discrepancies}."
    )
    action = "Nothing; it is for your information."
    draft.alert(AlertType.RESOLVED, Severity.INFO, location, message, 0, action, resolves=AlertType.DISCREPANCY)


def explain_transfer(draft: Draft, location: str, transfer: str) -> None:
    """The departure of a transfer whose arrival was a riddle: close the case if it was about nothing else."""
    case = case_at(draft, location)
    if case is not None and case.transfer == transfer:
        close_case(draft, location, f"the departure of transfer {transfer}")


def age_text(draft: Draft, case: Case) -> str:
    """How long a case has been open, as a sentence to add; nothing for a new one."""
    if case.times == 1:
        return ""
    age = duration_text(draft.at_ms - case.opened_at_ms)
    return f" A case has been open here for {age}; this is discrepancy {case.times} of it."


def duration_text(duration_ms: int) -> str:
    """A duration for people: `3 d 4 h`, `2 h 5 min`, `7 min`, `40 s`."""
    days, rest_ms = divmod(duration_ms, MILLISECONDS_PER_DAY)
    hours, rest_ms = divmod(rest_ms, MILLISECONDS_PER_HOUR)
    minutes, rest_ms = divmod(rest_ms, MILLISECONDS_PER_MINUTE)
    parts = [(days, "d"), (hours, "h"), (minutes, "min")]
    said = [f"{number} {unit}" for number, unit in parts if number][:2]
    return " ".join(said) or f"{rest_ms // 1_000} s"

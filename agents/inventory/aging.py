"""AGING_RESERVATION: a claim has held units for longer than policy finds usual (`aging_after_ms`), and they did not leave.

A reservation that is extended again and again, an allocation that nobody ships: units that nobody else can have. Said
once for each claim, by the clock; over when the claim is closed. A claim that is replaced grows on. When the next claim
of the SKU may be too old stands in its row (`Goods.ages_ms`, one of its dates), so nothing is searched before then.
"""

from __future__ import annotations

import msgspec

from agents.inventory.alerts import AlertType, Severity
from agents.inventory.cases import duration_text
from agents.inventory.dates import keep_reminder
from agents.inventory.draft import Draft
from agents.inventory.open_alerts import open_alert
from agents.inventory.reservations import Claim, allocated_units, first_place, reserved_units
from agents.inventory.units import MILLISECONDS_PER_MINUTE

LOOKS_APART_MS = MILLISECONDS_PER_MINUTE
"""A SKU with many claims that grow old is looked at no more often than this."""


def watch_age(draft: Draft, claim: Claim) -> None:
    """A claim was opened: have it looked at when it is too old, where policy says so."""
    if not draft.book.watches_age:
        return
    ages_ms, goods = age_limit_ms(draft, claim), draft.goods
    if ages_ms is not None and (goods.ages_ms is None or ages_ms < goods.ages_ms):
        draft.put_goods(msgspec.structs.replace(goods, ages_ms=ages_ms))
        keep_reminder(draft)


def age_limit_ms(draft: Draft, claim: Claim) -> int | None:
    """When the claim is too old; None where it never is."""
    aging_after_ms = draft.policy(first_place(claim)).aging_after_ms
    if aging_after_ms == 0 or claim.opened_at_ms == 0:  # Rows of earlier versions do not know when.
        return None
    return claim.opened_at_ms + aging_after_ms


def look_at_ages(draft: Draft) -> None:
    """Say which claims are too old by the record time, by holder and line; and when to look again."""
    later: list[int] = []
    for (holder, line), claim in sorted(draft.claims().items()):
        ages_ms = age_limit_ms(draft, claim)
        if ages_ms is None:
            continue
        if ages_ms > draft.at_ms:
            later.append(ages_ms)
        elif claim.due_ms is None or claim.due_ms > draft.at_ms:  # Else it expires in this very decision.
            tell_age(draft, holder, line, claim)
    again_ms = max(min(later), draft.at_ms + LOOKS_APART_MS) if later else None
    if again_ms != draft.goods.ages_ms:
        draft.put_goods(msgspec.structs.replace(draft.goods, ages_ms=again_ms))


def tell_age(draft: Draft, holder: str, line: int, claim: Claim) -> None:
    """Say once that a claim is too old."""
    about = f"{holder}/{line}"
    if not open_alert(draft, AlertType.AGING_RESERVATION, None, about):
        return
    units = reserved_units(claim) + allocated_units(claim)
    message = (
        f"{holder} has held {units} units of {draft.sku} for {duration_text(draft.at_ms - claim.opened_at_ms)}, "
        f"{allocated_units(claim)} of them firmly; {claim.backordered} more are awaited."
    )
    action = "Ship them, or release the claim: `onhand reservations` shows it."
    kind, place = AlertType.AGING_RESERVATION, first_place(claim)
    # Its units may move: the SKU is the subject, so that what resolves it has the same.
    draft.alert(kind, Severity.WARNING, place, message, units, action, about=about, subject=draft.sku)

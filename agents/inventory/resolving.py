"""When an open alert is over: looked at after each decision that is journalled, for SKUs that have one.

    NEGATIVE            there is no less than nothing any more
    OVERDUE             the shipment has come, was cancelled, or has another time
    LOT_EXPIRING        the lot is gone, or has another date
    AGING_RESERVATION   the claim is closed

LOW and OUT are closed by more to promise (stock_alerts.py). The others are opened and closed by what they are about:
DISCREPANCY by its case (cases.py), SHRINKAGE by its safety buffer (shrinkage.py), FEED_SILENT by its feed (feeds.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from agents.inventory.alerts import AlertType
from agents.inventory.draft import Draft
from agents.inventory.goods import Lot
from agents.inventory.items import is_tracked
from agents.inventory.lots import is_alive
from agents.inventory.open_alerts import close_alert
from agents.inventory.rows import INBOUNDS, LOTS, OPEN_ALERTS, TRANSFERS
from agents.inventory.shipments import Shipment, is_expected


def close_what_is_over(draft: Draft) -> None:
    """Look at every open alert of the SKU, by place, type and what it is about."""
    for location, kind, about in sorted(draft.group(OPEN_ALERTS)):
        judge = JUDGES.get(kind)
        how = None if judge is None else judge(draft, location, about)
        if how is not None:
            close_alert(draft, AlertType(kind), location or None, about or None, how)


def judge_negative(draft: Draft, location: str, _about: str) -> str | None:
    """There is no less than nothing any more."""
    units = draft.shelf(location).unpromised
    if units < 0 and is_tracked(draft):
        return None
    return f"{draft.sku} at {location} is not below zero any more: it is at {units} units."


def judge_overdue(draft: Draft, location: str, about: str) -> str | None:
    """The shipment has come, was cancelled, or has another time."""
    what, _, name = about.partition("/")
    shipment: Shipment | None = draft.row(INBOUNDS if what == "inbound" else TRANSFERS, (draft.sku, name))
    if is_expected(shipment) and shipment is not None and shipment.overdue_told:
        return None
    if is_expected(shipment):
        return f"{what.capitalize()} {name} of {draft.sku} to {location} has another time now."
    return f"{what.capitalize()} {name} of {draft.sku} to {location} is not awaited any more."


def judge_lot(draft: Draft, location: str, about: str) -> str | None:
    """The lot is gone, or has another date."""
    lot: Lot | None = draft.row(LOTS, (draft.sku, location, about))
    if lot is None or lot.quantity + lot.quarantined == 0:
        return f"Lot {about} of {draft.sku} is not at {location} any more."
    if lot.quarantined == 0 and is_alive(lot, draft.at_ms, draft.policy(location).expiry_warning_days):
        return f"Lot {about} of {draft.sku} at {location} has more life left: it expires on {lot.expires_on}."
    return None


def judge_age(draft: Draft, _location: str, about: str) -> str | None:
    """The claim is closed."""
    holder, _, line = about.rpartition("/")
    if draft.claim(holder, int(line)) is not None:
        return None
    return f"The claim of {holder} on {draft.sku} is closed."


JUDGES: Mapping[str, Callable[[Draft, str, str], str | None]] = MappingProxyType(
    {
        AlertType.NEGATIVE.value: judge_negative,
        AlertType.OVERDUE.value: judge_overdue,
        AlertType.LOT_EXPIRING.value: judge_lot,
        AlertType.AGING_RESERVATION.value: judge_age,
    }
)
"""Type -> (draft, place, about) -> what is so now, where it is over."""

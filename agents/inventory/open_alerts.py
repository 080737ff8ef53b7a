"""Alerts that stay open until what they are about is over: said once, and then that it is.

An open alert is a row (`OPEN_ALERTS`) under SKU, place, type and what it is about; how many a SKU has stands in its
`Goods`, so that a SKU without any pays one comparison. When each is over: see resolving.py.
"""

from __future__ import annotations

import msgspec

from agents.inventory.alerts import AlertType, Severity
from agents.inventory.cases import duration_text
from agents.inventory.draft import Draft
from agents.inventory.findings import OpenAlert
from agents.inventory.rows import OPEN_ALERTS

NOTHING_TO_DO = "Nothing; it is for your information."


def open_alert(draft: Draft, kind: AlertType, location: str | None, about: str | None = None) -> bool:
    """Remember that an alert is open; whether it is new."""
    key = key_of(draft, kind, location, about)
    if draft.row(OPEN_ALERTS, key) is not None:
        return False
    draft.changes[OPEN_ALERTS, key] = OpenAlert(draft.at_ms)
    draft.put_goods(msgspec.structs.replace(draft.goods, open_alerts=draft.goods.open_alerts + 1))
    return True


def is_open(draft: Draft, kind: AlertType, location: str | None, about: str | None = None) -> bool:
    """Whether such an alert was said and is not over."""
    return draft.goods.open_alerts > 0 and draft.row(OPEN_ALERTS, key_of(draft, kind, location, about)) is not None


def close_alert(draft: Draft, kind: AlertType, location: str | None, about: str | None, how: str) -> None:
    """Say that an open alert is over. `how` is a sentence about what is so now."""
    key = key_of(draft, kind, location, about)
    row: OpenAlert = draft.row(OPEN_ALERTS, key)
    draft.changes[OPEN_ALERTS, key] = None
    draft.put_goods(msgspec.structs.replace(draft.goods, open_alerts=draft.goods.open_alerts - 1))
    message = f"{how} It was open for {duration_text(draft.at_ms - row.since_ms)}."
    draft.alert(AlertType.RESOLVED, Severity.INFO, location, message, 0, NOTHING_TO_DO, about=about, resolves=kind)


def key_of(draft: Draft, kind: AlertType, location: str | None, about: str | None) -> tuple[str, str, str, str]:
    """The key of its row."""
    return draft.sku, location or "", kind.value, about or ""

"""What lots do by the clock: people are warned before one expires, and at its removal date the ledger sets it apart.

Done before anything else is decided, like the expiry of a claim, with a journal record for each lot that is set apart.
What was promised of it moves or yields, as it does to any fact.
"""

from __future__ import annotations

import msgspec

from agents.inventory.alarms import raise_oversold
from agents.inventory.alerts import AlertType, Severity
from agents.inventory.conflicts import yield_lots, yield_promises
from agents.inventory.draft import Draft
from agents.inventory.fences import shrink_fences
from agents.inventory.goods import Lot
from agents.inventory.items import is_tracked
from agents.inventory.lots import is_alive, put_lot, schedule
from agents.inventory.notices import LOT_EXPIRED, because, write_notices
from agents.inventory.open_alerts import open_alert
from agents.inventory.postings import Account, JournalRecord
from agents.inventory.rows import LOTS
from agents.inventory.transactions import Kind
from agents.inventory.units import day_of_date, start_of

REASON = "expiry"


def pass_lots(draft: Draft) -> None:
    """Do what is due by the record time for the lots of the SKU."""
    due_ms = draft.goods.due_ms
    if due_ms is None or due_ms > draft.at_ms:
        return
    for (location, name), lot in sorted(draft.group(LOTS).items()):
        policy = draft.policy(location)
        if lot.quantity and not is_alive(lot, draft.at_ms, policy.removal_days):
            set_apart(draft, location, name, lot)
        elif lot.quantity and not lot.warned and not is_alive(lot, draft.at_ms, policy.expiry_warning_days):
            warn(draft, location, name, lot)
            put_lot(draft, location, name, msgspec.structs.replace(lot, warned=True))
    schedule(draft)


def set_apart(draft: Draft, location: str, name: str, lot: Lot) -> None:
    """The lot may not be sold any more."""
    shelf = draft.shelf(location)
    shelf.move(Account.UNPROMISED, Account.QUARANTINED, lot.quantity, lot=name)
    apart = msgspec.structs.replace(lot, quantity=0, quarantined=lot.quarantined + lot.quantity, warned=True)
    put_lot(draft, location, name, apart)
    if is_tracked(draft):
        shrink_fences(draft, location)
        known = len(draft.notices)
        yielded = yield_lots(draft, shelf, None) + yield_promises(draft, shelf, None)
        because(draft, known, LOT_EXPIRED)
        if yielded:
            raise_oversold(draft, location, yielded)
        shrink_fences(draft, location)
    draft.journal.append(record_of_removal(draft, lot))
    write_notices(draft)
    message = f"{lot.quantity} units of lot {name} of {draft.sku} at {location} expire on {lot.expires_on}: they are set apart."
    tell(draft, Severity.WARNING, location, name, lot, message, "Take them off the shelf.")


def record_of_removal(draft: Draft, lot: Lot) -> JournalRecord:
    """The journal record of a lot that was set apart; takes the postings."""
    postings = tuple(draft.postings)
    draft.postings.clear()
    return JournalRecord(
        event_id=draft.next_event_id(),
        transaction_id=draft.transaction.transaction_id,
        source=draft.transaction.source,
        sku=draft.sku,
        kind=Kind.EXPIRE,
        at_ms=draft.at_ms,
        occurred_at_ms=min(draft.at_ms, start_of(day_of_date(lot.expires_on or ""))),
        postings=postings,
        reason=REASON,
    )


def warn(draft: Draft, location: str, name: str, lot: Lot) -> None:
    """The lot will expire soon: said once."""
    message = f"{lot.quantity} units of lot {name} of {draft.sku} at {location} expire on {lot.expires_on}."
    action = "Sell them first, or move them where they sell faster."
    tell(draft, Severity.INFO, location, name, lot, message, action)


def tell(draft: Draft, severity: Severity, location: str, name: str, lot: Lot, message: str, action: str) -> None:
    """Raise the alert: it is open until the lot is gone (open_alerts.py)."""
    open_alert(draft, AlertType.LOT_EXPIRING, location, name)
    draft.alert(AlertType.LOT_EXPIRING, severity, location, message, lot.quantity, action, about=name)

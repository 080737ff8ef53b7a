"""What a SKU does by the clock beside the expiry of claims and the removal of lots: see dates.py."""

from __future__ import annotations

import msgspec

from agents.inventory.aging import look_at_ages
from agents.inventory.alerts import AlertType, Severity
from agents.inventory.backorders import cover_queue
from agents.inventory.dates import expected_shipments, keep_reminder
from agents.inventory.draft import Draft
from agents.inventory.notices import write_notices
from agents.inventory.open_alerts import open_alert
from agents.inventory.postings import JournalRecord
from agents.inventory.rows import INBOUNDS
from agents.inventory.shipments import Shipment, open_units, place_of_arrival
from agents.inventory.shrinkage import end_buffers
from agents.inventory.transactions import Kind


def pass_reminders(draft: Draft) -> None:
    """Do what is due by the record time: end safety buffers, and say once what is overdue and which claims are old."""
    reminder_ms = draft.goods.reminder_ms
    if reminder_ms is None or reminder_ms > draft.at_ms:
        return
    end_buffers(draft)
    if draft.goods.queued:
        cover_queue(draft)
        if draft.postings:
            draft.journal.append(record_of_reminder(draft))
            write_notices(draft)
    for table, name, shipment in expected_shipments(draft):
        if shipment.due_ms is not None and shipment.due_ms <= draft.at_ms and not shipment.overdue_told:
            draft.changes[table, (draft.sku, name)] = msgspec.structs.replace(shipment, overdue_told=True)
            raise_overdue(draft, "inbound" if table == INBOUNDS else "transfer", name, shipment)
    if draft.goods.ages_ms is not None and draft.goods.ages_ms <= draft.at_ms:
        look_at_ages(draft)
    keep_reminder(draft)


def record_of_reminder(draft: Draft) -> JournalRecord:
    """The journal record of backorders that were covered because a safety buffer ended; takes the postings."""
    postings = tuple(draft.postings)
    draft.postings.clear()
    return JournalRecord(
        event_id=draft.next_event_id(),
        transaction_id=draft.transaction.transaction_id,
        source=draft.transaction.source,
        sku=draft.sku,
        kind=Kind.EXPIRE,
        at_ms=draft.at_ms,
        occurred_at_ms=draft.at_ms,
        postings=postings,
    )


def raise_overdue(draft: Draft, what: str, name: str, shipment: Shipment) -> None:
    """Goods that should be here are not."""
    location, units = place_of_arrival(shipment), open_units(shipment)
    message = f"{units} units of {draft.sku} of {what} {name} are overdue at {location}."
    action = "Ask where they are; announce a new time, or cancel them."
    about = f"{what}/{name}"
    open_alert(draft, AlertType.OVERDUE, location, about)
    draft.alert(AlertType.OVERDUE, Severity.WARNING, location, message, units, action, about=about)

"""The dates of a SKU itself, beside those of its lots: what the clock changes though nothing is heard.

The next of them stands in its row (`Goods.reminder_ms`, and in the due index), so that an idle SKU is woken. What is
due by the record time is done before anything else is decided, like the expiry of a claim.
"""

from __future__ import annotations

import msgspec

from agents.inventory.draft import Draft
from agents.inventory.rows import INBOUNDS, TRANSFERS
from agents.inventory.shipments import Shipment, is_expected, place_of_arrival


def keep_reminder(draft: Draft) -> None:
    """Let `Goods.reminder_ms` be the next of these dates. To be called by whoever changed one of them."""
    goods = draft.goods
    dates = [buffer.until_ms for buffer in goods.safety_buffers]
    if goods.expected:
        dates += [
            shipment.due_ms
            for _, _, shipment in expected_shipments(draft)
            if shipment.due_ms is not None and not shipment.overdue_told
        ]
    if goods.ages_ms is not None:
        dates.append(goods.ages_ms)
    reminder_ms = min(dates, default=None)
    if reminder_ms != goods.reminder_ms:
        draft.put_goods(msgspec.structs.replace(goods, reminder_ms=reminder_ms))


def next_receipt_ms(draft: Draft, location: str | None = None) -> int | None:
    """When the next goods are due at a place (or anywhere): announced ones and transfers, but not what is overdue."""
    if not draft.goods.expected:
        return None
    dates = [
        shipment.due_ms
        for _, _, shipment in expected_shipments(draft)
        if shipment.due_ms is not None
        and shipment.due_ms > draft.at_ms
        and location in {None, place_of_arrival(shipment)}
    ]
    return min(dates, default=None)


def expected_shipments(draft: Draft) -> list[tuple[str, str, Shipment]]:
    """(table, name, shipment) of all that have units still to come at a known time, by table and name."""
    return [
        (table, name, shipment)
        for table in (INBOUNDS, TRANSFERS)
        for name, shipment in sorted(draft.group(table).items())
        if is_expected(shipment)
    ]

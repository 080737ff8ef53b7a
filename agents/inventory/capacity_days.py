"""How the shipments of a day come on the books of the ledger.

Nobody has to write capacities ahead: the day of a place is opened by the first claim on it, in the decision of that claim,
out of the LOCATION record in force. That costs no clock, no seeds and no rows for days that nobody asks for, and a replay
opens the same days. When a record changes the capacity, or the days of the week or the year on which the place works, the
open days from today on are visited (refreshing.py) and get more or fewer units; claims beyond a lowered capacity yield, the
newest first. A day that somebody else has put on the books, by a RECEIPT, is left as it is.
"""

from __future__ import annotations

import msgspec

from agents.inventory.capacity import CAPACITY_ITEM, CATEGORY, capacity_on, place_and_date
from agents.inventory.conflicts import yield_promises
from agents.inventory.draft import Draft
from agents.inventory.hours import local_ms
from agents.inventory.offers import Scope
from agents.inventory.postings import Account, JournalRecord
from agents.inventory.transactions import Kind, LocationReference
from agents.inventory.units import date_of_day, day_of

REASON = "capacity"

OPENING = frozenset({Kind.RESERVE, Kind.ALLOCATE})
"""The kinds that open a day."""


def open_day(draft: Draft) -> None:
    """Put the shipments of the day on the books, if nobody has; a journal record of its own, whatever becomes of the claim.

    Not where the place is unknown or has no limit: then the claim is refused as of an unknown SKU. A day on which the place
    does not work has no shipments.
    """
    named = place_and_date(draft.sku)
    if named is None or draft.rows.positions(draft.sku):
        return
    location, date = named
    shipments = capacity_on(draft.references.location(location), date)
    if shipments is None:
        return
    shelf = draft.shelf(location)
    shelf.created = True
    shelf.move(Account.SUPPLIER, Account.UNPROMISED, shipments)
    draft.put_goods(msgspec.structs.replace(draft.goods, item=CAPACITY_ITEM, capacity=shipments))
    draft.journal.append(record_of_opening(draft))


def record_of_opening(draft: Draft) -> JournalRecord:
    """The journal record of a day that was opened; takes the postings written so far."""
    postings = tuple(draft.postings)
    draft.postings.clear()
    return JournalRecord(
        event_id=draft.next_event_id(),
        transaction_id=draft.transaction.transaction_id,
        source=draft.transaction.source,
        sku=draft.sku,
        kind=Kind.RECEIPT,
        at_ms=draft.at_ms,
        occurred_at_ms=draft.at_ms,
        postings=postings,
        reason=REASON,
    )


def resize_day(draft: Draft) -> None:
    """Give an open day as many shipments as the place can send now. A day that is over stays as it was."""
    named, told = place_and_date(draft.sku), draft.goods.capacity
    if named is None or told is None:
        return
    location, date = named
    place = draft.references.location(location)
    shipments = capacity_on(place, date)
    if place is None or shipments is None or date < date_of_day(day_of(local_ms(place, draft.at_ms))):
        return
    shelf = draft.shelf(location)
    if shipments > told:
        shelf.move(Account.SUPPLIER, Account.UNPROMISED, shipments - told)
    else:
        shelf.move(Account.UNPROMISED, Account.SUPPLIER, told - shipments)
        yield_promises(draft, shelf, None)
    draft.put_goods(msgspec.structs.replace(draft.goods, capacity=shipments))


def scopes_of_change(old: LocationReference | None, new: LocationReference) -> tuple[Scope, ...]:
    """Which SKUs a new reference gives more or fewer units: the open days of the place, or none."""
    was = LocationReference(new.location) if old is None else old
    changed = (was.daily_capacity, was.working_days, was.holidays) != (
        new.daily_capacity,
        new.working_days,
        new.holidays,
    )
    limited = was.daily_capacity is not None or new.daily_capacity is not None
    return (Scope(category=CATEGORY, location=new.location),) if changed and limited else ()

"""Announced goods: INBOUND says what is coming and when, a RECEIPT that names it closes it, wholly or in parts.

An announcement stands for all of its units: another one under the same name replaces quantity, due time and place, and
quantity 0 cancels it. What was received already counts. Of two announcements the one that occurred later stands,
whichever arrives first. Units beyond what was announced come from the supplier as if nothing had been announced; the
receipt marked `last` gives back what is missing. A receipt that arrives before its announcement is remembered, so that
the announcement expects only what is left.
"""

from __future__ import annotations

import msgspec

from agents.inventory.dates import keep_reminder
from agents.inventory.draft import Draft
from agents.inventory.movements import settle_movement
from agents.inventory.outcomes import Outcome, accept, refuse
from agents.inventory.postings import Account
from agents.inventory.refusals import Refusal
from agents.inventory.rows import INBOUNDS
from agents.inventory.shipments import Inbound, is_expected, is_forgotten, open_units


def announce(draft: Draft) -> Outcome:
    """Expect units at a place: supplier -> in_transit. Answers the signed change of what is on its way.

    Refuses: QUANTITY_NOT_POSITIVE (below zero; zero cancels).
    """
    transaction = draft.transaction
    quantity = transaction.quantity or 0
    if quantity < 0:
        return refuse(Refusal.QUANTITY_NOT_POSITIVE)
    name, location = transaction.inbound or "", transaction.location or ""
    draft.shelf(location)
    before = known_inbound(draft, name) or Inbound(location)
    if draft.occurred_at_ms < before.announced_at_ms:
        return accept()
    after = msgspec.structs.replace(
        before,
        location=location,
        announced=quantity,
        due_ms=before.due_ms if transaction.due_at_ms is None else transaction.due_at_ms,
        announced_at_ms=draft.occurred_at_ms,
        overdue_told=False,
    )
    was_open, is_open = open_units(before), open_units(after)
    if before.location == location:
        expect(draft, location, is_open - was_open)
    else:
        expect(draft, before.location, -was_open)
        expect(draft, location, is_open)
    put_inbound(draft, name, after)
    return accept(is_open - was_open)


def receive_inbound(draft: Draft) -> Outcome:
    """Announced goods came in: in_transit -> unpromised, what exceeds them supplier -> unpromised.

    Refuses: QUANTITY_NOT_POSITIVE (below zero, or zero without `last`).
    """
    transaction = draft.transaction
    quantity = transaction.quantity or 0
    if quantity < 0 or (quantity == 0 and not transaction.last):
        return refuse(Refusal.QUANTITY_NOT_POSITIVE)
    name, location = transaction.inbound or "", transaction.location or ""
    shelf = draft.shelf(location)
    before = known_inbound(draft, name) or Inbound(location)
    expected = min(quantity, open_units(before))
    way = draft.shelf(before.location) if expected else shelf
    way.move_to(shelf, Account.IN_TRANSIT, Account.UNPROMISED, expected, transaction.lot)
    shelf.move(Account.SUPPLIER, Account.UNPROMISED, quantity - expected, lot=transaction.lot)
    after = msgspec.structs.replace(before, received=before.received + quantity)
    if transaction.last:
        expect(draft, before.location, -open_units(after))
        after = msgspec.structs.replace(after, ended=True)
    put_inbound(draft, name, after)
    settle_movement(draft, shelf, quantity)
    return accept(quantity)


def expect(draft: Draft, location: str, change: int) -> None:
    """So many units more are on their way from the supplier to a place; below 0, so many fewer."""
    if change > 0:
        draft.shelf(location).move(Account.SUPPLIER, Account.IN_TRANSIT, change)
    elif change < 0:
        draft.shelf(location).move(Account.IN_TRANSIT, Account.SUPPLIER, -change)


def announced(draft: Draft, inbound: str) -> Inbound | None:
    """The inbound of that name, if units of it are still to come."""
    found = known_inbound(draft, inbound)
    return found if open_units(found) > 0 else None


def known_inbound(draft: Draft, inbound: str) -> Inbound | None:
    """What is remembered of the inbound, also if nothing of it is open any more."""
    found: Inbound | None = draft.row(INBOUNDS, (draft.sku, inbound))
    return None if found is None or is_forgotten(found, draft.at_ms) else found


def put_inbound(draft: Draft, name: str, after: Inbound) -> None:
    """Keep what is known of an inbound, and the dates of the SKU in step."""
    before: Inbound | None = draft.row(INBOUNDS, (draft.sku, name))
    draft.changes[INBOUNDS, (draft.sku, name)] = msgspec.structs.replace(after, changed_at_ms=draft.at_ms)
    count_expected(draft, is_expected(after) - is_expected(before))
    keep_reminder(draft)


def count_expected(draft: Draft, change: int) -> None:
    """So many shipments more have units to come at a known time."""
    if change:
        goods = draft.goods
        draft.put_goods(msgspec.structs.replace(goods, expected=goods.expected + change))

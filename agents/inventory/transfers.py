"""Transfers: TRANSFER_OUT takes a named bucket here into in_transit there, TRANSFER_IN puts it on the shelf there.

Arrivals may come in parts: a transfer is open until one of them is marked `last`; what is missing then is shrinkage,
and a discrepancy at the place of arrival. Units beyond what was sent are taken from `found`, with a discrepancy. That
also serves an arrival that is heard of before its departure: it is remembered, and the departure then posts as many
units to `found` as were taken from it, so nothing is in transit and the books close.

Both are movements of their place: late ones are corrected against its last count, others are remembered for counts.
"""

from __future__ import annotations

import msgspec

from agents.inventory.alarms import raise_discrepancy
from agents.inventory.cases import explain_transfer
from agents.inventory.dates import keep_reminder
from agents.inventory.draft import Draft, Shelf
from agents.inventory.facts import named_bucket
from agents.inventory.inbounds import count_expected
from agents.inventory.items import is_tracked
from agents.inventory.movements import is_late, settle_movement
from agents.inventory.outcomes import Outcome, accept, refuse
from agents.inventory.places import refusal_of_name
from agents.inventory.postings import Account
from agents.inventory.refusals import Refusal
from agents.inventory.rows import TRANSFERS
from agents.inventory.shipments import Transfer, is_expected, is_forgotten, open_units
from agents.inventory.shrinkage import note_loss
from agents.inventory.transactions import Mode


def send(draft: Draft) -> Outcome:
    """Let units leave for another place.

    Refuses: QUANTITY_NOT_POSITIVE; as a request also UNKNOWN_SKU, UNKNOWN_LOCATION (of either place) and
    INSUFFICIENT_ATP, if stock would go negative or a promise would break.
    """
    transaction = draft.transaction
    quantity = transaction.quantity or 0
    if quantity <= 0:
        return refuse(Refusal.QUANTITY_NOT_POSITIVE)
    location, to_location = transaction.location or "", transaction.to_location or ""
    if transaction.mode is Mode.REQUEST:
        refusal = refusal_of_request(draft, location, to_location, quantity)
        if refusal is not None:
            return refusal

    # From here on it must succeed.
    name = transaction.transfer or ""
    before = known_transfer(draft, name) or Transfer(to_location)
    shelf = draft.shelf(location)
    redirect(draft, before, to_location)
    matched = min(quantity, max(0, before.arrived - before.sent))
    rest = quantity - matched
    lost = rest if before.ended else 0
    take_out(draft, shelf, draft.shelf(to_location), quantity, matched, lost)
    after = msgspec.structs.replace(
        before,
        from_location=location,
        to_location=to_location,
        sent=before.sent + quantity,
        due_ms=before.due_ms if transaction.due_at_ms is None else transaction.due_at_ms,
        overdue_told=False,
    )
    put_transfer(draft, name, after)
    settle_movement(draft, shelf, -quantity)
    if lost:
        miss(draft, name, to_location, lost)
    elif matched and after.arrived <= after.sent:  # No arrival is a riddle any more.
        explain_transfer(draft, to_location, name)
    return accept(quantity)


def refusal_of_request(draft: Draft, location: str, to_location: str, quantity: int) -> Outcome | None:
    """Why units may not leave, or None."""
    unknown = refusal_of_name(draft, location) or refusal_of_name(draft, to_location)
    if unknown is not None:
        return unknown
    shelf = draft.shelf(location)
    bucket = named_bucket(draft.transaction)
    late = bucket is Account.UNPROMISED and is_late(draft, shelf)  # Whoever counted saw them gone already.
    if late or not is_tracked(draft):
        return None
    there = shelf.quarantined if bucket is Account.QUARANTINED else shelf.unpromised
    shortfall = quantity - max(0, there)
    return refuse(Refusal.INSUFFICIENT_ATP, shortfall) if shortfall > 0 else None


def redirect(draft: Draft, transfer: Transfer, to_location: str) -> None:
    """A transfer has one destination: naming another one redirects what is on its way."""
    if transfer.to_location != to_location:
        way, there = draft.shelf(transfer.to_location), draft.shelf(to_location)
        way.move_to(there, Account.IN_TRANSIT, Account.IN_TRANSIT, open_units(transfer))


def take_out(draft: Draft, shelf: Shelf, there: Shelf, quantity: int, matched: int, lost: int) -> None:
    """Post the departure: from the named bucket, and with a discrepancy from unpromised what that does not have.

    `matched` units go to `found`, for they were taken from there on arrival; `lost` ones, which the last arrival
    missed, to shrinkage; the others are in transit.
    """
    lot = draft.transaction.lot
    sources = [(Account.UNPROMISED, quantity)]
    if named_bucket(draft.transaction) is Account.QUARANTINED:
        known = min(quantity, shelf.quarantined)
        sources = [(Account.QUARANTINED, known), (Account.UNPROMISED, quantity - known)]
        if known < quantity:
            message = f"{quantity} quarantined units of {draft.sku} left {shelf.location}; {known} were known."
            raise_discrepancy(draft, shelf.location, message, known - quantity)
    targets = [
        (Account.FOUND, matched),
        (Account.SHRINKAGE, lost),
        (Account.IN_TRANSIT, quantity - matched - lost),
    ]
    for source, target, units in pairs(sources, targets):
        shelf.move_to(there, source, target, units, lot)


def pairs(sources: list[tuple[Account, int]], targets: list[tuple[Account, int]]) -> list[tuple[Account, Account, int]]:
    """Which units go from which account to which: filled up in order. Both sides sum to the same."""
    found: list[tuple[Account, Account, int]] = []
    waiting = list(targets)
    for source, quantity in sources:
        left = quantity
        while left:
            target, room = waiting.pop(0)
            units = min(left, room)
            found.append((source, target, units))
            left -= units
            if units < room:
                waiting.insert(0, (target, room - units))
    return found


def arrive(draft: Draft) -> Outcome:
    """Units arrived, at `to_location` or, where none is named, at `location`.

    Refuses: QUANTITY_NOT_POSITIVE (below zero, or zero without `last`).
    """
    transaction = draft.transaction
    quantity = transaction.quantity or 0
    if quantity < 0 or (quantity == 0 and not transaction.last):
        return refuse(Refusal.QUANTITY_NOT_POSITIVE)
    name, location = transaction.transfer or "", transaction.to_location or transaction.location or ""
    shelf = draft.shelf(location)
    came_from = transaction.location if transaction.to_location is not None else None
    before = known_transfer(draft, name) or Transfer(location, came_from)
    sent = min(quantity, open_units(before))
    bucket = named_bucket(transaction)
    way = draft.shelf(before.to_location) if sent else shelf
    way.move_to(shelf, Account.IN_TRANSIT, bucket, sent, transaction.lot)
    shelf.move(Account.FOUND, bucket, quantity - sent, lot=transaction.lot)
    after = msgspec.structs.replace(before, arrived=before.arrived + quantity)
    missing = open_units(after) if transaction.last else 0
    if transaction.last:
        draft.shelf(after.to_location).move(Account.IN_TRANSIT, Account.SHRINKAGE, missing)
        after = msgspec.structs.replace(after, ended=True)
    put_transfer(draft, name, after)
    settle_movement(draft, shelf, quantity)
    if quantity > sent:
        message = f"{quantity} units of {draft.sku} arrived at {location} by transfer {name}; {sent} were on their way."
        raise_discrepancy(draft, location, message, quantity - sent, transfer=name)
    elif missing:
        miss(draft, name, after.to_location, missing)
    return accept(quantity)


def miss(draft: Draft, name: str, location: str, missing: int) -> None:
    """Units of a transfer never arrived."""
    message = f"{missing} units of {draft.sku} of transfer {name} did not arrive at {location}."
    raise_discrepancy(draft, location, message, -missing)
    note_loss(draft, location, missing, "transfer")


def known_transfer(draft: Draft, name: str) -> Transfer | None:
    """What is remembered of the transfer."""
    found: Transfer | None = draft.row(TRANSFERS, (draft.sku, name))
    return None if found is None or is_forgotten(found, draft.at_ms) else found


def put_transfer(draft: Draft, name: str, after: Transfer) -> None:
    """Keep what is known of a transfer, and the dates of the SKU in step."""
    before: Transfer | None = draft.row(TRANSFERS, (draft.sku, name))
    draft.changes[TRANSFERS, (draft.sku, name)] = msgspec.structs.replace(after, changed_at_ms=draft.at_ms)
    count_expected(draft, is_expected(after) - is_expected(before))
    keep_reminder(draft)

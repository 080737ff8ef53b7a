"""Facts that name no claim: receipts, till sales, returns, goods set apart, adjustments.

A fact is accepted even if `unpromised` goes below zero. Who yields, and which alerts follow, is settled in one place
for all facts once they are posted (see decide.py).
"""

from __future__ import annotations

from agents.inventory.alarms import raise_discrepancy
from agents.inventory.cases import RESOLVED, case_at, close_case
from agents.inventory.draft import Draft, Shelf
from agents.inventory.fences import take_fence
from agents.inventory.inbounds import receive_inbound
from agents.inventory.items import is_tracked
from agents.inventory.lots import block, lot_at, unblock, units_in
from agents.inventory.movements import is_late, settle_movement
from agents.inventory.outcomes import Outcome, accept, refuse
from agents.inventory.places import refusal_of_name
from agents.inventory.postings import CUSTOMER, UNPROMISED, Account
from agents.inventory.refusals import Refusal
from agents.inventory.shrinkage import note_loss
from agents.inventory.transactions import Bucket, Mode, Transaction

SCRAP_REASONS = frozenset({"scrap", "damage", "expiry"})


def receive(draft: Draft) -> Outcome:
    """Goods came in: supplier -> unpromised, or in_transit -> unpromised where they were announced (inbounds.py)."""
    if draft.transaction.inbound is not None:
        return receive_inbound(draft)
    return bring(draft, Account.SUPPLIER, Account.UNPROMISED)


def take_back(draft: Draft) -> Outcome:
    """A customer brought goods back, here or wherever they were bought: customer -> the named bucket."""
    return bring(draft, Account.CUSTOMER, named_bucket(draft.transaction))


def bring(draft: Draft, source: Account, bucket: Account) -> Outcome:
    """Units come from outside into a bucket. Refuses: QUANTITY_NOT_POSITIVE."""
    transaction = draft.transaction
    quantity = transaction.quantity or 0
    if quantity <= 0:
        return refuse(Refusal.QUANTITY_NOT_POSITIVE)
    shelf = draft.shelf(transaction.location or "")
    shelf.move(source, bucket, quantity, lot=transaction.lot)
    settle_movement(draft, shelf, quantity)
    return accept(quantity)


def sell(draft: Draft) -> Outcome:
    """Sold at the till, without a claim: unpromised -> customer, out of its channel's own fence first.

    Refuses: QUANTITY_NOT_POSITIVE.
    """
    transaction = draft.transaction
    quantity = transaction.quantity or 0
    if quantity <= 0:
        return refuse(Refusal.QUANTITY_NOT_POSITIVE)
    shelf = draft.shelf(transaction.location or "")
    shelf.move(UNPROMISED, CUSTOMER, quantity, lot=transaction.lot)
    if draft.goods.fences and not is_late(draft, shelf):  # A late one takes what a count had missed already.
        take_fence(draft, shelf.location, transaction.channel, quantity)
    settle_movement(draft, shelf, -quantity)
    return accept(quantity)


def quarantine(draft: Draft) -> Outcome:
    """Set goods apart: unpromised -> quarantined, capped by what nobody was promised. Refuses: QUANTITY_NOT_POSITIVE."""
    return set_apart(draft, Account.UNPROMISED, Account.QUARANTINED)


def unquarantine(draft: Draft) -> Outcome:
    """Give goods free: quarantined -> unpromised, capped by what is there. Refuses: QUANTITY_NOT_POSITIVE."""
    return set_apart(draft, Account.QUARANTINED, Account.UNPROMISED)


def set_apart(draft: Draft, source: Account, target: Account) -> Outcome:
    """Move units between two buckets of the place; on_hand stays, so no count can contradict it.

    A lot named without a quantity is blocked, or given free, as a whole: here, or where no location is named everywhere.
    """
    transaction = draft.transaction
    if transaction.quantity is None and transaction.lot is not None:
        change = block if target is Account.QUARANTINED else unblock
        return accept(change(draft, transaction.lot, transaction.location))
    quantity = transaction.quantity or 0
    if quantity <= 0:
        return refuse(Refusal.QUANTITY_NOT_POSITIVE)
    shelf = draft.shelf(transaction.location or "")
    there = shelf.unpromised if source is Account.UNPROMISED else shelf.quarantined
    if transaction.lot is not None:
        there = min(there, units_in(lot_at(draft, shelf.location, transaction.lot), source))
    capped = min(quantity, max(0, there))
    shelf.move(source, target, capped, lot=transaction.lot)
    return accept(capped)


def adjust(draft: Draft) -> Outcome:
    """Correct a bucket by a signed quantity, with a reason. The reason `resolved` closes the case of the place.

    Refuses: QUANTITY_NOT_POSITIVE (zero, unless it closes a case); as a request also UNKNOWN_SKU, UNKNOWN_LOCATION and
    INSUFFICIENT_ATP, if stock would go negative or a promise would break.
    """
    transaction = draft.transaction
    quantity = transaction.quantity or 0
    location = transaction.location or ""
    closes = transaction.reason == RESOLVED and case_at(draft, location) is not None
    if quantity == 0 and not closes:
        return refuse(Refusal.QUANTITY_NOT_POSITIVE)
    if transaction.mode is Mode.REQUEST:
        unknown = refusal_of_name(draft, location)
        if unknown is not None:
            return unknown
        shortfall = missing_for_adjustment(draft, draft.shelf(location), quantity)
        if shortfall > 0 and is_tracked(draft):
            return refuse(Refusal.INSUFFICIENT_ATP, shortfall)

    # From here on it must succeed.
    shelf = draft.shelf(location)
    bucket = named_bucket(transaction)
    lost = quantity < 0 and loss_account(transaction) is Account.SHRINKAGE
    if quantity > 0:
        shelf.move(Account.FOUND, bucket, quantity, lot=transaction.lot)
    else:
        write_off(draft, shelf, bucket, -quantity)
    if lost and not is_late(draft, shelf):  # What was written off late, a count had missed already.
        note_loss(draft, location, -quantity, transaction.reason or "adjustment")
    settle_movement(draft, shelf, quantity, explains=not lost)
    if closes:
        close_case(draft, location, "an adjustment")
    return accept(quantity)


def missing_for_adjustment(draft: Draft, shelf: Shelf, quantity: int) -> int:
    """Units missing to grant an adjustment that only asks; a late one counts with its correction."""
    quarantined = named_bucket(draft.transaction) is Account.QUARANTINED
    if quarantined and quantity < -shelf.quarantined:
        return -quantity - shelf.quarantined
    correction = -quantity if is_late(draft, shelf) else 0
    change = correction + (0 if quarantined else quantity)
    return max(0, min(shelf.unpromised, 0) - shelf.unpromised - change) if change < 0 else 0


def write_off(draft: Draft, shelf: Shelf, bucket: Account, quantity: int) -> None:
    """Units are lost: from the named bucket; what quarantined does not have leaves unpromised, with a discrepancy."""
    transaction = draft.transaction
    account = loss_account(transaction)
    from_bucket = min(quantity, shelf.quarantined) if bucket is Account.QUARANTINED else quantity
    shelf.move(bucket, account, from_bucket, lot=transaction.lot)
    beyond = quantity - from_bucket
    if beyond:
        shelf.move(Account.UNPROMISED, account, beyond, lot=transaction.lot)
        message = (
            f"{quantity} quarantined units of {draft.sku} at {shelf.location} were lost; {from_bucket} were known."
        )
        raise_discrepancy(draft, shelf.location, message, -beyond)


def loss_account(transaction: Transaction) -> Account:
    """Where units go that an adjustment takes away: known to be spoilt, or lost without a cause."""
    return Account.SCRAP if transaction.reason in SCRAP_REASONS else Account.SHRINKAGE


def named_bucket(transaction: Transaction) -> Account:
    """The bucket that RETURN and ADJUST name: unpromised unless quarantined is said."""
    return Account.QUARANTINED if transaction.bucket is Bucket.QUARANTINED else Account.UNPROMISED

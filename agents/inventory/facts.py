"""Facts that name no claim: receipts, till sales, returns, goods set apart, adjustments.

A fact is accepted even if `unpromised` goes below zero. Who yields, and which alerts follow, is settled in one place
for all facts once they are posted (see decide.py).
"""

from __future__ import annotations

from agents.inventory.alarms import raise_discrepancy
from agents.inventory.draft import Draft, Shelf
from agents.inventory.movements import is_late, settle_movement
from agents.inventory.outcomes import Outcome, accept, refuse
from agents.inventory.places import refusal_of_name
from agents.inventory.postings import Account
from agents.inventory.refusals import Refusal
from agents.inventory.transactions import Bucket, Mode, Transaction

SCRAP_REASONS = frozenset({"scrap", "damage", "expiry"})


def receive(draft: Draft) -> Outcome:
    """Goods came in: supplier -> unpromised."""
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
    """Sold at the till, without a claim: unpromised -> customer. Refuses: QUANTITY_NOT_POSITIVE."""
    transaction = draft.transaction
    quantity = transaction.quantity or 0
    if quantity <= 0:
        return refuse(Refusal.QUANTITY_NOT_POSITIVE)
    shelf = draft.shelf(transaction.location or "")
    shelf.move(Account.UNPROMISED, Account.CUSTOMER, quantity, lot=transaction.lot)
    settle_movement(draft, shelf, -quantity)
    return accept(quantity)


def quarantine(draft: Draft) -> Outcome:
    """Set goods apart: unpromised -> quarantined, capped by what nobody was promised. Refuses: QUANTITY_NOT_POSITIVE."""
    return set_apart(draft, Account.UNPROMISED, Account.QUARANTINED)


def unquarantine(draft: Draft) -> Outcome:
    """Give goods free: quarantined -> unpromised, capped by what is there. Refuses: QUANTITY_NOT_POSITIVE."""
    return set_apart(draft, Account.QUARANTINED, Account.UNPROMISED)


def set_apart(draft: Draft, source: Account, target: Account) -> Outcome:
    """Move units between two buckets of the place; on_hand stays, so no count can contradict it."""
    transaction = draft.transaction
    quantity = transaction.quantity or 0
    if quantity <= 0:
        return refuse(Refusal.QUANTITY_NOT_POSITIVE)
    shelf = draft.shelf(transaction.location or "")
    there = shelf.unpromised if source is Account.UNPROMISED else shelf.quarantined
    capped = min(quantity, max(0, there))
    shelf.move(source, target, capped, lot=transaction.lot)
    return accept(capped)


def adjust(draft: Draft) -> Outcome:
    """Correct a bucket by a signed quantity, with a reason.

    Refuses: QUANTITY_NOT_POSITIVE (zero); as a request also UNKNOWN_SKU, UNKNOWN_LOCATION and INSUFFICIENT_ATP, if
    stock would go negative or a promise would break.
    """
    transaction = draft.transaction
    quantity = transaction.quantity or 0
    location = transaction.location or ""
    if quantity == 0:
        return refuse(Refusal.QUANTITY_NOT_POSITIVE)
    if transaction.mode is Mode.REQUEST:
        unknown = refusal_of_name(draft, location)
        if unknown is not None:
            return unknown
        shortfall = missing_for_adjustment(draft, draft.shelf(location), quantity)
        if shortfall > 0:
            return refuse(Refusal.INSUFFICIENT_ATP, shortfall)

    # From here on it must succeed.
    shelf = draft.shelf(location)
    bucket = named_bucket(transaction)
    if quantity > 0:
        shelf.move(Account.FOUND, bucket, quantity, lot=transaction.lot)
    else:
        write_off(draft, shelf, bucket, -quantity)
    settle_movement(draft, shelf, quantity)
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
    account = Account.SCRAP if transaction.reason in SCRAP_REASONS else Account.SHRINKAGE
    from_bucket = min(quantity, shelf.quarantined) if bucket is Account.QUARANTINED else quantity
    shelf.move(bucket, account, from_bucket, lot=transaction.lot)
    beyond = quantity - from_bucket
    if beyond:
        shelf.move(Account.UNPROMISED, account, beyond, lot=transaction.lot)
        message = (
            f"{quantity} quarantined units of {draft.sku} at {shelf.location} were lost; {from_bucket} were known."
        )
        raise_discrepancy(draft, shelf.location, message, -beyond)


def named_bucket(transaction: Transaction) -> Account:
    """The bucket that RETURN and ADJUST name: unpromised unless quarantined is said."""
    return Account.QUARANTINED if transaction.bucket is Bucket.QUARANTINED else Account.UNPROMISED

"""What must hold of every decision. A breach is a bug of the ledger, never of its input: nothing of it may commit."""

from __future__ import annotations

from agents.inventory.draft import Draft, Shelf
from agents.inventory.positions import Position
from agents.inventory.postings import Account
from agents.inventory.reservations import Claim


class InvariantBroken(Exception):
    """The books of a decision do not close. The message says which, of what, and by how much."""


Sums = dict[str, dict[str, int]]
"""Units by location and account."""

NOTHING: dict[str, int] = {}
EMPTY = Position()


def check(draft: Draft) -> None:
    """Assert the invariants of a finished draft.

    * Every journal record's postings sum to zero.
    * Every position is its old row plus the postings.
    * No bucket but `unpromised` is below zero, and while `unpromised` is, nothing is promised there.
    * Claims changed by exactly what was posted to `reserved` and `allocated`.

    Raises InvariantBroken.
    """
    sums = sum_postings(draft)
    for location, shelf in draft.shelves.items():
        check_shelf(draft.sku, shelf, sums.get(location, NOTHING))
    check_claims(draft, sums)


def sum_postings(draft: Draft) -> Sums:
    """The postings of the decision by location and account. Double entry: each record's sum to zero."""
    sums: Sums = {}
    for record in draft.journal:
        total = 0
        for posting in record.postings:
            account, quantity = posting.account, posting.quantity
            total += quantity
            accounts = sums.get(posting.location)
            if accounts is None:
                sums[posting.location] = {account: quantity}
            else:
                accounts[account] = accounts.get(account, 0) + quantity
        if total:
            raise InvariantBroken(f"the postings of {draft.sku} sum to {total}, not to zero")
    return sums


def check_shelf(sku: str, shelf: Shelf, posted: dict[str, int]) -> None:
    """The position is the sum of its postings, and only `unpromised` may be negative."""
    before = shelf.before or EMPTY
    if (
        before.unpromised + posted.get(Account.UNPROMISED, 0) != shelf.unpromised
        or before.reserved + posted.get(Account.RESERVED, 0) != shelf.reserved
        or before.allocated + posted.get(Account.ALLOCATED, 0) != shelf.allocated
        or before.quarantined + posted.get(Account.QUARANTINED, 0) != shelf.quarantined
        or before.in_transit + posted.get(Account.IN_TRANSIT, 0) != shelf.in_transit
    ):
        raise InvariantBroken(
            f"{sku} at {shelf.location} was {before}, {posted} were posted, but it is {figures(shelf)}"
        )
    if shelf.reserved < 0 or shelf.allocated < 0 or shelf.quarantined < 0 or shelf.in_transit < 0:
        raise InvariantBroken(f"a bucket of {sku} at {shelf.location} is below zero: {figures(shelf)}")
    if shelf.unpromised < 0 and shelf.reserved + shelf.allocated > 0:
        raise InvariantBroken(f"{sku} at {shelf.location} is short while units are promised there: {figures(shelf)}")


def figures(shelf: Shelf) -> str:
    """The buckets of a shelf, for the message."""
    return (
        f"unpromised {shelf.unpromised}, reserved {shelf.reserved}, allocated {shelf.allocated}, "
        f"quarantined {shelf.quarantined}, in_transit {shelf.in_transit}"
    )


def check_claims(draft: Draft, sums: Sums) -> None:
    """What claims gained and lost is what was posted to the buckets of claims. Uses up `sums`."""
    for before, after in draft.changed_claims():
        if before is not None:
            take_legs(sums, before, 1)
        if after is not None:
            take_legs(sums, after, -1)
    for location, accounts in sums.items():
        for bucket in (Account.RESERVED, Account.ALLOCATED):
            if accounts.get(bucket, 0):
                raise InvariantBroken(
                    f"{accounts[bucket]} units were posted to {bucket} of {draft.sku} at {location} beyond what its claims hold"
                )


def take_legs(sums: Sums, claim: Claim, sign: int) -> None:
    """Add (1) or take away (-1) what the claim holds."""
    for leg in claim.legs:
        accounts = sums.setdefault(leg.location, {})
        if leg.reserved:
            accounts[Account.RESERVED] = accounts.get(Account.RESERVED, 0) + sign * leg.reserved
        if leg.allocated:
            accounts[Account.ALLOCATED] = accounts.get(Account.ALLOCATED, 0) + sign * leg.allocated

"""What must hold of every decision. A breach is a bug of the ledger, never of its input: nothing of it may commit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agents.inventory.draft import Draft, Shelf
from agents.inventory.items import is_tracked
from agents.inventory.positions import Position
from agents.inventory.postings import Account
from agents.inventory.reservations import Claim, Closing
from agents.inventory.transactions import Kind


class InvariantBroken(Exception):
    """The books of a decision do not close. The message says which, of what, and by how much."""


AT_UNPROMISED, AT_RESERVED, AT_ALLOCATED, AT_QUARANTINED, AT_IN_TRANSIT, AT_OUTSIDE = range(6)
BUCKET_AT: Mapping[Account, int] = {
    **dict.fromkeys(Account, AT_OUTSIDE),
    Account.UNPROMISED: AT_UNPROMISED,
    Account.RESERVED: AT_RESERVED,
    Account.ALLOCATED: AT_ALLOCATED,
    Account.QUARANTINED: AT_QUARANTINED,
    Account.IN_TRANSIT: AT_IN_TRANSIT,
}
"""Where the units of an account are summed up; those outside of the places together."""

Sums = dict[str, list[int]]
"""Units by location, and there by `BUCKET_AT`."""

EXPIRED = Closing.EXPIRED
NOTHING = (0, 0, 0, 0, 0, 0)
EMPTY = Position()
TAKING = (Kind.RESERVE, Kind.ALLOCATE)
"""The kinds that ask for units. A tuple: a member is found by identity, without a hash."""


def check(draft: Draft) -> None:
    """Assert the invariants of a finished draft.

    * Every journal record's postings sum to zero.
    * Every position is its old row plus the postings.
    * No bucket but `unpromised` is below zero, and while `unpromised` is, nothing is promised there (of a SKU that is
      not tracked everything may be).
    * Claims changed by exactly what was posted to `reserved` and `allocated`.
    * An open claim holds or awaits something, and none of its figures contradicts another; the SKU's queue is the sum
      of what its claims wait for. No claim is open and closed at once.
    * Fences keep no more open than there is unpromised (of a SKU that is not tracked nobody knows what there is).
    * What is asked never takes what is not available to promise.

    Raises InvariantBroken.
    """
    sums = sum_postings(draft)
    takes = draft.transaction.kind in TAKING
    for location, shelf in draft.shelves.items():
        check_shelf(draft, shelf, sums.get(location, NOTHING))
        if takes and shelf.before is not None and shelf.unpromised < shelf.before.unpromised:
            check_promise(draft, shelf)
    check_claims(draft, sums)
    if draft.goods.fences and is_tracked(draft):
        check_fences(draft)


def sum_postings(draft: Draft) -> Sums:
    """The postings of the decision by location and bucket. Double entry: each record's sum to zero."""
    sums: Sums = {}
    for record in draft.journal:
        total = 0
        for posting in record.postings:
            location, quantity = posting.location, posting.quantity
            total += quantity
            posted = sums.get(location)
            if posted is None:
                posted = sums[location] = [*NOTHING]
            posted[BUCKET_AT[posting.account]] += quantity
        if total:
            raise InvariantBroken(f"the postings of {draft.sku} sum to {total}, not to zero")
    return sums


def check_shelf(draft: Draft, shelf: Shelf, posted: Sequence[int]) -> None:
    """The position is the sum of its postings, and only `unpromised` may be negative."""
    before = shelf.before or EMPTY
    unpromised, reserved, allocated, quarantined, in_transit, _ = posted
    if (
        before.unpromised + unpromised != shelf.unpromised
        or before.reserved + reserved != shelf.reserved
        or before.allocated + allocated != shelf.allocated
        or before.quarantined + quarantined != shelf.quarantined
        or before.in_transit + in_transit != shelf.in_transit
    ):
        raise InvariantBroken(
            f"{draft.sku} at {shelf.location} was {before}, "
            f"unpromised {unpromised}, reserved {reserved}, allocated {allocated}, quarantined {quarantined}, "
            f"in_transit {in_transit} were posted, but it is {figures(shelf)}"
        )
    if shelf.reserved < 0 or shelf.allocated < 0 or shelf.quarantined < 0 or shelf.in_transit < 0:
        raise InvariantBroken(f"a bucket of {draft.sku} at {shelf.location} is below zero: {figures(shelf)}")
    if shelf.unpromised < 0 and shelf.reserved + shelf.allocated > 0 and is_tracked(draft):
        raise InvariantBroken(
            f"{draft.sku} at {shelf.location} is short while units are promised there: {figures(shelf)}"
        )


def figures(shelf: Shelf) -> str:
    """The buckets of a shelf, for the message."""
    return (
        f"unpromised {shelf.unpromised}, reserved {shelf.reserved}, allocated {shelf.allocated}, "
        f"quarantined {shelf.quarantined}, in_transit {shelf.in_transit}"
    )


def check_fences(draft: Draft) -> None:
    """Fenced units lie in `unpromised`: at the places of this decision no fences keep more, and none less than nothing."""
    for location, shelf in draft.shelves.items():
        kept = [fence.open for fence in draft.goods.fences if fence.location == location]
        if min(kept, default=0) < 0 or sum(kept) > max(0, shelf.unpromised):
            raise InvariantBroken(
                f"the fences of {draft.sku} at {location} keep {kept} units open, {shelf.unpromised} are unpromised"
            )


def check_claims(draft: Draft, sums: Sums) -> None:
    """What claims gained and lost is what was posted to the buckets of claims. Uses up `sums`."""
    queued = draft.goods_before.queued
    for (holder, line), before in draft.claims_before.items():
        after = draft.claim(holder, line)
        if after is before:
            continue
        if before is not None:
            take_legs(sums, before, 1)
            queued -= before.backordered
        if after is not None:
            check_claim(draft.sku, after)
            take_legs(sums, after, -1)
            queued += after.backordered
    for location, left in sums.items():
        if left[AT_RESERVED] or left[AT_ALLOCATED]:
            raise InvariantBroken(
                f"{left[AT_RESERVED]} reserved and {left[AT_ALLOCATED]} allocated units of {draft.sku} at {location} "
                f"were posted beyond what its claims hold"
            )
    if draft.goods.queued != queued or queued < 0:
        raise InvariantBroken(
            f"the queue of {draft.sku} is {draft.goods.queued}; by its claims it is {queued}, it was {draft.goods_before.queued}"
        )
    for (holder, line), closed in draft.closings.items():
        if closed is not None and closed.closing is not EXPIRED and draft.claim(holder, line) is not None:
            raise InvariantBroken(f"line {line} of {holder} for {draft.sku} is open and {closed.closing} at once")


def check_claim(sku: str, claim: Claim) -> None:
    """The figures of an open claim agree with each other."""
    soft = claim.backordered - claim.backordered_firm
    sound = soft >= 0 and claim.backordered_firm >= 0 and bool(claim.legs or claim.backordered)
    for leg in claim.legs:
        reserved, allocated = leg.reserved, leg.allocated
        units = reserved + allocated
        if not (units > 0 and 0 <= reserved <= units and 0 <= leg.picking <= allocated and 0 <= leg.fenced <= units):
            sound = False
        soft += reserved
    if not sound or (soft > 0) != (claim.due_ms is not None):
        raise InvariantBroken(f"a claim of {sku} contradicts itself: {claim}")


def check_promise(draft: Draft, shelf: Shelf) -> None:
    """What is asked has taken units here: no place may be left with less than its safety stock by it.

    What the clock took before in the same decision (an expired lot) was not asked.
    """
    if (
        shelf.unpromised < draft.safety_stock(shelf.location)
        and is_tracked(draft)
        and taken_by_asking(draft, shelf.location) > 0
    ):
        raise InvariantBroken(
            f"{draft.transaction.kind} took what is not available to promise of {draft.sku} at {shelf.location}: {figures(shelf)}"
        )


def taken_by_asking(draft: Draft, location: str) -> int:
    """Units that the record of the transaction itself took out of `unpromised` there."""
    return -sum(
        posting.quantity
        for record in draft.journal
        if record.kind is draft.transaction.kind
        for posting in record.postings
        if posting.account is Account.UNPROMISED and posting.location == location
    )


def take_legs(sums: Sums, claim: Claim, sign: int) -> None:
    """Add (1) or take away (-1) what the claim holds."""
    for leg in claim.legs:
        sum_here = sums.get(leg.location)
        if sum_here is None:
            sum_here = sums[leg.location] = [*NOTHING]
        sum_here[AT_RESERVED] += sign * leg.reserved
        sum_here[AT_ALLOCATED] += sign * leg.allocated

"""Ring-fences: units of a place that are kept for one channel.

A fence is no bucket: its units lie in `unpromised`, and nobody but its channel may be promised them. A claim or till
sale of the channel takes them first; a claim remembers how many of its units they are (`Leg.fenced`), and gives them
back on release, expiry, replacement and whole moves. When a fact leaves less at the place than its fences keep open,
they shrink: the newest first, by the channel's last FENCE there.

Kept in the row of the SKU (goods.py), so that a SKU without fences pays for one comparison.
"""

from __future__ import annotations

import msgspec

from agents.inventory.draft import Draft
from agents.inventory.goods import Fence
from agents.inventory.outcomes import Outcome, accept, refuse
from agents.inventory.places import refusal_of_name
from agents.inventory.refusals import Refusal


def fence(draft: Draft) -> Outcome:
    """Keep units of a place for a channel, beside what it has there already.

    Refuses: QUANTITY_NOT_POSITIVE, UNKNOWN_SKU, UNKNOWN_LOCATION, INSUFFICIENT_ATP (what is fenced must be available
    to promise and not fenced).
    """
    transaction = draft.transaction
    location, channel, quantity = transaction.location or "", transaction.fence or "", transaction.quantity or 0
    if quantity <= 0:
        return refuse(Refusal.QUANTITY_NOT_POSITIVE)
    unknown = refusal_of_name(draft, location)
    if unknown is not None:
        return unknown
    free = draft.shelf(location).unpromised - draft.safety_stock(location) - open_fences(draft, location)
    shortfall = quantity - max(0, free)
    if shortfall > 0:
        return refuse(Refusal.INSUFFICIENT_ATP, shortfall, location)

    # From here on it must succeed.
    old = fence_of(draft, location, channel)
    put_fence(draft, Fence(location, channel, quantity + (old.open if old else 0), draft.arrival.offset))
    return accept(quantity, location=location)


def unfence(draft: Draft) -> Outcome:
    """Give up to `quantity` open units of a channel's fence free again; without a quantity all of them.

    Refuses: QUANTITY_NOT_POSITIVE, UNKNOWN_SKU, UNKNOWN_LOCATION, NOTHING_OPEN.
    """
    transaction = draft.transaction
    location, channel = transaction.location or "", transaction.fence or ""
    if transaction.quantity is not None and transaction.quantity <= 0:
        return refuse(Refusal.QUANTITY_NOT_POSITIVE)
    unknown = refusal_of_name(draft, location)
    if unknown is not None:
        return unknown
    old = fence_of(draft, location, channel)
    if old is None or old.open == 0:
        return refuse(Refusal.NOTHING_OPEN)

    # From here on it must succeed.
    given = old.open if transaction.quantity is None else min(transaction.quantity, old.open)
    put_fence(draft, msgspec.structs.replace(old, open=old.open - given))
    drop_empty_fences(draft, location)
    return accept(given, location=location)


def take_fence(draft: Draft, location: str, channel: str | None, quantity: int) -> int:
    """A claim or till sale of the channel takes `quantity` units there: how many of them came out of its own fence."""
    if channel is None or not draft.goods.fences:
        return 0
    own = fence_of(draft, location, channel)
    taken = 0 if own is None else min(own.open, quantity)
    if own is not None and taken > 0:
        put_fence(draft, msgspec.structs.replace(own, open=own.open - taken))
    return max(taken, 0)


def give_fence(draft: Draft, location: str, channel: str | None, quantity: int) -> None:
    """Fenced units of a claim are back in `unpromised`: the fence of its channel is open for them again."""
    if channel is None or quantity <= 0:
        return
    own = fence_of(draft, location, channel)
    if own is None:  # Given up since.
        own = Fence(location, channel, 0, draft.arrival.offset)
    put_fence(draft, msgspec.structs.replace(own, open=own.open + quantity))


def shrink_fences(draft: Draft, location: str) -> None:
    """Take from the fences of a place what its `unpromised` units no longer cover: from the newest fence first."""
    if not draft.goods.fences:
        return
    missing = open_fences(draft, location) - max(0, draft.shelf(location).unpromised)
    here = [each for each in draft.goods.fences if each.location == location] if missing > 0 else []
    for each in sorted(here, key=lambda each: (-each.fenced_offset, each.channel)):
        taken = min(missing, each.open)
        if taken > 0:
            put_fence(draft, msgspec.structs.replace(each, open=each.open - taken))
            missing -= taken
    drop_empty_fences(draft, location)


def open_fences(draft: Draft, location: str, but_of: str | None = None) -> int:
    """Open units of the fences at a place; of all channels, or of all `but_of` one."""
    return sum(each.open for each in draft.goods.fences if each.location == location and each.channel != but_of)


def fence_of(draft: Draft, location: str, channel: str) -> Fence | None:
    """The channel's own fence there."""
    for each in draft.goods.fences:
        if each.channel == channel and each.location == location:
            return each
    return None


def put_fence(draft: Draft, changed: Fence) -> None:
    """Set the fence of a channel at a place."""
    place = (changed.location, changed.channel)
    others = [each for each in draft.goods.fences if (each.location, each.channel) != place]
    keep_fences(draft, [*others, changed])


def drop_empty_fences(draft: Draft, location: str) -> None:
    """Forget the fences of a place that are empty.

    One of which a claim still holds units stays, to be as old as it was when they come back.
    """
    fences = draft.goods.fences
    empty = [each.channel for each in fences if each.location == location and each.open == 0]
    if not empty:
        return
    lent = {
        claim.channel
        for claim in draft.claims().values()
        for leg in claim.legs
        if leg.location == location and leg.fenced > 0
    }
    keep_fences(draft, [each for each in fences if each.location != location or each.open or each.channel in lent])


def keep_fences(draft: Draft, fences: list[Fence]) -> None:
    """Let these be the fences of the SKU."""
    fences.sort(key=lambda each: (each.location, each.channel))
    if tuple(fences) != draft.goods.fences:
        draft.put_goods(msgspec.structs.replace(draft.goods, fences=tuple(fences)))

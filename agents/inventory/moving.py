"""Moving units of a claim to another of its places, before they yield or so that all of it can be covered.

Only the missing units move, by the rule of granting.py. Where that would split the claim too much, the whole of it
moves to the first of its places that covers it: units that it has out of fences go back to them, and what was being
picked elsewhere is picked no more. A moved unit is told of as moved, never as yielded.
"""

from __future__ import annotations

from agents.inventory.answers import Status
from agents.inventory.draft import Draft
from agents.inventory.granting import free_at, place_units, places_of, return_units, spread, units_of
from agents.inventory.notices import note
from agents.inventory.reservations import Claim, Leg, leg_at, take_from_leg, with_backorder, with_leg


def move_units(draft: Draft, holder: str, line: int, source: str, soft: int, firm: int) -> int:
    """Move as many as may be of `soft` or `firm` units (one of them is 0) away from a place, and say how many did.

    The claim may have moved as a whole: then its leg there is gone.
    """
    claim, units = draft.claim(holder, line), soft + firm
    if claim is None or len(claim.locations) == 1:
        return 0
    leg = leg_at(claim, source)
    assert leg is not None
    shares = spread(draft, with_leg(claim, take_from_leg(leg, soft, firm)), units, but=source)
    if units_of(shares) < units and move_whole(draft, holder, line, claim, but=source):
        return units
    after = claim
    for share in shares:
        part = (share.quantity, 0) if soft else (0, share.quantity)
        after = return_units(draft, holder, line, after, source, *part, to_fence=False)
        after = place_units(draft, holder, line, after, share.location, *part)
        note(draft, Status.MOVED, holder, line, share.quantity, share.location, claim, source)
    if shares:
        draft.put_claim(holder, line, after)
    return units_of(shares)


def move_whole(
    draft: Draft, holder: str, line: int, claim: Claim, but: str | None = None, *, backordered: bool = False
) -> bool:
    """Move all of a claim to the first of its places (`but` one) that covers it; False if none does.

    `backordered`: what it waits for is covered there too.
    """
    waiting = claim.backordered if backordered else 0
    total = sum([units_in(leg) for leg in claim.legs]) + waiting
    for place in places_of(draft, claim):
        here = leg_at(claim, place)
        if place != but and free_at(draft, claim, place) >= total - (0 if here is None else units_in(here)):
            gather(draft, holder, line, claim, place, backordered=backordered)
            return True
    return False


def gather(draft: Draft, holder: str, line: int, claim: Claim, place: str, *, backordered: bool) -> None:
    """Bring all units of a claim to one place."""
    after, soft, firm = claim, 0, 0
    for leg in claim.legs:
        if leg.location != place:
            after = return_units(draft, holder, line, after, leg.location, leg.reserved, leg.allocated, to_fence=True)
            soft, firm = soft + leg.reserved, firm + leg.allocated
            note(draft, Status.MOVED, holder, line, units_in(leg), place, claim, leg.location)
    if backordered:
        soft += claim.backordered - claim.backordered_firm
        firm += claim.backordered_firm
    after = place_units(draft, holder, line, after, place, soft, firm)
    draft.put_claim(holder, line, with_backorder(after, 0, 0) if backordered else after)


def units_in(leg: Leg) -> int:
    """The units of a leg, soft and firm."""
    return leg.reserved + leg.allocated

"""Promises that give way: to a fact that took what was promised, to a stronger claim, to a place that closes.

To a fact promises give way only while `unpromised` is below zero, only at that location, and only the missing units,
so safety stock, buffers and fences are used up first. Whoever asked for a lot by its name gives way where that lot is
gone, and nobody else for it. The order is (being picked, allocated, priority, -opening
offset, -line), ascending: soft before firm, weak before strong, new before old, the last line first; units that are
being picked go last, on their own. When a claim is due plays no part. What can move to another place of the claim
moves (moving.py); the rest yields, and is backordered where policy allows.
"""

from __future__ import annotations

import msgspec

from agents.inventory.alerts import AlertType, Severity
from agents.inventory.answers import Notice, Status
from agents.inventory.backorders import room_for_yielded
from agents.inventory.draft import Draft, Shelf
from agents.inventory.granting import Share, free_at, return_units
from agents.inventory.lots import lots_at, tied_units
from agents.inventory.moving import move_units
from agents.inventory.notices import LOCATION_CLOSED, because, note
from agents.inventory.reservations import Claim, Closing, Leg, Loss, leg_at, with_backorder


class Stake(msgspec.Struct, frozen=True, gc=False):
    """Units of one claim at one location that give way together."""

    order: tuple[bool, bool, int, int, int, str]
    """(being picked, allocated, priority, -opening offset, -line, holder): the lowest gives way first."""
    holder: str
    line: int

    @property
    def picked(self) -> bool:
        """Whether these are the units that are being picked."""
        return self.order[0]

    @property
    def firm(self) -> bool:
        """Whether these are allocated units."""
        return self.order[1]

    @property
    def priority(self) -> int:
        """The priority of the claim."""
        return self.order[2]


def yield_promises(draft: Draft, shelf: Shelf, counted_at_second: int | None) -> int:
    """A fact has left less than nothing here: take the missing units from the claims, and say how many yielded.

    `counted_at_second` is given if it is a count that takes them: the claim remembers the loss for a late SHIP.
    """
    if shelf.unpromised >= 0 or shelf.reserved + shelf.allocated == 0:
        return 0
    return give_way(draft, shelf, 0, stakes_at(draft, shelf.location), counted_at_second)


def yield_lots(draft: Draft, shelf: Shelf, counted_at_second: int | None) -> int:
    """A lot has fewer units here than claims asked for by its name: those give way, before any other promise does.

    Answers how many units yielded.
    """
    yielded, rows = 0, lots_at(draft, shelf.location)
    for lot, tied in sorted(tied_units(draft, shelf.location).items()):
        missing = tied - (rows[lot].quantity if lot in rows else 0)
        if missing > 0:
            stakes = [stake for stake in stakes_at(draft, shelf.location) if lot_of(draft, stake) == lot]
            yielded += give_way(draft, shelf, shelf.unpromised + missing, stakes, counted_at_second)
    return yielded


def lot_of(draft: Draft, stake: Stake) -> str | None:
    """The lot that the claim of a stake asked for."""
    claim = draft.claim(stake.holder, stake.line)
    return None if claim is None else claim.lot


def evict(draft: Draft, location: str) -> list[Notice]:
    """The place takes no claims any more: all of them move or yield. Answers what it has noted for their holders."""
    shelf = draft.shelf(location)
    promised = shelf.reserved + shelf.allocated
    if promised == 0:
        return []
    known = len(draft.notices)
    yielded = give_way(draft, shelf, shelf.unpromised + promised, stakes_at(draft, location), None)
    if yielded:
        message = f"{location} is closed: {yielded} promised units of {draft.sku} there were taken from their holders."
        action = "Serve the holders named in the notices."
        draft.alert(AlertType.OVERSOLD, Severity.CRITICAL, location, message, yielded, action)
    because(draft, known, LOCATION_CLOSED)
    return draft.notices[known:]


def give_way(draft: Draft, shelf: Shelf, level: int, stakes: list[Stake], counted_at_second: int | None) -> int:
    """Let the stakes give way, the lowest first, until `unpromised` is at the level; how many units yielded."""
    yielded = 0
    for stake in sorted(stakes, key=lambda stake: stake.order):
        missing = level - shelf.unpromised
        if missing <= 0:
            break
        units = min(missing, units_at_stake(draft, stake, shelf.location))
        if units == 0:
            continue  # It moved as a whole when an earlier stake of the claim gave way.
        left = units - move_units(
            draft, stake.holder, stake.line, shelf.location, *((0, units) if stake.firm else (units, 0))
        )
        if left:
            take(draft, shelf, stake, left, counted_at_second)
            yielded += left
    return yielded


def stakes_at(draft: Draft, location: str) -> list[Stake]:
    """What the open claims hold at this location, in up to three stakes each."""
    stakes: list[Stake] = []
    for (holder, line), claim in draft.claims().items():
        leg = leg_at(claim, location)
        if leg is None:
            continue
        age = (claim.priority, -claim.opening_offset, -line, holder)
        for picked, firm in ((False, False), (False, True), (True, True)):
            if units_of_leg(leg, picked=picked, firm=firm):
                stakes.append(Stake((picked, firm, *age), holder, line))
    return stakes


def units_of_leg(leg: Leg, *, picked: bool, firm: bool) -> int:
    """The units of one stake in a leg."""
    if not firm:
        return leg.reserved
    return leg.picking if picked else leg.allocated - leg.picking


def units_at_stake(draft: Draft, stake: Stake, location: str) -> int:
    """What is left of a stake by now."""
    claim = draft.claim(stake.holder, stake.line)
    leg = None if claim is None else leg_at(claim, location)
    return 0 if leg is None else units_of_leg(leg, picked=stake.picked, firm=stake.firm)


def take(draft: Draft, shelf: Shelf, stake: Stake, units: int, counted_at_second: int | None) -> None:
    """Units yield: they are backordered where policy allows, else lost. A claim with nothing left closes as yielded."""
    holder, line = stake.holder, stake.line
    claim = draft.claim(holder, line)
    assert claim is not None
    soft, firm = (0, units) if stake.firm else (units, 0)
    waiting = min(units, room_for_yielded(draft, claim))
    lost = units - waiting
    losses = claim.losses
    if lost and counted_at_second is not None:
        losses = with_loss(losses, Loss(shelf.location, counted_at_second, lost))
    marked = msgspec.structs.replace(claim, yielded=claim.yielded + lost, losses=losses)
    after = return_units(draft, holder, line, marked, shelf.location, soft, firm, to_fence=False)
    if waiting:
        firmly = after.backordered_firm + (waiting if stake.firm else 0)
        after = with_backorder(after, after.backordered + waiting - firmly, firmly)
    note(draft, Status.YIELDED, holder, line, units, shelf.location, claim)
    draft.keep_or_close(holder, line, after, marked, Closing.YIELDED)


def with_loss(losses: tuple[Loss, ...], loss: Loss) -> tuple[Loss, ...]:
    """The losses with one more; what was lost to the same count is one loss."""
    same = sum(
        each.quantity
        for each in losses
        if each.location == loss.location and each.counted_at_second == loss.counted_at_second
    )
    others = tuple(
        each for each in losses if each.location != loss.location or each.counted_at_second != loss.counted_at_second
    )
    return (*others, msgspec.structs.replace(loss, quantity=loss.quantity + same))


class Displacement(msgspec.Struct, frozen=True, gc=False):
    """What has to give way at one place for a stronger claim to have its units there."""

    location: str
    units: int
    stakes: list[Stake]


def displacement_for(draft: Draft, claim: Claim, holder: str, share: Share) -> Displacement:
    """Who has to give way before the claim may take its share, and by how many units; to be asked before it takes."""
    stakes = weaker_stakes(draft, claim, holder, share.location)
    free = free_without(draft, claim, share.location, stakes) - units_at_stakes(draft, stakes, share.location)
    return Displacement(share.location, max(0, share.quantity - free), stakes)


def displace(draft: Draft, displacement: Displacement) -> None:
    """The stronger claim has its units: let as many weaker ones give way, and move before they yield."""
    if displacement.units:
        shelf = draft.shelf(displacement.location)
        give_way(draft, shelf, shelf.unpromised + displacement.units, displacement.stakes, None)


def free_with_weaker(draft: Draft, claim: Claim, location: str, holder: str) -> int:
    """Units that the place may give to the claim if every weaker reservation there gave way."""
    return free_without(draft, claim, location, weaker_stakes(draft, claim, holder, location))


def free_without(draft: Draft, claim: Claim, location: str, stakes: list[Stake]) -> int:
    """Units that the place may give to the claim if these stakes gave way: they do, and it is taken back."""
    if not stakes:
        return free_at(draft, claim, location)
    mark = draft.mark()
    for stake in stakes:
        weaker = draft.claim(stake.holder, stake.line)
        leg = None if weaker is None else leg_at(weaker, location)
        if weaker is not None and leg is not None:
            left = return_units(draft, stake.holder, stake.line, weaker, location, leg.reserved, 0, to_fence=False)
            draft.put_claim(stake.holder, stake.line, left)
    free = free_at(draft, claim, location)
    draft.rewind(mark)
    return free


def weaker_stakes(draft: Draft, claim: Claim, holder: str, location: str) -> list[Stake]:
    """The reserved units at a place that give way to a claim of higher priority, where policy says so.

    Nobody's own reservation gives way to another claim of theirs.
    """
    if draft.policy(location, claim.channel).claims != "priority":
        return []
    return [
        stake
        for stake in stakes_at(draft, location)
        if not stake.firm and stake.priority < claim.priority and stake.holder != holder
    ]


def units_at_stakes(draft: Draft, stakes: list[Stake], location: str) -> int:
    """The units of all these stakes."""
    return sum([units_at_stake(draft, stake, location) for stake in stakes])

"""What may still be promised: available to promise, less what buffers, fences and the channel's places withhold.

    atp              unpromised - safety stock
    of a channel     atp - its buffer - the open fences of other channels; nothing where it may not sell from
    of no channel    atp - all open fences

A place that is closed promises nothing to anybody, one whose feed is silent as much less as policy says. The buffer is a number of units, or a percentage of what the place
has to sell (unpromised + reserved + allocated), rounded up; where a rule sets both, the larger counts.
"""

from __future__ import annotations

from agents.inventory.draft import Draft
from agents.inventory.fences import open_fences
from agents.inventory.life import free_by_life
from agents.inventory.policy import Policy
from agents.inventory.reservations import Claim, leg_at


def promisable(draft: Draft, location: str, channel: str | None, own: Claim | None = None) -> int:
    """Units at the place that a claim of the channel may still be promised, never below 0.

    `own` is the claim that asks again: its units count as free, those out of a fence as open in that fence.
    """
    free = free_units(draft, location, own)
    if free <= 0:
        return 0
    references = draft.references
    if references.knows_any and not (references.is_open(location) and references.may_sell(channel, location)):
        return 0
    if references.silent and location in references.silent:
        free -= withheld_units(draft.policy(location, channel), free)
    if channel is not None:
        free -= buffer_units(draft, location, channel)
    if draft.goods.fences:
        free -= kept_for_others(draft, location, channel, own)
    if draft.goods.has_lots and free > 0:
        free = min(free, free_by_life(draft, location, channel, own))
    return max(free, 0)


def withheld(draft: Draft, location: str, channel: str | None, own: Claim | None = None) -> int:
    """Units of atp at the place that only buffers, the fences of others or the channel's places keep from the claim.

    Nothing at a place that is closed: it would promise nothing anyway.
    """
    if not draft.references.is_open(location):
        return 0
    return max(0, free_units(draft, location, own)) - promisable(draft, location, channel, own)


def free_units(draft: Draft, location: str, own: Claim | None = None) -> int:
    """The atp of the place, with the units of the claim that asks again; may be below 0."""
    free = draft.shelf(location).unpromised - draft.safety_stock(location)
    leg = None if own is None else leg_at(own, location)
    return free if leg is None else free + leg.reserved + leg.allocated


def buffer_units(draft: Draft, location: str, channel: str) -> int:
    """The units of the place that the channel's buffer withholds from it."""
    policy = draft.policy(location, channel)
    if policy.buffer == 0 and policy.buffer_percent == 0:
        return 0
    shelf = draft.shelf(location)
    return buffer_of(policy, shelf.unpromised + shelf.reserved + shelf.allocated)


def buffer_of(policy: Policy, units: int) -> int:
    """The buffer where there are so many units to sell; a percentage is rounded up."""
    percent = -(-policy.buffer_percent * max(units, 0) // 100)
    return max(policy.buffer, percent)


def withheld_units(policy: Policy, free: int) -> int:
    """Of so many free units, those that are not promised while the feed of the place is silent; rounded up."""
    return -(-policy.withhold_when_silent * max(free, 0) // 100)


def kept_for_others(draft: Draft, location: str, channel: str | None, own: Claim | None = None) -> int:
    """Open units of other channels' fences there, with those that the claim which asks again would give back."""
    kept = open_fences(draft, location, channel)
    leg = None if own is None else leg_at(own, location)
    if leg is not None and own is not None and own.channel != channel:
        kept += leg.fenced
    return kept

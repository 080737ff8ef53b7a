"""What lots allow to be promised: units that live long enough for those who were promised them, and units of one lot."""

from __future__ import annotations

from agents.inventory.draft import Draft
from agents.inventory.goods import Lot
from agents.inventory.lots import life_days, lots_at, tied_units
from agents.inventory.reservations import Claim, leg_at


def free_by_life(draft: Draft, location: str, channel: str | None, own: Claim | None = None) -> int:
    """Units there that may still be promised to a claim of the channel, as far as lots are concerned.

    A promise with a longer need can only be served by longer lives. So for every need up to that of this channel, the
    units that live that long must cover the promises that need at least that. Units of a lot that a claim asked for
    by name are nobody else's. `own` is the claim that asks again: its units are free.
    """
    minimum_days = draft.policy(location, channel).minimum_shelf_life_days
    promised, tied = promises_at(draft, location, own), tied_units(draft, location, own)
    rows = lots_at(draft, location)
    shelf = draft.shelf(location)
    loose = shelf.unpromised + shelf.reserved + shelf.allocated - sum(row.quantity for row in rows.values())
    lives = [(life_days(row, draft.at_ms), row.quantity - tied.get(name, 0)) for name, row in rows.items()]
    return least_slack(loose, lives, promised, minimum_days)


def promises_at(draft: Draft, location: str, own: Claim | None) -> list[tuple[int, int]]:
    """What was promised there to claims that take any lot: (days of life needed, units)."""
    promised: list[tuple[int, int]] = []
    for claim in draft.claims().values():
        leg = None if claim is own or claim.lot is not None else leg_at(claim, location)
        if leg is not None:
            minimum_days = draft.policy(location, claim.channel).minimum_shelf_life_days
            promised.append((minimum_days, leg.reserved + leg.allocated))
    return promised


def least_slack(
    loose: int, lives: list[tuple[int | None, int]], promised: list[tuple[int, int]], minimum_days: int
) -> int:
    """Units that may be promised more to one who needs so many days: the least that any need up to it leaves.

    `lives`: (days to live or None for ever, units) of the lots; loose units live for ever.
    """
    needs = {0, minimum_days, *(need for need, _ in promised if need <= minimum_days)}
    return min(
        loose
        + sum(units for life, units in lives if life is None or life >= need)
        - sum(units for asked, units in promised if asked >= need)
        for need in sorted(needs)
    )


def free_of_lot(draft: Draft, location: str, lot: str) -> int:
    """Units of a lot there that no claim has asked for by its name."""
    row = lots_at(draft, location).get(lot, Lot())
    return row.quantity - tied_units(draft, location).get(lot, 0)

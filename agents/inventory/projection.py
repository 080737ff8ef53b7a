"""Stock by date: what will be available to promise, given what is announced and what is already owed.

    projected_atp(T)     atp now + supply due up to T - demand due up to T
    promisable_by(T)     the least projected_atp from T to the horizon: what a promise for T may take without breaking
                         a later one

Supply that is overdue does not count: nobody knows when it comes. Demand without a date, and demand that is overdue,
is owed now.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from agents.inventory.reservations import Claim
from agents.inventory.shipments import Shipment, open_units, place_of_arrival


class Change(msgspec.Struct, frozen=True, gc=False):
    """Units that come (above 0) or that somebody waits for (below 0), and when."""

    quantity: int
    at_ms: int | None = None
    """None: supply that has no date never counts, demand without one counts at once."""


def changes_at(location: str, shipments: Iterable[Shipment], claims: Iterable[Claim]) -> list[Change]:
    """What is on its way to a place, and what is owed there.

    A backorder is owed at the first place that it names; one that leaves the choice to the ledger is owed at none.
    """
    coming = [
        Change(units, shipment.due_ms)
        for shipment in shipments
        if place_of_arrival(shipment) == location and (units := open_units(shipment)) > 0
    ]
    owed = [
        Change(-claim.backordered, claim.promise_by_ms)
        for claim in claims
        if claim.backordered > 0 and claim.locations[:1] == (location,)
    ]
    return coming + owed


def projected_atp(atp: int, changes: Iterable[Change], now_ms: int, until_ms: int) -> int:
    """Available to promise at `until_ms`, in base units; may be below 0."""
    return atp + sum(change.quantity for change in changes if has_happened(change, now_ms, until_ms))


def promisable_by(atp: int, changes: Iterable[Change], now_ms: int, by_ms: int, horizon_ms: int) -> int:
    """Units that may be promised for `by_ms`: the least projected atp from then up to `horizon_ms`, never below 0."""
    known = list(changes)
    moments = [by_ms]
    moments += [change.at_ms for change in known if change.at_ms is not None and by_ms < change.at_ms <= horizon_ms]
    return max(0, min(projected_atp(atp, known, now_ms, moment) for moment in moments))


def has_happened(change: Change, now_ms: int, until_ms: int) -> bool:
    """Whether the change counts at `until_ms`, seen from `now_ms`."""
    if change.quantity > 0:
        return change.at_ms is not None and now_ms < change.at_ms <= until_ms
    return change.at_ms is None or change.at_ms <= max(until_ms, now_ms)

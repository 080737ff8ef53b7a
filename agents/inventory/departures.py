"""When goods leave a place that can send only so much a day: told to the order router, which then claims a shipment of that day."""

from __future__ import annotations

from collections.abc import Iterable

from agents.inventory.answers import DispatchDay
from agents.inventory.capacity import is_capacity
from agents.inventory.draft import Draft
from agents.inventory.hours import dispatch_date
from agents.inventory.reservations import Claim
from agents.inventory.transactions import Kind

TELLING = frozenset({Kind.RESERVE, Kind.ALLOCATE, Kind.EXTEND})
"""The kinds whose answers say it: what they claim is claimed as of now."""


def dispatch_days(draft: Draft, claims: Iterable[Claim | None]) -> tuple[DispatchDay, ...]:
    """When what these claims have leaves the places that can send only so much a day; each place once, by its name."""
    references = draft.references
    if not references.limits_any or is_capacity(draft.sku):
        return ()
    found: dict[str, str] = {}
    for claim in claims:
        for leg in () if claim is None else claim.legs:
            place = references.location(leg.location)
            if place is not None and place.daily_capacity is not None and leg.location not in found:
                channel = None if claim is None or claim.channel is None else references.channel(claim.channel)
                found[leg.location] = dispatch_date(place, channel, draft.at_ms)
    return tuple([DispatchDay(location, date) for location, date in sorted(found.items())])

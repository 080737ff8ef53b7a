"""A firm claim whose promise is at risk: it moves to a place from which it would come less late, if there is one.

Asked for by the order router with an ALLOCATE of the same claim and the reason `sla_at_risk`. The claim moves as a whole, in
one step, to the best of the places that have all of it and from where it would be fewer days late; by the costs of the
policy, or where it weighs nothing by the days. Where there is none, nothing changes: the answer says what it holds.
"""

from __future__ import annotations

from agents.inventory.claiming import grant_lines, terms_of
from agents.inventory.draft import Draft
from agents.inventory.granting import free_at
from agents.inventory.hours import arrival_ms, days_late
from agents.inventory.outcomes import Outcome, accept_silently
from agents.inventory.places import holder_of
from agents.inventory.reservations import Claim
from agents.inventory.sourcing import places_to_choose, weigh
from agents.inventory.transactions import line_of

SLA_AT_RISK = "sla_at_risk"


def hurry(draft: Draft) -> Outcome:
    """Move the claim to where it would come less late, or leave it as it is. Never refused."""
    holder, line = holder_of(draft.transaction), line_of(draft.transaction)
    claim = draft.claim(holder, line)
    if claim is None or not claim.legs or claim.backordered or any(leg.reserved or leg.picking for leg in claim.legs):
        return accept_silently()
    units = sum([leg.allocated for leg in claim.legs])
    terms = terms_of(draft, (), firm=True)
    late = max([days_late_from(draft, terms, leg.location) for leg in claim.legs])
    place = better_place(draft, terms, units, late)
    if place is None:
        return accept_silently()
    return grant_lines(draft, holder, [(line, units)], [claim], terms_of(draft, (place,), firm=True))


def better_place(draft: Draft, terms: Claim, units: int, late: int) -> str | None:
    """The best place that has so many units, and from where they would be fewer days late; None where there is none."""
    weighed = weigh(draft, terms, free_at)
    if weighed is None:
        days = {place: days_late_from(draft, terms, place) for place in places_to_choose(draft, terms)}
        in_order = sorted(days, key=lambda place: (days[place], place))
    else:
        in_order = [candidate.location for candidate in weighed]
    return next(
        (
            place
            for place in in_order
            if free_at(draft, terms, place) >= units and days_late_from(draft, terms, place) < late
        ),
        None,
    )


def days_late_from(draft: Draft, terms: Claim, location: str) -> int:
    """Days late that units would be which are claimed there now; 0 where nothing was promised."""
    if terms.promise_by_ms is None:
        return 0
    place = draft.references.location(location)
    channel = None if terms.channel is None else draft.references.channel(terms.channel)
    return days_late(arrival_ms(place, channel, terms.destination, draft.at_ms), terms.promise_by_ms)

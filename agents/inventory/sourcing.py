"""Sourcing: which places the ledger chooses for a claim that asks for none, the best first.

Places pass a filter, then each gets a cost: the sum of its terms, each a whole number times the weight that policy gives
it. The least cost comes first, equal ones by name. With all weights 0 nothing is weighed: the place with most to promise
comes first, then by name. What a place may promise at all (open, the channel may sell from it, lots with enough life) is
said by promising.py: a place with nothing to promise is weighed, and skipped where units are taken (granting.py).

    distance   kilometres to the destination
    zone       cost of the place's zone that the destination lies in
    scarcity   tenths of weeks that what it may promise falls short of twelve weeks of its demand
    expiry     days that its first lot has left; what does not expire counts as a year
    load       percent of its daily capacity that the promised units of this SKU are
    lateness   days that it would be late, times the channel's penalty for one

Weights and filters are of the choice, so rules of a SKU, a category, a channel or everywhere set them, not of one place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from agents.inventory.answers import Candidate, CostTerm
from agents.inventory.demand import SCALE, weekly_demand
from agents.inventory.distances import distance_km, is_abroad, sends_to, zone_of
from agents.inventory.draft import Draft
from agents.inventory.hours import arrival_ms, days_late
from agents.inventory.items import is_tracked
from agents.inventory.lots import life_days, lots_at
from agents.inventory.policy import Policy
from agents.inventory.reservations import Claim

ENOUGH_WEEKS = 12
"""A place with so many weeks of supply is not scarce."""
TENTHS = 10
LONGEST_LIFE_DAYS = 365
HIGHEST_LOAD_PERCENT = 10_000
LATE_DAY = 1
"""The penalty for a day late where the channel says none."""
MOST_TOLD = 8
"""Candidates in one answer."""

Free = Callable[[Draft, Claim, str], int]
"""Units that a place may give to a claim."""


def order_of_choice(draft: Draft, claim: Claim, free: Free) -> list[str]:
    """The places that the ledger may choose for a claim which asks for none, the best first."""
    weighed = weigh(draft, claim, free)
    if weighed is not None:
        return [candidate.location for candidate in weighed]
    ranked = [(-free(draft, claim, place), place) for place in places_to_choose(draft, claim)]
    ranked.sort()
    return [place for _, place in ranked]


def weigh(draft: Draft, claim: Claim, free: Free) -> list[Candidate] | None:
    """The places with what each would cost, the best first; None where policy weighs nothing."""
    policy = policy_of(draft, claim)
    weights = [(name, weight) for name in TERMS if (weight := getattr(policy, f"{name}_weight"))]
    if not weights:
        return None
    found: list[Candidate] = []
    for place in places_to_choose(draft, claim):
        atp = free(draft, claim, place)
        terms: list[CostTerm] = []
        for name, weight in weights:
            measure = TERMS[name](draft, claim, place, atp)
            terms.append(CostTerm(name, measure, measure * weight))
        found.append(Candidate(place, atp, sum([term.cost for term in terms]), tuple(terms)))
    found.sort(key=lambda candidate: (candidate.cost, candidate.location))
    return found


def told(weighed: Sequence[Candidate] | None, chosen: Sequence[str]) -> tuple[Candidate, ...]:
    """What an answer says of them: the best that had something to promise, and those that were chosen."""
    if not weighed:
        return ()
    worth = [each for each in weighed if each.atp > 0 or each.location in chosen]
    return tuple([each for number, each in enumerate(worth) if number < MOST_TOLD or each.location in chosen])


def policy_of(draft: Draft, claim: Claim) -> Policy:
    """The policy by which the ledger chooses for the claim."""
    return draft.policy(None, claim.channel)


# -- who is a candidate ------------------------------------------------------------------------------------------------


def places_to_choose(draft: Draft, claim: Claim) -> list[str]:
    """The places that pass the filter; of a SKU of which no stock is kept those of the reference, if it is nowhere."""
    places = dict.fromkeys([*draft.rows.positions(draft.sku), *draft.shelves])
    if not places and not is_tracked(draft):
        places = dict.fromkeys(draft.references.locations)
    policy = policy_of(draft, claim)
    return [place for place in places if place not in claim.avoid and may_be_chosen(draft, claim, policy, place)]


def may_be_chosen(draft: Draft, claim: Claim, policy: Policy, location: str) -> bool:
    """Whether the ledger itself may choose the place; what it may not, must be asked for, as a pickup does.

    It ships, has any capacity, sends to the destination, and lies within the bounds that policy sets.
    """
    reference, destination = draft.references.location(location), claim.destination
    if reference is not None and (not reference.ships or reference.daily_capacity == 0):
        return False
    if destination is None:
        return True
    if policy.abroad == "never" and is_abroad(reference, destination):
        return False
    if policy.farthest_km and distance_km(reference, destination) > policy.farthest_km:
        return False
    return sends_to(reference, destination)


# -- what it costs -----------------------------------------------------------------------------------------------------


def distance(draft: Draft, claim: Claim, location: str, _atp: int) -> int:
    """Kilometres to the destination; 0 for all where none is known."""
    return 0 if claim.destination is None else distance_km(draft.references.location(location), claim.destination)


def zone(draft: Draft, claim: Claim, location: str, _atp: int) -> int:
    """The cost of the zone; 0 where the place names none."""
    found = zone_of(draft.references.location(location), claim.destination)
    return 0 if found is None else found.cost


def scarcity(draft: Draft, _claim: Claim, location: str, atp: int) -> int:
    """Tenths of weeks of supply that are missing to enough; 0 where nothing has left lately."""
    weekly = weekly_demand(draft, location)
    return 0 if weekly == 0 else max(0, ENOUGH_WEEKS * TENTHS - atp * TENTHS * SCALE // weekly)


def expiry(draft: Draft, claim: Claim, location: str, _atp: int) -> int:
    """Days that the first lot which the claim may have there has left."""
    if not draft.goods.has_lots:
        return LONGEST_LIFE_DAYS
    minimum_days = draft.policy(location, claim.channel).minimum_shelf_life_days
    for name, lot in lots_at(draft, location).items():
        life = life_days(lot, draft.at_ms)
        if lot.quantity > 0 and life is not None and life >= minimum_days and claim.lot in {None, name}:
            return min(life, LONGEST_LIFE_DAYS)
    return LONGEST_LIFE_DAYS


def load(draft: Draft, _claim: Claim, location: str, _atp: int) -> int:
    """Percent of the daily capacity that is promised; 0 where the place says none."""
    reference = draft.references.location(location)
    if reference is None or not reference.daily_capacity:
        return 0
    shelf = draft.shelf(location)
    return min(HIGHEST_LOAD_PERCENT, 100 * (shelf.reserved + shelf.allocated) // reference.daily_capacity)


def lateness(draft: Draft, claim: Claim, location: str, _atp: int) -> int:
    """What the channel would have to pay for the days after the promise; 0 where nothing was promised."""
    if claim.promise_by_ms is None:
        return 0
    place = draft.references.location(location)
    channel = None if claim.channel is None else draft.references.channel(claim.channel)
    days = days_late(arrival_ms(place, channel, claim.destination, draft.at_ms), claim.promise_by_ms)
    penalty = None if channel is None else channel.late_penalty
    return days * (LATE_DAY if penalty is None else penalty)


TERMS: Mapping[str, Callable[[Draft, Claim, str, int], int]] = MappingProxyType(
    {
        "distance": distance,
        "zone": zone,
        "scarcity": scarcity,
        "expiry": expiry,
        "load": load,
        "lateness": lateness,
    }
)
"""(draft, claim, place, units it may promise) -> what the term measures. Each has a weight, `<term>_weight`."""

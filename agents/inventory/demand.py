"""What leaves a place for customers in a week: remembered only where a policy weighs scarcity.

The figure falls by a seventh each day, and what leaves is added to it: with the same sales each day it comes to seven
of them. It is kept in thousandths of units and reckoned by the days of record time, so a replay finds the same.
"""

from __future__ import annotations

from agents.inventory.draft import Draft
from agents.inventory.postings import Account
from agents.inventory.rows import DEMAND, Demand
from agents.inventory.transactions import Kind
from agents.inventory.units import day_of

SCALE = 1_000
DAYS_PER_WEEK = 7
FORGOTTEN_DAYS = 366
"""After so many days without any nothing of it is left, however much it was."""
LEAVING = (Kind.SALE, Kind.SHIP)
"""The kinds by which goods go to customers. A tuple: a member is found by identity, without a hash."""


def after(demand: Demand | None, day: int) -> int:
    """The weekly demand in thousandths of units, as it has become by that day."""
    if demand is None or day - demand.day >= FORGOTTEN_DAYS:
        return 0
    left = demand.weekly_thousandths
    for _ in range(demand.day, day):
        left = left * (DAYS_PER_WEEK - 1) // DAYS_PER_WEEK
    return left


def weekly_demand(draft: Draft, location: str) -> int:
    """Thousandths of units that leave the place for customers in a week, lately."""
    return after(draft.row(DEMAND, (draft.sku, location)), day_of(draft.at_ms))


def remember_demand(draft: Draft) -> None:
    """Add what this transaction sent to customers. To be called before its postings are journalled."""
    day = day_of(draft.at_ms)
    for posting in draft.postings:
        if posting.account is Account.CUSTOMER and posting.quantity > 0:
            weekly = weekly_demand(draft, posting.location) + posting.quantity * SCALE
            draft.changes[DEMAND, (draft.sku, posting.location)] = Demand(weekly, day)

"""What a journal record adds to the scores of stock: one row of its SKU, one for each place it touched, and increments.

Most records only move units between the buckets of a place (holds that come and go): they change nothing here, and cost a
look at their postings.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from agents.inventory.capacity import is_capacity
from agents.inventory.postings import Account, JournalRecord, Posting
from agents.inventory.scores.rows import (
    SCORED_PLACES,
    SCORED_SKUS,
    Changes,
    ScoredPlace,
    ScoredSku,
    ScorePolicy,
    ScoreRows,
)
from agents.inventory.scores.tallies import Increment, changed, counted
from agents.inventory.scores.words import ALL, Counter, Dimension, subject_of
from agents.inventory.transactions import Item, Kind
from agents.inventory.units import day_of

UNCLASSIFIED = "none"
"""The class of a SKU without a category, where classes are categories."""
MOST_IDLE_DAYS = 200
"""Of a SKU that was not sold for so long nothing is left of its rate."""


class Moved(NamedTuple):
    """What a record changed at one place."""

    on_hand: int
    sold: int
    """Units to customers; below 0 where they came back."""
    lost: int
    """Units to shrinkage, less those from found."""


class Scored(NamedTuple):
    """What follows from a record."""

    changes: Changes
    increments: list[Increment]


NOTHING = Scored({}, [])


def score_journal(rows: ScoreRows, record: JournalRecord, policy: ScorePolicy) -> Scored:
    """Score one journal record. Changes nothing; the same rows and record always give the same."""
    moved = movements_of(record.postings)
    told = record.kind is Kind.COUNT or record.kind is Kind.ITEM
    if not moved and not told and not record.oversold:
        return NOTHING
    if is_capacity(record.sku):
        return NOTHING
    sheet = Sheet(rows, record, policy)
    sheet.pass_days()
    if record.kind is Kind.ITEM and record.item is not None:
        sheet.set_item(record.item)
    if record.kind is Kind.COUNT and record.location is not None:
        sheet.count(record.location, moved.get(record.location, Moved(0, 0, 0)).on_hand)
    for location, change in moved.items():
        sheet.move(location, change)
    if record.oversold:
        sheet.note(record.location, Counter.UNITS_OVERSOLD, record.oversold)
    return sheet.finish()


def movements_of(postings: tuple[Posting, ...]) -> Mapping[str, Moved]:
    """What the postings change at each place, in their order; places where nothing changes are left out."""
    sums: dict[str, list[int]] = {}
    for posting in postings:
        at = sums.get(posting.location)
        if at is None:
            at = sums[posting.location] = [0, 0, 0]
        account = posting.account
        if account is Account.CUSTOMER:
            at[1] += posting.quantity
        elif account is Account.SHRINKAGE or account is Account.FOUND:
            at[2] += posting.quantity
        elif account is not Account.IN_TRANSIT and account is not Account.SUPPLIER and account is not Account.SCRAP:
            at[0] += posting.quantity
    return {location: Moved(*each) for location, each in sums.items() if any(each)}


class Sheet:
    """The working sheet of one record."""

    def __init__(self, rows: ScoreRows, record: JournalRecord, policy: ScorePolicy) -> None:
        self._rows = rows
        self._record = record
        self._policy = policy
        self._at_ms = record.at_ms
        self._changes: Changes = {}
        self._increments: list[Increment] = []
        row = rows.row(SCORED_SKUS, (record.sku,))
        self._sku: ScoredSku = ScoredSku(first_class(policy), day=day_of(record.at_ms)) if row is None else row
        self._before = row

    def finish(self) -> Scored:
        """Hand everything over."""
        if self._sku != self._before:
            self._changes[SCORED_SKUS, (self._record.sku,)] = self._sku
        return Scored(self._changes, self._increments)

    # -- the SKU -----------------------------------------------------------------------------------------------------

    def pass_days(self) -> None:
        """Learn from the days that are over how much is sold of it, and change its class if that asks for it."""
        sku, today = self._sku, day_of(self._at_ms)
        if sku.day >= today:
            return
        rate, days = sku.rate_thousandths, sku.days
        for sold in (sku.sold, *[0] * min(today - sku.day - 1, MOST_IDLE_DAYS)):
            pace = max(self._policy.rate_smoothing, 1_000 // (days + 1))
            rate, days = rate + (sold * 1_000 - rate) * pace // 1_000, days + 1
        self._sku = msgspec.structs.replace(sku, day=today, sold=0, rate_thousandths=rate, days=days)
        self._classify()

    def set_item(self, item: Item) -> None:
        """The reference of the SKU: what its stock is worth, and in whose stock it counts, may be another from now on."""
        before = self._sku
        places: Mapping[str, ScoredPlace] = self._rows.group(SCORED_PLACES, self._record.sku)
        after = msgspec.structs.replace(before, category=item.category, unit_cost=item.unit_cost, tracked=item.tracked)
        units, value = by_unit(after)
        units_before, value_before = by_unit(before)
        for location in sorted(places):
            on_hand = places[location].on_hand
            subjects = (ALL, subject_of(Dimension.LOCATION, location), subject_of(Dimension.CLASS, before.sku_class))
            self._level(subjects, on_hand * (units - units_before), on_hand * (value - value_before))
        self._sku = after
        self._classify()

    def _classify(self) -> None:
        """Move its stock to the class that it belongs to by now."""
        sku, now = self._sku, class_of(self._sku, self._policy)
        if now == sku.sku_class:
            return
        units, value = by_unit(sku)
        for sku_class, sign in ((sku.sku_class, -1), (now, 1)):
            subjects = (subject_of(Dimension.CLASS, sku_class),)
            self._level(subjects, sign * sku.on_hand * units, sign * sku.on_hand * value)
        self._sku = msgspec.structs.replace(sku, sku_class=now)

    # -- places ------------------------------------------------------------------------------------------------------

    def count(self, location: str, difference: int) -> None:
        """A place was counted. The first thing heard of a place is no check of the books."""
        place = self._rows.row(SCORED_PLACES, (self._record.sku, location))
        if place is None or not self._sku.tracked:
            return
        allowed = abs(place.on_hand) * self._policy.count_tolerance_thousandths
        self.note(location, Counter.COUNTS, 1)
        self.note(location, Counter.COUNTS_ACCURATE, 1 if abs(difference) * 1_000 <= allowed else 0)

    def move(self, location: str, moved: Moved) -> None:
        """Units came to a place, or left it."""
        key = (self._record.sku, location)
        place = self._rows.row(SCORED_PLACES, key)
        sold = max(0, moved.sold)
        self.note(location, Counter.UNITS_SOLD, sold)
        self.note(location, Counter.COST_SOLD, sold * self._sku.unit_cost)
        if place is not None and self._sku.tracked:  # What is found where nothing was known is its opening stock.
            self.note(location, Counter.UNITS_LOST, moved.lost)
        if place is None or moved.on_hand:
            self._changes[SCORED_PLACES, key] = ScoredPlace((0 if place is None else place.on_hand) + moved.on_hand)
        if moved.on_hand or sold:
            sku = self._sku
            self._sku = msgspec.structs.replace(sku, on_hand=sku.on_hand + moved.on_hand, sold=sku.sold + sold)
        units, value = by_unit(self._sku)
        subjects = (ALL, subject_of(Dimension.LOCATION, location), subject_of(Dimension.CLASS, self._sku.sku_class))
        self._level(subjects, moved.on_hand * units, moved.on_hand * value)

    # -- increments --------------------------------------------------------------------------------------------------

    def note(self, location: str | None, counter: Counter, amount: int) -> None:
        """Something happened: it counts for everything, the place, the class, and the channel that it came from."""
        if amount:
            self._increments += counted(self._subjects(location), self._at_ms, counter, amount)

    def _subjects(self, location: str | None) -> list[str]:
        subjects = [ALL, subject_of(Dimension.CLASS, self._sku.sku_class)]
        if location is not None:
            subjects.append(subject_of(Dimension.LOCATION, location))
        if self._record.channel is not None:
            subjects.append(subject_of(Dimension.CHANNEL, self._record.channel))
        return subjects

    def _level(self, subjects: tuple[str, ...], units: int, value: int) -> None:
        self._increments += changed(subjects, self._at_ms, Counter.STOCK_CHANGE, units)
        self._increments += changed(subjects, self._at_ms, Counter.VALUE_CHANGE, value)


def by_unit(sku: ScoredSku) -> tuple[int, int]:
    """What a unit on hand adds to the stock and to its value. Of a SKU that is not tracked nothing is in stock."""
    return (1, sku.unit_cost) if sku.tracked else (0, 0)


def class_of(sku: ScoredSku, policy: ScorePolicy) -> str:
    """The class that a SKU belongs to."""
    if policy.classes == "category":
        return sku.category or UNCLASSIFIED
    if sku.rate_thousandths >= policy.class_a_thousandths:
        return "A"
    return "B" if sku.rate_thousandths >= policy.class_b_thousandths else "C"


def first_class(policy: ScorePolicy) -> str:
    """The class of a SKU of which nothing is known yet."""
    return UNCLASSIFIED if policy.classes == "category" else "C"

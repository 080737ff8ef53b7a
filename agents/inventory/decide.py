"""The decision: one transaction and the rows it reads -> new rows, answer and events. Pure; the way in to the core.

1. Everything of the SKU that is due expires (expiry.py).
2. A transaction seen before gets its answer again (duplicates.py).
3. At the door: another transaction's id, too late, not supported.
4. The rule of its kind posts to the draft, or refuses (RULES below).
5. What follows is settled: who moves or yields, what people must hear of, who waited for what is there now
   (conflicts.py, alarms.py, backorders.py).
6. Journal record, answer, notices, levels and alerts are written in this order, and the books are checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from agents.inventory import (
    claiming,
    confirming,
    counting,
    edges,
    facts,
    feeds,
    fences,
    hurrying,
    inbounds,
    items,
    references,
    releasing,
    rules,
    shipping,
    snapshots,
    transfers,
)
from agents.inventory.aging import look_at_ages
from agents.inventory.alarms import raise_negative, raise_oversold, raise_unknown
from agents.inventory.anomalies import MOVING, watch_movement
from agents.inventory.answering import answer_of, record_of
from agents.inventory.availability import say_availability, states_changed
from agents.inventory.backorders import cover_queue
from agents.inventory.capacity import is_capacity
from agents.inventory.capacity_days import OPENING, open_day
from agents.inventory.conflicts import yield_lots, yield_promises
from agents.inventory.dates import keep_reminder
from agents.inventory.demand import LEAVING, remember_demand
from agents.inventory.draft import Draft, Shelf
from agents.inventory.duplicates import ANSWERS_KEEP_MS, is_too_late, recall, remember, repeat
from agents.inventory.expiry import expire_due
from agents.inventory.fences import shrink_fences
from agents.inventory.invariants import check
from agents.inventory.items import is_tracked
from agents.inventory.lots import assign_lots, schedule
from agents.inventory.notices import write_notices
from agents.inventory.outcomes import Outcome, refuse
from agents.inventory.overdue import pass_reminders
from agents.inventory.refreshing import visit
from agents.inventory.refusals import Refusal
from agents.inventory.removal import pass_lots
from agents.inventory.resolving import close_what_is_over
from agents.inventory.rows import Arrival, Decision, Rows
from agents.inventory.snapshots import remember_levels
from agents.inventory.stock_alerts import watch_stock
from agents.inventory.transactions import INTENTION_KINDS, Kind, Transaction, is_intention


def allocate(draft: Draft) -> Outcome:
    """ALLOCATE says three things: confirm what is reserved, hurry what is late already, or open a firm claim."""
    transaction = draft.transaction
    if transaction.confirm:
        return confirming.confirm(draft)
    return hurrying.hurry(draft) if transaction.reason == hurrying.SLA_AT_RISK else claiming.allocate(draft)


RULES: Mapping[Kind, Callable[[Draft], Outcome]] = MappingProxyType(
    {
        Kind.RECEIPT: facts.receive,
        Kind.SALE: facts.sell,
        Kind.RETURN: facts.take_back,
        Kind.QUARANTINE: facts.quarantine,
        Kind.UNQUARANTINE: facts.unquarantine,
        Kind.ADJUST: facts.adjust,
        Kind.COUNT: counting.count,
        Kind.INBOUND: inbounds.announce,
        Kind.TRANSFER_OUT: transfers.send,
        Kind.TRANSFER_IN: transfers.arrive,
        Kind.SNAPSHOT: snapshots.snapshot,
        Kind.ITEM: items.set_item,
        Kind.RESERVE: claiming.reserve,
        Kind.ALLOCATE: allocate,
        Kind.EXTEND: releasing.extend,
        Kind.RELEASE: releasing.release,
        Kind.SHIP: shipping.ship,
        Kind.PICK: releasing.pick,
        Kind.FENCE: fences.fence,
        Kind.UNFENCE: fences.unfence,
        Kind.WATCH: edges.watch,
        Kind.UNWATCH: edges.unwatch,
        Kind.POLICY: rules.set_rule,
        Kind.LOCATION: references.set_location,
        Kind.CHANNEL: references.set_channel,
        Kind.FEED: feeds.set_feed,
    }
)
"""The kinds that this version decides. The others are refused `not_supported`."""

ABSOLUTE_KINDS = frozenset({Kind.COUNT, Kind.SNAPSHOT})
"""What a claim loses to one of these, a late SHIP may explain."""

BY_THE_CLOCK = (Kind.EXPIRE, Kind.REFRESH)
"""What nobody asked, so nobody is answered. A tuple: a member is found by identity, without a hash."""

BURIED = frozenset({Refusal.ID_REUSED, Refusal.TOO_LATE, Refusal.NOT_SUPPORTED, Refusal.QUANTITY_NOT_POSITIVE})
"""Refused for one of these, what is no intention is also kept as a dead letter."""


def decide(rows: Rows, arrival: Arrival, answers_keep_ms: int = ANSWERS_KEEP_MS) -> Decision:
    """Decide one transaction. Changes nothing; the same rows and arrival always give the same decision.

    `answers_keep_ms`: how long ids are kept. Raises InvariantBroken if the books would not close: a bug.
    """
    draft = Draft(rows, arrival)
    transaction = arrival.transaction
    if transaction.sku:  # What is broadcast names none.
        if draft.goods.reminder_ms is not None:
            pass_reminders(draft)
        expire_due(draft)
        if draft.goods.due_ms is not None:
            pass_lots(draft)
    if transaction.kind in BY_THE_CLOCK:
        return finish(draft) if transaction.kind is Kind.EXPIRE else refresh(draft)
    kept = recall(draft, answers_keep_ms)
    if kept is not None and kept.digest == arrival.digest:
        draft.answers.append(repeat(draft, kept))
        return finish(draft)
    if kept is not None:
        outcome = refuse(Refusal.ID_REUSED)
    elif is_too_late(draft, answers_keep_ms):
        outcome = refuse(Refusal.TOO_LATE)
    else:
        if transaction.kind in OPENING and is_capacity(transaction.sku):
            open_day(draft)
        outcome = RULES.get(transaction.kind, not_supported)(draft)
    return conclude(draft, outcome)


def refresh(draft: Draft) -> Decision:
    """Do for a SKU what reference records have changed; journalled only if units were moved by it."""
    visit(draft)
    if draft.goods.has_lots:
        schedule(draft)
    if draft.goods.queued:
        cover_queue(draft)
    if draft.book.watches_age or draft.goods.ages_ms is not None:
        look_at_ages(draft)
        keep_reminder(draft)
    if draft.postings or draft.notices:
        draft.journal.append(record_of(draft))
        write_notices(draft)
    return finish(draft)


def not_supported(_draft: Draft) -> Outcome:
    """Refuse what only a later version decides."""
    return refuse(Refusal.NOT_SUPPORTED)


def conclude(draft: Draft, outcome: Outcome) -> Decision:
    """Settle what follows, write journal record, answer and notices, and keep the answer."""
    if outcome.refusal is None and draft.sku and not outcome.silent:
        with_lots = assign_lots(draft)
        if draft.transaction.kind not in INTENTION_KINDS:
            settle(draft, with_lots=with_lots)
        if draft.goods.queued:
            cover_queue(draft)
        book = draft.book
        if book.counts_demand and draft.transaction.kind in LEAVING:
            remember_demand(draft)
        if book.watches_movements and draft.transaction.kind in MOVING:
            watch_movement(draft, outcome)
        draft.journal.append(record_of(draft))
    answer = answer_of(draft, outcome)
    draft.answers.append(answer)
    if draft.notices:
        write_notices(draft)
    remember(draft, answer)
    if outcome.refusal is None:
        return finish(draft)
    return finish(draft, dead_letter_of(draft.transaction, outcome.refusal))


def settle(draft: Draft, *, with_lots: bool) -> None:
    """What follows from a fact at every place it touched: unknown names, who gives way, what ends below zero.

    `with_lots`: the SKU has lots, or had some before this fact.
    """
    kind = draft.transaction.kind
    tracked = is_tracked(draft)
    for location in sorted(draft.shelves) if len(draft.shelves) > 1 else tuple(draft.shelves):
        shelf = draft.shelves[location]
        if shelf.before is None:
            meet(draft, shelf)
        if tracked:
            if draft.goods.fences:
                shrink_fences(draft, location)
            if shelf.unpromised < 0 or with_lots:
                counted_at_second = shelf.counted_at_second if kind in ABSOLUTE_KINDS else None
                yielded = yield_lots(draft, shelf, counted_at_second) if with_lots else 0
                yielded += yield_promises(draft, shelf, counted_at_second)
                if yielded:
                    raise_oversold(draft, location, yielded)
                shrink_fences(draft, location)
            raise_negative(draft, shelf)


def meet(draft: Draft, shelf: Shelf) -> None:
    """A fact named a place that was not known for this SKU: it is from now on, and people hear of it if nobody said so."""
    shelf.created = True
    sku_is_known = bool(draft.rows.positions(draft.sku)) or draft.goods.item is not None
    if not sku_is_known or draft.references.location(shelf.location) is None:
        raise_unknown(draft, shelf, sku_is_known=sku_is_known)


def dead_letter_of(transaction: Transaction, refusal: Refusal) -> str | None:
    """Why a refused fact or reference record is kept as a dead letter too; None if it is not."""
    if refusal not in BURIED or is_intention(transaction):
        return None
    return f"{transaction.kind} {transaction.transaction_id} of {transaction.source} was refused: {refusal}"


def watch(draft: Draft) -> None:
    """Say where stock runs low or out, and which open alerts are over. Only what is journalled or visited changes any."""
    if draft.journal or draft.transaction.kind is Kind.REFRESH:
        if not is_capacity(draft.sku):
            watch_stock(draft)
        if draft.goods.open_alerts:
            close_what_is_over(draft)


def finish(draft: Draft, dead_letter: str | None = None) -> Decision:
    """Write levels and alerts, check the books, and hand everything over."""
    if draft.journal or any(shelf.tell_again or shelf.quiet for shelf in draft.shelves.values()):
        check(draft)
        draft.write_levels()
        if draft.levels and draft.goods.has_snapshots:
            remember_levels(draft)
    if draft.goods.open_alerts or (draft.sku and draft.book.watches_stock):
        watch(draft)
    if draft.alerts:
        draft.number_alerts()
    if draft.sku and draft.references.channels and not is_capacity(draft.sku):
        groups = say_availability(draft)
        if groups is not None and (states_changed(draft) or draft.transaction.kind is Kind.WATCH):
            edges.say_edges(draft, groups)
    return Decision(
        draft.changes,
        tuple(draft.answers),
        tuple(draft.journal),
        draft.levels,
        tuple(draft.alerts),
        draft.availability,
        draft.edges,
        draft.watched,
        dead_letter,
    )

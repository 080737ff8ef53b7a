"""SNAPSHOT: the level that a system of record states, on hand or available, as of the time it was taken.

It counts like a cycle count of the place. What is available is understood as `unpromised`: what is on hand less what
is promised or quarantined at the time it was taken. (Safety stock is a policy of ours: those units are there.)

**Nothing changes** where it agrees with the books: no journal record, no level. Only the time is kept, so that
movements from before it do not count again when they are heard of late.

**Echoes.** A system that hears our levels may say them back, when the level has long moved on: taken at its word, it
would undo what happened since. A snapshot is an echo if its figure is that of a level which was published within
`echo_window_ms` (policy) before it was taken, or since. Levels are told within moments of a change, and systems that
take them over say so promptly; a level that has stood for longer is the system's own knowledge. An echo is accepted
and changes nothing at all, not even the time.
"""

from __future__ import annotations

import msgspec

from agents.inventory.cases import close_case
from agents.inventory.counting import moved_since, refusal_of_stock_taking, take_stock
from agents.inventory.draft import Draft, Shelf
from agents.inventory.findings import ToldLevel, ToldLevels
from agents.inventory.outcomes import Outcome, accept, accept_silently, refuse
from agents.inventory.refusals import Refusal
from agents.inventory.rows import TOLD_LEVELS
from agents.inventory.transactions import Measures
from agents.inventory.units import second_of

MOST_TOLD_LEVELS = 32
"""Levels remembered of one place, the youngest."""


def snapshot(draft: Draft) -> Outcome:
    """Set the stock of a place to what a system of record states. Answers the signed difference.

    Refuses: QUANTITY_NOT_POSITIVE (on hand below zero), UNAUTHORISED, STALE_COUNT.
    """
    transaction = draft.transaction
    figure = transaction.quantity or 0
    available = transaction.measures is Measures.AVAILABLE
    if figure < 0 and not available:
        return refuse(Refusal.QUANTITY_NOT_POSITIVE)
    shelf = draft.shelf(transaction.location or "")
    told = levels_told(draft, shelf)
    if is_echo(draft, told, figure, available=available):
        watch_levels(draft, shelf.location, told)
        return accept_silently()
    held = held_then(draft, shelf, told) if available else 0
    difference = figure + held + moved_since(draft, shelf) - shelf.on_hand
    refusal = refusal_of_stock_taking(draft, shelf, difference)
    if refusal is not None:
        return refuse(refusal)

    # From here on the snapshot stands.
    watch_levels(draft, shelf.location, told)
    if difference == 0 and shelf.before is not None:
        shelf.counted_at_second = second_of(draft.occurred_at_ms)
        shelf.counted_by = transaction.source
        shelf.quiet = True
        close_case(draft, shelf.location, "a snapshot")
        return accept_silently()
    take_stock(draft, shelf, difference, "snapshot")
    return accept(difference)


def levels_told(draft: Draft, shelf: Shelf) -> tuple[ToldLevel, ...]:
    """The levels of the place as they were published, the oldest first; at least the last one, if there is one."""
    row: ToldLevels | None = draft.row(TOLD_LEVELS, (draft.sku, shelf.location))
    if row is not None:
        return row.levels
    before = shelf.before
    if before is None:
        return ()
    on_hand = before.unpromised + before.reserved + before.allocated + before.quarantined
    atp = before.unpromised - draft.safety_stock(shelf.location)
    return (ToldLevel(before.as_of_ms, on_hand, before.unpromised, atp),)


def watch_levels(draft: Draft, location: str, told: tuple[ToldLevel, ...]) -> None:
    """From now on, remember what is published of this place."""
    key = (draft.sku, location)
    if not draft.goods.has_snapshots:
        draft.put_goods(msgspec.structs.replace(draft.goods, has_snapshots=True))
    if draft.row(TOLD_LEVELS, key) is None:
        draft.changes[TOLD_LEVELS, key] = ToldLevels(told)


def is_echo(draft: Draft, told: tuple[ToldLevel, ...], figure: int, *, available: bool) -> bool:
    """Whether the snapshot says back a level that was published shortly before it was taken, or since."""
    window_ms = draft.policy(draft.transaction.location).echo_window_ms
    begins_at_second = second_of(draft.occurred_at_ms - window_ms)
    return window_ms > 0 and any(
        figure in ((level.unpromised, level.atp) if available else (level.on_hand,))
        for level in told
        if second_of(level.at_ms) >= begins_at_second
    )


def held_then(draft: Draft, shelf: Shelf, told: tuple[ToldLevel, ...]) -> int:
    """Units that were on hand but not available when the snapshot was taken, as far back as levels are remembered."""
    taken_at_second = second_of(draft.occurred_at_ms)
    held = shelf.on_hand - shelf.unpromised
    for level in reversed(told):
        held = level.on_hand - level.unpromised
        if second_of(level.at_ms) <= taken_at_second:
            break
    return held


def remember_levels(draft: Draft) -> None:
    """Remember the levels that this decision publishes, at places from which snapshots come."""
    for level in draft.levels:
        key = (draft.sku, level.location)
        row: ToldLevels | None = draft.row(TOLD_LEVELS, key)
        if row is None:
            continue
        told = ToldLevel(draft.at_ms, level.on_hand, level.unpromised, level.atp)
        begins_ms = draft.at_ms - draft.policy(level.location).late_window_ms
        recent = [*(each for each in row.levels if each.at_ms > begins_ms), told]
        draft.changes[TOLD_LEVELS, key] = ToldLevels(tuple(recent[-MOST_TOLD_LEVELS:]))

"""Shrinkage: units that are lost again and again make the ledger careful at that place.

A loss is what a count misses beyond its tolerance, what an adjustment writes off for theft or without a cause, and
what a transfer's last arrival misses. When there are `shrinkage_events` of them within `shrinkage_window_ms` (policy),
`shrinkage_buffer` units are withheld beside the safety stock, until so few are left within the window that the reason
is gone. All of it goes by record time. The alert says which losses it is about. A change of these settings takes effect
with the next loss there.
"""

from __future__ import annotations

import msgspec

from agents.inventory.alerts import AlertType, Severity
from agents.inventory.dates import keep_reminder
from agents.inventory.draft import Draft, Shelf
from agents.inventory.findings import MOST_LOSSES, Loss, Losses
from agents.inventory.goods import SafetyBuffer
from agents.inventory.items import is_tracked
from agents.inventory.rows import LOSSES
from agents.inventory.units import date_of_day, day_of, second_of

STOCK_TAKING = frozenset({"count", "snapshot"})
"""Reasons of losses that were found by looking at the place."""


def note_loss(draft: Draft, location: str, quantity: int, reason: str) -> None:
    """Remember that units were lost at a place, and be careful there if it was too often."""
    policy = draft.policy(location)
    if policy.shrinkage_events == 0 or not is_tracked(draft):
        return
    key = (draft.sku, location)
    row: Losses | None = draft.row(LOSSES, key)
    begins_ms = draft.at_ms - policy.shrinkage_window_ms
    earlier = [] if row is None else [loss for loss in row.events if loss.at_ms > begins_ms]
    loss = Loss(draft.coming_event_id, draft.at_ms, quantity, second_of(draft.occurred_at_ms), reason)
    events = tuple([*earlier, loss][-MOST_LOSSES:])
    draft.changes[LOSSES, key] = Losses(events)
    judge(draft, location, events)


def explain_loss(draft: Draft, shelf: Shelf, quantity: int) -> None:
    """A late movement explains up to `quantity` units that a count had missed: those are no loss.

    Only counts that were taken when or after it occurred can have missed them; the first of them did.
    """
    key = (draft.sku, shelf.location)
    row: Losses | None = draft.row(LOSSES, key) if draft.policy(shelf.location).shrinkage_events else None
    if row is None:
        return
    second, left = second_of(draft.occurred_at_ms), quantity
    begins_ms = draft.at_ms - draft.policy(shelf.location).shrinkage_window_ms
    events: list[Loss] = []
    for loss in row.events:
        if loss.at_ms <= begins_ms:
            continue
        missed = loss.reason in STOCK_TAKING and loss.occurred_at_second >= second
        explained = min(left, loss.quantity) if missed else 0
        left -= explained
        if loss.quantity > explained:
            events.append(msgspec.structs.replace(loss, quantity=loss.quantity - explained))
    if left < quantity:
        draft.changes[LOSSES, key] = Losses(tuple(events)) if events else None
        judge(draft, shelf.location, tuple(events))


def judge(draft: Draft, location: str, events: tuple[Loss, ...]) -> None:
    """Put up the safety buffer of a place, prolong it, or take it away, as its losses demand."""
    policy = draft.policy(location)
    needed, window_ms = policy.shrinkage_events, policy.shrinkage_window_ms
    until_ms = events[-needed].at_ms + window_ms if 0 < needed <= len(events) else draft.at_ms
    old = buffer_at(draft, location)
    if until_ms <= draft.at_ms or policy.shrinkage_buffer == 0:
        if old is not None:
            put_buffer(draft, location, None)
            tell_lifted(draft, old)
        return
    new = SafetyBuffer(location, policy.shrinkage_buffer, until_ms)
    if new != old:
        put_buffer(draft, location, new)
        tell_withheld(draft, new, events)


def end_buffers(draft: Draft) -> None:
    """Take away the safety buffers whose time is over."""
    for old in draft.goods.safety_buffers:
        if old.until_ms <= draft.at_ms:
            put_buffer(draft, old.location, None)
            tell_lifted(draft, old)


def buffer_at(draft: Draft, location: str) -> SafetyBuffer | None:
    """The safety buffer of a place."""
    for each in draft.goods.safety_buffers:
        if each.location == location:
            return each
    return None


def put_buffer(draft: Draft, location: str, buffer: SafetyBuffer | None) -> None:
    """Set the safety buffer of a place; its level is told again, for what is available has changed."""
    others = [each for each in draft.goods.safety_buffers if each.location != location]
    buffers = sorted([*others, *([] if buffer is None else [buffer])], key=lambda each: each.location)
    draft.put_goods(msgspec.structs.replace(draft.goods, safety_buffers=tuple(buffers)))
    draft.shelf(location).tell_again = True
    keep_reminder(draft)


def tell_withheld(draft: Draft, buffer: SafetyBuffer, events: tuple[Loss, ...]) -> None:
    """Say what is withheld, until when, and on what evidence."""
    evidence = ", ".join(
        f"{loss.quantity} ({loss.reason}) on {day_text(loss.at_ms)} in {loss.event_id}" for loss in events
    )
    message = (
        f"{sum(loss.quantity for loss in events)} units of {draft.sku} were lost at {buffer.location} in {len(events)} "
        f"cases: {evidence}. {buffer.quantity} units are withheld there until {day_text(buffer.until_ms)}."
    )
    draft.alert(
        AlertType.SHRINKAGE, Severity.WARNING, buffer.location, message, buffer.quantity, "Find out where they go."
    )


def tell_lifted(draft: Draft, buffer: SafetyBuffer) -> None:
    """Say that nothing is withheld any more."""
    message = (
        f"{buffer.quantity} units of {draft.sku} at {buffer.location} are no longer withheld: "
        "there are too few losses within the window."
    )
    action = "Nothing; it is for your information."
    draft.alert(AlertType.RESOLVED, Severity.INFO, buffer.location, message, 0, action, resolves=AlertType.SHRINKAGE)


def day_text(time_ms: int) -> str:
    """The day of a time, in UTC, such as 2026-01-05."""
    return date_of_day(day_of(time_ms))

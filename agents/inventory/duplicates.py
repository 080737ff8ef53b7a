"""Ids: what was answered under one, and what a transaction hears that comes again.

A transaction id is unique per source and SKU and is kept for `answers keep`. The full answer of an intention is
given again until 24 hours after it was given, or after its claim closed if that is later; from then on, and for facts
always, only whether it was accepted. Nothing is removed here: whether an id counts as kept is judged when it is
looked up, so it does not matter when housekeeping removes the row.
"""

from __future__ import annotations

import msgspec

from agents.inventory.answers import Answer, KeptAnswer, Status, lines_told
from agents.inventory.draft import Draft
from agents.inventory.refusals import Refusal
from agents.inventory.rows import ANSWERS
from agents.inventory.transactions import ORDER_ROUTER, is_fact, is_intention
from agents.inventory.units import MILLISECONDS_PER_DAY

ANSWERS_KEEP_MS = 7 * MILLISECONDS_PER_DAY
"""How long an id is kept unless the topology says otherwise."""

NOT_KEPT = frozenset({Refusal.ID_REUSED, Refusal.NOT_SUPPORTED})
"""`id_reused`: the id belongs to the transaction that used it first. `not_supported`: nothing was decided, and the
version that can decide it must not take it for a repeat."""


def recall(draft: Draft, answers_keep_ms: int) -> KeptAnswer | None:
    """What is kept under the id of this transaction; past its keep it counts as absent."""
    transaction = draft.transaction
    kept = draft.rows.kept_answer(transaction.source, draft.sku, transaction.transaction_id)
    if kept is None or is_forgotten(kept, draft.at_ms, answers_keep_ms):
        return None
    return kept


def is_forgotten(kept: KeptAnswer, at_ms: int, answers_keep_ms: int) -> bool:
    """Whether the id is past its keep. Its row may be removed then."""
    return not kept.forever and at_ms - kept.at_ms > answers_keep_ms


def is_too_late(draft: Draft, answers_keep_ms: int) -> bool:
    """Whether it occurred before ids of its time were forgotten, so that it may be a duplicate that nobody recognises."""
    occurred_at_ms = draft.transaction.occurred_at_ms
    return occurred_at_ms is not None and occurred_at_ms < draft.at_ms - answers_keep_ms and not draft.arrival.backfill


def repeat(draft: Draft, kept: KeptAnswer) -> Answer:
    """The answer to the same transaction again: as it was given, or only that it was given."""
    if kept.answer is not None and is_kept_in_full(draft, kept, kept.answer):
        return msgspec.structs.replace(kept.answer, event_id=draft.next_event_id(), repeats=kept.answer.event_id)
    transaction = draft.transaction
    return Answer(
        event_id=draft.next_event_id(),
        status=Status.ACCEPTED_EARLIER if kept.accepted else Status.REFUSED_EARLIER,
        transaction_id=transaction.transaction_id,
        source=transaction.source,
        sku=draft.sku,
        kind=transaction.kind,
        at_ms=draft.at_ms,
        location=transaction.location,
        holder=transaction.holder,
        line=None if transaction.holder is None else transaction.line,
        channel=transaction.channel,
        order_id=transaction.order_id,
        routed=transaction.source == ORDER_ROUTER,
    )


def is_kept_in_full(draft: Draft, kept: KeptAnswer, answer: Answer) -> bool:
    """Whether the full answer may still be given: for 24 hours, or until 24 hours after its claims closed."""
    if draft.at_ms - kept.at_ms <= MILLISECONDS_PER_DAY:
        return True
    if not kept.accepted or answer.holder is None:
        return False
    return any(is_not_long_closed(draft, answer, answer.holder, line) for line in lines_told(answer))


def is_not_long_closed(draft: Draft, answer: Answer, holder: str, line: int) -> bool:
    """Whether the claim that the answer is about is open, or closed less than 24 hours ago."""
    # A claim that was opened later under the same holder and line is another one.
    answered_at_offset = offset_of(answer.event_id)
    claim = draft.claim(holder, line)
    if claim is not None and claim.opening_offset <= answered_at_offset:
        return True
    closed = draft.closed_claim(holder, line)
    return (
        closed is not None
        and closed.last.opening_offset <= answered_at_offset
        and draft.at_ms - closed.closed_at_ms <= MILLISECONDS_PER_DAY
    )


def offset_of(event_id: str) -> int:
    """The input offset of the record that caused an event: its id is `topic-partition-offset-n`."""
    return int(event_id.rsplit("-", 2)[-2])


def remember(draft: Draft, answer: Answer) -> None:
    """Keep the answer under its id, unless it says nothing about this transaction for good, see NOT_KEPT."""
    if answer.refusal in NOT_KEPT:
        return
    transaction, arrival = draft.transaction, draft.arrival
    kept_at_ms, occurred_at_ms = draft.at_ms, transaction.occurred_at_ms
    if occurred_at_ms is not None and occurred_at_ms > kept_at_ms and is_fact(transaction):
        # A clock that runs ahead must not let the id be forgotten while its time is not yet too late.
        kept_at_ms = occurred_at_ms
    draft.changes[ANSWERS, (transaction.source, draft.sku, transaction.transaction_id)] = KeptAnswer(
        arrival.digest,
        answer.refusal is None,
        kept_at_ms,
        arrival.backfill,
        answer if is_intention(transaction) else None,
    )

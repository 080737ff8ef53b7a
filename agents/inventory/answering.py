"""The answer to a transaction, and its journal record.

Both are made for nearly every transaction, so their fields are given by position, in the order in which they are declared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from agents.inventory.alerts import AlertType
from agents.inventory.answers import Alternative, Answer, DispatchDay, LineState, Status, legs_of
from agents.inventory.dates import next_receipt_ms
from agents.inventory.departures import TELLING, dispatch_days
from agents.inventory.draft import Draft
from agents.inventory.outcomes import LineOutcome, Outcome
from agents.inventory.places import lines_of, places_asked
from agents.inventory.postings import JournalRecord
from agents.inventory.promising import promisable
from agents.inventory.refusals import Refusal
from agents.inventory.transactions import ORDER_ROUTER, Kind

MOST_ALTERNATIVES = 5
ACCEPTED, REFUSED = Status.ACCEPTED, Status.REFUSED
STOCK_TAKING: Mapping[Kind, str] = {Kind.COUNT: "count", Kind.SNAPSHOT: "snapshot"}
"""The reason of a difference that was posted, where none was given."""

SHORT = frozenset({Refusal.CHANNEL_QUOTA, Refusal.INSUFFICIENT_ATP})
"""Refused for one of these, the answer says when the next goods are due."""
HELPED_ELSEWHERE = SHORT | {Refusal.UNKNOWN_LOCATION}
"""Refused for one of these, the answer says where else there is something."""


def record_of(draft: Draft) -> JournalRecord:
    """The journal record of an accepted transaction; takes the postings written since the last expiry."""
    transaction = draft.transaction
    kind = transaction.kind
    postings = tuple(draft.postings)
    draft.postings.clear()
    return JournalRecord(
        draft.next_event_id(),
        transaction.transaction_id,
        transaction.source,
        draft.sku,
        kind,
        draft.at_ms,
        draft.occurred_at_ms,
        postings,
        transaction.reason or STOCK_TAKING.get(kind),
        transaction.holder,
        draft.line,
        transaction.channel,
        transaction.order_id,
        transaction.who,
        transaction.why,
        draft.place,
        oversold_units(draft) if draft.alerts else 0,
        transaction.item,
    )


def oversold_units(draft: Draft) -> int:
    """Units that this decision found promised or sold and not there."""
    return sum([alert.quantity for alert in draft.alerts if alert.type is AlertType.OVERSOLD])


def answer_of(draft: Draft, outcome: Outcome) -> Answer:
    """The answer, with what the claims named hold after all this."""
    transaction = draft.transaction
    refusal, holder, line = outcome.refusal, transaction.holder, draft.line
    claim = None if holder is None or line is None else draft.claim(holder, line)
    location = draft.place or outcome.location
    routed = transaction.source == ORDER_ROUTER
    return Answer(
        draft.next_event_id(),
        ACCEPTED if refusal is None else REFUSED,
        transaction.transaction_id,
        transaction.source,
        draft.sku,
        transaction.kind,
        draft.at_ms,
        refusal,
        outcome.shortfall,
        outcome.quantity,
        location,
        holder,
        line,
        legs_of(claim),
        0 if claim is None else claim.backordered,
        None if claim is None else claim.due_ms,
        () if refusal is None else alternatives_to(draft, refusal, location),
        None if refusal is None else next_receipt_after(draft, refusal),
        None,  # from_location: only of a notice.
        None,  # repeats: only of a repeat.
        transaction.channel,
        transaction.order_id,
        transaction.reason,
        lines_after(draft, outcome.lines) if len(transaction.lines) > 1 else (),
        routed,
        draft.candidates,
        days_told(draft) if routed else (),
    )


def days_told(draft: Draft) -> tuple[DispatchDay, ...]:
    """When the goods that the order router claims leave the places that can send only so much a day."""
    transaction = draft.transaction
    if not draft.references.limits_any or transaction.kind not in TELLING or transaction.holder is None:
        return ()
    return dispatch_days(draft, [draft.claim(transaction.holder, line) for line, _ in lines_of(transaction)])


def lines_after(draft: Draft, outcomes: Sequence[LineOutcome]) -> tuple[LineState, ...]:
    """One state for each line that was named, in the order sent."""
    said = {each.line: each for each in outcomes}
    states: list[LineState] = []
    for asked in draft.transaction.lines:
        outcome = said.get(asked.line, LineOutcome(asked.line))
        claim = draft.claim(draft.transaction.holder or "", asked.line)
        states.append(
            LineState(
                asked.line,
                outcome.quantity,
                0 if claim is None else claim.backordered,
                outcome.shortfall,
                legs_of(claim),
                None if claim is None else claim.due_ms,
            )
        )
    return tuple(states)


def next_receipt_after(draft: Draft, refusal: Refusal) -> int | None:
    """When the next goods are due at the place that was asked for, or anywhere, where more of them would have helped."""
    return next_receipt_ms(draft, draft.place) if refusal in SHORT else None


def alternatives_to(draft: Draft, refusal: Refusal, location: str | None) -> tuple[Alternative, ...]:
    """Other places with something to promise to the channel, the most first (equal ones by name), at most five."""
    if refusal not in HELPED_ELSEWHERE:
        return ()
    channel, asked = draft.transaction.channel, places_asked(draft.transaction)
    found: list[Alternative] = []
    for place in draft.rows.positions(draft.sku):
        units = 0 if place == location or place in asked else promisable(draft, place, channel)
        if units > 0:
            found.append(Alternative(place, units))
    found.sort(key=lambda alternative: (-alternative.atp, alternative.location))
    return tuple(found[:MOST_ALTERNATIVES])

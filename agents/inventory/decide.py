"""The decision: one transaction and the rows it reads -> new rows, answer and events. Pure; the way in to the core.

1. Everything of the SKU that is due expires (expiry.py).
2. A transaction seen before gets its answer again (duplicates.py).
3. At the door: another transaction's id, too late, not supported.
4. The rule of its kind posts to the draft, or refuses (RULES below).
5. What follows from a fact is settled: who yields, what people must hear of (conflicts.py, alarms.py).
6. Journal record, answer, notices, levels and alerts are written in this order, and the books are checked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from agents.inventory import claiming, confirming, counting, facts, releasing, rules, shipping
from agents.inventory.alarms import raise_negative, raise_oversold, raise_unknown
from agents.inventory.answers import Alternative, Answer, Status, legs_of
from agents.inventory.conflicts import Lost, notify_yielded, yield_promises
from agents.inventory.draft import Draft
from agents.inventory.duplicates import ANSWERS_KEEP_MS, is_too_late, recall, remember, repeat
from agents.inventory.expiry import expire_due
from agents.inventory.invariants import check
from agents.inventory.outcomes import Outcome, refuse
from agents.inventory.places import line_of, place_of
from agents.inventory.postings import JournalRecord
from agents.inventory.refusals import Refusal
from agents.inventory.rows import Arrival, Decision, Rows
from agents.inventory.transactions import INTENTION_KINDS, Kind, Transaction, is_intention

RULES: Mapping[Kind, Callable[[Draft], Outcome]] = MappingProxyType(
    {
        Kind.RECEIPT: facts.receive,
        Kind.SALE: facts.sell,
        Kind.RETURN: facts.take_back,
        Kind.QUARANTINE: facts.quarantine,
        Kind.UNQUARANTINE: facts.unquarantine,
        Kind.ADJUST: facts.adjust,
        Kind.COUNT: counting.count,
        Kind.RESERVE: claiming.reserve,
        Kind.ALLOCATE: claiming.allocate,
        Kind.EXTEND: releasing.extend,
        Kind.RELEASE: releasing.release,
        Kind.SHIP: shipping.ship,
        Kind.POLICY: rules.set_rule,
    }
)
"""The kinds that this version decides. The others are refused `not_supported`."""

CLAIM_KINDS = frozenset({Kind.RESERVE, Kind.ALLOCATE, Kind.EXTEND, Kind.RELEASE})
BURIED = frozenset({Refusal.ID_REUSED, Refusal.TOO_LATE, Refusal.NOT_SUPPORTED, Refusal.QUANTITY_NOT_POSITIVE})
"""Refused for one of these, what is no intention is also kept as a dead letter."""

MOST_ALTERNATIVES = 5


def decide(rows: Rows, arrival: Arrival, answers_keep_ms: int = ANSWERS_KEEP_MS) -> Decision:
    """Decide one transaction. Changes nothing; the same rows and arrival always give the same decision.

    `answers_keep_ms`: how long ids are kept. Raises InvariantBroken if the books would not close: a bug.
    """
    draft = Draft(rows, arrival)
    transaction = arrival.transaction
    if transaction.sku:  # What is broadcast names none.
        expire_due(draft)
    if transaction.kind is Kind.EXPIRE:
        return finish(draft)
    kept = recall(draft, answers_keep_ms)
    if kept is not None and kept.digest == arrival.digest:
        draft.answers.append(repeat(draft, kept))
        return finish(draft)
    if kept is not None:
        outcome = refuse(Refusal.ID_REUSED)
    elif is_too_late(draft, answers_keep_ms):
        outcome = refuse(Refusal.TOO_LATE)
    else:
        outcome = rule_of(transaction)(draft)
    return conclude(draft, outcome)


def rule_of(transaction: Transaction) -> Callable[[Draft], Outcome]:
    """The rule that decides it; what this version does not decide yet is refused."""
    rule = RULES.get(transaction.kind)
    if rule is None or (transaction.kind in CLAIM_KINDS and asks_too_much(transaction)):
        return not_supported
    return confirming.confirm if transaction.confirm and transaction.kind is Kind.ALLOCATE else rule


def asks_too_much(transaction: Transaction) -> bool:
    """Whether a claim asks for what only a later version decides: a claim here is one line at one named place."""
    if transaction.sold or transaction.lot is not None or transaction.inbound is not None:
        return True
    if len(transaction.lines) > 1 or len(transaction.locations) > 1:
        return True
    opens = transaction.kind is Kind.RESERVE or (transaction.kind is Kind.ALLOCATE and not transaction.confirm)
    return opens and place_of(transaction) is None


def not_supported(_draft: Draft) -> Outcome:
    """Refuse what only a later version decides."""
    return refuse(Refusal.NOT_SUPPORTED)


def conclude(draft: Draft, outcome: Outcome) -> Decision:
    """Settle what follows, write journal record, answer and notices, and keep the answer."""
    lost: list[Lost] = []
    if outcome.refusal is None and draft.sku:
        lost = settle(draft)
        draft.journal.append(record_of(draft))
    answer = answer_of(draft, outcome)
    draft.answers.append(answer)
    for loss in lost:
        notify_yielded(draft, loss)
    remember(draft, answer)
    return finish(draft, dead_letter_of(draft.transaction, outcome.refusal))


def settle(draft: Draft) -> list[Lost]:
    """What follows from a fact at every place it touched: unknown names, who yields, what ends below zero."""
    if draft.transaction.kind in INTENTION_KINDS:
        return []
    lost: list[Lost] = []
    counted_at_second = None
    for location in sorted(draft.shelves):
        shelf = draft.shelves[location]
        if shelf.before is None:
            shelf.created = True
            raise_unknown(draft, shelf, sku_is_known=bool(draft.rows.positions(draft.sku)))
        if draft.transaction.kind is Kind.COUNT:
            counted_at_second = shelf.counted_at_second
        lost_here = yield_promises(draft, shelf, counted_at_second)
        if lost_here:
            raise_oversold(draft, location, sum(loss.quantity for loss in lost_here))
            lost += lost_here
        raise_negative(draft, shelf)
    return lost


def record_of(draft: Draft) -> JournalRecord:
    """The journal record of an accepted transaction; takes the postings written since the last expiry."""
    transaction = draft.transaction
    postings = tuple(draft.postings)
    draft.postings.clear()
    return JournalRecord(
        event_id=draft.next_event_id(),
        transaction_id=transaction.transaction_id,
        source=transaction.source,
        sku=draft.sku,
        kind=transaction.kind,
        at_ms=draft.at_ms,
        occurred_at_ms=draft.occurred_at_ms,
        postings=postings,
        reason=transaction.reason or ("count" if transaction.kind is Kind.COUNT else None),
        holder=transaction.holder,
        line=None if transaction.holder is None else line_of(transaction),
        channel=transaction.channel,
        order_id=transaction.order_id,
        who=transaction.who,
        why=transaction.why,
    )


def answer_of(draft: Draft, outcome: Outcome) -> Answer:
    """The answer, with what the claim named holds after all this."""
    transaction = draft.transaction
    holder = transaction.holder
    line = None if holder is None else line_of(transaction)
    claim = None if holder is None or line is None else draft.claim(holder, line)
    location = place_of(transaction) or outcome.location
    return Answer(
        event_id=draft.next_event_id(),
        status=Status.ACCEPTED if outcome.refusal is None else Status.REFUSED,
        transaction_id=transaction.transaction_id,
        source=transaction.source,
        sku=draft.sku,
        kind=transaction.kind,
        at_ms=draft.at_ms,
        refusal=outcome.refusal,
        shortfall=outcome.shortfall,
        quantity=outcome.quantity,
        location=location,
        holder=holder,
        line=line,
        legs=legs_of(claim),
        due_ms=None if claim is None else claim.due_ms,
        alternatives=() if outcome.refusal is None else alternatives_to(draft, outcome.refusal, location),
        channel=transaction.channel,
        order_id=transaction.order_id,
        reason=transaction.reason,
    )


def alternatives_to(draft: Draft, refusal: Refusal, location: str | None) -> tuple[Alternative, ...]:
    """Other places of the SKU with something to promise, the most first (equal ones by name), at most five."""
    if refusal not in {Refusal.INSUFFICIENT_ATP, Refusal.UNKNOWN_LOCATION}:
        return ()
    found: list[Alternative] = []
    for place in draft.rows.positions(draft.sku):
        atp = draft.shelf(place).unpromised - draft.policy(place).safety_stock
        if place != location and atp > 0:
            found.append(Alternative(place, atp))
    found.sort(key=lambda alternative: (-alternative.atp, alternative.location))
    return tuple(found[:MOST_ALTERNATIVES])


def dead_letter_of(transaction: Transaction, refusal: Refusal | None) -> str | None:
    """Why a refused fact or reference record is kept as a dead letter too; None if it is not."""
    if refusal is None or refusal not in BURIED or is_intention(transaction):
        return None
    return f"{transaction.kind} {transaction.transaction_id} of {transaction.source} was refused: {refusal}"


def finish(draft: Draft, dead_letter: str | None = None) -> Decision:
    """Write levels and alerts, check the books, and hand everything over."""
    if draft.journal:
        check(draft)
        draft.write_levels()
    if draft.alerts:
        draft.number_alerts()
    return Decision(
        draft.changes,
        tuple(draft.answers),
        tuple(draft.journal),
        tuple(draft.levels),
        tuple(draft.alerts),
        dead_letter,
    )

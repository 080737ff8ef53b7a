"""Answers to transactions, notices to claims changed by another's record, and what is kept of an answer."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from agents.inventory.refusals import Refusal
from agents.inventory.reservations import Claim
from agents.inventory.transactions import Kind


class Status(StrEnum):
    """The first four answer a transaction; the rest are notices to the holder of a claim."""

    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    ACCEPTED_EARLIER = "ACCEPTED_EARLIER"
    REFUSED_EARLIER = "REFUSED_EARLIER"
    EXPIRED = "EXPIRED"
    YIELDED = "YIELDED"
    MOVED = "MOVED"
    COVERED = "COVERED"


class LegState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a claim holds at a location, as told to its holder."""

    location: str
    reserved: int
    allocated: int


class Alternative(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Another location of this SKU that has stock."""

    location: str
    atp: int


class CostTerm(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One term of what a place costs."""

    term: str
    """`distance`, `zone`, `scarcity`, `expiry`, `load` or `lateness`."""
    measure: int
    """Kilometres, zone cost, tenths of weeks, days, percent, penalty."""
    cost: int
    """The measure times its weight."""


class Candidate(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A place that the ledger weighed for a claim."""

    location: str
    atp: int
    """Units that it could still promise to the claim."""
    cost: int
    """The sum of its terms; the least wins, equal ones by name."""
    terms: tuple[CostTerm, ...] = ()
    """Those that have a weight."""


class DispatchDay(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """When what a claim has at a place of limited daily capacity leaves it."""

    location: str
    date: str
    """The local day, `YYYY-MM-DD`, whose capacity a shipment takes."""


class LineState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What became of one line, of a transaction about several."""

    line: int
    granted: int
    """Units it took effect on."""
    backordered: int = 0
    """Units that its claim waits for after this."""
    shortfall: int = 0
    """Units missing to grant this line."""
    legs: tuple[LegState, ...] = ()
    due_ms: int | None = None


class Answer(msgspec.Struct, frozen=True, gc=False):
    """The answer to one transaction, or a notice about one claim."""

    event_id: str
    status: Status
    transaction_id: str
    """Of the transaction answered; for a notice, of the one that caused it."""
    source: str
    sku: str
    kind: Kind
    at_ms: int
    refusal: Refusal | None = None
    shortfall: int = 0
    """Units missing to grant the claim."""
    quantity: int = 0
    """Units it took effect on: reserved, released, shipped, yielded, moved, covered; signed, the difference of a
    COUNT or SNAPSHOT and the change of what is on its way by an INBOUND.

    Of a claim only those that are covered: what is backordered is told apart."""
    location: str | None = None
    holder: str | None = None
    line: int | None = None
    legs: tuple[LegState, ...] = ()
    """What the claim holds after this."""
    backordered: int = 0
    """Units that the claim waits for after this."""
    due_ms: int | None = None
    alternatives: tuple[Alternative, ...] = ()
    next_receipt_at_ms: int | None = None
    from_location: str | None = None
    """Where moved units came from."""
    repeats: str | None = None
    """event_id of the answer first given to this transaction id."""
    channel: str | None = None
    order_id: str | None = None
    reason: str | None = None
    lines: tuple[LineState, ...] = ()
    """One state a line, where several were asked together; then `line` is null, and legs and due stand here."""
    routed: bool = False
    """The order router asked, or holds the claim: it hears of this on the topic of orders."""
    candidates: tuple[Candidate, ...] = ()
    """Where the ledger chose by weights: the places as it weighed them, the best first, before the claim had its units."""
    dispatch_days: tuple[DispatchDay, ...] = ()
    """Told to the order router: the places of these claims that can send only so much a day, with the day."""


class Notice(msgspec.Struct, frozen=True, gc=False):
    """What a holder must hear once the answer is written."""

    status: Status
    holder: str
    line: int
    quantity: int
    location: str | None
    from_location: str | None
    claim: Claim
    """As it was before."""
    reason: str | None = None
    """Why, where the transaction that caused it does not say so itself."""


class KeptAnswer(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What is kept under a transaction id."""

    digest: bytes
    """8 bytes, of the decoded transaction."""
    accepted: bool
    at_ms: int
    """Record time of the answer; of a fact that says it is from the future, that time: it is remembered from then."""
    forever: bool = False
    """Of a backfill source: never forgotten."""
    answer: Answer | None = None
    """The full answer of an intention, for as long as it is kept in full."""


def lines_told(answer: Answer) -> tuple[int, ...]:
    """The lines of the holder that the answer is about."""
    return tuple([state.line for state in answer.lines]) if answer.line is None else (answer.line,)


def legs_of(claim: Claim | None) -> tuple[LegState, ...]:
    """What the claim holds, as told to its holder; nothing of a closed one."""
    told: tuple[LegState, ...] = ()
    if claim is not None:
        for leg in claim.legs:  # Nearly always one: a list would cost more.
            told += (LegState(leg.location, leg.reserved, leg.allocated),)
    return told

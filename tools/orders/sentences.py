"""What records, answers and decisions about orders say, as sentences for people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from agents.inventory.answers import Answer, Candidate, LegState, Status
from agents.inventory.capacity import place_and_date
from agents.inventory.channels import Method
from agents.inventory.hurrying import SLA_AT_RISK
from agents.inventory.orders.rows import LINES_APART
from agents.inventory.orders.words import OrderKind, OrderRecord, Place, Routing, RoutingType
from agents.inventory.refusals import Refusal
from agents.inventory.transactions import Destination, Kind, Transaction


def moment(time_ms: int) -> str:
    """A time in UTC, to the millisecond."""
    return dt.datetime.fromtimestamp(time_ms / 1_000, dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def named(names: Sequence[str]) -> str:
    """`A`, `A and B`, `A, B and C`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def counted(number: int, noun: str) -> str:
    """`1 line`, `2 lines`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


# -- records -----------------------------------------------------------------------------------------------------------


def record_sentence(record: OrderRecord) -> str:
    """What a record that came from outside says."""
    by, which = record.source, "it" if record.line is None else f"line {record.line}"
    units = "" if record.quantity is None else f" ({record.quantity})"
    at = "" if record.location is None else f" at {record.location}"
    match record.kind:
        case OrderKind.PLACED:
            return placed_sentence(record)
        case OrderKind.CHANGED:
            return f"{by} changed it to: {lines_words(record)}"
        case OrderKind.CANCELLED:
            return f"{by} cancelled {which}{reason_words(record.reason)}"
        case OrderKind.PAID:
            return f"{by} says that it is paid"
        case OrderKind.PICKED_SHORT:
            return f"{by} found only {record.quantity} of {which}{at}"
        case OrderKind.DELAYED if record.promise_by_ms is not None:
            return f"{by} promises it later now: by {moment(record.promise_by_ms)}"
        case OrderKind.WAKE:
            return "something of it was due"
        case OrderKind.READY:
            return f"{by} says that {which} is ready{at}"
        case _:
            return f"{by} says: {which} {record.kind.value.lower()}{units}{at}"


def placed_sentence(record: OrderRecord) -> str:
    """Who placed what, and on which terms."""
    terms = [way_words(record.method, record.pickup_location, record.destination)]
    if record.channel is not None:
        terms.append(f"channel {record.channel}")
    terms.append("paid" if record.paid else "not paid yet")
    terms.append("a part is better than nothing" if record.partial else "all or nothing")
    if record.promise_by_ms is not None:
        terms.append(f"promised by {moment(record.promise_by_ms)}")
    if record.priority:
        terms.append(f"priority {record.priority}")
    return f"{record.source} placed it: {lines_words(record)}; {', '.join(terms)}"


def lines_words(record: OrderRecord) -> str:
    """`line 1: 2 SHOE, line 2: 1 HAT`."""
    return ", ".join(f"line {line.line}: {line.quantity} {line.sku}" for line in record.lines)


def way_words(method: Method, pickup_location: str | None, destination: Destination | None) -> str:
    """How and where the goods go."""
    if method is Method.PICKUP:
        return f"to be collected at {pickup_location}"
    if destination is None:
        return "to be shipped"
    return f"to be shipped to {destination.country} {destination.postal_area}".rstrip()


def reason_words(reason: str | None) -> str:
    """`: damaged`, or nothing."""
    return "" if reason is None else f": {reason}"


# -- what was asked of the ledger --------------------------------------------------------------------------------------


def shipment_words(sku: str) -> str | None:
    """`a shipment from LEEDS on 2026-01-05`, of a SKU that stands for the capacity of a day; None for goods."""
    day = place_and_date(sku)
    return None if day is None else f"a shipment from {day[0]} on {day[1]}"


def ask_for_shipment(transaction: Transaction, shipment: str) -> str:
    """What is asked of the day of a place that can send only so much."""
    match transaction.kind:
        case Kind.RESERVE:
            return f"hold {shipment}"
        case Kind.ALLOCATE if transaction.confirm:
            return f"make {shipment} firm"
        case Kind.ALLOCATE:
            return f"{shipment}, firm at once"
        case Kind.EXTEND:
            return f"hold {shipment} longer"
        case Kind.RELEASE:
            return f"give back {shipment}"
        case _:
            return f"{shipment} has left"


def ask_sentence(transaction: Transaction) -> str:
    """What a transaction of the router asks of the ledger."""
    shipment = shipment_words(transaction.sku)
    if shipment is not None:
        return ask_for_shipment(transaction, shipment)
    sku, claim = transaction.sku, claim_words(transaction.line)
    units = "" if transaction.quantity is None else f"{transaction.quantity} "
    at = "" if transaction.location is None else f" at {transaction.location}"
    match transaction.kind:
        case Kind.RESERVE:
            wanted = transaction.lines or ()
            what = f"{units}{sku} for {claim}" if not wanted else f"{sum(each.quantity for each in wanted)} {sku}"
            return f"hold {what}{from_words(transaction)}"
        case Kind.ALLOCATE if transaction.confirm:
            return f"make firm what is held of {sku} for {claim}"
        case Kind.ALLOCATE if transaction.reason == SLA_AT_RISK:
            return f"{units}{sku} for {claim} from where they would be less late, else as it is"
        case Kind.ALLOCATE:
            return f"{units}{sku} for {claim}, firm at once{from_words(transaction)}"
        case Kind.EXTEND:
            return f"hold {sku} for {claim} longer"
        case Kind.RELEASE:
            return f"give back {units or 'all '}{sku} of {claim}{at}"
        case Kind.ADJUST:
            return f"write off {-(transaction.quantity or 0)} {sku}{at}{reason_words(transaction.reason)}"
        case _:
            return f"{transaction.kind.value.lower()} {units}{sku} of {claim}{at}"


def claim_words(claim_line: int | None) -> str:
    """`line 2`; of a later claim of the line: `line 2 (its 2nd claim)`."""
    if claim_line is None:
        return "all lines of it"
    number, line = divmod(claim_line, LINES_APART)
    return f"line {line}" if number == 0 else f"line {line} (claim {number + 1})"


def from_words(transaction: Transaction) -> str:
    """Where it should come from, and where not."""
    ranked = f", from {', else '.join(transaction.locations)}" if transaction.locations else ", wherever is best"
    return ranked + (f", not from {named(transaction.avoid)}" if transaction.avoid else "")


# -- what the ledger said ----------------------------------------------------------------------------------------------


def answer_sentences(answer: Answer, asked: Transaction | None) -> str:
    """What the ledger said: to what was asked, or of its own accord."""
    shipment = shipment_words(answer.sku)
    if shipment is not None:
        return answer_of_shipment(answer, asked, shipment)
    if answer.status in {Status.ACCEPTED, Status.ACCEPTED_EARLIER}:
        return f"the ledger: done - {_what(answer, asked)}{holds_words(answer)}"
    if answer.status in {Status.REFUSED, Status.REFUSED_EARLIER}:
        refusal = "refused" if answer.refusal is None else answer.refusal.value
        short = f", {answer.shortfall} short" if answer.shortfall else ""
        elsewhere = ", ".join(f"{each.location} {each.atp}" for each in answer.alternatives)
        return f"the ledger: no, {refusal}{short} - {_what(answer, asked)}" + (
            f"; there would be: {elsewhere}" if elsewhere else ""
        )
    return f"the ledger: {notice_words(answer)}{reason_words(answer.reason or answer.kind.value.lower())}"


def answer_of_shipment(answer: Answer, asked: Transaction | None, shipment: str) -> str:
    """What the ledger said of the day of a place that can send only so much."""
    what = shipment if asked is None else ask_for_shipment(asked, shipment)
    if answer.status in {Status.ACCEPTED, Status.ACCEPTED_EARLIER}:
        return f"the ledger: done - {what}"
    if answer.refusal is Refusal.INSUFFICIENT_ATP:
        return f"the ledger: no, the day is full - {what}"
    if answer.status in {Status.REFUSED, Status.REFUSED_EARLIER}:
        return f"the ledger: no, {'refused' if answer.refusal is None else answer.refusal.value} - {what}"
    if answer.status is Status.EXPIRED:
        return f"the ledger: the hold on {shipment} ended by time"
    return f"the ledger: {shipment} gave way, the day has become shorter"


def _what(answer: Answer, asked: Transaction | None) -> str:
    if asked is not None:
        return ask_sentence(asked)
    return f"{answer.kind.value.lower()} {answer.quantity} {answer.sku} by {answer.source}"


def holds_words(answer: Answer) -> str:
    """What the claims hold after an answer."""
    states = [(state.line, state.legs, state.backordered) for state in answer.lines]
    if not states and answer.line is not None:
        states = [(answer.line, answer.legs, answer.backordered)]
    told = [f"{claim_words(line)} has {legs_words(legs, waits)}" for line, legs, waits in states]
    return f"; {', '.join(told)}" if told else ""


def legs_words(legs: Sequence[LegState], backordered: int) -> str:
    """`2 held at YORK, 1 firm at LEEDS, 3 awaited`; `nothing`."""
    told = [f"{leg.reserved} held at {leg.location}" for leg in legs if leg.reserved]
    told += [f"{leg.allocated} firm at {leg.location}" for leg in legs if leg.allocated]
    told += [f"{backordered} awaited"] if backordered else []
    return ", ".join(told) or "nothing"


def notice_words(answer: Answer) -> str:
    """What became of a claim through somebody else's record."""
    what, claim = f"{answer.quantity} {answer.sku}", claim_words(answer.line)
    match answer.status:
        case Status.MOVED:
            return f"{what} of {claim} moved from {answer.from_location} to {answer.location}"
        case Status.COVERED:
            return f"{what} that {claim} waited for are at {answer.location}"
        case Status.EXPIRED:
            return f"the hold on {what} of {claim} ended by time"
        case _:
            return f"{what} of {claim} at {answer.location} gave way"


def candidate_sentences(answer: Answer) -> tuple[str, ...]:
    """The places that the ledger weighed, the best first, with the terms that sum to the cost of each."""
    return tuple([candidate_words(candidate) for candidate in answer.candidates])


def candidate_words(candidate: Candidate) -> str:
    """`YORK, 5 free: 231 = 31 distance + 200 zone`."""
    terms = " + ".join(f"{term.cost} {term.term}" for term in candidate.terms if term.cost)
    return f"{candidate.location}, {candidate.atp} free: {candidate.cost}{f' = {terms}' if terms else ''}"


# -- what was decided --------------------------------------------------------------------------------------------------


def routing_sentence(routing: Routing) -> str:
    """What was decided about a line, and why."""
    what = f"line {routing.line}: {routing.quantity} {routing.sku}"
    why = reason_words(routing.reason)
    match routing.type:
        case RoutingType.ALLOCATED:
            return f"{what} from {routing.to_location}"
        case RoutingType.SPLIT:
            return f"{what}, split, for no single place had all of it: {places_words(routing.places)}"
        case RoutingType.REROUTED if routing.from_location is not None:
            return f"{what} moved from {routing.from_location} to {routing.to_location}{why}"
        case RoutingType.REROUTED:
            return f"{what} now from {routing.to_location}{why}"
        case RoutingType.BACKORDERED:
            return f"{what} must be waited for{why}"
        case RoutingType.COVERED:
            return f"{what} that were waited for, from {routing.to_location}"
        case RoutingType.UNFILLABLE:
            return f"{what} cannot be had{why}"
        case RoutingType.SLA_AT_RISK:
            return f"{what} may come later than promised{why}"
        case _:
            return f"{what} {routing.type.value.lower()}{why}"


def places_words(places: Sequence[Place]) -> str:
    """`2 at LEEDS, 1 at YORK`."""
    return ", ".join(f"{place.quantity} at {place.location}" for place in places)

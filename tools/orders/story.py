"""The story of one order: every record that was heard of it, what followed, and why.

The router's decisions are folded once more from its records, with the same code and the policy of the topology: the log
does not say what was asked of the ledger, and why a record had no effect, but both follow from it. What the topic of
routing says must follow as well; where it does not (the policy was another one then), the story says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from agents.inventory.channels import References
from agents.inventory.distances import sends_to
from agents.inventory.orders.costs import shipment_cost, shipment_terms
from agents.inventory.orders.decide import decide_order
from agents.inventory.orders.rows import ORDERS, Order, OrderArrival, OrderDecision, OrderPolicy, Stage
from agents.inventory.orders.words import OrderKind, OrderRecord, PlannedLine, Routing
from agents.inventory.transactions import Transaction
from tools.orders.reading import Heard
from tools.orders.sentences import answer_sentences, ask_sentence, candidate_sentences, moment, named, record_sentence
from tools.orders.sentences import routing_sentence as said

TERM_WORDS = {"parcel": "for the parcel", "distance": "km", "border": "for the border", "zone": "for the zone"}
"""How the terms of a shipment's cost are told."""


class Chapter(msgspec.Struct, frozen=True, kw_only=True):
    """One record, what it says, and what followed from it."""

    at_ms: int
    cause: str
    kind: OrderKind
    told: str
    """What the record says, as a sentence."""
    why: tuple[str, ...] = ()
    """What it was weighed by: levels that were read, costs, candidates."""
    said: tuple[str, ...] = ()
    """What the router decided and told: allocated, split, rerouted ..."""
    asked: tuple[str, ...] = ()
    """What it asked of the ledger."""
    stage: Stage | None = None
    """How far the order was after it; None if it was not known."""
    ignored: str | None = None
    """Why it had no effect."""


class Story(msgspec.Struct, frozen=True):
    """The chapters, and whether they are exactly what was published."""

    chapters: tuple[Chapter, ...]
    is_exact: bool


class _Rows:
    """The rows of one order, and the references that are known."""

    def __init__(self, references: References) -> None:
        self.known: Order | None = None
        self._references = references

    def references(self) -> References:
        return self._references

    def order(self, order_id: str) -> Order | None:  # noqa: ARG002 - there is one
        return self.known

    def apply(self, decision: OrderDecision) -> None:
        for (table, _), row in decision.changes.items():
            if table == ORDERS:
                assert row is None or isinstance(row, Order)
                self.known = row


def story_of(heard: Sequence[Heard], routings: Sequence[Routing], policy: OrderPolicy, references: References) -> Story:
    """Tell an order from its records. `routings` is what was published of it; it counts where a fold differs."""
    rows, asks = _Rows(references), dict[str, Transaction]()
    chapters: list[Chapter] = []
    folded: list[Routing] = []
    for each in heard:
        decision = decide_order(rows, OrderArrival(each.record, each.cause, each.at_ms), policy)
        published = [routing for routing in routings if routing.event_id.rpartition("-")[0] == each.cause]
        before = rows.known
        rows.apply(decision)
        folded += decision.routings
        chapters.append(_chapter(each, decision, published, before, rows.known, asks, references))
        asks |= {transaction.transaction_id: transaction for transaction in decision.transactions}
    return Story(tuple(chapters), {each.event_id for each in folded} == {each.event_id for each in routings})


def _chapter(
    each: Heard,
    decision: OrderDecision,
    published: Sequence[Routing],
    before: Order | None,
    after: Order | None,
    asks: Mapping[str, Transaction],
    references: References,
) -> Chapter:
    record = each.record
    told, why = record_sentence(record), tuple[str, ...]()
    if record.kind is OrderKind.PLAN and before is not None:
        told, why = plan_sentences(record, before, references)
    elif record.answer is not None:
        told = answer_sentences(record.answer, asks.get(record.answer.transaction_id))
        why = candidate_sentences(record.answer)
    return Chapter(
        at_ms=each.at_ms,
        cause=each.cause,
        kind=record.kind,
        told=told,
        why=why,
        said=tuple([said(routing) for routing in published or decision.routings]),
        asked=tuple([ask_sentence(transaction) for transaction in decision.transactions]),
        stage=None if after is None else after.stage,
        ignored=decision.ignored,
    )


# -- why a plan chose what it chose ------------------------------------------------------------------------------------


def plan_sentences(record: OrderRecord, order: Order, references: References) -> tuple[str, tuple[str, ...]]:
    """What a plan says, and what it was weighed by: the levels that it read, and what a shipment from each place costs."""
    first = list(dict.fromkeys(line.locations[0] for line in record.plan if line.locations))
    if not first:
        return f"attempt {record.attempt} is planned: no place has any of it, the ledger is asked all the same", ()
    shipments = "one shipment" if len(first) == 1 else f"{len(first)} shipments"
    told = f"attempt {record.attempt} is planned: {shipments}, from {named(first)}"
    return told, (*_levels_read(record.plan, order), *_costs(record.plan, first, order, references))


def _levels_read(plan: Sequence[PlannedLine], order: Order) -> list[str]:
    wanted = {line.line: line for line in order.lines}
    found: list[str] = []
    for line in plan:
        if line.line not in wanted:
            continue
        read = ", ".join(f"{each.location} {each.atp} free (revision {each.revision})" for each in line.read)
        ranked = ", else ".join(line.locations) or "nowhere"
        ordered = wanted[line.line]
        found.append(f"line {line.line}, {ordered.quantity} {ordered.sku}: {ranked}; it read {read or 'no levels'}")
    return found


def _costs(plan: Sequence[PlannedLine], first: Sequence[str], order: Order, references: References) -> list[str]:
    """Costs of the shipments chosen, which sum to that of the plan, and of the other places that were ranked."""
    others = [place for place in dict.fromkeys(p for line in plan for p in line.locations) if place not in first]
    found = [f"a shipment from {place} costs {_cost_terms(place, order, references)}" for place in [*first, *others]]
    costs = [shipment_cost(references.location(place), order.destination) for place in first]
    if len(first) > 1:
        found.append(f"together {' + '.join(map(str, costs))} = {sum(costs)}; fewest shipments count first, then cost")
    else:
        found.append(_why_one(plan, first[0], order, references))
    return found


def _why_one(plan: Sequence[PlannedLine], chosen: str, order: Order, references: References) -> str:
    """Why one place sends it all: by the levels that were read, and by cost."""
    wanted = {line.line: line.quantity for line in order.lines}
    covers = [{read.location for read in line.read if read.atp >= wanted.get(line.line, 0)} for line in plan]
    whole = sorted(set.intersection(*covers)) if covers else []
    if chosen not in whole:
        return f"no place has every line; {chosen} has {sum(chosen in each for each in covers)} of {len(plan)}, none has more"
    if whole == [chosen]:
        return f"only {chosen} has every line: fewest shipments count first"
    cost = shipment_cost(references.location(chosen), order.destination)
    dearer = all(
        shipment_cost(references.location(other), order.destination) > cost for other in whole if other != chosen
    )
    return (
        f"{named(whole)} have every line; {chosen} {'costs least' if dearer else 'costs no more, and is first by name'}"
    )


def _cost_terms(location: str, order: Order, references: References) -> str:
    """`231 = 200 for the parcel + 31 km`; kilometres, and what is worth as many of them."""
    place, destination = references.location(location), order.destination
    cost = shipment_cost(place, destination)
    if destination is None:
        return f"{cost}: the order says not where it goes"
    if place is None:
        return f"{cost}: no LOCATION record says where {location} lies"
    if not sends_to(place, destination):
        return f"{cost}: it does not send there"
    terms = " + ".join(f"{term.cost} {TERM_WORDS[term.term]}" for term in shipment_terms(place, destination))
    return f"{cost} = {terms}"


# -- as text -----------------------------------------------------------------------------------------------------------


def chapter_lines(chapter: Chapter) -> list[str]:
    """A chapter as lines of text."""
    lines = [f"{moment(chapter.at_ms)}  {chapter.told}"]
    lines += [f"      because  {each}" for each in chapter.why]
    lines += [f"      decided  {each}" for each in chapter.said]
    lines += [f"      asks     {each}" for each in chapter.asked]
    if chapter.ignored is not None:
        lines.append(f"      without effect: {chapter.ignored}")
    return lines


def plain(chapter: Chapter) -> dict[str, Any]:
    """A chapter as an object for --json."""
    return {**msgspec.structs.asdict(chapter), "kind": chapter.kind.value}

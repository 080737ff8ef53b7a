"""What `onhand promise` reads, and how it tells what it found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from agents.inventory.answers import CostTerm
from agents.inventory.orders.promises import Ask, Promise, PromisedLine, PromisedShipment
from agents.runtime.topology import Topology
from tools.orders.sentences import candidate_words, moment
from tools.scenario.memory_rows import MemoryRows
from tools.what_if.standing import rows_now, with_days


def rows_for(topology: Topology, ask: Ask, seen: Callable[[int], None]) -> MemoryRows:
    """The rows that a promise reads, as of now, from the changelog. Raises TopicMissing."""
    skus = list(dict.fromkeys(line.sku for line in ask.lines))
    return with_days(skus, ask.at_ms, lambda wanted: rows_now(topology, wanted, seen))


# -- for people --------------------------------------------------------------------------------------------------------


def minute(time_ms: int) -> str:
    """A time in UTC, to the minute."""
    return moment(time_ms)[: len("2026-01-05 15:00")]


def headline(found: Promise) -> str:
    """Whether and when all of it is there."""
    if found.arrives_ms is None:
        return "Not all of it can be promised: some units are nowhere, and nobody has announced them."
    count = len(found.shipments)
    shipments = "one shipment" if count == 1 else f"{count} shipments"
    now = "" if found.is_held_now else "; not all of it is there now"
    return f"All of it by {minute(found.arrives_ms)}: {shipments}{now}."


def line_words(line: PromisedLine) -> str:
    """When one line is there, and what of it comes later or never."""
    when = "no date" if line.arrives_ms is None else f"by {minute(line.arrives_ms)}"
    later = [part for part in line.parts if part.from_ms is not None]
    words = [f"line {line.line}: {line.quantity} {line.sku}, {when}"]
    words += [f"{part.quantity} from goods due at {part.location} {minute(part.from_ms or 0)}" for part in later]
    if line.missing:
        words.append(f"{line.missing} are nowhere to be had")
    if line.missing and line.refusal is not None:
        words.append(line.refusal)
    if line.next_receipt_at_ms is not None and not later:
        words.append(f"the next goods are due {minute(line.next_receipt_at_ms)}")
    elif line.missing and line.next_receipt_at_ms is None:
        words.append("none are announced")
    return "; ".join(words)


def why_words(found: Promise) -> list[str]:
    """What chose the places: the costs that the ledger weighed, or those of the plan."""
    told: list[str] = []
    for line in found.lines:
        told += [f"line {line.line}: {candidate_words(candidate)}" for candidate in line.candidates]
    if told:
        return told
    costs = [f"a shipment from {each.location} costs {cost_words(each)}" for each in found.shipments if each.terms]
    if len({line.sku for line in found.lines}) > 1:
        return [*costs, "fewest shipments count first, then what they cost"]
    return ["the policy weighs nothing: the place with most to promise comes first, equal ones by name"]


def cost_words(shipment: PromisedShipment) -> str:
    """`231 = 200 parcel + 31 distance`."""
    return f"{shipment.cost} = {' + '.join(f'{term.cost} {term.term}' for term in shipment.terms)}"


# -- for scripts -------------------------------------------------------------------------------------------------------


def plain(found: Promise) -> dict[str, Any]:
    """A promise as an object for --json."""
    return {
        "at_ms": found.at_ms,
        "arrives_ms": found.arrives_ms,
        "is_held_now": found.is_held_now,
        "lines": [
            {
                **msgspec.structs.asdict(line),
                "parts": [msgspec.structs.asdict(part) for part in line.parts],
                "candidates": [
                    {**msgspec.structs.asdict(candidate), "terms": plain_terms(candidate.terms)}
                    for candidate in line.candidates
                ],
            }
            for line in found.lines
        ],
        "shipments": [{**msgspec.structs.asdict(each), "terms": plain_terms(each.terms)} for each in found.shipments],
    }


def plain_terms(terms: Sequence[CostTerm]) -> list[dict[str, Any]]:
    """The terms of a cost as objects."""
    return [msgspec.structs.asdict(term) for term in terms]

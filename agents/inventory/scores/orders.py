"""What the order router says, counted: which units were had, which lines ended as they were ordered, and how long it took.

Of each ordered unit the first thing that is said counts: that it has a place, that it waits, or that nobody has it. What
becomes of it later (moved elsewhere, covered, lost) is another matter. A row is kept for a line while it is open.
"""

from __future__ import annotations

import msgspec

from agents.inventory.orders.words import Routing, RoutingType
from agents.inventory.scores.rows import SCORED_LINES, Changes, ScoredLine, ScoreRows
from agents.inventory.scores.stock import NOTHING, Scored
from agents.inventory.scores.tallies import Increment, counted
from agents.inventory.scores.words import ALL, Counter, Dimension, subject_of

FILLED = frozenset({RoutingType.ALLOCATED, RoutingType.SPLIT, RoutingType.REROUTED})
"""Units that have a place."""
FIRST_SAID = FILLED | {RoutingType.BACKORDERED, RoutingType.UNFILLABLE, RoutingType.CANCELLED}
ENDING = frozenset({RoutingType.SHIPPED, RoutingType.UNFILLABLE, RoutingType.CANCELLED})


def score_routing(rows: ScoreRows, routing: Routing) -> Scored:
    """Score one event of a line. Changes nothing; the same rows and event always give the same."""
    if routing.type not in FIRST_SAID and routing.type not in ENDING:
        return NOTHING
    key = (routing.order_id, routing.line)
    before: ScoredLine = rows.row(SCORED_LINES, key) or ScoredLine()
    subjects = [ALL] if routing.channel is None else [ALL, subject_of(Dimension.CHANNEL, routing.channel)]
    increments: list[Increment] = []
    line = before
    if routing.type in FIRST_SAID:
        first = max(0, min(routing.quantity, routing.ordered - line.asked))
        line = msgspec.structs.replace(line, asked=line.asked + first)
        if routing.type is not RoutingType.CANCELLED:  # What nobody wants any more was not asked for.
            increments += counted(subjects, routing.at_ms, Counter.UNITS_ASKED, first)
        if routing.type in FILLED:
            increments += counted(subjects, routing.at_ms, Counter.UNITS_FILLED, first)
    line = ended_units(line, routing)
    changes: Changes = {}
    if line.shipped + line.unfillable + line.cancelled >= routing.ordered:
        increments += ended(line, routing, subjects)
        changes[SCORED_LINES, key] = None
    elif line != before:
        changes[SCORED_LINES, key] = line
    return Scored(changes, increments)


def ended_units(line: ScoredLine, routing: Routing) -> ScoredLine:
    """The line with the units of which this event is the end."""
    quantity = routing.quantity
    if routing.type is RoutingType.SHIPPED:
        return msgspec.structs.replace(line, shipped=line.shipped + quantity)
    if routing.type is RoutingType.UNFILLABLE:
        return msgspec.structs.replace(line, unfillable=line.unfillable + quantity)
    if routing.type is RoutingType.CANCELLED:
        return msgspec.structs.replace(line, cancelled=line.cancelled + quantity)
    return line


def ended(line: ScoredLine, routing: Routing, subjects: list[str]) -> list[Increment]:
    """Nothing of the line is open any more. One that was given up before anything of it left is no line that was served."""
    if not line.shipped and not line.unfillable:
        return []
    at_ms = routing.at_ms
    accurate = line.unfillable == 0 and line.shipped + line.cancelled == routing.ordered
    found = [*counted(subjects, at_ms, Counter.LINES_ENDED, 1)]
    found += counted(subjects, at_ms, Counter.LINES_ACCURATE, 1 if accurate else 0)
    if line.shipped and routing.placed_at_ms:
        found += counted(subjects, at_ms, Counter.LINES_SHIPPED, 1)
        seconds = max(0, at_ms // 1_000 - routing.placed_at_ms // 1_000)
        found += counted(subjects, at_ms, Counter.FULFILMENT_SECONDS, seconds)
    return found

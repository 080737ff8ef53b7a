"""Transactions about claims that name several lines of one SKU: they are decided together, in the order sent."""

from __future__ import annotations

from collections.abc import Callable

from agents.inventory.draft import Draft
from agents.inventory.outcomes import LineOutcome, Outcome, accept, refuse
from agents.inventory.places import holder_of, lines_of
from agents.inventory.refusals import PRECEDENCE, Refusal

LineRule = Callable[[Draft, str, int, int | None], Outcome]
"""(draft, holder, line, units or None for all) -> what becomes of that line."""


def decide_lines(draft: Draft, rule: LineRule, *, partly: bool) -> Outcome:
    """Decide every line; `partly`: a line that is refused is passed over as long as another one takes effect.

    Otherwise the first reason that applies to any of them refuses all, and nothing is done.
    """
    holder, lines = holder_of(draft.transaction), lines_of(draft.transaction)
    for _, quantity in lines:
        if quantity is not None and quantity <= 0:
            return refuse(Refusal.QUANTITY_NOT_POSITIVE)
    if len(lines) == 1:
        return rule(draft, holder, *lines[0])
    mark = draft.mark()
    outcomes = [rule(draft, holder, *line) for line in lines]
    refused = [each for each in outcomes if each.refusal is not None]
    shortfall = sum([each.shortfall for each in outcomes])
    if refused and (not partly or len(refused) == len(outcomes)):
        draft.rewind(mark)
        first = min(refused, key=lambda each: PRECEDENCE.index(each.refusal or Refusal.INSUFFICIENT_ATP))
        short = shortfall if first.refusal in {Refusal.INSUFFICIENT_ATP, Refusal.CHANNEL_QUOTA} else 0
        return refuse(first.refusal or Refusal.INSUFFICIENT_ATP, short, first.location)
    said = [LineOutcome(line, each.quantity, each.shortfall) for (line, _), each in zip(lines, outcomes, strict=True)]
    first = next(each for each in outcomes if each.refusal is None)
    return accept(sum([each.quantity for each in outcomes]), shortfall, first.location, said)

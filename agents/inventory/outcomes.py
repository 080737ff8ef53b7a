"""What a rule says about one transaction: it takes effect, or it is refused with the first reason that applies."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agents.inventory.refusals import Refusal


class LineOutcome(msgspec.Struct, frozen=True, gc=False):
    """What became of one line."""

    line: int
    quantity: int = 0
    """Units it took effect on."""
    shortfall: int = 0


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """The verdict of one rule. What it posted stands in the draft; a refusal has posted nothing."""

    refusal: Refusal | None = None
    quantity: int = 0
    """Units it took effect on; for COUNT, SNAPSHOT and INBOUND the difference, signed."""
    shortfall: int = 0
    """Units missing; with `partial` also of an accepted claim."""
    location: str | None = None
    """Where it took effect, if the transaction did not say."""
    silent: bool = False
    """Accepted, but nothing is posted or published beside the answer."""
    lines: Sequence[LineOutcome] = ()
    """What became of each line of a claim."""


def accept(
    quantity: int = 0, shortfall: int = 0, location: str | None = None, lines: Sequence[LineOutcome] = ()
) -> Outcome:
    """The transaction takes effect on `quantity` units."""
    return Outcome(None, quantity, shortfall, location, False, lines)


def refuse(refusal: Refusal, shortfall: int = 0, location: str | None = None) -> Outcome:
    """The business says no."""
    return Outcome(refusal, 0, shortfall, location)


def accept_silently() -> Outcome:
    """The transaction is fine and changes nothing."""
    return Outcome(silent=True)

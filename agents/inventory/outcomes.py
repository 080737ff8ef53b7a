"""What a rule says about one transaction: it takes effect, or it is refused with the first reason that applies."""

from __future__ import annotations

import msgspec

from agents.inventory.refusals import Refusal


class Outcome(msgspec.Struct, frozen=True, gc=False):
    """The verdict of one rule. What it posted stands in the draft; a refusal has posted nothing."""

    refusal: Refusal | None = None
    quantity: int = 0
    """Units it took effect on; for COUNT the difference, signed."""
    shortfall: int = 0
    """Units missing; with `partial` also of an accepted claim."""
    location: str | None = None
    """Where it took effect, if the transaction did not say."""


def accept(quantity: int = 0, shortfall: int = 0, location: str | None = None) -> Outcome:
    """The transaction takes effect on `quantity` units."""
    return Outcome(None, quantity, shortfall, location)


def refuse(refusal: Refusal, shortfall: int = 0, location: str | None = None) -> Outcome:
    """The business says no."""
    return Outcome(refusal, 0, shortfall, location)

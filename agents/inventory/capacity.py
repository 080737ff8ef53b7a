"""The daily capacity of a place as stock: shipments that can leave on one day, claimed like any line.

A place and a day are a SKU of their own, `capacity:<location>:<YYYY-MM-DD>`, whose units are shipments and lie at that
place. The ledger needs no rule for it: a full day refuses `insufficient_atp`, a cancelled order releases its claim, and
what has left is shipped.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agents.inventory.channels import References
from agents.inventory.hours import dispatch_date
from agents.inventory.transactions import Kind, Transaction

PREFIX = "capacity:"
DATE_LENGTH = len("YYYY-MM-DD")


class CapacityLine(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The claim of one shipment: of its holder, the order, at this place only."""

    sku: str
    location: str
    line: int = 1
    """Always the first: an order takes the day of a place once, however many lines leave with the shipment."""
    quantity: int = 1


def capacity_sku(location: str, date: str) -> str:
    """The SKU that stands for the capacity of a place on a day."""
    return f"{PREFIX}{location}:{date}"


def place_and_date(sku: str) -> tuple[str, str] | None:
    """The place and the day that a SKU stands for; None for goods."""
    location, colon, date = sku[len(PREFIX) :].rpartition(":")
    return (location, date) if sku.startswith(PREFIX) and colon and location and len(date) == DATE_LENGTH else None


def capacity_lines(
    locations: Sequence[str], references: References, channel: str | None, at_ms: int
) -> tuple[CapacityLine, ...]:
    """What an order claims beside its goods: of each place that sends and has a limit one shipment on its dispatch day.

    `locations` are the places that the order's lines are to leave from, in any order and with repetition; the claims
    are by place. `at_ms` is when the goods are claimed.
    """
    lines: list[CapacityLine] = []
    sold_by = None if channel is None else references.channel(channel)
    for location in sorted(dict.fromkeys(locations)):
        place = references.location(location)
        if place is not None and place.daily_capacity is not None:
            lines.append(CapacityLine(capacity_sku(location, dispatch_date(place, sold_by, at_ms)), location))
    return tuple(lines)


def capacity_change(location: str, date: str, old: int, new: int, at_ms: int, source: str) -> Transaction | None:
    """The transaction that makes the capacity of a day `new` shipments, where it was `old` (0 = none was said); or None.

    A signed correction, so that what is claimed already counts; claims beyond a lowered capacity yield. The same change
    at the same time is the same transaction.
    """
    if old == new:
        return None
    return Transaction(
        transaction_id=f"capacity-{old}-{new}-{at_ms}",
        source=source,
        kind=Kind.ADJUST,
        sku=capacity_sku(location, date),
        occurred_at_ms=at_ms,
        location=location,
        quantity=new - old,
        reason="capacity",
    )

"""The daily capacity of a place as stock: shipments that can leave on one day, claimed like any line.

A place and a day are a SKU of their own, `capacity:<location>:<YYYY-MM-DD>`, whose units are shipments and lie at that
place. A full day refuses `insufficient_atp`, a cancelled order releases its claim, and what has left is shipped. How the
shipments of a day come on the books is said in capacity_days.py; who claims them in orders/slots.py.
"""

from __future__ import annotations

from agents.inventory.hours import sends_on
from agents.inventory.transactions import Item, LocationReference
from agents.inventory.units import day_of_date

PREFIX = "capacity:"
DATE_LENGTH = len("YYYY-MM-DD")

CATEGORY = "capacity"
CAPACITY_ITEM = Item(unit="shipment", category=CATEGORY)
"""The reference of such a SKU."""


def is_capacity(sku: str) -> bool:
    """Whether the SKU stands for shipments, and not for goods: nothing to sell, to replenish, or to count as demand."""
    return sku.startswith(PREFIX)


def capacity_sku(location: str, date: str) -> str:
    """The SKU that stands for the capacity of a place on a day."""
    return f"{PREFIX}{location}:{date}"


def place_and_date(sku: str) -> tuple[str, str] | None:
    """The place and the day that a SKU stands for; None for goods."""
    location, colon, date = sku[len(PREFIX) :].rpartition(":")
    return (location, date) if sku.startswith(PREFIX) and colon and location and len(date) == DATE_LENGTH else None


def capacity_on(place: LocationReference | None, date: str) -> int | None:
    """Shipments that can leave the place on a local day: 0 where it does not work then; None where there is no limit.

    0 as well for what is no date.
    """
    if place is None or place.daily_capacity is None:
        return None
    try:
        day = day_of_date(date)
    except ValueError:
        return 0
    return place.daily_capacity if sends_on(place, day) else 0

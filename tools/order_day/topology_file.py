"""The topology that a day runs on: the one in force, with the fifty places and the weights by which the ledger chooses."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from agents.inventory.transactions import LocationReference
from tools.order_day.day import TO_ORDER

BACKORDER_LIMIT = 200
HOLDS = {"reservation_ttl": "2h", "payment_window": "12h"}
"""The day is played faster than it was, and slower than a shop would: no hold is to end because the machine is slow."""
WEIGHT = 1
"""So the ledger's costs are those of a plan: a kilometre is a cent, and zones say cents."""


def write_topology(base: Path, target: Path, places: Iterable[LocationReference]) -> None:
    """The topology of `base` for a day at these places."""
    values: dict[str, Any] = yaml.safe_load(base.read_text(encoding="utf-8"))
    default, *others = values["policies"]
    to_order = {
        "rule": TO_ORDER,
        "category": TO_ORDER,
        "backorder": "limit",
        "backorder_limit": BACKORDER_LIMIT,
    }
    values["policies"] = [{**default, "distance_weight": WEIGHT, "zone_weight": WEIGHT}, *others, to_order]
    values["locations"] = [location_of(place) for place in places]
    values["orders"] = {**values["orders"], **HOLDS}
    target.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")


def location_of(place: LocationReference) -> dict[str, Any]:
    """The entry of a place."""
    entry = {
        "location": place.location,
        "kind": place.kind,
        "pickup": place.pickup,
        "country": place.country,
        "latitude_tenths": place.latitude_tenths,
        "longitude_tenths": place.longitude_tenths,
        "zones": [{"country": zone.country, "cost": zone.cost, "days": zone.days} for zone in place.zones],
    }
    return entry if place.daily_capacity is None else {**entry, "daily_capacity": place.daily_capacity}

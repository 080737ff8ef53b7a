"""Fifty places where goods lie: nine warehouses and forty-one stores, at real coordinates; and where shoppers live.

Costs are in cents: a parcel costs 200 and a kilometre 1 (`agents/inventory/orders/costs.py`), and the zone of the place says
what the carrier takes for a parcel abroad beside that.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import msgspec

from agents.inventory.transactions import LocationReference, Zone

WAREHOUSE, STORE = "warehouse", "store"


class Town(NamedTuple):
    """A place on the map, in tenths of degrees north and east."""

    name: str
    country: str
    north: int
    east: int
    people: int
    """In ten thousands, roughly: how likely a shopper lives there; 0 = a warehouse in the fields."""


WAREHOUSES = (
    Town("DAVENTRY", "GB", 523, -12, 0),
    Town("DONCASTER", "GB", 535, -11, 0),
    Town("THURROCK", "GB", 515, 3, 0),
    Town("LIVINGSTON", "GB", 559, -35, 0),
    Town("AVONMOUTH", "GB", 515, -27, 0),
    Town("DUBLIN", "IE", 533, -63, 0),
    Town("VENLO", "NL", 514, 62, 0),
    Town("LEIPZIG", "DE", 514, 124, 0),
    Town("LYON", "FR", 458, 48, 0),
)

STORES = (
    Town("LONDON", "GB", 515, -1, 600),
    Town("CROYDON", "GB", 514, -1, 280),
    Town("BIRMINGHAM", "GB", 525, -19, 260),
    Town("MANCHESTER", "GB", 535, -22, 270),
    Town("LEEDS", "GB", 538, -15, 180),
    Town("GLASGOW", "GB", 559, -43, 120),
    Town("EDINBURGH", "GB", 560, -32, 55),
    Town("LIVERPOOL", "GB", 534, -30, 90),
    Town("SHEFFIELD", "GB", 534, -15, 70),
    Town("NEWCASTLE", "GB", 550, -16, 80),
    Town("NOTTINGHAM", "GB", 530, -11, 75),
    Town("LEICESTER", "GB", 526, -11, 55),
    Town("CARDIFF", "GB", 515, -32, 45),
    Town("BELFAST", "GB", 546, -59, 60),
    Town("SOUTHAMPTON", "GB", 509, -14, 85),
    Town("PLYMOUTH", "GB", 504, -41, 26),
    Town("NORWICH", "GB", 526, 13, 22),
    Town("CAMBRIDGE", "GB", 522, 1, 16),
    Town("OXFORD", "GB", 518, -13, 17),
    Town("BRIGHTON", "GB", 508, -1, 47),
    Town("READING", "GB", 515, -10, 32),
    Town("YORK", "GB", 540, -11, 20),
    Town("HULL", "GB", 537, -3, 31),
    Town("EXETER", "GB", 507, -35, 13),
    Town("ABERDEEN", "GB", 571, -21, 22),
    Town("INVERNESS", "GB", 575, -42, 7),
    Town("SWANSEA", "GB", 516, -39, 30),
    Town("CARLISLE", "GB", 549, -29, 8),
    Town("CANTERBURY", "GB", 513, 11, 15),
    Town("IPSWICH", "GB", 521, 12, 18),
    Town("CORK", "IE", 519, -85, 20),
    Town("AMSTERDAM", "NL", 524, 49, 110),
    Town("BRUSSELS", "BE", 508, 44, 120),
    Town("PARIS", "FR", 489, 23, 220),
    Town("BORDEAUX", "FR", 448, -6, 80),
    Town("BERLIN", "DE", 525, 134, 360),
    Town("HAMBURG", "DE", 536, 100, 180),
    Town("MUNICH", "DE", 481, 116, 150),
    Town("MADRID", "ES", 404, -37, 320),
    Town("LISBON", "PT", 387, -91, 55),
    Town("MILAN", "IT", 455, 92, 140),
)

TOWNS_WITHOUT_STORE = (
    Town("DUBLIN CITY", "IE", 533, -62, 110),
    Town("VIENNA", "AT", 482, 164, 190),
    Town("ZURICH", "CH", 474, 85, 40),
    Town("STOCKHOLM", "SE", 593, 181, 160),
    Town("OSLO", "NO", 599, 108, 100),
    Town("COPENHAGEN", "DK", 557, 126, 130),
    Town("HELSINKI", "FI", 602, 249, 120),
    Town("WARSAW", "PL", 522, 210, 180),
)

COUNTRIES: Mapping[str, str] = MappingProxyType(
    {
        "United Kingdom": "GB",
        "Germany": "DE",
        "France": "FR",
        "EIRE": "IE",
        "Belgium": "BE",
        "Netherlands": "NL",
        "Spain": "ES",
        "Portugal": "PT",
        "Italy": "IT",
        "Switzerland": "CH",
        "Austria": "AT",
        "Sweden": "SE",
        "Norway": "NO",
        "Denmark": "DK",
        "Finland": "FI",
        "Poland": "PL",
    }
)
"""The countries of the profile that are delivered to; the rest of the world, one invoice in fifty, is left out."""

AT_HOME_CENTS, ABROAD_CENTS = 0, 1_300
HOME_DAYS, ABROAD_DAYS = 1, 4
STORE_SHARE_OF_CAPACITY = 20
"""A store can pack one in so many of the day's orders: far more than it will be asked for, except the nearest to many."""


def towns() -> tuple[Town, ...]:
    """Where shoppers live."""
    return (*STORES, *TOWNS_WITHOUT_STORE)


def references(orders: int, *, with_capacity: bool = False) -> tuple[LocationReference, ...]:
    """The fifty places of a day of so many orders. Stores can be collected from; with `with_capacity` they pack so many."""
    capacity = max(10, orders // STORE_SHARE_OF_CAPACITY) if with_capacity else None
    warehouses = [_reference(town, WAREHOUSE) for town in WAREHOUSES]
    stores = [msgspec.structs.replace(_reference(town, STORE), pickup=True, daily_capacity=capacity) for town in STORES]
    return (*warehouses, *stores)


def _reference(town: Town, kind: str) -> LocationReference:
    return LocationReference(
        location=town.name,
        kind=kind,
        country=town.country,
        latitude_tenths=town.north,
        longitude_tenths=town.east,
        zones=(
            Zone(town.country, cost=AT_HOME_CENTS, days=HOME_DAYS),
            Zone("*", cost=ABROAD_CENTS, days=ABROAD_DAYS),
        ),
    )

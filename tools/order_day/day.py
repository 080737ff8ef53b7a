"""The day itself, from a seed: its orders one after the other, what becomes of each, and the stock of every place.

What is bought, how many articles and units, at which hour and in which country follows the profile of a real shop. What it
does not say is made up: where in the country, which orders are collected, paid late, cancelled or found short, and where
the goods lie.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from functools import cached_property

import msgspec

from agents.inventory.channels import Method
from agents.inventory.orders.words import OrderedLine, OrderKind, OrderRecord
from agents.inventory.transactions import Destination
from tools.order_day.places import COUNTRIES, STORES, WAREHOUSES, Town, towns
from tools.order_day.profile import Drawn, popularity, read_profile

SHOP = "shop"
CHANNEL = "web"
MOST_LINES, MOST_UNITS = 5, 48
"""Invoices of the shop are wholesale: 26 articles on average. Those of up to five articles stand for a shopper's order."""
MINUTES = 60
JITTER_TENTHS = 4
"""Shoppers live so many tenths of a degree around their town."""

PICKUPS, PARTIAL, PAID_LATE, NEVER_PAID = 0.06, 0.5, 0.10, 0.005
CANCELLED_AT_ONCE, CANCELLED_LATER, UNCOLLECTED = 0.01, 0.02, 0.1
PICKED, SHORT_PICKED = 0.25, 0.015

SCARCE, TIGHT = 0.05, 0.20
"""Shares of articles of which the day asks for more than there is, or for nearly all there is."""
MADE_TO_ORDER = 0.02
"""Share of articles that may be backordered."""
TO_ORDER = "made_to_order"
"""The category of those."""
FEWEST_PLACES, MOST_PLACES, UNITS_PER_PLACE = 2, 14, 6
WAREHOUSE_SHARE = 8
"""A warehouse has so many times what a store has of an article."""


class Course(msgspec.Struct, frozen=True, array_like=True):
    """What shopper and warehouse will do with an order, if it comes that far."""

    pays: bool = True
    cancels_at_once: bool = False
    cancels_later: bool = False
    """When it is confirmed."""
    collects: bool = True
    is_picked: bool = False
    """The warehouse tells of picking."""
    is_short: bool = False
    """Fewer than promised of its first line are found."""


class DayOrder(msgspec.Struct, frozen=True):
    """One order of the day."""

    minute: int
    """Of the day."""
    placed: OrderRecord
    course: Course


class Day:
    """One day. The same seed and size always give the same."""

    def __init__(self, orders: int, skus: int, seed: int = 1) -> None:
        self.size, self.skus, self.seed = orders, skus, seed
        self._profile = read_profile()
        self._popularity = Drawn(popularity(self._profile, skus))
        up_to = {number: count for number, count in self._profile.lines.items() if number <= MOST_LINES}
        self._lines = Drawn(up_to)
        self._quantities = Drawn({n: count for n, count in self._profile.quantities.items() if n <= MOST_UNITS})
        known = {COUNTRIES[name]: n for name, n in self._profile.countries.items() if name in COUNTRIES}
        self._countries = Drawn(known)
        self._towns = {
            country: Drawn({town: town.people for town in towns() if town.country == country and town.people})
            for country in known
        }
        self._stores = Drawn({town.name: town.people for town in STORES if town.country == "GB"})

    def orders(self) -> Iterator[DayOrder]:
        """All of them, in the order of the day."""
        rng = random.Random(f"orders-{self.seed}")
        hours = Drawn(self._profile.hours)
        minutes = sorted([hours.draw(rng) * MINUTES + rng.randrange(MINUTES) for _ in range(self.size)])
        for number, minute in enumerate(minutes, 1):
            yield self._order(number, minute, rng)

    def _order(self, number: int, minute: int, rng: random.Random) -> DayOrder:
        lines = self._drawn_lines(rng)
        is_pickup = rng.random() < PICKUPS
        country = "GB" if is_pickup else self._countries.draw(rng)
        paid_late, pays = rng.random() < PAID_LATE, rng.random() >= NEVER_PAID
        placed = OrderRecord(
            record_id="placed",
            source=SHOP,
            kind=OrderKind.PLACED,
            order_id=f"order-{number:06}",
            lines=lines,
            channel=CHANNEL,
            method=Method.PICKUP if is_pickup else Method.SHIPPING,
            pickup_location=self._stores.draw(rng) if is_pickup else None,
            destination=None if is_pickup else self._destination(country, rng),
            partial=rng.random() < PARTIAL,
            max_splits=0 if is_pickup else 1,
            paid=pays and not paid_late,
        )
        chances = [rng.random() for _ in range(5)]
        course = Course(
            pays=pays,
            cancels_at_once=chances[0] < CANCELLED_AT_ONCE,
            cancels_later=chances[1] < CANCELLED_LATER,
            collects=not is_pickup or chances[2] >= UNCOLLECTED,
            is_picked=not is_pickup and chances[3] < PICKED,
            is_short=not is_pickup and chances[4] < SHORT_PICKED,
        )
        return DayOrder(minute, placed, course)

    def _drawn_lines(self, rng: random.Random) -> tuple[OrderedLine, ...]:
        skus = dict.fromkeys(self._popularity.draw(rng) for _ in range(self._lines.draw(rng)))
        return tuple(
            [OrderedLine(line, sku_of(number), self._quantities.draw(rng)) for line, number in enumerate(skus, 1)]
        )

    def _destination(self, country: str, rng: random.Random) -> Destination:
        town = self._towns[country].draw(rng)
        north, east = (at + rng.randint(-JITTER_TENTHS, JITTER_TENTHS) for at in (town.north, town.east))
        return Destination(country, latitude_tenths=north, longitude_tenths=east)

    # -- stock -----------------------------------------------------------------------------------------------------

    @cached_property
    def demand(self) -> Counter[tuple[str, str | None]]:
        """Units that the day asks for, by article and the store that they are collected from (None = shipped)."""
        units: Counter[tuple[str, str | None]] = Counter()
        for each in self.orders():
            for line in each.placed.lines:
                units[line.sku, each.placed.pickup_location] += line.quantity
        return units

    def stock(self) -> dict[tuple[str, str], int]:
        """Units by article and place in the morning. Of most articles there is enough, of some too little."""
        rng = random.Random(f"stock-{self.seed}")
        shipped = {sku: units for (sku, store), units in self.demand.items() if store is None}
        units: Counter[tuple[str, str]] = Counter()
        for sku in map(sku_of, range(self.skus)):
            kind = rng.random()
            enough = rng.uniform(0.5, 0.95) if kind < SCARCE else rng.uniform(1.0, 1.15)
            if kind >= SCARCE + TIGHT:
                enough = rng.uniform(1.4, 3.0)
            needed = shipped.get(sku, 0)
            total = round(enough * needed) + (0 if kind < SCARCE else 1)
            for place, share in self._spread(total, rng).items():
                units[sku, place] += share
        for (sku, store), needed in sorted(self.demand.items(), key=lambda each: (each[0][0], each[0][1] or "")):
            if store is not None and rng.random() >= SCARCE:
                units[sku, store] += needed
        return {key: quantity for key, quantity in sorted(units.items()) if quantity}

    def _spread(self, total: int, rng: random.Random) -> dict[str, int]:
        """So many units over some places, most of them in warehouses."""
        count = max(FEWEST_PLACES, min(MOST_PLACES, total // UNITS_PER_PLACE))
        warehouses = rng.sample(WAREHOUSES, min(len(WAREHOUSES), max(1, count // 3)))
        chosen: list[Town] = [*warehouses, *rng.sample(STORES, count - len(warehouses))]
        weights = {town.name: (WAREHOUSE_SHARE if town in warehouses else 1) * rng.uniform(0.5, 1.5) for town in chosen}
        whole, left = sum(weights.values()), total
        spread: dict[str, int] = {}
        for name, weight in weights.items():
            spread[name] = min(left, round(total * weight / whole))
            left -= spread[name]
        spread[chosen[0].name] += left
        return spread

    def made_to_order(self) -> list[str]:
        """Articles that may be backordered."""
        rng = random.Random(f"to-order-{self.seed}")
        return [sku_of(number) for number in range(self.skus) if rng.random() < MADE_TO_ORDER]


def sku_of(number: int) -> str:
    """The article of a rank in popularity, 0 = the most popular."""
    return f"sku-{number:05}"

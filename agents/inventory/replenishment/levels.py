"""What follows from a velocity: days of cover, the reorder point, the order-up-to level, and how much to order."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from math import isqrt

import msgspec

from agents.inventory.replenishment.rows import (
    DAYS_OF_WEEK,
    DemandRows,
    Outlook,
    ReplenishmentPolicy,
    Seed,
    Supply,
)
from agents.inventory.replenishment.velocity import SCALE, deviation, forecast
from agents.inventory.replenishment.words import Figures, Supplier, Terms

MOST_COVER_DAYS = 365
"""Cover of this many days means as many or more."""
Z_BY_SERVICE_LEVEL = (
    (500, 0), (600, 253), (700, 524), (750, 674), (800, 842), (850, 1_036), (900, 1_282), (920, 1_405), (940, 1_555),
    (950, 1_645), (960, 1_751), (970, 1_881), (975, 1_960), (980, 2_054), (985, 2_170), (990, 2_326), (995, 2_576),
    (998, 2_878), (999, 3_090),
)  # fmt: skip
"""(service level, quantile of the standard normal distribution), both in thousandths."""


class Levels(msgspec.Struct, frozen=True, gc=False):
    """How a SKU is to be kept at a place."""

    terms: Terms
    lead_time_days: int
    reorder_point: int
    """Units: with so many or fewer, on order included, it is time."""
    order_up_to: int
    """Units that an order fills up to."""


def z_of(service_level: int) -> int:
    """Safety factor of a service level, in thousandths; of one between two lines of the table the higher line's."""
    place = bisect_left(Z_BY_SERVICE_LEVEL, (service_level, 0))
    return Z_BY_SERVICE_LEVEL[min(place, len(Z_BY_SERVICE_LEVEL) - 1)][1]


def expected(row: Outlook, days: int, policy: ReplenishmentPolicy) -> int:
    """Demand of the next `days` days, today the first, in thousandths of units."""
    weeks, rest = divmod(days, DAYS_OF_WEEK)
    total = sum([forecast(row, row.day + each, policy) for each in range(rest)])
    return total + weeks * sum([forecast(row, row.day + each, policy) for each in range(DAYS_OF_WEEK if weeks else 0)])


def spread(row: Outlook, days: int, lead_time_deviation_tenths: int, policy: ReplenishmentPolicy) -> int:
    """Standard deviation of the demand of so many days, when their number is uncertain too; thousandths of units.

    It grows faster than the root of the days: the level itself is an estimate, wrong on each of them in the same
    direction. For simple exponential smoothing with weight a the variance of h days is
    `h + a h (h - 1) + a^2 h (h - 1) (2 h - 1) / 6` times that of one day. All of it times the policy's caution.
    """
    pairs, weight = days * (days - 1), policy.smoothing
    millionths = days * SCALE**2 + weight * SCALE * pairs + weight**2 * pairs * (2 * days - 1) // 6
    demand = row.variance_millionths * millionths // SCALE**2 * policy.caution**2 // SCALE**2
    uncertain_days = row.level_thousandths**2 * lead_time_deviation_tenths**2 // 100
    return isqrt(demand + uncertain_days)


def terms_of(sku: str, supply: Supply, location: str, policy: ReplenishmentPolicy) -> Terms:
    """The terms of a SKU at a place: told for the place, else for everywhere, else the narrowest seed, else the policy's."""
    own = next((terms for terms in supply.terms if terms.location == location), None)
    told = own or next((terms for terms in supply.terms if terms.location is None), None)
    if told is not None or not policy.seeds:
        return told or policy.default_terms
    fitting = (seed.terms for seed in policy.seeds if fits(seed, sku, supply.category, location))
    return next(fitting, policy.default_terms)


def fits(seed: Seed, sku: str, category: str | None, location: str) -> bool:
    """Whether a seed speaks of a SKU at a place."""
    return seed.sku in {None, sku} and seed.category in {None, category} and seed.terms.location in {None, location}


def narrowest_first(seeds: Sequence[Seed]) -> tuple[Seed, ...]:
    """The seeds so that the first that fits is the one that counts: a SKU's before a category's, a place's before all."""
    return tuple(sorted(seeds, key=lambda seed: (seed.sku is None, seed.category is None, seed.terms.location is None)))


def supplier_of(terms: Terms, rows: DemandRows, policy: ReplenishmentPolicy) -> Supplier:
    """Who supplies: as was told, else as the policy has it, else one of whom nothing is known."""
    if terms.supplier is None:
        return Supplier("")
    known = rows.supplier(terms.supplier)
    seeded = (each for each in policy.suppliers if each.supplier == terms.supplier)
    return known or next(seeded, Supplier(terms.supplier))


def lead_time_of(terms: Terms, supplier: Supplier) -> int:
    """Days from a request to goods on the shelf: the terms', else the supplier's."""
    return supplier.lead_time_days if terms.lead_time_days is None else terms.lead_time_days


def levels_of(
    sku: str, row: Outlook, supply: Supply, location: str, rows: DemandRows, policy: ReplenishmentPolicy
) -> Levels:
    """Reorder point and order-up-to level of a place."""
    terms = terms_of(sku, supply, location, policy)
    supplier = supplier_of(terms, rows, policy)
    lead = lead_time_of(terms, supplier)
    uncertain = supplier.lead_time_deviation_tenths
    z = z_of(terms.service_level)
    point = level_for(row, lead, z, uncertain, policy)
    return Levels(terms, lead, point, max(point, level_for(row, lead + terms.review_days, z, uncertain, policy)))


def level_for(row: Outlook, days: int, z: int, uncertain_tenths: int, policy: ReplenishmentPolicy) -> int:
    """Units that last for so many days with the safety that z gives, rounded up."""
    return round_up(expected(row, days, policy) + z * spread(row, days, uncertain_tenths, policy) // SCALE)


def round_up(thousandths: int) -> int:
    """Whole units, rounded up."""
    return -(-thousandths // SCALE)


def available(row: Outlook) -> int:
    """Units at the place that may be sold."""
    return row.unpromised


def on_order(row: Outlook) -> int:
    """Units that were requested of a supplier and have not come."""
    return 0 if row.need is None else max(0, row.need.quantity - row.need.received)


def supplied(row: Outlook) -> int:
    """Inventory position without what is on order: units here, on the way, and in transfers that are about to be."""
    return row.unpromised + row.in_transit + sum([each.quantity for each in row.coming if not each.refused])


def days_of_cover(row: Outlook, policy: ReplenishmentPolicy, rise: int = SCALE) -> int:
    """Whole days that the available units last at the velocity, or at `rise` thousandths of it."""
    left, total = available(row) * SCALE, expected(row, DAYS_OF_WEEK, policy) * rise // SCALE
    if total == 0:
        return MOST_COVER_DAYS
    weeks = min(max(0, left) // total, MOST_COVER_DAYS // DAYS_OF_WEEK)
    left -= weeks * total
    days = weeks * DAYS_OF_WEEK
    while days < MOST_COVER_DAYS:
        left -= forecast(row, row.day + days, policy) * rise // SCALE
        if left < 0:
            break
        days += 1
    return days


def order_quantity(missing: int, terms: Terms) -> int:
    """What to order when so many units are missing: whole packs, at least the minimum; 0 where none is missing."""
    if missing <= 0:
        return 0
    pack = max(1, terms.pack_size)
    return -(-max(missing, terms.minimum_order) // pack) * pack


def figures_of(row: Outlook, levels: Levels, policy: ReplenishmentPolicy) -> Figures:
    """The figures that a decision rests on."""
    return Figures(
        daily_thousandths=row.level_thousandths,
        deviation_thousandths=deviation(row),
        available=available(row),
        in_transit=row.in_transit,
        on_order=on_order(row),
        cover_days=days_of_cover(row, policy),
        reorder_point=levels.reorder_point,
        order_up_to=levels.order_up_to,
        lead_time_days=levels.lead_time_days,
        service_level=levels.terms.service_level,
    )

"""The walk over the SKUs that a reference record concerns, as the owner of a partition does it, on rows in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from agents.inventory.offers import Refreshing
from agents.inventory.refreshing import concerns, visit_record
from agents.inventory.rows import POSITIONS, REFRESHING, WALK
from agents.inventory.transactions import Transaction
from tools.scenario.memory_rows import MemoryRows


def visits(rows: MemoryRows) -> Iterator[Transaction]:
    """The visits of the walk under way, in order, each made when those before are decided; the last one ends it."""
    walk = walk_of(rows)
    if walk is None:
        return
    skus = sorted({str(key[0]) for key in rows.tables[POSITIONS]})
    for sku in skus:
        goods = rows.goods(sku)
        category = None if goods is None or goods.item is None else goods.item.category
        last = sku == skus[-1]
        behind = walk.after is not None and sku <= walk.after
        if last or (not behind and concerns(walk.scopes, sku, category, rows)):
            yield visit_record(sku, walk.walk, last=last)


def walk_of(rows: MemoryRows) -> Refreshing | None:
    """The walk under way."""
    return cast("Refreshing | None", rows.row(REFRESHING, (WALK,)))

"""The orders of the demo: the invoices of the bundled month as baskets, and the stock that they need.

Articles, quantities and what was bought together are real. Their stock stands apart from that of the other traffic, in two
warehouses and a store, so that the two counts do not disturb each other: enough of most articles, a few in two halves,
so that a line must come from both, and a few too scarce.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from agents.inventory.channels import Method
from agents.inventory.orders.words import OrderedLine, OrderKind, OrderRecord
from agents.inventory.transactions import Destination, Kind, Transaction
from tools.demo_data.month import Row, read_month
from tools.demo_data.traffic import OPENING, WEB, WMS, Planned

NORTH, SOUTH, STORE = "NORTH", "SOUTH", "STORE"
MOST_LINES = 5
PICKUPS = 1 / 8
PARTIAL = 1 / 2
UNPAID = 1 / 6
HALVED_EVERY, SCARCE_EVERY = 12, 40
SPARE = 20
"""Units more than needed in each warehouse: what one could not find, the other has."""


def baskets(seed: int, most: int, source: str = WEB) -> Iterator[OrderRecord]:
    """Up to `most` orders of two lines or more, in the order of the month; the same seed gives the same."""
    rng = random.Random(seed)
    sales = [row for row in read_month() if row.kind is Kind.SALE]
    placed = 0
    for invoice, rows in groupby(sales, key=lambda row: row.invoice):
        lines = _lines(list(rows))
        if len(lines) < 2:
            continue
        if placed == most:
            return
        placed += 1
        is_pickup = rng.random() < PICKUPS
        yield OrderRecord(
            record_id="placed",
            source=source,
            kind=OrderKind.PLACED,
            order_id=f"order-{placed}-{invoice}",
            lines=lines,
            channel=WEB,
            method=Method.PICKUP if is_pickup else Method.SHIPPING,
            pickup_location=STORE if is_pickup else None,
            destination=None if is_pickup else Destination("GB", "LS"),
            partial=rng.random() < PARTIAL,
            max_splits=0 if is_pickup else 1,
            paid=rng.random() >= UNPAID,
        )


def _lines(rows: Sequence[Row]) -> tuple[OrderedLine, ...]:
    """The first lines of an invoice, an article once."""
    units = Counter[str]()
    for row in rows:
        if row.sku in units or len(units) < MOST_LINES:
            units[row.sku] += row.quantity
    return tuple(
        [OrderedLine(number, f"BASKET-{sku}", quantity) for number, (sku, quantity) in enumerate(units.items(), 1)]
    )


def opening_stock(orders: Sequence[OrderRecord]) -> Iterator[Planned]:
    """A receipt for each article and place."""
    needed, collected = Counter[str](), Counter[str]()
    for order in orders:
        for line in order.lines:
            (needed if order.pickup_location is None else collected)[line.sku] += line.quantity
    for number, sku in enumerate(sorted({*needed, *collected})):
        for place, units in _share(number, needed[sku], collected[sku]).items():
            if units:
                yield _receipt(sku, place, units)


def _share(number: int, needed: int, collected: int) -> dict[str, int]:
    """Units by place."""
    if number % SCARCE_EVERY == 0:
        return {NORTH: needed // 4, SOUTH: needed // 4, STORE: collected // 2}
    if number % HALVED_EVERY == 0:
        return {NORTH: needed // 2 + 1, SOUTH: needed - needed // 2, STORE: collected}
    return {NORTH: needed + SPARE, SOUTH: needed + SPARE, STORE: collected}


def _receipt(sku: str, place: str, units: int) -> Planned:
    receipt = Transaction(
        transaction_id=f"opening-{place}",
        source=WMS,
        kind=Kind.RECEIPT,
        sku=sku,
        location=place,
        quantity=units,
        reason="opening",
    )
    return Planned(0, 0, receipt, OPENING)

"""The bundled month as rows of goods: what moved, where and when."""

from __future__ import annotations

import csv
import datetime as dt
import lzma
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

import msgspec

from agents.inventory.transactions import Kind
from agents.inventory.units import MILLISECONDS_PER_MINUTE

BUNDLED = Path(__file__).parent / "november_2011.csv.xz"
LONGEST_PAUSE_MS = 10 * MILLISECONDS_PER_MINUTE
"""Nights and Sundays are cut down to this."""

_GOODS = re.compile(r"\d{5}|DCGS")
_HOME = frozenset({"United Kingdom", "Channel Islands", "Unspecified"})
_OVERSEAS = frozenset(
    {"Australia", "Bahrain", "Brazil", "Canada", "Hong Kong", "Israel", "Japan", "Lebanon", "RSA", "Saudi Arabia"}
    | {"Singapore", "USA", "United Arab Emirates"}
)


class Row(msgspec.Struct, frozen=True):
    """One line of an invoice, a credit note or a stock adjustment."""

    at_ms: int
    """After the beginning of the month, pauses cut; rises from row to row."""
    invoice: str
    line: int
    """Within the invoice, from 1."""
    sku: str
    location: str
    kind: Kind
    """SALE, RETURN or ADJUST."""
    quantity: int
    """Units; signed for ADJUST."""

    @property
    def change(self) -> int:
        """What it does to the stock."""
        return -self.quantity if self.kind is Kind.SALE else self.quantity


def read_month(path: Path = BUNDLED) -> Sequence[Row]:
    """The rows of goods of the bundled file in their order; postage, charges and the like are left out."""
    with lzma.open(path, "rt", encoding="utf-8", newline="") as lines:
        goods = [row for row in csv.DictReader(lines) if _GOODS.match(row["StockCode"])]
    lines_of: Counter[str] = Counter()
    rows = []
    for at_ms, row in zip(_times([row["InvoiceDate"] for row in goods]), goods, strict=True):
        invoice = row["InvoiceNo"]
        lines_of[invoice] += 1
        kind, quantity = _kind_and_quantity(invoice, int(row["Quantity"]))
        location = place_of(row["Country"])
        rows.append(Row(at_ms, invoice, lines_of[invoice], row["StockCode"].upper(), location, kind, quantity))
    return rows


def place_of(country: str) -> str:
    """The place that serves a country: the same four as in the mapping `uci-online-retail`."""
    if country in _HOME:
        return "LEEDS"
    if country == "EIRE":
        return "DUBLIN"
    return "SINGAPORE" if country in _OVERSEAS else "VENLO"


def largest_deficits(rows: Iterable[Row]) -> dict[tuple[str, str], int]:
    """(sku, location) -> how far the stock would fall below zero if it began at zero; 0 where it would not."""
    level: dict[tuple[str, str], int] = {}
    lowest: dict[tuple[str, str], int] = {}
    for row in rows:
        key = (row.sku, row.location)
        level[key] = level.get(key, 0) + row.change
        lowest[key] = min(lowest.get(key, 0), level[key])
    return {key: -low for key, low in lowest.items()}


def _kind_and_quantity(invoice: str, quantity: int) -> tuple[Kind, int]:
    if invoice.startswith("C"):
        return Kind.RETURN, -quantity
    return (Kind.ADJUST, quantity) if quantity < 0 else (Kind.SALE, quantity)


def _times(moments: Sequence[str]) -> Iterable[int]:
    """The moments as milliseconds from the first, pauses cut; the rows of one minute spread evenly over it."""
    at_ms, previous_ms = 0, None
    for moment, rows in groupby(moments):
        count = sum(1 for _ in rows)
        # The differences are all that matters, so the zone does not.
        now_ms = int(dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC).timestamp()) * 1_000
        if previous_ms is not None:
            at_ms += min(now_ms - previous_ms, LONGEST_PAUSE_MS)
        previous_ms = now_ms
        yield from (at_ms + MILLISECONDS_PER_MINUTE * index // count for index in range(count))

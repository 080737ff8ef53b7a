"""Daily sales of each SKU at each place, read from a file with the columns of UCI Online Retail."""

from __future__ import annotations

import csv
import lzma
import re
from pathlib import Path

import msgspec

from agents.inventory.units import day_of_date
from tools.demo_data.month import place_of

_GOODS = re.compile(r"\d{5}|DCGS")
_DATE = 10
"""Characters of `YYYY-MM-DD`."""


class Series(msgspec.Struct, frozen=True):
    """What was sold of a SKU at a place, day by day."""

    sku: str
    location: str
    first_day: int
    """Of its first sale, counted from 1970-01-01."""
    sold: tuple[int, ...]
    """Units of each day from then until the last day of the file; days without a sale are 0."""


def read_series(path: Path) -> list[Series]:
    """The series of all goods in the file, by SKU and place. Credit notes, write-offs and charges are no sales."""
    sales: dict[tuple[str, str], dict[int, int]] = {}
    days: dict[str, int] = {}
    with lzma.open(path, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            date = row["InvoiceDate"][:_DATE]
            day = days[date] if date in days else days.setdefault(date, day_of_date(date))
            quantity = int(row["Quantity"])
            if quantity <= 0 or not row["InvoiceNo"].isdigit() or not _GOODS.match(row["StockCode"]):
                continue
            of_day = sales.setdefault((row["StockCode"].upper(), place_of(row["Country"])), {})
            of_day[day] = of_day.get(day, 0) + quantity
    last_day = max(days.values(), default=0)
    return [
        Series(sku, place, min(of_day), tuple([of_day.get(day, 0) for day in range(min(of_day), last_day + 1)]))
        for (sku, place), of_day in sorted(sales.items())
    ]

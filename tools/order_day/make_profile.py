"""How profile.json was made of the whole data set. Run once, kept so that anybody can do it again:

python -m tools.order_day.make_profile uci_online_retail.csv.xz
"""

from __future__ import annotations

import csv
import lzma
import re
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import orjson

PROFILE = Path(__file__).parent / "profile.json"
STEPS = 200
"""The curve of popularity is told at (k / STEPS) squared of all articles: finely where few articles are many lines."""
MILLION = 1_000_000
_GOODS = re.compile(r"\d{5}|DCGS")


def profile_of(whole: Path) -> dict[str, Any]:
    """Aggregate figures of all invoices with goods; nothing of a single customer, invoice or article."""
    articles: defaultdict[str, Counter[str]] = defaultdict(Counter)
    hours: dict[str, int] = {}
    countries: dict[str, str] = {}
    with lzma.open(whole, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            invoice, sku = row["InvoiceNo"], row["StockCode"].strip().upper()
            is_sale = int(row["Quantity"]) > 0 and float(row["UnitPrice"]) > 0 and invoice.isdecimal()
            if not is_sale or not _GOODS.match(sku):
                continue
            articles[invoice][sku] += int(row["Quantity"])
            hours[invoice] = int(row["InvoiceDate"][11:13])
            countries[invoice] = row["Country"]
    return {
        "source": "UCI Online Retail (Chen 2015, doi:10.24432/C5BW33), aggregated",
        "licence": "CC BY 4.0",
        "invoices": len(articles),
        "articles": len({sku for bought in articles.values() for sku in bought}),
        "popularity": popularity(Counter(sku for bought in articles.values() for sku in bought)),
        "lines": table(Counter(len(bought) for bought in articles.values())),
        "quantities": table(Counter(units for bought in articles.values() for units in bought.values())),
        "hours": table(Counter(hours.values())),
        "countries": dict(Counter(countries.values()).most_common()),
    }


def popularity(lines_of: Counter[str]) -> list[int]:
    """Of a million lines, those of the most popular articles up to each step."""
    counts = sorted(lines_of.values(), reverse=True)
    total, sums = sum(counts), [0]
    for count in counts:
        sums.append(sums[-1] + count)
    return [round(MILLION * at(sums, len(counts) * (step / STEPS) ** 2) / total) for step in range(STEPS + 1)]


def at(sums: list[int], rank: float) -> float:
    """The sum up to a rank that need not be whole."""
    whole = int(rank)
    return sums[whole] + (rank - whole) * (sums[min(whole + 1, len(sums) - 1)] - sums[whole])


def table(counts: Counter[int]) -> dict[str, int]:
    """By value."""
    return {str(value): counts[value] for value in sorted(counts)}


if __name__ == "__main__":
    PROFILE.write_bytes(orjson.dumps(profile_of(Path(sys.argv[1])), option=orjson.OPT_INDENT_2) + b"\n")

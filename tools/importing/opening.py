"""Opening stock where the file has none: what must have been there, or the first sales could not have happened.

For every SKU and location the stock is followed through the whole file, from zero. How far it falls below zero at its
lowest point, the largest running deficit, is the least that must have been on the shelf before the first row. That is
what the opening RECEIPT brings: with it no position of the import is ever negative, and one that was short ends as low
as the file allows.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from agents.inventory.transactions import Bucket, Kind, Transaction
from agents.inventory.units import MILLISECONDS_PER_SECOND

SIGNS: Mapping[Kind, int] = {Kind.RECEIPT: 1, Kind.RETURN: 1, Kind.ADJUST: 1, Kind.SALE: -1, Kind.SHIP: -1}
"""How a kind moves `unpromised`; ADJUST is signed itself. Openings cannot be derived from a file with other kinds."""


def opening_receipts(transactions: Iterable[Transaction]) -> Iterator[Transaction]:
    """One RECEIPT for each SKU and location that was short, ordered by them, dated one second before the first row.

    The id is `opening-<sku>-<location>`, so a repeated import repeats them and the ledger takes each once.
    """
    running: dict[tuple[str, str], int] = {}
    lowest: dict[tuple[str, str], int] = {}
    first_ms: int | None = None
    source = ""
    for transaction in transactions:
        source = transaction.source
        at_ms = transaction.occurred_at_ms
        if at_ms is not None and (first_ms is None or at_ms < first_ms):
            first_ms = at_ms
        key = (transaction.sku, transaction.location or "")
        level = running.get(key, 0) + change_of(transaction)
        running[key] = level
        if level < lowest.get(key, 0):
            lowest[key] = level
    for sku, location in sorted(lowest):
        yield Transaction(
            transaction_id=f"opening-{sku}-{location}",
            source=source,
            kind=Kind.RECEIPT,
            sku=sku,
            location=location,
            occurred_at_ms=(first_ms or 0) - MILLISECONDS_PER_SECOND,
            quantity=-lowest[sku, location],
            reason="opening",
        )


def change_of(transaction: Transaction) -> int:
    """The signed change of `unpromised` by a fact of one of the kinds in SIGNS; 0 if it names another bucket."""
    if transaction.bucket not in {None, Bucket.UNPROMISED}:
        return 0
    return SIGNS.get(transaction.kind, 0) * (transaction.quantity or 0)

"""What a bench publishes: the same records each time, so that both sides of a ratio do the same work."""

from __future__ import annotations

import random
from collections.abc import Iterator

import orjson

from agents.inventory.transactions import Kind, Transaction

KeyValue = tuple[bytes, bytes]
THIN_KEYS = 5_000
LOCATION = "LEEDS"
OPENING_UNITS = 1_000_000


def thin_records(count: int) -> Iterator[KeyValue]:
    """JSON records over 5,000 keys in turn."""
    for number in range(count):
        key = f"key-{number % THIN_KEYS}".encode()
        yield key, orjson.dumps({"i": number, "t": 0})


class LedgerTraffic:
    """Transactions over some SKUs, four of five about claims; none is refused, each changes its SKU's one level once.

    Each SKU goes round: reserve, confirm, reserve, release, till sale. So one claim in two stays open.
    """

    def __init__(self, skus: int, at_ms: int) -> None:
        self.skus = [f"sku-{number}" for number in range(skus)]
        self._at_ms = at_ms
        self._steps = dict.fromkeys(self.skus, 0)

    def opening(self) -> Iterator[Transaction]:
        """The stock of every SKU: revision 1 of its level."""
        for sku in self.skus:
            yield Transaction(
                transaction_id="opening",
                source="wms",
                kind=Kind.RECEIPT,
                sku=sku,
                occurred_at_ms=self._at_ms,
                location=LOCATION,
                quantity=OPENING_UNITS,
            )

    def next_of(self, sku: str) -> tuple[Transaction, int]:
        """The next transaction of that SKU, and the revision that its level has after it."""
        step = self._steps[sku]
        self._steps[sku] = step + 1
        return self._transaction(sku, step), step + 2

    def shuffled(self, count: int, seed: int = 1) -> Iterator[Transaction]:
        """`count` transactions of SKUs drawn at random."""
        draw = random.Random(seed)
        for _ in range(count):
            yield self.next_of(draw.choice(self.skus))[0]

    def _transaction(self, sku: str, step: int) -> Transaction:
        turn, number = divmod(step, 5)
        name = f"t{step}"
        holder = f"order-{turn}-{number // 2}"
        if number in {0, 2}:
            return Transaction(
                transaction_id=name,
                source="web",
                kind=Kind.RESERVE,
                sku=sku,
                location=LOCATION,
                quantity=1 + step % 3,
                holder=holder,
            )
        if number == 1:
            return Transaction(
                transaction_id=name, source="web", kind=Kind.ALLOCATE, sku=sku, holder=holder, confirm=True
            )
        if number == 3:
            return Transaction(transaction_id=name, source="web", kind=Kind.RELEASE, sku=sku, holder=holder)
        return Transaction(
            transaction_id=name,
            source="pos",
            kind=Kind.SALE,
            sku=sku,
            occurred_at_ms=self._at_ms,
            location=LOCATION,
            quantity=1,
        )

"""What upstream systems write: a small trade in a few SKUs, with duplicates, reused ids and bytes that nobody can read."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from agents.inventory.transactions import ORDER_ROUTER, Kind, PolicySettings, Transaction
from agents.runtime.partitioner import partition_of
from tests.simulation.loop import BEGINS_MS
from tests.simulation.setting import CODEC, INPUT, PARTITIONS

PLACES = ("LEEDS", "YORK")
HOLDERS = ("anna", "ben", "carl")
LONGEST_TTL_MS = 5_000
_ENCODE = CODEC.encoder(INPUT, "transaction")


def _skus(partition: int, count: int) -> list[str]:
    """SKUs that live in the partition."""
    found = [f"S{n}" for n in range(40) if partition_of(f"S{n}".encode(), PARTITIONS) == partition]
    return found[:count]


SKUS = [sku for partition in range(PARTITIONS) for sku in _skus(partition, 2)]
_KINDS: list[tuple[Kind, int]] = [
    (Kind.RECEIPT, 5),
    (Kind.SALE, 4),
    (Kind.RETURN, 1),
    (Kind.RESERVE, 7),
    (Kind.ALLOCATE, 3),
    (Kind.RELEASE, 2),
    (Kind.EXTEND, 1),
    (Kind.SHIP, 2),
    (Kind.ADJUST, 1),
    (Kind.QUARANTINE, 1),
]
_DRAWN = [kind for kind, weight in _KINDS for _ in range(weight)]
_POISON: list[bytes | None] = [b"", None, b"\xc3\x01not avro", b"{}", b"\x00\x00\x00\x00\x01zzz"]


class Traffic:
    """Draws what comes next: (key, value, partition it is written to)."""

    def __init__(self, chance: Random, now_ms: Callable[[], int]) -> None:
        self._chance = chance
        self._now_ms = now_ms
        self._number = 0
        self._sent: list[tuple[bytes, bytes]] = []
        self._ids: list[tuple[str, str]] = []

    def rules(self) -> list[tuple[bytes, bytes, int]]:
        """A policy rule, for every partition."""
        settings = PolicySettings(
            rule="default", safety_stock=self._chance.choice((0, 0, 1)), reservation_ttl_ms=LONGEST_TTL_MS
        )
        transaction = Transaction(
            transaction_id=f"policy-{self._number}", source="policy", kind=Kind.POLICY, policy=settings
        )
        self._number += 1
        return [(b"policy:default", _ENCODE(transaction), partition) for partition in range(PARTITIONS)]

    def next(self, poison: float, duplicates: float, astray: float) -> tuple[bytes | None, bytes | None, int]:
        """One record; the figures are how often it is one of these."""
        chance = self._chance.random()
        if chance < poison:
            return self._unreadable()
        if self._sent and chance < poison + duplicates:
            key, value = self._chance.choice(self._sent)
        else:
            key, value = self._transaction()
            self._sent.append((key, value))
        partition = partition_of(key, PARTITIONS)
        if self._chance.random() < astray:
            partition = self._chance.randrange(PARTITIONS)
        return key, value, partition

    def _unreadable(self) -> tuple[bytes | None, bytes | None, int]:
        key: bytes | None = self._chance.choice(SKUS).encode()
        value = self._chance.choice(_POISON)
        partition = partition_of(key or b"", PARTITIONS)
        what = self._chance.randrange(4)
        if what == 0:
            key = self._chance.choice((b"", None))
        elif what == 1:
            _, value = self._transaction()  # under another key than its SKU
            key = self._chance.choice((key, b"policy:default"))
        return key, value, partition

    def _transaction(self) -> tuple[bytes, bytes]:
        chance = self._chance
        kind, sku = chance.choice(_DRAWN), chance.choice(SKUS)
        self._number += 1
        number = f"t{self._number}"
        if self._ids and chance.random() < 0.03:
            sku, number = chance.choice(self._ids)  # the id of another transaction
        self._ids.append((sku, number))
        place: str | None = chance.choice(PLACES)
        quantity: int | None = chance.randint(1, 4) + (6 if kind is Kind.RECEIPT else 0)
        occurred_at_ms: int | None = max(BEGINS_MS, self._now_ms() - chance.choice((0, 0, 700, 4_000)))
        holder, ttl_ms, confirm = None, None, False
        if kind in {Kind.RESERVE, Kind.ALLOCATE, Kind.RELEASE, Kind.EXTEND, Kind.SHIP}:
            holder = chance.choice(HOLDERS)
        if kind in {Kind.RESERVE, Kind.EXTEND}:
            ttl_ms = chance.choice((300, 1_000, 2_500, LONGEST_TTL_MS))
        if kind is Kind.ALLOCATE:
            confirm = chance.random() < 0.6
        if kind in {Kind.RELEASE, Kind.EXTEND} or confirm:
            place, quantity = None, None
        if kind in {Kind.RESERVE, Kind.ALLOCATE, Kind.RELEASE, Kind.EXTEND}:
            occurred_at_ms = None
        if kind is Kind.ADJUST and quantity is not None and chance.random() < 0.5:
            quantity = -quantity
        is_routed = holder is not None and chance.random() < 0.2
        transaction = Transaction(
            transaction_id=number,
            source=ORDER_ROUTER if is_routed else "shop",
            kind=kind,
            sku=sku,
            occurred_at_ms=occurred_at_ms,
            location=place,
            quantity=quantity,
            holder=holder,
            ttl_ms=ttl_ms,
            confirm=confirm,
            order_id=f"order-{holder}" if is_routed else None,
            reason="correction" if kind is Kind.ADJUST else None,
        )
        return sku.encode(), _ENCODE(transaction)

"""Transactions for tests: facts that just happened, claims, each with an id of its own."""

from __future__ import annotations

import time
import uuid
from typing import Any

from agents.inventory.transactions import Kind, Transaction


def now_ms() -> int:
    """The wall clock, for facts that just happened."""
    return time.time_ns() // 1_000_000


def a_transaction(kind: Kind, sku: str, transaction_id: str | None = None, **fields: Any) -> Transaction:
    """A transaction of `kind` with an id of its own; facts happened just now."""
    intention = kind in {Kind.RESERVE, Kind.ALLOCATE, Kind.EXTEND, Kind.RELEASE, Kind.EXPIRE}
    given: dict[str, Any] = {
        "source": "test",
        "transaction_id": transaction_id or uuid.uuid4().hex,
        "location": None if kind is Kind.RELEASE else "LEEDS",
        "occurred_at_ms": None if intention else now_ms(),
        **fields,
    }
    return Transaction(kind=kind, sku=sku, **given)


def receipt(sku: str, quantity: int, transaction_id: str | None = None, **fields: Any) -> Transaction:
    """Units come from the supplier."""
    return a_transaction(Kind.RECEIPT, sku, transaction_id, quantity=quantity, **fields)


def reserve(sku: str, quantity: int, holder: str, transaction_id: str | None = None, **fields: Any) -> Transaction:
    """A soft claim."""
    return a_transaction(Kind.RESERVE, sku, transaction_id, quantity=quantity, holder=holder, **fields)

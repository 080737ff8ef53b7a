"""Short ways to say things in the tests of the core."""

from __future__ import annotations

from typing import Any

from agents.inventory.answers import Answer, Status
from agents.inventory.rows import Arrival, Decision
from agents.inventory.transactions import Kind, Transaction
from tools.scenario.ledger import Ledger
from tools.scenario.words import BEGINS_MS

SKU = "SHOE"
NOTICES = frozenset({Status.EXPIRED, Status.YIELDED, Status.MOVED, Status.COVERED})


def transaction(kind: Kind, quantity: int | None = None, *, number: int = 1, **fields: Any) -> Transaction:
    """A transaction about SHOE, at LEEDS if it needs a place, which occurred at ten."""
    defaults: dict[str, Any] = {"transaction_id": f"t{number}", "source": "shop", "sku": SKU}
    if kind not in {Kind.EXTEND, Kind.RELEASE, Kind.EXPIRE, Kind.POLICY} and not fields.get("confirm"):
        defaults |= {"location": "LEEDS", "occurred_at_ms": BEGINS_MS}
    return Transaction(kind=kind, **(defaults | {"quantity": quantity} | fields))


class Shop(Ledger):
    """A ledger that numbers what it is told."""

    def tell(self, kind: Kind, quantity: int | None = None, **fields: Any) -> Decision:
        """Send a transaction under the next number."""
        self.told = getattr(self, "told", 0) + 1
        return self.send(transaction(kind, quantity, **({"number": self.told} | fields)))


def answer_of(decision: Decision) -> Answer:
    """The answer among answers and notices."""
    return next(answer for answer in decision.answers if answer.status not in NOTICES)


def arrival(told: Transaction, *, offset: int = 0, at_ms: int = BEGINS_MS, **fields: Any) -> Arrival:
    """A transaction as it comes from the log."""
    return Arrival(told, f"topic-3-{offset}", offset, at_ms, b"8 bytes!", **fields)

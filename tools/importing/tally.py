"""What an import counted: every row is a transaction, skipped by a rule, or a dead letter."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

BLANK_LINE = "blank line"


@dataclass
class Tally:
    """The counts of one import. `rows` = the sum of transactions, skipped and dead letters."""

    rows: int = 0
    last_row: int = 0
    transactions: Counter[str] = field(default_factory=Counter)
    """By kind; opening receipts are not among them, for no row stands behind them."""
    opening_receipts: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    """By the reason of the rule."""
    dead_letters: Counter[str] = field(default_factory=Counter)
    """By reason; a reason names the cell, so beyond the first hundred they are counted as `other reasons`."""

    def bury(self, reason: str) -> None:
        """Count a dead letter."""
        known = reason in self.dead_letters or len(self.dead_letters) < 100
        self.dead_letters[reason if known else "other reasons"] += 1

    def as_json(self, seconds: float) -> dict[str, Any]:
        """The object that `--json` prints."""
        return {
            "rows": self.rows,
            "transactions": dict(sorted(self.transactions.items())),
            "opening_receipts": self.opening_receipts,
            "skipped": dict(sorted(self.skipped.items())),
            "dead_letters": self.dead_letters.total(),
            "dead_letter_reasons": dict(self.dead_letters.most_common(20)),
            "seconds": round(seconds, 3),
            "rows_per_s": round(self.rows / seconds) if seconds > 0 else 0,
        }

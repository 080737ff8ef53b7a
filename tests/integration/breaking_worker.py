"""`onhand` with a stock keeper that has bugs, as long as the file named by the variable BROKEN_WHILE is there.

Each transaction of a SKU named `broken...` breaks an invariant, of `bug...` raises, of `ends-badly...` fails at the end of
its chunk. Without the file the program is repaired.
"""

from __future__ import annotations

import os
from pathlib import Path

from agents.codec import Codec
from agents.inventory.invariants import InvariantBroken
from agents.runtime.fold import Fold, FoldContext, InputRecord, Outbox
from agents.runtime.plan import AgentLogic
from agents.runtime.topology import Topology
from agents.state.ledger import LEDGER_TABLES
from agents.stock_keeper import AGENT, LedgerFold, Words
from tests.integration.harness import Stage, Worker
from tools import logics
from tools.cli import main

BROKEN_WHILE = "BROKEN_WHILE"


class BreakingFold(LedgerFold):
    """A ledger with a bug."""

    broken_while = Path(os.environ.get(BROKEN_WHILE, "nowhere"))
    ends_badly = False

    def fold(self, record: InputRecord, at_ms: int, outbox: Outbox) -> None:
        """Breaks the books of some SKUs."""
        key = record.key() or b""
        if key.startswith(b"broken") and self.broken_while.exists():
            raise InvariantBroken(f"the postings of {key.decode()} sum to 1, not to zero")
        if key.startswith(b"bug") and self.broken_while.exists():
            raise ZeroDivisionError("a bug in a decision")
        super().fold(record, at_ms, outbox)
        self.ends_badly = self.ends_badly or (key.startswith(b"ends-badly") and self.broken_while.exists())

    def end_chunk(self, outbox: Outbox) -> None:
        """Fails as a number beyond 64 bits would."""
        ends_badly, self.ends_badly = self.ends_badly, False
        super().end_chunk(outbox)
        if ends_badly:
            raise OverflowError("a number beyond 64 bits")


def breaking_stock_keeper(topology: Topology, codec: Codec) -> AgentLogic:
    """As `agents.stock_keeper.stock_keeper`, with the bug."""
    words = Words(topology, codec)

    def fold_of(context: FoldContext) -> Fold:
        return BreakingFold(context, words)

    return AgentLogic(LEDGER_TABLES, fold_of)


def repairable(stage: Stage, *, partitions: int | None = None) -> tuple[Worker, Path]:
    """A running worker with bugs, and the file that is to be removed to repair it."""
    bugs = stage.root / "bugs"
    bugs.touch()
    worker = stage.worker("1", **{BROKEN_WHILE: str(bugs)})
    worker.program = "tests.integration.breaking_worker"
    return worker.start().until_ready(partitions=partitions), bugs


if __name__ == "__main__":
    logics.LOGICS[AGENT] = breaking_stock_keeper  # type: ignore[index]  # a Mapping for everybody else
    main()

"""The table of faults, runs and results, and its place in docs/operating/faults.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.faults import Fault
from tests.chaos.scene import Outcome

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "operating" / "faults.md"
BEGINS, ENDS = "<!-- chaos: figures of the last `make chaos` -->", "<!-- chaos: end of the figures -->"
HEAD = "| fault | what happens | runs | records | seconds to lag 0 | result |\n|---|---|---|---|---|---|\n"


@dataclass(frozen=True)
class Row:
    """One line of the table: all runs of one fault."""

    fault: Fault
    runs: int
    green: int
    records: int
    """Folded, over all runs."""
    lag_zero_s: float | None
    """The longest; None where it was never reached."""

    @classmethod
    def of(cls, fault: Fault, outcomes: Sequence[Outcome]) -> Row:
        """The outcomes of its runs, summed up."""
        lags = [outcome.lag_zero_s for outcome in outcomes if outcome.lag_zero_s is not None]
        return cls(
            fault,
            len(outcomes),
            sum(not outcome.red for outcome in outcomes),
            sum(outcome.records for outcome in outcomes),
            max(lags, default=None),
        )

    @property
    def line(self) -> str:
        """In Markdown."""
        lag = "-" if self.lag_zero_s is None else f"{self.lag_zero_s:.1f}"
        result = "green" if self.green == self.runs else f"**{self.runs - self.green} red**"
        return f"| `{self.fault.name}` | {self.fault.what} | {self.runs} | {self.records:,} | {lag} | {result} |\n"


def table(rows: Sequence[Row]) -> str:
    """All rows, in Markdown."""
    return HEAD + "".join(row.line for row in rows)


def write(rows: Sequence[Row]) -> None:
    """Put the table between the markers of the page. Raises ValueError where the page has lost them."""
    before, begins, rest = PAGE.read_text(encoding="utf-8").partition(BEGINS)
    _, ends, after = rest.partition(ENDS)
    if not begins or not ends:
        raise ValueError(f"{PAGE} has no place for the table: {BEGINS} ... {ENDS}")
    PAGE.write_text(f"{before}{BEGINS}\n{table(rows)}{ENDS}{after}", encoding="utf-8")

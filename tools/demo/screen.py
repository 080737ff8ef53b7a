"""The live table of the demo."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from agents.inventory.answers import Status
from agents.inventory.positions import StockLevel
from tools.demo.tally import Tally, percentile

LATEST = 2_000
"""Latencies that the live figures are taken from."""
TOP_MOVERS = 5


class Screen:
    """Draws what the tally holds; asked some times a second."""

    def __init__(self, tally: Tally) -> None:
        self.headline = ""
        self._tally = tally
        self._rate = 0.0
        self._answered = 0
        self._at_s = time.monotonic()

    def draw(self) -> RenderableType:
        """The table as of now."""
        tally = self._tally
        answers = list(tally.answers.values())
        self._measure(len(answers))
        recent = tally.latencies_ms[-LATEST:]
        refused = sum(answer.status is Status.REFUSED for answer in answers)
        figures = Table.grid(padding=(0, 3))
        figures.add_row("transactions", f"{len(tally.sent):,}", "answered a second", f"{self._rate:,.0f}")
        figures.add_row("waiting", f"{tally.unanswered:,}", "refused", f"{refused:,}")
        figures.add_row(
            "latency p50", f"{percentile(recent, 0.5):,.0f} ms", "p99", f"{percentile(recent, 0.99):,.0f} ms"
        )
        notices = tally.notices
        figures.add_row("expired", f"{notices[Status.EXPIRED]:,}", "yielded", f"{notices[Status.YIELDED]:,}")
        return Group(Text(self.headline, style="bold"), figures, self._movers(), Text())

    def _measure(self, answered: int) -> None:
        now_s = time.monotonic()
        if now_s - self._at_s >= 1.0:
            self._rate = (answered - self._answered) / (now_s - self._at_s)
            self._answered, self._at_s = answered, now_s

    def _movers(self) -> RenderableType:
        table = Table(title="top movers", title_justify="left", expand=False)
        for name in ("sku", "location"):
            table.add_column(name)
        for name in ("on hand", "reserved", "allocated", "atp", "changes"):
            table.add_column(name, justify="right")
        for level in self._most_changed():
            figures = (level.on_hand, level.reserved, level.allocated, level.atp, level.revision)
            table.add_row(level.sku, level.location, *(f"{figure:,}" for figure in figures))
        return table

    def _most_changed(self) -> Sequence[StockLevel]:
        levels = list(self._tally.levels.values())
        return sorted(levels, key=lambda level: -level.revision)[:TOP_MOVERS]


def statuses(tally: Tally) -> Counter[Status]:
    """How the transactions that were sent were answered; others, such as policy seeds, have answers too."""
    return Counter(answer.status for origin, answer in list(tally.answers.items()) if origin in tally.sent)

"""The tables of the scorekeepers, and how a fold reads them. Each scorekeeper keeps its own of them.

Prefixes, key shapes and row layouts are for life: tests/state/golden holds a row of each as bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from agents.inventory.scores import rows as names
from agents.inventory.scores.rows import (
    Changes,
    ScoredLine,
    ScoredOffer,
    ScoredPause,
    ScoredPlace,
    ScoredSku,
    ScoreDue,
    ScoreSubject,
    ScoreWindow,
)
from agents.state.overlay import Overlay
from agents.state.tables import Table

SCORED_SKUS = Table(names.SCORED_SKUS, b"s", (str,), ScoredSku)
SCORED_PLACES = Table(names.SCORED_PLACES, b"p", (str, str), ScoredPlace)
SCORED_LINES = Table(names.SCORED_LINES, b"l", (str, int), ScoredLine)
SCORED_OFFERS = Table(names.SCORED_OFFERS, b"o", (str, str), ScoredOffer)
SCORED_PAUSES = Table(names.SCORED_PAUSES, b"c", (str,), ScoredPause)
SCORE_SUBJECTS = Table(names.SCORE_SUBJECTS, b"S", (str,), ScoreSubject)
SCORE_WINDOWS = Table(names.SCORE_WINDOWS, b"w", (str, str, int), ScoreWindow)
SCORES_DUE = Table(names.SCORES_DUE, b"d", (int, str), ScoreDue, cached=False)

STOCK_TABLES: tuple[Table, ...] = (SCORED_SKUS, SCORED_PLACES)
ORDER_LINE_TABLES: tuple[Table, ...] = (SCORED_LINES,)
OFFER_TABLES: tuple[Table, ...] = (SCORED_OFFERS,)
PAUSE_TABLES: tuple[Table, ...] = (SCORED_PAUSES,)
WINDOW_TABLES: tuple[Table, ...] = (SCORE_SUBJECTS, SCORE_WINDOWS, SCORES_DUE)


class Scores:
    """The protocol `ScoreRows` of the core over an overlay with any of these tables."""

    def __init__(self, overlay: Overlay) -> None:
        self._overlays = overlay.by_name()

    def row(self, table: str, key: names.Key) -> Any:
        """See `ScoreRows.row`."""
        return self._overlays[table].get(key)

    def group(self, table: str, first: str) -> Mapping[Any, Any]:
        """See `ScoreRows.group`."""
        return self._overlays[table].group(first).rows

    def apply(self, changes: Changes) -> None:
        """Take over the changed rows of a decision."""
        for (table, key), row in changes.items():
            self._overlays[table].put(key, row)

    def due_before(self, at_ms: int, limit: int) -> list[tuple[int, str]]:
        """Subjects of which something is due up to `at_ms`, each with when, the longest due first, at most `limit`."""
        keys = [cast("tuple[int, str]", key) for key, _ in self._overlays[names.SCORES_DUE].scan((), (), max(0, limit))]
        return [key for key in keys if key[0] <= at_ms]

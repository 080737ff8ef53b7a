"""A row of each table of the scorekeepers, with every field set away from its default."""

from __future__ import annotations

from agents.inventory.scores import rows as names
from agents.inventory.scores.rows import (
    ScoredLine,
    ScoredOffer,
    ScoredPause,
    ScoredPlace,
    ScoredSku,
    ScoreDue,
    ScoreSubject,
    ScoreWindow,
    Span,
)

HOUR = 1_767_225_600_000
GOLDEN_ROWS: dict[str, tuple[str, tuple[str | int, ...], object]] = {
    "scored_sku": (names.SCORED_SKUS, ("SHOE-42",), ScoredSku("B", -5, "shoes", 199, False, 20_454, 7, 1_750, 31)),
    "scored_place": (names.SCORED_PLACES, ("SHOE-42", "LEEDS"), ScoredPlace(93)),
    "scored_line": (names.SCORED_LINES, ("o-1", 2), ScoredLine(5, 2, 1, 1)),
    "scored_offer": (names.SCORED_OFFERS, ("SHOE-42", "web"), ScoredOffer(("pickup", "shipping"))),
    "scored_pause": (names.SCORED_PAUSES, ("summer",), ScoredPause(HOUR + 1, "meta")),
    "score_subject": (
        names.SCORE_SUBJECTS,
        ("location:LEEDS",),
        ScoreSubject(
            {"stock_change": 93}, {"1h": Span(HOUR, HOUR + 1, HOUR + 2, HOUR + 3, HOUR + 4)}, HOUR + 5, HOUR + 6
        ),
    ),
    "score_window": (
        names.SCORE_WINDOWS,
        ("location:LEEDS", "1h", HOUR),
        ScoreWindow({"units_sold": 7}, (("turnover", 365, 7),), True, 2, HOUR + 9, True),
    ),
    "score_due": (names.SCORES_DUE, (HOUR + 6, "location:LEEDS"), ScoreDue()),
}

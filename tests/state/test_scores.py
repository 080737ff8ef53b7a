from __future__ import annotations

from agents.inventory.scores import rows as names
from agents.inventory.scores.rows import ScoredPlace, ScoreDue
from agents.state.memory import MemoryStore
from agents.state.overlay import Overlay
from agents.state.scores import STOCK_TABLES, WINDOW_TABLES, Scores
from agents.state.store import Meta


def test_subjects_that_are_due_come_the_longest_due_first_and_never_before_their_time() -> None:
    rows = Scores(Overlay(MemoryStore(), WINDOW_TABLES, 100))
    rows.apply({(names.SCORES_DUE, (at_ms, subject)): ScoreDue() for at_ms, subject in ((30, "all"), (10, "class:A"))})
    assert rows.due_before(9, 10) == []
    assert rows.due_before(30, 10) == [(10, "class:A"), (30, "all")]
    rows.apply({(names.SCORES_DUE, (10, "class:A")): None})
    assert rows.due_before(30, 10) == [(30, "all")]


def test_the_places_of_a_sku_are_found_together_changed_ones_too() -> None:
    overlay = Overlay(MemoryStore(), STOCK_TABLES, 100)
    rows = Scores(overlay)
    rows.apply({(names.SCORED_PLACES, ("SHOE", "LEEDS")): ScoredPlace(1)})
    overlay.changes()
    overlay.commit(Meta())
    rows.apply({(names.SCORED_PLACES, ("SHOE", "YORK")): ScoredPlace(2)})
    assert rows.group(names.SCORED_PLACES, "SHOE") == {"LEEDS": ScoredPlace(1), "YORK": ScoredPlace(2)}
    assert rows.row(names.SCORED_PLACES, ("SHOE", "BATH")) is None

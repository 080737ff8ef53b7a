from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from agents.inventory.scores import rows as names
from agents.inventory.scores.rows import ScoredPlace, ScoreDue
from agents.scorekeeper import SOURCES
from agents.state.changelog import from_record, tables_by_prefix, to_record
from agents.state.memory import MemoryStore
from agents.state.overlay import Overlay
from agents.state.scores import STOCK_TABLES, WINDOW_TABLES, Scores
from agents.state.store import Meta
from agents.state.tables import Table
from tests.state.rows_of_scores import GOLDEN_ROWS

GOLDEN = Path(__file__).parent / "golden"
TABLES: tuple[Table, ...] = (*WINDOW_TABLES, *(table for source in SOURCES for table in source.tables))
BY_NAME = {table.name: table for table in TABLES}


def golden(name: str) -> tuple[bytes, bytes]:
    key, value = (GOLDEN / f"{name}.v1.hex").read_text().split()
    return bytes.fromhex(key), bytes.fromhex(value)


@pytest.mark.parametrize("name", GOLDEN_ROWS)
def test_a_row_is_written_as_it_always_was(name: str) -> None:
    table_name, key, row = GOLDEN_ROWS[name]
    table = BY_NAME[table_name]
    assert to_record((table, table.encode_key(key), table.encode_row(row))) == golden(name)


@pytest.mark.parametrize("name", GOLDEN_ROWS)
def test_a_row_written_by_version_1_is_read_for_ever(name: str) -> None:
    table_name, key, row = GOLDEN_ROWS[name]
    table, stored_key, value = from_record(tables_by_prefix(TABLES), golden(name))
    assert (table.name, table.decode_key(stored_key)) == (table_name, key)
    assert value is not None
    assert table.decode_row(value) == row


def test_every_table_has_golden_bytes_with_every_field_set() -> None:
    assert {name for name, _, _ in GOLDEN_ROWS.values()} == set(BY_NAME)
    for _, _, row in GOLDEN_ROWS.values():
        for field in msgspec.structs.fields(row):  # type: ignore[arg-type]
            if not field.required:
                assert getattr(row, field.name) != field.default, f"{type(row).__name__}.{field.name}"


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

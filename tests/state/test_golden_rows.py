"""Every row that an agent of the shipped topology keeps, as bytes for life: what version 1 wrote is read for ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from agents.runtime.topology import load
from agents.state.changelog import from_record, tables_by_prefix, to_record
from agents.state.tables import Table
from tests.state import rows_for_tests, rows_of_campaigns, rows_of_orders, rows_of_replenishment, rows_of_scores
from tools.brokers.encoding import codec_of
from tools.logics import LOGICS

GOLDEN = Path(__file__).parent / "golden"
SHIPPED = load(Path(__file__).parents[2] / "topology.yaml", {})
TABLES = {name: LOGICS[name](SHIPPED, codec_of(SHIPPED)).tables for name in SHIPPED.agents}
"""By agent, as its worker opens them."""
ROWS = {
    **rows_for_tests.GOLDEN_ROWS,
    **rows_of_orders.GOLDEN_ROWS,
    **rows_of_campaigns.GOLDEN_ROWS,
    **rows_of_replenishment.GOLDEN_ROWS,
    **rows_of_scores.GOLDEN_ROWS,
}
NOT_ROWS = {"meta"}
"""Golden bytes of what is in no table: see test_tables.py."""
ONE_OF_TWO_SHAPES = {"kept_answer_stub"}
"""Most fields at their defaults on purpose; the other shape of its row has them all."""
ALWAYS_DEFAULT = {"forever"}
"""Fields of policies that are never stored otherwise."""


def golden(name: str) -> tuple[bytes, bytes]:
    key, value = (GOLDEN / f"{name}.v1.hex").read_text().split()
    return bytes.fromhex(key), bytes.fromhex(value)


def tables_of(name: str) -> list[tuple[str, Table]]:
    """(agent, table) of each agent that keeps this golden row."""
    return [(agent, table) for agent, tables in TABLES.items() for table in tables if table.name == ROWS[name][0]]


def fields_at_their_defaults(row: object) -> Iterator[str]:
    for field in msgspec.structs.fields(row):  # type: ignore[arg-type]
        if not field.required and field.name not in ALWAYS_DEFAULT and getattr(row, field.name) == field.default:
            yield f"{type(row).__name__}.{field.name}"


@pytest.mark.parametrize("agent", TABLES)
def test_every_table_that_an_agent_keeps_has_a_golden_row(agent: str) -> None:
    kept = {table.name for table in TABLES[agent]}
    assert kept == set(SHIPPED.agents[agent].keeps)
    assert kept - {table for table, _, _ in ROWS.values()} == set()


def test_there_are_golden_bytes_of_every_row_and_no_others() -> None:
    assert {path.name.removesuffix(".v1.hex") for path in GOLDEN.iterdir()} == ROWS.keys() | NOT_ROWS
    assert [name for name in ROWS if not tables_of(name)] == []


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_written_as_it_always_was(name: str) -> None:
    _, key, row = ROWS[name]
    for agent, table in tables_of(name):
        stored_key = table.encode_key(key) if table.key_digest is None else table.key_digest(key)
        assert to_record((table, stored_key, table.encode_row(row))) == golden(name), agent


@pytest.mark.parametrize("name", ROWS)
def test_a_row_written_by_version_1_is_read_for_ever(name: str) -> None:
    table_name, key, row = ROWS[name]
    for agent, kept in tables_of(name):
        table, stored_key, value = from_record(tables_by_prefix(TABLES[agent]), golden(name))
        assert table is kept
        assert table.name == table_name
        assert table.key_digest is not None or table.decode_key(stored_key) == key
        assert value is not None
        assert table.decode_row(value) == row


@pytest.mark.parametrize("name", sorted(ROWS.keys() - ONE_OF_TWO_SHAPES))
def test_a_golden_row_has_every_field_set_so_that_a_moved_one_is_seen(name: str) -> None:
    assert list(fields_at_their_defaults(ROWS[name][2])) == []

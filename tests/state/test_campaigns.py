from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from agents.inventory.campaigns.rows import CAMPAIGNS, CAMPAIGNS_DUE, Campaign, CampaignDue
from agents.inventory.campaigns.words import Registration
from agents.state.campaigns import CAMPAIGN_TABLES, GuardedCampaigns
from agents.state.changelog import from_record, tables_by_prefix, to_record
from agents.state.memory import MemoryStore
from agents.state.overlay import Overlay
from agents.state.store import Meta
from tests.state.rows_of_campaigns import GOLDEN_ROWS

GOLDEN = Path(__file__).parent / "golden"
BY_NAME = {table.name: table for table in CAMPAIGN_TABLES}


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
    table, stored_key, value = from_record(tables_by_prefix(CAMPAIGN_TABLES), golden(name))
    assert (table.name, table.decode_key(stored_key)) == (table_name, key)
    assert value is not None
    assert table.decode_row(value) == row


def test_every_table_has_golden_bytes_with_every_field_set() -> None:
    assert {name for name, _, _ in GOLDEN_ROWS.values()} == set(BY_NAME)
    for _, _, row in GOLDEN_ROWS.values():
        for field in msgspec.structs.fields(row):  # type: ignore[arg-type]
            if not field.required:
                assert getattr(row, field.name) != field.default, f"{type(row).__name__}.{field.name}"


def test_what_is_due_is_found_the_longest_due_first_and_never_before_its_time() -> None:
    overlay = Overlay(MemoryStore(), CAMPAIGN_TABLES, 100)
    rows = GuardedCampaigns(overlay)
    row = Campaign(Registration("meta", "act_1", 1, "EUR", skus=("SHOE",)), 5)
    rows.apply({(CAMPAIGNS, ("summer",)): row, (CAMPAIGNS_DUE, (30, "summer")): CampaignDue()})
    rows.apply({(CAMPAIGNS_DUE, (20, "winter")): CampaignDue(), (CAMPAIGNS_DUE, (10, "spring")): CampaignDue()})
    overlay.commit(Meta())
    assert (rows.campaign("summer"), rows.campaign("winter")) == (row, None)
    assert rows.due_before(9, 10) == []
    assert rows.due_before(20, 10) == [(10, "spring"), (20, "winter")]
    assert rows.due_before(99, 1) == [(10, "spring")]
    rows.apply({(CAMPAIGNS_DUE, (10, "spring")): None})
    assert rows.due_before(20, 10) == [(20, "winter")]

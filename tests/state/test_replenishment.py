"""The replenisher's rows, as bytes for life, and what a decision reads through the overlay."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents.inventory.replenishment.rows import (
    Coming,
    Interest,
    Need,
    Outlook,
    Span,
    Supply,
    SupplyDue,
    Told,
)
from agents.inventory.replenishment.words import InsightType, SignalKind, Supplier, Terms, Whereabouts
from agents.state.changelog import to_record
from agents.state.memory import MemoryStore
from agents.state.overlay import Overlay
from agents.state.replenishment import REPLENISHMENT_TABLES, ReplenishmentRows

GOLDEN = Path(__file__).parent / "golden"
BY_NAME = {table.name: table for table in REPLENISHMENT_TABLES}
DAY = 20_717
NOON_MS = 1_790_000_000_000
ROWS: dict[str, tuple[tuple[str | int, ...], object]] = {
    "outlooks": (
        ("SHOE-é", "LEEDS"),
        Outlook(
            day=DAY, changed_ms=NOON_MS, stocked_ms=1, sold=2, unpromised=3, promised=4, quarantined=5, in_transit=6,
            level_thousandths=7_000, variance_millionths=8_000_000, weekdays=(1, 2, 3, 4, 5, 6, 7), counted=9,
            lost_thousandths=10, lost=11, checked_day=DAY - 1, count_told=True, needs=12,
            need=Need("SHOE-é@LEEDS-11", 24, 6, DAY, DAY + 7, True), transfers=13,
            coming=(Coming("replenisher-1", "YORK", 14, NOON_MS + 1, True),),
            interests=(Interest(SignalKind.SEARCH, DAY, 40, 20_000, 9),),
            told=(Told(InsightType.LOW_WHILE_DEMAND_RISES, NOON_MS + 2),),
        ),
    ),
    "supplies": (
        ("SHOE-é",),
        Supply(
            places=("LEEDS", "YORK"), terms=(Terms("LEEDS", "ACME", 9, 14, 980, 24, 12, 1_999),),
            promotions=(Span("LEEDS", DAY, DAY + 3),), seen=("shop/s-1",), due_ms=NOON_MS, category="shoes",
            campaigns=("summer",), cover_day=DAY, cover_days=15,
        ),
    ),
    "supplies_due": ((NOON_MS, "SHOE-é"), SupplyDue()),
    "suppliers": (("ACME",), Supplier("ACME", 10, 25)),
    "places": (("LEEDS",), Whereabouts("LEEDS", "GB", 538, -15)),
}  # fmt: skip
"""Every field away from its default, so that a moved field is seen."""


def test_every_table_has_a_golden_row() -> None:
    assert ROWS.keys() == BY_NAME.keys()


@pytest.mark.parametrize("name", ROWS)
def test_a_row_is_written_and_read_as_it_always_was(name: str) -> None:
    table, (key, row) = BY_NAME[name], ROWS[name]
    raw_key, value = (bytes.fromhex(line) for line in (GOLDEN / f"{name}.v1.hex").read_text().split())
    assert to_record((table, table.encode_key(key), table.encode_row(row))) == (raw_key, value)
    assert table.decode_row(value) == row
    assert table.decode_key(raw_key[1:]) == key


def test_a_decision_reads_what_was_changed_and_the_due_are_told_in_their_order() -> None:
    overlay = Overlay(MemoryStore(), REPLENISHMENT_TABLES, 100)
    rows = ReplenishmentRows(overlay)
    rows.apply({(name, key): row for name, (key, row) in ROWS.items()})
    rows.apply(
        {("supplies_due", (NOON_MS + 1, "HAT")): SupplyDue(), ("supplies_due", (NOON_MS - 1, "BOOT")): SupplyDue()}
    )
    assert rows.outlook("SHOE-é", "LEEDS") == ROWS["outlooks"][1]
    assert rows.supply("SHOE-é") == ROWS["supplies"][1]
    assert rows.supplier("ACME") == Supplier("ACME", 10, 25)
    assert rows.place("LEEDS") == Whereabouts("LEEDS", "GB", 538, -15)
    assert (rows.outlook("SHOE-é", "YORK"), rows.supplier("OTHER"), rows.place("YORK")) == (None, None, None)
    assert rows.due_before(NOON_MS, 10) == ["BOOT", "SHOE-é"]
    assert rows.due_before(NOON_MS, 1) == ["BOOT"]
    rows.apply({("supplies_due", (NOON_MS, "SHOE-é")): None})
    assert rows.due_before(NOON_MS, 10) == ["BOOT"]

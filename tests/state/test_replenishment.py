"""What a decision of the replenisher reads through the overlay."""

from __future__ import annotations

from agents.inventory.replenishment.rows import (
    SupplyDue,
)
from agents.inventory.replenishment.words import Supplier, Whereabouts
from agents.state.memory import MemoryStore
from agents.state.overlay import Overlay
from agents.state.replenishment import REPLENISHMENT_TABLES, ReplenishmentRows
from tests.state.rows_of_replenishment import GOLDEN_ROWS, NOON_MS


def test_a_decision_reads_what_was_changed_and_the_due_are_told_in_their_order() -> None:
    overlay = Overlay(MemoryStore(), REPLENISHMENT_TABLES, 100)
    rows = ReplenishmentRows(overlay)
    rows.apply({(name, key): row for name, key, row in GOLDEN_ROWS.values()})
    rows.apply(
        {("supplies_due", (NOON_MS + 1, "HAT")): SupplyDue(), ("supplies_due", (NOON_MS - 1, "BOOT")): SupplyDue()}
    )
    assert rows.outlook("SHOE-é", "LEEDS") == GOLDEN_ROWS["outlooks"][2]
    assert rows.supply("SHOE-é") == GOLDEN_ROWS["supplies"][2]
    assert rows.supplier("ACME") == Supplier("ACME", 10, 25)
    assert rows.place("LEEDS") == Whereabouts("LEEDS", "GB", 538, -15, False)
    assert (rows.outlook("SHOE-é", "YORK"), rows.supplier("OTHER"), rows.place("YORK")) == (None, None, None)
    assert rows.due_before(NOON_MS, 10) == ["BOOT", "SHOE-é"]
    assert rows.due_before(NOON_MS, 1) == ["BOOT"]
    rows.apply({("supplies_due", (NOON_MS, "SHOE-é")): None})
    assert rows.due_before(NOON_MS, 10) == ["BOOT"]

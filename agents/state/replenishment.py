"""The tables of the replenisher, and how a decision reads them.

Prefixes, key shapes and row layouts are for life: tests/state/golden holds a row of each as bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from msgspec.structs import astuple

from agents.inventory.replenishment import rows as names
from agents.inventory.replenishment.rows import Outlook, Supply, SupplyDue
from agents.inventory.replenishment.words import Supplier, Whereabouts
from agents.state.overlay import Overlay
from agents.state.tables import Table, array_like

OUTLOOKS = Table(names.OUTLOOKS, b"o", (str, str), Outlook)
SUPPLIES = Table(names.SUPPLIES, b"s", (str,), Supply)
SUPPLIES_DUE = Table(names.SUPPLIES_DUE, b"d", (int, str), SupplyDue, cached=False)
SUPPLIERS = Table(
    names.SUPPLIERS,
    b"u",
    (str,),
    Supplier,
    to_array=astuple,
    stored_as=array_like(Supplier),
    from_array=lambda stored: Supplier(*astuple(stored)),
)
PLACES = Table(
    names.PLACES,
    b"p",
    (str,),
    Whereabouts,
    to_array=astuple,
    stored_as=array_like(Whereabouts),
    from_array=lambda stored: Whereabouts(*astuple(stored)),
)

REPLENISHMENT_TABLES: tuple[Table, ...] = (OUTLOOKS, SUPPLIES, SUPPLIES_DUE, SUPPLIERS, PLACES)


class ReplenishmentRows:
    """The protocol `DemandRows` of the core over an overlay."""

    def __init__(self, overlay: Overlay) -> None:
        self._overlays = overlay.by_name()
        self._outlooks = overlay.table(OUTLOOKS)
        self._supplies = overlay.table(SUPPLIES)
        self._suppliers = overlay.table(SUPPLIERS)
        self._places = overlay.table(PLACES)
        self._due = overlay.table(SUPPLIES_DUE)

    def outlook(self, sku: str, location: str) -> Outlook | None:
        """See `DemandRows.outlook`."""
        return self._outlooks.get((sku, location))  # type: ignore[no-any-return]

    def supply(self, sku: str) -> Supply | None:
        """See `DemandRows.supply`."""
        return self._supplies.get((sku,))  # type: ignore[no-any-return]

    def supplier(self, supplier: str) -> Supplier | None:
        """See `DemandRows.supplier`."""
        return self._suppliers.get((supplier,))  # type: ignore[no-any-return]

    def place(self, location: str) -> Whereabouts | None:
        """See `DemandRows.place`."""
        return self._places.get((location,))  # type: ignore[no-any-return]

    def apply(self, changes: Mapping[tuple[str, names.Key], Any]) -> None:
        """Take over the changed rows of a decision."""
        for (table, key), row in changes.items():
            self._overlays[table].put(key, row)

    def due_before(self, at_ms: int, limit: int) -> list[str]:
        """SKUs of which something is due up to `at_ms`, the longest due first, at most `limit`."""
        keys = [cast("tuple[int, str]", key) for key, _ in self._due.scan((), (), max(0, limit))]
        return [sku for due_ms, sku in keys if due_ms <= at_ms]

"""The tables of the order router, and how a decision reads them.

Prefixes, key shapes and row layouts are for life: tests/state/golden holds a row of each as bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from agents.inventory.channels import NO_REFERENCES, References
from agents.inventory.orders import rows as names
from agents.inventory.orders.rows import Order, OrderDue
from agents.state.ledger import CHANNELS, LOCATIONS
from agents.state.overlay import Overlay
from agents.state.tables import Table

ORDERS = Table(names.ORDERS, b"o", (str,), Order)
ORDERS_DUE = Table(names.ORDERS_DUE, b"d", (int, str), OrderDue, cached=False)

ORDER_TABLES: tuple[Table, ...] = (ORDERS, ORDERS_DUE, LOCATIONS, CHANNELS)
"""The last two as the ledger has them: the references of places and channels."""


class RoutedOrders:
    """The protocol `OrderRows` of the core over an overlay."""

    def __init__(self, overlay: Overlay) -> None:
        self._overlays = overlay.by_name()
        self._orders = overlay.table(ORDERS)
        self._due = overlay.table(ORDERS_DUE)
        self._locations = overlay.table(LOCATIONS)
        self._channels = overlay.table(CHANNELS)
        self._references = NO_REFERENCES
        self._revisions = (-1, -1)

    def order(self, order_id: str) -> Order | None:
        """See `OrderRows.order`."""
        return self._orders.get((order_id,))  # type: ignore[no-any-return]

    def references(self) -> References:
        """See `OrderRows.references`. Read anew only after a record has changed one."""
        revisions = (self._locations.revision, self._channels.revision)
        if revisions != self._revisions:
            self._revisions = revisions
            self._references = References(
                {row.location: row for _, row in self._locations.scan()},
                {row.channel: row for _, row in self._channels.scan()},
            )
        return self._references

    def apply(self, changes: Mapping[tuple[str, names.Key], Any]) -> None:
        """Take over the changed rows of a decision."""
        for (table, key), row in changes.items():
            self._overlays[table].put(key, row)

    def due_before(self, at_ms: int, limit: int) -> list[str]:
        """Orders of which something is due up to `at_ms`, the longest due first, at most `limit`."""
        keys = [cast("tuple[int, str]", key) for key, _ in self._due.scan((), (), max(0, limit))]
        return [order_id for due_ms, order_id in keys if due_ms <= at_ms]

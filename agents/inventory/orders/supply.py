"""What may be promised of a SKU out of announced goods, once all that is there now is spoken for."""

from __future__ import annotations

from collections.abc import Callable

from agents.inventory.draft import Draft
from agents.inventory.projection import changes_at, promisable_by
from agents.inventory.promising import buffer_of, kept_for_others
from agents.inventory.rows import INBOUNDS, POSITIONS, TRANSFERS, Arrival, Decision, Rows
from agents.inventory.shipments import Shipment, is_expected, place_of_arrival
from agents.inventory.transactions import Kind, Transaction

Serves = Callable[[str], bool]
"""Whether a place may be promised from."""
Later = tuple[str, int, int]
"""(place, units, when the goods are due)."""


class Supply:
    """The announced goods of one SKU. What was taken of them is not promised again."""

    def __init__(self, rows: Rows, sku: str, channel: str | None, at_ms: int, decision: Decision) -> None:
        """`decision` is what the ledger would do for what is there now."""
        nothing = Transaction(transaction_id="supply", source="promise", kind=Kind.REFRESH, sku=sku)
        self._draft = Draft(rows, Arrival(nothing, "supply", 0, at_ms, b""))
        self._rows = rows
        self._sku = sku
        self._channel = channel
        self._at_ms = at_ms
        self._changed = decision.changes
        self._taken: dict[str, int] = {}
        groups = (rows.group(INBOUNDS, sku), rows.group(TRANSFERS, sku))
        self._shipments: list[Shipment] = [
            shipment
            for group in groups
            for _, shipment in sorted(group.items())
            if is_expected(shipment) and shipment.due_ms is not None and shipment.due_ms > at_ms
        ]

    def dates(self, serves: Serves) -> list[int]:
        """When goods are due at places that may be promised from, the first in front."""
        return sorted(
            {
                shipment.due_ms
                for shipment in self._shipments
                if shipment.due_ms is not None and serves(place_of_arrival(shipment))
            }
        )

    def next_receipt_ms(self, serves: Serves) -> int | None:
        """When the next goods are due at such a place; None where none are announced."""
        return next(iter(self.dates(serves)), None)

    def take(self, quantity: int, serves: Serves) -> list[Later]:
        """Promise so many units at the first date at which one place has all, else several together; else what there is."""
        dates = self.dates(serves)
        places = sorted({place for each in self._shipments if serves(place := place_of_arrival(each))})
        best: list[Later] = []
        for date_ms in dates:
            free = {place: self._free(place, date_ms, dates[-1]) for place in places}
            whole = next((place for place in places if free[place] >= quantity), None)
            best = [(whole, quantity, date_ms)] if whole is not None else share(quantity, free, date_ms)
            if sum([units for _, units, _ in best]) == quantity:
                break
        for place, units, _ in best:
            self._taken[place] = self._taken.get(place, 0) + units
        return best

    def _free(self, place: str, by_ms: int, horizon_ms: int) -> int:
        """Units that the channel may be promised there by a date, beside those already taken."""
        row = self._changed.get((POSITIONS, (self._sku, place))) or self._rows.position(self._sku, place)
        unpromised = getattr(row, "unpromised", 0)
        promised = getattr(row, "reserved", 0) + getattr(row, "allocated", 0)
        changes = changes_at(place, self._shipments, self._rows.claims(self._sku).values())
        atp = unpromised - self._draft.safety_stock(place)
        units = promisable_by(atp, changes, self._at_ms, by_ms, horizon_ms)
        if self._channel is not None:
            units -= buffer_of(self._draft.policy(place, self._channel), units + promised)
        if self._draft.goods.fences:
            units -= kept_for_others(self._draft, place, self._channel)
        return max(0, units - self._taken.get(place, 0))


def share(quantity: int, free: dict[str, int], date_ms: int) -> list[Later]:
    """Take the units from the places that have most, equal ones by name."""
    found: list[Later] = []
    for place in sorted(free, key=lambda place: (-free[place], place)):
        units = min(quantity, free[place])
        if units > 0:
            found.append((place, units, date_ms))
            quantity -= units
    return found

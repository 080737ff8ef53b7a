"""The rows of a ledger in plain dicts: for scenarios and tests of the core. The real ones are in agents/state."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Mapping
from typing import Any, cast

from agents.inventory.answers import KeptAnswer
from agents.inventory.channels import NO_REFERENCES, References
from agents.inventory.goods import Goods
from agents.inventory.policy import Policy, PolicyBook
from agents.inventory.positions import Position
from agents.inventory.reservations import Claim, ClosedClaim
from agents.inventory.rows import (
    ANSWERS,
    CASES,
    CHANNELS,
    CLAIMS,
    CLOSED_CLAIMS,
    DEMAND,
    DUE,
    FEEDS,
    GOODS,
    INBOUNDS,
    LOCATIONS,
    LOSSES,
    LOTS,
    MOVEMENTS,
    OPEN_ALERTS,
    POLICY,
    POSITIONS,
    REFRESHING,
    TOLD,
    TOLD_LEVELS,
    TRANSFERS,
    USUAL,
    Key,
    Movement,
    Row,
)
from agents.inventory.transactions import ChannelReference, FeedReference, LocationReference, PolicySettings

TABLES = (
    POSITIONS,
    CLAIMS,
    CLOSED_CLAIMS,
    ANSWERS,
    DUE,
    MOVEMENTS,
    POLICY,
    GOODS,
    LOTS,
    LOCATIONS,
    CHANNELS,
    TOLD,
    REFRESHING,
    INBOUNDS,
    TRANSFERS,
    CASES,
    LOSSES,
    TOLD_LEVELS,
    DEMAND,
    OPEN_ALERTS,
    USUAL,
    FEEDS,
)


class MemoryRows:
    """Implements `Rows`. Positions, claims and due claims are also grouped by SKU, movements by place."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[Key, Row]] = {table: {} for table in TABLES}
        self._positions: dict[str, dict[str, Position]] = {}
        self._claims: dict[str, dict[tuple[str, int], Claim]] = {}
        self._due: dict[str, list[tuple[int, str, int]]] = {}
        self._movements: dict[tuple[str, str], dict[int, int]] = {}
        self._book = PolicyBook()
        self._references = NO_REFERENCES

    def apply(self, changes: Mapping[tuple[str, Key], Row | None]) -> None:
        """Take over the changes of one decision."""
        for (table, key), row in changes.items():
            rows = self.tables[table]
            if row is None:
                rows.pop(key, None)
            else:
                rows[key] = row
            self._index(table, key, row)

    def _index(self, table: str, key: tuple[Any, ...], row: Any) -> None:
        if table == POSITIONS:
            put(self._positions.setdefault(key[0], {}), key[1], row)
        elif table == CLAIMS:
            put(self._claims.setdefault(key[0], {}), (key[1], key[2]), row)
        elif table == MOVEMENTS:
            put(self._movements.setdefault((key[0], key[1]), {}), key[2], None if row is None else row.quantity)
        elif table == POLICY:
            self._book.put(key[0], row)
        elif table == DUE:
            self._index_due(key[1], (key[0], key[2], key[3]), there=row is not None)
        elif table in (LOCATIONS, CHANNELS, FEEDS):
            locations, channels, feeds = self.tables[LOCATIONS], self.tables[CHANNELS], self.tables[FEEDS]
            self._references = References(
                {str(name): cast("LocationReference", row) for (name,), row in locations.items()},
                {str(name): cast("ChannelReference", row) for (name,), row in channels.items()},
                {str(name): cast("FeedReference", row) for (name,), row in feeds.items()},
            )

    def _index_due(self, sku: str, entry: tuple[int, str, int], *, there: bool) -> None:
        entries = self._due.setdefault(sku, [])
        at = bisect_left(entries, entry)
        found = at < len(entries) and entries[at] == entry
        if there and not found:
            insort(entries, entry)
        elif found and not there:
            del entries[at]

    def position(self, sku: str, location: str) -> Position | None:
        """See `Rows.position`."""
        return cast("Position | None", self.tables[POSITIONS].get((sku, location)))

    def positions(self, sku: str) -> Mapping[str, Position]:
        """See `Rows.positions`."""
        return self._positions.get(sku, {})

    def claim(self, sku: str, holder: str, line: int) -> Claim | None:
        """See `Rows.claim`."""
        return cast("Claim | None", self.tables[CLAIMS].get((sku, holder, line)))

    def claims(self, sku: str) -> Mapping[tuple[str, int], Claim]:
        """See `Rows.claims`."""
        return self._claims.get(sku, {})

    def closed_claim(self, sku: str, holder: str, line: int) -> ClosedClaim | None:
        """See `Rows.closed_claim`."""
        return cast("ClosedClaim | None", self.tables[CLOSED_CLAIMS].get((sku, holder, line)))

    def due_claims(self, sku: str, at_ms: int) -> Iterable[tuple[str, int]]:
        """See `Rows.due_claims`. One comparison when nothing is due."""
        entries = self._due.get(sku)
        if not entries or entries[0][0] > at_ms:
            return ()
        return [(holder, line) for due_ms, holder, line in entries if due_ms <= at_ms and holder]

    def kept_answer(self, source: str, sku: str, transaction_id: str) -> KeptAnswer | None:
        """See `Rows.kept_answer`."""
        return cast("KeptAnswer | None", self.tables[ANSWERS].get((source, sku, transaction_id)))

    def movement(self, sku: str, location: str, second: int) -> int:
        """See `Rows.movement`."""
        row = cast("Movement | None", self.tables[MOVEMENTS].get((sku, location, second)))
        return 0 if row is None else row.quantity

    def movements_after(self, sku: str, location: str, second: int) -> int:
        """See `Rows.movements_after`."""
        moved = self._movements.get((sku, location), {})
        return sum(quantity for when, quantity in moved.items() if when > second)

    def policy(self, sku: str, location: str | None, channel: str | None = None, category: str | None = None) -> Policy:
        """See `Rows.policy`."""
        return self._book.policy(sku, location, channel, category)

    def policies(self) -> PolicyBook:
        """See `Rows.policies`."""
        return self._book

    def references(self) -> References:
        """See `Rows.references`."""
        return self._references

    def goods(self, sku: str) -> Goods | None:
        """See `Rows.goods`."""
        return cast("Goods | None", self.tables[GOODS].get((sku,)))

    def row(self, table: str, key: Key) -> Any:
        """See `Rows.row`."""
        return self.tables[table].get(key)

    def group(self, table: str, sku: str) -> Mapping[Any, Any]:
        """See `Rows.group`. Looks at every row of the table: scenarios have few."""
        return {key[1] if len(key) == 2 else key[1:]: row for key, row in self.tables[table].items() if key[0] == sku}

    def due_skus(self, at_ms: int) -> list[str]:
        """SKUs with something due by then, the longest due first."""
        first = [(entries[0], sku) for sku, entries in self._due.items() if entries and entries[0][0] <= at_ms]
        return [sku for _, sku in sorted(first)]

    def rules(self) -> dict[str, PolicySettings]:
        """The policy rules in force, by name."""
        return self._book.rules()


def put(rows: dict[Any, Any], key: Any, row: Any) -> None:
    """Set a row, or remove it with None."""
    if row is None:
        rows.pop(key, None)
    else:
        rows[key] = row

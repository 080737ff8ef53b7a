"""Which SKUs a walk visits next: read by the owner's clock, from the row that the fold moves on.

The state is only read here. The walk has come as far as its row says (`Refreshing.after`), because visits on their way
may still be lost: so the next ones are only named when the last of those before has been decided, or after some
seconds again from where the row stands. A visit is harmless twice.
"""

from __future__ import annotations

from typing import NamedTuple

from agents.inventory.offers import Refreshing
from agents.inventory.refreshing import concerns
from agents.inventory.rows import WALK
from agents.state.ledger import POSITIONS, REFRESHING, LedgerRows
from agents.state.overlay import Overlay

MOST_VISITS = 200
"""At a time: with a look each 200 ms a partition visits 1,000 SKUs a second, beside its daily work."""
MOST_ROWS = 2_000
"""Positions looked at at a time, for SKUs that are concerned."""
AGAIN_AFTER_MS = 5_000
"""Visits that were not decided by then are named again."""


class Visit(NamedTuple):
    """One SKU of a walk."""

    sku: str
    walk: int
    last: bool
    """The walk ends with it."""


class Visits:
    """The next visits of one partition."""

    def __init__(self, overlay: Overlay, rows: LedgerRows) -> None:
        self._rows = rows
        self._positions = overlay.table(POSITIONS)
        self._refreshing = overlay.table(REFRESHING)
        self._walk = -1
        self._looked_to: str | None = None
        """The last SKU that was looked at, concerned or not."""
        self._awaited: str | None = None
        """The last SKU named, whose visit is still to be decided."""
        self._named_at_ms = 0

    def next(self, now_ms: int, limit: int) -> list[Visit]:
        """The next visits, at most `limit`; none where no walk is under way, or where those before are."""
        walk: Refreshing | None = self._refreshing.get((WALK,))
        if walk is None or limit <= 0:
            self._walk = -1
            return []
        if walk.walk != self._walk:
            self._walk, self._looked_to, self._awaited = walk.walk, walk.after, None
        if self._awaited is not None:
            if walk.after is not None and walk.after >= self._awaited:
                self._awaited = None
            elif now_ms - self._named_at_ms < AGAIN_AFTER_MS:
                return []
            else:
                self._looked_to, self._awaited = walk.after, None
        visits = self._look(walk, min(limit, MOST_VISITS))
        if visits:
            self._awaited, self._named_at_ms = visits[-1].sku, now_ms
        return visits

    def _look(self, walk: Refreshing, limit: int) -> list[Visit]:
        """Go over the next SKUs and name those that are concerned; the last SKU of all ends the walk in any case."""
        # No name holds a zero character, so this is behind all rows of the SKU and before those of any other.
        start = () if self._looked_to is None else (f"{self._looked_to}\0",)
        page = self._positions.scan((), start, MOST_ROWS)
        skus = [str(sku) for sku in dict.fromkeys(key[0] for key, _ in page)]
        visits: list[Visit] = []
        for number, sku in enumerate(skus):
            self._looked_to = sku
            if self._is_concerned(walk, sku):
                visits.append(Visit(sku, walk.walk, last=False))
                if len(visits) == limit and number + 1 < len(skus):
                    return visits
        if len(page) < MOST_ROWS and self._looked_to is not None:
            end = Visit(self._looked_to, walk.walk, last=True)
            if visits and visits[-1].sku == end.sku:
                visits.pop()
            visits.append(end)
        return visits

    def _is_concerned(self, walk: Refreshing, sku: str) -> bool:
        goods = self._rows.goods(sku) if any(scope.category is not None for scope in walk.scopes) else None
        category = None if goods is None or goods.item is None else goods.item.category
        return concerns(walk.scopes, sku, category, self._rows)

"""The tables of the campaign guard, and how a decision reads them.

Prefixes, key shapes and row layouts are for life: tests/state/golden holds a row of each as bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from agents.inventory.campaigns import rows as names
from agents.inventory.campaigns.rows import Campaign, CampaignDue
from agents.state.overlay import Overlay
from agents.state.tables import Table

CAMPAIGNS = Table(names.CAMPAIGNS, b"c", (str,), Campaign)
CAMPAIGNS_DUE = Table(names.CAMPAIGNS_DUE, b"d", (int, str), CampaignDue, cached=False)

CAMPAIGN_TABLES: tuple[Table, ...] = (CAMPAIGNS, CAMPAIGNS_DUE)


class GuardedCampaigns:
    """The protocol `CampaignRows` of the core over an overlay."""

    def __init__(self, overlay: Overlay) -> None:
        self._overlays = overlay.by_name()
        self._campaigns = overlay.table(CAMPAIGNS)
        self._due = overlay.table(CAMPAIGNS_DUE)

    def campaign(self, campaign_id: str) -> Campaign | None:
        """See `CampaignRows.campaign`."""
        return cast("Campaign | None", self._campaigns.get((campaign_id,)))

    def apply(self, changes: Mapping[tuple[str, names.Key], names.CampaignRow | None]) -> None:
        """Take over the changed rows of a decision."""
        for (table, key), row in changes.items():
            self._overlays[table].put(key, row)

    def due_before(self, at_ms: int, limit: int) -> list[tuple[int, str]]:
        """Campaigns of which something is due up to `at_ms`, each with when, the longest due first, at most `limit`."""
        keys = [cast("tuple[int, str]", key) for key, _ in self._due.scan((), (), max(0, limit))]
        return [key for key in keys if key[0] <= at_ms]

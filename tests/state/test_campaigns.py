from __future__ import annotations

from agents.inventory.campaigns.rows import CAMPAIGNS, CAMPAIGNS_DUE, Campaign, CampaignDue
from agents.inventory.campaigns.words import Registration
from agents.state.campaigns import CAMPAIGN_TABLES, GuardedCampaigns
from agents.state.memory import MemoryStore
from agents.state.overlay import Overlay
from agents.state.store import Meta


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

"""A row of each table of the campaign guard, every field away from its default."""

from __future__ import annotations

from agents.inventory.campaigns.rows import Campaign, CampaignDue, Heard, HeardCell, Pending, Share, Spread
from agents.inventory.campaigns.words import Alternative, CommandKind, Registration, Rule, Status, Thresholds
from agents.inventory.channels import Method
from agents.inventory.offers import State

NOON_MS = 1_790_000_000_000
REGISTRATION = Registration(
    "google_ads",
    "123-456",
    10_007,
    "EUR",
    entity="21",
    skus=("SHOE-é",),
    category="hats",
    regions=("north",),
    channels=("web",),
    thresholds=Thresholds(Rule.SHARE, 40, 60, State.LOW, 600_000, 1_200_000, 12, 8, 50, 25),
    alternatives=(Alternative("22", ("SOCK",)),),
)
CAMPAIGN = Campaign(
    REGISTRATION,
    NOON_MS,
    members=("HAT-1",),
    heard=(
        Heard(
            "HAT-1",
            (HeardCell("web", Method.PICKUP, "north", State.LOW),),
            sellable=False,
            since_ms=NOON_MS + 1,
            cause="inventory.transactions.v1-3-77-0",
            cover_days=9,
            cover_as_of_ms=NOON_MS + 2,
            cover_until_ms=NOON_MS + 3,
            cover_cause="campaigns.v1-1-4",
            overstocked=True,
            told="inventory.transactions.v1-3-78-0",
            told_at_ms=NOON_MS + 11,
            asked=True,
        ),
    ),
    status=Status.PAUSED,
    status_at_ms=NOON_MS + 4,
    owned=True,
    others=True,
    pending=(
        Pending(
            7,
            CommandKind.PAUSE,
            "21",
            2,
            NOON_MS + 5,
            NOON_MS + 6,
            failed=True,
            alerted=True,
            amount_minor=8,
            before_minor=9,
            reason="out_of_stock",
            skus=("HAT-1",),
            causes=("inventory.transactions.v1-3-77-0",),
        ),
    ),
    shares=(Share("22", 10, 11),),
    spread=Spread(("22",), 12, NOON_MS + 7),
    boost=Share("21", 13, 14),
    boosted_at_ms=NOON_MS + 8,
    sequence=15,
    operations=16,
    ended_at_ms=NOON_MS + 9,
    due_ms=NOON_MS + 10,
    seen=("ads/r-1",),
    crowded=True,
)
GOLDEN_ROWS: dict[str, tuple[str, tuple[str | int, ...], object]] = {
    "campaign": ("campaigns", ("summer-é",), CAMPAIGN),
    "campaign_due": ("campaigns_due", (NOON_MS, "summer-é"), CampaignDue()),
}

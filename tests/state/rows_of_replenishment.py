"""A row of each table of the replenisher, every field away from its default."""

from __future__ import annotations

from agents.inventory.replenishment.rows import Coming, Interest, Need, Outlook, Span, Supply, SupplyDue, Told
from agents.inventory.replenishment.words import InsightType, SignalKind, Supplier, Terms, Whereabouts

DAY = 20_717
NOON_MS = 1_790_000_000_000
GOLDEN_ROWS: dict[str, tuple[str, tuple[str | int, ...], object]] = {
    "outlooks": (
        "outlooks",
        ("SHOE-é", "LEEDS"),
        Outlook(
            day=DAY, changed_ms=NOON_MS, stocked_ms=1, sold=2, unpromised=3, promised=4, quarantined=5, in_transit=6,
            level_thousandths=7_000, variance_millionths=8_000_000, weekdays=(1, 2, 3, 4, 5, 6, 7), counted=9,
            lost_thousandths=10, lost=11, checked_day=DAY - 1, count_told=True, needs=12,
            need=Need("SHOE-é@LEEDS-11", 24, 6, DAY, DAY + 7, True), transfers=13,
            coming=(Coming("replenisher-1", "YORK", 14, NOON_MS + 1, True),),
            interests=(Interest(SignalKind.SEARCH, DAY, 40, 20_000, 9),),
            told=(Told(InsightType.LOW_WHILE_DEMAND_RISES, NOON_MS + 2),), empty_days=15,
        ),
    ),
    "supplies": (
        "supplies",
        ("SHOE-é",),
        Supply(
            places=("LEEDS", "YORK"), terms=(Terms("LEEDS", "ACME", 9, 14, 980, 24, 12, 1_999),),
            promotions=(Span("LEEDS", DAY, DAY + 3),), seen=("shop/s-1",), due_ms=NOON_MS, category="shoes",
            campaigns=("summer",), cover_day=DAY, cover_days=15,
        ),
    ),
    "supplies_due": ("supplies_due", (NOON_MS, "SHOE-é"), SupplyDue()),
    "suppliers": ("suppliers", ("ACME",), Supplier("ACME", 10, 25)),
    "places": ("places", ("LEEDS",), Whereabouts("LEEDS", "GB", 538, -15, False)),
}  # fmt: skip

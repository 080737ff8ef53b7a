"""ANOMALY: one movement that is far from what is usual for its kind, of the SKU, at the place.

What is usual is learnt from each movement as it comes, in whole thousandths of a unit: a mean of the units moved (without
sign) and a mean distance from it. The first `LEARNING` movements count alike, from then on each new one for a sixteenth,
so that it follows a season. A movement is unusual when policy asks (`anomaly_factor` above 0), `anomaly_after` movements
were seen, it has at least `anomaly_minimum` units, and

    units > mean + anomaly_factor * max(deviation, half a unit)

A unusual one is learnt as if it had been at that limit: one mistake does not make the next one usual, and a lasting
change is usual after a while. Counts and snapshots are no movements: what they find is a discrepancy. A backfill source
teaches what is usual and raises no alert. The alert reports one movement, so nothing resolves it.
"""

from __future__ import annotations

from agents.inventory.alerts import AlertType, Severity
from agents.inventory.draft import Draft
from agents.inventory.findings import Usual
from agents.inventory.outcomes import Outcome
from agents.inventory.rows import USUAL
from agents.inventory.transactions import FACT_KINDS, Kind

MOVING = FACT_KINDS - {Kind.COUNT, Kind.SNAPSHOT, Kind.INBOUND}
"""The kinds that move goods."""
LEARNING = 16
THOUSAND = 1_000
LEAST_DEVIATION = 500
NOTHING_SEEN = Usual(0, 0, 0)


def watch_movement(draft: Draft, outcome: Outcome) -> None:
    """Judge the movement of an accepted transaction, and learn from it."""
    transaction = draft.transaction
    location = transaction.location or outcome.location
    units = abs(outcome.quantity)
    if location is None or units == 0:
        return
    policy = draft.policy(location)
    if policy.anomaly_factor == 0:
        return
    key = (draft.sku, location, transaction.kind.value)
    usual: Usual = draft.row(USUAL, key) or NOTHING_SEEN
    limit = limit_of(usual, policy.anomaly_factor)
    thousandths = units * THOUSAND
    if usual.seen >= policy.anomaly_after and thousandths > limit:
        thousandths = limit
        if units >= policy.anomaly_minimum and not draft.arrival.backfill:
            raise_anomaly(draft, location, units, usual)
    draft.changes[USUAL, key] = learnt(usual, thousandths)


def limit_of(usual: Usual, factor: int) -> int:
    """The most that is not unusual, in thousandths of a unit."""
    return usual.mean_thousandths + factor * max(usual.deviation_thousandths, LEAST_DEVIATION)


def learnt(usual: Usual, thousandths: int) -> Usual:
    """What is usual with one movement more."""
    seen = usual.seen + 1
    weight = min(seen, LEARNING)
    distance = thousandths - usual.mean_thousandths
    mean = usual.mean_thousandths + distance // weight
    if usual.seen == 0:  # There is no distance from a mean yet.
        return Usual(seen, mean, 0)
    deviation = usual.deviation_thousandths + (abs(distance) - usual.deviation_thousandths) // weight
    return Usual(seen, mean, max(0, deviation))


def raise_anomaly(draft: Draft, location: str, units: int, usual: Usual) -> None:
    """Say what moved, and what is usual."""
    mean, kind = usual.mean_thousandths, draft.transaction.kind
    message = (
        f"{kind} of {units} units of {draft.sku} at {location}: usual are {mean // THOUSAND}.{mean % THOUSAND // 100}, "
        f"as {usual.seen} before it were."
    )
    action = "Look whether it is a mistake; if so, report what sets it right."
    draft.alert(AlertType.ANOMALY, Severity.WARNING, location, message, units, action)

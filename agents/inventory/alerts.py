"""What people must hear of.

An alert opens something: (type, subject, about) names it. It is said once, and a RESOLVED alert with the same subject and
`about`, whose `resolves` is that type, says that it is over. Types that only report what happened are never resolved.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class AlertType(StrEnum):
    """What an alert is about."""

    OVERSOLD = "OVERSOLD"
    """Units that were promised or sold are not there: promises yielded, or a sale elsewhere is not covered."""
    NEGATIVE = "NEGATIVE"
    """A place has fewer than no unpromised units, and fewer than before the decision."""
    DISCREPANCY = "DISCREPANCY"
    """Books and place disagree; a case is open until somebody has looked."""
    UNKNOWN_SKU = "UNKNOWN_SKU"
    """The first fact of a SKU that nobody had named."""
    UNKNOWN_LOCATION = "UNKNOWN_LOCATION"
    """The first fact of a SKU at a place that nobody had named for it."""
    DEAD_LETTER = "DEAD_LETTER"
    """A record could not be read or decided, and is kept aside."""
    WRONG_PARTITION = "WRONG_PARTITION"
    """A record came into another partition than its key's, and was forwarded."""
    PARTITION_PARKED = "PARTITION_PARKED"
    """An invariant was broken: the partition stands still until somebody has looked."""
    OTHER = "OTHER"
    """What has no type of its own: the message says it."""
    RESOLVED = "RESOLVED"
    """What an earlier alert was about is over: `resolves` names its type."""
    SHRINKAGE = "SHRINKAGE"
    """Units were lost at a place again and again: so many are withheld there from now on."""
    OVERDUE = "OVERDUE"
    """Announced goods or a transfer did not come by their time."""
    LOT_EXPIRING = "LOT_EXPIRING"
    """A lot has few days left; said once for each lot."""
    STUCK_ORDER = "STUCK_ORDER"
    """An order does not go on: somebody must look."""
    LOW = "LOW"
    """A place has few units to promise: as many as policy calls low, or fewer."""
    OUT = "OUT"
    """A place has nothing to promise any more."""
    AGING_RESERVATION = "AGING_RESERVATION"
    """A claim has held units for longer than policy finds usual, and they have not left."""
    SLA_AT_RISK = "SLA_AT_RISK"
    """An order may miss what its customer was promised: by when, and what that costs."""
    FEED_SILENT = "FEED_SILENT"
    """A system that reports stock has not been heard for too long; its places may be withheld until it speaks."""
    ANOMALY = "ANOMALY"
    """A movement is far from what is usual for the SKU at that place."""
    COMMAND_FAILED = "COMMAND_FAILED"
    """A command to an advertising platform was not done, though it was sent again and again."""


class Severity(StrEnum):
    """How soon somebody must act."""

    INFO = "INFO"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"


class Alert(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One sentence to the person who must act, and the figures behind it."""

    event_id: str
    type: AlertType
    severity: Severity
    subject: str
    """SKU, SKU@LOCATION, order, campaign, feed, or topic-partition."""
    message: str
    at_ms: int
    sku: str | None = None
    location: str | None = None
    quantity: int = 0
    transaction_id: str | None = None
    action: str | None = None
    """What to do."""
    about: str | None = None
    """Which one, where a subject may have several: the lot, the shipment, the claim (holder/line), the command."""
    resolves: AlertType | None = None
    """RESOLVED: the type of the alert that is over."""
    deadline_ms: int | None = None
    """By when something must be done, in epoch milliseconds."""
    penalty_minor_units: int | None = None
    """What missing the deadline costs, in hundredths of `currency`."""
    currency: str | None = None
    """ISO 4217."""


STAYS_OPEN = frozenset(
    {
        AlertType.NEGATIVE,
        AlertType.DISCREPANCY,
        AlertType.SHRINKAGE,
        AlertType.OVERDUE,
        AlertType.LOT_EXPIRING,
        AlertType.LOW,
        AlertType.OUT,
        AlertType.AGING_RESERVATION,
        AlertType.SLA_AT_RISK,
        AlertType.STUCK_ORDER,
        AlertType.FEED_SILENT,
        AlertType.COMMAND_FAILED,
    }
)
"""What lasts until a RESOLVED alert says that it is over. The others report what happened."""


def stays_open(alert: Alert) -> bool:
    """Whether it lasts. A stuck order that names what it is about (a line, a place) reports what nothing will undo."""
    return alert.type in STAYS_OPEN and not (alert.type is AlertType.STUCK_ORDER and alert.about is not None)

"""What people must hear of."""

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
    """A discrepancy was explained, or counted again and found right: its case is closed."""
    SHRINKAGE = "SHRINKAGE"
    """Units were lost at a place again and again: so many are withheld there from now on."""
    OVERDUE = "OVERDUE"
    """Announced goods or a transfer did not come by their time."""
    LOT_EXPIRING = "LOT_EXPIRING"
    """A lot has few days left; said once for each lot."""
    STUCK_ORDER = "STUCK_ORDER"
    """An order does not go on: somebody must look."""


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
    """SKU, SKU@LOCATION, or topic-partition."""
    message: str
    at_ms: int
    sku: str | None = None
    location: str | None = None
    quantity: int = 0
    transaction_id: str | None = None
    action: str | None = None
    """What to do."""

"""What people must hear of."""

from __future__ import annotations

from enum import StrEnum

import msgspec


class AlertType(StrEnum):
    """What an alert is about."""

    OVERSOLD = "OVERSOLD"
    NEGATIVE = "NEGATIVE"
    DISCREPANCY = "DISCREPANCY"
    UNKNOWN_SKU = "UNKNOWN_SKU"
    UNKNOWN_LOCATION = "UNKNOWN_LOCATION"
    DEAD_LETTER = "DEAD_LETTER"
    WRONG_PARTITION = "WRONG_PARTITION"
    PARTITION_PARKED = "PARTITION_PARKED"
    OTHER = "OTHER"


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

"""Why an intention is refused. The members stand in order of precedence: the first that applies is the answer."""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """A reason to say no. A refusal is an answer: kept under its id and published, never raised."""

    ID_REUSED = "id_reused"
    """The transaction id was used before with other content."""
    TOO_LATE = "too_late"
    """It occurred before the ids of its time were forgotten, so a duplicate could not be recognised."""
    NOT_SUPPORTED = "not_supported"
    """This version of the ledger cannot decide it yet (see the table of kinds in README.md here)."""
    QUANTITY_NOT_POSITIVE = "quantity_not_positive"
    """A quantity of zero or less, where that means nothing."""
    UNKNOWN_SKU = "unknown_sku"
    """No fact and no reference record ever named this SKU."""
    UNKNOWN_LOCATION = "unknown_location"
    """No fact of this SKU and no reference record ever named this location."""
    UNKNOWN_TOPIC = "unknown_topic"
    """A watcher named a topic that edges are not said into."""
    ALREADY_ALLOCATED = "already_allocated"
    """A soft reservation was asked of a claim that is already firm."""
    EXPIRED = "expired"
    """The claim expired less than 24 hours ago."""
    NOTHING_OPEN = "nothing_open"
    """The claim holds nothing that could be released, extended or confirmed."""
    UNAUTHORISED = "unauthorised"
    """A lower system of record may not overwrite a younger count of a higher one."""
    STALE_COUNT = "stale_count"
    """The count was taken not later than the last accepted one, or before the late window."""
    CHANNEL_QUOTA = "channel_quota"
    """Buffers, fences or the channel's places withhold at least the shortfall."""
    INSUFFICIENT_ATP = "insufficient_atp"
    """Not enough is available to promise; the answer carries the shortfall."""


PRECEDENCE: tuple[Refusal, ...] = tuple(Refusal)

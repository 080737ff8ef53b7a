"""What is counted, and what is said of it: tallies on their way to the windows, and the KPIs of a window.

The field names are those of `schemas/tally.avsc` and `schemas/kpi.avsc`.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

SCOREKEEPER = "scorekeeper"
"""The source of the WAKE records that the scorekeeper writes to itself."""
ALL = "all"
"""The subject of everything together."""
SLOT_SECONDS = 3_600
SLOT_MS = SLOT_SECONDS * 1_000
"""Tallies are told by the hour: every window is whole hours."""


class Dimension(StrEnum):
    """What a subject is one of. The subject of everything is of no dimension but `all`."""

    ALL = "all"
    LOCATION = "location"
    CHANNEL = "channel"
    CLASS = "class"
    PLATFORM = "platform"
    """Of advertisements."""


class Counter(StrEnum):
    """What is counted. A change comes with its moment: change times the seconds of its hour that had passed."""

    UNITS_SOLD = "units_sold"
    """Units that left to customers."""
    COST_SOLD = "cost_sold"
    """What they cost, where the cost is known; smallest unit of money."""
    UNITS_LOST = "units_lost"
    """Units gone without a cause, less those found."""
    COUNTS = "counts"
    """Cycle counts of places of which the books said something."""
    COUNTS_ACCURATE = "counts_accurate"
    UNITS_OVERSOLD = "units_oversold"
    STOCK_CHANGE = "stock_change"
    STOCK_MOMENT = "stock_moment"
    VALUE_CHANGE = "value_change"
    VALUE_MOMENT = "value_moment"
    UNITS_ASKED = "units_asked"
    """Ordered units of which the first thing was said: where they come from, or that they wait, or that nobody has them."""
    UNITS_FILLED = "units_filled"
    """Those among them that came out of stock."""
    LINES_ENDED = "lines_ended"
    """Order lines of which nothing is open, without those that were given up as a whole."""
    LINES_ACCURATE = "lines_accurate"
    LINES_SHIPPED = "lines_shipped"
    FULFILMENT_SECONDS = "fulfilment_seconds"
    """From placed to the last unit shipped, of those lines."""
    SELLABLE_CHANGE = "sellable_change"
    """SKUs that a channel could begin, or no longer, sell."""
    SELLABLE_MOMENT = "sellable_moment"
    OFFERED_CHANGE = "offered_change"
    """SKUs that the channel has ever sold."""
    OFFERED_MOMENT = "offered_moment"
    FORECAST = "forecast"
    """Thousandths of units that were expected to be sold."""
    ACTUAL = "actual"
    """Thousandths of units that were."""
    FORECAST_ERROR = "forecast_error"
    """Absolute difference of the two, day by day and place by place."""
    LOST_SALES = "lost_sales"
    """Thousandths of units that would have been sold while there was nothing to sell."""
    PAUSED_SECONDS = "paused_seconds"
    """How long advertisements stood still because there was nothing to sell."""


class TallyKind(StrEnum):
    """What a record of the scores log tells."""

    TALLY = "TALLY"
    WAKE = "WAKE"
    """Written by the scorekeeper to itself: something of the subject is due."""


class Count(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """By how much a counter grows."""

    counter: Counter
    amount: int


class Tally(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """What one chunk of an agent's input adds to one hour of one subject."""

    tally_id: str
    source: str
    kind: TallyKind = TallyKind.TALLY
    subject: str
    """`all`, or `<dimension>:<name>`."""
    slot_ms: int = 0
    """Start of the hour that it belongs to."""
    counts: tuple[Count, ...] = ()


class Figure(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One KPI of a window: the fraction that it is, and its value in millionths of its unit."""

    kpi: str
    unit: str
    numerator: int
    denominator: int
    """Above 0."""
    value_millionths: int
    """Rounded down."""


class KpiRecord(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """All KPIs of one window of one subject, as they stand. The last record of a window counts."""

    event_id: str
    subject: str
    dimension: Dimension
    member: str
    """Which one; empty for the subject `all`."""
    window: str
    """Its length, such as `1h` or `1d`."""
    from_ms: int
    until_ms: int
    """Its end, which does not belong to it."""
    as_of_ms: int
    """Until when it was reckoned: its end, or within a running window the record time."""
    closed: bool
    """False: the window is still running, and more will be said of it."""
    revision: int = 0
    """Of a closed window how often it was corrected by records that came late."""
    figures: tuple[Figure, ...] = ()


def subject_of(dimension: Dimension, member: str) -> str:
    """The subject of one location, channel, class or platform."""
    return f"{dimension.value}:{member}"


def parts_of(subject: str) -> tuple[Dimension, str]:
    """Dimension and member of a subject. Raises ValueError for a dimension that is not known."""
    if subject == ALL:
        return Dimension.ALL, ""
    dimension, _, member = subject.partition(":")
    return Dimension(dimension), member

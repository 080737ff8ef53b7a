"""Units of measure of the ledger: whole base units, epoch milliseconds, and nothing else.

A quantity is a whole number of the SKU's base unit (pieces, grams, millilitres). A time is epoch milliseconds,
UTC. Times around an absolute fact (a count) compare as whole seconds, see `second_of`.
"""

from __future__ import annotations

MILLISECONDS_PER_SECOND = 1_000
MILLISECONDS_PER_MINUTE = 60_000
MILLISECONDS_PER_HOUR = 3_600_000
MILLISECONDS_PER_DAY = 86_400_000


def second_of(time_ms: int) -> int:
    """The whole second that `time_ms` lies in."""
    return time_ms // MILLISECONDS_PER_SECOND

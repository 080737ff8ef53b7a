"""Faust's flow control, without what it throws away when partitions change hands.

After each change of the assignment Faust empties the queues of all its agents, also of those whose partitions stay: what
lay in there it would fetch again. A chunk of ours nobody would. It counts as being with its owner from the moment it is
handed over, so one that was thrown away on the way would keep its partition waiting for ever, without an error.
"""

from __future__ import annotations

from mode.utils.queues import FlowControlEvent


class SteadyFlow(FlowControlEvent):
    """Flows from the beginning until the worker leaves, and never empties a queue."""

    def __init__(self) -> None:
        """Flow at once: before its first assignment is complete Faust would pass over what comes."""
        super().__init__(initially_suspended=False)

    def clear(self) -> None:
        """Keep what is queued. What is no longer to be applied is known to custody."""

"""When an owner that was fenced off may open its partition again. Free of I/O and of clocks.

Kafka fences an owner off when another one opens, but also after a mere transaction timeout. A process that was frozen
and thawed still believes that it is assigned, until its consumer has spoken to the group again. So it waits until the
consumer has been polled for two heartbeat intervals since the fencing without losing the partition.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class FencedWait:
    """The wait of one fenced-off partition that is still assigned."""

    heartbeat_interval_ms: int
    fenced_at_ms: int
    _first_poll_ms: int | None = field(default=None)
    _last_poll_ms: int | None = field(default=None)

    def polled(self, at_ms: int) -> None:
        """The consumer was polled at `at_ms` and the partition is still assigned.

        A pause between two polls longer than the wait itself (the process was frozen again) starts it anew.
        """
        if at_ms <= self.fenced_at_ms:
            return
        frozen = self._last_poll_ms is not None and at_ms - self._last_poll_ms > 2 * self.heartbeat_interval_ms
        if self._first_poll_ms is None or frozen:
            self._first_poll_ms = at_ms
        self._last_poll_ms = at_ms

    @property
    def over(self) -> bool:
        """Whether the partition may be opened again."""
        if self._first_poll_ms is None or self._last_poll_ms is None:
            return False
        return self._last_poll_ms - self._first_poll_ms >= 2 * self.heartbeat_interval_ms

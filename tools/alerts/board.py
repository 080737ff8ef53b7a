"""Which alerts are open: the topic of alerts, folded. Opened less resolved; and what was reported lately."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from agents.inventory.alerts import Alert, AlertType, Severity, stays_open

SEVERITIES = (Severity.INFO, Severity.WARNING, Severity.CRITICAL)
"""The most urgent last."""


@dataclass(frozen=True)
class Shown:
    """One alert as it stands."""

    alert: Alert
    """As it was said last."""
    since_ms: int
    """When it was said first."""
    times: int
    """How often it was said since then."""
    open: bool
    """False: a report of what happened, which nothing resolves."""


@dataclass(frozen=True)
class Wanted:
    """Which alerts somebody asks for; what is left empty is all."""

    types: frozenset[AlertType] = frozenset()
    severity: Severity = Severity.INFO
    """This one, or a more urgent one."""
    location: str | None = None
    subject: str | None = None
    """A SKU, order, campaign or feed; also with @LOCATION."""

    def holds(self, alert: Alert) -> bool:
        """Whether the alert is asked for. A RESOLVED one is of the type that it resolves."""
        return (
            (not self.types or alert.type in self.types or alert.resolves in self.types)
            and (alert.type is AlertType.RESOLVED or rank(alert.severity) >= rank(self.severity))
            and self.location in {None, alert.location}
            and (self.subject in {None, alert.subject, alert.sku})
        )


class Board:
    """Takes alerts in the order of their topic, and knows which are open."""

    def __init__(self) -> None:
        self._open: dict[tuple[AlertType, str, str | None], Shown] = {}
        self._reports: dict[tuple[AlertType, str, str | None], Shown] = {}

    def take(self, alert: Alert) -> None:
        """Hear the next alert."""
        if alert.type is AlertType.RESOLVED:
            # Of the first ones, which named no type, all were about discrepancies.
            resolves = alert.resolves or AlertType.DISCREPANCY
            self._open.pop((resolves, alert.subject, alert.about), None)
            return
        key = (alert.type, alert.subject, alert.about)
        kept, is_open = (self._open, True) if stays_open(alert) else (self._reports, False)
        before = kept.get(key)
        since_ms, times = (alert.at_ms, 1) if before is None else (before.since_ms, before.times + 1)
        kept[key] = Shown(alert, since_ms, times, is_open)

    def shown(self, wanted: Wanted, reports_since_ms: int) -> list[Shown]:
        """What is open, and what was reported since then: the most urgent first, then the oldest."""
        found = [each for each in self._all(reports_since_ms) if wanted.holds(each.alert)]
        return sorted(found, key=lambda each: (-rank(each.alert.severity), each.since_ms, each.alert.event_id))

    def _all(self, reports_since_ms: int) -> Iterator[Shown]:
        yield from self._open.values()
        yield from (each for each in self._reports.values() if each.alert.at_ms >= reports_since_ms)


def rank(severity: Severity) -> int:
    """How urgent it is."""
    return SEVERITIES.index(severity)

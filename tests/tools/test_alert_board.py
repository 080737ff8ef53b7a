"""Which alerts are open: opened less resolved."""

from __future__ import annotations

from typing import Any

from agents.inventory.alerts import Alert, AlertType, Severity
from tools.alerts.board import Board, Wanted

AT_MS = 1_767_225_600_000


def alert(type_: AlertType, subject: str = "SHOE@LEEDS", **fields: Any) -> Alert:
    usual: dict[str, Any] = {
        "severity": Severity.WARNING,
        "message": "",
        "at_ms": AT_MS,
        "location": "LEEDS",
        "sku": "SHOE",
    }
    return Alert(event_id="t-0-1-0", type=type_, subject=subject, **(usual | fields))


def open_types(board: Board, wanted: Wanted | None = None, reports_since_ms: int = AT_MS) -> list[str]:
    return [each.alert.type.value for each in board.shown(wanted or Wanted(), reports_since_ms)]


def test_what_is_resolved_is_not_open_and_only_what_is_meant_is_resolved() -> None:
    board = Board()
    for each in (
        alert(AlertType.LOW),
        alert(AlertType.LOT_EXPIRING, about="A"),
        alert(AlertType.LOT_EXPIRING, about="B"),
        alert(AlertType.LOW, "SHOE@YORK"),
        alert(AlertType.RESOLVED, resolves=AlertType.LOT_EXPIRING, about="A"),
        alert(AlertType.RESOLVED, resolves=AlertType.LOW),
    ):
        board.take(each)
    left = [(each.alert.type, each.alert.subject, each.alert.about) for each in board.shown(Wanted(), 0)]
    assert left == [(AlertType.LOT_EXPIRING, "SHOE@LEEDS", "B"), (AlertType.LOW, "SHOE@YORK", None)]


def test_what_is_said_again_keeps_the_time_when_it_began_and_is_counted() -> None:
    board = Board()
    board.take(alert(AlertType.NEGATIVE, quantity=-1))
    board.take(alert(AlertType.NEGATIVE, quantity=-3, at_ms=AT_MS + 5))
    (shown,) = board.shown(Wanted(), 0)
    assert (shown.since_ms, shown.times, shown.alert.quantity, shown.open) == (AT_MS, 2, -3, True)


def test_reports_are_shown_while_they_are_young() -> None:
    board = Board()
    board.take(alert(AlertType.OVERSOLD))
    board.take(alert(AlertType.STUCK_ORDER, "o1", about="line/1"))
    board.take(alert(AlertType.STUCK_ORDER, "o2"))
    assert sorted(open_types(board)) == ["OVERSOLD", "STUCK_ORDER", "STUCK_ORDER"]
    assert open_types(board, reports_since_ms=AT_MS + 1) == ["STUCK_ORDER"]


def test_the_most_urgent_comes_first_and_what_is_asked_for_narrows_it() -> None:
    board = Board()
    board.take(alert(AlertType.LOW, severity=Severity.INFO))
    board.take(alert(AlertType.OUT, "HAT@YORK", location="YORK", sku="HAT"))
    board.take(alert(AlertType.FEED_SILENT, "pos", severity=Severity.CRITICAL, location=None, sku=None))
    assert open_types(board) == ["FEED_SILENT", "OUT", "LOW"]
    assert open_types(board, Wanted(severity=Severity.WARNING)) == ["FEED_SILENT", "OUT"]
    assert open_types(board, Wanted(frozenset({AlertType.LOW}))) == ["LOW"]
    assert open_types(board, Wanted(location="YORK")) == ["OUT"]
    assert open_types(board, Wanted(subject="HAT")) == ["OUT"]
    assert open_types(board, Wanted(subject="pos")) == ["FEED_SILENT"]

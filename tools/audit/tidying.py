"""What housekeeping may have removed of a row by the cut, and so what two right parties may differ in.

Housekeeping (agents/state/housekeeping.py) runs a few rows with each chunk. Chunks are cut by what happened to arrive
together, so when it came by a row cannot be folded again. What can be said exactly is which forms a row may have at a
record time: as it was decided, or less, once no decision would read the rest. Two rows agree if one is among the forms
that the other may have. Within a form every byte counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import msgspec

from agents.inventory.answers import Answer, KeptAnswer, lines_told
from agents.inventory.duplicates import is_forgotten, offset_of
from agents.inventory.findings import Losses
from agents.inventory.policy import DEFAULT_POLICY
from agents.inventory.reservations import ClosedClaim
from agents.inventory.shipments import Shipment
from agents.inventory.shipments import is_forgotten as is_shipment_forgotten
from agents.inventory.transactions import PolicySettings
from agents.inventory.units import MILLISECONDS_PER_DAY, second_of
from agents.state.housekeeping import WINDOWS_KEPT
from agents.state.keys import Key
from agents.state.ledger import ANSWERS, CLOSED_CLAIMS, INBOUNDS, LOSSES, MOVEMENTS, POLICY, TRANSFERS, LedgerRows
from agents.state.overlay import Overlay
from agents.state.store import Change
from agents.state.tables import Table

Forms = list[Any]
"""A row as it was decided, then what may be left of it; None = nothing."""


class LedgerTidying:
    """Of the stock keeper's rows. Asked when the fold stands at the cut."""

    def __init__(self, overlay: Overlay, answers_keep_ms: int) -> None:
        self._rows = LedgerRows(overlay)
        self._answers_keep_ms = answers_keep_ms
        self._shortest = {
            name: int(getattr(DEFAULT_POLICY, name)) for name in ("late_window_ms", "shrinkage_window_ms")
        }
        self._of: dict[str, Callable[[Key, Any, int], Forms]] = {
            ANSWERS.name: self._answer,
            CLOSED_CLAIMS.name: self._closed_claim,
            MOVEMENTS.name: self._movement,
            INBOUNDS.name: self._shipment,
            TRANSFERS.name: self._shipment,
            LOSSES.name: self._losses,
        }

    def changed(self, rows: Sequence[Change]) -> None:
        """The fold has changed these rows: a policy may be among them, and counts from then on."""
        for table, _, row in rows:
            if table is POLICY and row is not None:
                settings: PolicySettings = POLICY.decode_row(row)
                for name, shortest in self._shortest.items():
                    told: int | None = getattr(settings, name)
                    if told is not None:
                        self._shortest[name] = min(shortest, told)

    def forms(self, table: Table, key: bytes, row: Any, at_ms: int) -> Forms:
        """The forms that a row may have at the record time `at_ms`."""
        of_table = self._of.get(table.name)
        if of_table is None or row is None:
            return [row]
        return of_table(table.decode_key(key), row, at_ms)

    def _answer(self, _: Key, kept: KeptAnswer, at_ms: int) -> Forms:
        forms: Forms = [kept]
        if kept.answer is not None and not self._is_given_in_full(kept, kept.answer, at_ms):
            forms.append(msgspec.structs.replace(kept, answer=None))
        if is_forgotten(kept, at_ms, self._answers_keep_ms):
            forms.append(None)
        return forms

    def _is_given_in_full(self, kept: KeptAnswer, answer: Answer, at_ms: int) -> bool:
        """As `agents.inventory.duplicates.is_kept_in_full` judges; once it is false it stays so."""
        if at_ms - kept.at_ms <= MILLISECONDS_PER_DAY:
            return True
        if not kept.accepted or answer.holder is None:
            return False
        return any(self._is_not_long_closed(answer, answer.holder, line, at_ms) for line in lines_told(answer))

    def _is_not_long_closed(self, answer: Answer, holder: str, line: int, at_ms: int) -> bool:
        answered_at_offset = offset_of(answer.event_id)
        claim = self._rows.claim(answer.sku, holder, line)
        if claim is not None and claim.opening_offset <= answered_at_offset:
            return True
        closed = self._rows.closed_claim(answer.sku, holder, line)
        return (
            closed is not None
            and closed.last.opening_offset <= answered_at_offset
            and at_ms - closed.closed_at_ms <= MILLISECONDS_PER_DAY
        )

    def _closed_claim(self, _: Key, closed: ClosedClaim, at_ms: int) -> Forms:
        return [closed] if at_ms - closed.closed_at_ms <= MILLISECONDS_PER_DAY else [closed, None]

    def _movement(self, key: Key, movement: Any, at_ms: int) -> Forms:
        """By the shortest late window that was ever in force: a policy may have lengthened it since."""
        second = cast("int", key[-1])
        gone = second < second_of(at_ms - WINDOWS_KEPT * self._shortest["late_window_ms"])
        return [movement, None] if gone else [movement]

    def _shipment(self, _: Key, shipment: Shipment, at_ms: int) -> Forms:
        return [shipment, None] if is_shipment_forgotten(shipment, at_ms) else [shipment]

    def _losses(self, _: Key, losses: Losses, at_ms: int) -> Forms:
        gone = losses.events[-1].at_ms <= at_ms - WINDOWS_KEPT * self._shortest["shrinkage_window_ms"]
        return [losses, None] if gone else [losses]


def agree(folded: Forms, found: Forms) -> bool:
    """Whether one row is among the forms that the other may have; each list begins with the row as it is."""
    return found[0] in folded or folded[0] in found

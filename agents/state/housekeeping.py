"""Housekeeping: removes, a few rows with each chunk, what no look-up will ever need again.

Nothing here may change a decision. The argument, table by table; `at_ms` is always the partition's record time, which
never goes back, and whether a row still counts is judged by the core when it looks it up:

* answers: past `answers_keep_ms` an id counts as absent (`is_forgotten`), at every later time too. Until then only the
  full answer is dropped, when the core would no longer give it: 24 hours after it was given, and its claims are neither
  open nor closed less than 24 hours ago (`is_kept_in_full`).
* closed_claims: whoever reads one asks whether it closed within 24 hours; later it counts as absent. The full answers
  that depend on it were droppable at the same moment.
* movements: read by a count, for the seconds after the time it was taken, and a count taken before the late window is
  refused. So a second before the window is never read; twice the window leaves room for a policy that lengthens it.
* inbounds, transfers: of which nothing is open, and which did not change for 30 days, count as absent (`is_forgotten`).
* losses: whoever reads them leaves out what is older than the shrinkage window; a row of nothing else is kept for as
  long again, for a policy that lengthens it.

Most rows are young. Those are recognised at a glance, by the first fields of the row or by its key, without decoding it:
a glance may be wrong only in saying that a row deserves a look.

A removed row is looked up as an absent one, so it does not matter when housekeeping comes by, and the audit leaves
it out. The cursor is kept in memory only: after a restart it begins anew.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import msgspec

from agents.inventory.answers import KeptAnswer, lines_told
from agents.inventory.duplicates import is_forgotten
from agents.inventory.findings import Losses
from agents.inventory.policy import Policy
from agents.inventory.reservations import ClosedClaim
from agents.inventory.shipments import Shipment
from agents.inventory.shipments import is_forgotten as is_shipment_forgotten
from agents.inventory.units import MILLISECONDS_PER_DAY, second_of
from agents.state.keys import NUMBER_BYTES, Key, decode_number
from agents.state.ledger import (
    ANSWERS,
    CLOSED_CLAIMS,
    INBOUNDS,
    LOSSES,
    MOVEMENTS,
    TRANSFERS,
    LedgerRows,
)
from agents.state.overlay import Overlay, TableOverlay


class _KeptAnswerHead(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The first fields of a KeptAnswer."""

    digest: msgspec.Raw
    accepted: bool
    at_ms: int
    forever: bool = False
    answer: msgspec.Raw = msgspec.Raw(msgspec.msgpack.encode(None))


class _ClosedClaimHead(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """The first fields of a ClosedClaim."""

    closing: msgspec.Raw
    closed_at_ms: int


_NIL = msgspec.msgpack.encode(None)
_kept_answer_head = ANSWERS.head_decoder(_KeptAnswerHead)
_closed_claim_head = CLOSED_CLAIMS.head_decoder(_ClosedClaimHead)

WINDOWS_KEPT = 2
"""Movements are kept for so many late windows, losses for so many shrinkage windows."""


class Housekeeper:
    """Walks over the tables in a circle, some rows at a time.

    How many: one row of each table per transaction would come round in the time for which rows are kept; two keep the
    tables within one and a half times of what they must hold.
    """

    def __init__(self, overlay: Overlay, rows: LedgerRows, answers_keep_ms: int) -> None:
        self._rows = rows
        self._answers_keep_ms = answers_keep_ms
        self._walks = (
            _Walk(overlay.table(ANSWERS), self._answer, self._leaves_answer),
            _Walk(overlay.table(CLOSED_CLAIMS), self._closed_claim, _leaves_closed_claim),
            _Walk(overlay.table(MOVEMENTS), self._movement, self._leaves_movement),
            _Walk(overlay.table(INBOUNDS), self._shipment),
            _Walk(overlay.table(TRANSFERS), self._shipment),
            _Walk(overlay.table(LOSSES), self._losses),
        )

    def tidy(self, at_ms: int, visits: int) -> int:
        """Visit at most `visits` rows of each table and put the changes into the overlay. Returns how many changed.

        Call it for a chunk after its last decision, with the record time of that: the changes go with the chunk.
        """
        return sum(walk.go_on(at_ms, visits) for walk in self._walks)

    def _leaves_answer(self, _: bytes, row: bytes, at_ms: int) -> bool:
        kept = _kept_answer_head(row)
        if kept is None:
            return False
        age_ms = at_ms - kept.at_ms
        if not kept.forever and age_ms > self._answers_keep_ms:
            return False
        return age_ms <= MILLISECONDS_PER_DAY or bytes(kept.answer) == _NIL

    def _answer(self, _: Key, kept: KeptAnswer, at_ms: int) -> KeptAnswer | None:
        if is_forgotten(kept, at_ms, self._answers_keep_ms):
            return None
        if kept.answer is None or self._is_kept_in_full(kept, at_ms):
            return kept
        return msgspec.structs.replace(kept, answer=None)

    def _is_kept_in_full(self, kept: KeptAnswer, at_ms: int) -> bool:
        """As agents.inventory.duplicates.is_kept_in_full judges within a decision."""
        answer = kept.answer
        if at_ms - kept.at_ms <= MILLISECONDS_PER_DAY:
            return True
        if answer is None or not kept.accepted or answer.holder is None:
            return False
        return any(self._is_not_long_closed(answer.sku, answer.holder, line, at_ms) for line in lines_told(answer))

    def _is_not_long_closed(self, sku: str, holder: str, line: int, at_ms: int) -> bool:
        if self._rows.claim(sku, holder, line) is not None:
            return True
        closed = self._rows.closed_claim(sku, holder, line)
        return closed is not None and at_ms - closed.closed_at_ms <= MILLISECONDS_PER_DAY

    def _closed_claim(self, _: Key, closed: ClosedClaim, at_ms: int) -> ClosedClaim | None:
        return closed if at_ms - closed.closed_at_ms <= MILLISECONDS_PER_DAY else None

    def _leaves_movement(self, key: bytes, _: bytes, at_ms: int) -> bool:
        window_ms = self._rows.policies().shortest_late_window_ms
        return decode_number(key[-NUMBER_BYTES:]) >= second_of(at_ms - WINDOWS_KEPT * window_ms)

    def _movement(self, key: Key, movement: Any, at_ms: int) -> Any:
        sku, location, second = cast("tuple[str, str, int]", key)
        late_window_ms = self._policy(sku, location).late_window_ms
        return movement if second >= second_of(at_ms - WINDOWS_KEPT * late_window_ms) else None

    def _shipment(self, _: Key, shipment: Shipment, at_ms: int) -> Shipment | None:
        return None if is_shipment_forgotten(shipment, at_ms) else shipment

    def _losses(self, key: Key, losses: Losses, at_ms: int) -> Losses | None:
        sku, location = cast("tuple[str, str]", key)
        window_ms = self._policy(sku, location).shrinkage_window_ms
        return losses if losses.events[-1].at_ms > at_ms - WINDOWS_KEPT * window_ms else None

    def _policy(self, sku: str, location: str) -> Policy:
        goods = self._rows.goods(sku)
        category = None if goods is None or goods.item is None else goods.item.category
        return self._rows.policy(sku, location, None, category)


def _leaves_closed_claim(_: bytes, row: bytes, at_ms: int) -> bool:
    closed = _closed_claim_head(row)
    return closed is not None and at_ms - closed.closed_at_ms <= MILLISECONDS_PER_DAY


def _looks_at_all(_: bytes, __: bytes, ___: int) -> bool:
    return False


class _Walk:
    """A cursor over one table."""

    def __init__(
        self,
        overlay: TableOverlay,
        judge: Callable[[Key, Any, int], Any],
        leaves: Callable[[bytes, bytes, int], bool] = _looks_at_all,
    ) -> None:
        """`leaves`: whether key and row, not decoded, say that the row is to stay as it is; else `judge` looks at it."""
        self._overlay = overlay
        self._judge = judge
        self._leaves = leaves
        self._next = b""

    def go_on(self, at_ms: int, visits: int) -> int:
        """Visit the next rows, from the first again after the last."""
        if visits <= 0:
            return 0
        found = self._overlay.stored_from(self._next, visits + 1)
        self._next = found[visits][0] if len(found) > visits else b""
        leaves = self._leaves
        return sum([self._look_at(key, row, at_ms) for key, row in found[:visits] if not leaves(key, row, at_ms)])

    def _look_at(self, encoded_key: bytes, encoded_row: bytes, at_ms: int) -> bool:
        """Whether the row was changed. One that was put in this chunk is left for the next time round."""
        overlay = self._overlay
        key = overlay.table.decode_key(encoded_key)
        if overlay.is_changed(key):
            return False
        row = overlay.table.decode_row(encoded_row)
        left = self._judge(key, row, at_ms)
        if left is row:
            return False
        overlay.put_stored(key, left)
        return True

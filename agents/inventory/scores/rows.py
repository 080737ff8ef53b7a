"""The rows of the scorekeepers: what each of them must remember to count, and the windows that are counted into."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from agents.inventory.units import MILLISECONDS_PER_DAY, MILLISECONDS_PER_MINUTE

SCORED_SKUS = "scored_skus"  # (sku,) -> ScoredSku
SCORED_PLACES = "scored_places"  # (sku, location) -> ScoredPlace
SCORED_LINES = "scored_lines"  # (order_id, line) -> ScoredLine
SCORED_OFFERS = "scored_offers"  # (sku, channel) -> ScoredOffer
SCORED_PAUSES = "scored_pauses"  # (campaign_id,) -> ScoredPause
SCORE_SUBJECTS = "score_subjects"  # (subject,) -> ScoreSubject
SCORE_WINDOWS = "score_windows"  # (subject, name of the length, start_ms) -> ScoreWindow
SCORES_DUE = "scores_due"  # (due_ms, subject) -> ScoreDue

Key = tuple[str | int, ...]
Changes = dict[tuple[str, Key], Any]
"""Rows as they become; None removes one."""

NEVER = -1


class ScoredSku(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A SKU as the stock scorekeeper knows it."""

    sku_class: str
    """The class in whose stock its units are counted now."""
    on_hand: int = 0
    """Units in all places."""
    category: str | None = None
    unit_cost: int = 0
    tracked: bool = True
    day: int = 0
    """The day of `sold`."""
    sold: int = 0
    rate_thousandths: int = 0
    """EWMA of the units sold in a day."""
    days: int = 0
    """Days that it was learned from."""


class ScoredPlace(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What is on hand of a SKU at a place."""

    on_hand: int = 0


class ScoredLine(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """An order line of which something is open."""

    asked: int = 0
    """Units of which the first thing was said."""
    shipped: int = 0
    unfillable: int = 0
    cancelled: int = 0


class ScoredOffer(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A SKU that a channel has sold: the methods by which it can sell it now."""

    methods: tuple[str, ...] = ()


class ScoredPause(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A campaign that was paused."""

    since_ms: int
    platform: str


class Span(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The windows of one length that a subject has. All are starts; -1 where there is none."""

    oldest: int = NEVER
    newest: int = NEVER
    open_from: int = NEVER
    """The first one that is not closed."""
    dirty_from: int = NEVER
    """The first one that was counted into since they were reckoned."""
    forgotten_until: int = NEVER
    """Those that began before are no longer remembered."""


class ScoreSubject(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A subject: what stands there now, and when it must be looked at."""

    levels: Mapping[str, int] = {}
    """By the counter of its changes: the sum of all of them, ever."""
    spans: Mapping[str, Span] = {}
    """By the name of the window length."""
    said_ms: int = 0
    due_ms: int | None = None


class ScoreWindow(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """One window of a subject."""

    counts: Mapping[str, int] = {}
    told: tuple[tuple[str, int, int], ...] = ()
    """The figures that were said last: KPI, numerator, denominator."""
    closed: bool = False
    revision: int = 0
    touched_ms: int = 0
    """Record time of what was counted into it last."""
    said: bool = False
    """Anything was said of it, ever."""


class ScoreDue(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """That a subject must be looked at then. The key says all."""


class ScoreRows(Protocol):
    """What the scorekeepers may read."""

    def row(self, table: str, key: Key) -> Any:
        """One row, or None."""

    def group(self, table: str, first: str) -> Mapping[Any, Any]:
        """All rows of a table whose key begins so, by the rest of the key."""


class Window(msgspec.Struct, frozen=True, gc=False):
    """A length of windows: whole hours that divide a day, from midnight UTC."""

    name: str
    length_ms: int
    keep_ms: int
    """So long after it was counted into last, a window is remembered, and late records still count."""


class ScorePolicy(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The knobs of the scorekeepers; from `scores:` of the topology."""

    windows: tuple[Window, ...] = (
        Window("1h", MILLISECONDS_PER_DAY // 24, 8 * MILLISECONDS_PER_DAY),
        Window("1d", MILLISECONDS_PER_DAY, 40 * MILLISECONDS_PER_DAY),
    )
    say_every_ms: int = MILLISECONDS_PER_MINUTE
    """At most so often something is said of a window that is running, or of one that is corrected."""
    grace_ms: int = 10_000
    """So long after its end a window is closed: what is on its way still counts at once."""
    carrying_cost_thousandths: int = 250
    """What it costs to keep stock for a year, in thousandths of its value."""
    count_tolerance_thousandths: int = 10
    """A count is accurate if it differs by no more than this share of what the books said."""
    classes: str = "movement"
    """`movement`: A, B or C by how many units are sold in a day. `category`: that of the SKU's item."""
    class_a_thousandths: int = 10_000
    """Units sold in a day, in thousandths, from which on a SKU is in class A."""
    class_b_thousandths: int = 1_000
    rate_smoothing: int = 100
    """Weight of the newest day in that rate, in thousandths."""

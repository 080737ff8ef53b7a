"""Tallies into windows, windows into KPIs: the fold of the scorekeeper.

A window is said at most once a minute while it runs, and once when it is closed: a while after its end, so that what is on
its way still counts. What comes later counts where it belongs, and the window is said again with a higher revision. A
window is remembered for as long as something was counted into it lately (`Window.keep_ms`); what belongs to one that was
forgotten counts only for the levels, which are right at all times.

A level (stock, its value, SKUs that can be sold) goes on while nothing happens, so windows of a subject with a level follow
each other without a gap. The level at the start of a window is the level of now less all changes from then on.

Time is the record time of the scores log. The work of one record is bounded: the windows of one subject, at most
MOST_WINDOWS of them, and of those only the ones that were counted into, or that are to be closed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from agents.inventory.scores.kpis import Sight, reckon
from agents.inventory.scores.rows import (
    NEVER,
    SCORE_SUBJECTS,
    SCORE_WINDOWS,
    SCORES_DUE,
    Changes,
    ScoreDue,
    ScorePolicy,
    ScoreRows,
    ScoreSubject,
    ScoreWindow,
    Span,
    Window,
)
from agents.inventory.scores.tallies import MOMENT_OF
from agents.inventory.scores.words import SLOT_MS, Dimension, Figure, KpiRecord, Tally, TallyKind, parts_of

MOST_WINDOWS = 200
"""Windows of one length that are looked at for one record; the rest at once after it."""
MOST_FORGOTTEN = 50
DUE_ROW = ScoreDue()
MOMENTS = {change.value: moment.value for change, moment in MOMENT_OF.items()}


class TallyArrival(msgspec.Struct, frozen=True, gc=False):
    """One record as it comes from the log."""

    tally: Tally
    cause: str
    """`topic-partition-offset`."""
    at_ms: int


class ScoreDecision(NamedTuple):
    """What follows from one record."""

    changes: Changes
    records: list[KpiRecord]


class Level(NamedTuple):
    """Levels at the start of a window."""

    start: int
    levels: Mapping[str, int]


def problem_of(tally: Tally) -> str | None:
    """What makes a tally unreadable, as a sentence; None where nothing does."""
    try:
        dimension, member = parts_of(tally.subject)
    except ValueError:
        return f"the subject {tally.subject!r:.200} is of no known dimension"
    if not member and dimension is not Dimension.ALL:
        return f"the subject {tally.subject!r:.200} names no {dimension.value}"
    if tally.slot_ms % SLOT_MS or tally.slot_ms < 0:
        return f"{tally.slot_ms} is no start of an hour"
    return None


def score_tally(rows: ScoreRows, arrival: TallyArrival, policy: ScorePolicy) -> ScoreDecision:
    """Count one tally, or look at a subject that is due. Changes nothing; the same rows and record always give the same."""
    board = Board(rows, arrival, policy)
    if arrival.tally.kind is TallyKind.TALLY:
        board.count(arrival.tally)
    if board.is_due():
        board.say()
    board.schedule()
    return board.finish()


class Board:
    """The working sheet of one record: a subject and its windows."""

    def __init__(self, rows: ScoreRows, arrival: TallyArrival, policy: ScorePolicy) -> None:
        self._rows = rows
        self._cause = arrival.cause
        self._now_ms = arrival.at_ms
        self._policy = policy
        self._name, self._kind = arrival.tally.subject, arrival.tally.kind
        self._before: ScoreSubject | None = rows.row(SCORE_SUBJECTS, (self._name,))
        self._subject = self._before or ScoreSubject()
        self._windows: dict[tuple[str, int], ScoreWindow | None] = {}
        self._records: list[KpiRecord] = []
        self._unfinished = False
        """There was more to look at than one record may."""

    # -- count -------------------------------------------------------------------------------------------------------

    def count(self, tally: Tally) -> None:
        """Add a tally to its window of each length, and to the levels."""
        levels = dict(self._subject.levels)
        for each in tally.counts:
            if each.counter in MOMENTS:
                levels[each.counter] = levels.get(each.counter, 0) + each.amount
        self._subject = msgspec.structs.replace(self._subject, levels=levels)
        for window in self._policy.windows:
            start = tally.slot_ms - tally.slot_ms % window.length_ms
            if start >= self._span(window).forgotten_until:
                self._add(window, start, tally)

    def _add(self, window: Window, start: int, tally: Tally) -> None:
        row = self._window(window, start) or ScoreWindow()
        counts = dict(row.counts)
        passed = (tally.slot_ms - start) // 1_000
        for each in tally.counts:
            counts[each.counter] = counts.get(each.counter, 0) + each.amount
            moment = MOMENTS.get(each.counter)
            if moment is not None and passed:
                counts[moment] = counts.get(moment, 0) + each.amount * passed
        self._put(window, start, msgspec.structs.replace(row, counts=counts, touched_ms=self._now_ms))
        span = self._span(window)
        self._put_span(
            window,
            oldest=earliest(span.oldest, start),
            newest=max(span.newest, start),
            open_from=span.open_from if row.closed else earliest(span.open_from, start),
            dirty_from=earliest(span.dirty_from, start),
        )

    # -- say ---------------------------------------------------------------------------------------------------------

    def is_due(self) -> bool:
        """Whether the subject is to be looked at now: when it was woken for it, or at once after a silence."""
        if self._kind is TallyKind.WAKE:
            return self._subject.due_ms is not None and self._subject.due_ms <= self._now_ms
        dirty = any(span.dirty_from != NEVER for span in self._subject.spans.values())
        return dirty and self._now_ms >= self._subject.said_ms + self._policy.say_every_ms

    def say(self) -> None:
        """Reckon every window that was counted into, or that is to be closed, and say those of which the figures changed."""
        self._subject = msgspec.structs.replace(self._subject, said_ms=self._now_ms)
        for window in self._policy.windows:
            if self._span(window).newest != NEVER:
                self._go_on(window)
                self._say_windows(window)
                self._forget(window)

    def _go_on(self, window: Window) -> None:
        """While there is a level, the next windows begin by themselves."""
        if not any(self._subject.levels.values()):
            return
        span = self._span(window)
        start, begun = span.newest + window.length_ms, 0
        while start <= self._now_ms and begun < MOST_WINDOWS:
            if self._window(window, start) is None:
                self._put(window, start, ScoreWindow(touched_ms=self._now_ms))
            self._put_span(window, newest=start, open_from=span.open_from if span.open_from != NEVER else start)
            span = self._span(window)
            start, begun = start + window.length_ms, begun + 1
        self._unfinished |= start <= self._now_ms

    def _say_windows(self, window: Window) -> None:
        span = self._span(window)
        first = earliest(span.dirty_from, span.open_from)
        if first == NEVER:
            return
        done = 0
        dirty_from, open_from = NEVER, NEVER
        for start, levels in self._openings(window, first):
            row = self._window(window, start)
            if row is None:
                continue
            if done >= MOST_WINDOWS:
                dirty_from = start
                open_from = earliest(open_from, start)
                self._unfinished = True
                break
            done += 1
            after = self._say_window(window, start, row, levels)
            if not after.closed and open_from == NEVER:
                open_from = start
        self._put_span(window, dirty_from=dirty_from, open_from=open_from)

    def _openings(self, window: Window, first: int) -> list[Level]:
        """The windows from the first to the newest, in their order, each with the levels at its start."""
        levels = dict(self._subject.levels)
        found: list[Level] = []
        start = self._span(window).newest
        while start >= first:
            row = self._window(window, start)
            if row is None and any(levels.values()):
                row = ScoreWindow(touched_ms=self._now_ms)
                self._put(window, start, row)
            for change in MOMENTS:
                if row is not None and change in row.counts:
                    levels[change] = levels.get(change, 0) - row.counts[change]
            found.append(Level(start, dict(levels)))
            start -= window.length_ms
        found.reverse()
        return found

    def _say_window(self, window: Window, start: int, row: ScoreWindow, levels: Mapping[str, int]) -> ScoreWindow:
        end = start + window.length_ms
        if start > self._now_ms:
            return row
        as_of_ms = min(end, self._now_ms)
        figures = reckon(Sight(row.counts, integrals(row, levels, (as_of_ms - start) // 1_000), self._policy))
        told = tuple([(each.kpi, each.numerator, each.denominator) for each in figures])
        closes = not row.closed and self._now_ms >= end + self._policy.grace_ms
        if told == row.told and not closes:
            return row
        revision = row.revision + 1 if row.closed else 0
        says = bool(figures) or row.said  # What was said and is so no more must not stand.
        after = msgspec.structs.replace(row, told=told, said=says, closed=row.closed or closes, revision=revision)
        self._put(window, start, after)
        if says:
            self._tell(window, start, as_of_ms, after, figures)
        return after

    def _tell(self, window: Window, start: int, as_of_ms: int, row: ScoreWindow, figures: tuple[Figure, ...]) -> None:
        dimension, member = parts_of(self._name)
        self._records.append(
            KpiRecord(
                event_id=f"{self._cause}-{len(self._records)}",
                subject=self._name,
                dimension=dimension,
                member=member,
                window=window.name,
                from_ms=start,
                until_ms=start + window.length_ms,
                as_of_ms=as_of_ms,
                closed=row.closed,
                revision=row.revision,
                figures=figures,
            )
        )

    def _forget(self, window: Window) -> None:
        """Let go of the oldest windows into which nothing was counted for long."""
        span = self._span(window)
        oldest, forgotten, until = span.oldest, 0, span.forgotten_until
        while oldest < span.newest and forgotten < MOST_FORGOTTEN:
            row = self._window(window, oldest)
            if row is not None:
                remembered_until = max(row.touched_ms, oldest + window.length_ms) + window.keep_ms
                if not row.closed or remembered_until >= self._now_ms:
                    break
                self._put(window, oldest, None)
            oldest, forgotten = oldest + window.length_ms, forgotten + 1
            until = oldest
        self._put_span(window, oldest=oldest, forgotten_until=until)

    # -- when ---------------------------------------------------------------------------------------------------------

    def schedule(self) -> None:
        """Set when the subject must be looked at again: when it may be said, or when a window is to be closed."""
        due: list[int] = [self._now_ms] if self._unfinished else []
        for window in self._policy.windows:
            span = self._span(window)
            if span.dirty_from != NEVER:
                due.append(max(self._now_ms, self._subject.said_ms + self._policy.say_every_ms))
            if span.open_from != NEVER:
                closes_ms = span.open_from + window.length_ms + self._policy.grace_ms
                if (
                    closes_ms > self._now_ms or span.dirty_from == NEVER
                ):  # One that came late closes when it may be said.
                    due.append(closes_ms)
            elif span.newest != NEVER and any(self._subject.levels.values()):
                due.append(span.newest + 2 * window.length_ms + self._policy.grace_ms)
        self._subject = msgspec.structs.replace(self._subject, due_ms=max(self._now_ms, min(due)) if due else None)

    def finish(self) -> ScoreDecision:
        """Hand everything over."""
        changes: Changes = {
            (SCORE_WINDOWS, (self._name, length, start)): row for (length, start), row in self._windows.items()
        }
        due_before = None if self._before is None else self._before.due_ms
        if self._subject != self._before:
            changes[SCORE_SUBJECTS, (self._name,)] = self._subject
        if self._subject.due_ms != due_before:
            if due_before is not None:
                changes[SCORES_DUE, (due_before, self._name)] = None
            if self._subject.due_ms is not None:
                changes[SCORES_DUE, (self._subject.due_ms, self._name)] = DUE_ROW
        return ScoreDecision(changes, self._records)

    # -- rows --------------------------------------------------------------------------------------------------------

    def _window(self, window: Window, start: int) -> ScoreWindow | None:
        key = (window.name, start)
        if key in self._windows:
            return self._windows[key]
        row: ScoreWindow | None = self._rows.row(SCORE_WINDOWS, (self._name, window.name, start))
        return row

    def _put(self, window: Window, start: int, row: ScoreWindow | None) -> None:
        self._windows[window.name, start] = row

    def _span(self, window: Window) -> Span:
        return self._subject.spans.get(window.name) or Span()

    def _put_span(self, window: Window, **starts: int) -> None:
        span = msgspec.structs.replace(self._span(window), **starts)
        self._subject = msgspec.structs.replace(self._subject, spans={**self._subject.spans, window.name: span})


def earliest(start: int, other: int) -> int:
    """The earlier of two starts; one that is not there does not count."""
    if NEVER in (start, other):
        return max(start, other)
    return min(start, other)


def integrals(row: ScoreWindow, levels: Mapping[str, int], seconds: int) -> Mapping[str, int]:
    """Each level summed over the first `seconds` of the window."""
    found: dict[str, int] = {}
    for change, moment in MOMENTS.items():
        changes = row.counts.get(change, 0)
        found[change] = (levels.get(change, 0) + changes) * seconds - row.counts.get(moment, 0)
    return found

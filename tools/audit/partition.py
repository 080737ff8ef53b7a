"""One partition from beginning to end.

1. Look at the local stores (each stands at a checkpoint of its own), then ask for the committed end of the changelog.
2. Read the changelog up to each checkpoint and compare the stores there, then on to its end: the cut. Its last position
   row says P, the input position that everything is compared at from here on.
3. Fold the input from its first record to P, and beside it read answers, journal, alerts, dead letters and levels.
4. At P compare the rows, and look for what was said too much or is missing.
5. What lies behind P is another audit's; only nothing may have been said beyond the changelog's position of by then.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Message

from agents.runtime.opening import LogFigures, input_refusal
from agents.runtime.owner import Parked
from agents.state.tables import UndecodableRow
from tools.audit.comparing import RowWords, Suspect, fold_against_changelog
from tools.audit.cut import ChangelogCut
from tools.audit.events import OTHER_VERSION, PATIENCE_S
from tools.audit.findings import Difference, Findings, Kind, Party
from tools.audit.levels import READ_AHEAD
from tools.audit.local import local_stores
from tools.audit.logs import PartitionLog
from tools.audit.outputs import Outputs, skips
from tools.audit.refold import Refold
from tools.audit.row_levels import compare_levels_with_rows
from tools.audit.stage import AuditStage
from tools.audit.states import States, StateSeen

PROGRESS_EVERY = 500
ROWS_ONLY = (
    "`onhand audit --rows-only` compares changelog, local state and levels with each other; that needs no input."
)

Progress = Callable[[int, int], None]
"""Told (offsets folded, offsets in all)."""


class CannotAudit(Exception):
    """It cannot be said whether this partition is right. The message says why, `what_to_do` what can be done instead."""

    def __init__(self, sentence: str, what_to_do: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.what_to_do = what_to_do


@dataclass
class PartitionReport:
    """What the audit of one partition says."""

    partition: int
    input_position: int = 0
    """P: everything was compared at this input position."""
    records: int = 0
    """Input records folded."""
    rows: int = 0
    """Rows of the changelog at P."""
    found: dict[str, int] = field(default_factory=dict)
    """Records found as the fold says them, by party."""
    gone: dict[str, int] = field(default_factory=dict)
    """Records that the fold says and retention has deleted: not checked, by party."""
    overtaken: int = 0
    """Rows that compaction hid, because they were written again meanwhile: not checked."""
    states: list[StateSeen] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    seconds: float = 0.0
    cannot: CannotAudit | None = None
    findings: Findings = field(default_factory=Findings)


def audit_partition(
    stage: AuditStage,
    partition: int,
    *,
    state_directory: Path | None,
    rows_only: bool = False,
    progress: Progress = lambda _, __: None,
) -> PartitionReport:
    """Audit one partition. Raises KafkaException, BrokerUnusable, RegistryUnreachable; what it finds is in the report."""
    began = time.monotonic()
    report = PartitionReport(partition)
    try:
        _PartitionAudit(stage, report, progress).run(state_directory, rows_only=rows_only)
    except CannotAudit as cannot:
        report.cannot = cannot
    report.seconds = time.monotonic() - began
    return report


class _PartitionAudit:
    def __init__(self, stage: AuditStage, report: PartitionReport, progress: Progress) -> None:
        self._stage = stage
        self._report = report
        self._findings = report.findings
        self._partition = report.partition
        self._progress = progress
        self._words = RowWords(stage.logic.tables)

    def run(self, state_directory: Path | None, *, rows_only: bool) -> None:
        stage, partition = self._stage, self._partition
        stores = [] if state_directory is None else local_stores(state_directory, stage.agent.name, partition)
        with States(stores, partition, stage.logic.tables, self._words, self._findings) as states:
            figures = stage.figures(partition)
            start = figures.changelog_start
            with ChangelogCut(stage.topology.kafka, figures.changelog, partition, start) as cut:
                self._check_changelog(figures)
                try:
                    states.compare(cut, figures)
                    overtaken = cut.advance(figures.changelog_end, states.watched)
                except UndecodableRow as unreadable:
                    raise CannotAudit(
                        f"{figures.changelog}[{partition}] holds a position that this program cannot read: {unreadable}.",
                        "Run the version that wrote it.",
                    ) from unreadable
                self._report.input_position, self._report.rows = cut.meta.input_position, len(cut.rows)
                self._at_the_cut(cut, figures, rows_only=rows_only)
                overtaken |= self._read_on(cut, states.watched)
            self._report.overtaken += states.tell(overtaken, cut_is_whole=cut.whole)
            self._report.states = states.seen

    def _at_the_cut(self, cut: ChangelogCut, figures: LogFigures, *, rows_only: bool) -> None:
        if rows_only:
            self._report.found[Party.LEVELS] = compare_levels_with_rows(
                self._stage, self._partition, cut, self._findings
            )
            return
        self._check_input(cut, figures)
        refold = Refold(self._stage.topology, self._stage.agent, self._stage.logic, self._stage.codec, self._partition)
        tidying = self._stage.tidying(refold.overlay)
        outputs = Outputs(self._stage, self._partition, self._findings)
        try:
            whole = self._fold(refold, outputs, cut.meta.input_position, [] if tidying is None else [tidying.changed])
            if whole:
                self._compare_rows(
                    cut, list(fold_against_changelog(refold.rows, cut.rows, self._words, tidying, refold.time_ms))
                )
                ahead = outputs.finish(cut.meta.input_position)
                if outputs.books is not None:
                    outputs.books.close(refold.rows)
                self._nothing_beyond(cut, ahead)
            self._report.found, self._report.gone = dict(outputs.counts()), dict(outputs.gone())
            self._report.remarks += [f"{topic} is not compared" for topic in sorted(outputs.unknown)]
        finally:
            outputs.close()
        if refold.forwarded:
            self._report.remarks.append(f"{refold.forwarded} records lay in the wrong partition and were forwarded")

    # -- what must hold before anything can be folded ------------------------------------------------------------------

    def _check_changelog(self, figures: LogFigures) -> None:
        if figures.changelog_start > 0:
            raise CannotAudit(
                f"{figures.changelog}[{self._partition}] starts at offset {figures.changelog_start}: rows of the state "
                "were deleted from it.",
                "Nothing can be compared with it; a worker that still has its state runs on, a new one refuses.",
            )

    def _check_input(self, cut: ChangelogCut, figures: LogFigures) -> None:
        if cut.meta.input_position == 0 and not cut.rows:
            self._report.remarks.append("nothing has been decided yet")
        if figures.input_start > 0:
            raise CannotAudit(
                f"{figures.topic}[{self._partition}] starts at offset {figures.input_start}: the records before it are "
                "deleted (retention?), and a fold without them would be another one.",
                f"Keep the input for ever (retention.ms=-1). {ROWS_ONLY}",
            )
        lost = input_refusal(cut.meta.input_position, cut.meta.topic_id, figures)
        if lost is not None:
            raise CannotAudit(lost.partition(" When the loss")[0], ROWS_ONLY)

    # -- the fold --------------------------------------------------------------------------------------------------------

    def _fold(self, refold: Refold, outputs: Outputs, end: int, heed: Iterable[Callable[[Any], None]]) -> bool:
        """Fold up to `end`. Returns False where it broke an invariant on the way and stands there."""
        left_out = skips(self._stage, self._partition)
        heeding = list(heed)
        with PartitionLog(self._stage.topology.kafka, self._stage.agent.folds, self._partition, 0) as log:
            for message, horizon in with_horizon(log.up_to(end), READ_AHEAD):
                offset = message.offset() or 0
                outputs.read_ahead(horizon)
                try:
                    outbox = refold.fold(message, left_out.get(offset))
                except Parked as parked:
                    self._broken(parked, end)
                    return False
                for each in heeding:
                    each(refold.last_rows)
                outputs.judge(offset, outbox)
                self._report.records += 1
                if self._report.records % PROGRESS_EVERY == 0:
                    self._progress(offset + 1, end)
        self._progress(end, end)
        return True

    def _broken(self, parked: Parked, end: int) -> None:
        where = f"{self._stage.agent.folds}[{self._partition}]@{parked.offset}"
        self._findings.note(
            Party.INPUT,
            Kind.DIFFERS,
            lambda: Difference(
                self._partition,
                Party.INPUT,
                Kind.DIFFERS,
                where,
                None,
                None,
                f"The record at {where} breaks an invariant of this program ({parked}), yet the worker has folded on to "
                f"{end}: one of the two decides wrongly. Nothing behind it was compared.",
                OTHER_VERSION,
            ),
        )

    # -- at the cut ------------------------------------------------------------------------------------------------------

    def _compare_rows(self, cut: ChangelogCut, suspects: list[Suspect]) -> None:
        seen: set[bytes] = set()
        if suspects and not cut.whole:
            seen = self._read_on(cut, frozenset(suspect.key for suspect in suspects))
        self._report.overtaken += len(seen)
        for suspect in suspects:
            if suspect.key not in seen:
                self._tell_row(suspect)

    def _tell_row(self, suspect: Suspect) -> None:
        key, expected, found = suspect
        kind = Kind.MISSING if found is None else Kind.SURPLUS if expected is None else Kind.DIFFERS
        name = self._words.name(key)
        what = {
            Kind.MISSING: "is not in the changelog, but the fold has it",
            Kind.SURPLUS: "is in the changelog, but the fold does not have it",
            Kind.DIFFERS: "is another one in the changelog than in the fold",
        }[kind]
        self._findings.note(
            Party.CHANGELOG,
            kind,
            lambda: Difference(
                self._partition,
                Party.CHANGELOG,
                kind,
                name,
                self._words.row(key, expected),
                self._words.row(key, found),
                f"{name} {what}: the changelog is wrong, and every worker restores it so.",
                f"{OTHER_VERSION} Until it is understood, count what it concerns: a COUNT sets the units right.",
            ),
        )

    def _nothing_beyond(self, cut: ChangelogCut, ahead: int) -> None:
        """What was said of later input must be in the changelog by now: else the changelog has lost its end."""
        deadline = time.monotonic() + PATIENCE_S
        while ahead > cut.meta.input_position:
            self._read_on(cut, frozenset())
            if time.monotonic() > deadline or not cut.has_pending():
                break
        if ahead <= cut.meta.input_position:
            return
        position = cut.meta.input_position
        self._findings.note(
            Party.CHANGELOG,
            Kind.BEHIND,
            lambda: Difference(
                self._partition,
                Party.CHANGELOG,
                Kind.BEHIND,
                "input position",
                str(ahead),
                str(position),
                f"Events say that the input was decided up to {ahead}, the changelog stands at {position}: it has lost its "
                "end, or was made anew. A worker that restores from it decides the same input again.",
                "Stop the workers of this agent before they do, and look at what became of the changelog.",
            ),
        )

    def _read_on(self, cut: ChangelogCut, watched: frozenset[bytes]) -> set[bytes]:
        return cut.advance(self._stage.figures(self._partition).changelog_end, watched)


def with_horizon(messages: Iterable[Message], count: int) -> Iterator[tuple[Message, int | None]]:
    """Each record with the offset of the one `count` further on; None where there are not so many."""
    waiting: deque[Message] = deque()
    for message in messages:
        waiting.append(message)
        if len(waiting) > count:
            yield waiting.popleft(), message.offset()
    while waiting:
        yield waiting.popleft(), None

"""The local stores of a partition against the changelog, each at its own checkpoint."""

from __future__ import annotations

import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from agents.runtime.opening import LogFigures, changelog_refusal, must_rebuild
from agents.state.store import Meta, StoreCorrupt, StoreError
from agents.state.tables import Table, UndecodableRow
from tools.audit.comparing import RowWords, Suspect, state_against_changelog
from tools.audit.cut import ChangelogCut
from tools.audit.findings import Difference, Findings, Kind, Party
from tools.audit.local import LocalRows, LocalStore

REBUILD = (
    "It is only a cache: stop that worker, delete the directory, start it again, and it is rebuilt from the changelog. "
    "Look at the disk."
)


@dataclass(frozen=True)
class StateSeen:
    """One local store."""

    instance: str
    path: str
    input_position: int
    checkpoint: int
    rows: int
    """Compared."""
    remark: str = ""
    """Why it was not compared."""


class States:
    """The local stores of one partition. A context manager: they are looked at when it is entered."""

    def __init__(
        self,
        stores: list[LocalStore],
        partition: int,
        tables: tuple[Table, ...],
        words: RowWords,
        findings: Findings,
    ) -> None:
        self.seen: list[StateSeen] = []
        self.watched: frozenset[bytes] = frozenset()
        """Rows that differ, unless they are only hidden by compaction: then they come by behind the checkpoint."""
        self._stores = stores
        self._partition = partition
        self._tables = tables
        self._words = words
        self._findings = findings
        self._views: list[LocalRows] = []
        self._suspects: list[tuple[LocalStore, Suspect]] = []
        self._overtaken: set[bytes] = set()

    def compare(self, cut: ChangelogCut, figures: LogFigures) -> None:
        """Advance the changelog to each checkpoint in turn, and compare there."""
        for view in sorted(self._views, key=lambda view: view.meta.checkpoint):
            remark = self._unfit(view, figures)
            compared = 0
            if not remark:
                self._overtaken |= cut.advance(view.meta.checkpoint, self.watched)
                # Compaction takes position rows first; only the last one is sure to be there.
                certain = cut.whole or view.meta.checkpoint >= figures.changelog_end
                compared = self._compare(view, cut, position_is_certain=certain)
            store, meta = view.store, view.meta
            self.seen.append(
                StateSeen(store.instance, str(store.path), meta.input_position, meta.checkpoint, compared, remark)
            )

    def tell(self, seen_later: set[bytes], *, cut_is_whole: bool) -> int:
        """Everything was read: note what differs. Returns how many rows were hidden by compaction."""
        hidden = set() if cut_is_whole else self._overtaken | seen_later
        for store, suspect in self._suspects:
            if suspect.key not in hidden:
                self._tell_row(store, suspect)
        return sum(suspect.key in hidden for _, suspect in self._suspects)

    def _unfit(self, view: LocalRows, figures: LogFigures) -> str:
        meta = view.meta
        if meta.checkpoint == 0:
            return "it is empty"
        lost = changelog_refusal(meta.checkpoint, figures)
        if lost is not None:
            self._tell(view.store, Kind.BEHIND, "checkpoint", None, None, lost)
            return "it does not belong to this changelog"
        if must_rebuild(meta.checkpoint_at_ms, time.time_ns() // 1_000_000, figures):
            return "it is too old to be caught up, a worker would rebuild it"
        return ""

    def _compare(self, view: LocalRows, cut: ChangelogCut, *, position_is_certain: bool) -> int:
        store = view.store
        try:
            suspects = list(state_against_changelog(view, cut.rows, self._tables, self._words))
        except StoreCorrupt as corrupt:
            self._unreadable(store, corrupt.why)
            return 0
        self._suspects += [(store, suspect) for suspect in suspects]
        self.watched |= {suspect.key for suspect in suspects}
        expected, found = (_position(meta) for meta in (cut.meta, view.meta))
        if position_is_certain and expected != found:
            self._tell(
                store,
                Kind.DIFFERS,
                "input position",
                expected,
                found,
                f"The local state of {store.instance} in {store.path} stands at {found}, the changelog at {expected}: the "
                "local state is wrong.",
            )
        return len(cut.rows)

    def _unreadable(self, store: LocalStore, why: str) -> None:
        self._tell(
            store,
            Kind.UNREADABLE,
            str(store.path),
            None,
            None,
            f"The local state of {store.instance} in {store.path} cannot be read: {why}.",
        )

    def _tell_row(self, store: LocalStore, suspect: Suspect) -> None:
        key, expected, found = suspect
        name = self._words.name(key)
        kind = Kind.MISSING if found is None else Kind.SURPLUS if expected is None else Kind.DIFFERS
        what = {
            Kind.MISSING: "is missing from",
            Kind.SURPLUS: "is not in the changelog, but in",
            Kind.DIFFERS: "is another one in",
        }[kind]
        self._tell(
            store,
            kind,
            name,
            self._words.row(key, expected),
            self._words.row(key, found),
            f"{name} {what} the local state of {store.instance} ({store.path}): the local state is wrong.",
        )

    def _tell(
        self, store: LocalStore, kind: Kind, record: str, expected: str | None, found: str | None, sentence: str
    ) -> None:
        self._findings.note(
            Party.STATE,
            kind,
            lambda: Difference(
                self._partition,
                Party.STATE,
                kind,
                f"{record} of {store.instance}",
                expected,
                found,
                sentence,
                REBUILD,
            ),
        )

    def __enter__(self) -> Self:
        for store in self._stores:
            try:
                self._views.append(LocalRows(store))
            except StoreCorrupt as corrupt:
                self._unreadable(store, corrupt.why)
                self.seen.append(StateSeen(store.instance, str(store.path), 0, 0, 0, "it cannot be read"))
            except (StoreError, UndecodableRow) as fault:
                self.seen.append(StateSeen(store.instance, str(store.path), 0, 0, 0, str(fault)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for view in self._views:
            view.close()


def _position(meta: Meta) -> str:
    return f"input position {meta.input_position}, record time {meta.last_time_ms}"

"""What every agent of a conversation is: it folds logs of its own, and what it says goes into the logs of others."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

RecordType = TypeVar("RecordType")
DecisionType = TypeVar("DecisionType")

LogName = tuple[str, str]
"""(what it is a log of: `sku`, `order`, `campaign`, `demand` ..., its name)."""
Key = tuple[str | int, ...]


class Decided(NamedTuple, Generic[RecordType, DecisionType]):
    """One record that an agent heard, and what it decided."""

    record: RecordType
    at_ms: int
    cause: str
    """`topic-partition-offset`: the events that follow from it begin with it."""
    decision: DecisionType


class Agent(Protocol):
    """One that hears records, decides, and says records to others."""

    @property
    def name(self) -> str:
        """With which its causes begin."""

    @property
    def hears(self) -> tuple[type, ...]:
        """The records that it folds."""

    def log_of(self, record: Any) -> LogName:
        """The log that a record belongs into: each keeps its order."""

    def decide(self, record: Any, cause: str, at_ms: int) -> Sequence[Any]:
        """Decide and keep what changed; what it says to others."""

    def dates(self) -> Iterator[int]:
        """When something is due."""

    def wakes(self, now_ms: int) -> Iterator[Any]:
        """The records that wake it for what is due by now."""

    def forget(self) -> None:
        """What it has decided was taken."""

    def crash(self) -> bool:
        """Lose all rows, and rebuild them from the changelog; whether they are the same."""


class Tables:
    """Rows of an agent by (table, key), and the changelog that they are a cache of."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, Key], Any] = {}
        self._changelog: dict[tuple[str, Key], Any] = {}

    def apply(self, changes: Mapping[tuple[str, Key], Any]) -> None:
        """Take over what a decision changed; None removes a row."""
        self._changelog |= changes
        for key, row in changes.items():
            if row is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row

    def row(self, table: str, key: Key) -> Any:
        """One row, or None."""
        return self.rows.get((table, key))

    def group(self, table: str, first: str) -> Mapping[Any, Any]:
        """All rows of a table whose key of two parts begins so, by the second."""
        return {key[1]: row for (name, key), row in self.rows.items() if name == table and key[0] == first}

    def due(self, table: str) -> list[tuple[int, str]]:
        """The keys of a table of dates: (when, of what), the earliest first."""
        return sorted((int(key[0]), str(key[1])) for name, key in self.rows if name == table)

    def crash(self) -> bool:
        """See `Agent.crash`."""
        before, changelog = self.rows, self._changelog
        self.rows, self._changelog = {}, {}
        self.apply(changelog)
        return self.rows == before

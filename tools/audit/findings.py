"""Differences: counted by party and kind, the first ones of each kept with their explanation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

KEPT_OF_EACH = 3
"""Explained differences of each party and kind; the rest is counted."""


class Party(StrEnum):
    """Where something is other than the fold has it."""

    STATE = "state"
    """The local RocksDB of a worker."""
    CHANGELOG = "changelog"
    LEVELS = "levels"
    AVAILABILITY = "availability"
    ANSWERS = "answers"
    JOURNAL = "journal"
    EDGES = "edges"
    ALERTS = "alerts"
    ROUTINGS = "routings"
    STATUSES = "statuses"
    """How each order stands."""
    COMMANDS = "commands"
    REQUESTS = "requests"
    INSIGHTS = "insights"
    KPIS = "kpis"
    TRANSACTIONS = "transactions"
    """What an agent asks of the ledger."""
    ORDERS = "orders"
    """What the router is told of its claims."""
    CAMPAIGNS = "campaigns"
    """Edges and cover, told to the campaigns that watch."""
    DEMAND = "demand"
    """What was decided, told to the replenisher."""
    DEAD_LETTERS = "dead_letters"
    BOOKS = "books"
    """The sums of the journal's postings."""
    INPUT = "input"


class Kind(StrEnum):
    """In what it differs."""

    MISSING = "missing"
    SURPLUS = "surplus"
    DOUBLED = "doubled"
    """Also: out of order."""
    DIFFERS = "differs"
    UNREADABLE = "unreadable"
    BEHIND = "behind"
    """A log ends before what was written from it."""


@dataclass(frozen=True)
class Difference:
    """One difference, told to the person who must act."""

    partition: int
    party: Party
    kind: Kind
    record: str
    """What it is about: a row, or an event."""
    expected: str | None
    """As the fold (or for STATE the changelog) has it; None where there should be nothing."""
    found: str | None
    """None where it is missing."""
    sentence: str
    """What is wrong, and which of the parties."""
    what_to_do: str


class Findings:
    """What an audit of one partition has found."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[Party, Kind]] = Counter()
        self.told: list[Difference] = []

    def note(self, party: Party, kind: Kind, tell: Callable[[], Difference]) -> None:
        """Count a difference; one of the first of its sort is told, too."""
        self.counts[party, kind] += 1
        if self.counts[party, kind] <= KEPT_OF_EACH:
            self.told.append(tell())

    @property
    def total(self) -> int:
        """All differences."""
        return self.counts.total()

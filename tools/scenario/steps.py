"""The steps of a scenario, as read from its text."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from agents.inventory.answers import Status
from agents.inventory.transactions import Kind


@dataclass(frozen=True)
class ExpectedAnswer:
    """What follows `->`. None is not looked at."""

    status: Status | None
    """None: no answer at all."""
    refusal: str | None = None
    malformed: bool = False
    quantity: int | None = None
    shortfall: int | None = None
    repeats: bool = False
    due_ms: int | None = None
    alternatives: tuple[tuple[str, int], ...] | None = None


@dataclass(frozen=True)
class ExpectedNotice:
    """`.. yielded r1 2`: a notice to a holder. None is not looked at."""

    status: Status
    holder: str
    line: int
    quantity: int | None = None


@dataclass(frozen=True)
class ExpectedAlert:
    """`.. alert oversold 2`. None is not looked at."""

    type: str
    quantity: int | None = None


@dataclass(frozen=True)
class Expected:
    """All `..` of a step. None: nothing was said of them, so nothing is looked at."""

    notices: tuple[ExpectedNotice, ...] | None = None
    alerts: tuple[ExpectedAlert, ...] | None = None
    dead_letter: bool | None = None


@dataclass(frozen=True)
class Step:
    """One step. `line` is its line number, `text` the line as written."""

    line: int
    text: str
    expected: Expected = field(default_factory=Expected, kw_only=True)
    at_ms: int | None = field(default=None, kw_only=True)
    """Where `at TIME` sets the clock before the step."""


@dataclass(frozen=True)
class Send(Step):
    """A transaction. `fields` are those of Transaction, `occurred_at_ms` of a fact at the clock if not given."""

    kind: Kind
    sku: str
    fields: dict[str, Any]
    answer: ExpectedAnswer | None
    """None: it is expected to be accepted."""


@dataclass(frozen=True)
class Again(Step):
    """The last transaction once more, unchanged."""

    answer: ExpectedAnswer | None


@dataclass(frozen=True)
class SetClock(Step):
    """`at TIME` alone; the ledger does not wake."""


@dataclass(frozen=True)
class Advance(Step):
    """The clock moves on; `wake`: the ledger wakes and expires what is due on idle SKUs."""

    by_ms: int
    wake: bool


@dataclass(frozen=True)
class Crash(Step):
    """All rows are lost and rebuilt from the changelog."""


@dataclass(frozen=True)
class CheckLevel(Step):
    """`level SKU@LOCATION atp 5 ...`; no figures: there must be no row."""

    sku: str
    location: str
    figures: dict[str, int]


@dataclass(frozen=True)
class CheckClaim(Step):
    """`claim r1 SKU reserved 5 ...`; no figures: it must not be open."""

    sku: str
    holder: str
    number: int
    figures: dict[str, int]


@dataclass(frozen=True)
class CheckAccount(Step):
    """`account SKU scrap 5`: what the journal has posted to an account."""

    sku: str
    account: str
    quantity: int


@dataclass(frozen=True)
class CheckJournal(Step):
    """`journal 2`: how many journal records the last transaction made."""

    records: int

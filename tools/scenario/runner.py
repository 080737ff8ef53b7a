"""Run the steps of a scenario and compare what follows with what the text expects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from agents.inventory.answers import Status
from agents.inventory.reservations import Claim, allocated_units, reserved_units
from agents.inventory.rows import POSITIONS, Decision
from agents.inventory.transactions import FACT_KINDS, Mode, Transaction
from agents.inventory.validation import problem_of
from tools.scenario.comparing import describe, describe_events, differences_of_answer, differences_of_events
from tools.scenario.ledger import Ledger
from tools.scenario.parser import parse
from tools.scenario.steps import (
    Advance,
    Again,
    CheckAccount,
    CheckClaim,
    CheckJournal,
    CheckLevel,
    Crash,
    ExpectedAnswer,
    Send,
    Step,
)
from tools.scenario.words import Unreadable, clock_text

DEFAULT_SOURCE = "shop"
NOTICES = frozenset({Status.EXPIRED, Status.YIELDED, Status.MOVED, Status.COVERED})


@dataclass(frozen=True)
class Result:
    """What became of one step."""

    step: Step
    said: str
    """What the ledger answered and said, as scenario text."""
    differences: tuple[str, ...] = field(default=())
    """Sentences; none means that it is as expected."""


def play(path: Path) -> Iterator[Result]:
    """Play a file step by step, up to and with the first difference. Raises Unreadable before the first step."""
    return Runner().run(parse(path.read_text(encoding="utf-8")))


class Runner:
    """Plays steps on a ledger of its own."""

    def __init__(self, ledger: Ledger | None = None) -> None:
        self.ledger = Ledger() if ledger is None else ledger
        self._sent = 0
        self._last: Transaction | None = None
        self._records = 0

    def run(self, steps: list[Step]) -> Iterator[Result]:
        """Play the steps, up to and with the first difference."""
        for step in steps:
            result = self.play_step(step)
            faults = tuple(self.ledger.faults())
            if faults:
                result = Result(step, result.said, result.differences + faults)
            yield result
            if result.differences:
                return

    def play_step(self, step: Step) -> Result:
        """Play one step."""
        if step.at_ms is not None:
            self._set_clock(step)
        if isinstance(step, Send):
            return self._send(step, self._transaction_of(step), step.answer)
        if isinstance(step, Again):
            if self._last is None:
                raise Unreadable(step.line, "nothing was sent before `again`")
            return self._send(step, self._last, step.answer)
        if isinstance(step, Advance):
            return self._advance(step)
        if isinstance(step, Crash):
            return self._crash(step)
        return self._check(step)

    def _set_clock(self, step: Step) -> None:
        assert step.at_ms is not None
        if step.at_ms < self.ledger.now_ms:
            raise Unreadable(step.line, f"the clock stands at {clock_text(self.ledger.now_ms)} and cannot go back")
        self.ledger.now_ms = step.at_ms

    def _transaction_of(self, step: Send) -> Transaction:
        self._sent += 1
        fields = {"transaction_id": f"line-{step.line}-{self._sent}", "source": DEFAULT_SOURCE} | step.fields
        if step.kind in FACT_KINDS and fields.get("mode", Mode.FACT) is Mode.FACT:
            fields.setdefault("occurred_at_ms", self.ledger.now_ms)
        return Transaction(kind=step.kind, sku=step.sku, **fields)

    def _send(self, step: Step, transaction: Transaction, expected: ExpectedAnswer | None) -> Result:
        self._last = transaction
        problem = problem_of(transaction)
        wanted = ExpectedAnswer(Status.ACCEPTED) if expected is None else expected
        if problem is not None:
            said = f"-> malformed: {problem}"
            return Result(step, said, () if wanted.malformed else (f"it is malformed: {problem}",))
        decision = self.ledger.send(transaction)
        self._records = len(decision.journal)
        answer = next((each for each in decision.answers if each.status not in NOTICES), None)
        differences = [*differences_of_answer(wanted, answer), *differences_of_events(step.expected, [decision])]
        return Result(step, describe(answer, decision), tuple(differences))

    def _advance(self, step: Advance) -> Result:
        self.ledger.now_ms += step.by_ms
        decisions: list[Decision] = self.ledger.wake() if step.wake else []
        said = " ".join([f"it is {clock_text(self.ledger.now_ms)}", *describe_events(decisions)])
        return Result(step, said, tuple(differences_of_events(step.expected, decisions)))

    def _crash(self, step: Step) -> Result:
        before = self.ledger.rows.tables
        self.ledger.crash()
        same = before == self.ledger.rows.tables
        return Result(step, "rebuilt", () if same else ("the rows rebuilt from the changelog are others",))

    def _check(self, step: Step) -> Result:
        if isinstance(step, CheckLevel):
            found = self._level(step.sku, step.location)
            return checked(step, f"{step.sku}@{step.location}", step.figures, found)
        if isinstance(step, CheckClaim):
            claim = self.ledger.rows.claim(step.sku, step.holder, step.number)
            return checked(step, f"{step.holder}/{step.number}", step.figures, figures_of_claim(claim))
        if isinstance(step, CheckAccount):
            total = sum(
                posting.quantity
                for record in self.ledger.journal
                if record.sku == step.sku
                for posting in record.postings
                if posting.account == step.account
            )
            return checked(step, step.sku, {step.account: step.quantity}, {step.account: total})
        if isinstance(step, CheckJournal):
            return checked(step, "journal", {"records": step.records}, {"records": self._records})
        return Result(step, f"it is {clock_text(self.ledger.now_ms)}")

    def _level(self, sku: str, location: str) -> dict[str, int]:
        row = self.ledger.rows.tables[POSITIONS].get((sku, location))
        if row is None:
            return {}
        row_figures = msgspec.structs.asdict(row).items()
        figures: dict[str, int] = {name: value for name, value in row_figures if isinstance(value, int)}
        figures["on_hand"] = sum(figures[name] for name in ("unpromised", "reserved", "allocated", "quarantined"))
        figures["safety_stock"] = self.ledger.rows.policy(sku, location).safety_stock
        figures["atp"] = figures["unpromised"] - figures["safety_stock"]
        return figures


def figures_of_claim(claim: Claim | None) -> dict[str, int]:
    """What a claim holds, in all."""
    if claim is None:
        return {}
    figures = {
        "reserved": reserved_units(claim),
        "allocated": allocated_units(claim),
        "priority": claim.priority,
        "yielded": claim.yielded,
    }
    return figures if claim.due_ms is None else figures | {"due": claim.due_ms}


def checked(step: Step, subject: str, wanted: dict[str, int], found: dict[str, int]) -> Result:
    """Compare figures; none wanted means that there must be none."""
    if not wanted:
        return Result(step, "none" if not found else "there", (f"{subject} is there",) if found else ())
    if not found:
        return Result(step, "none", (f"{subject} is not there",))
    said = ", ".join(f"{name} {shown(name, found.get(name))}" for name in wanted)
    differences = tuple(
        f"{name} of {subject} is {shown(name, found.get(name))}, expected {shown(name, value)}"
        for name, value in wanted.items()
        if found.get(name) != value
    )
    return Result(step, said, differences)


def shown(name: str, value: int | None) -> str:
    """A figure as scenario text says it."""
    if value is None:
        return "none"
    return clock_text(value) if name == "due" else str(value)

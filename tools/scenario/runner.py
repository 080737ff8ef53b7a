"""Run the steps of a scenario and compare what follows with what the text expects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from agents.inventory.answers import Status
from agents.inventory.kits import answer_of_kit, explode
from agents.inventory.rows import Decision
from agents.inventory.transactions import FACT_KINDS, Item, Mode, Transaction
from agents.inventory.validation import problem_of
from tools.scenario.checking import look
from tools.scenario.comparing import describe, describe_events, differences_of_answer, differences_of_events
from tools.scenario.ledger import Ledger
from tools.scenario.parser import parse
from tools.scenario.steps import Advance, Again, Crash, ExpectedAnswer, Look, Send, Step
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
        self._items: dict[str, Item] = {}
        """By SKU: kits are exploded in front of the ledger."""

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
        if isinstance(step, Look):
            said, differences = look(self.ledger, step, self._records)
            return Result(step, said, differences)
        return Result(step, f"it is {clock_text(self.ledger.now_ms)}")

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
        if transaction.item is not None:
            self._items[transaction.sku] = transaction.item
        item = self._items.get(transaction.sku)
        parts = explode(transaction, item)
        decisions = [self.ledger.send(part) for part in parts]
        self._records = sum(len(decision.journal) for decision in decisions)
        answers = [each for decision in decisions for each in decision.answers if each.status not in NOTICES]
        answer = answers[0] if answers else None
        if item is not None and len(answers) == len(item.kit) and transaction not in parts:
            answer = answer_of_kit(transaction, item, answers)
        differences = [*differences_of_answer(wanted, answer), *differences_of_events(step.expected, decisions)]
        return Result(step, describe(answer, decisions), tuple(differences))

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

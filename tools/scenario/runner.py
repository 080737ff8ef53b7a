"""Run the steps of a scenario and compare what follows with what the text expects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from agents.inventory.answers import Status
from agents.inventory.kits import answer_of_kit, explode
from agents.inventory.orders.validation import problem_of as problem_of_order
from agents.inventory.orders.words import OrderRecord
from agents.inventory.rows import Decision
from agents.inventory.transactions import FACT_KINDS, Item, Mode, Transaction
from agents.inventory.validation import problem_of
from tools.scenario.checking import look
from tools.scenario.comparing import describe_answer, describe_events, differences_of_answer, differences_of_events
from tools.scenario.conversation import Conversation, Decided
from tools.scenario.ledger import Ledger
from tools.scenario.order_comparing import (
    alerts_of,
    describe_decided,
    describe_order,
    differences_of_order,
    differences_of_routings,
)
from tools.scenario.parser import parse
from tools.scenario.steps import Advance, Again, Crash, ExpectedAnswer, ExpectedOrder, Look, Send, Step, Tell
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
    """Plays steps on a ledger and an order router of its own."""

    def __init__(self, ledger: Ledger | None = None, talk: Conversation | None = None) -> None:
        self.talk = Conversation(ledger) if talk is None else talk
        self.ledger = self.talk.ledger
        self._sent = 0
        self._last: Transaction | OrderRecord | None = None
        self._records = 0
        self._items: dict[str, Item] = {}
        """By SKU: kits are exploded in front of the ledger."""

    def run(self, steps: list[Step]) -> Iterator[Result]:
        """Play the steps, up to and with the first difference."""
        for step in steps:
            result = self.play_step(step)
            faults = (*self.ledger.faults(), *self.talk.faults())
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
        if isinstance(step, Tell):
            return self._tell(step, self._record_of(step), step.answer)
        if isinstance(step, Again):
            return self._again(step)
        if isinstance(step, Advance):
            return self._advance(step)
        if isinstance(step, Crash):
            return self._crash(step)
        if isinstance(step, Look):
            said, differences = look(self.talk, step, self._records)
            return Result(step, said, differences)
        return Result(step, f"it is {clock_text(self.ledger.now_ms)}")

    def _set_clock(self, step: Step) -> None:
        assert step.at_ms is not None
        if step.at_ms < self.ledger.now_ms:
            raise Unreadable(step.line, f"the clock stands at {clock_text(self.ledger.now_ms)} and cannot go back")
        self.ledger.now_ms = step.at_ms

    def _again(self, step: Again) -> Result:
        if isinstance(self._last, Transaction) and not isinstance(step.answer, ExpectedOrder):
            return self._send(step, self._last, step.answer)
        if isinstance(self._last, OrderRecord) and not isinstance(step.answer, ExpectedAnswer):
            return self._tell(step, self._last, step.answer)
        raise Unreadable(step.line, "nothing was sent before `again`")

    def _record_of(self, step: Tell) -> OrderRecord:
        self._sent += 1
        named = {"record_id": f"line-{step.line}-{self._sent}", "source": DEFAULT_SOURCE}
        return step.order.record(self.talk.now_ms, **named)

    def _tell(self, step: Step, record: OrderRecord, expected: ExpectedOrder | None) -> Result:
        """The router hears it, and everybody goes on until nobody has anything to say."""
        self._last = record
        problem = problem_of_order(record)
        if problem is not None:
            wanted = expected is not None and expected.malformed
            return Result(step, f"-> malformed: {problem}", () if wanted else (f"it is malformed: {problem}",))
        self.talk.report(record)
        self.talk.run()
        decisions, decided = self.talk.taken()
        order = self.talk.book.order(record.order_id)
        differences = [*differences_of_order(expected, decided[0], order), *differing(step, decisions, decided)]
        return Result(
            step, f"-> {described(describe_order(decided[0], order), decisions, decided)}", tuple(differences)
        )

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
        decided = self._listen(decisions)
        differences = [*differences_of_answer(wanted, answer), *differing(step, decisions, decided)]
        return Result(step, f"-> {described(describe_answer(answer), decisions, decided)}", tuple(differences))

    def _listen(self, decisions: list[Decision]) -> list[Decided]:
        """The router hears of its claims; what follows of it in the ledger is added to `decisions`."""
        for decision in decisions:
            self.talk.hear(decision)
        self.talk.run()
        told, decided = self.talk.taken()
        decisions += told[len(decisions) :]
        return decided

    def _advance(self, step: Advance) -> Result:
        decisions: list[Decision] = []
        decided: list[Decided] = []
        if step.wake and self.talk.book.orders:  # What is due of orders and claims comes one after the other.
            self.talk.pass_time(step.by_ms)
            decisions, decided = self.talk.taken()
        else:
            self.ledger.now_ms += step.by_ms
        if step.wake:
            woken = self.ledger.wake()
            decided += self._listen(woken)
            decisions += woken
        said = described(f"it is {clock_text(self.ledger.now_ms)}", decisions, decided)
        return Result(step, said, tuple(differing(step, decisions, decided)))

    def _crash(self, step: Crash) -> Result:
        before = self.ledger.rows.tables, dict(self.talk.book.orders)
        self.talk.crash()
        same = before == (self.ledger.rows.tables, self.talk.book.orders)
        return Result(step, "rebuilt", () if same else ("the rows rebuilt from the changelog are others",))


def differing(step: Step, decisions: list[Decision], decided: list[Decided]) -> Iterator[str]:
    """Sentences that say how events of ledger and router differ from what was declared."""
    dead = any(each.decision.dead_letter is not None for each in decided)
    yield from differences_of_events(step.expected, decisions, alerts_of(decided), dead=dead)
    yield from differences_of_routings(step.expected, decided)


def described(first: str, decisions: list[Decision], decided: list[Decided]) -> str:
    """Everything that followed, as scenario text."""
    return " ".join([first, *describe_events(decisions), *describe_decided(decided)])

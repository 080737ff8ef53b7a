"""Run the steps of a scenario and compare what follows with what the text expects."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.inventory.answers import Status
from agents.inventory.campaigns.validation import problem_of as problem_of_campaign
from agents.inventory.campaigns.words import CampaignRecord
from agents.inventory.kits import answer_of_kit, explode
from agents.inventory.orders.validation import problem_of as problem_of_order
from agents.inventory.orders.words import OrderRecord
from agents.inventory.replenishment.validation import problem_of as problem_of_demand
from agents.inventory.replenishment.words import DemandRecord
from agents.inventory.transactions import FACT_KINDS, Item, Mode, Transaction
from agents.inventory.validation import problem_of
from tools.scenario.agents import Decided
from tools.scenario.checking import look
from tools.scenario.comparing import describe_answer, describe_events, differences_of_answer, differences_of_events
from tools.scenario.conversation import Conversation, Since
from tools.scenario.ledger import Ledger
from tools.scenario.order_comparing import (
    alerts_of,
    describe_decided,
    describe_order,
    differences_of_order,
    differences_of_routings,
)
from tools.scenario.parser import parse
from tools.scenario.report_comparing import (
    alerts_of_guard,
    describe_others,
    differences_of_others,
    differences_of_report,
    standing_text,
)
from tools.scenario.steps import (
    Advance,
    Again,
    CheckCampaign,
    CheckKpi,
    CheckOutlook,
    Crash,
    ExpectedAnswer,
    ExpectedOrder,
    ExpectedReport,
    Look,
    Report,
    Send,
    Step,
    Tell,
)
from tools.scenario.words import Unreadable, clock_text

DEFAULT_SOURCE = "shop"
NOTICES = frozenset({Status.EXPIRED, Status.YIELDED, Status.MOVED, Status.COVERED})
OF_OTHERS = (Report, CheckCampaign, CheckKpi, CheckOutlook)


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
    """Plays steps on a ledger and agents of its own."""

    def __init__(self, ledger: Ledger | None = None, talk: Conversation | None = None) -> None:
        self.talk = Conversation(ledger) if talk is None else talk
        self.ledger = self.talk.ledger
        self._sent = 0
        self._last: Any = None
        """What was sent last: a transaction, or a record for an agent."""
        self._records = 0
        self._items: dict[str, Item] = {}
        """By SKU: kits are exploded in front of the ledger."""

    def run(self, steps: list[Step]) -> Iterator[Result]:
        """Play the steps, up to and with the first difference."""
        self.prepare(steps)
        for step in steps:
            result = self.play_step(step)
            faults = (*self.ledger.faults(), *self.talk.faults())
            if faults:
                result = Result(step, result.said, result.differences + faults)
            yield result
            if result.differences:
                return

    def prepare(self, steps: list[Step]) -> None:
        """Have everybody listen of whose matters the steps speak."""
        if any(map(speaks_of_others, steps)):
            self.talk.invite_others()

    def play_step(self, step: Step) -> Result:
        """Play one step."""
        if step.at_ms is not None:
            self._set_clock(step)
        if isinstance(step, Send):
            return self._send(step, self._transaction_of(step), step.answer)
        if isinstance(step, Tell):
            return self._tell(step, self._record_of(step), step.answer)
        if isinstance(step, Report):
            return self._report(step, self._reported(step), step.answer)
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
        last, answer = self._last, step.answer
        if isinstance(last, Transaction) and (answer is None or isinstance(answer, ExpectedAnswer)):
            return self._send(step, last, answer)
        if isinstance(last, OrderRecord) and (answer is None or isinstance(answer, ExpectedOrder)):
            return self._tell(step, last, answer)
        if last is not None and (answer is None or isinstance(answer, ExpectedReport)):
            return self._report(step, last, answer)
        raise Unreadable(step.line, "nothing was sent before `again`")

    def _reported(self, step: Report) -> Any:
        """The record that a step says; what cannot be one is found out as its agent would."""
        self._sent += 1
        record_id = f"line-{step.line}-{self._sent}"
        record = step.said.record(self.talk.invite_others(), self.talk.now_ms, record_id, DEFAULT_SOURCE)
        problem = problem_of_report(record)
        return record if problem is None else Malformed(problem)

    def _report(self, step: Step, record: Any, expected: ExpectedReport | None) -> Result:
        """An agent hears it, and everybody goes on until nobody has anything to say."""
        self._last = record
        if isinstance(record, Malformed):
            wanted = expected is not None and expected.malformed
            why = f"it is malformed: {record.problem}"
            return Result(step, f"-> malformed: {record.problem}", () if wanted else (why,))
        self.talk.report(record)
        self.talk.run()
        since = self.talk.taken()
        heard: list[Decided[Any, Any]] = [*since.campaigns, *since.demand]
        ignored = next(each.decision.ignored for each in heard if each.record is record)
        said, campaign = "heard", None
        if isinstance(record, CampaignRecord):
            campaign = self.talk.invite_others().guard.campaign(record.campaign_id)
            said = standing_text(campaign)
        said = said if ignored is None else f"ignored ({ignored})"
        differences = [*differences_of_report(expected, ignored, campaign), *differing(step, since)]
        return Result(step, f"-> {described(said, since)}", tuple(differences))

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
        since = self.talk.taken()
        order = self.talk.book.order(record.order_id)
        differences = [*differences_of_order(expected, since.orders[0], order), *differing(step, since)]
        return Result(step, f"-> {described(describe_order(since.orders[0], order), since)}", tuple(differences))

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
        self.talk.run()
        since = self.talk.taken()
        differences = [*differences_of_answer(wanted, answer), *differing(step, since)]
        return Result(step, f"-> {described(describe_answer(answer), since)}", tuple(differences))

    def _advance(self, step: Advance) -> Result:
        if step.wake and self.talk.has_dates:  # What is due of orders and claims comes one after the other.
            self.talk.pass_time(step.by_ms)
        else:
            self.ledger.now_ms += step.by_ms
        if step.wake:
            self.talk.wake_ledger()
            self.talk.run()
        since = self.talk.taken()
        return Result(step, described(f"it is {clock_text(self.ledger.now_ms)}", since), tuple(differing(step, since)))

    def _crash(self, step: Crash) -> Result:
        same = self.talk.crash()
        return Result(step, "rebuilt", () if same else ("the rows rebuilt from the changelog are others",))


@dataclass(frozen=True)
class Malformed:
    """What was reported is no record that an agent can decide."""

    problem: str


def problem_of_report(record: CampaignRecord | DemandRecord) -> str | None:
    """Why its agent cannot decide it at all."""
    return problem_of_campaign(record) if isinstance(record, CampaignRecord) else problem_of_demand(record)


def speaks_of_others(step: Step) -> bool:
    """Whether a step tells, looks at or expects what campaign guard, replenisher or scorekeepers do."""
    expected = step.expected
    declared = (expected.commands, expected.proposals, expected.insights)
    return isinstance(step, OF_OTHERS) or any(each is not None for each in declared)


def differing(step: Step, since: Since) -> Iterator[str]:
    """Sentences that say how what everybody said differs from what was declared."""
    dead = any(each.decision.dead_letter is not None for each in since.orders)
    others = [*alerts_of(since.orders), *alerts_of_guard(since)]
    yield from differences_of_events(step.expected, since.ledger, others, dead=dead)
    yield from differences_of_routings(step.expected, since.orders)
    yield from differences_of_others(step.expected, since)


def described(first: str, since: Since) -> str:
    """Everything that followed, as scenario text."""
    return " ".join([first, *describe_events(since.ledger), *describe_decided(since.orders), *describe_others(since)])

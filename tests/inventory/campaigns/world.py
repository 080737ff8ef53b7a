"""A guard and an ad platform that loses commands and answers; what must hold is checked at every step."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from agents.inventory.alerts import Alert
from agents.inventory.campaigns.decide import decide_campaign
from agents.inventory.campaigns.rows import (
    CAMPAIGNS,
    Campaign,
    CampaignArrival,
    CampaignDecision,
    CampaignPolicy,
)
from agents.inventory.campaigns.validation import problem_of
from agents.inventory.campaigns.words import (
    Acknowledgement,
    CampaignKind,
    CampaignRecord,
    Command,
    CommandKind,
    Registration,
    Result,
    Rule,
    Signal,
    Status,
)
from agents.inventory.channels import Method
from agents.inventory.offers import Edge, State
from agents.inventory.transactions import Transaction

BEGINS_MS = 1_780_000_000_000
SECOND_MS, MINUTE_MS, HOUR_MS = 1_000, 60_000, 3_600_000
SWITCHES = {CommandKind.PAUSE, CommandKind.RESUME}
ID = "c1"


class Book:
    """The row of one campaign."""

    def __init__(self) -> None:
        self.row: Campaign | None = None

    def campaign(self, campaign_id: str) -> Campaign | None:
        return self.row if campaign_id == ID else None

    def apply(self, decision: CampaignDecision) -> None:
        for (table, _), row in decision.changes.items():
            if table == CAMPAIGNS:
                assert row is None or isinstance(row, Campaign)
                self.row = row


class Platform:
    """Runs campaigns; may lose a command, fail it, or do it and lose the answer."""

    def __init__(self, chance: random.Random) -> None:
        self.random = chance
        self.trouble = 0.0
        self.paused_by: str | None = None
        self.extra: dict[str, int] = {}
        self.answers: dict[str, Result] = {}

    def hear(self, command: Command) -> Result | None:
        """Do it; None where no answer gets back."""
        key, before = command.idempotency_key, self.answers.get(command.idempotency_key)
        if self.random.random() < self.trouble:
            return None
        if before is None:
            if command.expires_at_ms <= command.at_ms or self.random.random() < self.trouble:
                return Result.FAILED
            before = self.answers[key] = self._do(command)
        return None if self.random.random() < self.trouble else before

    def _do(self, command: Command) -> Result:
        if command.kind is CommandKind.PAUSE:
            already = self.paused_by is not None
            self.paused_by = self.paused_by or "onhand"
            return Result.ALREADY if already else Result.DONE
        if command.kind is CommandKind.RESUME:
            assert self.paused_by != "others", "what others paused was resumed"
            already, self.paused_by = self.paused_by is None, None
            return Result.ALREADY if already else Result.DONE
        assert command.amount_minor is not None
        self.extra[command.entity] = command.amount_minor
        return Result.DONE


class World:
    """One campaign, its log, and the platform."""

    def __init__(self, registration: Registration, seed: int = 1, policy: CampaignPolicy | None = None) -> None:
        self.random = random.Random(seed)
        self.policy = policy or CampaignPolicy()
        self.registration = registration
        self.now_ms = BEGINS_MS
        self.book = Book()
        self.platform = Platform(self.random)
        self.answers_by_itself = True
        self.log: list[CampaignArrival] = []
        self.commands: list[Command] = []
        self.transactions: list[Transaction] = []
        self.alerts: list[Alert] = []
        self.last_switch: Command | None = None
        self.told: dict[str, int] = {}
        self.states: dict[str, State] = {}
        self.sellable: dict[str, bool] = {}
        self._to_answer: list[tuple[int, Command, Result]] = []
        self._offset = 0
        self.tell(CampaignKind.REGISTERED, registration=registration)

    # -- told ------------------------------------------------------------------------------------------------------

    def tell(self, kind: CampaignKind, **fields: Any) -> CampaignDecision:
        """A record, decided at once."""
        name = fields.pop("record_id", f"r{len(self.log)}")
        record = CampaignRecord(record_id=name, source="test", kind=kind, campaign_id=ID, **fields)
        assert problem_of(record) is None, problem_of(record)
        arrival = CampaignArrival(record, f"campaigns.v1-0-{len(self.log)}", self.now_ms)
        self.log.append(arrival)
        decision = decide_campaign(self.book, arrival, self.policy)
        self.book.apply(decision)
        self.transactions += decision.transactions
        self.alerts += decision.alerts
        for command in decision.commands:
            self._check(command)
            self.commands.append(command)
        self._check_shares(decision)
        if self.answers_by_itself:
            for command in decision.commands:
                self._deliver(command)
        return decision

    def edge(self, sku: str, state: State, channel: str = "web", region: str | None = None) -> Edge:
        """The next edge of the ledger."""
        self._offset += 1
        return Edge(
            event_id=f"inventory.transactions.v1-3-{self._offset}-0",
            sku=sku,
            channel=channel,
            method=Method.SHIPPING,
            region=region,
            state=state,
            at_ms=self.now_ms,
            transaction_id=f"t{self._offset}",
            source="wms",
        )

    def say(self, state: State, *skus: str) -> CampaignDecision:
        """The SKUs are in this state from now on."""
        decision: CampaignDecision | None = None
        for sku in skus:
            self.states[sku] = state
            if state is not State.LOW or sku not in self.sellable:
                self.sellable[sku] = state is not State.OUT
            decision = self.tell(CampaignKind.EDGE, edges=(self.edge(sku, state),))
        assert decision is not None
        return decision

    def signal(self, sku: str, cover_days: int, until_ms: int | None = None) -> CampaignDecision:
        """So long the stock of the SKU lasts."""
        return self.tell(CampaignKind.SIGNAL, signal=Signal(sku, cover_days, self.now_ms, until_ms))

    def acknowledge(self, command: Command, result: Result) -> CampaignDecision:
        """The platform's answer."""
        said = Acknowledgement(command.idempotency_key, result, command.attempt)
        return self.tell(CampaignKind.ACKNOWLEDGED, acknowledgement=said)

    def others(self, *, pause: bool) -> None:
        """People pause it on the platform, or let it run; heard at once."""
        self.platform.paused_by = "others" if pause else None
        self.tell(CampaignKind.PAUSED_BY_OTHERS if pause else CampaignKind.RESUMED_BY_OTHERS)

    def pass_time(self, milliseconds: int) -> None:
        """The clock goes on: answers come, and what is due wakes."""
        ends_ms = self.now_ms + milliseconds
        while True:
            due = None if self.book.row is None else self.book.row.due_ms
            dates = [at_ms for at_ms, _, _ in self._to_answer] + ([] if due is None else [due])
            at_ms = min(dates, default=ends_ms + 1)
            if at_ms > ends_ms:
                break
            self.now_ms = max(self.now_ms, at_ms)
            coming = next((each for each in self._to_answer if each[0] <= self.now_ms), None)
            if coming is not None:
                self._to_answer.remove(coming)
                self.acknowledge(coming[1], coming[2])
            else:
                self.tell(CampaignKind.WAKE)
                after = None if self.book.row is None else self.book.row.due_ms
                assert after is None or after > self.now_ms, "it would wake for ever"
        self.now_ms = ends_ms

    # -- checked ---------------------------------------------------------------------------------------------------

    def _deliver(self, command: Command) -> None:
        result = self.platform.hear(command)
        if result is not None:
            self._to_answer.append((self.now_ms + self.random.randrange(1, 40_000), command, result))

    def _check(self, command: Command) -> None:
        if command.kind not in SWITCHES or command.expires_at_ms <= command.at_ms:
            return
        if command.kind is CommandKind.RESUME:
            assert self.platform.paused_by != "others", "what others paused is to be resumed"
        self._check_share(command)
        before, self.last_switch = self.last_switch, command
        if before is not None and before.kind is not command.kind:
            thresholds = self.registration.thresholds
            least = thresholds.minimum_dwell_ms
            if command.kind is CommandKind.PAUSE:
                least = max(least, thresholds.cool_down_ms)
            assert command.at_ms - before.at_ms >= least, f"{before.kind} and {command.kind} are too close"

    def _check_share(self, command: Command) -> None:
        """Between `pause_at` and `resume_at` nothing is switched, however long it has stood there; what was is only said again."""
        thresholds, skus = self.registration.thresholds, self.registration.skus
        if command.attempt > 1 or thresholds.rule is not Rule.SHARE or any(sku not in self.sellable for sku in skus):
            return
        percent = 100 * sum(self.sellable[sku] for sku in skus) / len(skus)
        if command.kind is CommandKind.PAUSE:
            assert percent <= thresholds.pause_at, f"{percent} % can be sold, and it is paused"
        else:
            assert percent >= thresholds.resume_at, f"{percent} % can be sold, and it is resumed"

    def _check_shares(self, decision: CampaignDecision) -> None:
        for command in decision.commands:
            if command.kind is CommandKind.SHIFT_BUDGET:
                assert command.amount_minor is not None
                self.told[command.entity] = command.amount_minor
        assert sum(self.told.values()) in {0, self.registration.budget_minor}

    def agree(self) -> None:
        """When dwell and cool-down are over, the platform is as the rule says."""
        row = self.book.row
        assert row is not None
        if row.others:
            assert self.platform.paused_by is not None
            return
        assert not row.pending
        paused = self.platform.paused_by == "onhand"
        assert self.platform.paused_by in {None, "onhand"}
        assert paused == (row.status is Status.PAUSED)
        percent = 100 * sum(self.sellable[sku] for sku in self.registration.skus) / len(self.registration.skus)
        thresholds = self.registration.thresholds
        if percent <= thresholds.pause_at:
            assert paused, f"{percent} % can be sold, and it runs"
        if percent >= thresholds.resume_at:
            assert not paused, f"{percent} % can be sold, and it is paused"
        taking = [
            each for each in self.registration.alternatives if all(self.sellable.get(sku) is True for sku in each.skus)
        ]
        expected = self.registration.budget_minor if paused and taking else 0
        assert sum(self.platform.extra.values()) == expected
        assert {name for name, amount in self.platform.extra.items() if amount} <= {each.campaign for each in taking}

    def kinds(self) -> list[CommandKind]:
        """What was told first, without repeats."""
        return [command.kind for command in self.commands if command.attempt == 1]


def replay(
    log: Sequence[CampaignArrival], policy: CampaignPolicy, repeat: random.Random | None = None
) -> list[Command]:
    """The commands that follow from a log; with `repeat` everything comes twice, and much again later."""
    book, commands = Book(), list[Command]()
    for number, arrival in enumerate(log):
        again = [] if repeat is None else [arrival, log[max(0, number - repeat.randrange(100))]]
        for each in (arrival, *again):
            decision = decide_campaign(book, CampaignArrival(each.record, arrival.cause, arrival.at_ms), policy)
            book.apply(decision)
            commands += decision.commands
    return commands

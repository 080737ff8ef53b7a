"""A ledger hears transactions of every kind, with duplicates, reused ids, crashes and time, and its books are checked.

What must hold is reckoned naively in books.py. `--hypothesis-profile=many` (`make stories`) tells 10,000 stories in place
of 300, and takes some minutes of one core.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agents.inventory.answers import Answer, Status
from agents.inventory.refusals import Refusal
from agents.inventory.rows import ANSWERS, POSITIONS, Decision
from agents.inventory.transactions import FACT_KINDS, Kind, Mode, Transaction
from agents.inventory.validation import problem_of
from agents.state.ledger import LEDGER_TABLES, LedgerRows
from agents.state.memory import MemoryStore
from agents.state.overlay import Overlay
from agents.state.store import Meta
from tests.inventory.books import (
    OpenAlerts,
    States,
    alerts_off,
    all_faults,
    answer_of,
    copied,
    edges_off,
    oversold,
    rows_of,
    units_lost,
)
from tests.inventory.stories import PLACES, SKUS, STORIES, Story, alert_policies, claims, facts, policies
from tools.scenario.ledger import Ledger

EXAMPLES = 2_500 if settings.get_current_profile_name() == "many" else 75
"""Stories of each theme."""
STEPS = 12


class EveryKind(RuleBasedStateMachine):
    """The ledger on rows in memory; at the end the same log again, on the rows that a worker has."""

    theme = "everything"

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.log: list[tuple[int, Transaction, Decision]] = []
        self.told: list[Transaction] = []
        self.answers: dict[tuple[str, str, str], Answer] = {}
        self.levels: dict[tuple[str, str], Any] = {}
        self.states: States = {}
        self.open_alerts: OpenAlerts = set()
        self.crashes: set[int] = set()

    @initialize(units=st.integers(1, 6), rules=st.lists(policies, max_size=2))
    def open_the_shop(self, units: int, rules: list[Story]) -> None:
        for place in PLACES:
            self.tell({"kind": Kind.RECEIPT, "sku": SKUS[0], "location": place, "quantity": units})
        self.tell({"kind": Kind.RECEIPT, "sku": SKUS[1], "location": PLACES[0], "quantity": units})
        for story in rules:
            self.tell(story)

    @rule(data=st.data())
    def something_happens(self, data: st.DataObject) -> None:
        for story in data.draw(st.lists(STORIES[self.theme], min_size=1, max_size=6)):
            self.tell(story)

    @rule(stories=st.lists(claims, min_size=1, max_size=4))
    def shoppers_come(self, stories: list[Story]) -> None:
        for story in stories:
            self.tell(story)

    @rule(story=facts)
    def something_is_reported(self, story: Story) -> None:
        self.tell(story)

    @rule(seconds=st.sampled_from([1, 5, 60, 1_200]), wake=st.booleans())
    def time_passes(self, seconds: int, *, wake: bool) -> None:
        self.ledger.now_ms += seconds * 1_000
        if wake:
            self.wake()

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def the_same_comes_again(self, data: st.DataObject) -> None:
        """Once what is due is done, a duplicate changes nothing, and hears what was said before."""
        transaction = data.draw(st.sampled_from(self.told))
        key = id_of(transaction)
        if key not in rows_of(self.ledger, ANSWERS):
            return
        self.wake()
        before = copied(self.ledger)
        if transaction.sku:
            self.send(Transaction(transaction_id="wake", source="onhand", kind=Kind.EXPIRE, sku=transaction.sku))
            before = copied(self.ledger)
        decision = self.send(transaction)
        assert (decision.journal, decision.levels, decision.alerts) == ((), (), ())
        assert decision.changes == {}, "a duplicate changes nothing"
        assert self.ledger.rows.tables == before
        (again,) = decision.answers
        first = self.answers[key]
        refused = first.status is Status.REFUSED
        if again.repeats is None:
            assert again.status is (Status.REFUSED_EARLIER if refused else Status.ACCEPTED_EARLIER)
        else:
            assert msgspec.structs.replace(again, event_id=first.event_id, repeats=None) == first, "an answer changed"

    @precondition(lambda self: self.told)
    @rule(data=st.data())
    def an_id_is_used_for_something_else(self, data: st.DataObject) -> None:
        transaction = data.draw(st.sampled_from(self.told))
        key = id_of(transaction)
        if key not in rows_of(self.ledger, ANSWERS):
            return
        self.wake()
        decision = self.send(msgspec.structs.replace(transaction, why="something else"))
        if not decision.journal:
            assert answer_of(decision).refusal is Refusal.ID_REUSED
            assert decision.changes == {}

    @rule()
    def crash(self) -> None:
        before = self.ledger.rows.tables
        self.ledger.crash()
        self.crashes.add(len(self.log))
        assert self.ledger.rows.tables == before

    def tell(self, story: Story) -> None:
        """Send a story under an id of its own, and check what follows from it."""
        transaction = self.transaction_of(dict(story))
        if problem_of(transaction) is not None:
            return
        decision = self.send(transaction)
        answer = answer_of(decision)
        self.told.append(transaction)
        self.answers[id_of(transaction)] = answer
        assert list(units_lost(self.ledger, decision)) == []
        assert list(oversold(self.ledger, transaction, decision)) == []
        if transaction.kind in FACT_KINDS and transaction.mode is Mode.FACT:
            assert answer.refusal in {None, *EXCUSES}, "reality happened"
        self.judge_claim(transaction, answer)

    def judge_claim(self, transaction: Transaction, answer: Answer) -> None:
        """What was granted is what was asked, unless a part was enough or the rest may wait."""
        if transaction.kind not in {Kind.RESERVE, Kind.ALLOCATE} or transaction.confirm or answer.refusal is not None:
            return
        asked = sum(line.quantity for line in transaction.lines) if transaction.lines else transaction.quantity or 0
        legs = [*answer.legs, *(leg for line in answer.lines for leg in line.legs)]
        waiting = sum(line.backordered for line in answer.lines) if answer.lines else answer.backordered
        held = sum(leg.reserved + leg.allocated for leg in legs)
        assert held + waiting == asked or (transaction.partial and 0 < held + waiting < asked)
        if transaction.locations or transaction.location:
            named = {*transaction.locations, transaction.location}
            assert {leg.location for leg in legs} <= named, "units from a place that was not named"

    def wake(self) -> None:
        """What is due happens, and visits are made, as the owner of the partition makes them."""
        send, self.ledger.send = self.ledger.send, self.send  # type: ignore[method-assign]
        try:
            self.ledger.wake()
        finally:
            self.ledger.send = send  # type: ignore[method-assign]

    def send(self, transaction: Transaction) -> Decision:
        """Decide, and write it down."""
        decision = Ledger.send(self.ledger, transaction)
        self.log.append((self.ledger.now_ms, transaction, decision))
        for level in decision.levels:
            self.levels[level.sku, level.location] = level
        assert list(edges_off(self.states, decision)) == []
        assert list(alerts_off(self.open_alerts, self.ledger, decision)) == []
        return decision

    def transaction_of(self, story: Story) -> Transaction:
        """The story as a record of now."""
        now_ms = self.ledger.now_ms
        ago_ms = story.pop("ago_ms", 0)
        if story["kind"] in FACT_KINDS:
            story["occurred_at_ms"] = now_ms - ago_ms
        for field, name in (("due_in_ms", "due_at_ms"), ("promise_in_ms", "promise_by_ms")):
            if field in story:
                story[name] = now_ms + story.pop(field)
        return Transaction(**{"transaction_id": f"t{len(self.log)}", "source": "shop", **story})

    @invariant()
    def the_books_close(self) -> None:
        assert all_faults(self.ledger) == []

    @invariant()
    def levels_say_what_is(self) -> None:
        for key, row in rows_of(self.ledger, POSITIONS).items():
            level = self.levels[str(key[0]), str(key[1])]
            for name in ("unpromised", "reserved", "allocated", "quarantined", "in_transit", "revision"):
                assert getattr(level, name) == getattr(row, name), (key, name)

    def teardown(self) -> None:
        """The same log gives the same decisions and rows, also on the rows of a worker that crashes in between."""
        again, stored = Ledger(), StoredLedger()
        for number, (now_ms, transaction, decision) in enumerate(self.log):
            again.now_ms = stored.now_ms = now_ms
            assert again.send(transaction) == decision
            assert stored.send(transaction) == decision
            if number in self.crashes:
                stored.lose_what_is_not_committed()
                assert stored.send(transaction) == decision, "decided otherwise after a crash"
            if number % 3 == 0 or number in self.crashes:
                stored.commit(number)
        stored.commit(len(self.log))
        assert again.rows.tables == self.ledger.rows.tables
        assert stored.differences(self.ledger) == []


class StoredLedger(Ledger):
    """The ledger over the rows that a worker has: a store, and what is not committed yet over it."""

    def __init__(self) -> None:
        super().__init__()
        self.overlay = Overlay(MemoryStore(), LEDGER_TABLES, 4)
        self.rows = LedgerRows(self.overlay)  # type: ignore[assignment]
        self._since: list[tuple[int, Transaction]] = []

    def send(self, transaction: Transaction) -> Decision:
        """Decide, and remember it until it is committed."""
        self._since.append((self.now_ms, transaction))
        return super().send(transaction)

    def commit(self, position: int) -> None:
        """What is pending is in the store."""
        self.overlay.commit(Meta(position + 1))
        self._since.clear()

    def lose_what_is_not_committed(self) -> None:
        """The process dies: all but the last record since the last commit are decided again, from what is in the store."""
        since, self._since = self._since, []
        self.overlay.discard()
        self.rows = LedgerRows(self.overlay)  # type: ignore[assignment]
        self._offset -= len(since)
        for now_ms, transaction in since[:-1]:
            self.now_ms = now_ms
            self.send(transaction)
        self.now_ms = since[-1][0]

    def differences(self, other: Ledger) -> list[str]:
        """Which tables are not as those of the other ledger."""
        return [
            table.name
            for table in LEDGER_TABLES
            if len(self.overlay.scan(table)) != len(other.rows.tables[table.name])
            or any(self.overlay.get(table, key) != row for key, row in other.rows.tables[table.name].items())
        ]


EXCUSES = {
    Refusal.ID_REUSED,
    Refusal.TOO_LATE,
    Refusal.NOT_SUPPORTED,
    Refusal.QUANTITY_NOT_POSITIVE,
    Refusal.UNAUTHORISED,
    Refusal.STALE_COUNT,
}
"""Why a fact may be refused: it is no fact, it says nothing, or somebody knows better."""


def id_of(transaction: Transaction) -> tuple[str, str, str]:
    """What its answer is kept under."""
    return transaction.source, transaction.sku, transaction.transaction_id


class Claims(EveryKind):
    theme = "claims"


class Facts(EveryKind):
    theme = "facts"


class Channels(EveryKind):
    theme = "channels"


class Alerts(EveryKind):
    theme = "alerts"

    @initialize(stories=st.lists(alert_policies, min_size=2, max_size=4))
    def ask_for_alerts(self, stories: list[Story]) -> None:
        for story in stories:
            self.tell(story)


pytestmark = pytest.mark.timeout(1_200)

FEW_STEPS = settings(
    max_examples=EXAMPLES,
    stateful_step_count=STEPS,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    derandomize=True,
    database=None,
)
for machine in (Claims, Facts, Channels, Alerts, EveryKind):
    machine.TestCase.settings = FEW_STEPS
TestClaims, TestFacts = Claims.TestCase, Facts.TestCase
TestChannels, TestAlerts, TestEveryKind = Channels.TestCase, Alerts.TestCase, EveryKind.TestCase

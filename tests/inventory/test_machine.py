"""A ledger and a naive oracle hear the same story, told by Hypothesis with duplicates, late facts and crashes."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agents.inventory.alerts import AlertType
from agents.inventory.answers import Answer, Status
from agents.inventory.refusals import Refusal
from agents.inventory.rows import Decision
from agents.inventory.transactions import Bucket, Kind, Mode, PolicySettings, Transaction
from agents.inventory.validation import problem_of
from agents.state.ledger import LEDGER_TABLES, LedgerRows
from agents.state.memory import MemoryStore
from agents.state.overlay import Overlay
from agents.state.store import Meta
from tests.inventory.oracle import Oracle
from tools.scenario.ledger import Ledger

SKU = "SHOE"
PLACES = ("LEEDS", "YORK")
HOLDERS = ("anna", "ben")
WINDOW_MS = 30 * 60_000
TTL_MS = 120_000

places = st.sampled_from(PLACES)
holders = st.sampled_from(HOLDERS)
few = st.integers(1, 7)
ago = st.integers(-5, 90).map(lambda seconds: seconds * 500)
"""How long ago it occurred: often in the same second, sometimes in the future of a clock that runs ahead."""


class LedgerAgainstOracle(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger()
        self.log: list[tuple[int, Transaction, Decision]] = []
        self.oracle = Oracle(0)

    @initialize(safety_stock=st.sampled_from([0, 0, 2]))
    def open_the_shop(self, safety_stock: int) -> None:
        self.oracle.safety_stock = safety_stock
        self.oracle.now_ms = self.ledger.now_ms
        settings = PolicySettings(
            rule="shop", safety_stock=safety_stock, late_window_ms=WINDOW_MS, reservation_ttl_ms=TTL_MS
        )
        self.send(Kind.POLICY, sku="", policy=settings)
        for place in PLACES:
            self.fact(Kind.RECEIPT, place, 6)
            self.oracle.move(place, self.ledger.now_ms, 6)

    def send(self, kind: Kind, *, sku: str = SKU, **fields: Any) -> Decision:
        number = len(self.log)
        transaction = Transaction(transaction_id=f"t{number}", source="shop", kind=kind, sku=sku, **fields)
        assert problem_of(transaction) is None
        return self.decide(transaction)

    def decide(self, transaction: Transaction) -> Decision:
        decision = self.ledger.send(transaction)
        self.log.append((self.ledger.now_ms, transaction, decision))
        if transaction.sku:
            expired = [answer.holder for answer in decision.answers if answer.status is Status.EXPIRED]
            assert expired == self.oracle.expire()
        return decision

    def fact(self, kind: Kind, location: str, quantity: int, ago_ms: int = 0, **fields: Any) -> Decision:
        occurred_at_ms = self.ledger.now_ms - ago_ms
        return self.send(kind, location=location, quantity=quantity, occurred_at_ms=occurred_at_ms, **fields)

    @rule(place=places, quantity=few, ago_ms=ago)
    def receive(self, place: str, quantity: int, ago_ms: int) -> None:
        decision = self.fact(Kind.RECEIPT, place, quantity, ago_ms)
        assert yielded_in(decision) == self.oracle.move(place, self.ledger.now_ms - ago_ms, quantity)

    @rule(place=places, quantity=few, ago_ms=ago)
    def sell(self, place: str, quantity: int, ago_ms: int) -> None:
        decision = self.fact(Kind.SALE, place, quantity, ago_ms)
        lost = self.oracle.move(place, self.ledger.now_ms - ago_ms, -quantity)
        assert yielded_in(decision) == lost
        assert sum(lost.values()) == sum(a.quantity for a in decision.alerts if a.type is AlertType.OVERSOLD)

    @rule(place=places, quantity=few, ago_ms=ago, apart=st.booleans())
    def take_back(self, place: str, quantity: int, ago_ms: int, *, apart: bool) -> None:
        bucket = Bucket.QUARANTINED if apart else None
        decision = self.fact(Kind.RETURN, place, quantity, ago_ms, bucket=bucket)
        if apart:
            self.oracle.quarantined[place] = self.oracle.quarantined.get(place, 0) + quantity
        assert yielded_in(decision) == self.oracle.move(place, self.ledger.now_ms - ago_ms, quantity)

    @rule(place=places, quantity=few, back=st.booleans())
    def set_apart(self, place: str, quantity: int, *, back: bool) -> None:
        decision = self.fact(Kind.UNQUARANTINE if back else Kind.QUARANTINE, place, quantity)
        there = self.oracle.quarantined.get(place, 0)
        moved = min(quantity, there) if back else min(quantity, max(0, self.oracle.unpromised(place)))
        self.oracle.quarantined[place] = there + (-moved if back else moved)
        assert decision.answers[-1].quantity == moved

    @rule(place=places, quantity=st.integers(-4, 4).filter(bool), ago_ms=ago, asks=st.booleans())
    def adjust(self, place: str, quantity: int, ago_ms: int, *, asks: bool) -> None:
        decision = self.fact(Kind.ADJUST, place, quantity, ago_ms, mode=Mode.REQUEST if asks else Mode.FACT)
        second = min(self.ledger.now_ms, self.ledger.now_ms - ago_ms) // 1000
        late = second <= self.oracle.counted.get(place, (-1, 0))[0]
        there = max(0, self.oracle.unpromised(place))
        if asks and quantity < -there and not late:
            assert answer_of(decision).refusal is Refusal.INSUFFICIENT_ATP
            assert answer_of(decision).shortfall == -quantity - there
            return
        assert yielded_in(decision) == self.oracle.move(place, self.ledger.now_ms - ago_ms, quantity)

    @rule(place=places, quantity=st.integers(0, 12), ago_ms=ago)
    def count(self, place: str, quantity: int, ago_ms: int) -> None:
        decision = self.fact(Kind.COUNT, place, quantity, ago_ms)
        difference = self.oracle.count(place, self.ledger.now_ms - ago_ms, quantity, WINDOW_MS)
        if difference is None:
            assert answer_of(decision).refusal is Refusal.STALE_COUNT
            return
        assert answer_of(decision).quantity == difference
        assert yielded_in(decision) == self.oracle.settle(place, self.oracle.counted[place][0])

    @rule(
        holder=holders,
        place=places,
        quantity=few,
        firm=st.booleans(),
        partial=st.booleans(),
        priority=st.integers(0, 1),
        ttl_ms=st.sampled_from([None, 1_000, 60_000]),
    )
    def claim(
        self, holder: str, place: str, quantity: int, priority: int, ttl_ms: int | None, *, firm: bool, partial: bool
    ) -> None:
        offset = len(self.log)
        decision = self.send(
            Kind.ALLOCATE if firm else Kind.RESERVE,
            location=place,
            quantity=quantity,
            holder=holder,
            partial=partial,
            priority=priority,
            ttl_ms=ttl_ms,
        )
        answer = answer_of(decision)
        if not firm and any(unit.firm for unit in self.oracle.of(holder)):
            assert answer.refusal is Refusal.ALREADY_ALLOCATED
            return
        due_ms = self.ledger.now_ms + (TTL_MS if ttl_ms is None else ttl_ms)
        terms = {"opened": offset, "priority": priority, "due_ms": due_ms}
        missing = self.oracle.open(holder, place, quantity, firm=firm, partial=partial, **terms)
        assert answer.refusal is (Refusal.INSUFFICIENT_ATP if missing else None)
        if missing:
            assert answer.shortfall == missing
        else:
            assert all(level.atp >= 0 for level in decision.levels if level.location == place)

    @rule(holder=holders, quantity=st.none() | few, partial=st.booleans())
    def confirm(self, holder: str, quantity: int | None, *, partial: bool) -> None:
        decision = self.send(Kind.ALLOCATE, holder=holder, quantity=quantity, confirm=True, partial=partial)
        answer = answer_of(decision)
        soft = len([unit for unit in self.oracle.of(holder) if not unit.firm])
        if soft == 0:
            assert answer.refusal in {Refusal.NOTHING_OPEN, Refusal.EXPIRED}
            return
        asked = soft + self.oracle.yielded.get(holder, 0) if quantity is None else quantity
        if asked > soft and not partial:
            assert (answer.refusal, answer.shortfall) == (Refusal.INSUFFICIENT_ATP, asked - soft)
            return
        self.oracle.confirm(holder, asked)
        assert answer.quantity == min(asked, soft)

    @rule(holder=holders, quantity=st.none() | few)
    def release(self, holder: str, quantity: int | None) -> None:
        answer = answer_of(self.send(Kind.RELEASE, holder=holder, quantity=quantity))
        released = self.oracle.release(holder, 1_000 if quantity is None else quantity)
        assert answer.quantity == released
        assert (answer.refusal is Refusal.NOTHING_OPEN) == (released == 0)

    @rule(holder=holders, place=places, quantity=few, ago_ms=ago)
    def ship(self, holder: str, place: str, quantity: int, ago_ms: int) -> None:
        decision = self.fact(Kind.SHIP, place, quantity, ago_ms, holder=holder)
        exceeding, lost = self.oracle.ship(holder, place, quantity, self.ledger.now_ms - ago_ms)
        assert yielded_in(decision) == lost
        if exceeding:
            assert AlertType.DISCREPANCY in {alert.type for alert in decision.alerts}

    @rule(seconds=st.sampled_from([1, 1, 5, 30, 120]), wake=st.booleans())
    def time_passes(self, seconds: int, *, wake: bool) -> None:
        self.ledger.now_ms += seconds * 1_000
        self.oracle.now_ms = self.ledger.now_ms
        if wake:
            self.send(Kind.EXPIRE)

    @precondition(lambda self: self.log)
    @rule(data=st.data())
    def the_same_comes_again(self, data: st.DataObject) -> None:
        _, transaction, first = self.log[data.draw(st.integers(0, len(self.log) - 1))]
        if transaction.kind is Kind.EXPIRE:
            return
        decision = self.decide(transaction)
        again, answer = answer_of(decision), answer_of(first)
        assert len(decision.journal) == len(decision.answers) - 1, "only what was due may be journalled"
        refused = {Status.REFUSED, Status.REFUSED_EARLIER}
        assert (again.status in refused) == (answer.status in refused)
        assert {table for table, _ in decision.changes} <= {"positions", "claims", "closed_claims", "due"}
        assert decision.journal or decision.changes == {}

    @rule()
    def crash(self) -> None:
        before = self.ledger.rows.tables
        self.ledger.crash()
        assert self.ledger.rows.tables == before

    @invariant()
    def the_books_close(self) -> None:
        assert self.ledger.faults() == []

    @invariant()
    def ledger_and_oracle_agree(self) -> None:
        for place in PLACES:
            row = self.ledger.rows.position(SKU, place)
            if row is None:
                continue
            assert (row.unpromised, row.reserved, row.allocated, row.quarantined) == (
                self.oracle.unpromised(place),
                self.oracle.promised(place, firm=False),
                self.oracle.promised(place, firm=True),
                self.oracle.quarantined.get(place, 0),
            )

    def teardown(self) -> None:
        """The same log gives the same decisions again, from rows in RocksDB's order and form too."""
        again = Ledger()
        overlay = Overlay(MemoryStore(), LEDGER_TABLES, 4)
        rows = LedgerRows(overlay)
        stored = StoredLedger(rows)
        for number, (now_ms, transaction, decision) in enumerate(self.log):
            again.now_ms = stored.now_ms = now_ms
            assert again.send(transaction) == decision
            assert stored.send(transaction) == decision
            if number % 5 == 0:
                overlay.commit(Meta(number + 1))


class StoredLedger(Ledger):
    """The ledger over the rows that a worker has."""

    def __init__(self, rows: LedgerRows) -> None:
        super().__init__()
        self.rows = rows  # type: ignore[assignment]


def answer_of(decision: Decision) -> Answer:
    return next(answer for answer in decision.answers if answer.status not in {Status.EXPIRED, Status.YIELDED})


def yielded_in(decision: Decision) -> dict[str, int]:
    return {answer.holder or "": answer.quantity for answer in decision.answers if answer.status is Status.YIELDED}


TestLedgerAgainstOracle = LedgerAgainstOracle.TestCase
TestLedgerAgainstOracle.settings = settings(
    max_examples=80,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)

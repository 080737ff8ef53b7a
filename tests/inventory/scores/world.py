"""Scores told as stories: records in, windows out, on rows in memory and by the code that the agents run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, cast

from agents.inventory.campaigns.words import Command, CommandKind
from agents.inventory.channels import Method
from agents.inventory.offers import Edge, State
from agents.inventory.orders.words import Routing, RoutingType
from agents.inventory.postings import Account, JournalRecord, Posting
from agents.inventory.scores.campaigns import score_command
from agents.inventory.scores.channels import score_edge
from agents.inventory.scores.orders import score_routing
from agents.inventory.scores.rows import SCORES_DUE, Changes, Key, ScorePolicy
from agents.inventory.scores.stock import Scored, score_journal
from agents.inventory.scores.tallies import Increment, Sums
from agents.inventory.scores.windows import TallyArrival, score_tally
from agents.inventory.scores.words import SCOREKEEPER, KpiRecord, Tally, TallyKind
from agents.inventory.transactions import Item, Kind

SECOND, MINUTE, HOUR, DAY = 1_000, 60_000, 3_600_000, 86_400_000
MONDAY = 1_767_571_200_000
"""2026-01-05, midnight UTC."""
TUESDAY = MONDAY + DAY
POLICY = ScorePolicy()


class MemoryRows:
    """Rows of all scorekeepers in a dictionary."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, Key], Any] = {}

    def row(self, table: str, key: Key) -> Any:
        return self.rows.get((table, key))

    def group(self, table: str, first: str) -> Mapping[Any, Any]:
        return {key[1]: row for (name, key), row in self.rows.items() if name == table and key[0] == first}

    def apply(self, changes: Changes) -> None:
        for key, row in changes.items():
            if row is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row


class World:
    """The way from records to KPIs, without a broker: what is scored is told at once."""

    def __init__(self, policy: ScorePolicy = POLICY) -> None:
        self.policy = policy
        self.rows = MemoryRows()
        self.said: list[KpiRecord] = []
        self._offset = 0
        self._time_ms = 0

    # -- what happens ------------------------------------------------------------------------------------------------

    def journal(
        self, at_ms: int, kind: Kind, *postings: tuple[Account, str, int], sku: str = "SHOE", **more: Any
    ) -> None:
        record = JournalRecord(
            event_id=f"t-0-{self._offset}", transaction_id="t", source="test", sku=sku, kind=kind, at_ms=at_ms,
            occurred_at_ms=at_ms, postings=tuple([Posting(*each) for each in postings]), **more,
        )  # fmt: skip
        self.scored(score_journal(self.rows, record, self.policy), at_ms)

    def receive(self, at_ms: int, quantity: int, location: str = "LEEDS", **more: Any) -> None:
        lines = (Account.SUPPLIER, location, -quantity), (Account.UNPROMISED, location, quantity)
        self.journal(at_ms, Kind.RECEIPT, *lines, location=location, **more)

    def sell(self, at_ms: int, quantity: int, location: str = "LEEDS", **more: Any) -> None:
        lines = (Account.UNPROMISED, location, -quantity), (Account.CUSTOMER, location, quantity)
        self.journal(at_ms, Kind.SALE, *lines, location=location, **more)

    def count(self, at_ms: int, difference: int, location: str = "LEEDS", **more: Any) -> None:
        other = Account.FOUND if difference > 0 else Account.SHRINKAGE
        lines = [(Account.UNPROMISED, location, difference), (other, location, -difference)] if difference else []
        self.journal(at_ms, Kind.COUNT, *lines, location=location, **more)

    def item(self, at_ms: int, item: Item, **more: Any) -> None:
        self.journal(at_ms, Kind.ITEM, item=item, **more)

    def routing(self, at_ms: int, type_: RoutingType, quantity: int, ordered: int, **more: Any) -> None:
        values: dict[str, Any] = {"order_id": "o-1", "line": 1, "placed_at_ms": MONDAY, "channel": "web"} | more
        event = Routing(
            event_id=f"r-0-{self._offset}",
            type=type_,
            sku="SHOE",
            quantity=quantity,
            at_ms=at_ms,
            ordered=ordered,
            **values,
        )
        self.scored(score_routing(self.rows, event), at_ms)

    def edge(self, at_ms: int, sku: str, state: State, method: Method = Method.SHIPPING, **more: Any) -> None:
        values: dict[str, Any] = {"channel": "web", "previous": State.OUT} | more
        edge = Edge(
            event_id=f"e-0-{self._offset}", sku=sku, method=method, state=state, at_ms=at_ms, transaction_id="t",
            source="test", **values,
        )  # fmt: skip
        self.scored(score_edge(self.rows, edge), at_ms)

    def command(self, at_ms: int, kind: CommandKind, campaign: str = "summer", attempt: int = 1) -> None:
        command = Command(
            event_id=f"c-0-{self._offset}", idempotency_key="k", sequence=1, attempt=attempt, kind=kind,
            campaign_id=campaign, platform="meta", account="a", entity="e", at_ms=at_ms, expires_at_ms=at_ms, reason="out",
        )  # fmt: skip
        self.scored(score_command(self.rows, command), at_ms)

    def scored(self, scored: Scored, at_ms: int) -> None:
        self.rows.apply(scored.changes)
        self.tell(scored.increments, at_ms)

    def tell(self, increments: Iterable[Increment], at_ms: int) -> None:
        sums = Sums()
        sums.add(increments)
        for tally in sums.take("test", f"test-0-{self._offset}"):
            self.hear(tally, at_ms)

    # -- time and windows --------------------------------------------------------------------------------------------

    def hear(self, tally: Tally, at_ms: int) -> None:
        self._time_ms = max(self._time_ms, at_ms)  # As the owner keeps it.
        arrival = TallyArrival(tally, f"scores-0-{self._offset}", self._time_ms)
        decision = score_tally(self.rows, arrival, self.policy)
        self._offset += 1
        self.rows.apply(decision.changes)
        self.said += decision.records

    def pass_until(self, at_ms: int) -> None:
        """Wake every subject when it is due, as the owner does."""
        for _ in range(10_000):
            due = min(
                (cast("tuple[int, str]", key) for table, key in self.rows.rows if table == SCORES_DUE), default=None
            )
            if due is None or due[0] > at_ms:
                return
            wake = Tally(tally_id="wake", source=SCOREKEEPER, kind=TallyKind.WAKE, subject=due[1])
            self.hear(wake, due[0])
        raise AssertionError(f"there is always something due: {due}")

    # -- what is seen ------------------------------------------------------------------------------------------------

    def last(self, subject: str, window: str, from_ms: int) -> KpiRecord | None:
        """The last record of one window."""
        found = [each for each in self.said if (each.subject, each.window, each.from_ms) == (subject, window, from_ms)]
        return found[-1] if found else None

    def kpi(self, name: str, subject: str = "all", window: str = "1d", from_ms: int = MONDAY) -> Fraction | None:
        """The value of a KPI as it was said last; None where nothing was."""
        record = self.last(subject, window, from_ms)
        return None if record is None else values_of(record).get(name)


def values_of(record: KpiRecord) -> dict[str, Fraction]:
    """KPI -> value."""
    return {each.kpi: Fraction(each.numerator, each.denominator) for each in record.figures}

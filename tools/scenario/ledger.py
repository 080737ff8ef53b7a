"""A ledger in memory with a virtual clock: the core, its rows, its changelog and everything it said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from hashlib import blake2b

import msgspec

from agents.inventory.decide import decide
from agents.inventory.duplicates import ANSWERS_KEEP_MS
from agents.inventory.goods import Goods, next_date_ms
from agents.inventory.offers import Availability
from agents.inventory.positions import Position
from agents.inventory.postings import JournalRecord
from agents.inventory.reservations import Claim
from agents.inventory.rows import CLAIMS, DUE, GOODS, INBOUNDS, POSITIONS, TRANSFERS, Arrival, Decision, Key, Row
from agents.inventory.shipments import Inbound, Transfer, is_expected, open_units, place_of_arrival
from agents.inventory.transactions import Kind, Transaction
from tools.scenario.memory_rows import MemoryRows
from tools.scenario.visiting import visits, walk_of
from tools.scenario.words import BEGINS_MS

SYSTEM_SOURCE = "onhand"


class Ledger:
    """One partition of a ledger, without a broker."""

    def __init__(self, answers_keep_ms: int = ANSWERS_KEEP_MS, backfill: Iterable[str] = ()) -> None:
        self.answers_keep_ms = answers_keep_ms
        self.backfill = frozenset(backfill)
        self.now_ms = BEGINS_MS
        self.rows = MemoryRows()
        self.journal: list[JournalRecord] = []
        self.event_ids: list[str] = []
        self.edge_topics: tuple[str, ...] | None = None
        """Where a watcher may have edges said; null = anywhere."""
        self.availability: dict[str, Availability] = {}
        """By SKU: what was published last."""
        self.heard_by: Callable[[Transaction, Decision], None] | None = None
        """Who listens to what it decides."""
        self._changelog: dict[tuple[str, Key], Row | None] = {}
        self._offset = 0

    def send(self, transaction: Transaction) -> Decision:
        """Decide one transaction at the clock, and take over what follows."""
        arrival = Arrival(
            transaction,
            f"scenario-0-{self._offset}",
            self._offset,
            self.now_ms,
            blake2b(msgspec.msgpack.encode(transaction), digest_size=8).digest(),
            transaction.source in self.backfill,
            edge_topics=self.edge_topics,
        )
        decision = decide(self.rows, arrival, self.answers_keep_ms)
        self._offset += 1
        self.rows.apply(decision.changes)
        self._changelog.update(decision.changes)
        self.journal += decision.journal
        if decision.availability is not None:
            self.availability[decision.availability.sku] = decision.availability
        self.event_ids += events_of(decision)
        if self.heard_by is not None:
            self.heard_by(transaction, decision)
        return decision

    def wake(self) -> list[Decision]:
        """Expire what is due on idle SKUs, and visit those that a reference record concerns, as the owner does."""
        decisions = [
            self.send(
                Transaction(transaction_id=f"expire-{self._offset}", source=SYSTEM_SOURCE, kind=Kind.EXPIRE, sku=sku)
            )
            for sku in self.rows.due_skus(self.now_ms)
        ]
        while walk_of(self.rows) is not None and self.rows.tables[POSITIONS]:
            decisions += [self.send(visit) for visit in visits(self.rows)]
        return decisions

    def crash(self) -> None:
        """Lose all rows, and rebuild them from the changelog."""
        self.rows = MemoryRows()
        self.rows.apply(self._changelog)

    def faults(self) -> list[str]:
        """What does not add up, as sentences: positions against the journal, claims and due rows against positions."""
        return [
            *self._faults_of_positions(),
            *self._faults_of_claims(),
            *self._faults_of_shipments(),
            *self._faults_of_events(),
        ]

    def _faults_of_positions(self) -> list[str]:
        sums: dict[tuple[str, str, str], int] = {}
        for record in self.journal:
            for posting in record.postings:
                account = (record.sku, posting.location, posting.account.value)
                sums[account] = sums.get(account, 0) + posting.quantity
        faults: list[str] = []
        for key, row in self.rows.tables[POSITIONS].items():
            sku, location = str(key[0]), str(key[1])
            for bucket in ("unpromised", "reserved", "allocated", "quarantined", "in_transit"):
                posted = sums.get((sku, location, bucket), 0)
                if posted != getattr(row, bucket):
                    faults.append(f"{bucket} of {sku} at {location} is {getattr(row, bucket)}, {posted} were posted")
        return faults

    def _faults_of_claims(self) -> list[str]:
        held: dict[tuple[Key, str], int] = {}
        due: set[Key] = set()
        for key, row in self.rows.tables[CLAIMS].items():
            assert isinstance(row, Claim)
            if row.due_ms is not None:
                due.add((row.due_ms, *key))
            for leg in row.legs:
                place = (key[0], leg.location)
                held[place, "reserved"] = held.get((place, "reserved"), 0) + leg.reserved
                held[place, "allocated"] = held.get((place, "allocated"), 0) + leg.allocated
        faults = [
            f"{bucket} of {key[0]} at {key[1]} is {getattr(row, bucket)}, its claims hold {held.get((key, bucket), 0)}"
            for key, row in self.rows.tables[POSITIONS].items()
            for bucket in ("reserved", "allocated")
            if getattr(row, bucket) != held.get((key, bucket), 0)
        ]
        for key, goods in self.rows.tables[GOODS].items():
            assert isinstance(goods, Goods)
            next_ms = next_date_ms(goods)
            if next_ms is not None:
                due.add((next_ms, *key, "", 0))
        if due != set(self.rows.tables[DUE]):
            faults.append("the due rows are not those of the open claims and goods")
        return faults

    def _faults_of_shipments(self) -> list[str]:
        """In transit is what is open of inbounds and transfers; the SKU knows how many of them have a date."""
        on_their_way: dict[Key, int] = {}
        expected: dict[Key, int] = {}
        for table in (INBOUNDS, TRANSFERS):
            for key, row in self.rows.tables[table].items():
                assert isinstance(row, Inbound | Transfer)
                place = (key[0], place_of_arrival(row))
                on_their_way[place] = on_their_way.get(place, 0) + open_units(row)
                expected[key[:1]] = expected.get(key[:1], 0) + is_expected(row)
        faults = [
            f"in_transit of {key[0]} at {key[1]} is {row.in_transit}, {on_their_way.get(key, 0)} are on their way"
            for key, row in self.rows.tables[POSITIONS].items()
            if isinstance(row, Position) and row.in_transit != on_their_way.get(key, 0)
        ]
        for key, number in expected.items():
            goods = self.rows.tables[GOODS].get(key)
            known = goods.expected if isinstance(goods, Goods) else 0
            if known != number:
                faults.append(f"{known} shipments of {key[0]} are expected, {number} are on their way with a date")
        return faults

    def _faults_of_events(self) -> list[str]:
        return [] if len(set(self.event_ids)) == len(self.event_ids) else ["an event id was given twice"]


def events_of(decision: Decision) -> Iterator[str]:
    """The ids of everything that the decision says."""
    for name in decision.__struct_fields__:
        said = getattr(decision, name)
        for event in said if isinstance(said, tuple) else (said,):
            if hasattr(event, "event_id"):
                yield event.event_id

"""A ledger in memory with a virtual clock: the core, its rows, its changelog and everything it said."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b

import msgspec

from agents.inventory.decide import decide
from agents.inventory.duplicates import ANSWERS_KEEP_MS
from agents.inventory.postings import JournalRecord
from agents.inventory.reservations import Claim
from agents.inventory.rows import CLAIMS, DUE, POSITIONS, Arrival, Decision, Key, Row
from agents.inventory.transactions import Kind, Transaction
from tools.scenario.memory_rows import MemoryRows
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
        )
        decision = decide(self.rows, arrival, self.answers_keep_ms)
        self._offset += 1
        self.rows.apply(decision.changes)
        self._changelog.update(decision.changes)
        self.journal += decision.journal
        for events in (decision.journal, decision.answers, decision.levels, decision.alerts):
            self.event_ids += [event.event_id for event in events]
        return decision

    def wake(self) -> list[Decision]:
        """Expire what is due on idle SKUs, as the owner of the partition does."""
        return [
            self.send(
                Transaction(transaction_id=f"expire-{self._offset}", source=SYSTEM_SOURCE, kind=Kind.EXPIRE, sku=sku)
            )
            for sku in self.rows.due_skus(self.now_ms)
        ]

    def crash(self) -> None:
        """Lose all rows, and rebuild them from the changelog."""
        self.rows = MemoryRows()
        self.rows.apply(self._changelog)

    def faults(self) -> list[str]:
        """What does not add up, as sentences: positions against the journal, claims and due rows against positions."""
        return [*self._faults_of_positions(), *self._faults_of_claims(), *self._faults_of_events()]

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
        if due != set(self.rows.tables[DUE]):
            faults.append("the due rows are not those of the open claims")
        return faults

    def _faults_of_events(self) -> list[str]:
        return [] if len(set(self.event_ids)) == len(self.event_ids) else ["an event id was given twice"]

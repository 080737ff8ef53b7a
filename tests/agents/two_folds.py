"""Stock keeper and campaign guard without a broker: what one says into the other's topic is its next record."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.campaign_guard import CampaignFold, CampaignWords
from agents.codec import Codec, SchemaSet
from agents.inventory.alerts import Alert
from agents.inventory.campaigns.words import CampaignKind, CampaignRecord, Command
from agents.inventory.transactions import Kind, Transaction
from agents.runtime.fold import FoldContext, Headers, Outbox, Produced
from agents.runtime.reference import Reference, reference_key, reference_transaction
from agents.runtime.topology import Topology, load
from agents.state.campaigns import CAMPAIGN_TABLES
from agents.state.ledger import LEDGER_TABLES
from agents.state.memory import MemoryStore
from agents.state.overlay import Overlay
from agents.state.store import Meta
from agents.stock_keeper import LedgerFold, Words

TOPOLOGY_FILE = Path(__file__).resolve().parents[2] / "topology.yaml"
BEGINS_MS = 1_780_000_000_000


@dataclass(frozen=True)
class Given:
    """A record as the client library would give it."""

    raw_key: bytes
    raw_value: bytes
    at: int
    time_ms: int

    def key(self) -> bytes:
        return self.raw_key

    def value(self) -> bytes:
        return self.raw_value

    def offset(self) -> int:
        return self.at

    def timestamp(self) -> tuple[int, int]:
        return 1, self.time_ms

    def headers(self) -> Headers | None:
        return None


def never(*_: object, **__: object) -> Any:
    raise AssertionError("nothing is buried here")


class TwoFolds:
    """Both agents over one partition, in memory. Every record is a chunk."""

    def __init__(self, topology: Topology | None = None, partition: int = 0) -> None:
        self.topology = topology or load(TOPOLOGY_FILE, {})
        self.partition = partition
        self.codec = Codec(SchemaSet.load())
        self.now_ms = BEGINS_MS
        self.keeper_words = Words(self.topology, self.codec)
        self.guard_words = CampaignWords(self.topology, self.codec)
        self.keeper = LedgerFold(
            FoldContext(Overlay(MemoryStore(), LEDGER_TABLES, 1_000), self.keeper_words.transactions, partition, never),
            self.keeper_words,
        )
        self.guard = self.new_guard()
        self.log: list[tuple[CampaignRecord, Given]] = []
        """All records of the campaigns' topic."""
        self.transactions: list[Transaction] = []
        """What the guard asked of the ledger."""
        self.commands: list[Command] = []
        self.alerts: list[Alert] = []
        self._offset = 0
        self._told = 0

    def new_guard(self) -> CampaignFold:
        """A guard that knows nothing yet."""
        overlay = Overlay(MemoryStore(), CAMPAIGN_TABLES, 1_000)
        return CampaignFold(FoldContext(overlay, self.guard_words.campaigns, self.partition, never), self.guard_words)

    def set(self, *references: Reference) -> None:
        """Reference records."""
        for each in references:
            self.send(reference_transaction(each, f"{reference_key(each)}-{self.now_ms}", "test"), reference_key(each))

    def fact(self, kind: Kind, sku: str, quantity: int, location: str = "LEEDS") -> None:
        """Goods move."""
        self._told += 1
        self.send(
            Transaction(
                transaction_id=f"t{self._told}",
                source="test",
                kind=kind,
                sku=sku,
                location=location,
                quantity=quantity,
                occurred_at_ms=self.now_ms,
            )
        )

    def tell(self, kind: CampaignKind, campaign_id: str = "summer", **fields: Any) -> None:
        """A record about a campaign."""
        self._told += 1
        record = CampaignRecord(record_id=f"t{self._told}", source="test", kind=kind, campaign_id=campaign_id, **fields)
        self.flow(deque([(self.guard_words.campaigns, campaign_id.encode(), self.guard_words.campaign(record))]))

    def send(self, transaction: Transaction, key: str | None = None) -> None:
        """A transaction, and all that follows in both agents."""
        value = self.keeper_words.transaction(transaction)
        self.flow(deque([(self.keeper_words.transactions, (key or transaction.sku).encode(), value)]))

    def wake(self) -> None:
        """The guard looks for what is due."""
        self.flow(deque([(self.guard_words.campaigns, *record) for record in self.guard.due(self.now_ms, 100)]))

    def flow(self, coming: deque[tuple[str, bytes, bytes]]) -> None:
        """Fold until nothing more follows."""
        while coming:
            topic, key, value = coming.popleft()
            self._offset += 1
            given = Given(key, value, self._offset, self.now_ms)
            fold = self.keeper if topic == self.keeper_words.transactions else self.guard
            if fold is self.guard:
                self.log.append((self.guard_words.decode(value, None), given))
            for said in folded(fold, given, self.now_ms):
                self._hear(said, coming)

    def _hear(self, said: Produced, coming: deque[tuple[str, bytes, bytes]]) -> None:
        topic, key, value = said[0], said[1] or b"", said[2] or b""
        if topic in {self.guard_words.campaigns, self.guard_words.transactions}:
            coming.append((topic, key, value))
        if topic == self.guard_words.transactions:
            self.transactions.append(self.keeper_words.decode(value, None))
        elif topic == self.guard_words.commands:
            assert key == self.command_of(value).campaign_id.encode()
            self.commands.append(self.command_of(value))
        elif topic == self.guard_words.alerts:
            self.alerts.append(self.codec.decoder(topic, "alert")(value, None))

    def command_of(self, value: bytes) -> Command:
        """A command from its bytes."""
        command: Command = self.codec.decoder(self.guard_words.commands, "campaign_command")(value, None)
        return command


def folded(fold: LedgerFold | CampaignFold, given: Given, at_ms: int) -> Outbox:
    """What follows from one record, committed."""
    outbox: Outbox = []
    fold.fold(given, at_ms, outbox)
    fold.end_chunk(outbox)
    fold.overlay.commit(Meta())
    return outbox

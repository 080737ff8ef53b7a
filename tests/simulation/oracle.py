"""What should be: the committed input of one partition, folded by the core over plain dicts, and counted by hand.

Two accounts of the same log. The first uses the core's `decide` over dicts, and says what every chunk must bring out, byte
for byte. The second knows nothing of the core: it adds up the units of each fact whose id it sees for the first time.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from agents.codec import Malformed, digest
from agents.inventory.answers import Answer, Status
from agents.inventory.decide import decide
from agents.inventory.orders.words import OrderKind, OrderRecord
from agents.inventory.positions import Position, StockLevel
from agents.inventory.postings import Account, JournalRecord
from agents.inventory.replenishment.words import DemandKind, DemandRecord, Moved, Whereabouts
from agents.inventory.rows import DUE, POSITIONS, REFRESHING, Arrival, Decision
from agents.inventory.transactions import BROADCAST_KINDS, Kind, Transaction
from agents.runtime.partitioner import partition_of
from agents.state.ledger import LEDGER_TABLES
from tests.simulation.broker import Entry
from tests.simulation.setting import CODEC, DEAD_LETTERS, EDGES, INPUT, PARTITIONS, SAYS, TOPOLOGY
from tools.scenario.memory_rows import MemoryRows

FIRST_TIME_HEADER = "onhand.first_record_time_ms"
_DECODE = CODEC.decoder(INPUT, "transaction")
_ENCODE = {schema: CODEC.encoder(topic, schema) for schema, topic in SAYS.items()}
_EDGE = CODEC.encoder(EDGES[0], "edge")
_TABLES = {table.name: table for table in LEDGER_TABLES}
_SIGN = {Kind.RECEIPT: 1, Kind.RETURN: 1, Kind.ADJUST: 1, Kind.SALE: -1, Kind.SHIP: -1}
_BUCKETS = (Account.UNPROMISED, Account.RESERVED, Account.ALLOCATED, Account.QUARANTINED, Account.IN_TRANSIT)
_READ: dict[bytes, Transaction | None] = {}
_FOR_EVERY_PARTITION = tuple(f"{kind.lower()}:".encode() for kind in BROADCAST_KINDS)

Content = dict[str, dict[bytes, bytes]]


class Said:
    """A record that a chunk must bring out."""

    __slots__ = ("alert", "header", "key", "partition", "topic", "value")

    def __init__(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int = -1,
        header: tuple[str, str] | None = None,
        alert: str | None = None,
    ) -> None:
        self.topic = topic
        self.key = key
        self.value = value
        self.partition = partition
        self.header = header
        """One that it must carry."""
        self.alert = alert
        """The runtime's own alerts are known by their event id; their words are the runtime's."""


class Chunk:
    """What a range of the input must bring out."""

    def __init__(self) -> None:
        self.said: dict[str, list[Said]] = {}
        self.changes: Content = {}
        """Rows by table, as they are written; an empty row is one that is gone."""

    def say(self, said: Said) -> None:
        """In order."""
        self.said.setdefault(said.topic, []).append(said)


class Oracle:
    """Of one partition."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.position = 0
        self.time_ms = 0
        self.rows = MemoryRows()
        self.written: Content = {table.name: {} for table in LEDGER_TABLES}
        """All rows as bytes."""
        self.faults: list[str] = []
        self._on_hand: dict[tuple[str, str], int] = {}
        self._posted: dict[tuple[str, str, Account], int] = {}
        self._seen: set[tuple[str, str, str]] = set()

    def fold(self, records: Iterable[Entry], position: int) -> Chunk:
        """The next chunk: these committed records of the input, up to `position`."""
        chunk, levels, availability = Chunk(), {}, {}
        touched: dict[str, None] = {}
        changed: dict[tuple[str, Any], Any] = {}
        for record in records:
            self.time_ms = max(self.time_ms, record.at_ms)
            decision = self._record(record, chunk)
            if decision is None:
                continue
            self.rows.apply(decision.changes)
            changed.update(decision.changes)
            self._check_due(decision)
            for level in decision.levels:
                levels[level.sku, level.location] = level
            if decision.availability is not None:
                availability[decision.availability.sku] = decision.availability
            for posted in decision.journal:
                self._post(posted)
                touched[posted.sku] = None
        self._say_levels(chunk, levels.values())
        for told in availability.values():
            chunk.say(Said(SAYS["availability"], told.sku.encode(), _ENCODE["availability"](told), self.partition))
        self._write(chunk, changed)
        self.position = position
        for sku in touched:
            self._check(sku)
        return chunk

    def due(self, sku: str, now_ms: int) -> bool:
        """Whether something of the SKU is due."""
        return any(row[1] == sku and int(row[0]) <= now_ms for row in self.rows.tables[DUE])

    def has_due(self, by_ms: int) -> bool:
        """Whether anything is due by then."""
        return any(int(row[0]) <= by_ms for row in self.rows.tables[DUE])

    @property
    def is_walking(self) -> bool:
        """Whether SKUs are to be visited, because reference has changed."""
        return bool(self.rows.tables[REFRESHING]) and bool(self.rows.tables[POSITIONS])

    # -- one record --------------------------------------------------------------------------------------------------

    def _record(self, record: Entry, chunk: Chunk) -> Decision | None:
        key = record.key
        if not key:
            self._bury(record, chunk)
            return None
        right = partition_of(key, PARTITIONS)
        if right != self.partition and not key.startswith(_FOR_EVERY_PARTITION):
            headers = dict(record.headers or ())
            first = headers.get(FIRST_TIME_HEADER, str(record.at_ms))
            chunk.say(Said(INPUT, key, record.value, right, (FIRST_TIME_HEADER, _text(first))))
            self._alert(record, chunk)
            return None
        transaction = read(record)
        if transaction is None:
            self._bury(record, chunk)
            return None
        return self._decide(record, transaction, chunk)

    def _decide(self, record: Entry, transaction: Transaction, chunk: Chunk) -> Decision:
        first = dict(record.headers or ()).get(FIRST_TIME_HEADER)
        arrival = Arrival(
            transaction,
            f"{INPUT}-{self.partition}-{record.offset}",
            record.offset,
            self.time_ms,
            digest(transaction),
            transaction.source in TOPOLOGY.backfill_sources,
            None if first is None else int(_text(first)),
            tuple(EDGES[1:]),
            self.partition,
        )
        decision = decide(self.rows, arrival, TOPOLOGY.answers_keep_ms)
        key = transaction.sku.encode()
        for schema, words in (("answer", decision.answers), ("journal", decision.journal)):
            for word in words:
                chunk.say(Said(SAYS[schema], key, _ENCODE[schema](word), self.partition))
        for answer in decision.answers:
            if answer.routed and answer.order_id is not None:
                chunk.say(Said(SAYS["order"], answer.order_id.encode(), _ENCODE["order"](_told_router(answer))))
        for told in _references_told(transaction, decision):
            chunk.say(Said(SAYS["order"], record.key, _ENCODE["order"](told), self.partition))
        for copy in _copies(transaction, decision):
            place = f"location:{copy.place.location}".encode() if copy.place else key
            chunk.say(Said(SAYS["demand"], place, _ENCODE["demand"](copy), self.partition))
        for alert in decision.alerts:
            chunk.say(Said(SAYS["alert"], alert.subject.encode(), _ENCODE["alert"](alert)))
        for edge in decision.edges:
            chunk.say(Said(EDGES[0], key, _EDGE(edge), self.partition))
        for watcher, edge in decision.watched:
            chunk.say(Said(watcher.topic, watcher.key.encode(), _EDGE(edge)))
        if decision.dead_letter is not None:
            self._bury(record, chunk)
        self._count(transaction)
        return decision

    def _bury(self, record: Entry, chunk: Chunk) -> None:
        self._dead_letter(record, chunk)
        self._alert(record, chunk)

    def _dead_letter(self, record: Entry, chunk: Chunk) -> None:
        where = ("__connect.errors.offset", str(record.offset))
        chunk.say(Said(DEAD_LETTERS, record.key, record.value, self.partition, where))

    def _alert(self, record: Entry, chunk: Chunk) -> None:
        subject = f"{INPUT}-{self.partition}"
        chunk.say(Said(SAYS["alert"], subject.encode(), None, alert=f"{subject}-{record.offset}-r"))

    def _say_levels(self, chunk: Chunk, levels: Iterable[StockLevel]) -> None:
        for level in levels:
            key = f"{level.sku}@{level.location}".encode()
            chunk.say(Said(SAYS["level"], key, _ENCODE["level"](level), self.partition))

    def _write(self, chunk: Chunk, changed: dict[tuple[str, Any], Any]) -> None:
        for (name, key), row in changed.items():
            table = _TABLES[name]
            encoded = table.encode_key(key) if table.key_digest is None else table.key_digest(key)
            value = b"" if row is None else table.encode_row(row)
            chunk.changes.setdefault(name, {})[encoded] = value
            if row is None:
                self.written[name].pop(encoded, None)
            else:
                self.written[name][encoded] = value

    # -- counted by hand ---------------------------------------------------------------------------------------------

    def _count(self, transaction: Transaction) -> None:
        identity = (transaction.source, transaction.sku, transaction.transaction_id)
        sign, location, quantity = _SIGN.get(transaction.kind), transaction.location, transaction.quantity
        is_new = identity not in self._seen
        if transaction.kind is not Kind.EXPIRE:
            self._seen.add(identity)
        if is_new and sign is not None and location is not None and quantity is not None:
            place = (transaction.sku, location)
            self._on_hand[place] = self._on_hand.get(place, 0) + sign * quantity

    def _post(self, record: JournalRecord) -> None:
        if sum(posting.quantity for posting in record.postings) != 0:
            self.faults.append(f"the postings of {record.event_id} do not sum to zero")
        for posting in record.postings:
            account = (record.sku, posting.location, posting.account)
            self._posted[account] = self._posted.get(account, 0) + posting.quantity

    def _check_due(self, decision: Decision) -> None:
        """Right after a record of a SKU nothing of that SKU is due any more."""
        for sku in dict.fromkeys(answer.sku for answer in decision.answers):
            if sku and self.due(sku, self.time_ms):
                self.faults.append(f"something of {sku} was due by {self.time_ms} and is still open")

    def _check(self, sku: str) -> None:
        for location, row in self.rows.positions(sku).items():
            buckets = {account: getattr(row, account.value) for account in _BUCKETS}
            for account, quantity in buckets.items():
                posted = self._posted.get((sku, location, account), 0)
                if quantity != posted:
                    self.faults.append(f"{account} of {sku}@{location} is {quantity}, {posted} were posted")
            counted = self._on_hand.get((sku, location), 0)
            if on_hand(row) != counted:
                self.faults.append(f"{sku}@{location} has {on_hand(row)} units, by hand {counted} were counted")


def _references_told(transaction: Transaction, decision: Decision) -> list[OrderRecord]:
    """What the router hears of places and channels: in the partition of the same number, as both topics have equally many."""
    kinds = {Kind.LOCATION: OrderKind.LOCATION, Kind.CHANNEL: OrderKind.CHANNEL}
    return [
        OrderRecord(
            record_id=answer.event_id,
            source="stock_keeper",
            kind=kinds[transaction.kind],
            order_id="",
            location_reference=transaction.location_reference,
            channel_reference=transaction.channel_reference,
        )
        for answer in decision.answers
        if transaction.kind in kinds and answer.status is Status.ACCEPTED and answer.repeats is None
    ]


def _told_router(answer: Answer) -> OrderRecord:
    return OrderRecord(
        record_id=answer.event_id,
        source="stock_keeper",
        kind=OrderKind.ANSWER,
        order_id=answer.order_id or "",
        answer=answer,
    )


def _copies(transaction: Transaction, decision: Decision) -> list[DemandRecord]:
    """What the replenisher is told of a decision."""
    copies, past = [], transaction.source in TOPOLOGY.backfill_sources
    for record in decision.journal:
        if record.postings or record.kind in {Kind.COUNT, Kind.SNAPSHOT}:
            moved = tuple(Moved(posting.account, posting.location, posting.quantity) for posting in record.postings)
            counted = transaction.location if record.kind in {Kind.COUNT, Kind.SNAPSHOT} else None
            copy = DemandRecord(record_id=record.event_id, source="stock_keeper", kind=DemandKind.MOVED, sku=record.sku)
            copies.append(
                msgspec.structs.replace(copy, moved=record.kind, postings=moved, location=counted, history=past)
            )
    said = transaction.location_reference
    if said is not None and decision.answers[0].status is Status.ACCEPTED and decision.answers[0].repeats is None:
        place = Whereabouts(said.location, said.country, said.latitude_tenths, said.longitude_tenths)
        event_id = decision.answers[0].event_id
        copies.append(DemandRecord(record_id=event_id, source="stock_keeper", kind=DemandKind.PLACE, place=place))
    return copies


def on_hand(row: Position) -> int:
    """Units that are there."""
    return row.unpromised + row.reserved + row.allocated + row.quarantined


def read(record: Entry) -> Transaction | None:
    """The transaction of a record; None where nobody can read it, or where its key is not that of its SKU."""
    value, key = record.value, record.key or b""
    if value is None:
        return None
    if value not in _READ:
        try:
            _READ[value] = _DECODE(value, None)
        except Malformed:
            _READ[value] = None
    transaction = _READ[value]
    if transaction is None:
        return None
    if transaction.kind in BROADCAST_KINDS:
        return transaction if key.startswith(f"{transaction.kind.lower()}:".encode()) else None
    return transaction if key == transaction.sku.encode() else None


def _text(value: bytes | str | None) -> str:
    return value.decode() if isinstance(value, bytes) else value or ""

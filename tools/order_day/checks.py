"""What must hold after a day, judged from the topics and by what was ordered; none of the code that decided is asked.

final        every order placed is done, cancelled or refused, and nobody's rows say otherwise
oversell     no claim was ever granted beyond what was there; nothing is below zero in the evening but what a till or a
             mishap took after the last unit had left: a fact is accepted, and told apart
conserved    what came in is there, has left, or is written off: by the journal, and by the levels
agreed       what left for each line is the same in the order's status and in the ledger's journal, never beyond
             what was ordered; no claim is left
lost, twice  every event once and in its order; no dead letter
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from confluent_kafka import Message

from agents.codec import Codec
from agents.inventory.capacity import is_capacity
from agents.inventory.orders.rows import LINES_APART, OVER, Order
from agents.inventory.positions import StockLevel
from agents.inventory.postings import Account, JournalRecord
from agents.inventory.transactions import ORDER_ROUTER, Kind
from agents.runtime.plan import said_topics
from agents.runtime.topics import Cluster
from agents.runtime.topology import Topology
from agents.state.changelog import POSITION_KEY
from agents.state.ledger import CLAIMS
from agents.state.orders import ORDERS
from agents.stock_keeper import AGENT as STOCK_KEEPER
from tools.brokers.reading import Start, records
from tools.order_day.course import FINAL
from tools.order_day.live import Played

GRANTS = frozenset({Kind.RESERVE, Kind.ALLOCATE, Kind.EXTEND})
HERE = (Account.UNPROMISED, Account.RESERVED, Account.ALLOCATED, Account.QUARANTINED)
OUTSIDE = (Account.SUPPLIER, Account.CUSTOMER, Account.SHRINKAGE, Account.FOUND, Account.SCRAP)
FACTS_OF_THE_DAY = frozenset({Kind.SALE, Kind.ADJUST})
MOST_TOLD = 5


class Broken(msgspec.Struct):
    """What did not hold: how often, and the first examples."""

    counts: Counter[str] = msgspec.field(default_factory=Counter)
    examples: list[str] = msgspec.field(default_factory=list)

    def note(self, what: str, example: object) -> None:
        """One more."""
        self.counts[what] += 1
        if len(self.examples) < MOST_TOLD:
            self.examples.append(f"{what}: {example}")


class Books:
    """The journal summed up, naively."""

    def __init__(self, broken: Broken) -> None:
        self.units: dict[tuple[str, str], Counter[Account]] = {}
        self.outside: dict[str, Counter[Account]] = {}
        self.left: Counter[tuple[str, int]] = Counter()
        """Units that left by order and line."""
        self.beyond: set[tuple[str, str]] = set()
        """Positions that a till or a mishap took below zero."""
        self.records = 0
        self._broken = broken
        self._last: dict[int, tuple[int, int]] = {}

    def add(self, record: JournalRecord) -> None:
        """One record of the journal."""
        self.records += 1
        self._count(record.event_id)
        places: dict[str, None] = {}
        total = 0
        for posting in record.postings:
            total += posting.quantity
            if posting.account in OUTSIDE:
                self.outside.setdefault(record.sku, Counter())[posting.account] += posting.quantity
                is_parcel = posting.account is Account.CUSTOMER and record.kind is Kind.SHIP
                if is_parcel and record.holder is not None and not is_capacity(record.sku):
                    self.left[record.holder, (record.line or 1) % LINES_APART] += posting.quantity
            else:
                self.units.setdefault((record.sku, posting.location), Counter())[posting.account] += posting.quantity
                places[posting.location] = None
        if total:
            self._broken.note("a record does not sum to zero", record.event_id)
        if record.kind in FACTS_OF_THE_DAY:
            self.beyond |= {(record.sku, place) for place in places if self.on_hand(record.sku, place) < 0}
        if record.kind in GRANTS:
            for place in places:
                if self.units[record.sku, place][Account.UNPROMISED] < 0:
                    self._broken.note("promised beyond what was there", f"{record.sku}@{place} by {record.event_id}")

    def on_hand(self, sku: str, place: str) -> int:
        """Units that are there."""
        return sum(self.units[sku, place][account] for account in HERE)

    def _count(self, event_id: str) -> None:
        """Events of a partition come in the order of their causes, each once."""
        _, partition, offset, number = event_id.rsplit("-", 3)
        at = int(offset), int(number)
        if at <= self._last.get(int(partition), (-1, -1)):
            self._broken.note("a journal record came twice or out of order", event_id)
        self._last[int(partition)] = at


class Judgement(msgspec.Struct, kw_only=True):
    """What the checks found."""

    broken: dict[str, int]
    examples: list[str]
    stages: dict[str, int]
    """Orders by their last stage."""
    lines: dict[str, int]
    """Lines by their last state."""
    journal_records: int
    positions: int
    units: dict[str, int]
    """Where all units are in the evening."""
    facts_beyond_stock: int = 0
    """Positions below zero because a till or a mishap took what was not there any more."""
    oversold: int = 0
    not_final: int = 0
    lost: int = 0

    @property
    def holds(self) -> bool:
        """Whether everything does."""
        return not self.broken


def judge(topology: Topology, codec: Codec, played: Played) -> Judgement:
    """Read what was written, and compare. Raises KafkaException."""
    broken = Broken()
    reading = Reading(topology, codec)
    books = Books(broken)
    for record in reading.journal():
        books.add(record)
    levels = reading.levels()
    judge_units(broken, books, levels, played)
    judge_orders(broken, books, played)
    judge_rows(broken, reading)
    stages = Counter(each.status.stage if each.status else "lost" for each in played.orders.values())
    states = Counter(line.state.value for each in played.orders.values() if each.status for line in each.status.lines)
    goods = [level for level in levels.values() if not is_capacity(level.sku)]
    outside: Counter[Account] = Counter()
    for sku, counts in books.outside.items():
        outside.update({} if is_capacity(sku) else counts)
    return Judgement(
        broken=dict(broken.counts),
        examples=broken.examples,
        stages=dict(stages),
        lines=dict(states),
        journal_records=books.records,
        positions=len(levels),
        units={
            "received": sum(played.opening.values()),
            "on_hand": sum(level.on_hand for level in goods),
            **{account.value: outside[account] for account in sorted(outside)},
        },
        facts_beyond_stock=sum(levels[key].unpromised < 0 for key in books.beyond),
        oversold=broken.counts["promised beyond what was there"] + broken.counts["below zero in the evening"],
        not_final=broken.counts["an order is not final"],
        lost=stages["lost"],
    )


def judge_units(broken: Broken, books: Books, levels: dict[tuple[str, str], StockLevel], played: Played) -> None:
    """Nothing below zero, nothing promised any more; and no unit came from nowhere or went there."""
    for key, level in levels.items():
        sums = books.units.get(key, Counter())
        said = (level.unpromised, level.reserved, level.allocated, level.quarantined)
        if said != tuple([sums[account] for account in HERE]):
            broken.note("level and journal differ", f"{level} {dict(sums)}")
        if level.unpromised < 0 and key not in books.beyond:
            broken.note("below zero in the evening", level)
        if level.reserved or level.allocated:
            broken.note("units are promised to nobody", level)
    received: Counter[str] = Counter()
    for (sku, _), units in played.opening.items():
        received[sku] += units
    here: Counter[str] = Counter()
    for (sku, _), level in levels.items():
        here[sku] += level.on_hand
    for sku, units in received.items():
        outside = books.outside.get(sku, Counter())
        gone = sum(outside[account] for account in OUTSIDE if account is not Account.SUPPLIER)
        if here[sku] + gone != units or -outside[Account.SUPPLIER] != units:
            broken.note("units are not conserved", f"{sku}: received {units}, here {here[sku]}, gone {dict(outside)}")


def judge_orders(broken: Broken, books: Books, played: Played) -> None:
    """Every order is final, and ledger and router say the same of what left."""
    left = dict(books.left)
    for order_id, following in played.orders.items():
        status = following.status
        if status is None or status.stage not in FINAL:
            broken.note("an order is not final", order_id)
            continue
        for line in status.lines:
            shipped = left.pop((order_id, line.line), 0)
            if shipped != line.shipped:
                broken.note("router and ledger differ in what left", f"{order_id} {line}: the ledger says {shipped}")
            if shipped > line.quantity:
                broken.note("more left than was ordered", f"{order_id} {line}: {shipped}")
    for key, units in left.items():
        broken.note("something left for nobody", f"{key}: {units}")


def judge_rows(broken: Broken, reading: Reading) -> None:
    """In the evening the ledger has no claim, and the router no order that is not over."""
    for key, _ in reading.rows(STOCK_KEEPER, CLAIMS.prefix):
        broken.note("a claim is left", key)
    for key, value in reading.rows(ORDER_ROUTER, ORDERS.prefix):
        order: Order = ORDERS.decode_row(value)
        if order.stage not in OVER:
            broken.note("a row says that an order is not over", f"{key!r} {order.stage}")
    for agent in (STOCK_KEEPER, ORDER_ROUTER):
        for message in reading.dead_letters(agent):
            broken.note("a dead letter", f"{message.topic()} {message.key()!r}")


class Reading:
    """The topics of a day that is over."""

    def __init__(self, topology: Topology, codec: Codec) -> None:
        self._topology, self._codec = topology, codec
        self._cluster = Cluster(topology.kafka)
        self._says = said_topics(topology, topology.agents[STOCK_KEEPER])

    def journal(self) -> Iterator[JournalRecord]:
        """All of it."""
        topic = self._says["journal"]
        decode: Callable[..., JournalRecord] = self._codec.decoder(topic, "journal")
        for message in self._all(topic):
            yield decode(message.value(), None)

    def levels(self) -> dict[tuple[str, str], StockLevel]:
        """The last one of each position."""
        topic = self._says["level"]
        decode: Callable[..., StockLevel] = self._codec.decoder(topic, "level")
        last = {message.key(): message.value() for message in self._all(topic)}
        levels = [decode(value, None) for value in last.values() if value is not None]
        return {(level.sku, level.location): level for level in levels}

    def rows(self, agent: str, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The rows of a table as they are in the changelog."""
        last: dict[bytes, bytes | None] = {}
        for message in self._all(self._topology.agents[agent].changelog.name):
            key: Any = message.key()
            if key != POSITION_KEY and key.startswith(prefix):
                last[key] = message.value()
                if last[key] is None:
                    del last[key]
        yield from ((key, value) for key, value in last.items() if value is not None)

    def dead_letters(self, agent: str) -> Iterator[Message]:
        """What an agent buried."""
        return self._all(self._topology.agents[agent].dead_letters.name)

    def _all(self, topic: str) -> Iterator[Message]:
        spans = self._cluster.offsets(self._cluster.topics([topic]).values())[topic]
        return records(dict(self._topology.kafka), topic, spans, Start())

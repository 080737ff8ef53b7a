"""The stock keeper: every transaction passes here, one partition at a time and in order.

Wiring only: bytes to words, `decide`, words to bytes. What is decided is in `agents/inventory`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from agents.codec import Codec, Malformed, digest
from agents.inventory.campaigns.words import edge_record
from agents.inventory.decide import decide
from agents.inventory.offers import Availability, Edge
from agents.inventory.orders.words import answer_record, references_told
from agents.inventory.orders.words import key_of as key_of_order
from agents.inventory.positions import StockLevel
from agents.inventory.refreshing import SYSTEM_SOURCE, visit_record
from agents.inventory.replenishment.copying import copies_of
from agents.inventory.replenishment.validation import key_of
from agents.inventory.rows import Arrival, Decision
from agents.inventory.transactions import BROADCAST_KINDS, STOCK_KEEPER, Kind, Transaction
from agents.runtime.dead_letters import alert_of_burial
from agents.runtime.fold import FIRST_RECORD_TIME_HEADER, FoldContext, InputRecord, Outbox, Outgoing, header
from agents.runtime.plan import AgentLogic, said_topics
from agents.runtime.topology import Topology
from agents.state.housekeeping import Housekeeper
from agents.state.ledger import LEDGER_TABLES, LedgerRows
from agents.state.visits import Visits

AGENT = STOCK_KEEPER
TIDY_AFTER = 250
"""Transactions: with each chunk of a few the looking would cost more than the deciding."""
MOST_HOUSEKEEPING_VISITS = 500
"""Rows of each table visited at a time: one for two transactions (the tables stay within three times of what they must
hold), but no more than this."""
LARGEST_TRANSACTION_BYTES = 256 * 1024
"""Its texts go into answer and journal, which must fit into a record of the broker's default size."""
TOLD_TO_ROUTER = (Kind.LOCATION, Kind.CHANNEL)
"""References that the order router knows too. A tuple: a member is found by identity, without a hash."""
_BROADCAST_PREFIXES = tuple(f"{kind.lower()}:".encode() for kind in sorted(BROADCAST_KINDS))


class Words:
    """Encoders and decoders of the stock keeper's topics, and the policy of ids: the same for all partitions."""

    def __init__(self, topology: Topology, codec: Codec) -> None:
        agent = topology.agents[AGENT]
        says = said_topics(topology, agent)
        self.transactions = agent.folds
        self.journal_topic, self.levels_topic = says["journal"], says["level"]
        self.answers_topic, self.alerts_topic = says["answer"], says["alert"]
        self.availability_topic = says.get("availability")
        edges = [name for name in agent.says if topology.all_topics[name].schema == "edge"]
        self.edges_topic = edges[0] if edges else None
        """The first topic of edges is for everybody; into the others they are said for who watches."""
        self.campaigns_topic = says.get("campaign")
        """Into it goes one record for each campaign that watches, with all the edges of a decision."""
        self.watchable_topics = (*edges[1:], *((self.campaigns_topic,) if self.campaigns_topic else ()))
        self.answers_keep_ms = topology.answers_keep_ms
        self.backfill_sources = topology.backfill_sources
        input_format = topology.all_topics[self.transactions].format
        self.decode = codec.decoder(self.transactions, "transaction", input_format)
        self.transaction = codec.encoder(self.transactions, "transaction", input_format)
        self.journal = codec.encoder(self.journal_topic, "journal")
        self.level = codec.encoder(self.levels_topic, "level")
        self.answer = codec.encoder(self.answers_topic, "answer")
        self.alert = codec.encoder(self.alerts_topic, "alert")
        self.orders_topic = says.get("order")
        self.transactions_partitions = topology.all_topics[self.transactions].partitions
        self.orders_partitions = 0 if self.orders_topic is None else topology.all_topics[self.orders_topic].partitions
        self.order = encoder_of(topology, codec, self.orders_topic, "order")
        self.demand_topic = says.get("demand")
        """What was decided is copied into it for the replenisher; None = the topology does not ask for it."""
        self.demand = encoder_of(topology, codec, self.demand_topic, "demand")
        self.availability = encoder_of(topology, codec, self.availability_topic, "availability")
        self.edges = {name: codec.encoder(name, "edge") for name in edges}
        self.campaign = encoder_of(topology, codec, self.campaigns_topic, "campaign")


def encoder_of(topology: Topology, codec: Codec, topic: str | None, schema: str) -> Callable[[Any], bytes]:
    """The encoder of a topic that the topology may leave out: into one that is not there nothing is said."""
    if topic is None:
        return unsaid
    return codec.encoder(topic, schema, topology.all_topics[topic].format)


def unsaid(record: object) -> bytes:
    """In place of the encoder of a topic that is not there."""
    raise AssertionError(f"there is no topic for {record!r}")


class LedgerFold:
    """The ledger of one partition."""

    def __init__(self, context: FoldContext, words: Words) -> None:
        self.overlay = context.overlay
        self._words = words
        self._rows = LedgerRows(context.overlay)
        self._housekeeper = Housekeeper(context.overlay, self._rows, words.answers_keep_ms)
        self._bury = context.bury
        self._partition = context.partition
        self._cause_prefix = f"{context.topic}-{context.partition}-"
        self._levels: dict[tuple[str, str], StockLevel] = {}
        self._availability: dict[str, Availability] = {}
        self._visits = Visits(context.overlay, self._rows)
        self._time_ms = 0
        self._decided = 0

    def fold(self, record: InputRecord, at_ms: int, outbox: Outbox) -> None:
        """Decide one transaction. See `Fold.fold`."""
        words, value, headers = self._words, record.value(), record.headers()
        if value is not None and len(value) > LARGEST_TRANSACTION_BYTES:
            raise Malformed(f"the value has {len(value)} bytes; a transaction has at most {LARGEST_TRANSACTION_BYTES}")
        transaction = words.decode(value, headers)
        check_key(record.key() or b"", transaction)
        offset = record.offset()
        arrival = Arrival(
            transaction,
            f"{self._cause_prefix}{offset}",
            offset,
            at_ms,
            digest(transaction),
            transaction.source in words.backfill_sources,
            _first_record_time(record) if headers else None,
            words.watchable_topics,
            self._partition,
        )
        decision = decide(self._rows, arrival, words.answers_keep_ms)
        key = transaction.sku.encode()
        outgoing = self._outgoing(key, decision)
        if words.demand_topic is not None:
            self._to_demand(words.demand_topic, key, arrival, decision, outgoing)
        if words.orders_topic is not None and transaction.kind in TOLD_TO_ROUTER:
            outgoing += self._references_to_orders(words.orders_topic, transaction, decision)
        if decision.dead_letter is not None:
            outgoing += self._buried(record, at_ms, decision.dead_letter)
        # From here on it must succeed.
        self._rows.apply(decision.changes)
        for level in decision.levels:
            self._levels[level.sku, level.location] = level
        if decision.availability is not None:
            self._availability[transaction.sku] = decision.availability
        outbox += outgoing
        self._time_ms = at_ms
        self._decided += 1

    def _outgoing(self, key: bytes, decision: Decision) -> Outbox:
        words, partition, routed = self._words, self._partition, False
        said: Outbox = []
        for answer in decision.answers:
            said.append((words.answers_topic, key, words.answer(answer), partition, None))
            routed = routed or answer.routed
        for record in decision.journal:
            said.append((words.journal_topic, key, words.journal(record), partition, None))
        for alert in decision.alerts:
            said.append(Outgoing(words.alerts_topic, alert.subject.encode(), words.alert(alert)))
        if routed and words.orders_topic is not None:
            said += self._to_orders(words.orders_topic, decision)
        if decision.edges or decision.watched:
            said += self._edges(key, decision)
        return said

    def _to_demand(self, topic: str, key: bytes, arrival: Arrival, decision: Decision, said: Outbox) -> None:
        """What the replenisher needs of a decision, in the partition of the same number."""
        words, partition = self._words, self._partition
        for record in copies_of(arrival.transaction, decision, words.campaigns_topic, history=arrival.backfill):
            said.append((topic, key or key_of(record).encode(), words.demand(record), partition, None))

    def _to_orders(self, topic: str, decision: Decision) -> Outbox:
        """What the order router asked, and what became of the claims it holds, told to it on its own topic."""
        encode = self._words.order
        return [
            Outgoing(topic, order_id.encode(), encode(answer_record(order_id, answer)))
            for answer in decision.answers
            if answer.routed and (order_id := answer.order_id) is not None
        ]

    def _references_to_orders(self, topic: str, transaction: Transaction, decision: Decision) -> Outbox:
        """What is so of a place or a channel, told to the order router in every partition of its topic.

        A reference record comes in every partition of the transactions: each tells as many partitions of the orders as fall
        to it, so that every one of them hears it once, and all of them hear all of them in the same order.
        """
        words = self._words
        partitions = range(self._partition, words.orders_partitions, words.transactions_partitions)
        return [
            (topic, key_of_order(record).encode(), words.order(record), partition, None)
            for record in references_told(transaction, decision)
            for partition in partitions
        ]

    def _edges(self, key: bytes, decision: Decision) -> Outbox:
        """Changes of state: to everybody, and to each who watches under the key it named."""
        words, said = self._words, Outbox()
        if words.edges_topic is not None:
            encode = words.edges[words.edges_topic]
            said += [(words.edges_topic, key, encode(edge), self._partition, None) for edge in decision.edges]
        for watcher, edge in decision.watched:
            encode_for_watcher = words.edges.get(watcher.topic)
            if encode_for_watcher is not None:  # Else it was taken out of the topology since.
                said.append(Outgoing(watcher.topic, watcher.key.encode(), encode_for_watcher(edge)))
        if words.campaigns_topic is not None:
            said += self._to_campaigns(words.campaigns_topic, decision)
        return said

    def _to_campaigns(self, topic: str, decision: Decision) -> Outbox:
        """One record for each campaign that watches, with all the edges of this decision."""
        told: dict[str, list[Edge]] = {}
        for watcher, edge in decision.watched:
            if watcher.topic == topic:
                told.setdefault(watcher.key, []).append(edge)
        encode = self._words.campaign
        return [
            Outgoing(topic, campaign_id.encode(), encode(edge_record(campaign_id, tuple(edges))))
            for campaign_id, edges in told.items()
        ]

    def _buried(self, record: InputRecord, at_ms: int, reason: str) -> Outbox:
        """The dead letter of a refused fact, and the alert: nobody may be waiting for its answer."""
        words = self._words
        alert = alert_of_burial(
            words.transactions, self._partition, record.offset(), at_ms, reason=reason, stage="decide"
        )
        return [
            self._bury(record, at_ms, reason=reason, stage="decide"),
            Outgoing(words.alerts_topic, alert.subject.encode(), words.alert(alert)),
        ]

    def end_chunk(self, outbox: Outbox) -> None:
        """The last level of each row that changed in this chunk, and a little housekeeping."""
        words, partition = self._words, self._partition
        # Taken first: were one of them to fail, it must not be said with the next chunk.
        levels, self._levels = self._levels, {}
        for level in levels.values():
            key = f"{level.sku}@{level.location}".encode()
            outbox.append((words.levels_topic, key, words.level(level), partition, None))
        if self._availability:
            self._say_availability(outbox)
        if self._decided >= TIDY_AFTER:
            self._housekeeper.tidy(self._time_ms, min(self._decided // 2, MOST_HOUSEKEEPING_VISITS))
            self._decided = 0

    def _say_availability(self, outbox: Outbox) -> None:
        """The last availability of each SKU for which something in it changed in this chunk."""
        words, partition = self._words, self._partition
        told, self._availability = self._availability, {}
        if words.availability_topic is not None:
            for each in told.values():
                outbox.append((words.availability_topic, each.sku.encode(), words.availability(each), partition, None))

    def due(self, now_ms: int, limit: int) -> Sequence[tuple[bytes, bytes]]:
        """EXPIRE records for SKUs with something due, one for all that is due; then REFRESH for those visited next."""
        skus = dict.fromkeys(sku for _, sku, _, _ in self._rows.due_before(now_ms, limit))
        records = [expire(sku) for sku in skus]
        visits = self._visits.next(now_ms, limit - len(records))
        records += [visit_record(sku, walk, last=last) for sku, walk, last in visits]
        return [(record.sku.encode(), self._words.transaction(record)) for record in records]

    def is_broadcast(self, key: bytes) -> bool:
        """Keys of POLICY, LOCATION and CHANNEL records."""
        return key.startswith(_BROADCAST_PREFIXES)


def stock_keeper(topology: Topology, codec: Codec) -> AgentLogic:
    """Keeps the stock."""
    words = Words(topology, codec)
    return AgentLogic(LEDGER_TABLES, lambda context: LedgerFold(context, words))


def expire(sku: str) -> Transaction:
    """The record that wakes an idle SKU. Its id says nothing: it is never remembered."""
    return Transaction(transaction_id="expire", source=SYSTEM_SOURCE, kind=Kind.EXPIRE, sku=sku)


def check_key(key: bytes, transaction: Transaction) -> None:
    """Raise Malformed unless the record is keyed by its SKU, or by its kind and id where it is broadcast."""
    if transaction.kind in BROADCAST_KINDS:
        if not key.startswith(f"{transaction.kind.lower()}:".encode()):
            raise Malformed(
                f"a {transaction.kind} record must be keyed `{transaction.kind.lower()}:<id>`, not {_shown(key)}, "
                f"and be written to every partition"
            )
    elif key != transaction.sku.encode():
        raise Malformed(f"the key {_shown(key)} is not its SKU {transaction.sku!r}")
    elif key.startswith(_BROADCAST_PREFIXES):
        # Such keys are exempt from the partition check: the SKU could get two owners.
        raise Malformed(f"no SKU may be named like the key of a reference record: {_shown(key)}")


def _shown(key: bytes) -> str:
    return repr(key[:200].decode("utf-8", "backslashreplace"))


def _first_record_time(record: InputRecord) -> int | None:
    value = header(record, FIRST_RECORD_TIME_HEADER)
    return int(value) if value is not None and value.isdigit() else None

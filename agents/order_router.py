"""The order router: every record of an order passes here, one partition at a time and in order.

Wiring only: bytes to words, `decide_order`, words to bytes. What is decided is in `agents/inventory/orders`. Plans are made
beside the fold, from the levels as they are at the moment, and enter the router's own topic before anything follows them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from agents.codec import Codec, Malformed
from agents.inventory.channels import References
from agents.inventory.orders.decide import decide_order
from agents.inventory.orders.planning import plan_record
from agents.inventory.orders.rows import Order, OrderArrival, OrderDecision, OrderPolicy, Stage
from agents.inventory.orders.validation import REFERENCE_PREFIXES, problem_of
from agents.inventory.orders.words import OrderKind, OrderRecord, Read, key_of
from agents.inventory.transactions import ORDER_ROUTER
from agents.runtime.dead_letters import alert_of_burial
from agents.runtime.fold import FoldContext, InputRecord, Outbox, Outgoing
from agents.runtime.levels_view import LevelsView
from agents.runtime.plan import AgentLogic, said_topics
from agents.runtime.topology import Topology
from agents.state.orders import ORDER_TABLES, RoutedOrders

AGENT = ORDER_ROUTER
_BROADCAST_PREFIXES = tuple(prefix.encode() for prefix in REFERENCE_PREFIXES)


class OrderWords:
    """Encoders and decoders of the order router's topics: the same for all partitions."""

    def __init__(self, topology: Topology, codec: Codec) -> None:
        agent = topology.agents[AGENT]
        says = said_topics(topology, agent)
        self.orders = agent.folds
        self.transactions, self.routing = says["transaction"], says["order_routing"]
        self.statuses, self.alerts = says["order_status"], says["alert"]
        formats = topology.all_topics[self.orders].format, topology.all_topics[self.transactions].format
        self.decode = codec.decoder(self.orders, "order", formats[0])
        self.order = codec.encoder(self.orders, "order", formats[0])
        self.transaction = codec.encoder(self.transactions, "transaction", formats[1])
        self.routing_event = codec.encoder(self.routing, "order_routing")
        self.status = codec.encoder(self.statuses, "order_status")
        self.alert = codec.encoder(self.alerts, "alert")


class Planner:
    """Makes plans from the levels as they are, and from what is known of places and channels."""

    def __init__(self, view: LevelsView, split_must_save: int | None = None) -> None:
        """`split_must_save` as in the policy of orders."""
        self._view = view
        self._split_must_save = split_must_save

    def plan(self, order_id: str, order: Order, references: References, at_ms: int) -> OrderRecord | None:
        """The record of a plan; None while nothing is known to plan with."""
        if not self._view.is_current:
            return None
        return plan_record(order_id, order, self._levels, references, at_ms, self._split_must_save)

    def _levels(self, sku: str) -> dict[str, Read]:
        return {place: Read(place, revision, atp) for place, (revision, atp) in tuple(self._view.of(sku).items())}


class OrderFold:
    """The orders of one partition."""

    def __init__(self, context: FoldContext, words: OrderWords, policy: OrderPolicy, planner: Planner) -> None:
        self.overlay = context.overlay
        self._words = words
        self._policy = policy
        self._planner = planner
        self._orders = RoutedOrders(context.overlay)
        self._bury = context.bury
        self._partition = context.partition
        self._cause_prefix = f"{context.topic}-{context.partition}-"
        self._to_plan: dict[str, None] = {}
        self._time_ms = 0

    def fold(self, record: InputRecord, at_ms: int, outbox: Outbox) -> None:
        """Decide one record. See `Fold.fold`."""
        said: OrderRecord = self._words.decode(record.value(), record.headers())
        problem = problem_of(said)
        if problem is not None:
            raise Malformed(problem)
        if record.key() != key_of(said).encode():
            raise Malformed(f"the key {record.key()!r:.200} is not its order {key_of(said)!r}")
        arrival = OrderArrival(said, f"{self._cause_prefix}{record.offset()}", at_ms)
        decision = decide_order(self._orders, arrival, self._policy)
        outgoing = self._outgoing(said.order_id, decision)
        if decision.dead_letter is not None:
            outgoing += self._buried(record, at_ms, decision.dead_letter)
        # From here on it must succeed.
        self._orders.apply(decision.changes)
        if said.order_id:
            self._to_plan[said.order_id] = None
        self._time_ms = at_ms
        outbox += outgoing

    def _outgoing(self, order_id: str, decision: OrderDecision) -> Outbox:
        words, key = self._words, order_id.encode()
        said: Outbox = [
            Outgoing(words.transactions, transaction.sku.encode(), words.transaction(transaction))
            for transaction in decision.transactions
        ]
        said += [Outgoing(words.routing, key, words.routing_event(routing)) for routing in decision.routings]
        if decision.status is not None:
            said.append(Outgoing(words.statuses, key, words.status(decision.status)))
        said += [Outgoing(words.alerts, alert.subject.encode(), words.alert(alert)) for alert in decision.alerts]
        return said

    def _buried(self, record: InputRecord, at_ms: int, reason: str) -> Outbox:
        """The dead letter of an order that came too late, and the alert: the shop does not wait for an answer."""
        words = self._words
        alert = alert_of_burial(words.orders, self._partition, record.offset(), at_ms, reason=reason, stage="decide")
        return [
            self._bury(record, at_ms, reason=reason, stage="decide"),
            Outgoing(words.alerts, alert.subject.encode(), words.alert(alert)),
        ]

    def end_chunk(self, outbox: Outbox) -> None:
        """Plans for the orders of this chunk that wait for one: they are records of the same topic, decided next."""
        to_plan, self._to_plan = self._to_plan, {}
        for order_id in to_plan:
            order = self._orders.order(order_id)
            if order is not None and order.stage is Stage.PLANNING:
                record = self._planner.plan(order_id, order, self._orders.references(), self._time_ms)
                if record is not None:
                    outbox.append(self._to_myself(record))

    def _to_myself(self, record: OrderRecord) -> Outgoing:
        return Outgoing(self._words.orders, record.order_id.encode(), self._words.order(record), self._partition)

    def due(self, now_ms: int, limit: int) -> Sequence[tuple[bytes, bytes]]:
        """WAKE records for the orders of which something is due."""
        return [
            (order_id.encode(), self._words.order(wake(order_id, now_ms)))
            for order_id in self._orders.due_before(now_ms, limit)
        ]

    def is_broadcast(self, key: bytes) -> bool:
        """Keys of LOCATION and CHANNEL records."""
        return key.startswith(_BROADCAST_PREFIXES)


def wake(order_id: str, now_ms: int) -> OrderRecord:
    """The record that wakes an order. Its id says nothing: it is never remembered."""
    digest = hashlib.blake2b(f"{order_id}@{now_ms // 10_000}".encode(), digest_size=6).hexdigest()
    return OrderRecord(record_id=f"wake-{digest}", source=ORDER_ROUTER, kind=OrderKind.WAKE, order_id=order_id)


def order_router(topology: Topology, codec: Codec) -> AgentLogic:
    """Routes the orders."""
    words = OrderWords(topology, codec)
    levels = next(topic for topic in topology.topics.values() if topic.schema == "level")
    view = LevelsView(topology.kafka, levels.name, levels.partitions, codec.decoder(levels.name, "level"))
    planner = Planner(view, topology.orders.split_must_save)

    def fold_of(context: FoldContext) -> OrderFold:
        if not context.replays:
            view.start()
        return OrderFold(context, words, topology.orders, planner)

    return AgentLogic(ORDER_TABLES, fold_of)

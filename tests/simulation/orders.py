"""Worlds of orders: stock keeper and order router as they ship, over logs of chunks, with crashes at every boundary.

`world.py` shows that the runtime commits each chunk of any fold once, whatever fails. So here a chunk is simply committed
or never was, and what is looked at is what two agents make of it together: bytes in, bytes out, chunks of any size, levels
that are read late, partitions of which one is far behind, and processes that lose all but what is in the logs. A seed
decides everything; `python -m tests.simulation --orders --seed N` plays one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import Any, cast

from agents.inventory.channels import Method
from agents.inventory.orders.rows import OVER, Order, Stage
from agents.inventory.orders.words import OrderedLine, OrderKind, OrderRecord
from agents.inventory.reservations import Claim
from agents.inventory.transactions import ChannelReference, Kind, LocationReference, PolicySettings, Transaction
from agents.order_router import OrderFold, OrderWords, Planner
from agents.runtime.fold import Fold, FoldContext, Outbox
from agents.runtime.levels_view import LevelsView
from agents.runtime.partitioner import partition_of
from agents.runtime.reference import Reference, reference_key, reference_transaction
from agents.state.changelog import Record, from_record, tables_by_prefix, to_records
from agents.state.ledger import CLAIMS, LEDGER_TABLES
from agents.state.memory import MemoryStore
from agents.state.orders import ORDER_TABLES, ORDERS
from agents.state.overlay import Overlay
from agents.state.store import Meta
from agents.state.tables import Table
from agents.stock_keeper import LedgerFold, Words
from tests.simulation.orders_watch import OrdersWatch
from tests.simulation.setting import CODEC, PARTITIONS, TOPOLOGY
from tests.simulation.world import Violation

SKUS = ("SHOE", "HAT", "SOCK", "BAG")
PLACES = ("LEEDS", "YORK", "HULL")
BEGINS_MS = 1_767_610_800_000
MINUTE_MS = 60_000
EVENTS = 40
MOST_ROUNDS = 4_000
KEEPER = Words(TOPOLOGY, CODEC)
ROUTER = OrderWords(TOPOLOGY, CODEC)
STATUS = CODEC.decoder(ROUTER.statuses, "order_status")
LEVEL = CODEC.decoder(KEEPER.levels_topic, "level")


class Entry:
    """One committed record, as the client library would give it."""

    def __init__(self, key: bytes, value: bytes, offset: int, time_ms: int) -> None:
        self._key, self._value, self._offset, self._time_ms = key, value, offset, time_ms

    def key(self) -> bytes:
        return self._key

    def value(self) -> bytes:
        return self._value

    def offset(self) -> int:
        return self._offset

    def timestamp(self) -> tuple[int, int]:
        return 1, self._time_ms

    def headers(self) -> None:
        return None


class LateLevels:
    """The levels as the router's view has them: some way behind what is committed."""

    is_current = True

    def __init__(self) -> None:
        self.known: dict[str, dict[str, tuple[int, int]]] = {}

    def of(self, sku: str) -> Mapping[str, tuple[int, int]]:
        """See `LevelsView.of`."""
        return self.known.get(sku, {})

    def learn(self, value: bytes) -> None:
        """One level."""
        level = LEVEL(value, None)
        self.known.setdefault(level.sku, {})[level.location] = (level.revision, level.atp)


class Owner:
    """One partition of one agent: its fold over rows that a crash loses, and the changelog that it does not."""

    def __init__(self, world: OrdersWorld, agent: str, partition: int) -> None:
        self.agent, self.partition = agent, partition
        self.topic = KEEPER.transactions if agent == "keeper" else ROUTER.orders
        self.tables: tuple[Table, ...] = LEDGER_TABLES if agent == "keeper" else ORDER_TABLES
        self.changelog: list[Record] = []
        self.position = 0
        self._world = world
        self.restart()

    def restart(self) -> None:
        """All that was in memory is gone; the rows come back out of the changelog."""
        store, by_prefix = MemoryStore(), tables_by_prefix(self.tables)
        store.write([from_record(by_prefix, record) for record in self.changelog], Meta())
        self.overlay = Overlay(store, self.tables, 1_000)
        context = FoldContext(self.overlay, self.topic, self.partition, self._world.bury)
        self.fold: Fold
        if self.agent == "keeper":
            self.fold = LedgerFold(context, KEEPER)
        else:
            view = cast("LevelsView", self._world.levels)
            self.fold = OrderFold(context, ROUTER, TOPOLOGY.orders, Planner(view))

    def rows(self) -> dict[bytes, bytes]:
        """All rows as bytes, as the changelog has them."""
        return {key: value for key, value in dict(self.changelog).items() if value is not None}

    def found(self, table: Table) -> list[tuple[Any, Any]]:
        """The rows of a table."""
        return self.overlay.scan(table)


class OrdersWorld:
    """See the module's docstring."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.chance = Random(seed)
        self.now_ms = BEGINS_MS
        self.levels = LateLevels()
        self.logs: dict[str, list[list[Entry]]] = {}
        self.watch = OrdersWatch(self.fail)
        self.commits = self.steps = self.crashes = 0
        self.owners = [Owner(self, agent, n) for agent in ("keeper", "router") for n in range(PARTITIONS)]
        self._late: list[bytes] = []
        self._placed: list[str] = []
        self._told = 0
        self._story: list[str] = []

    def fail(self, why: str) -> None:
        """An invariant is broken."""
        raise Violation(f"orders, seed {self.seed}: {why}")

    def bury(self, *_: object, **said: object) -> Any:
        """Nothing that is told here cannot be decided."""
        self.fail(f"a record was buried: {said}")

    def story(self) -> str:
        """What was told and what happened."""
        return "\n".join(self._story)

    # -- the whole run -----------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Raises Violation."""
        self._open_shop()
        for number in range(EVENTS):
            self._event(number)
            for _ in range(self.chance.randrange(12)):
                self.step()
            if self.chance.random() < 0.2:
                self.settle()
                self._no_claim_outlives(self._claims())  # Before holds end by themselves.
            if self.chance.random() < 0.15:
                self._time_passes(self.chance.choice([1, 3, 10, 20, 40]))
        self.settle()
        self._no_claim_outlives(self._claims())  # Before holds end by themselves.
        self._time_passes(90)  # What nobody pays or answers for ends by itself.
        self.settle()
        self._judge()

    def settle(self) -> None:
        """Until every log is read and nothing is due."""
        for _ in range(MOST_ROUNDS):
            if not self.step() and not self._wake():
                return
        self.fail(f"still talking after {MOST_ROUNDS} rounds")

    def step(self) -> bool:
        """One chunk of one owner; False when all is read."""
        for _ in range(min(len(self._late), self.chance.randrange(4))):
            self.levels.learn(self._late.pop(0))
        behind = [owner for owner in self.owners if owner.position < len(self._log(owner.topic)[owner.partition])]
        if not behind:
            for value in self._late:
                self.levels.learn(value)
            self._late.clear()
            return False
        self.now_ms += self.chance.randrange(30)
        self.steps += 1
        owner = self.chance.choice(behind)
        waiting = self._log(owner.topic)[owner.partition][owner.position :]
        self._chunk(owner, waiting[: self.chance.choice([1, 1, 2, 5, 100])])
        return True

    def _chunk(self, owner: Owner, records: Sequence[Entry]) -> None:
        """Decide, commit, write: a crash before the commit undoes all of it, one after it nothing."""
        outbox: Outbox = []
        said: list[tuple[Entry, Outbox]] = []
        for record in records:
            own: Outbox = []
            owner.fold.fold(record, record.timestamp()[1], own)
            said.append((record, own))
            outbox += own
        owner.fold.end_chunk(outbox)
        changes = to_records(owner.overlay.changes())
        if self._crashes(owner, "before the commit"):
            return
        self._append(outbox)
        owner.changelog += changes
        owner.position += len(records)
        self.commits += 1
        if owner.agent == "router":
            for record, own in said:
                statuses = [STATUS(each[2], None) for each in own if each[0] == ROUTER.statuses]
                over = any(status.stage in OVER for status in statuses)
                self.watch.routed(ROUTER.decode(record.value(), None), self._asked(own), over=over)
        if not self._crashes(owner, "after the commit"):
            owner.overlay.commit(Meta(input_position=owner.position))
        self.watch.orders(self._orders())

    def _crashes(self, owner: Owner, where: str) -> bool:
        if self.chance.random() >= 0.04:
            return False
        self.crashes += 1
        self._story.append(f"{owner.agent} {owner.partition} crashes {where}")
        for each in self.owners:  # One process owns all partitions of an agent.
            if each.agent == owner.agent:
                each.restart()
        return True

    # -- logs ----------------------------------------------------------------------------------------------------------

    def _log(self, topic: str) -> list[list[Entry]]:
        return self.logs.setdefault(topic, [[] for _ in range(PARTITIONS)])

    def _append(self, outbox: Outbox) -> None:
        for topic, key, value, partition, _ in outbox:
            assert key is not None
            assert value is not None
            where = partition_of(key, PARTITIONS) if partition < 0 else partition
            if topic in {KEEPER.transactions, ROUTER.orders}:
                log = self._log(topic)[where]
                log.append(Entry(key, value, len(log), self.now_ms))
            elif topic == KEEPER.levels_topic:
                self._late.append(value)
            elif topic == KEEPER.journal_topic:
                self.watch.posted(CODEC.decoder(topic, "journal")(value, None))

    def _asked(self, outbox: Outbox) -> list[Transaction]:
        return [KEEPER.decode(each[2], None) for each in outbox if each[0] == KEEPER.transactions]

    def _orders(self) -> Iterator[tuple[str, Order]]:
        for owner in self.owners:
            if owner.agent == "router":
                for (order_id,), order in owner.found(ORDERS):
                    yield order_id, order

    # -- time ----------------------------------------------------------------------------------------------------------

    def _time_passes(self, minutes: int) -> None:
        for _ in range(minutes):
            self.now_ms += MINUTE_MS
            self._wake()
            for _ in range(self.chance.randrange(8)):
                self.step()

    def _wake(self) -> bool:
        """What is due is said to each owner; whether there was anything."""
        woken = False
        for owner in self.owners:
            if owner.position == len(self._log(owner.topic)[owner.partition]):
                for key, value in owner.fold.due(self.now_ms, 100):
                    self._append([(owner.topic, key, value, owner.partition, None)])
                    woken = True
        return woken

    # -- told from outside -----------------------------------------------------------------------------------------------

    def _open_shop(self) -> None:
        choose = self.chance
        for place in PLACES:
            self._refer(LocationReference(place, daily_capacity=choose.choice([None, None, 2, 5]), pickup=True))
        if choose.random() < 0.6:
            setting = PolicySettings(
                "r", backorder=choose.choice(["none", "unlimited"]), max_splits=choose.choice([0, 1])
            )
            self._refer(setting)
        for sku in SKUS:
            for place in PLACES:
                self._fact(Kind.RECEIPT, sku, place, choose.randrange(1, 9))

    def _refer(self, reference: Reference) -> None:
        """In every partition, as those who write references do."""
        self._told += 1
        self._story.append(f"{reference}")
        value = KEEPER.transaction(reference_transaction(reference, f"t{self._told}", "ops"))
        key = reference_key(reference).encode()
        self._append([(KEEPER.transactions, key, value, partition, None) for partition in range(PARTITIONS)])

    def _fact(self, kind: Kind, sku: str, place: str, quantity: int) -> None:
        self._told += 1
        fields: dict[str, Any] = {"location": place, "quantity": quantity, "occurred_at_ms": self.now_ms}
        fact = Transaction(transaction_id=f"t{self._told}", source="wms", kind=kind, sku=sku, **fields)
        self._story.append(f"{kind} {sku}@{place} {quantity}")
        self._append([(KEEPER.transactions, sku.encode(), KEEPER.transaction(fact), -1, None)])

    def _say(self, kind: OrderKind, order_id: str, **fields: Any) -> None:
        """By the shop; now and then twice."""
        self._told += 1
        record = OrderRecord(record_id=f"t{self._told}", source="shop", kind=kind, order_id=order_id, **fields)
        self._story.append(f"{kind} {order_id} {fields}")
        said = (ROUTER.orders, order_id.encode(), ROUTER.order(record), -1, None)
        self._append([said] * (2 if self.chance.random() < 0.1 else 1))

    def _event(self, number: int) -> None:
        choose = self.chance
        event = choose.choice(
            ["order"] * 6 + ["pay", "pay", "pick", "short", "ship", "ship", "cancel", "change", "ready"]
            + ["sell", "count", "receive", "refer"]
        )  # fmt: skip
        sku, place, few = choose.choice(SKUS), choose.choice(PLACES), choose.randrange(1, 5)
        if event == "order":
            self._order(f"o{number}")
        elif event == "refer":
            capacity, closes = choose.choice([None, 0, 1, 4]), choose.choice([None, "18:00"])
            closed = choose.random() < 0.2
            self._refer(
                LocationReference(place, open=not closed, daily_capacity=capacity, closes_at=closes, pickup=True)
            )
            self._refer(ChannelReference("web", cancel_limit_ms=choose.choice([None, 5 * MINUTE_MS])))
        elif event in {"sell", "count", "receive"}:
            self._fact({"sell": Kind.SALE, "count": Kind.COUNT, "receive": Kind.RECEIPT}[event], sku, place, few)
        elif self._placed:
            self._of_order(choose.choice(self._placed), event, place, few)

    def _order(self, order_id: str) -> None:
        choose = self.chance
        lines = tuple(
            OrderedLine(line, choose.choice(SKUS), choose.randrange(1, 4)) for line in range(1, choose.randrange(2, 5))
        )
        pickup = choose.choice(PLACES) if choose.random() < 0.2 else None
        self._placed.append(order_id)
        self._say(
            OrderKind.PLACED,
            order_id,
            lines=lines,
            occurred_at_ms=self.now_ms,
            paid=choose.random() < 0.6,
            partial=choose.random() < 0.3,
            channel=choose.choice([None, "web"]),
            promise_by_ms=self.now_ms + choose.choice([300, 1_500]) * MINUTE_MS,
            method=Method.SHIPPING if pickup is None else Method.PICKUP,
            pickup_location=pickup,
        )
        self.watch.placed(order_id, lines)
        if choose.random() < 0.25:  # Regretted while the first answers are awaited.
            for _ in range(choose.randrange(6)):
                self.step()
            self._say(OrderKind.CANCELLED, order_id)

    def _of_order(self, order_id: str, event: str, place: str, few: int) -> None:
        line = self.chance.randrange(1, 4)
        if event == "pay":
            self._say(OrderKind.PAID, order_id)
        elif event == "pick":
            self._say(OrderKind.PICKED, order_id, line=line)
        elif event == "short":
            self._say(OrderKind.PICKED_SHORT, order_id, line=line, location=place, quantity=few - 1)
        elif event == "ship":
            self._say(OrderKind.SHIPPED, order_id, line=self.chance.choice([None, line]))
        elif event == "ready":
            self._say(OrderKind.READY, order_id)
        elif event == "cancel":
            self._say(OrderKind.CANCELLED, order_id, line=self.chance.choice([None, line]))
        else:
            lines = self.watch.changed(order_id, few)
            self._say(OrderKind.CHANGED, order_id, lines=lines)

    # -- at the end --------------------------------------------------------------------------------------------------------

    def _judge(self) -> None:
        orders, claims = dict(self._orders()), self._claims()
        for order_id in self._placed:
            if order_id not in orders:
                self.fail(f"{order_id} is lost")
            elif orders[order_id].stage in {Stage.PLANNING, Stage.RESERVING, Stage.EXTENDING, Stage.RESERVED}:
                self.fail(f"{order_id} is {orders[order_id].stage} for ever")
        self._no_claim_outlives(claims)
        self.watch.ended(orders, claims)
        self._replay()

    def _claims(self) -> dict[str, list[tuple[str, int, Claim]]]:
        """What the ledger holds, by holder."""
        claims: dict[str, list[tuple[str, int, Claim]]] = {}
        for owner in self.owners:
            if owner.agent == "keeper":
                for (sku, holder, line), claim in owner.found(CLAIMS):
                    claims.setdefault(holder, []).append((sku, line, claim))
        return claims

    def _no_claim_outlives(self, claims: Mapping[str, Sequence[tuple[str, int, Claim]]]) -> None:
        orders = dict(self._orders())
        for holder, held in claims.items():
            if holder not in orders or orders[holder].stage in OVER:
                self.fail(f"a claim outlives its order {holder}: {held}")

    def _replay(self) -> None:
        """The same logs again, chunk by chunk in other sizes: the same rows."""
        for owner in self.owners:
            again = Owner(self, owner.agent, owner.partition)
            for record in self._log(owner.topic)[owner.partition]:
                again.fold.fold(record, record.timestamp()[1], [])
            rows = {key: value for key, value in to_records(again.overlay.changes()) if value is not None}
            if rows != owner.rows():
                self.fail(f"a replay of {owner.topic} {owner.partition} gives other rows")

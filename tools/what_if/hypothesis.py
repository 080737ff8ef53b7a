"""A file played on rows that are only in memory: scenario text, or one JSON object a line (transactions, orders)."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import orjson

from agents.codec import Codec, Malformed
from agents.inventory.answers import Answer
from agents.inventory.orders.decide import decide_order
from agents.inventory.orders.planning import make_plan
from agents.inventory.orders.rows import ORDERS, Order, OrderArrival, OrderPolicy, Stage, wanted
from agents.inventory.orders.validation import problem_of
from agents.inventory.orders.words import OrderedLine, OrderKind, OrderRecord, Read, Routing
from agents.inventory.positions import Position
from agents.inventory.rows import POSITIONS
from agents.inventory.transactions import ORDER_ROUTER, Transaction
from agents.runtime.topology import Topology
from tools.scenario.comparing import describe
from tools.scenario.ledger import Ledger
from tools.scenario.memory_rows import MemoryRows
from tools.scenario.parser import parse
from tools.scenario.runner import NOTICES, Runner
from tools.scenario.steps import Send, Step
from tools.scenario.words import Unreadable


class Said(NamedTuple):
    """What one line of the file would lead to."""

    line: int
    text: str
    said: str
    routings: tuple[Routing, ...] = ()


class Change(NamedTuple):
    """A position before and after all of it."""

    sku: str
    location: str
    before: Position | None
    after: Position | None


Told = Transaction | OrderRecord


class Script:
    """A file, read."""

    def __init__(self, text: str, topology: Topology, codec: Codec) -> None:
        """Raises Unreadable for a line that is neither."""
        self.steps: list[Step] = []
        self.told: list[tuple[int, str, Told]] = []
        if text.lstrip().startswith("{"):
            self.told = list(_json_lines(text, topology, codec))
        else:
            self.steps = parse(text)
            for step in self.steps:
                if step.at_ms is not None:
                    raise Unreadable(step.line, "a time of day: what-if begins now, so say `advance` instead")

    @property
    def skus(self) -> tuple[str, ...]:
        """Every SKU that it names."""
        named = [step.sku for step in self.steps if isinstance(step, Send)]
        for _, _, each in self.told:
            named += [each.sku] if isinstance(each, Transaction) else [line.sku for line in each.lines]
        return tuple(dict.fromkeys(sku for sku in named if sku))


def _json_lines(text: str, topology: Topology, codec: Codec) -> Iterator[tuple[int, str, Told]]:
    transaction = codec.decoder(topology.agents["stock_keeper"].folds, "transaction", "json")
    order = codec.decoder(topology.agents[ORDER_ROUTER].folds, "order", "json")
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            said = orjson.loads(line)
            is_order = isinstance(said, dict) and "record_id" in said
            told: Told = (order if is_order else transaction)(line.encode(), None)
        except (orjson.JSONDecodeError, Malformed) as error:
            raise Unreadable(number, str(error)) from None
        problem = problem_of(told) if isinstance(told, OrderRecord) else None
        if problem is not None:
            raise Unreadable(number, problem)
        yield number, line.strip(), told


class Hypothesis:
    """The rows as they are, and what the script makes of them."""

    def __init__(self, rows: MemoryRows, at_ms: int, policy: OrderPolicy) -> None:
        self._before = dict(rows.tables[POSITIONS])
        self.ledger = Ledger()
        self.ledger.rows = rows
        self.ledger.now_ms = at_ms
        self._orders = _Orders(self.ledger, policy)

    def play(self, script: Script) -> Iterator[Said]:
        """Play it line by line."""
        runner = Runner(self.ledger)
        for step in script.steps:
            result = runner.play_step(step)
            yield Said(step.line, step.text, result.said)
        for number, text, told in script.told:
            if isinstance(told, OrderRecord):
                routings = self._orders.tell(told)
                yield Said(number, text, self._orders.story(told.order_id), routings)
            else:
                decision = self.ledger.send(told)
                answers = [answer for answer in decision.answers if answer.status not in NOTICES]
                yield Said(number, text, describe(answers[0] if answers else None, [decision]))

    def changes(self) -> list[Change]:
        """The positions that would be others, by SKU and location."""
        after = self.ledger.rows.tables[POSITIONS]
        found: list[Change] = []
        for key in sorted(self._before.keys() | after.keys(), key=str):
            before, now = self._before.get(key), after.get(key)
            if before != now:
                assert before is None or isinstance(before, Position)
                assert now is None or isinstance(now, Position)
                found.append(Change(str(key[0]), str(key[1]), before, now))
        return found


class _Orders:
    """A router beside the ledger, each heard in turn until nobody has anything to say."""

    def __init__(self, ledger: Ledger, policy: OrderPolicy) -> None:
        self._ledger = ledger
        self._policy = policy
        self._book: dict[str, Order] = {}
        self._count = 0

    def order(self, order_id: str) -> Order | None:
        """See `OrderRows.order`."""
        return self._book.get(order_id)

    def story(self, order_id: str) -> str:
        """How the order stands, in one line."""
        order = self._book.get(order_id)
        return "-> no such order" if order is None else f"-> {order.stage}"

    def tell(self, record: OrderRecord) -> tuple[Routing, ...]:
        """One record of an order, and everything that follows at once; what the router decided."""
        waiting = deque([record])
        routings: list[Routing] = []
        while waiting:
            routings += self._decide(waiting.popleft(), waiting)
        return tuple(routings)

    def _decide(self, record: OrderRecord, waiting: deque[OrderRecord]) -> tuple[Routing, ...]:
        self._count += 1
        arrival = OrderArrival(record, f"what-if-0-{self._count}", self._ledger.now_ms)
        decision = decide_order(self, arrival, self._policy)
        for (table, key), row in decision.changes.items():
            if table == ORDERS and isinstance(row, Order):
                self._book[str(key[0])] = row
            elif table == ORDERS:
                self._book.pop(str(key[0]), None)
        for transaction in decision.transactions:
            answers = self._ledger.send(transaction).answers
            waiting.extend(_heard(answer) for answer in answers if answer.routed and answer.order_id is not None)
        order = self._book.get(record.order_id)
        if order is not None and order.stage is Stage.PLANNING:
            waiting.append(self._plan(record.order_id, order))
        return decision.routings

    def _plan(self, order_id: str, order: Order) -> OrderRecord:
        lines = [OrderedLine(line.line, line.sku, wanted(line)) for line in order.lines if wanted(line)]
        rows = self._ledger.rows
        stock = {
            line.sku: {
                place: Read(place, row.revision, row.unpromised - row.safety_stock)
                for place, row in rows.positions(line.sku).items()
            }
            for line in lines
        }
        return OrderRecord(
            record_id=f"plan-{order.attempt}",
            source=ORDER_ROUTER,
            kind=OrderKind.PLAN,
            order_id=order_id,
            attempt=order.attempt,
            plan=make_plan(lines, stock, lambda _: 0).lines,
        )


def _heard(answer: Answer) -> OrderRecord:
    return OrderRecord(
        record_id=answer.event_id,
        source="stock_keeper",
        kind=OrderKind.ANSWER,
        order_id=answer.order_id or "",
        answer=answer,
    )


def as_object(change: Change) -> dict[str, Any]:
    """A change for scripts."""
    return {
        "sku": change.sku,
        "location": change.location,
        **{
            name: [getattr(change.before, name, 0), getattr(change.after, name, 0)]
            for name in ("unpromised", "reserved", "allocated", "quarantined", "in_transit")
        },
    }

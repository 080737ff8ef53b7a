"""The audit of agents other than the stock keeper: what they keep and say is folded again, and one wrong byte is found."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast

import orjson
import pytest
from confluent_kafka import Producer

from agents.inventory.orders.words import OrderedLine, OrderKind, OrderRecord, PlannedLine
from agents.inventory.transactions import ORDER_ROUTER, STOCK_KEEPER
from agents.order_router import OrderFold, OrderWords, Planner
from agents.runtime.fold import InputRecord, Produced
from agents.runtime.levels_view import LevelsView
from agents.runtime.owner import Owner, Prepared
from agents.runtime.partitioner import PARTITIONER
from agents.runtime.plan import AgentLogic, WorkerPlan, said_topics
from agents.state.orders import ORDER_TABLES, ORDERS
from tests.integration.harness import ROOT, Stage, receipt
from tests.tools.test_audit import (
    Alter,
    altering_rows,
    as_it_is,
    counts,
    flipped,
    messages_of,
    once,
)
from tools.audit.auditor import AuditReport, audit
from tools.audit.findings import Kind as Difference
from tools.audit.findings import Party
from tools.brokers.encoding import codec_of
from tools.brokers.scratch import ClusterAddress
from tools.logics import LOGICS

pytestmark = pytest.mark.embedded

CHUNK = 5
SAID = {
    "order_routing": Party.ROUTINGS,
    "order_status": Party.STATUSES,
    "transaction": Party.TRANSACTIONS,
    "alert": Party.ALERTS,
    "dead_letter": Party.DEAD_LETTERS,
}


@pytest.fixture
def stage(broker: ClusterAddress, tmp_path: Path) -> Iterator[Stage]:
    """The topics of both agents; what runs there are owners in this process."""
    with Stage(broker, tmp_path) as made:
        yield made.create(STOCK_KEEPER, ORDER_ROUTER)


def logic_of(stage: Stage, agent: str) -> AgentLogic:
    """The agent's own; of the router without its planner: a plan is told by hand."""
    topology, codec = stage.topology, codec_of(stage.topology)
    if agent != ORDER_ROUTER:
        return LOGICS[agent](topology, codec)
    words = OrderWords(topology, codec)
    levels = next(topic for topic in topology.topics.values() if topic.schema == "level")
    planner = Planner(LevelsView({}, levels.name, levels.partitions, codec.decoder(levels.name, "level")))
    return AgentLogic(ORDER_TABLES, lambda context: OrderFold(context, words, topology.orders, planner))


def trade(stage: Stage) -> None:
    """Orders in both partitions: one SKU and several, found, split, short picked, refused, told too late, unreadable."""
    now_ms = time.time_ns() // 1_000_000
    for sku in ("SHOE", "HAT"):
        stage.send(receipt(sku, 5), receipt(sku, 2, location="YORK"))
    topology, codec = stage.topology, codec_of(stage.topology)
    topic = topology.agents[ORDER_ROUTER].folds
    encode = codec.encoder(topic, "order")
    producer = Producer({**topology.kafka, "enable.idempotence": True, "partitioner": PARTITIONER})
    told = 0

    def tell(order_id: str, kind: OrderKind, **fields: Any) -> None:
        nonlocal told
        told += 1
        named: dict[str, Any] = {"record_id": f"r{told}", "source": "shop", "occurred_at_ms": now_ms}
        record = OrderRecord(kind=kind, order_id=order_id, **(named | fields))
        producer.produce(topic, encode(record), order_id.encode())

    for number in range(6):
        order_id, lines = f"o-{number}", (OrderedLine(1, "SHOE", 1), OrderedLine(2, "HAT", 1))
        tell(order_id, OrderKind.PLACED, lines=lines if number % 2 else lines[:1], paid=number != 2)
        if number % 2:
            plan = (PlannedLine(1, ("LEEDS", "YORK")), PlannedLine(2, ("YORK", "LEEDS")))
            tell(order_id, OrderKind.PLAN, source=ORDER_ROUTER, attempt=1, plan=plan)
    tell("o-6", OrderKind.PLACED, lines=(OrderedLine(1, "SHOE", 99),), paid=True)
    for number in (7, 8):
        tell(f"o-{number}", OrderKind.PLACED, lines=(OrderedLine(1, "SHOE", 1),), occurred_at_ms=1)
        producer.produce(topic, b"\xc3\x01no avro", f"o-{number}".encode())
    assert producer.flush(10) == 0


def work(stage: Stage, alter: Alter = as_it_is) -> None:
    """Be both workers until nobody has anything to say; `alter` the router's chunks."""
    codec = codec_of(stage.topology)
    with ExitStack() as stack:
        owners: list[tuple[str, str, Owner]] = []
        for name in (STOCK_KEEPER, ORDER_ROUTER):
            agent = stage.topology.agents[name]
            plan = WorkerPlan(stage.topology, agent, logic_of(stage, name), codec, "1")
            for partition in range(stage.partitions):
                owner = plan.open_owner(partition, lambda: False)
                stack.callback(owner.close)
                owners.append((name, agent.folds, owner))
        said = 1
        while said:
            said = sum(
                decided(stage, topic, owner, alter if name == ORDER_ROUTER else as_it_is)
                for name, topic, owner in owners
            )


def decided(stage: Stage, topic: str, owner: Owner, alter: Alter) -> int:
    """Decide what has come for an owner, chunk by chunk; how many records it was."""
    messages = list(messages_of(stage, topic, owner.partition, owner.input_position))
    for first in range(0, len(messages), CHUNK):
        prepared = owner.decide(cast("list[InputRecord]", messages[first : first + CHUNK]))
        assert prepared is not None
        assert owner.commit(alter(prepared)) is None
    return len(messages)


def audited(stage: Stage, agent: str = ORDER_ROUTER) -> AuditReport:
    topology, codec = stage.topology, codec_of(stage.topology)
    settings = topology.agents[agent]
    return audit(topology, settings, LOGICS[agent](topology, codec), codec, state_directory=topology.state.directory)


def altering(stage: Stage, schema: str, to: list[str]) -> Alter:
    """Make something else of one record that the router says: `flipped`, `same` twice, or nothing."""
    agent = stage.topology.agents[ORDER_ROUTER]
    topic = said_topics(stage.topology, agent).get(schema, agent.dead_letters.name)

    def change(said: Produced) -> list[Produced]:
        return [said if each == "same" else (*said[:2], flipped(said[2], -2), *said[3:]) for each in to]

    changed = once(lambda produced: produced[0] == topic, change)
    return lambda prepared: prepared._replace(outbox=changed(prepared.outbox))


def test_what_is_right_is_found_right_of_both(stage: Stage) -> None:
    trade(stage)
    work(stage)
    router = audited(stage)
    assert router.differences == 0, router.sentence()
    assert not router.cannot
    found = {party: sum(each.found.get(party, 0) for each in router.partitions) for party in SAID.values()}
    assert all(found.values()), found
    assert sum(each.rows for each in router.partitions) > 6
    assert not [remark for each in router.partitions for remark in each.remarks]
    keeper = audited(stage, STOCK_KEEPER)
    assert keeper.differences == 0, keeper.sentence()
    assert sum(each.found[Party.ORDERS] for each in keeper.partitions) > 10


def all_of(*alters: Alter) -> Alter:
    """One after the other."""

    def altered(prepared: Prepared) -> Prepared:
        for alter in alters:
            prepared = alter(prepared)
        return prepared

    return altered


def test_one_wrong_byte_in_anything_that_was_said_is_found(stage: Stage) -> None:
    trade(stage)
    work(stage, all_of(*(altering(stage, schema, ["flipped"]) for schema in SAID)))
    report = audited(stage)
    assert {party for party, _ in counts(report)} == set(SAID.values()), report.sentence()
    assert report.first is not None


def test_what_comes_twice_is_found_and_what_is_missing(stage: Stage) -> None:
    trade(stage)
    twice = [altering(stage, schema, ["same", "same"]) for schema in ("order_routing", "transaction")]
    work(stage, all_of(*twice, altering(stage, "alert", [])))
    assert counts(audited(stage)) == {
        (Party.ROUTINGS, Difference.DOUBLED): 1,
        (Party.TRANSACTIONS, Difference.DOUBLED): 1,
        (Party.ALERTS, Difference.MISSING): 1,
    }


def test_a_transaction_that_was_never_asked_is_found(stage: Stage) -> None:
    trade(stage)
    work(stage, altering(stage, "transaction", []))
    assert (Party.TRANSACTIONS, Difference.MISSING) in counts(audited(stage))


def test_one_wrong_byte_of_an_order_in_the_changelog_is_found_and_told(stage: Stage) -> None:
    trade(stage)
    last = ORDERS.encode_key(("o-6",))  # nothing is said of it later
    work(
        stage,
        altering_rows(
            lambda row: row[0] is ORDERS and row[1] == last and b"refused" in (row[2] or b""),
            lambda row: [(row[0], row[1], (row[2] or b"").replace(b"refused", b"revused"))],
        ),
    )
    command = [sys.executable, "-m", "tools", "audit", *stage.options, "--no-state"]
    ended = subprocess.run(command, cwd=ROOT, env=stage.environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stderr
    assert "changelog differs: 1" in ended.stdout
    assert "orders[o-6] is another one in the changelog than in the fold" in ended.stdout
    told = subprocess.run(
        [*command, "--json"], cwd=ROOT, env=stage.environment, capture_output=True, text=True, check=False
    )
    assert [(each["agent"], each["differences"]) for each in map(orjson.loads, told.stdout.splitlines())] == [
        (STOCK_KEEPER, 0),
        (ORDER_ROUTER, 1),
    ]

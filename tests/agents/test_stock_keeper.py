from __future__ import annotations

import dataclasses
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from agents.codec import Codec, SchemaSet
from agents.inventory.orders.words import OrderKind, OrderRecord
from agents.inventory.transactions import ChannelReference, LocationReference
from agents.runtime.fold import FoldContext, Outbox
from agents.runtime.reference import Reference, reference_key, reference_transaction
from agents.runtime.topology import Topology, load
from agents.state.ledger import LEDGER_TABLES
from agents.state.memory import MemoryStore
from agents.state.overlay import Overlay
from agents.stock_keeper import AGENT, LedgerFold, Words
from tests.agents.two_folds import BEGINS_MS, Given, never

TOPOLOGY_FILE = Path(__file__).resolve().parents[2] / "topology.yaml"
OPTIONAL = {"order", "campaign", "demand", "availability", "edge"}


class Asked(Codec):
    """The real codec, which remembers what it was asked for: with a registry each would be registered."""

    def __init__(self) -> None:
        super().__init__(SchemaSet.load())
        self.asked: list[tuple[str, str, str]] = []

    def encoder(self, topic: str, name: str, format: Any = "avro") -> Any:  # noqa: A002
        self.asked.append((topic, name, format))
        return super().encoder(topic, name, format)


@pytest.fixture
def shipped() -> Topology:
    return load(TOPOLOGY_FILE, {})


def test_a_topology_without_a_topic_registers_its_schema_nowhere(shipped: Topology) -> None:
    keeper = shipped.agents[AGENT]
    said = tuple(name for name in keeper.says if shipped.topics[name].schema not in OPTIONAL)
    agents = {**shipped.agents, AGENT: dataclasses.replace(keeper, says=said)}
    codec = Asked()
    words = Words(dataclasses.replace(shipped, agents=MappingProxyType(agents)), codec)
    assert not OPTIONAL & {name for _, name, _ in codec.asked}
    assert all(shipped.all_topics[topic].schema == name for topic, name, _ in codec.asked)
    with pytest.raises(AssertionError, match="there is no topic"):
        words.campaign("anything")


def test_what_is_said_into_a_topic_has_its_format(shipped: Topology) -> None:
    orders = dataclasses.replace(shipped.topics["orders.v1"], format="json")
    topology = dataclasses.replace(shipped, topics=MappingProxyType({**shipped.topics, "orders.v1": orders}))
    words = Words(topology, Codec(SchemaSet.load()))
    record = OrderRecord(record_id="r", source="s", kind=OrderKind.WAKE, order_id="o-1")
    assert words.order(record).startswith(b"{")


@pytest.mark.parametrize(("transactions", "orders"), [(1, 1), (2, 2), (2, 5), (5, 2), (1, 3)])
def test_every_partition_of_orders_hears_each_reference_once_and_in_one_order(
    shipped: Topology, transactions: int, orders: int
) -> None:
    counts = {"inventory.transactions.v1": transactions, "orders.v1": orders}
    topics = {name: dataclasses.replace(shipped.topics[name], partitions=count) for name, count in counts.items()}
    topology = dataclasses.replace(shipped, topics=MappingProxyType({**shipped.topics, **topics}))
    words = Words(topology, Codec(SchemaSet.load()))
    told: list[Reference] = [LocationReference("LEEDS", daily_capacity=3), ChannelReference("web")]
    heard: dict[int, list[tuple[bytes | None, OrderKind]]] = {}
    decode = Codec(SchemaSet.load()).decoder("orders.v1", "order")
    for partition in range(transactions):
        overlay = Overlay(MemoryStore(), LEDGER_TABLES, 1_000)
        fold = LedgerFold(FoldContext(overlay, words.transactions, partition, never), words)
        outbox: Outbox = []
        # The last one repeats the first: what was answered earlier is not told again.
        for offset, reference in enumerate([*told, told[0]]):
            said = words.transaction(reference_transaction(reference, reference_key(reference), "ops"))
            fold.fold(Given(reference_key(reference).encode(), said, offset, BEGINS_MS), BEGINS_MS, outbox)
        for topic, key, value, where, _ in outbox:
            if topic == "orders.v1":
                heard.setdefault(where, []).append((key, decode(value, None).kind))
    expected = [(b"location:LEEDS", OrderKind.LOCATION), (b"channel:web", OrderKind.CHANNEL)]
    assert heard == dict.fromkeys(range(orders), expected)

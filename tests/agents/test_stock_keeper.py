from __future__ import annotations

import dataclasses
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from agents.codec import Codec, SchemaSet
from agents.inventory.orders.words import OrderKind, OrderRecord
from agents.runtime.topology import Topology, load
from agents.stock_keeper import AGENT, Words

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

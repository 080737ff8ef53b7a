"""Orders as of now, read from Kafka: how they stand, what the router keeps of one, and all that was said about one.

Only committed records, and only up to the end of now. Of one order only its partition is read, and of the topics that
keep everything only what came since it was placed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import msgspec

from agents.codec import Codec, Malformed
from agents.inventory.orders.rows import Key, Order, OrderRow
from agents.inventory.orders.words import OrderRecord, OrderStatus, Routing
from agents.inventory.transactions import ORDER_ROUTER
from agents.runtime.plan import said_topics
from agents.runtime.topology import Topology
from agents.state.ledger import CHANNELS, LOCATIONS
from agents.state.orders import ORDERS
from tools.brokers.keyed_reading import Seen, counted, records_of_keys
from tools.brokers.reading import Start

MARGIN_MS = 60_000
"""The time of a decision may be a little later than that of its record: so much earlier is read."""


class Heard(msgspec.Struct, frozen=True):
    """One record about an order, with its time and its place in the log."""

    at_ms: int
    cause: str
    """`topic-partition-offset`: the events that follow from it begin with it."""
    record: OrderRecord


class History(msgspec.Struct, frozen=True):
    """All that was said about one order."""

    status: OrderStatus
    heard: tuple[Heard, ...]
    routings: tuple[Routing, ...]


def statuses(topology: Topology, codec: Codec, seen: Seen) -> list[OrderStatus]:
    """How every order stands, the one placed last first. Raises TopicMissing."""
    topic, decode = _said(topology, codec, "order_status")
    latest = {message.key(): message.value() for message in counted(records_of_keys(topology, topic), seen)}
    found = [cast("OrderStatus", decode(value)) for value in latest.values() if value is not None]
    return sorted(found, key=lambda status: (-status.placed_at_ms, status.order_id))


def status_of(topology: Topology, codec: Codec, order_id: str, seen: Seen) -> OrderStatus | None:
    """How one order stands; None if nothing was said of it. Raises TopicMissing."""
    topic, decode = _said(topology, codec, "order_status")
    latest: bytes | None = None
    for message in counted(records_of_keys(topology, topic, [order_id]), seen):
        if message.key() == order_id.encode():
            latest = message.value()
    return None if latest is None else cast("OrderStatus", decode(latest))


def kept_order(topology: Topology, order_id: str, seen: Seen) -> Order | None:
    """What the router keeps of an order, from its changelog; None where it has forgotten it. Raises TopicMissing."""
    key = ORDERS.prefix + ORDERS.encode_key((order_id,))
    latest: bytes | None = None
    changelog = topology.agents[ORDER_ROUTER].changelog.name
    for message in counted(records_of_keys(topology, changelog, [order_id]), seen):
        if message.key() == key:
            latest = message.value()
    return None if latest is None else cast("Order", ORDERS.decode_row(latest))


def kept_references(topology: Topology, order_id: str, seen: Seen) -> dict[tuple[str, Key], OrderRow]:
    """What the router knows of places and channels in the partition of an order, as of now. Raises TopicMissing."""
    tables, found = {table.prefix: table for table in (LOCATIONS, CHANNELS)}, dict[tuple[str, Key], OrderRow]()
    changelog = topology.agents[ORDER_ROUTER].changelog.name
    for message in counted(records_of_keys(topology, changelog, [order_id]), seen):
        key, value = message.key() or b"", message.value()
        table = tables.get(key[:1])
        if table is not None and value is not None:
            found[table.name, cast("Key", table.decode_key(key[1:]))] = table.decode_row(value)
    return found


def history(topology: Topology, codec: Codec, order_id: str, seen: Seen) -> History | None:
    """All that was said about an order since it was placed; None if nothing was. Raises TopicMissing."""
    status = status_of(topology, codec, order_id, seen)
    if status is None:
        return None
    start = Start(since_ms=max(0, status.placed_at_ms - MARGIN_MS))
    return History(
        status,
        tuple(_heard(topology, codec, order_id, start, seen)),
        tuple(_routings(topology, codec, order_id, start, seen)),
    )


def _heard(topology: Topology, codec: Codec, order_id: str, start: Start, seen: Seen) -> Iterator[Heard]:
    """The records of an order that can be read. What could not be is a dead letter, and no part of its story."""
    topic = topology.agents[ORDER_ROUTER].folds
    decode = cast("Callable[..., OrderRecord]", codec.decoder(topic, "order", topology.topics[topic].format))
    time_ms = 0
    for message in counted(records_of_keys(topology, topic, [order_id], start), seen):
        time_ms = max(time_ms, message.timestamp()[1])  # As the router reckons: a partition's time never falls.
        if message.key() != order_id.encode():
            continue
        try:
            record = decode(message.value(), message.headers())
        except Malformed:
            continue
        yield Heard(time_ms, f"{topic}-{message.partition()}-{message.offset()}", record)


def _routings(topology: Topology, codec: Codec, order_id: str, start: Start, seen: Seen) -> Iterator[Routing]:
    topic, decode = _said(topology, codec, "order_routing")
    for message in counted(records_of_keys(topology, topic, [order_id], start), seen):
        if message.key() == order_id.encode():
            yield cast("Routing", decode(message.value()))


def _said(topology: Topology, codec: Codec, schema: str) -> tuple[str, Callable[[bytes | None], Any]]:
    topic = said_topics(topology, topology.agents[ORDER_ROUTER])[schema]
    decode = cast("Callable[[bytes | None, None], Any]", codec.decoder(topic, schema))
    return topic, lambda value: decode(value, None)

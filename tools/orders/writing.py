"""Records about orders written by hand: read from JSON or from short lines, checked as the router would, published.

The short lines are those of scenarios (tools/scenario/order_text.py); a time in them is a duration from now (`promise=2h`).
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from agents.codec import Codec, Malformed
from agents.inventory.orders.validation import problem_of
from agents.inventory.orders.words import SYSTEM_KINDS, OrderKind, OrderRecord
from agents.inventory.transactions import ORDER_ROUTER
from agents.runtime.topology import Topology
from tools.brokers.writing import publish_keyed
from tools.scenario.order_text import ORDER_KINDS, has_scenario_times, read_order
from tools.scenario.words import Unreadable, Words

SOURCE = "onhand-cli"


def read_records(text: str, codec: Codec, topic: str, source: str) -> list[OrderRecord]:
    """The records that a text says. Raises Unreadable with the line number and what is wrong there."""
    decode: Callable[[bytes], Any] = codec.decoder(topic, "order", "json")
    found: list[OrderRecord] = []
    for number, line in pieces(text):
        record = of_json(decode, number, line, source) if line.startswith("{") else of_words(number, line, source)
        problem = problem_of(record)
        if record.kind in SYSTEM_KINDS:
            problem = f"{record.kind} is written by Onhand itself"
        if problem is not None:
            raise Unreadable(number, problem)
        found.append(record)
    return found


def pieces(text: str) -> list[tuple[int, str]]:
    """(line number, record) of each: a line, or an object of a JSON text that spreads over lines."""
    if text.lstrip()[:1] in {"{", "["}:
        try:
            whole = msgspec.json.decode(text)
        except msgspec.DecodeError:
            pass  # one object a line
        else:
            objects = whole if isinstance(whole, list) else [whole]
            return [(number, msgspec.json.encode(each).decode()) for number, each in enumerate(objects, 1)]
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1)]
    return [(number, line) for number, line in lines if line and not line.startswith("#")]


def of_json(decode: Callable[[bytes], Any], number: int, line: str, source: str) -> OrderRecord:
    """A record from a JSON object; id, source and the time, now, are given where it has none."""
    try:
        said = msgspec.json.decode(line)
        given = {"record_id": str(uuid.uuid4()), "source": source, "occurred_at_ms": now_ms()}
        record: OrderRecord = decode(msgspec.json.encode({**given, **said}))
    except msgspec.DecodeError as error:
        raise Unreadable(number, f"it is no JSON: {error}") from None
    except Malformed as malformed:
        raise Unreadable(number, str(malformed)) from None
    return record


def of_words(number: int, line: str, source: str) -> OrderRecord:
    """A record from a short line, said now."""
    words = Words(line.split(" #", 1)[0], number)
    verb = words.take("a kind").lower()
    if verb not in ORDER_KINDS:
        written = " is written by Onhand itself" if verb.upper() in OrderKind.__members__ else " is no kind of record"
        raise words.wrong(f"{verb!r}{written}; there are {', '.join(ORDER_KINDS)}")
    text = read_order(ORDER_KINDS[verb], words)
    if "occurred_at_ms" in text.fields:
        raise words.wrong("'occurred' is no field of what is said now")
    if has_scenario_times(text):
        raise words.wrong("a time is said as a duration from now, such as promise=2h")
    return text.record(now_ms(), record_id=str(uuid.uuid4()), source=source)


def now_ms() -> int:
    """Epoch milliseconds."""
    return time.time_ns() // 1_000_000


def publish(topology: Topology, codec: Codec, records: Sequence[OrderRecord]) -> None:
    """Write the records to the topic of orders, and wait until the broker has them. Raises KafkaException."""
    topic = topology.agents[ORDER_ROUTER].folds
    encode = codec.encoder(topic, "order", topology.topics[topic].format)
    publish_keyed(topology, topic, [(record.order_id.encode(), encode(record)) for record in records])

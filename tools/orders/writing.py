"""Records about orders written by hand: read from JSON or from short lines, checked as the router would, published.

    placed o-1 SHOE:2 HAT:1 paid to=GB:LS:538:-15
    placed o-2 SHOE:1 pickup=LEEDS paid channel=web
    picked_short o-1/1 at=YORK quantity=0
    cancelled o-2 reason=changed_mind

`KIND ORDER[/LINE] {SKU:QUANTITY} {FLAG} {FIELD=VALUE}`: the kinds are those of `orders.v1`, flags and fields those of its
records, a time is a duration from now (`promise=2h`), `at` is the location, `to` the destination.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from agents.codec import Codec, Malformed
from agents.inventory.channels import Method
from agents.inventory.orders.validation import problem_of
from agents.inventory.orders.words import SYSTEM_KINDS, OrderedLine, OrderKind, OrderRecord
from agents.inventory.transactions import ORDER_ROUTER
from agents.runtime.partitioner import PARTITIONER
from agents.runtime.topology import Topology
from tools.scenario.values import field_of, read_field, types_of
from tools.scenario.words import Unreadable, Words, is_number

SOURCE = "onhand-cli"
FLUSH_S = 30.0
SHORT_NAMES: Mapping[str, str] = {"at": "location", "to": "destination"}
NOT_BY_WORD = frozenset({"record_id", "kind", "order_id", "lines", "line", "plan", "attempt", "answer"})


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
    """A record from a JSON object; id and source are given where it has none."""
    try:
        said = msgspec.json.decode(line)
        given = {"record_id": str(uuid.uuid4()), "source": source}
        record: OrderRecord = decode(msgspec.json.encode({**given, **said}))
    except msgspec.DecodeError as error:
        raise Unreadable(number, f"it is no JSON: {error}") from None
    except Malformed as malformed:
        raise Unreadable(number, str(malformed)) from None
    return record


def of_words(number: int, line: str, source: str) -> OrderRecord:
    """A record from a short line."""
    words = Words(line.split(" #", 1)[0], number)
    verb = words.take("a kind")
    if verb.upper() not in OrderKind.__members__:
        kinds = ", ".join(kind.value.lower() for kind in OrderKind if kind not in SYSTEM_KINDS)
        raise words.wrong(f"{verb!r} is no kind of record; there are {kinds}")
    order_id, slash, line_number = words.take("an order").rpartition("/")
    if not slash:
        order_id, line_number = line_number, ""
    elif not is_number(line_number):
        raise words.wrong(f"{order_id}/{line_number} is no ORDER/LINE")
    fields: dict[str, Any] = {"line": int(line_number)} if slash else {}
    ordered: list[OrderedLine] = []
    while words:
        word = words.take("a word")
        name, equals, value = word.partition("=")
        if equals:
            take_field(words, fields, name, value)
        elif types_of(OrderRecord).get(word) is bool:
            fields[word] = True
        else:
            ordered.append(ordered_line(words, len(ordered) + 1, word))
    if fields.get("pickup_location") is not None:
        fields["method"] = Method.PICKUP
    named = {"record_id": str(uuid.uuid4()), "source": source, "kind": OrderKind(verb.upper()), "order_id": order_id}
    return OrderRecord(**{**named, "lines": tuple(ordered), **fields})


def ordered_line(words: Words, number: int, word: str) -> OrderedLine:
    """`SHOE:2`; lines are numbered as they come."""
    sku, colon, quantity = word.rpartition(":")
    if not colon or not sku or not quantity.isdigit():
        raise words.wrong(f"{word!r} is neither SKU:QUANTITY, a flag such as paid, nor FIELD=VALUE")
    return OrderedLine(number, sku, int(quantity))


def take_field(words: Words, fields: dict[str, Any], name: str, value: str) -> None:
    """`promise=2h`: set a field; a time is a duration from now."""
    field = field_of(OrderRecord, SHORT_NAMES.get(name, name))
    if field is None or field in NOT_BY_WORD:
        raise words.wrong(f"{name!r} is no field of a record about an order")
    if field.endswith(("_at_ms", "_by_ms")):
        fields[field] = time.time_ns() // 1_000_000 + words.duration_of(value)
    else:
        fields[field] = read_field(words, OrderRecord, field, value)


def publish(topology: Topology, codec: Codec, records: Sequence[OrderRecord]) -> None:
    """Write the records to the topic of orders, and wait until the broker has them. Raises KafkaException."""
    topic = topology.agents[ORDER_ROUTER].folds
    encode = codec.encoder(topic, "order", topology.topics[topic].format)
    producer = Producer({**topology.kafka, **topology.producer, "enable.idempotence": True, "partitioner": PARTITIONER})
    failures: list[KafkaError] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        del message
        if error is not None:
            failures.append(error)

    for record in records:
        producer.produce(topic, encode(record), record.order_id.encode(), on_delivery=delivered)
        producer.poll(0)
    left = producer.flush(FLUSH_S)
    if failures or left:
        missing = KafkaError(KafkaError._MSG_TIMED_OUT, f"{left} were not delivered")  # noqa: SLF001 - its public name
        raise KafkaException(failures[0] if failures else missing)

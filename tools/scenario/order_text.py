"""Records about orders as short text: `KIND ORDER[/LINE] {SKU:QUANTITY} {FLAG} {FIELD=VALUE}`.

    placed o1 SHOE:2 HAT:1 paid to=GB:LS:538:-15
    placed o2 SHOE:1 pickup=LEEDS channel=web
    picked_short o1/1 at=YORK quantity=0

The kinds are those of `orders.v1` in lower case, flags and fields those of its records; `at` is the location, `to` the
destination. Scenarios and `onhand orders place` read the same text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from agents.inventory.channels import Method
from agents.inventory.orders.words import SYSTEM_KINDS, OrderedLine, OrderKind, OrderRecord
from tools.scenario.values import field_of, read_field, types_of
from tools.scenario.words import DURATION, Words

ORDER_KINDS: Mapping[str, OrderKind] = {kind.value.lower(): kind for kind in OrderKind if kind not in SYSTEM_KINDS}
"""What a line may begin with. Plans, answers and wake-ups are said by Onhand itself."""
SHORT_NAMES: Mapping[str, str] = {"at": "location", "to": "destination", "id": "record_id"}
NOT_BY_WORD = frozenset({"kind", "order_id", "lines", "line", "plan", "attempt", "answer"})


class FromNow(NamedTuple):
    """A moment as a duration from now: `promise=2h`."""

    milliseconds: int


class OrderText(NamedTuple):
    """What a line says: the fields of a record; moments may be durations from now."""

    kind: OrderKind
    order_id: str
    fields: dict[str, Any]

    def record(self, now_ms: int, **named: Any) -> OrderRecord:
        """The record, said now. `named` are fields that count where the line does not say them."""
        said = {
            name: now_ms + value.milliseconds if isinstance(value, FromNow) else value
            for name, value in self.fields.items()
        }
        return OrderRecord(kind=self.kind, order_id=self.order_id, **{"occurred_at_ms": now_ms, **named, **said})


def read_order(kind: OrderKind, words: Words) -> OrderText:
    """Read what stands behind the kind."""
    order_id, line = read_order_line(words)
    fields: dict[str, Any] = {} if line is None else {"line": line}
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
    return OrderText(kind, order_id, {"lines": tuple(ordered), **fields})


def read_order_line(words: Words) -> tuple[str, int | None]:
    """Take `ORDER` or `ORDER/LINE`."""
    word = words.take("an order")
    order_id, slash, number = word.rpartition("/")
    if not slash:
        return word, None
    if not number.isdigit():
        raise words.wrong(f"{word} is no ORDER/LINE")
    return order_id, int(number)


def ordered_line(words: Words, number: int, word: str) -> OrderedLine:
    """`SHOE:2`; lines are numbered as they come."""
    sku, colon, quantity = word.rpartition(":")
    if not colon or not sku or not quantity.isdigit():
        raise words.wrong(f"{word!r} is neither SKU:QUANTITY, a flag such as paid, nor FIELD=VALUE")
    return OrderedLine(number, sku, int(quantity))


def take_field(words: Words, fields: dict[str, Any], name: str, value: str) -> None:
    """`priority=2`: set a field; a moment is a TIME of the scenario or a duration from now."""
    field = field_of(OrderRecord, SHORT_NAMES.get(name, name))
    if field is None or field in NOT_BY_WORD:
        raise words.wrong(f"{name!r} is no field of a record about an order")
    if field.endswith(("_at_ms", "_by_ms")) and DURATION.match(value):
        fields[field] = FromNow(words.duration_of(value))
    else:
        fields[field] = read_field(words, OrderRecord, field, value)


def has_scenario_times(text: OrderText) -> bool:
    """Whether it names a time of a scenario's first day, which means nothing outside of one."""
    moments = [name for name in msgspec.structs.fields(OrderRecord) if name.name.endswith(("_at_ms", "_by_ms"))]
    return any(isinstance(text.fields.get(field.name), int) for field in moments)

"""Records of the demand log as short text: what is said to the replenisher from outside.

supplier  ACME lead_time_days=4
terms     SHOE@LEEDS supplier=ACME pack_size=12
promotion SHOE from=2026-01-07 until=2026-01-08
signal    SHOE@LEEDS search 30
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from agents.inventory.replenishment.words import DemandKind, DemandRecord, Supplier, Terms
from tools.scenario.values import field_of, read_field
from tools.scenario.words import Words

if TYPE_CHECKING:
    from tools.scenario.others import Others


NO_PART_OF_IT = tuple(name for name in DemandRecord.__struct_fields__ if name not in {"from_on", "until_on"})
"""Fields of a record that no promotion says."""


class DemandText(NamedTuple):
    """What a line says."""

    kind: DemandKind
    sku: str
    fields: dict[str, Any]

    def record(self, others: Others, now_ms: int, record_id: str, source: str) -> DemandRecord:  # noqa: ARG002 - as all
        """The record; it carries no time of its own."""
        return DemandRecord(record_id=record_id, source=source, kind=self.kind, sku=self.sku, **self.fields)


def read_supplier(words: Words) -> DemandText:
    """Read `ACME lead_time_days=4`."""
    supplier = Supplier(words.take("a supplier"), **read_fields(words, Supplier, "supplier"))
    return DemandText(DemandKind.SUPPLIER, "", {"supplier": supplier})


def read_terms(words: Words) -> DemandText:
    """Read `SHOE[@LEEDS] supplier=ACME pack_size=12`."""
    sku, location = words.place()
    return DemandText(
        DemandKind.TERMS, sku, {"terms": Terms(location=location, **read_fields(words, Terms, "location"))}
    )


def read_promotion(words: Words) -> DemandText:
    """Read `SHOE[@LEEDS] from=2026-01-07 until=2026-01-08`."""
    sku, location = words.place()
    return DemandText(
        DemandKind.PROMOTION, sku, {"location": location, **read_fields(words, DemandRecord, *NO_PART_OF_IT)}
    )


def read_signal(words: Words) -> DemandText:
    """Read `SHOE[@LEEDS] search 30`."""
    sku, location = words.place()
    seen = read_field(words, DemandRecord, "signal", words.take("what was seen"))
    fields = {"location": location, "signal": seen, "quantity": words.number("how many, or the price")}
    return DemandText(DemandKind.SIGNAL, sku, fields)


def read_fields(words: Words, record: type[msgspec.Struct], *said: str) -> dict[str, Any]:
    """Read `FIELD=VALUE ...`; `said`: the fields that the line says in another way, or not at all."""
    fields: dict[str, Any] = {}
    known = [name for name in record.__struct_fields__ if name not in said]
    while words:
        word = words.take("FIELD=VALUE")
        name, equals, value = word.partition("=")
        field = field_of(record, name) if equals else None
        if field is None or field not in known:
            raise words.wrong(f"{word!r} is no FIELD=VALUE of it; fields are {', '.join(known)}")
        fields[field] = read_field(words, record, field, value)
    return fields


DEMAND_VERBS: dict[str, Callable[[Words], DemandText]] = {
    "supplier": read_supplier,
    "terms": read_terms,
    "promotion": read_promotion,
    "signal": read_signal,
}
"""What is said to the replenisher."""

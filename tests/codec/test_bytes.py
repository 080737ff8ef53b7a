"""The generated functions against fastavro, byte for byte."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import fastavro
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.codec import SchemaSet, varints
from agents.codec.generate import UNUSUAL, Generated, generate
from agents.codec.reader import read_values
from agents.codec.shapes import Shape
from agents.codec.varints import Odd, long_at, long_bytes
from agents.codec.words import STRUCTS

EVERY_SCHEMA = pytest.mark.parametrize("name", sorted(STRUCTS))
Reference = Callable[[str, Any], bytes]
Records = st.SearchStrategy[Any]


@EVERY_SCHEMA
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_the_encoder_writes_what_fastavro_writes(
    name: str, generated: dict[str, Generated], by_fastavro: Reference, records: dict[str, Records], data: st.DataObject
) -> None:
    record = data.draw(records[name])
    assert generated[name].encoder(b"frame")(record) == b"frame" + by_fastavro(name, record)


@EVERY_SCHEMA
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_what_fastavro_writes_is_read_as_the_same_record(
    name: str,
    generated: dict[str, Generated],
    schemas: SchemaSet,
    shapes: dict[str, Shape],
    by_fastavro: Reference,
    records: dict[str, Records],
    data: st.DataObject,
) -> None:
    record = data.draw(records[name])
    written = b"frame" + by_fastavro(name, record)
    try:
        read = generated[name].decode(written, 5)
    except UNUSUAL:
        read = shapes[name].build(read_values(schemas[name], schemas[name], written, 5))
    assert read == record


@EVERY_SCHEMA
def test_usual_records_are_read_the_usual_way(
    name: str, generated: dict[str, Generated], usual_records: dict[str, list[Any]]
) -> None:
    for record in usual_records[name]:
        assert generated[name].decode(generated[name].encoder(b"")(record), 0) == record


@EVERY_SCHEMA
def test_tables_that_are_full_forget_and_go_on(
    name: str, shapes: dict[str, Shape], usual_records: dict[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(varints, "LIMIT", 2)
    tables = generate(shapes[name], varints.Tables())
    for record in usual_records[name] * 2:
        assert tables.decode(tables.encoder(b"")(record), 0) == record


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_a_long_is_written_and_read_as_avro_says(value: int) -> None:
    out = io.BytesIO()
    fastavro.schemaless_writer(out, "long", value)
    assert long_bytes(value) == out.getvalue()
    assert long_at(out.getvalue(), 0) == (value, len(out.getvalue()))


@pytest.mark.parametrize("value", [1 << 63, -(1 << 63) - 1])
def test_a_number_beyond_64_bits_is_not_written(value: int) -> None:
    with pytest.raises(OverflowError):
        long_bytes(value)


def test_a_number_beyond_64_bits_is_not_read() -> None:
    with pytest.raises(Odd):
        long_at(b"\xff" * 9 + b"\x02", 0)
    with pytest.raises(Odd):
        long_at(b"\x80" * 1_000_000 + b"\x01", 0)

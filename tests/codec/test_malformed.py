"""Bytes that are no transaction: each gets its reason, cheaply, and nothing but Malformed is ever raised."""

from __future__ import annotations

import contextlib
import io
import json
import os
import time
from typing import Any

import fastavro
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.codec import Codec, Decoder, Malformed, Schema, SchemaSet
from agents.codec.framing import MAXIMUM_BYTES, single_object_prefix
from agents.codec.generate import UNUSUAL, Generated
from agents.codec.reader import read_values
from agents.codec.schema_set import CURRENT
from agents.codec.varints import long_bytes
from agents.codec.walk import MAXIMUM_ITEMS, check_record
from agents.inventory.transactions import Kind, Transaction

SALE = Transaction(
    transaction_id="till-9", source="pos", kind=Kind.SALE, sku="SHOE-42", occurred_at_ms=1_767_225_600_123,
    location="LEEDS", quantity=2, reason="walk-in", who="till 9",
)  # fmt: skip


@pytest.fixture(scope="module")
def decode(codec: Codec) -> Decoder:
    return codec.decoder("t", "transaction")


@pytest.fixture(scope="module")
def sale(codec: Codec) -> bytes:
    return codec.encoder("t", "transaction")(SALE)


def reason(decode: Decoder, value: bytes | None) -> str:
    with pytest.raises(Malformed) as caught:
        decode(value, None)
    return str(caught.value)


def change(codec: Codec, **fields: Any) -> bytes:
    return codec.encoder("t", "transaction")(msgspec.structs.replace(SALE, **fields))


@pytest.mark.parametrize("value", [None, b""])
def test_an_empty_value_is_malformed(decode: Decoder, value: bytes | None) -> None:
    assert reason(decode, value) == "The value is empty."


@pytest.mark.parametrize(
    "value", [b"hello", b"{}", b"\0", b"\0\0\0\1", b"\1" + b"x" * 15, b"\xc3", b"\xc3\x02" + b"x" * 20]
)
def test_bytes_without_a_frame_are_no_avro(decode: Decoder, value: bytes) -> None:
    assert "is not framed Avro: it begins with" in reason(decode, value)


def test_a_frame_cut_short_is_malformed(decode: Decoder, sale: bytes) -> None:
    assert "ends within the frame" in reason(decode, sale[:9])
    assert reason(decode, sale[:10]) == "The record ends within field `transaction_id`."


def test_an_unknown_fingerprint_is_malformed(decode: Decoder, sale: bytes) -> None:
    said = reason(decode, sale[:2] + b"\x01\x02\x03\x04\x05\x06\x07\x08" + sale[10:])
    assert said == "No schema of this program has the fingerprint 0807060504030201."


def test_a_schema_id_without_a_registry_is_malformed(decode: Decoder, sale: bytes) -> None:
    assert "schema id 7, and no schema registry is configured" in reason(decode, b"\0\0\0\0\x07" + sale[10:])


def test_the_record_of_another_schema_is_malformed(
    codec: Codec, decode: Decoder, usual_records: dict[str, Any]
) -> None:
    heartbeat = codec.encoder("t", "heartbeat")(usual_records["heartbeat"][0])
    assert "cannot be read as transaction" in reason(decode, heartbeat)


def test_bytes_after_the_record_are_malformed(decode: Decoder, sale: bytes) -> None:
    assert reason(decode, sale + b"xy") == "2 bytes follow the end of the record."


def test_every_cut_is_malformed_and_names_the_field(decode: Decoder, sale: bytes) -> None:
    for end in range(10, len(sale)):
        assert reason(decode, sale[:end]).startswith("The record ends within field `")


def test_an_unknown_kind_is_malformed(decode: Decoder, sale: bytes) -> None:
    at = sale.index(b"\x06pos") + 4
    assert reason(decode, sale[:at] + b"\x7e" + sale[at + 1 :]) == "Field `kind` has symbol 63 of 29: an unknown kind."
    assert "unknown kind" in reason(decode, sale[:at] + b"\x00" + sale[at + 1 :])


@pytest.mark.parametrize(
    "field", ["transaction_id", "source", "sku", "location", "holder", "order_id", "channel", "lot"]
)
@pytest.mark.parametrize("character", ["\0", "\n", "\x1f", "\x7f", "\x85", "\u2028"])
def test_a_control_character_in_a_name_is_malformed(codec: Codec, decode: Decoder, field: str, character: str) -> None:
    said = reason(decode, change(codec, **{field: f"a{character}b"}))
    assert said == f"Field `{field}` holds the control character U+{ord(character):04X}."


@pytest.mark.parametrize(
    "field", ["transaction_id", "source", "sku", "location", "holder", "order_id", "channel", "lot"]
)
def test_a_name_of_more_than_200_characters_is_malformed(codec: Codec, decode: Decoder, field: str) -> None:
    assert decode(change(codec, **{field: "é" * 200}), None) == msgspec.structs.replace(SALE, **{field: "é" * 200})
    said = reason(decode, change(codec, **{field: "x" * 201}))
    assert said == f"Field `{field}` has 201 characters; at most 200 are allowed."


def test_names_within_lists_and_records_are_checked(codec: Codec, decode: Decoder) -> None:
    assert "`locations`" in reason(decode, change(codec, location=None, locations=("LEEDS", "YO\0RK")))


def test_a_name_that_is_not_utf8_is_malformed(decode: Decoder, sale: bytes) -> None:
    assert reason(decode, sale.replace(b"SHOE", b"SH\xffE")) == "Field `sku` is not UTF-8."
    assert reason(decode, sale.replace(b"till-9", b"till\xed\xa0")) == "Field `transaction_id` is not UTF-8."


def test_unusual_but_printable_names_are_good(codec: Codec, decode: Decoder) -> None:
    for name in ("靴-42", "a\u00a0b", "\U0001f45f", "x" * 100):
        assert decode(change(codec, sku=name, transaction_id=name), None).sku == name


def test_what_the_kind_needs_must_be_there(codec: Codec, decode: Decoder) -> None:
    assert "quantity" in reason(decode, change(codec, quantity=None))
    assert "transaction_id" in reason(decode, change(codec, transaction_id=""))


def test_ten_megabytes_of_noise_cost_nothing(decode: Decoder, sale: bytes) -> None:
    for noise in (os.urandom(10 << 20), sale + bytes(10 << 20)):
        begin = time.perf_counter()
        assert reason(decode, noise) == f"The value has {len(noise)} bytes; at most {MAXIMUM_BYTES} are allowed."
        assert time.perf_counter() - begin < 0.05


def test_a_claim_of_a_million_items_costs_little(decode: Decoder, schemas: SchemaSet, sale: bytes) -> None:
    body = sale[10:-25]
    begin = time.perf_counter()
    schema = json.dumps(
        {"type": "record", "name": "R", "fields": [{"name": "a", "type": {"type": "array", "items": "null"}}]}
    )
    stranger = Schema("", CURRENT, schema)
    with pytest.raises(Malformed, match=f"more than {MAXIMUM_ITEMS} items"):
        check_record(stranger.json, long_bytes(1 << 60) + b"\0", 0)
    for count in (1 << 62, 1_000_000, -(1 << 62)):
        assert reason(decode, sale[:10] + body + long_bytes(count) * 10)
    assert time.perf_counter() - begin < 1


def test_a_schema_within_itself_cannot_go_deeper_than_the_bytes_allow() -> None:
    schema = {"type": "record", "name": "N", "fields": [{"name": "next", "type": ["null", "N"]}]}
    check_record(schema, b"\2\2\0", 0)
    with pytest.raises(Malformed, match="nested more than"):
        check_record(schema, b"\2" * 100_000, 0)


def test_arrays_in_blocks_with_sizes_are_read(codec: Codec, decode: Decoder) -> None:
    asked = msgspec.structs.replace(SALE, location=None, locations=("AAA", "BBB"), kind=Kind.RESERVE, holder="h")
    written = codec.encoder("t", "transaction")(asked)
    one_block = b"\x04\x06AAA\x06BBB\x00"
    assert one_block in written
    sized = b"\x01\x08\x06AAA\x02\x06BBB\x00"  # one item of 4 bytes, and one item
    assert decode(written.replace(one_block, sized), None) == asked
    unsized = b"\x02\x06AAA\x02\x06BBB\x00"
    assert decode(written.replace(one_block, unsized), None) == asked


# Whatever the bytes, the answer is a record or Malformed, and both ways agree.


@settings(max_examples=300, deadline=None)
@given(noise=st.binary(max_size=400), framed=st.booleans())
def test_noise_is_malformed(decode: Decoder, sale: bytes, noise: bytes, framed: bool) -> None:
    with contextlib.suppress(Malformed):
        decode(sale[:10] + noise if framed else noise, None)


@settings(max_examples=500, deadline=None)
@given(data=st.data())
@pytest.mark.parametrize("name", ["transaction", "journal", "answer", "level"])
def test_flipped_bits_give_a_record_or_malformed(
    name: str,
    schemas: SchemaSet,
    codec: Codec,
    generated: dict[str, Generated],
    shapes: Any,
    usual_records: dict[str, list[Any]],
    data: st.DataObject,
) -> None:
    value = bytearray(generated[name].encoder(b"")(data.draw(st.sampled_from(usual_records[name]))))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(value) - 1))
        value[at] ^= 1 << data.draw(st.integers(0, 7))
    flipped = bytes(value)
    try:
        usual: Any = generated[name].decode(flipped, 0)
    except UNUSUAL:
        usual = None
    try:
        careful: Any = shapes[name].build(read_values(schemas[name], schemas[name], flipped, 0))
        refused = shapes[name].problem_of_names(careful) is not None
    except Malformed:
        careful, refused = None, True
    assert usual == careful or (usual is None and careful is not None) or refused
    if usual is not None:
        assert usual == careful
        assert not refused
    with contextlib.suppress(Malformed):
        codec.decoder("t", name)(single_object_prefix(schemas[name].fingerprint) + flipped, None)


@settings(max_examples=200, deadline=None)
@given(noise=st.binary(max_size=200))
def test_noise_is_malformed_by_its_own_schema_too(schemas: SchemaSet, noise: bytes) -> None:
    for name in schemas.names:
        try:
            check_record(schemas[name].json, noise, 0)
        except Malformed:
            continue
        assert fastavro.schemaless_reader(io.BytesIO(noise), schemas[name].parsed, None) is not None


def test_a_type_is_known_although_the_list_that_defines_it_is_empty() -> None:
    leg = {"type": "record", "name": "Leg", "fields": [{"name": "units", "type": "long"}]}
    fields = [
        {"name": "now", "type": {"type": "array", "items": leg}},
        {"name": "then", "type": ["null", {"type": "map", "values": "Leg"}]},
    ]
    schema = {"type": "record", "name": "Claim", "namespace": "shop", "fields": fields}
    check_record(schema, b"\x00" + b"\x02\x02\x02a\x06\x00", 0)
    with pytest.raises(Malformed, match="1 bytes follow"):
        check_record(schema, b"\x00" + b"\x02\x02\x02a\x06\x00\x00", 0)

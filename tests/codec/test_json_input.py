"""Transactions as JSON: the same words, and a reason that names the field."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.codec import Codec, Decoder, Malformed, digest
from agents.inventory.transactions import Kind, Transaction

SALE: dict[str, Any] = {
    "transaction_id": "till-9", "source": "pos", "kind": "SALE", "sku": "SHOE-42", "occurred_at_ms": 1_767_225_600_123,
    "location": "LEEDS", "quantity": 2,
}  # fmt: skip


@pytest.fixture(scope="module")
def decode(codec: Codec) -> Decoder:
    return codec.decoder("t", "transaction", "json")


def reason(decode: Decoder, value: bytes) -> str:
    with pytest.raises(Malformed) as caught:
        decode(value, None)
    return str(caught.value)


def test_json_and_avro_give_the_same_transaction_and_digest(codec: Codec, decode: Decoder) -> None:
    from_json = decode(json.dumps(SALE).encode(), None)
    from_avro = codec.decoder("t", "transaction")(codec.encoder("t", "transaction")(from_json), None)
    assert from_json == from_avro == Transaction(**{**SALE, "kind": Kind.SALE})
    assert digest(from_json) == digest(from_avro)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "STEAL"}, "Field `kind` has an unknown kind: 'STEAL'."),
        ({"quantity": "2"}, "Field `quantity` is wrong: expected `int | null`, got `str`."),
        ({"quantity": 2.5}, "Field `quantity` is wrong: expected `int | null`, got `float`."),
        ({"quantity": True}, "Field `quantity` is wrong: expected `int | null`, got `bool`."),
        ({"quantity": 1 << 63}, "Field `quantity` does not fit in 64 bits."),
        ({"sku": 42}, "Field `sku` is wrong: expected `str`, got `int`."),
        ({"line": None}, "Field `line` is wrong: expected `int`, got `null`."),
        ({"lines": [{"line": 1}]}, "The required field `quantity` is missing."),
        ({"lines": [{"line": 1, "quantity": 1, "sku": "A"}]}, "There is no field `lines.sku` in a Line."),
        ({"quanity": 2}, "There is no field `quanity` in a Transaction."),
        ({"sku": "SHOE\0"}, "Field `sku` holds the control character U+0000."),
        ({"location": "x" * 201}, "Field `location` has 201 characters; at most 200 are allowed."),
        (
            {"item": {"kit": [{"sku": "A\n", "quantity": 1}]}},
            "Field `item.kit.sku` holds the control character U+000A.",
        ),
    ],
)
def test_a_wrong_field_is_named(decode: Decoder, fields: dict[str, Any], said: str) -> None:
    assert reason(decode, json.dumps({**SALE, **fields}).encode()) == said


def test_a_missing_field_is_named(decode: Decoder) -> None:
    without = {name: value for name, value in SALE.items() if name != "kind"}
    assert reason(decode, json.dumps(without).encode()) == "The required field `kind` is missing."


@pytest.mark.parametrize("value", [b"{", b"hello", b"\xff\xfe", b'{"sku": "\\ud800"}', b'{"a":' * 100_000, b"\xc3\x01"])
def test_what_is_not_json_is_malformed(decode: Decoder, value: bytes) -> None:
    assert reason(decode, value).startswith("The value is not JSON: ")


@pytest.mark.parametrize("value", [b"[]", b"1", b"null", b'"SALE"'])
def test_json_that_is_no_object_is_malformed(decode: Decoder, value: bytes) -> None:
    assert reason(decode, value) == "The value is JSON, but not an object."


def test_an_empty_value_and_a_huge_one_are_malformed(decode: Decoder) -> None:
    assert reason(decode, b"") == "The value is empty."
    assert "at most" in reason(decode, b" " * (10 << 20))


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(fields=st.dictionaries(st.sampled_from(sorted(Transaction.__struct_fields__)), ANYTHING, max_size=6))
def test_any_json_is_a_transaction_or_malformed(decode: Decoder, fields: dict[str, Any]) -> None:
    value = json.dumps({**SALE, **fields}).encode()
    with contextlib.suppress(Malformed):
        read = decode(value, None)
        assert msgspec.json.decode(msgspec.json.encode(read), type=Transaction) == read

"""The digest: the same for the same content, for ever. Its golden values are in golden/transaction.1.json."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import msgspec
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from agents.codec import canonical_form, digest
from agents.inventory.transactions import Item, Kind, LocationReference, Mode, Transaction

SALE = Transaction(transaction_id="till-9", source="pos", kind=Kind.SALE, sku="SHOE-42", quantity=2)


def naive(value: Any) -> Any:
    """The canonical form's content, by the standard library alone."""
    if isinstance(value, msgspec.Struct):
        kept = {}
        for field in msgspec.structs.fields(value):
            content = getattr(value, field.name)
            if content != field.default:
                kept[field.name] = naive(content)
        return kept
    return [naive(item) for item in value] if isinstance(value, tuple) else value


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_the_canonical_form_is_plain_json_with_sorted_fields(data: st.DataObject, records: Mapping[str, Any]) -> None:
    transaction = data.draw(records["transaction"])
    expected = json.dumps(naive(transaction), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert canonical_form(transaction) == expected
    assert digest(transaction) == hashlib.blake2b(expected, digest_size=8).digest()


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_other_content_has_another_digest(data: st.DataObject, records: Mapping[str, Any]) -> None:
    one, other = data.draw(records["transaction"]), data.draw(records["transaction"])
    assume(one != other)
    assert digest(one) != digest(other)


def test_a_field_said_at_its_default_is_as_if_not_said() -> None:
    said = msgspec.structs.replace(SALE, line=1, mode=Mode.FACT, locations=(), priority=0, reason=None, last=False)
    assert digest(said) == digest(SALE)


def test_a_default_string_read_from_bytes_is_a_default_too() -> None:
    read = b"piece".decode()
    change = msgspec.structs.replace
    assert digest(change(SALE, item=Item(unit=read))) == digest(change(SALE, item=Item()))
    place = LocationReference(location="LEEDS", kind=b"warehouse".decode())
    assert digest(change(SALE, location_reference=place)) == digest(
        change(SALE, location_reference=LocationReference(location="LEEDS"))
    )


def test_a_digest_has_eight_bytes_of_a_known_value() -> None:
    assert (
        canonical_form(SALE) == b'{"kind":"SALE","quantity":2,"sku":"SHOE-42","source":"pos","transaction_id":"till-9"}'
    )
    assert digest(SALE).hex() == "439188a919eabb07"

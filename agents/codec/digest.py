"""The digest of a transaction: 8 bytes that tell whether a transaction id comes again with the same content.

For life: digests are kept for ever under the ids of imports. The canonical form is JSON with the fields sorted by name,
without white space, in UTF-8, fields at their default left out on every level; so neither the order of fields, nor
Avro or JSON, nor fields added later, nor another library change it. The digest is BLAKE2b with 8 bytes of that.
"""

from __future__ import annotations

from enum import Enum
from hashlib import blake2b
from typing import Any

import msgspec

from agents.inventory.transactions import Transaction

SIZE = 8
"""Bytes."""

_sorted = msgspec.json.Encoder(order="sorted").encode


def digest(transaction: Transaction) -> bytes:
    """8 bytes of the content of `transaction`."""
    return blake2b(canonical_form(transaction), digest_size=SIZE).digest()


def canonical_form(transaction: Transaction) -> bytes:
    """What the digest is made of."""
    # msgspec leaves a default out only if it is the very same object, which a string read from bytes is not; string
    # defaults with content exist only within these two.
    if transaction.item is None and transaction.location_reference is None:
        return _sorted(transaction)
    return _sorted(_without_defaults(transaction))


def _without_defaults(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return {
            field.name: _without_defaults(content)
            for field in msgspec.structs.fields(value)
            if (content := getattr(value, field.name)) != field.default
        }
    if isinstance(value, tuple):
        return [_without_defaults(item) for item in value]
    return value.value if isinstance(value, Enum) else value

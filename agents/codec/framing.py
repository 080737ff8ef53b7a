"""What stands in front of an Avro record and says by which schema it was written.

    00 | schema id, 4 bytes big-endian | record                  Confluent wire format
    01 | GUID, 16 bytes | record                                 its newer variant
    C3 01 | CRC-64-AVRO, 8 bytes little-endian | record          Avro single-object encoding

Confluent's frame may also travel in the header `__value_schema_id`; the value is then the bare record. All of them are
read; written is the first with a registry, and the last without.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from agents.codec.malformed import Malformed

MAXIMUM_BYTES = 1 << 20
"""Bytes of the largest value that is looked at."""

VALUE_SCHEMA_HEADER = "__value_schema_id"
SINGLE_OBJECT = b"\xc3\x01"

Headers = Iterable[tuple[str, bytes | str | None]] | Mapping[str, bytes | str | None]
"""Of a Kafka record, as confluent_kafka gives them or as a mapping."""


@dataclass(frozen=True)
class Frame:
    """By what the writer's schema is known, and where the record begins."""

    writer: int | UUID | bytes
    """Schema id, GUID, or fingerprint."""
    begins_at: int


def confluent_prefix(schema_id: int) -> bytes:
    """Confluent wire format, the 5 bytes in front of the record."""
    return b"\0" + schema_id.to_bytes(4, "big")


def single_object_prefix(fingerprint: bytes) -> bytes:
    """Avro single-object encoding, the 10 bytes in front of the record; `fingerprint` is little-endian."""
    return SINGLE_OBJECT + fingerprint


def check_size(value: bytes | None) -> bytes:
    """The value, if there is one to read. Raises Malformed for none, an empty one, and one that is too big."""
    if not value:
        raise Malformed("The value is empty.")
    if len(value) > MAXIMUM_BYTES:
        raise Malformed(f"The value has {len(value)} bytes; at most {MAXIMUM_BYTES} are allowed.")
    return value


def frame_of(value: bytes, headers: Headers | None) -> Frame:
    """Reads the frame. Raises Malformed where there is none."""
    in_header = _schema_header(headers)
    if in_header is not None:
        return Frame(_confluent(in_header, "The header `__value_schema_id`").writer, 0)
    if value[:2] == SINGLE_OBJECT:
        if len(value) < 10:
            raise Malformed("The value ends within the frame of the Avro single-object encoding.")
        return Frame(value[2:10], 10)
    return _confluent(value, "The value")


def _confluent(data: bytes, what: str) -> Frame:
    if data[:1] == b"\0" and len(data) >= 5:
        return Frame(int.from_bytes(data[1:5], "big"), 5)
    if data[:1] == b"\1" and len(data) >= 17:
        return Frame(UUID(bytes=data[1:17]), 17)
    raise Malformed(f"{what} is not framed Avro: it begins with {data[:10].hex(' ') or 'nothing'}.")


def _schema_header(headers: Headers | None) -> bytes | None:
    if not headers:
        return None
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    for name, content in pairs:
        if name == VALUE_SCHEMA_HEADER and content is not None:
            return content.encode() if isinstance(content, str) else content
    return None

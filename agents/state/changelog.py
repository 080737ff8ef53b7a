"""Changelog records: the rows of a store as they lie in Kafka, for life.

    key      1 byte prefix of the table, then the encoded row key
    value    1 byte version, then the row as a MessagePack array; none = the row is gone
    meta     the row with the key 0x00 "position": `Meta` without the checkpoint, which only a local store knows

A table's prefix is never 0, so the meta row is nobody's.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from agents.state.store import Change, Meta
from agents.state.tables import Table, UndecodableRow

POSITION_KEY = b"\0position"
"""Changelog key of the meta row."""

META_VERSION = 1

Record = tuple[bytes, bytes | None]
"""Changelog key and value."""

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Meta)


def encode_meta(meta: Meta) -> bytes:
    """The meta row as it is in a local store: version byte and array."""
    return bytes((META_VERSION,)) + _ENCODER.encode(meta)


def decode_meta(value: bytes) -> Meta:
    """The meta row of `encode_meta`; raises UndecodableRow."""
    if value[:1] != bytes((META_VERSION,)):
        raise UndecodableRow("meta", f"its version is not {META_VERSION}: it was written by a newer program, run that")
    try:
        return _DECODER.decode(memoryview(value)[1:])
    except msgspec.MsgspecError as error:
        raise UndecodableRow("meta", str(error)) from error


def to_record(change: Change) -> Record:
    """The changelog record of one change."""
    table, key, value = change
    return table.prefix + key, value


def to_records(changes: Iterable[Change]) -> list[Record]:
    """The changelog records of a chunk's changes, in their order."""
    return [(table.prefix + key, value) for table, key, value in changes]


def meta_record(meta: Meta) -> Record:
    """The record that carries the input position of a chunk: the last one of each Kafka transaction."""
    return POSITION_KEY, encode_meta(msgspec.structs.replace(meta, checkpoint=0, checkpoint_at_ms=0))


def tables_by_prefix(tables: Iterable[Table]) -> dict[int, Table]:
    """Which table a changelog key belongs to, by its first byte. Two tables with one prefix raise ValueError."""
    by_prefix: dict[int, Table] = {}
    for table in tables:
        other = by_prefix.setdefault(table.prefix[0], table)
        if other is not table:
            raise ValueError(f"tables {other.name} and {table.name} have the same prefix")
    return by_prefix


def from_record(by_prefix: dict[int, Table], record: Record) -> Change:
    """The change of one record that is not the meta row; raises UndecodableRow for a table that is not known."""
    key, value = record
    table = by_prefix.get(key[0]) if key else None
    if table is None:
        raise UndecodableRow(
            key[:1].hex() or "with an empty key",
            "no table of this program has this prefix: it was written by a newer program, run that",
        )
    return table, key[1:], value

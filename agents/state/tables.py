"""Tables: what a row is called, how its key sorts, and how it is written for life.

A row is one version byte and the row as a MessagePack array, the same bytes in the local store and in the changelog,
so that a restore never decodes one. Rules of evolution:

* A field appended to a row with a default needs no new version: old rows are shorter arrays, old programs ignore
  the surplus.
* Anything else (a field removed, moved, given another meaning) raises `version` and adds `upgrades[old version]`, which
  turns the array of that version into the array of the next one. Old upgrades are never removed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from agents.state.keys import Key, KeyDecoder, KeyEncoder, Shape, encode_prefix, key_codec

Array = list[Any]
"""A row as MessagePack gives it when its type is not yet known."""
Upgrade = Callable[[Array], Array]
Order = Callable[[Any, Any], Key | None]

Head = TypeVar("Head", bound=msgspec.Struct)

_ENCODER = msgspec.msgpack.Encoder()


class UndecodableRow(Exception):
    """A row's bytes cannot be read: written by a newer version of the program, or not a row of this table."""

    def __init__(self, table: str, why: str) -> None:
        super().__init__(f"a row of table {table} cannot be read: {why}")
        self.table = table
        self.why = why


@dataclass(frozen=True, eq=False)
class Table:
    """One table of an agent. Compared by identity: the tables of a program are made once."""

    name: str
    """Also the name of its RocksDB column family."""
    prefix: bytes
    """One byte that begins the changelog keys of this table; for life."""
    shape: Shape
    """Types of the key's parts."""
    row: type
    version: int = 1
    upgrades: Mapping[int, Upgrade] = field(default_factory=dict)
    key_digest: Callable[[Key], bytes] | None = None
    """For tables whose key is kept as a digest of the key that callers use: within the state floor the key is then the
    one-part tuple (digest,). They cannot be scanned by parts, and the callers' keys cannot be read back."""
    to_array: Callable[[Any], object] | None = None
    """For rows that are no MessagePack arrays by themselves: what to write instead of the row."""
    stored_as: Any = None
    """The type to read then; None = `row`."""
    from_array: Callable[[Any], Any] | None = None
    """Turns what was read as `stored_as` into a row."""
    cached: bool = True
    """Whether rows stay in memory after the commit. False where a row is hardly ever read again."""
    order: Order | None = None
    """For groups that are also kept in an order of their own: (rest of the key, row) -> sort key, None = left out."""
    encode_key: KeyEncoder = field(init=False, repr=False)
    decode_key: KeyDecoder = field(init=False, repr=False)
    encode_row: Callable[[Any], bytes] = field(init=False, repr=False)
    decode_row: Callable[[bytes], Any] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if len(self.prefix) != 1 or self.prefix == b"\0":
            raise ValueError(f"table {self.name}: the prefix is one byte and not 0, which is the meta row's")
        if self.key_digest is None:
            encode_key, decode_key = key_codec(self.shape)
        else:
            encode_key, decode_key = _only_part, _as_only_part
        object.__setattr__(self, "encode_key", encode_key)
        object.__setattr__(self, "decode_key", decode_key)
        object.__setattr__(self, "encode_row", _row_encoder(self))
        object.__setattr__(self, "decode_row", _row_decoder(self))

    def head_decoder(self, head: type[Head]) -> Callable[[bytes], Head | None]:
        """A decoder of a row's first fields alone, for who looks at many rows; None = look at the whole row.

        `head` has the names of those fields, in their order; what is not looked into may be `msgspec.Raw`.
        """
        names = head.__struct_fields__
        stored_as: type[msgspec.Struct] = self.row if self.stored_as is None else self.stored_as
        if stored_as.__struct_fields__[: len(names)] != names:
            raise ValueError(f"{head.__name__} does not begin as the rows of table {self.name} do")
        return _head_decoder(head, self.version)

    def encode_prefix(self, parts: Key) -> bytes:
        """The bytes that every key with these first parts begins with."""
        if self.key_digest is not None:
            return b"".join(parts)  # type: ignore[arg-type]
        return encode_prefix(self.shape, parts)


def array_like(row: type[msgspec.Struct], **replaced: Any) -> type[msgspec.Struct]:
    """A twin of a row type that MessagePack writes as an array, some fields of it with another type."""
    fields = [
        (field.name, replaced.get(field.name, field.type))
        if field.required
        else (field.name, replaced.get(field.name, field.type), field.default)
        for field in msgspec.structs.fields(row)
    ]
    return msgspec.defstruct(f"Stored{row.__name__}", fields, array_like=True, frozen=True, kw_only=True)


def _only_part(key: Key) -> bytes:
    return key[0]  # type: ignore[return-value]


def _as_only_part(encoded: bytes) -> Key:
    return (encoded,)


def _row_encoder(table: Table) -> Callable[[Any], bytes]:
    version, encode, to_array = bytes((table.version,)), _ENCODER.encode, table.to_array

    def encode_row(row: Any) -> bytes:
        return version + encode(row)

    def encode_as_array(row: Any) -> bytes:
        assert to_array is not None
        return version + encode(to_array(row))

    return encode_row if to_array is None else encode_as_array


def _row_decoder(table: Table) -> Callable[[bytes], Any]:
    stored_as = table.row if table.stored_as is None else table.stored_as
    decode, version, from_array = msgspec.msgpack.Decoder(stored_as).decode, table.version, table.from_array

    def decode_row(value: bytes) -> Any:
        try:
            if value and value[0] == version:
                stored = decode(memoryview(value)[1:])
            else:
                stored = msgspec.convert(_upgraded(table, value), stored_as, strict=True, **_LIKE_MSGPACK)
        except msgspec.MsgspecError as error:
            raise UndecodableRow(table.name, str(error)) from error
        return stored if from_array is None else from_array(stored)

    return decode_row


def _head_decoder(head: type[Head], version: int) -> Callable[[bytes], Head | None]:
    decode = msgspec.msgpack.Decoder(head).decode

    def decode_head(value: bytes) -> Head | None:
        if not value or value[0] != version:
            return None
        try:
            return decode(memoryview(value)[1:])
        except msgspec.MsgspecError:
            return None

    return decode_head


_LIKE_MSGPACK: dict[str, Any] = {"builtin_types": (bytes, bytearray, memoryview)}
"""MessagePack knows bytes; without this, convert would expect them as base64."""


def _upgraded(table: Table, value: bytes) -> Array:
    """The array of an older version, brought up to the present one, one version at a time."""
    if not value:
        raise UndecodableRow(table.name, "it is empty")
    version = value[0]
    if version > table.version:
        raise UndecodableRow(
            table.name,
            f"its version is {version}, this program knows {table.version}: it was written by a newer program, run that",
        )
    array = msgspec.msgpack.decode(memoryview(value)[1:])
    while version < table.version:
        upgrade = table.upgrades.get(version)
        if upgrade is None:
            raise UndecodableRow(table.name, f"there is no upgrade from version {version}")
        array = upgrade(array)
        version += 1
    return array  # type: ignore[no-any-return]

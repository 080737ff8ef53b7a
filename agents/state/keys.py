"""Row keys as bytes that sort as their parts do.

A key is a tuple of texts and whole numbers. Layout, part after part:

    text     UTF-8, then 0x00. A 0x00 or 0x01 within the text is written 0x01 0x01 or 0x01 0x02, so that the
             terminator is the least byte and the order stays that of the text.
    number   8 bytes, big-endian, plus 2**63: negative ones come first.

A key has at most one number in front, then texts, then at most one number at the end. That is all that the tables
need, and each shape gets a function of its own, because keys are built several times for each transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct

KeyPart = str | int | bytes
"""Bytes only in tables whose key is a digest."""
Key = tuple[KeyPart, ...]
Shape = tuple[type[KeyPart], ...]
KeyEncoder = Callable[[Key], bytes]
KeyDecoder = Callable[[bytes], Key]

_NUMBER = Struct(">Q")
_OFFSET = 1 << 63
NUMBER_BYTES = 8


class KeyShapeError(ValueError):
    """The parts of a key do not have the types or the number that the table declares."""


def encode_number(number: int) -> bytes:
    """8 bytes that sort as the numbers do. Numbers outside of 64 bits raise struct.error."""
    return _NUMBER.pack(number + _OFFSET)


def decode_number(encoded: bytes) -> int:
    """The number of 8 bytes written by `encode_number`."""
    number: int = _NUMBER.unpack(encoded)[0]
    return number - _OFFSET


def encode_texts(texts: tuple[str, ...]) -> bytes:
    """Texts, each with its terminator."""
    if len(texts) == 2:  # Nearly all keys.
        return _encode_pair(*texts)
    encoded = "\0".join((*texts, "")).encode()
    if encoded.count(0) == len(texts) and 1 not in encoded:
        return encoded
    return b"".join([_escaped(text) + b"\0" for text in texts])


def decode_texts(encoded: bytes) -> tuple[str, ...]:
    """The texts written by `encode_texts`."""
    if 1 not in encoded:
        return tuple(encoded[:-1].decode().split("\0"))
    return tuple(_unescaped(part) for part in encoded[:-1].split(b"\0"))


def encode_prefix(shape: Shape, parts: Key) -> bytes:
    """The bytes that every key with these first parts begins with."""
    if len(parts) > len(shape):
        raise KeyShapeError(f"{len(parts)} parts were given for a key of {len(shape)}")
    encoded = b""
    for kind, part in zip(shape, parts, strict=False):
        if kind is int and type(part) is int:
            encoded += encode_number(part)
        elif kind is str and type(part) is str:
            encoded += encode_texts((part,))
        else:
            raise KeyShapeError(f"{part!r} stands where the key has a part of type {kind.__name__}")
    return encoded


def end_of_prefix(prefix: bytes) -> bytes | None:
    """The least bytes greater than every key that begins with `prefix`; None where there are none."""
    head = prefix.rstrip(b"\xff")
    return head[:-1] + bytes((head[-1] + 1,)) if head else None


def key_codec(shape: Shape) -> tuple[KeyEncoder, KeyDecoder]:
    """Encoder and decoder of keys of this shape. They trust the types of the parts: the type checker sees to them."""
    numbered, closed = shape[0] is int, len(shape) > 1 and shape[-1] is int
    texts = shape[numbered : len(shape) - closed]
    if any(kind is not str for kind in texts):
        raise KeyShapeError(f"{shape} is not a number, texts and a number")
    if numbered and closed:
        return _encode_pair_between if len(texts) == 2 else _encode_between, _decode_between
    if numbered:
        return _encode_numbered, _decode_numbered
    if closed:
        return _encode_pair_closed if len(texts) == 2 else _encode_closed, _decode_closed
    return encode_texts, decode_texts  # type: ignore[return-value]


def _encode_closed(key: Key) -> bytes:
    return encode_texts(key[:-1]) + _NUMBER.pack(key[-1] + _OFFSET)  # type: ignore[operator, arg-type]


def _encode_pair_closed(key: Key) -> bytes:
    """As `_encode_closed`, for the shape that keys are most often of."""
    first, second, number = key
    return _encode_pair(first, second) + _NUMBER.pack(number + _OFFSET)  # type: ignore[arg-type, operator]


def _encode_pair_between(key: Key) -> bytes:
    """As `_encode_between`, for two texts."""
    number, first, second, last = key
    pack = _NUMBER.pack
    return pack(number + _OFFSET) + _encode_pair(first, second) + pack(last + _OFFSET)  # type: ignore[arg-type, operator]


def _encode_pair(first: str, second: str) -> bytes:
    encoded = f"{first}\0{second}\0".encode()
    if encoded.count(0) == 2 and 1 not in encoded:
        return encoded
    return _escaped(first) + b"\0" + _escaped(second) + b"\0"


def _decode_closed(encoded: bytes) -> Key:
    return *decode_texts(encoded[:-8]), decode_number(encoded[-8:])


def _encode_numbered(key: Key) -> bytes:
    return _NUMBER.pack(key[0] + _OFFSET) + encode_texts(key[1:])  # type: ignore[operator, arg-type]


def _decode_numbered(encoded: bytes) -> Key:
    return decode_number(encoded[:8]), *decode_texts(encoded[8:])


def _encode_between(key: Key) -> bytes:
    return (
        _NUMBER.pack(key[0] + _OFFSET)  # type: ignore[operator]
        + encode_texts(key[1:-1])  # type: ignore[arg-type]
        + _NUMBER.pack(key[-1] + _OFFSET)  # type: ignore[operator]
    )


def _decode_between(encoded: bytes) -> Key:
    return decode_number(encoded[:8]), *decode_texts(encoded[8:-8]), decode_number(encoded[-8:])


def _escaped(text: str) -> bytes:
    return text.encode().replace(b"\1", b"\1\2").replace(b"\0", b"\1\1")


def _unescaped(encoded: bytes) -> str:
    return encoded.replace(b"\1\1", b"\0").replace(b"\1\2", b"\1").decode()

"""Avro's variable-length integers and short strings, as tables that remember what they have seen.

The layout: a long is zig-zag coded (0, -1, 1, -2 ... become 0, 1, 2, 3 ...) and written in groups of seven bits, the
lowest first, the top bit of a byte saying that more follow. A string is its length in bytes as a long, then UTF-8.

The same SKUs, places, times and small numbers come again and again. A dict finds one it has seen in about 40 ns;
computing it takes ten times as long. Each table is bounded: full, it forgets everything and starts again.
Times take six bytes until 2039, then seven, and are split: the lowest two bytes (8 seconds), and the rest, which hardly
changes.
"""

from __future__ import annotations

from typing import Any

from agents.codec.names import problem_of_name

LIMIT = 65_536
"""Entries of a table before it forgets."""

LONGEST = 63
"""Bytes of the longest string whose length fits one byte."""

_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1
PAIRS = tuple(bytes((low | 128, high | 128)) for high in range(128) for low in range(128))
"""14 bits -> the two bytes of them that are not the last of a long."""


class Odd(ValueError):
    """The bytes are not of the usual shape: the careful way must say whether they are right."""


def long_bytes(value: int) -> bytes:
    """The Avro bytes of a long. Raises OverflowError beyond 64 bits."""
    if not _LOWEST <= value <= _HIGHEST:
        raise OverflowError(f"{value} does not fit in 64 bits.")
    rest = (value << 1) ^ (value >> 63)
    parts = b""
    while rest > 16_383:
        parts += PAIRS[rest & 16_383]
        rest >>= 14
    return parts + (bytes((rest,)) if rest < 128 else bytes((rest & 127 | 128, rest >> 7)))


def long_at(data: bytes, at: int) -> tuple[int, int]:
    """The long at `at` and where it ends. Raises IndexError past the end, Odd for more than 64 bits."""
    byte = data[at]
    at += 1
    value = byte & 127
    shift = 7
    while byte > 127:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if shift > 70:
            raise Odd
    if value >> 64:
        raise Odd
    return (value >> 1) ^ -(value & 1), at


def string_at(data: bytes, at: int) -> tuple[str, int]:
    """The string at `at` and where it ends. Raises IndexError, Odd or UnicodeDecodeError."""
    size, at = long_at(data, at)
    end = at + size
    if size < 0 or end > len(data):
        raise Odd
    return data[at:end].decode(), end


class Longs(dict[int | None, bytes]):
    """Long -> its bytes."""

    def __missing__(self, value: int) -> bytes:
        if len(self) >= LIMIT:
            self.clear()
        found = self[value] = long_bytes(value)
        return found


class OptionalLongs(Longs):
    """Long or None -> its bytes as ["null", "long"]."""

    def __missing__(self, value: int | None) -> bytes:
        if len(self) >= LIMIT:
            self.clear()
        found = self[value] = b"\0" if value is None else b"\2" + long_bytes(value)
        return found


class Strings(dict[str | None, bytes]):
    """String -> its bytes; only short ones are kept."""

    def __missing__(self, value: str) -> bytes:
        encoded = value.encode()
        found = long_bytes(len(encoded)) + encoded
        if len(encoded) <= LONGEST:
            if len(self) >= LIMIT:
                self.clear()
            self[value] = found
        return found


class OptionalStrings(Strings):
    """String or None -> its bytes as ["null", "string"]."""

    def __missing__(self, value: str | None) -> bytes:
        if value is None:
            found = self[value] = b"\0"
            return found
        encoded = value.encode()
        found = b"\2" + long_bytes(len(encoded)) + encoded
        if len(encoded) <= LONGEST:
            if len(self) >= LIMIT:
                self.clear()
            self[value] = found
        return found


class Words(dict[bytes, str]):
    """The bytes of a short string, its length first -> the string. Raises Odd for every other shape."""

    def __missing__(self, raw: bytes) -> str:
        if not raw or raw[0] & 129 or raw[0] >> 1 != len(raw) - 1:
            raise Odd
        text = raw[1:].decode()
        if len(self) >= LIMIT:
            self.clear()
        self[raw] = text
        return text


class Names(Words):
    """As Words, and the string is a good name."""

    def __missing__(self, raw: bytes) -> str:
        text = super().__missing__(raw)
        if problem_of_name("", text) is not None:
            del self[raw]
            raise Odd
        return text


class HighTimes(dict[bytes, int]):
    """The last four or five bytes of a time -> its milliseconds without the lowest 2^13. Raises Odd."""

    def __missing__(self, raw: bytes) -> int:
        value, end = long_at(b"\x80\x80" + raw + b"\x80", 0)
        if end != 2 + len(raw):
            raise Odd
        if len(self) >= LIMIT:
            self.clear()
        self[raw] = value
        return value


class HighTimeBytes(dict[int, bytes]):
    """A time without its lowest 2^13 milliseconds, which must be more than 0 -> its last four or five bytes."""

    def __missing__(self, high: int) -> bytes:
        if len(self) >= LIMIT:
            self.clear()
        found = self[high] = long_bytes(high << 13)[2:]
        return found


LOW_TIMES: dict[bytes, int] = {pair: number >> 1 for number, pair in enumerate(PAIRS) if not number & 1}
"""The first two bytes of a time -> its lowest 13 bits of milliseconds; negative times are not here."""


class Tables:
    """One of each table, for all the generated functions of a codec: what one has seen the next one knows."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {
            "LONG": Longs(),
            "OPTIONAL_LONG": OptionalLongs(),
            "STRING": Strings(),
            "OPTIONAL_STRING": OptionalStrings(),
            "PAIRS": PAIRS,
            "HIGH_TIME_BYTES": HighTimeBytes(),
            "NAME_AT": Names(),
            "WORD_AT": Words(),
            "LOW_TIME": LOW_TIMES,
            "HIGH_TIME": HighTimes(),
        }

"""Writes the Python source of an encoder and a decoder for one schema, and runs it once at start.

A generic Avro library asks of every field of every record what it is; here the schema's answers become straight lines
of Python, struct to bytes and bytes to struct, without a dict between. For a record with two fields they read:

    def encode(record):
        return join((prefix, STRING[record.sku], LONG[record.quantity]))

    def decode_Line(data, at):
        end = at + 1 + (data[at] >> 1)
        sku = NAME_AT[data[at:end]]
        at = end
        size = data[at]
        ...
        return Line(sku=sku, quantity=quantity), at

The encoder is complete. The decoder knows only the usual shape of each field: on anything else (a negative length, an
array in blocks, a name with a control character, the end of the bytes) it raises one of `UNUSUAL`, and the caller goes
the careful way, which says what is wrong, or that nothing is. So whatever it returns is right: every byte was used and
every name is a good one. A slice past the end is short without a sound, but then a later step, or at last the
comparison of the end with the length of the data, fails.

Neighbouring fields that are mostly at their default (`words.RARE`) are a run, written and recognised as one constant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from agents.codec import varints
from agents.codec.names import MAXIMUM_NAME
from agents.codec.shapes import Field, Shape
from agents.codec.words import RARE

UNUSUAL = (LookupError, ValueError)
"""What a generated decoder raises where the careful way must look. UnicodeDecodeError and Odd are ValueErrors."""

SHORTEST_RUN = 2
MOST_IN_A_LOOP = 4
"""Items of an array that are added one by one; each copies the ones before it."""
OFTEN_SEEN = frozenset({"name", "word"})
"""Roles of strings that a table remembers."""

OWN_VARIABLES = frozenset({"data", "at", "end", "size", "more", "record", "value", "each", "prefix", "join"})
"""Variables of the generated functions: no field may have such a name."""

Encoder = Callable[[msgspec.Struct], bytes]
Decoder = Callable[[bytes, int], msgspec.Struct]
Run = Field | tuple[Field, ...]


@dataclass(frozen=True)
class Generated:
    """The two functions for one schema, and their source for whoever wants to read it."""

    encoder: Callable[[bytes], Encoder]
    """What stands in front of each record -> the encoder."""
    decode: Decoder
    """(data, where the record begins) -> the struct; raises one of `UNUSUAL`."""
    source: str


def generate(shape: Shape, tables: varints.Tables) -> Generated:
    """Writes and runs encoder and decoder of `shape`."""
    names: dict[str, Any] = {
        **tables.names,
        "join": b"".join,
        "FLAG_AT": {0: False, 1: True},
        "long_at": varints.long_at,
        "string_at": varints.string_at,
        "Odd": varints.Odd,
    }
    lines: list[str] = []
    for record in _records(shape):
        if clash := OWN_VARIABLES & {one.name for one in record.fields}:
            raise ValueError(f"{record.name}: the generated code has variables of its own named {sorted(clash)}.")
        names[record.name] = record.struct
        lines += _Encoding(record, names).functions()
        lines += _Decoding(record, names).functions()
    lines += _Encoding(shape, names).top() + _Decoding(shape, names).top()
    source = "\n".join(lines) + "\n"
    exec(compile(source, f"<codec of {shape.name}>", "exec"), names)  # noqa: S102 - our own text, once at start
    return Generated(names["encoder"], names["decode"], source)


def _records(shape: Shape) -> list[Shape]:
    """The record and all within it, the innermost first, each once."""
    found: dict[str, Shape] = {}

    def visit(record: Shape) -> None:
        for one in record.fields:
            inner = one.items.shape if one.items is not None else one.shape
            if inner is not None:
                visit(inner)
        found.setdefault(record.name, record)

    visit(shape)
    return list(found.values())


def _runs(shape: Shape) -> list[Run]:
    """The fields in order; neighbours that are mostly at their default as one tuple."""
    rare = RARE.get(shape.name, frozenset())
    runs: list[Run] = []
    gathered: list[Field] = []
    for one in [*shape.fields, None]:
        if one is not None and one.name in rare and one.has_default:
            gathered.append(one)
            continue
        runs.extend([tuple(gathered)] if len(gathered) >= SHORTEST_RUN else gathered)
        gathered = []
        if one is not None:
            runs.append(one)
    return runs


def _indented(lines: list[str], levels: int = 1) -> list[str]:
    return ["    " * levels + line for line in lines]


class _Encoding:
    """The encoders of one record: every field is one or two expressions that give bytes, an array some lines before."""

    def __init__(self, record: Shape, names: dict[str, Any]) -> None:
        self.record = record.name
        self.runs = _runs(record)
        self.names = names

    def functions(self) -> list[str]:
        """`encode_<record>(record) -> bytes`, and one such function for each run."""
        lines: list[str] = []
        for number, run in enumerate(self.runs):
            if isinstance(run, tuple):
                self.names[f"RUN_{self.record}_{number}"] = b"".join(self._default_bytes(one) for one in run)
                lines += self._function(f"encode_{self.record}_{number}", run)
        return lines + self._function(f"encode_{self.record}", self.runs)

    def top(self) -> list[str]:
        """`encoder(prefix)`: the encoder of the whole record with `prefix` in front."""
        inner = self._function("encode", self.runs, "prefix")
        return ["def encoder(prefix):", *_indented(inner), "    return encode"]

    def _function(self, name: str, runs: Sequence[Run], *first: str) -> list[str]:
        arrays = [line for one in runs if isinstance(one, Field) for line in self._array(one)]
        joined = ["return join((", *_indented([f"{part}," for part in (*first, *self._parts(runs))]), "))"]
        return [f"def {name}(record):", *_indented([*arrays, *joined])]

    def _array(self, one: Field) -> list[str]:
        """The bytes of an array in a variable of its own. Most have one or two items: a loop is cheaper than `map`."""
        if one.items is None or one.nullable:
            return []
        inner, name = one.items.shape, one.name
        each, every = (
            ("STRING[each]", "STRING.__getitem__")
            if inner is None
            else (f"encode_{inner.name}(each)", f"encode_{inner.name}")
        )
        return [
            f"{name} = b'\\0'",
            f"if value := record.{name}:",
            f"    {name} = LONG[len(value)]",
            f"    if len(value) > {MOST_IN_A_LOOP}:",
            f"        {name} += join(map({every}, value))",
            "    else:",
            "        for each in value:",
            f"            {name} += {each}",
            f"    {name} += b'\\0'",
        ]

    def _parts(self, runs: Sequence[Run]) -> list[str]:
        parts = []
        for number, run in enumerate(runs):
            if isinstance(run, tuple):
                usual = " and ".join(self._is_default(one) for one in run)
                label = f"{self.record}_{number}"
                parts.append(f"RUN_{label} if {usual} else encode_{label}(record)")
            else:
                parts.append(self._encoded(run))
        return parts

    def _encoded(self, one: Field) -> str:
        value = f"record.{one.name}"
        if one.type == "string":
            return self._string(one, value)
        if one.type == "long" and one.role == "time":
            return self._time(one, value)
        if one.type == "long":
            return f"{'OPTIONAL_LONG' if one.nullable else 'LONG'}[{value}]"
        if one.type == "boolean" and not one.nullable:
            return f"b'\\1' if {value} else b'\\0'"
        if one.type == "enum":
            return f"{self._symbols(one)}[{value}]"
        if one.items is not None and not one.nullable:
            return one.name
        if one.shape is not None and one.nullable:
            return f"b'\\0' if (value := {value}) is None else b'\\2' + encode_{one.shape.name}(value)"
        if one.shape is not None:
            return f"encode_{one.shape.name}({value})"
        raise TypeError(f"No encoder is known for field {self.record}.{one.name} of type {one.type}.")

    @staticmethod
    def _string(one: Field, value: str) -> str:
        if one.role in OFTEN_SEEN:
            return f"{'OPTIONAL_STRING' if one.nullable else 'STRING'}[{value}]"
        if one.nullable:
            coded = "OPTIONAL_LONG[len(value := value.encode())] + value"  # The mark b'\\2' and the length in one.
            return f"b'\\0' if (value := {value}) is None else {coded}"
        return f"LONG[len(value := {value}.encode())], value"

    @staticmethod
    def _time(one: Field, value: str) -> str:
        coded = "PAIRS[value << 1 & 16383] + HIGH_TIME_BYTES[value >> 13]"
        if one.nullable:
            usual = f"(value := {value}) is not None and value > 8191"
            return f"b'\\2' + {coded} if {usual} else OPTIONAL_LONG[value]"
        return f"{coded} if (value := {value}) > 8191 else LONG[value]"

    def _symbols(self, one: Field) -> str:
        assert one.symbols is not None
        assert one.positions is not None
        mark = b"\2" if one.nullable else b""
        table: dict[Any, bytes] = {}
        for symbol, member in one.symbols.items():
            table[member] = mark + varints.long_bytes(one.positions[symbol])
        if one.nullable:
            table[None] = b"\0"
        name = f"SYMBOLS_{self.record}_{one.name}"
        self.names[name] = table
        return name

    def _is_default(self, one: Field) -> str:
        value = f"record.{one.name}"
        if one.default is None:
            return f"{value} is None"
        if one.default is True:
            return value
        if not one.default:
            return f"not {value}"
        self.names[f"DEFAULT_{self.record}_{one.name}"] = one.default
        return f"{value} == DEFAULT_{self.record}_{one.name}"

    def _default_bytes(self, one: Field) -> bytes:
        if one.symbols is not None and one.positions is not None and one.default is not None:
            return varints.long_bytes(one.positions[str(one.default)])
        if one.type == "string" and one.default:
            return varints.long_bytes(len(str(one.default).encode())) + str(one.default).encode()
        return (
            varints.long_bytes(one.default)
            if isinstance(one.default, int) and one.type == "long"
            else (b"\1" if one.default is True else b"\0")
        )


class _Decoding:
    """The decoders of one record: every field is some lines that give a local variable and move `at`."""

    def __init__(self, record: Shape, names: dict[str, Any]) -> None:
        self.record = record.name
        self.fields = record.fields
        self.runs = _runs(record)
        self.names = names

    def functions(self) -> list[str]:
        """`decode_<record>(data, at) -> (struct, end)`, and functions for its arrays and runs."""
        lines: list[str] = []
        for one in self.fields:
            if one.items is not None:
                lines += self._list(one)
        for number, run in enumerate(self.runs):
            if isinstance(run, tuple):
                lines += self._run(number, run)
        return lines + self._record()

    def top(self) -> list[str]:
        """`decode(data, at)`: the whole record, to the last byte."""
        return [
            "def decode(data, at):",
            *_indented(self._body(["if at != len(data):", "    raise Odd"], "")),
        ]

    def _record(self) -> list[str]:
        return [f"def decode_{self.record}(data, at):", *_indented(self._body([], ", at"))]

    def _body(self, last: list[str], beside: str) -> list[str]:
        """All fields, then the lines `last`, then the struct and what is returned `beside` it."""
        lines: list[str] = []
        plain = [run for run in self.runs if isinstance(run, Field)]
        for number, run in enumerate(self.runs):
            if isinstance(run, Field):
                lines += self._decoded(run)
            else:
                lines += self._maybe_run(number)
        struct = f"{self.record}({', '.join(f'{one.name}={one.name}' for one in plain)}"
        if len(plain) < len(self.runs):
            lines = ["more = None", *lines, *last, "if more is not None:", f"    return {struct}, **more){beside}"]
        else:
            lines += last
        return [*lines, f"return {struct}){beside}"]

    def _maybe_run(self, number: int) -> list[str]:
        label = f"{self.record}_{number}"
        return [
            f"if data.startswith(RUN_{label}, at):",
            f"    at += {len(self.names[f'RUN_{label}'])}",
            "else:",
            "    more = more or {}",
            f"    at = decode_{label}(data, at, more)",
        ]

    def _run(self, number: int, run: tuple[Field, ...]) -> list[str]:
        """What differs from its default goes into `more`; for most fields one byte tells that nothing does."""
        lines: list[str] = []
        for one in run:
            constant = one.nullable or not one.default
            read = [*self._decoded(one), f"more['{one.name}'] = {one.name}"]
            lines += ["if data[at]:", *_indented(read), "else:", "    at += 1"] if constant else read
        return [f"def decode_{self.record}_{number}(data, at, more):", *_indented([*lines, "return at"])]

    def _list(self, one: Field) -> list[str]:
        """One block and its end, which is how everybody writes arrays; never empty."""
        assert one.items is not None
        inner = one.items.shape
        if inner is not None:
            item = [f"item, at = decode_{inner.name}(data, at)"]
        else:
            item = ["end = at + 1 + (data[at] >> 1)", "item = NAME_AT[data[at:end]]", "at = end"]
        return [
            f"def list_{self.record}_{one.name}(data, at):",
            "    count, at = long_at(data, at)",
            "    items = []",
            "    for _ in range(count):",
            *_indented([*item, "items.append(item)"], 2),
            "    if count < 1 or data[at]:",
            "        raise Odd",
            "    return tuple(items), at + 1",
        ]

    def _decoded(self, one: Field) -> list[str]:
        value = self._value(one)
        if not one.nullable:
            return value
        null = ["elif data[at] == 0:", "    at += 1", f"    {one.name} = None", "else:", "    raise Odd"]
        return ["if data[at] == 2:", "    at += 1", *_indented(value), *null]

    def _value(self, one: Field) -> list[str]:
        name = one.name
        if one.type == "string":
            return self._string(one)
        if one.type == "long" and one.role == "time":
            return [
                "if data[at] > 127 and data[at + 1] > 127:",
                "    end = at + 6 if data[at + 5] < 128 else at + 7",
                f"    {name} = LOW_TIME[data[at : at + 2]] + HIGH_TIME[data[at + 2 : end]]",
                "    at = end",
                "else:",
                f"    {name}, at = long_at(data, at)",
            ]
        if one.type == "long":
            return [
                "size = data[at]",
                "if size < 128:",
                f"    {name} = (size >> 1) ^ -(size & 1)",
                "    at += 1",
                "else:",
                f"    {name}, at = long_at(data, at)",
            ]
        if one.type == "boolean":
            return [f"{name} = FLAG_AT[data[at]]", "at += 1"]
        if one.type == "enum":
            return [f"{name} = {self._members(one)}[data[at]]", "at += 1"]
        if one.items is not None:
            some = f"    {name}, at = list_{self.record}_{name}(data, at)"
            return ["if data[at]:", some, "else:", f"    {name} = ()", "    at += 1"]
        assert one.shape is not None
        return [f"{name}, at = decode_{one.shape.name}(data, at)"]

    @staticmethod
    def _string(one: Field) -> list[str]:
        name = one.name
        if one.role in OFTEN_SEEN:
            table = "NAME_AT" if one.role == "name" else "WORD_AT"
            return ["end = at + 1 + (data[at] >> 1)", f"{name} = {table}[data[at:end]]", "at = end"]
        lines = [
            "size = data[at]",
            "if size & 129:",
            f"    {name}, at = string_at(data, at)",
            *([f"    if len({name}) > {MAXIMUM_NAME}:", "        raise Odd"] if one.role == "id" else []),
            "else:",
            "    end = at + 1 + (size >> 1)",
            f"    {name} = data[at + 1 : end].decode()",
            "    at = end",
        ]
        # Printable characters are no control characters; the others are for the careful way to judge.
        return [*lines, f"if not {name}.isprintable():", "    raise Odd"] if one.role == "id" else lines

    def _members(self, one: Field) -> str:
        assert one.symbols is not None
        assert one.positions is not None
        name = f"MEMBERS_{self.record}_{one.name}"
        # By the first byte: an enum's index is a long, and below 64 that is one byte, twice the index.
        self.names[name] = {one.positions[symbol] << 1: member for symbol, member in one.symbols.items()}
        return name

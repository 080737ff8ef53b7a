"""A schema and the struct it stands for, laid beside each other once, so that generated code can trust both.

Every difference between `schemas/*.avsc` and the structs of the core (a field, its type, its default) is a mistake
in the code; it is found here when the process starts, not when a record comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from functools import cached_property
from typing import Any

import msgspec
from msgspec import inspect

from agents.codec.malformed import Malformed
from agents.codec.names import problem_of_name

ROLE = "onhand.role"
"""Attribute of a schema's field: `name` (often seen, checked), `id` (unique, checked) or `word` (often seen)."""

_LEAVES = {"string": str, "long": int, "boolean": bool}
_LEAF_TYPES: dict[str, type] = {"string": inspect.StrType, "long": inspect.IntType, "boolean": inspect.BoolType}

CHECKED_ROLES = frozenset({"name", "id"})


@dataclass(frozen=True)
class Field:
    """One field, or the items of an array."""

    name: str
    type: str
    """`string`, `long`, `boolean`, `enum`, `record` or `array`."""
    nullable: bool = False
    has_default: bool = False
    default: object = None
    """As the struct has it."""
    role: str | None = None
    symbols: Mapping[str, Enum] | None = None
    """Of an enum: symbol -> member; a symbol that only stands for newer ones has none."""
    positions: Mapping[str, int] | None = None
    """Of an enum: symbol -> index."""
    shape: Shape | None = None
    """Of a record."""
    items: Field | None = None
    """Of an array."""

    def build(self, value: Any, path: str) -> Any:
        """The word for what a generic Avro reader gave. Raises Malformed for a symbol that is newer than this code."""
        if value is None:
            return None
        if self.shape is not None:
            return self.shape.build(value, f"{path}.")
        if self.items is not None:
            return tuple(self.items.build(item, path) for item in value)
        if self.symbols is not None:
            member = self.symbols.get(value)
            if member is None:
                raise Malformed(f"Field `{path}` has an unknown {path.rpartition('.')[2]}, newer than this program.")
            return member
        if value.__class__ is not _LEAVES[self.type]:
            raise Malformed(f"Field `{path}` is no {self.type}.")
        return value

    @property
    def has_names(self) -> bool:
        """Whether it is a name, or one is within it."""
        return self.role in CHECKED_ROLES or self.shape is not None or self.items is not None

    def problem_of_names(self, value: Any, path: str) -> str | None:
        """What is wrong with the names in `value`, as a sentence."""
        if value is None:
            return None
        if self.role in CHECKED_ROLES and isinstance(value, str):
            return problem_of_name(path, value)
        if self.shape is not None:
            return self.shape.problem_of_names(value, f"{path}.")
        if self.items is not None:
            return next((found for item in value if (found := self.items.problem_of_names(item, path))), None)
        return None


@dataclass(frozen=True)
class Shape:
    """One record schema and its struct."""

    name: str
    struct: type[msgspec.Struct]
    fields: tuple[Field, ...]

    def build(self, values: Mapping[str, Any], path: str = "") -> msgspec.Struct:
        """The struct for what a generic Avro reader gave. Raises Malformed."""
        return self.struct(**{field.name: field.build(values[field.name], path + field.name) for field in self.fields})

    @cached_property
    def _named(self) -> tuple[Field, ...]:
        return tuple(field for field in self.fields if field.has_names)

    def problem_of_names(self, record: msgspec.Struct, path: str = "") -> str | None:
        """What is wrong with the names in `record`, as a sentence; None where nothing is."""
        for field in self._named:
            found = field.problem_of_names(getattr(record, field.name), path + field.name)
            if found is not None:
                return found
        return None


class Mismatch(Exception):
    """A schema and its struct differ; the message says where."""


def shape_of(schema: Mapping[str, Any], struct: type[msgspec.Struct]) -> Shape:
    """Lays the record `schema` (JSON, names defined before use) beside `struct`. Raises Mismatch."""
    return _record(schema, struct, {})


def _record(schema: Mapping[str, Any], struct: type[msgspec.Struct], named: dict[str, Any]) -> Shape:
    name = schema["name"]
    named[name] = schema
    information = inspect.type_info(struct)
    if not isinstance(information, inspect.StructType):
        raise Mismatch(f"{struct!r} is no struct.")
    ours = {field.name: field for field in information.fields}
    theirs = {field["name"]: field for field in schema["fields"]}
    if ours.keys() != theirs.keys():
        odd = ", ".join(sorted(ours.keys() ^ theirs.keys()))
        raise Mismatch(f"Schema {name} and struct {struct.__name__} do not have the same fields: {odd}.")
    fields = tuple(_field(theirs[key], ours[key], f"{name}.{key}", named) for key in theirs)
    return Shape(name, struct, fields)


def _field(schema: Mapping[str, Any], ours: inspect.Field, path: str, named: dict[str, Any]) -> Field:
    field = _typed(schema["name"], schema["type"], ours.type, schema.get(ROLE), path, named)
    if ours.required == ("default" in schema):
        raise Mismatch(f"{path}: only one of schema and struct has a default.")
    if ours.required:
        return field
    default = ours.default
    in_schema: Any = () if schema["default"] == [] else schema["default"]
    if field.shape is not None and in_schema is not None:
        in_schema = field.shape.build(in_schema)
    if in_schema != default:
        raise Mismatch(f"{path}: the schema's default is {in_schema!r}, the struct's is {default!r}.")
    return replace(field, has_default=True, default=default)


def _typed(name: str, schema: Any, ours: inspect.Type, role: str | None, path: str, named: dict[str, Any]) -> Field:
    nullable = isinstance(schema, list)
    if nullable:
        if len(schema) != 2 or schema[0] != "null":
            raise Mismatch(f'{path}: a nullable field is ["null", type].')
        schema = schema[1]
    inner, optional = _optional(ours)
    if nullable != optional:
        raise Mismatch(f"{path}: only one of schema and struct may be null.")
    if isinstance(schema, str) and schema in named:
        schema = named[schema]
    if isinstance(schema, dict):
        return _complex(name, schema, inner, nullable, role, path, named)
    wanted = _LEAF_TYPES.get(schema)
    if wanted is None or not isinstance(inner, wanted):
        raise Mismatch(f"{path}: {schema} in the schema, {inner} in the struct.")
    return Field(name, schema, nullable, role=role)


def _complex(
    name: str,
    schema: Mapping[str, Any],
    inner: inspect.Type,
    nullable: bool,
    role: str | None,
    path: str,
    named: dict[str, Any],
) -> Field:
    kind = schema["type"]
    if kind == "enum" and isinstance(inner, inspect.EnumType):
        named[schema["name"]] = schema
        members = {member.value: member for member in inner.cls}
        symbols = schema["symbols"]
        if not members.keys() <= set(symbols):
            raise Mismatch(f"{path}: the schema lacks symbols of {inner.cls.__name__}.")
        positions = {symbol: index for index, symbol in enumerate(symbols)}
        return Field(name, kind, nullable, symbols=members, positions=positions)
    if kind == "array" and isinstance(inner, inspect.VarTupleType):
        items = _typed(name, schema["items"], inner.item_type, role, path, named)
        return Field(name, kind, nullable, items=items)
    if kind == "record" and isinstance(inner, inspect.StructType):
        return Field(name, kind, nullable, shape=_record(schema, inner.cls, named))
    raise Mismatch(f"{path}: {kind} in the schema, {inner} in the struct.")


def _optional(ours: inspect.Type) -> tuple[inspect.Type, bool]:
    if not isinstance(ours, inspect.UnionType):
        return ours, False
    rest = [one for one in ours.types if not isinstance(one, inspect.NoneType)]
    return (rest[0] if len(rest) == 1 else ours), len(rest) < len(ours.types)

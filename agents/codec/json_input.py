"""Transactions as JSON, for publishers without Avro: the same field names, the same defaults, nothing else.

A field that no transaction has is refused and not passed over: a misspelt optional field would change what the
transaction asks, and nobody would hear of it.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec
import orjson

from agents.codec.malformed import Malformed
from agents.codec.shapes import Field, Shape

_LOWEST, _HIGHEST = -(1 << 63), (1 << 63) - 1
_AT = re.compile(r" - at `\$\.?(?P<path>[^`]*)`$")
_LONGEST_REASON = 300


def object_of(value: bytes) -> dict[str, Any]:
    """The JSON object in `value`. Raises Malformed."""
    try:
        said = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        raise Malformed(f"The value is not JSON: {error}.") from None
    if not isinstance(said, dict):
        raise Malformed("The value is JSON, but not an object.")
    return said


def struct_of_json(shape: Shape, value: bytes) -> msgspec.Struct:
    """The struct that the JSON object in `value` says. Raises Malformed."""
    said = object_of(value)
    _check_fields(shape, said, "")
    try:
        return msgspec.convert(said, shape.struct)
    except msgspec.ValidationError as error:
        raise Malformed(_sentence(str(error))) from None


def _check_fields(shape: Shape, said: dict[str, Any], path: str) -> None:
    """Names and number sizes, which msgspec does not judge; types it does."""
    fields = {field.name: field for field in shape.fields}
    for name, content in said.items():
        field = fields.get(name)
        if field is None:
            raise Malformed(f"There is no field `{path}{name[:100]}` in a {shape.name}.")
        if content.__class__ is not str:
            _check_content(field, content, path + name)


def _check_content(field: Field, content: Any, path: str) -> None:
    if isinstance(content, int):
        if not _LOWEST <= content <= _HIGHEST:
            raise Malformed(f"Field `{path}` does not fit in 64 bits.")
    elif isinstance(content, dict) and field.shape is not None:
        _check_fields(field.shape, content, f"{path}.")
    elif isinstance(content, list) and field.items is not None:
        for item in content:
            _check_content(field.items, item, path)


def _sentence(message: str) -> str:
    """Msgspec's message, with the field first."""
    found = _AT.search(message)
    what = message[: found.start()] if found else message
    what = what[:_LONGEST_REASON]
    if what.startswith("Object missing required field"):
        return f"The required field {what.rpartition(' ')[2]} is missing."
    path = found["path"] if found else ""
    if what.startswith("Invalid enum value"):
        return f"Field `{path}` has an unknown {path.rpartition('.')[2]}: {what.removeprefix('Invalid enum value ')}."
    return f"Field `{path}` is wrong: {what[0].lower()}{what[1:]}." if path else f"{what}."

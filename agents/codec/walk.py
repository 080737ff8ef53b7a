"""The careful way through the bytes of one record: says where and why they are wrong, and never trusts a length.

It runs only where the generated decoder gave up, before a generic library may read the same bytes: a hostile length or
count must neither cost memory nor time. So it comes back within a bounded number of steps, whatever the bytes.
"""

from __future__ import annotations

from typing import Any

from agents.codec.malformed import Malformed
from agents.codec.varints import Odd, long_at

MAXIMUM_ITEMS = 100_000
"""Items of all arrays and maps of a record together."""

MAXIMUM_DEPTH = 32
"""Records within records, for schemas that contain themselves."""

_NAMED = frozenset({"record", "error", "enum", "fixed"})
_FIXED_SIZES = {"null": 0, "float": 4, "double": 8}


def check_record(schema: Any, data: bytes, at: int) -> None:
    """Raises Malformed unless `data` from `at` on is exactly one value of the writer's `schema` (JSON)."""
    walk = _Walk(data)
    walk.name_types(schema, "")
    end = walk.value(schema, at, "", "", 0)
    if end < len(data):
        raise Malformed(f"{len(data) - end} bytes follow the end of the record.")


class _Walk:
    """One walk: the data, the types that the schema names, and how many items may still come."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._named: dict[str, Any] = {}
        self._items_left = MAXIMUM_ITEMS

    def name_types(self, schema: Any, namespace: str) -> None:
        """Learn every named type, also those inside of a list or union branch that this record leaves empty."""
        if isinstance(schema, list):
            for branch in schema:
                self.name_types(branch, namespace)
        elif isinstance(schema, dict):
            kind, inner = schema["type"], namespace
            if kind in _NAMED:
                name = schema["name"]
                full = name if "." in name else f"{schema.get('namespace', namespace)}.{name}"
                inner = full.rpartition(".")[0]
                self._named[full] = self._named[full.removeprefix(".")] = (schema, inner)
                for one in schema.get("fields", ()):
                    self.name_types(one["type"], inner)
            else:
                self.name_types(schema.get("items", schema.get("values", kind)), inner)

    def value(self, schema: Any, at: int, path: str, namespace: str, depth: int) -> int:
        """Where the value of `schema` at `at` ends."""
        if depth > MAXIMUM_DEPTH:
            raise Malformed(f"{_field(path)} is nested more than {MAXIMUM_DEPTH} deep.")
        if isinstance(schema, list):
            index, at = self._long(at, path)
            if not 0 <= index < len(schema):
                raise Malformed(f"{_field(path)} takes branch {index} of a union of {len(schema)}.")
            return self.value(schema[index], at, path, namespace, depth + 1)
        if isinstance(schema, str):
            return self._simple(schema, at, path, namespace, depth)
        return self._complex(schema, at, path, namespace, depth)

    def _simple(self, name: str, at: int, path: str, namespace: str, depth: int) -> int:
        if name in {"int", "long"}:
            return self._long(at, path)[1]
        if name in {"string", "bytes"}:
            size, begin = self._long(at, path)
            end = self._ends(begin, size, path)
            if name == "string":
                self._check_utf8(begin, end, path)
            return end
        if name == "boolean":
            end = self._ends(at, 1, path)
            if self._data[at] > 1:
                raise Malformed(f"{_field(path)} is {self._data[at]}, which is no boolean.")
            return end
        if name in _FIXED_SIZES:
            return self._ends(at, _FIXED_SIZES[name], path)
        known = self._named.get(name) or self._named.get(f"{namespace}.{name}")
        if known is None:
            raise Malformed(f"The writer's schema names the type {name[:100]!r} and does not define it.")
        schema, inner = known
        return self._body(schema, at, path, inner, depth)

    def _complex(self, schema: dict[str, Any], at: int, path: str, namespace: str, depth: int) -> int:
        kind = schema["type"]
        if kind in _NAMED:
            full = schema["name"] if "." in schema["name"] else f"{schema.get('namespace', namespace)}.{schema['name']}"
            return self._body(schema, at, path, full.rpartition(".")[0], depth)
        if kind in {"array", "map"}:
            return self._blocks(schema, at, path, namespace, depth)
        return self.value(kind, at, path, namespace, depth + 1)

    def _body(self, schema: dict[str, Any], at: int, path: str, namespace: str, depth: int) -> int:
        kind = schema["type"]
        if kind == "fixed":
            return self._ends(at, schema["size"], path)
        if kind == "enum":
            index, at = self._long(at, path)
            if not 0 <= index < len(schema["symbols"]):
                raise Malformed(f"{_field(path)} has symbol {index} of {len(schema['symbols'])}: an unknown {path}.")
            return at
        for one in schema["fields"]:
            at = self.value(one["type"], at, f"{path}.{one['name']}" if path else one["name"], namespace, depth + 1)
        return at

    def _blocks(self, schema: dict[str, Any], at: int, path: str, namespace: str, depth: int) -> int:
        while True:
            count, at = self._long(at, path)
            if count == 0:
                return at
            if count < 0:
                count = -count
                at = self._long(at, path)[1]
            self._items_left -= count
            if self._items_left < 0:
                raise Malformed(f"{_field(path)} claims more than {MAXIMUM_ITEMS} items.")
            for _ in range(count):
                if schema["type"] == "map":
                    at = self.value("string", at, path, namespace, depth + 1)
                at = self.value(
                    schema["items" if schema["type"] == "array" else "values"], at, path, namespace, depth + 1
                )

    def _long(self, at: int, path: str) -> tuple[int, int]:
        try:
            return long_at(self._data, at)
        except IndexError:
            raise Malformed(f"The record ends within field `{path}`.") from None
        except Odd:
            raise Malformed(f"{_field(path)} has a number of more than 64 bits.") from None

    def _ends(self, at: int, size: int, path: str) -> int:
        if size < 0:
            raise Malformed(f"{_field(path)} has the length {size}.")
        if at + size > len(self._data):
            raise Malformed(f"The record ends within field `{path}`.")
        return at + size

    def _check_utf8(self, begin: int, end: int, path: str) -> None:
        try:
            self._data[begin:end].decode()
        except UnicodeDecodeError:
            raise Malformed(f"{_field(path)} is not UTF-8.") from None


def _field(path: str) -> str:
    return f"Field `{path}`" if path else "The record"

"""The schemas of this program: the current version of each, and every version ever published."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

CURRENT = 0
"""Stands for the version of a schema in `schemas/<name>.avsc`; those in `history/<name>/<n>.avsc` have theirs."""


@dataclass(frozen=True)
class Schema:
    """One version of one schema."""

    name: str
    """Of the file: `transaction`. Empty for a stranger's schema."""
    version: int
    text: str
    """The whole JSON with its doc strings, as it is registered."""

    @cached_property
    def json(self) -> Any:
        """The JSON as Python values."""
        return json.loads(self.text)

    @cached_property
    def parsed(self) -> Any:
        """As fastavro wants it. Raises ValueError or LookupError if it is no Avro schema."""
        return fastavro.parse_schema(self.json, named_schemas={})

    @cached_property
    def canonical(self) -> str:
        """Parsing Canonical Form: what decides how bytes are read."""
        return str(to_parsing_canonical_form(self.json))

    @cached_property
    def fingerprint(self) -> bytes:
        """CRC-64-AVRO of the canonical form, 8 bytes little-endian, as the single-object encoding wants it."""
        # fastavro gives the little-endian bytes as hexadecimal, see tests/codec/test_framing.py.
        return bytes.fromhex(fingerprint(self.canonical, "CRC-64-AVRO"))


class SchemaSet:
    """All versions of all schemas. Read-only once made."""

    def __init__(self, schemas: Iterable[Schema]) -> None:
        self._current: dict[str, Schema] = {}
        self._history: dict[str, list[Schema]] = {}
        self._by_fingerprint: dict[bytes, Schema] = {}
        for schema in sorted(schemas, key=lambda one: (one.name, one.version)):
            if schema.version == CURRENT:
                self._current[schema.name] = schema
            else:
                self._history.setdefault(schema.name, []).append(schema)
            self._by_fingerprint.setdefault(schema.fingerprint, schema)

    @classmethod
    def load(cls, folder: Traversable | None = None) -> SchemaSet:
        """The schemas shipped with this program, or those of another folder of the same layout."""
        folder = folder or resources.files("schemas")
        return cls([*_current(folder), *_history(folder.joinpath("history"))])

    def __getitem__(self, name: str) -> Schema:
        """The current version. Raises KeyError for a name that has none."""
        return self._current[name]

    @property
    def names(self) -> tuple[str, ...]:
        """All schema names, sorted."""
        return tuple(sorted(self._current))

    def history(self, name: str) -> tuple[Schema, ...]:
        """Every version ever published, the oldest first; the last has the content of the current one."""
        return tuple(self._history.get(name, ()))

    def by_fingerprint(self, fingerprint: bytes) -> Schema | None:
        """The schema, of any name and version, that has this fingerprint (8 bytes, little-endian)."""
        return self._by_fingerprint.get(fingerprint)


def _current(folder: Traversable) -> Iterable[Schema]:
    for file in folder.iterdir():
        if file.name.endswith(".avsc"):
            yield Schema(file.name.removesuffix(".avsc"), CURRENT, _text(file))


def _history(folder: Traversable) -> Iterable[Schema]:
    if not folder.is_dir():
        return
    for one in folder.iterdir():
        if one.is_dir():
            for file in one.iterdir():
                if file.name.endswith(".avsc"):
                    yield Schema(one.name, int(file.name.removesuffix(".avsc")), _text(file))


def _text(file: Traversable) -> str:
    """Without the white space of people, so that a registry does not see a new schema in a new layout."""
    value: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

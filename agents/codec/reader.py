"""Reading Avro records of every writer: the usual way by generated code, the careful way by walking and fastavro."""

from __future__ import annotations

import io
from typing import Any, Protocol
from uuid import UUID

import fastavro
import msgspec
from fastavro.read import SchemaResolutionError
from fastavro.schema import SchemaParseException

from agents.codec.framing import (
    MAXIMUM_BYTES,
    Frame,
    Headers,
    check_size,
    confluent_prefix,
    frame_of,
    single_object_prefix,
)
from agents.codec.generate import UNUSUAL, Generated
from agents.codec.malformed import Malformed
from agents.codec.registry import Registry
from agents.codec.schema_set import CURRENT, Schema, SchemaSet
from agents.codec.shapes import Shape
from agents.codec.walk import check_record

KEPT = 1_000
"""Schemas of strangers that are remembered."""

_LONGEST_REASON = 300

_NOT_READABLE = (ValueError, LookupError, TypeError, EOFError, RecursionError, SchemaResolutionError)
"""What fastavro raises where the writer's schema does not lead to the reader's."""

_NO_SCHEMA = (SchemaParseException, ValueError, LookupError, TypeError, AttributeError, RecursionError)
"""What fastavro raises for a text that is no Avro schema."""


class Decoder(Protocol):
    """Bytes of a record's value, and its headers, to the struct."""

    def __call__(self, value: bytes | None, headers: Headers | None = None) -> Any:
        """The struct. Raises Malformed, and RegistryUnreachable where the writer's schema must be fetched."""


class Writers:
    """The schemas that records were written with: our own of all versions, and those of the registry."""

    def __init__(self, schemas: SchemaSet, registry: Registry | None) -> None:
        self._schemas = schemas
        self._registry = registry
        self._fetched: dict[int | UUID, Schema] = {}

    def schema(self, writer: int | UUID | bytes) -> Schema:
        """The schema a frame names. Raises Malformed if nobody knows it, RegistryUnreachable if it cannot be asked."""
        if isinstance(writer, bytes):
            known = self._schemas.by_fingerprint(writer)
            if known is None:
                raise Malformed(f"No schema of this program has the fingerprint {writer[::-1].hex()}.")
            return known
        found = self._fetched.get(writer)
        if found is None:
            found = self._fetch(writer, f"{'GUID' if isinstance(writer, UUID) else 'id'} {writer}")
            if len(self._fetched) >= KEPT:
                self._fetched.clear()
            self._fetched[writer] = found
        return found

    def _fetch(self, writer: int | UUID, what: str) -> Schema:
        if self._registry is None:
            raise Malformed(f"The record was written with schema {what}, and no schema registry is configured.")
        fetched = self._registry.fetch(writer)
        if fetched is None:
            raise Malformed(f"The schema registry has no Avro schema with the {what}.")
        try:
            return _checked(fetched)
        except _NO_SCHEMA as error:
            raise Malformed(f"The schema with the {what} is not valid: {str(error)[:_LONGEST_REASON]}") from None


def read_values(writer: Schema, reader: Schema | None, value: bytes, at: int) -> Any:
    """The value from `at` on as Python values, by the schema of the reader, or the writer's own. Raises Malformed."""
    check_record(writer.json, value, at)
    resolved = None if reader is None or reader.canonical == writer.canonical else reader.parsed
    try:
        return fastavro.schemaless_reader(io.BytesIO(value[at:]), writer.parsed, resolved)
    except _NOT_READABLE as error:
        reason = str(error)[:_LONGEST_REASON]
        raise Malformed(f"The writer's schema cannot be read as {reader.name if reader else '?'}: {reason}") from None


def avro_decoder(own: Schema, shape: Shape, generated: Generated, writers: Writers) -> Decoder:
    """Framed bytes -> struct of `shape`, whatever the version they were written with."""
    usual = generated.decode
    single_object = single_object_prefix(own.fingerprint)
    same: set[bytes] = set()  # Confluent frames known to name a schema that reads like our own

    def decode(value: bytes | None, headers: Headers | None = None) -> Any:
        if value is None or len(value) > MAXIMUM_BYTES:
            value = check_size(value)
        # A frame in the value goes before one in the headers: no bare record of ours can begin like our own frames.
        if same and value[:5] in same:
            at = 5
        elif value[:10] == single_object:
            at = 10
        else:
            frame = frame_of(check_size(value), headers)
            writer = writers.schema(frame.writer)
            if writer.canonical != own.canonical:
                return careful(writer, value, frame.begins_at)
            remember(frame)
            at = frame.begins_at
        try:
            return usual(value, at)
        except UNUSUAL:
            return careful(own, value, at)

    def careful(writer: Schema, value: bytes, at: int) -> msgspec.Struct:
        record = shape.build(read_values(writer, own, value, at))
        problem = shape.problem_of_names(record)
        if problem is not None:
            raise Malformed(problem)
        return record

    def remember(frame: Frame) -> None:
        if isinstance(frame.writer, int) and frame.begins_at and len(same) < KEPT:
            same.add(confluent_prefix(frame.writer))

    return decode


def _checked(fetched: Schema) -> Schema:
    """The schema as we read with it: numbers stay numbers. Raises one of `_NO_SCHEMA` if it is not valid."""
    plain = Schema(fetched.name, CURRENT, msgspec.json.encode(_without_logical_types(fetched.json)).decode())
    assert plain.parsed
    assert plain.canonical
    return plain


def _without_logical_types(schema: Any) -> Any:
    """A logical type would make dates and decimals of the longs and bytes that our structs hold."""
    if isinstance(schema, dict):
        return {key: _without_logical_types(part) for key, part in schema.items() if key != "logicalType"}
    if isinstance(schema, list):
        return [_without_logical_types(part) for part in schema]
    return schema

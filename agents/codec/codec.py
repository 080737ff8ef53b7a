"""The codec: which function turns a struct into the bytes of a topic, and which the bytes back into the struct."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import msgspec

from agents.codec.framing import Headers, check_size, confluent_prefix, frame_of, single_object_prefix
from agents.codec.generate import Generated, generate
from agents.codec.json_input import object_of, struct_of_json
from agents.codec.malformed import Malformed
from agents.codec.reader import Decoder, Writers, avro_decoder, read_values
from agents.codec.registry import Registry
from agents.codec.schema_set import SchemaSet
from agents.codec.shapes import Shape, shape_of
from agents.codec.varints import Tables
from agents.codec.words import STRUCTS
from agents.inventory.transactions import Transaction
from agents.inventory.validation import problem_of


class Codec:
    """All encoders and decoders of one process.

    Without a registry everything is framed as Avro single objects. Dead letters are so always: they travel in a header
    of a topic whose values are of another schema, and must be written even while the registry is away.
    """

    def __init__(self, schemas: SchemaSet, registry: Registry | None = None) -> None:
        """Raises Mismatch where a schema and its struct differ."""
        self.schemas = schemas
        self.registry = registry
        self._writers = Writers(schemas, registry)
        self._shapes = {name: shape_of(schemas[name].json, STRUCTS[name]) for name in schemas.names}
        self._tables = Tables()
        self._generated: dict[str, Generated] = {}

    def encoder(
        self,
        topic: str,
        name: str,
        format: Literal["avro", "json"] = "avro",  # noqa: A002
    ) -> Callable[[Any], bytes]:
        """Struct -> bytes for `topic`, framed Avro or JSON. With a registry it registers or looks up the schema now.

        Raises RegistryUnreachable here, never later; the encoder raises OverflowError for a number beyond 64 bits.
        """
        if format == "json":
            return msgspec.json.encode
        return self._functions(name).encoder(self._prefix(topic, name))

    def decoder(self, topic: str, name: str, format: Literal["avro", "json"] = "avro") -> Decoder:  # noqa: A002, ARG002
        """Bytes (and headers) -> struct, written with any version that can be read as schema `name`.

        A transaction also has all that its kind needs. Raises Malformed, and RegistryUnreachable.
        """
        shape = self._shapes[name]
        if format == "json":
            decode = _json_decoder(shape)
        else:
            decode = avro_decoder(self.schemas[name], shape, self._functions(name), self._writers)
        return _complete(decode) if shape.struct is Transaction else decode

    def decode_any(
        self,
        topic: str,  # noqa: ARG002 - as the other two
        name: str | None,
        value: bytes | None,
        headers: Headers | None = None,
    ) -> dict[str, Any]:
        """What a value says, JSON or framed Avro, for people and tools; nothing is checked but that it can be read.

        By the current fields of schema `name`; for None by the writer's own. Raises Malformed, RegistryUnreachable.
        """
        value = check_size(value)
        if value.lstrip()[:1] == b"{":
            return object_of(value)
        frame = frame_of(value, headers)
        reader = self.schemas[name] if name is not None else None
        read = read_values(self._writers.schema(frame.writer), reader, value, frame.begins_at)
        if not isinstance(read, dict):
            raise Malformed("The value is Avro, but not a record.")
        plain: dict[str, Any] = msgspec.to_builtins(read)
        return plain

    def source(self, name: str) -> str:
        """The generated Python of encoder and decoder, for whoever wants to read it."""
        return self._functions(name).source

    def _functions(self, name: str) -> Generated:
        if name not in self._generated:
            self._generated[name] = generate(self._shapes[name], self._tables)
        return self._generated[name]

    def _prefix(self, topic: str, name: str) -> bytes:
        schema = self.schemas[name]
        if self.registry is None or name == "dead_letter":
            return single_object_prefix(schema.fingerprint)
        return confluent_prefix(self.registry.id_for(topic, schema))


def _complete(decode: Decoder) -> Decoder:
    def complete(value: bytes | None, headers: Headers | None = None) -> Transaction:
        transaction: Transaction = decode(value, headers)
        problem = problem_of(transaction)
        if problem is not None:
            raise Malformed(problem)
        return transaction

    return complete


def _json_decoder(shape: Shape) -> Decoder:
    def decode(value: bytes | None, headers: Headers | None = None) -> msgspec.Struct:  # noqa: ARG001 - as all decoders
        record = struct_of_json(shape, check_size(value))
        problem = shape.problem_of_names(record)
        if problem is not None:
            raise Malformed(problem)
        return record

    return decode

"""Bytes to words and back: Avro with and without a schema registry, JSON input, and the digest of a transaction.

    codec = Codec(SchemaSet.load(), Registry.of(topology.schema_registry))
    decode = codec.decoder("inventory.transactions.v1", "transaction")
    encode = codec.encoder("inventory.answers.v1", "answer")

Floor 1: knows the words of the core and no Kafka. It raises two things: `Malformed` for bytes that nobody can read,
and `RegistryUnreachable`, which is a fault of the world.
"""

from __future__ import annotations

from agents.codec.codec import Codec
from agents.codec.digest import canonical_form, digest
from agents.codec.malformed import Malformed, RegistryUnreachable
from agents.codec.reader import Decoder
from agents.codec.registry import Registry
from agents.codec.schema_set import Schema, SchemaSet
from agents.codec.words import DeadLetter, Heartbeat

__all__ = [
    "Codec",
    "DeadLetter",
    "Decoder",
    "Heartbeat",
    "Malformed",
    "Registry",
    "RegistryUnreachable",
    "Schema",
    "SchemaSet",
    "canonical_form",
    "digest",
]

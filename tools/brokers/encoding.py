"""The codec of a topology: with its schema registry where it names one."""

from __future__ import annotations

from collections.abc import Callable

from agents.codec.codec import Codec
from agents.codec.registry import Registry
from agents.codec.schema_set import SchemaSet
from agents.inventory.transactions import Transaction
from agents.runtime.topology import Topology


def codec_of(topology: Topology) -> Codec:
    """Every encoder and decoder, as the workers of this topology have them. Asks no registry yet."""
    return Codec(SchemaSet.load(), Registry.of(topology.schema_registry))


def transaction_encoder(topology: Topology, topic: str) -> Callable[[Transaction], bytes]:
    """Transaction -> value for `topic`, in the format that the topic has. Raises RegistryUnreachable."""
    return codec_of(topology).encoder(topic, "transaction", topology.topics[topic].format)

"""Keys and values of one agent's input topic, as its fold would read them: decoded, corrected, checked."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson

from agents.codec import Codec, Malformed
from agents.codec.framing import VALUE_SCHEMA_HEADER
from agents.inventory.transactions import BROADCAST_KINDS, Transaction
from agents.runtime.fold import Headers
from agents.runtime.topology import Topology
from agents.stock_keeper import LARGEST_TRANSACTION_BYTES, check_key

NOW = "now"
OLD = "{}"
"""In a corrected field: what it was."""


class Words:
    """The codec of one input topic. Topics without a schema are not looked into."""

    def __init__(self, topology: Topology, codec: Codec, topic: str) -> None:
        declared = topology.all_topics[topic]
        self.topic = topic
        self.schema = declared.schema
        self.answers_keep_ms = topology.answers_keep_ms
        self.backfill_sources = topology.backfill_sources
        self._codec = codec
        self._format = declared.format

    def plain(self, value: bytes | None, headers: Headers) -> Mapping[str, Any]:
        """What the value says, as far as it can be read at all. Raises Malformed: where it stops being readable."""
        return self._codec.decode_any(self.topic, self.schema, value, headers)

    def told(self, value: bytes | None, headers: Headers) -> tuple[Mapping[str, Any] | None, str | None]:
        """What the value says, and where it stops being a record of its topic."""
        try:
            said = self.plain(value, headers)
        except Malformed as malformed:
            return None, str(malformed)
        try:
            self.transaction(value, headers)
        except Malformed as malformed:
            return said, str(malformed)
        return said, None

    def transaction(self, value: bytes | None, headers: Headers) -> Transaction | None:
        """The value as the fold reads it; None where this topic has other records. Raises Malformed."""
        if self.schema != "transaction":
            return None
        decoded = self._decoder()(value, headers)
        assert isinstance(decoded, Transaction)
        return decoded

    def problem(self, key: bytes, value: bytes | None, headers: Headers) -> str | None:
        """Why it would be buried again at once; None where nothing is known against it."""
        try:
            transaction = self.transaction(value, headers)
            if transaction is not None:
                check_key(key, transaction)
        except Malformed as malformed:
            return str(malformed)
        if value is not None and len(value) > LARGEST_TRANSACTION_BYTES:
            return f"it has {len(value):,} bytes, a transaction has at most {LARGEST_TRANSACTION_BYTES:,}"
        return None

    def from_file(self, content: bytes) -> bytes:
        """The value in a file: as the topic has it, or a transaction as JSON. Raises Malformed."""
        if self.schema == "transaction" and self._format == "avro" and content.lstrip()[:1] == b"{":
            return self._encoder()(self._codec.decoder(self.topic, "transaction", "json")(content))
        return content

    def with_fields(self, value: bytes | None, headers: Headers, fields: Sequence[tuple[str, str]]) -> bytes:
        """The value with corrected fields. Raises Malformed where it cannot be read, or not with these."""
        if self.schema is None:
            raise Malformed(f"The records of {self.topic} have no schema, so no field can be set.")
        said = dict(self.plain(value, headers))
        for name, text in fields:
            said[name] = _corrected(name, text, said.get(name))
        return self._encoder()(self._codec.decoder(self.topic, self.schema, "json")(orjson.dumps(said)))

    def _decoder(self) -> Callable[..., Any]:
        return self._codec.decoder(self.topic, "transaction", self._format)

    def _encoder(self) -> Callable[[Any], bytes]:
        return self._codec.encoder(self.topic, self.schema or "", self._format)


def _corrected(name: str, text: str, old: object) -> object:
    if text == NOW and name.endswith("_ms"):
        return time.time_ns() // 1_000_000
    if OLD in text:
        text = text.replace(OLD, "" if old is None else str(old))
    if isinstance(old, str):
        return text
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return text


def without_frame(headers: Headers) -> Headers:
    """Headers for a value that was encoded anew: it carries its own frame."""
    return [(name, value) for name, value in headers if name != VALUE_SCHEMA_HEADER]


def broadcast_prefixes() -> tuple[bytes, ...]:
    """How the keys of records for every partition begin."""
    return tuple(f"{kind.lower()}:".encode() for kind in sorted(BROADCAST_KINDS))

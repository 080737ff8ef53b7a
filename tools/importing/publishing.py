"""Transactions and dead letters of an import to the broker: in order, each once, and never more in flight than fits."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from agents.codec.words import DeadLetter
from agents.inventory.transactions import Transaction
from agents.inventory.units import MILLISECONDS_PER_SECOND
from agents.runtime.dead_letters import STORY_HEADER
from agents.runtime.partitioner import PARTITIONER
from agents.runtime.topics import UNKNOWN_TOPIC_ID, Cluster
from agents.runtime.topology import Topology
from tools.brokers.encoding import codec_of
from tools.importing.declaration import ImportMapping
from tools.importing.files import Record
from tools.importing.problems import CannotImport, MappingInvalid

KEPT_BYTES = 64 * 1024
"""Of a bad row; beyond it only the head is kept, with the hash of the whole."""
METADATA_SECONDS = 10.0
POLL_EVERY = 512

SETTINGS: Mapping[str, str | int | bool] = {
    "enable.idempotence": True,
    "acks": "all",
    "partitioner": PARTITIONER,
    "compression.type": "lz4",
    "linger.ms": 20,
    "queue.buffering.max.messages": 50_000,
    "queue.buffering.max.kbytes": 65_536,
    # A broker that is away for a minute ends the import with the row to resume at, instead of hanging for five.
    "delivery.timeout.ms": 60_000,
}


def publisher_for(topology: Topology, mapping: ImportMapping) -> Publisher:
    """The publisher to the mapping's topic, by default the one whose records are transactions.

    Raises MappingInvalid if the topology has no such topic, RegistryUnreachable if the schema cannot be registered.
    """
    carriers = [topic for topic in topology.topics.values() if topic.schema == "transaction"]
    wanted = [topic for topic in carriers if mapping.topic in {None, topic.name}]
    if not wanted:
        known = ", ".join(topic.name for topic in carriers) or "none"
        raise MappingInvalid([f"mappings.{mapping.name}.topic: must be a topic of transactions; there is {known}"])
    topic = wanted[0]
    buried = {agent.folds: agent.dead_letters.name for agent in topology.agents.values()}
    dead_letter_topic = buried.get(topic.name, f"{topic.name}.dlq")
    codec = codec_of(topology)
    return Publisher(
        {**topology.kafka, **topology.producer},
        topic.name,
        dead_letter_topic,
        codec.encoder(topic.name, "transaction", topic.format),
        codec.encoder(dead_letter_topic, "dead_letter"),
    )


class Publisher:
    """Sends what an import yields. `resume_at` is the first row that is not known to be delivered."""

    def __init__(
        self,
        client_settings: Mapping[str, str],
        topic: str,
        dead_letter_topic: str,
        encode: Callable[[Transaction], bytes],
        encode_story: Callable[[DeadLetter], bytes],
    ) -> None:
        self.broker_is_for_small_loads = False
        """Whether it is the embedded one; known once the topics are checked."""
        self._topic = topic
        self._dead_letter_topic = dead_letter_topic
        self._client_settings = client_settings
        self._encode = encode
        self._encode_story = encode_story
        self._pending: dict[int, int] = {}
        """Records in flight by row, in the order of the file: the first row is where to resume."""
        self._next_row = 1
        self._failed: tuple[int, KafkaError] | None = None
        self._calls = 0
        self._producer = Producer({**SETTINGS, **client_settings, "error_cb": self._remember, "log_level": 2})
        self._last_error: KafkaError | None = None

    @property
    def resume_at(self) -> int:
        """The first row that is not known to be delivered."""
        return next(iter(self._pending), self._next_row)

    def check_topics(self) -> None:
        """Before anything is sent: look at topics and broker.

        Raises KafkaException or BrokerUnusable if the broker does not answer, CannotImport without a topic.
        """
        try:
            known = self._producer.list_topics(timeout=METADATA_SECONDS).topics
        except KafkaException:
            # The last error of the connection says more than "timed out": wrong credentials, for one.
            if self._last_error is not None:
                raise KafkaException(self._last_error) from None
            raise
        for topic in (self._topic, self._dead_letter_topic):
            if topic not in known:
                raise CannotImport(f"The topic {topic} is not there.", "Create it with `onhand topics create`.")
        # The embedded broker is known by its topics, which have no ids.
        ids = Cluster(self._client_settings).topic_ids([self._topic])
        self.broker_is_for_small_loads = ids.get(self._topic) == UNKNOWN_TOPIC_ID

    def send(self, row: int, transaction: Transaction) -> None:
        """Send one transaction; `row` 0 is an opening receipt. Raises CannotImport once a delivery has failed."""
        value = self._encode(transaction)
        self._produce(row, self._topic, value, transaction.sku.encode(), None)

    def bury(self, record: Record, file_name: str, mapping_name: str, reason: str) -> None:
        """Send the exact bytes of a bad row to the dead letters, with the reason and where it stood."""
        kept = record.raw[:KEPT_BYTES]
        stage = "read" if record.problem is not None else "map"
        sentence = f"Row {record.number} of {file_name}: {reason.rstrip('.')}."
        story = DeadLetter(
            topic=self._topic,
            partition=-1,
            offset=record.number,
            record_time_ms=-1,
            reason=sentence,
            stage=stage,
            error_class="BadRow",
            at_ms=int(time.time() * MILLISECONDS_PER_SECOND),
            value_sha256=hashlib.sha256(record.raw).hexdigest(),
            value_bytes=len(record.raw),
            truncated=len(kept) < len(record.raw),
        )
        headers: list[tuple[str, str | bytes | None]] = [
            ("__connect.errors.topic", self._topic),
            ("__connect.errors.partition", "-1"),
            ("__connect.errors.offset", str(record.number)),
            ("__connect.errors.stage", stage.upper()),
            ("__connect.errors.class.name", "onhand.import"),
            ("__connect.errors.exception.class.name", "BadRow"),
            ("__connect.errors.exception.message", sentence),
            ("onhand.import.file", file_name),
            ("onhand.import.row", str(record.number)),
            ("onhand.import.map", mapping_name),
            (STORY_HEADER, self._encode_story(story)),
        ]
        self._produce(record.number, self._dead_letter_topic, kept, None, headers)

    def finish(self) -> None:
        """Wait until everything is delivered. Raises CannotImport if something was not."""
        while self._producer.flush(1.0):
            self._stop_if_failed()
        self._stop_if_failed()

    def _produce(
        self,
        row: int,
        topic: str,
        value: bytes,
        key: bytes | None,
        headers: list[tuple[str, str | bytes | None]] | None,
    ) -> None:
        if row:
            self._pending[row] = self._pending.get(row, 0) + 1
            self._next_row = row + 1

        def delivered(error: KafkaError | None, _: Message) -> None:
            if error is None:
                left = self._pending.get(row, 1) - 1  # A row about a kit is several records.
                if left:
                    self._pending[row] = left
                else:
                    self._pending.pop(row, None)
            elif self._failed is None:
                self._failed = (row, error)

        while True:
            try:
                if headers is None:
                    self._producer.produce(topic, value, key, on_delivery=delivered)
                else:
                    self._producer.produce(topic, value, key, headers=headers, on_delivery=delivered)
                break
            except BufferError:
                # The queue is full: the broker sets the pace. Every delivery report makes room.
                self._producer.poll(0.1)
                self._stop_if_failed()
        self._calls += 1
        if self._calls % POLL_EVERY == 0:
            self._producer.poll(0)
            self._stop_if_failed()

    def _remember(self, error: KafkaError) -> None:
        if error.code() != KafkaError._ALL_BROKERS_DOWN:  # noqa: SLF001 - the library's own name for it
            self._last_error = error

    def _stop_if_failed(self) -> None:
        if self._failed is None:
            return
        row, error = self._failed
        what = f"row {row}" if row else "an opening receipt"
        raise CannotImport(
            f"The broker did not take {what}: {error.str()}.", f"Run it again with --from-row {self.resume_at}."
        )

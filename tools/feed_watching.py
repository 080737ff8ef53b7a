"""The watcher of feeds: reads the log of transactions, and writes a FEED record when a feed falls silent or speaks again.

One runs beside the workers (`onhand worker` starts it where the topology has feeds). Several do no harm: each writes what
it finds, and the ledger says it to people once. After a restart it reads as far back as the longest silence that is
allowed, so nothing is forgotten but how long a feed was silent before that.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from agents.codec import Malformed
from agents.inventory.transactions import FeedReference, Transaction
from agents.runtime.feed_watch import FeedWatch
from agents.runtime.reference import Broadcast, reference_key, reference_transaction, write_broadcasts
from agents.runtime.topics import Cluster
from agents.runtime.topology import Topology
from tools.brokers.encoding import codec_of, transaction_encoder
from tools.brokers.keyed_reading import TopicMissing
from tools.ledger_view import LEDGER

log = logging.getLogger("onhand.feeds")

SOURCE = "onhand-feeds"
POLL_SECONDS = 0.5
MOST_RECORDS = 2_000
"""At a time."""
REQUEST_SECONDS = 20.0

_quiet = logging.getLogger("onhand.broker.feeds")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


class FeedReader:
    """Reads what is new in the log of transactions, and knows up to which time it has read everything."""

    def __init__(self, topology: Topology, watch: FeedWatch, from_ms: int) -> None:
        """Raises KafkaException, TopicMissing."""
        self._watch = watch
        self._topic = topology.agents[LEDGER].folds
        self._decode = codec_of(topology).decoder(self._topic, "transaction", topology.all_topics[self._topic].format)
        cluster = Cluster(topology.kafka)
        found = cluster.topics([self._topic])
        if self._topic not in found:
            raise TopicMissing(self._topic)
        self._consumer = Consumer(_configuration(topology.kafka), logger=_quiet)
        spans = cluster.offsets(found.values())[self._topic]
        asked = [TopicPartition(self._topic, span.partition, from_ms) for span in spans]
        first = {at.partition: at.offset for at in self._consumer.offsets_for_times(asked, timeout=REQUEST_SECONDS)}
        starts = [(s.partition, first[s.partition] if first[s.partition] >= 0 else s.next) for s in spans]
        self._consumer.assign([TopicPartition(self._topic, partition, offset) for partition, offset in starts])
        self._at_end: dict[int, bool] = {span.partition: False for span in spans}
        self._end_seen_ms: dict[int, int] = {span.partition: from_ms for span in spans}

    def read(self, now_ms: Callable[[], int]) -> int:
        """Hear what is new; up to which time everything was heard. Waits for half a second at most."""
        for message in self._consumer.consume(MOST_RECORDS, POLL_SECONDS):
            self._hear(message, now_ms)
        at_ms = now_ms()
        for partition, at_end in self._at_end.items():
            if at_end:
                self._end_seen_ms[partition] = at_ms
        return min(self._end_seen_ms.values())

    def close(self) -> None:
        """Leave the broker."""
        self._consumer.close()

    def _hear(self, message: Message, now_ms: Callable[[], int]) -> None:
        partition, error = message.partition(), message.error()
        assert partition is not None
        if error is not None:
            if error.code() != KafkaError._PARTITION_EOF:  # noqa: SLF001 - its public name
                raise KafkaException(error)
            self._at_end[partition] = True
            self._end_seen_ms[partition] = now_ms()
            return
        self._at_end[partition] = False
        at_ms = message.timestamp()[1]
        if self._watch.is_listening(at_ms):
            try:
                word: Any = self._decode(message.value(), message.headers())
            except Malformed:
                return
            assert isinstance(word, Transaction)
            self._watch.hear(word.source, at_ms)


def _configuration(settings: Mapping[str, str]) -> dict[str, Any]:
    return {
        **settings,
        # Never joined nor committed to: only librdkafka wants one.
        "group.id": "onhand.feeds",
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,
        "isolation.level": "read_committed",
        "auto.offset.reset": "earliest",
    }


def write_feeds(topology: Topology, references: Sequence[FeedReference]) -> None:
    """Write FEED records to every partition. Raises BrokerUnusable."""
    topic = topology.all_topics[topology.agents[LEDGER].folds]
    encode = transaction_encoder(topology, topic.name)
    broadcasts = [
        Broadcast(reference_key(each).encode(), encode(reference_transaction(each, str(uuid.uuid4()), SOURCE)))
        for each in references
    ]
    settings = {**topology.kafka, **topology.producer}
    write_broadcasts(settings, topology.app, topic.name, topic.partitions, broadcasts)


def watch_feeds(
    topology: Topology,
    said: Mapping[str, FeedReference],
    *,
    told: Callable[[FeedReference], None],
    is_over: Callable[[], bool],
) -> None:
    """Watch until `is_over`. `said`: how the log has the feeds; `told` hears what was written.

    Raises KafkaException, BrokerUnusable, TopicMissing.
    """
    began_ms = _now_ms()
    watch = FeedWatch(topology.feeds, said, began_ms)
    reader = FeedReader(topology, watch, began_ms - watch.longest_ms)
    try:
        while not is_over():
            changes = watch.changes(reader.read(_now_ms))
            if changes:
                write_feeds(topology, changes)
                watch.is_said(changes)
                for each in changes:
                    told(each)
    finally:
        reader.close()


def _now_ms() -> int:
    return int(time.time() * 1000)

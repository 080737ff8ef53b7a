"""What the levels topic says, kept current in memory: for advice, never for a decision.

A fold must not read it while it decides, or a replay would decide otherwise. The order router plans with it, and the plan
enters the log as a record.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, TopicPartition

from agents.codec import Malformed
from agents.inventory.positions import StockLevel

log = logging.getLogger("onhand.levels_view")

POLL_S = 0.2
RECORDS_PER_POLL = 5_000
AGAIN_AFTER_S = 2.0

Seen = tuple[int, int]
"""(revision, atp)."""


class LevelsView:
    """The last level of every SKU at every location: about 250 bytes of memory each. A thread of its own reads them.

    Until everything that was there at the start has been read, `is_current` is False, and nobody should plan with it.
    """

    def __init__(
        self, settings: Mapping[str, Any], topic: str, partitions: int, decode: Callable[..., StockLevel]
    ) -> None:
        """`settings` are librdkafka's for a consumer."""
        self._settings = dict(settings)
        self._topic = topic
        self._partitions = partitions
        self._decode = decode
        self._levels: dict[str, dict[str, Seen]] = {}
        self._behind: set[int] = set(range(partitions))
        self._ended = threading.Event()
        self._starting = threading.Lock()
        self._is_started = False
        self._thread = threading.Thread(target=self._run, name="levels-view", daemon=True)

    @property
    def is_current(self) -> bool:
        """Whether it has once caught up with every partition."""
        return not self._behind

    def start(self) -> None:
        """Begin to read, once; later calls do nothing. Partitions are opened by several threads at a time."""
        with self._starting:
            if not self._is_started and not self._ended.is_set():
                self._is_started = True
                self._thread.start()

    def stop(self) -> None:
        """Read no more."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def of(self, sku: str) -> Mapping[str, Seen]:
        """(revision, atp) by location, as far as it was read."""
        return self._levels.get(sku, {})

    def _run(self) -> None:
        """Read for ever; a broker that is away is waited for."""
        while not self._ended.is_set():
            consumer = Consumer(
                {
                    "fetch.wait.max.ms": 20,
                    **self._settings,
                    "group.id": "onhand.levels-view",  # never joined
                    "enable.auto.commit": False,
                    "enable.partition.eof": True,
                    "isolation.level": "read_committed",
                    "auto.offset.reset": "earliest",
                },
                logger=log,
            )
            try:
                consumer.assign([TopicPartition(self._topic, n, OFFSET_BEGINNING) for n in range(self._partitions)])
                while not self._ended.is_set():
                    self._take(consumer)
            except KafkaException as error:
                log.warning("levels cannot be read: %s; plans are left to the ledger meanwhile", error)
                self._ended.wait(AGAIN_AFTER_S)
            finally:
                consumer.close()

    def _take(self, consumer: Consumer) -> None:
        for message in consumer.consume(RECORDS_PER_POLL, POLL_S):
            error = message.error()
            if error is None:
                self._learn(message.value(), message.headers())
            elif error.code() == KafkaError._PARTITION_EOF:
                self._behind.discard(message.partition() or 0)
            elif not error.retriable() and error.code() != KafkaError._ALL_BROKERS_DOWN:
                raise KafkaException(error)

    def _learn(self, value: bytes | None, headers: Any) -> None:
        if value is None:
            return
        try:
            level = self._decode(value, headers)
        except Malformed as malformed:
            log.warning("a level is left out: %s", malformed)
            return
        # A new inner mapping for a new place: whoever reads it at this moment keeps the one it has.
        known = self._levels.get(level.sku)
        if known is None or level.location not in known:
            self._levels[level.sku] = {**(known or {}), level.location: (level.revision, level.atp)}
        elif known[level.location][0] <= level.revision:
            known[level.location] = (level.revision, level.atp)

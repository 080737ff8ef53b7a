"""The ad platform of the demo: reads commands as a real one's adapter would, does them once each, and answers."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from agents.codec import Codec
from agents.inventory.campaigns.words import (
    CAMPAIGN_GUARD,
    Acknowledgement,
    CampaignKind,
    CampaignRecord,
    Command,
    CommandKind,
    Result,
    Status,
)
from agents.runtime.partitioner import PARTITIONER
from agents.runtime.plan import said_topics
from agents.runtime.topology import Topology

STEP_S = 0.01
FLUSH_S = 30.0
SOURCE = "ad-platform"

Hears = Callable[[Command, float], bool]
"""(command, when it was read, as time.monotonic()) -> whether it came for the first time."""


class CampaignWriter:
    """Publishes records about campaigns."""

    def __init__(self, topology: Topology, codec: Codec) -> None:
        self._topic = topology.agents[CAMPAIGN_GUARD].folds
        self._encode = codec.encoder(self._topic, "campaign", topology.all_topics[self._topic].format)
        self._refused: KafkaError | None = None
        self._told = 0
        self._lock = threading.Lock()
        self._producer = Producer(
            {
                "linger.ms": 1,
                **topology.kafka,
                **topology.producer,
                "enable.idempotence": True,
                "partitioner": PARTITIONER,
            }
        )

    def tell(self, kind: CampaignKind, campaign_id: str, source: str = SOURCE, **fields: Any) -> None:
        """Publish a record; wait for nothing."""

        def delivered(error: KafkaError | None, message: Message) -> None:
            del message
            self._refused = error or self._refused

        with self._lock:
            self._told += 1
            number = self._told
        record = CampaignRecord(
            record_id=f"{kind.value.lower()}-{number}", source=source, kind=kind, campaign_id=campaign_id, **fields
        )
        self._producer.produce(self._topic, self._encode(record), campaign_id.encode(), on_delivery=delivered)
        self._producer.poll(0)

    def flush(self) -> None:
        """Wait until all is in the log. Raises KafkaException."""
        left = self._producer.flush(FLUSH_S)
        if left or self._refused is not None:
            timed_out = KafkaError(KafkaError._MSG_TIMED_OUT, f"{left} were not delivered")  # noqa: SLF001 - its public name
            raise KafkaException(self._refused or timed_out)

    def close(self) -> None:
        """Let go of the broker before it ends."""
        self.flush()
        del self._producer


class AdPlatform:
    """Statuses and budgets of campaigns, changed by commands only; a thread of its own."""

    def __init__(self, topology: Topology, codec: Codec, writer: CampaignWriter, hears: Hears) -> None:
        self.statuses: dict[str, Status] = {}
        """By entity; what is not there runs."""
        self.extra_minor: dict[str, int] = {}
        """By entity: what it has beside its own budget."""
        commands = said_topics(topology, topology.agents[CAMPAIGN_GUARD])["campaign_command"]
        self._decode = codec.decoder(commands, "campaign_command")
        self._writer = writer
        self._hears = hears
        self._done: dict[str, Result] = {}
        self._stop = threading.Event()
        self._consumer = Consumer(
            {
                "fetch.wait.max.ms": 10,
                **topology.kafka,
                "group.id": "onhand.ad-platform",
                "enable.auto.commit": False,
                "isolation.level": "read_committed",
            }
        )
        partitions = range(topology.all_topics[commands].partitions)
        self._consumer.assign([TopicPartition(commands, number, OFFSET_BEGINNING) for number in partitions])
        self._thread = threading.Thread(target=self._run, name="ad-platform", daemon=True)

    def start(self) -> None:
        """Do commands from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Do no more."""
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._stop.is_set():
            messages = self._consumer.consume(500, STEP_S)
            now_s = time.monotonic()
            for message in messages:
                if message.error() is None:
                    self._obey(cast("Command", self._decode(message.value(), None)), now_s)
        self._consumer.close()

    def _obey(self, command: Command, now_s: float) -> None:
        if not self._hears(command, now_s):
            return
        result = self._done.get(command.idempotency_key)
        if result is None:
            result = self._do(command)
            if result is not Result.FAILED:
                self._done[command.idempotency_key] = result
        said = Acknowledgement(command.idempotency_key, result, command.attempt)
        self._writer.tell(CampaignKind.ACKNOWLEDGED, command.campaign_id, acknowledgement=said)

    def _do(self, command: Command) -> Result:
        """As the core's README asks of an adapter."""
        if time.time_ns() // 1_000_000 >= command.expires_at_ms:
            return Result.FAILED
        if command.kind in {CommandKind.PAUSE, CommandKind.RESUME}:
            assert command.desired_status is not None
            is_so = self.statuses.get(command.entity, Status.ENABLED) is command.desired_status
            self.statuses[command.entity] = command.desired_status
            return Result.ALREADY if is_so else Result.DONE
        self.extra_minor[command.entity] = command.amount_minor or 0
        return Result.DONE

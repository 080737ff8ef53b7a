"""Records and their settlements, in one Kafka transaction: a letter is redriven and marked so, or neither.

One transactional id for all who handle dead letters of a topic: whoever begins fences off whoever else is at it, and then
reads what they have done. So two people who redrive the same letters at the same time send each of them once.
Broadcast records are written under the id of all broadcast records, so that every partition has them in one order.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from agents.runtime.figures import FigureSource
from agents.runtime.fold import Outgoing
from agents.runtime.incarnations import Incarnations
from agents.runtime.partitioner import PARTITIONER
from agents.runtime.topology import AgentSettings, Topology

PATIENCE_S = 30.0
SLICE_S = 10.0

_quiet = logging.getLogger("onhand.broker.dead-letters")
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


class Writer:
    """One producer. Its methods block, and raise KafkaException or BrokerUnusable."""

    def __init__(self, topology: Topology, agent: AgentSettings, *, broadcasts: bool) -> None:
        """`broadcasts`: for records that go to every partition."""
        self._settings = {**topology.kafka, **topology.producer}
        self._failures: list[KafkaError] = []
        self._agent = agent
        self._topology = topology
        self._name = "reference" if broadcasts else f"{agent.name}.dead-letters"
        self._producer = self._opened()

    def write(self, records: Iterable[Outgoing]) -> None:
        """All of them in one transaction, or none."""
        producer = self._producer
        self._failures.clear()
        producer.begin_transaction()
        try:
            for record in records:
                self._produce(record)
            self._deliver()
        except KafkaException as failed:
            # Fenced off, it cannot be aborted by us; the broker does it when the transaction times out.
            if not failed.args[0].fatal():
                producer.abort_transaction(PATIENCE_S)
            raise
        self._commit()

    def _opened(self) -> Producer:
        """A producer that has fenced off its predecessors, see incarnations.py for brokers without topic ids."""
        prefix = f"{self._topology.app}.{self._name}"
        figures = FigureSource(self._topology.kafka, self._agent.folds, self._agent.changelog.name)
        if not figures.hides_after_aborts:
            return self._initialised(prefix)
        incarnations = Incarnations(self._topology.kafka, prefix, self._agent.folds)
        last = incarnations.last(0)
        if last is not None:
            self._initialised(last)  # ends what it has left open
        return self._initialised(incarnations.next(0))

    def _initialised(self, transactional_id: str) -> Producer:
        configuration: dict[str, Any] = {
            **self._settings,
            "partitioner": PARTITIONER,
            "transactional.id": transactional_id,
            "acks": "all",
        }
        producer = Producer(configuration, logger=_quiet)
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                producer.init_transactions(SLICE_S)
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() > deadline:
                    raise
            else:
                return producer

    def _produce(self, record: Outgoing) -> None:
        while True:
            try:
                self._producer.produce(
                    record.topic,
                    record.value,
                    record.key,
                    record.partition,
                    headers=record.headers or [],
                    on_delivery=self._delivered,
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def _deliver(self) -> None:
        """Not left to the commit: one that runs into a record the broker refuses can neither end nor be aborted."""
        left = self._producer.flush(PATIENCE_S)
        if self._failures:
            raise KafkaException(self._failures[0])
        if left:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))  # noqa: SLF001 - its public name

    def _delivered(self, error: KafkaError | None, _: Message) -> None:
        if error is not None:
            self._failures.append(error)

    def _commit(self) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                self._producer.commit_transaction(SLICE_S)
            except KafkaException as failed:
                error = failed.args[0]
                if error.txn_requires_abort():
                    self._producer.abort_transaction(PATIENCE_S)
                    raise
                if not error.retriable() or time.monotonic() > deadline:
                    raise
            else:
                return

"""The virtual transactional producer: what `confluent_kafka.Producer` is to an owner, over the virtual broker.

Records wait in it until something sends them; a commit sends the rest, and the delivery reports come then. Every way in
which a commit can end is here: done; an error after which the transaction must be aborted; a time-out after which the
commit is asked for again, whether the broker has heard it, hears it late or never; an answer that says nothing; fenced.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from tests.simulation.broker import FencedOff, Headers, Outcome, PartitionLog, Transaction
from tests.simulation.process import Process

_Waiting = tuple[PartitionLog, bytes | None, bytes | None, Headers | None, Callable[[Any, Any], None] | None]
_QUEUE = 400


def fenced() -> KafkaException:
    return KafkaException(KafkaError(KafkaError._FENCED, "fenced off by a newer producer", fatal=True))


def timed_out() -> KafkaException:
    return KafkaException(KafkaError(KafkaError._TIMED_OUT, "timed out", retriable=True))


def must_abort() -> KafkaException:
    return KafkaException(KafkaError(KafkaError._MSG_TIMED_OUT, "a record timed out", txn_requires_abort=True))


def says_nothing() -> KafkaException:
    return KafkaException(KafkaError(KafkaError._FAIL, "the connection broke"))


class Delivered:
    """What a delivery report is about."""

    def __init__(self, offset: int | None) -> None:
        self._offset = offset

    def offset(self) -> int | None:
        return self._offset


class VirtualProducer:
    """Of one owner."""

    def __init__(self, process: Process, settings: dict[str, Any]) -> None:
        assert settings["partitioner"] == "murmur2_random", "one SKU must have one partition"
        self._process = process
        self._broker = process.world.broker
        self.name = str(settings["transactional.id"])
        self.epoch = -1
        self.generation = -1
        """Counts the producers of the world in the order in which they were initialised."""
        self._queue: list[_Waiting] = []
        self._reports: list[tuple[Callable[[Any, Any], None], Any, Delivered]] = []
        self._in_transaction = False
        self._broken: Callable[[], KafkaException] | None = None
        """What every call raises until the transaction is aborted, or for ever."""
        self._ending: Transaction | None = None
        """The transaction that a commit was asked for, while its result is not known."""
        self._commit_asked = False

    # -- as librdkafka has it ----------------------------------------------------------------------------------------

    def init_transactions(self, timeout: float) -> None:
        process = self._process
        process.pause("fence off")
        if process.meets("init times out"):
            raise timed_out()
        self.epoch = self._broker.initialise(self.name)
        self.generation = process.world.initialised(self)
        process.note("initialised", self.name, self.epoch)
        if process.meets("init times out"):
            raise timed_out()
        process.pause("fenced off")

    def begin_transaction(self) -> None:
        if self._broken is not None:
            raise self._broken()
        assert not self._in_transaction, "begin in the middle of a transaction"
        self._in_transaction = True

    def produce(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int = -1,
        on_delivery: Callable[[Any, Any], None] | None = None,
        headers: Headers | None = None,
    ) -> None:
        assert self._in_transaction, "a record outside of a transaction"
        if self._broken is not None:
            raise self._broken()
        process = self._process
        if len(self._queue) >= _QUEUE or process.meets("queue full"):
            raise BufferError("queue full")
        if process.meets("abortable"):
            self._broken = must_abort
            raise must_abort()
        self._queue.append((self._broker.log(topic, partition, key), key, value, headers, on_delivery))
        if process.meets("sent early"):
            self._send(len(self._queue))

    def flush(self, timeout: float = -1) -> int:
        self._send(len(self._queue))
        self._report()
        return 0

    def poll(self, timeout: float) -> int:
        self._send(len(self._queue))
        return self._report()

    def commit_transaction(self, timeout: float) -> None:
        process = self._process
        if not self._commit_asked:
            process.pause("commit")
            self._flush()
            if process.meets("abortable"):
                self._broken = must_abort
                raise must_abort()
            self._ending, self._commit_asked = self._open(), True
        process.pause("produced")
        transaction = self._ending
        if transaction is not None and transaction.outcome is Outcome.COMMITTED:
            self._over()  # the broker had heard an earlier call
            return
        self._ask_to_commit(transaction)
        self._over()
        process.pause("committed")

    def abort_transaction(self, timeout: float) -> None:
        process = self._process
        process.pause("abort")
        for _, _, _, _, on_delivery in self._queue:
            if on_delivery is not None:
                on_delivery(KafkaError(KafkaError._PURGE_QUEUE), Delivered(None))
        self._queue.clear()
        self._report()
        if process.meets("abort times out"):
            raise timed_out()
        try:
            self._broker.end(self.name, self.epoch, self._open(), commit=False)
        except FencedOff:
            self._broken = fenced
            raise fenced() from None
        process.note("aborted", self.name)
        self._over()
        self._broken = None

    # -- inside ------------------------------------------------------------------------------------------------------

    def _ask_to_commit(self, transaction: Transaction | None) -> None:
        """Raises where the answer is another than that it is done."""
        process = self._process
        if process.meets("commit unheard"):
            process.note("commit unheard", self.name)
            raise timed_out()
        if process.meets("commit heard late"):
            process.note("commit on its way", self.name)
            process.world.later(process.world.between(1, 9_000), lambda: self._hear(transaction))
            raise timed_out() if process.world.toss() else says_nothing()
        try:
            self._broker.end(self.name, self.epoch, transaction, commit=True)
        except FencedOff:
            self._broken = fenced
            raise fenced() from None
        if process.meets("answer lost"):
            process.note("answer lost", self.name)
            raise timed_out() if process.world.toss() else says_nothing()

    def _hear(self, transaction: Transaction | None) -> None:
        """The broker hears of a commit at last. It may be over, or its producer fenced off, since.

        The client library speaks version 1 of transactions, where the epoch stays the same from one to the next: a
        request that comes late commits whatever its epoch has open by then, in the middle of it.
        """
        try:
            by_then = self._broker.open_transaction(self.name, self.epoch)
            self._broker.end(self.name, self.epoch, by_then or transaction, commit=True)
        except FencedOff:
            return

    def _open(self) -> Transaction | None:
        try:
            return self._broker.open_transaction(self.name, self.epoch)
        except FencedOff:
            self._broken = fenced
            raise fenced() from None

    def _over(self) -> None:
        self._ending, self._commit_asked, self._in_transaction = None, False, False

    def _flush(self) -> None:
        if len(self._queue) > 1 and self._process.meets("sent in parts"):
            self._send(self._process.world.between(1, len(self._queue) - 1))
            self._process.pause("half produced")
        self._send(len(self._queue))
        self._report()
        if self._broken is not None:
            raise self._broken()

    def _send(self, records: int) -> None:
        """To the broker. What it answers is heard of at the next report."""
        going, self._queue = self._queue[:records], self._queue[records:]
        append, session = self._broker.append, (self.name, self.epoch)
        for log, key, value, headers, on_delivery in going:
            try:
                offset = append(log, key, value, headers, self, session)
            except FencedOff:
                self._broken = fenced
                return
            if on_delivery is not None:
                self._reports.append((on_delivery, None, Delivered(offset)))

    def _report(self) -> int:
        reports, self._reports = self._reports, []
        for on_delivery, error, message in reports:
            on_delivery(error, message)
        return len(reports)

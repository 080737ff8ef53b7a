"""The owner of one partition: the only one who writes for it.

    open    a transactional producer fences off whoever held the partition before; only then the changelog is restored,
            from the checkpoint to its end, and the position is compared with the input log
    decide  on the decision thread: drops what was applied before, folds every record, encodes everything
    commit  on a worker thread: one Kafka transaction with events, changed rows and the position; after it the local
            store, which is a cache of the changelog and never ahead of it
    close   under the owner's lock, so after the commit in flight

Decide and commit of one owner never overlap: a chunk is with the owner until its commit is over.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from agents.codec import Malformed, RegistryUnreachable
from agents.codec.words import Heartbeat
from agents.inventory.alerts import Alert, AlertType, Severity
from agents.inventory.invariants import InvariantBroken
from agents.runtime.broker_errors import BrokerUnusable
from agents.runtime.dead_letters import LARGEST_KEPT_BYTES, PARKED, DeadLetters, alert_of_burial, size_of
from agents.runtime.failpoints import Failpoint, reach
from agents.runtime.faults import TOLD, Fault, judge
from agents.runtime.fold import FIRST_RECORD_TIME_HEADER, Fold, Headers, InputRecord, Outbox, Outgoing
from agents.runtime.partitioner import PARTITIONER, partition_of
from agents.runtime.remarks import Remarks
from agents.runtime.surroundings import REAL, Surroundings
from agents.runtime.unparking import Skip
from agents.state.changelog import meta_record
from agents.state.overlay import Overlay
from agents.state.store import Change, Meta, Store, StoreError
from agents.state.tables import UndecodableRow

log = logging.getLogger("onhand.owner")

FAULTS_OF_THE_WORLD = (RegistryUnreachable, BrokerUnusable, StoreError, OSError)
"""Not the record's fault: the chunk is tried again, or the partition opened again."""

TOO_BIG_TO_FORWARD = "it is in the wrong partition, and too big to be forwarded"
COMMIT_SLICE_S = 3.0
"""One call of commit; it is repeated, so that a stopping worker need not wait for a dead broker."""
COMMIT_PATIENCE_S = 60.0
LOOK_EVERY_MS = 200
HEARTBEAT_EVERY_MS = 1_000
WAKE_UPS_PER_LOOK = 500
WAKE_AGAIN_AFTER_MS = 5_000
PRODUCER_DEFAULTS: dict[str, str | int | float | bool] = {
    "linger.ms": 20,  # for large chunks; the flush of a commit does not wait for it
    "transaction.timeout.ms": 10_000,
    "retry.backoff.ms": 5,
    "retry.backoff.max.ms": 50,
    "queue.buffering.max.messages": 500_000,
    "queue.buffering.max.kbytes": 262_144,
    "message.send.max.retries": 2_147_483_647,
}


class Parked(Exception):
    """A broken invariant: the partition must not go on until a person has looked."""

    def __init__(self, index: int, offset: int, why: str, *, record_time_ms: int = 0, at_the_end: bool = False) -> None:
        super().__init__(why)
        self.index = index
        """Of the record within the chunk."""
        self.offset = offset
        self.record_time_ms = record_time_ms
        self.at_the_end = at_the_end
        """Not one record met it but the end of the chunk: the smallest chunk that meets it tells which."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names an owner writes under."""

    agent: str
    topic: str
    """The input topic."""
    partitions: int
    changelog: str
    alerts: str | None
    heartbeats: str | None
    transactional_id_prefix: str
    instance: str


@dataclass(frozen=True, slots=True)
class Encoders:
    """Words of the runtime itself, to bytes."""

    alert: Callable[[Alert], bytes]
    heartbeat: Callable[[Heartbeat], bytes]


class Prepared(NamedTuple):
    """A chunk that is decided and encoded, ready to be committed."""

    outbox: Outbox
    rows: Sequence[Change]
    input_position: int
    time_ms: int
    records: int


class Counts:
    """What one owner has done since it was opened."""

    __slots__ = ("chunks", "dead_letters", "dropped", "forwarded", "records", "retries")

    def __init__(self) -> None:
        self.records = 0
        self.chunks = 0
        self.dead_letters = 0
        self.forwarded = 0
        self.dropped = 0
        self.retries = 0

    def as_dict(self) -> dict[str, int]:
        """By name."""
        return {name: getattr(self, name) for name in self.__slots__}


class Owner:
    """See the module's docstring. Made by `opener.open_owner`."""

    def __init__(
        self,
        partition: int,
        names: Names,
        encoders: Encoders,
        dead_letters: DeadLetters,
        producer: Producer,
        store: Store,
        overlay: Overlay,
        fold: Fold,
        meta: Meta,
        *,
        new_producer_after_abort: bool = False,
        surroundings: Surroundings = REAL,
    ) -> None:
        """`new_producer_after_abort`: the broker hides what a producer writes after an abort, see incarnations.py."""
        self.partition = partition
        self.names = names
        self.counts = Counts()
        self.input_position = meta.input_position
        self.time_ms = meta.last_time_ms
        self.skip: Skip | None = None
        """A record that a person has decided to leave out."""
        self.producer = producer
        self._encoders = encoders
        self._dead_letters = dead_letters
        self._store = store
        self._overlay = overlay
        self._fold = fold
        self._topic_id = meta.topic_id
        self._checkpoint = meta.checkpoint
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._new_producer_after_abort = new_producer_after_abort
        self._now_ms, self._monotonic = surroundings.now_ms, surroundings.monotonic
        self._remarks = Remarks(f"{names.topic}[{partition}]")
        self._woken: dict[tuple[bytes, bytes], int] = {}
        self._look_again_at_ms = 0
        self._beat_at_ms = 0

    # -- decide: on the decision thread ------------------------------------------------------------------------------

    def decide(self, records: Sequence[InputRecord]) -> Prepared | None:
        """Fold what was not applied before. Returns None when nothing is left to do. Raises Parked."""
        outbox: Outbox = []
        position, time_ms = self.input_position, self.time_ms
        partition, partitions, fold = self.partition, self.names.partitions, self._fold
        skip_at = -1 if self.skip is None else self.skip.offset
        folded = 0
        for index, record in enumerate(records):
            offset = record.offset()
            if offset < position:
                self.counts.dropped += 1
                continue
            stamp = record.timestamp()[1]
            if stamp > time_ms:  # noqa: PLR1730 - a call of max() for every record costs more than the comparison
                time_ms = stamp
            position = offset + 1
            folded += 1
            if offset == skip_at and self.skip is not None and self.skip.means(record):
                self._bury(record, time_ms, outbox, self.skip.reason, PARKED, None)
                continue
            key = record.key()
            if not key:
                self._bury(record, time_ms, outbox, "the key is empty: it must be the SKU", "key", None)
                continue
            if partition_of(key, partitions) != partition and not fold.is_broadcast(key):
                if size_of(record) > LARGEST_KEPT_BYTES:
                    self._bury(record, time_ms, outbox, TOO_BIG_TO_FORWARD, "key", None)
                else:
                    self._forward(record, key, time_ms, outbox)
                continue
            try:
                fold.fold(record, time_ms, outbox)
            except Malformed as malformed:
                self._bury(record, time_ms, outbox, str(malformed), "decode", malformed)
            except (InvariantBroken, UndecodableRow) as broken:
                self._overlay.discard()
                raise Parked(index, offset, str(broken), record_time_ms=stamp) from broken
            except FAULTS_OF_THE_WORLD:
                self._overlay.discard()
                raise
            except Exception as bug:
                log.exception("a record of %s[%d] at %d met a bug", self.names.topic, partition, offset)
                self._bury(record, time_ms, outbox, f"{type(bug).__qualname__}: {bug}", "decide", bug)
        if not folded:
            return None
        try:
            fold.end_chunk(outbox)
            outbox += self.by_the_clock(position, time_ms)
            return Prepared(outbox, self._overlay.changes(), position, time_ms, folded)
        except FAULTS_OF_THE_WORLD:
            self._overlay.discard()
            raise
        except Exception as bug:
            # Of the chunk, not of one record: none can be buried for it.
            log.exception("the end of a chunk of %s[%d] met a bug", self.names.topic, partition)
            self._overlay.discard()
            why, first = f"{type(bug).__qualname__}: {bug}", records[0]
            raise Parked(0, first.offset(), why, record_time_ms=first.timestamp()[1], at_the_end=True) from bug

    def _bury(
        self, record: InputRecord, at_ms: int, outbox: Outbox, reason: str, stage: str, error: BaseException | None
    ) -> None:
        self.counts.dead_letters += 1
        outbox.append(self._dead_letters.bury(record, at_ms, reason=reason, stage=stage, error=error))
        if self.names.alerts is not None:
            bug = stage in {"decide", PARKED}
            alert = alert_of_burial(
                self.names.topic, self.partition, record.offset(), at_ms, reason=reason, stage=stage, bug=bug
            )
            outbox.append(Outgoing(self.names.alerts, alert.subject.encode(), self._encoders.alert(alert)))

    def _forward(self, record: InputRecord, key: bytes, at_ms: int, outbox: Outbox) -> None:
        """A stranger's producer used another partitioner: send the record where its SKU lives."""
        self.counts.forwarded += 1
        right = partition_of(key, self.names.partitions)
        headers = list(record.headers() or ())
        if not any(name == FIRST_RECORD_TIME_HEADER for name, _ in headers):
            headers.append((FIRST_RECORD_TIME_HEADER, str(record.timestamp()[1])))
        outbox.append(Outgoing(self.names.topic, key, record.value(), right, headers))
        self._alert(
            outbox,
            record.offset(),
            AlertType.WRONG_PARTITION,
            Severity.WARNING,
            at_ms,
            message=f"{self._where(record.offset())} belongs to partition {right}; it was forwarded.",
            action=f"Set partitioner={PARTITIONER} (murmur2) in the producer that wrote it.",
        )

    def _alert(
        self,
        outbox: Outbox,
        offset: int,
        type_: AlertType,
        severity: Severity,
        at_ms: int,
        *,
        message: str,
        action: str,
        cause: str = "r",
    ) -> None:
        if self.names.alerts is None:
            return
        subject = f"{self.names.topic}-{self.partition}"
        alert = Alert(
            event_id=f"{subject}-{offset}-{cause}",
            type=type_,
            severity=severity,
            subject=subject,
            message=message,
            at_ms=at_ms,
            action=action,
        )
        outbox.append(Outgoing(self.names.alerts, subject.encode(), self._encoders.alert(alert)))

    def _where(self, offset: int) -> str:
        return f"The record at {self.names.topic}[{self.partition}]@{offset}"

    # -- commit: on a worker thread ----------------------------------------------------------------------------------

    def commit(self, prepared: Prepared) -> Fault | None:
        """One Kafka transaction, then the local store. None when it is done; else what the fault asks for.

        After APPLY_AGAIN the transaction is aborted and the overlay discarded: decide the same records again.
        Raises StoreCorrupt or OSError when the local store fails: the changelog has it all, open again.
        """
        with self._lock:
            if self._closing.is_set():
                return Fault.INDEFINITE
            fault = self._transact(prepared.outbox, prepared.rows, prepared)
            if fault is not None:
                self._overlay.discard()
                return fault
            reach(Failpoint.AFTER_COMMIT)
            meta = Meta(
                input_position=prepared.input_position,
                last_time_ms=prepared.time_ms,
                topic_id=self._topic_id,
                checkpoint=self._checkpoint,
                checkpoint_at_ms=self._now_ms(),
            )
            self._overlay.commit(meta)
            reach(Failpoint.AFTER_ROCKSDB)
            self.input_position, self.time_ms = prepared.input_position, prepared.time_ms
            self.counts.chunks += 1
            self.counts.records += prepared.records
            return None

    def say(self, outbox: Outbox) -> Fault | None:
        """Produce records that change no state (heartbeat, wake-ups, a parking alert) in a transaction of their own."""
        with self._lock:
            return Fault.INDEFINITE if self._closing.is_set() else self._transact(outbox, (), None)

    def _transact(self, outbox: Outbox, rows: Sequence[Change], prepared: Prepared | None) -> Fault | None:
        try:
            self.producer.begin_transaction()
            self._produce_all(outbox, rows)
            if prepared is not None:
                key, position = meta_record(Meta(prepared.input_position, prepared.time_ms, self._topic_id))
                self._produce(self.names.changelog, key, position, self.partition, on_delivery=self._delivered)
                reach(Failpoint.AFTER_PRODUCE, self.producer.flush)
        except KafkaException as error:
            return self._roll_back(error.args[0])
        return self._commit_patiently()

    def _produce_all(self, outbox: Outbox, rows: Sequence[Change]) -> None:
        """The records of a chunk. Written out, because it runs some times for each transaction."""
        produce, changelog, own = self.producer.produce, self.names.changelog, self.partition
        for topic, key, value, partition, headers in outbox:
            if headers is not None:
                self._produce(topic, key, value, partition, headers)
                continue
            try:
                produce(topic, value, key, partition)
            except BufferError:
                self._produce(topic, key, value, partition)
        for table, row_key, row in rows:
            try:
                produce(changelog, row, table.prefix + row_key, own)
            except BufferError:
                self._produce(changelog, table.prefix + row_key, row, own)

    def _produce(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        partition: int,
        headers: Headers | None = None,
        on_delivery: Callable[[KafkaError | None, Message], None] | None = None,
    ) -> None:
        """One record; waits while the producer's queue is full."""
        while True:
            try:
                self.producer.produce(topic, value, key, partition, on_delivery=on_delivery, headers=headers)
            except BufferError:
                self.producer.poll(0.05)
            else:
                return

    def _delivered(self, error: KafkaError | None, message: Message) -> None:
        offset = message.offset()
        if error is None and offset is not None:
            self._checkpoint = offset + 1

    def _commit_patiently(self) -> Fault | None:
        """Commit, again while the broker asks for it. A closing owner gives up after one slice.

        What had to be asked for more than once may still be on its way: librdkafka's transactions keep their epoch from
        one to the next, so a late request would commit the next one in its middle. Only a new epoch shuts it out, so the
        partition is opened again, and its changelog tells that this one is done.
        """
        began = self._monotonic()
        answered_at_once = True
        while True:
            try:
                self.producer.commit_transaction(COMMIT_SLICE_S)
            except KafkaException as error:
                fault = judge(error.args[0])
                if fault is Fault.APPLY_AGAIN:
                    return self._roll_back(error.args[0])
                if fault is not Fault.COMMIT_AGAIN:
                    return self._noted(error.args[0], fault)
                waited = self._monotonic() - began
                if self._closing.is_set() or waited > COMMIT_PATIENCE_S:
                    return self._noted(error.args[0], Fault.INDEFINITE)
                self._remarks.commit_waits(waited, error.args[0].str())
                answered_at_once = False
            else:
                self._remarks.committed_after(self._monotonic() - began)
                if answered_at_once:
                    return None
                where = f"{self.names.topic}[{self.partition}]"
                log.warning("%s: committed, but asked for twice; opened again, lest the first request come late", where)
                return Fault.INDEFINITE

    def _roll_back(self, error: KafkaError) -> Fault:
        """Nothing was committed. Abort where the producer can still be used, and say what comes next."""
        fault = judge(error)
        if fault in (Fault.FENCED_OFF, Fault.STOP):
            return self._noted(error, fault)
        try:
            self.producer.abort_transaction(COMMIT_SLICE_S)
        except KafkaException as second:
            worse = judge(second.args[0])
            return self._noted(second.args[0], worse if worse in (Fault.FENCED_OFF, Fault.STOP) else Fault.INDEFINITE)
        return self._noted(error, Fault.INDEFINITE if self._new_producer_after_abort else Fault.APPLY_AGAIN)

    def _noted(self, error: KafkaError, fault: Fault) -> Fault:
        self.counts.retries += 1
        log.warning("%s[%d]: %s (%s: %s).", self.names.topic, self.partition, TOLD[fault], fault.name, error.str())
        return fault

    # -- what the owner says by itself -------------------------------------------------------------------------------

    def by_the_clock(self, input_position: int, record_time_ms: int) -> Outbox:
        """What is said by the wall clock: wake-ups of what is due, and each second where this partition stands."""
        now = self._now_ms()
        if now < self._look_again_at_ms:
            return []
        self._look_again_at_ms = now + LOOK_EVERY_MS
        self._remarks.record_time(record_time_ms, now)
        outbox = self._wake_ups(now)
        if self.names.heartbeats is not None and now - self._beat_at_ms >= HEARTBEAT_EVERY_MS:
            self._beat_at_ms = now
            outbox.append(self._heartbeat(self.names.heartbeats, now, input_position, record_time_ms))
        return outbox

    def _heartbeat(self, topic: str, now: int, input_position: int, record_time_ms: int) -> Outgoing:
        """For those who must know how fresh a level is."""
        beat = Heartbeat(
            topic=self.names.topic,
            partition=self.partition,
            input_position=input_position,
            record_time_ms=record_time_ms,
            at_ms=now,
            instance=self.names.instance,
        )
        return Outgoing(topic, str(self.partition).encode(), self._encoders.heartbeat(beat), self.partition)

    def _wake_ups(self, now: int) -> Outbox:
        """Records that wake what is due, produced to this partition like any other input.

        The same one not again for some seconds: the first may still be on its way through the log.
        """
        self._woken = {record: at for record, at in self._woken.items() if now - at < WAKE_AGAIN_AFTER_MS}
        outbox: Outbox = []
        for key, value in self._fold.due(now, WAKE_UPS_PER_LOOK):
            if (key, value) not in self._woken:
                self._woken[key, value] = now
                outbox.append(Outgoing(self.names.topic, key, value, self.partition))
        return outbox

    def parking_alert(self, parked: Parked) -> Outbox:
        """The alert that this partition stands still."""
        outbox: Outbox = []
        self._alert(
            outbox,
            parked.offset,
            AlertType.PARTITION_PARKED,
            Severity.CRITICAL,
            self._now_ms(),
            message=f"{self._where(parked.offset)} broke an invariant, the partition stands still: {parked}",
            action="Nothing of it was committed, the other partitions go on. Report the record. After an upgrade "
            f"`onhand partitions unpark {self.partition} --agent {self.names.agent} --retry` folds it again; "
            f"the same with `--skip {parked.offset} --why TEXT` in place of `--retry` leaves it out.",
            cause="p",
        )
        return outbox

    # -- close -------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Let the commit in flight finish, then close the store. The producer is dropped: nothing is open."""
        self._closing.set()
        with self._lock:
            self._store.close()

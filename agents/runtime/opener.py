"""Opening a partition: fence off, restore, compare, and only then run it.

1. init_transactions under the partition's transactional id fences off whoever held it before and finishes what they
left open. Nothing can be added to the changelog behind our back from here on.
2. The local store is opened; a corrupt one is thrown away, one too old is rebuilt.
3. The changelog is restored, read_committed, from the checkpoint to the end.
4. The position in the state is compared with the input log. What does not fit is refused with a sentence.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from confluent_kafka import TIMESTAMP_NOT_AVAILABLE, Consumer, KafkaError, KafkaException, Producer, TopicPartition

from agents.runtime.dead_letters import DeadLetters
from agents.runtime.failpoints import Failpoint, reach
from agents.runtime.figures import Figures
from agents.runtime.fold import FoldContext, FoldFactory
from agents.runtime.incarnations import Incarnations
from agents.runtime.opening import LogFigures, changelog_refusal, input_refusal, must_rebuild, position_refusal
from agents.runtime.owner import PRODUCER_DEFAULTS, Encoders, Names, Owner, Prepared
from agents.runtime.partitioner import PARTITIONER
from agents.runtime.surroundings import REAL, Surroundings
from agents.state.overlay import Overlay
from agents.state.restore import Progress, Restore
from agents.state.rocks import RocksOptions
from agents.state.store import BATCH_ROWS, Meta, Store
from agents.state.tables import Table, UndecodableRow

log = logging.getLogger("onhand.opener")

FENCE_SLICE_S = 5.0
FENCE_PATIENCE_S = 60.0
RESTORE_RECORDS_PER_POLL = BATCH_ROWS  # what one write takes, so that a restore that is cut off goes on from there
RESTORE_POLL_S = 0.2
REPORT_EVERY_S = 2.0


class Refused(Exception):
    """This partition must not be run: something was lost, and a person must decide. The message says what to do."""


class GivenUp(KafkaException):
    """The partition was taken away while it was being opened."""


@dataclass(frozen=True, slots=True)
class OpenerSettings:
    """What all partitions of a worker have in common."""

    names: Names
    encoders: Encoders
    dead_letter_topic: str
    encode_dead_letter: Callable[[Any], bytes]
    common: Mapping[str, Any]
    """librdkafka settings of every client."""
    producer: Mapping[str, Any]
    """librdkafka settings of the owners' producers, over ours."""
    state_directory: Path
    tables: tuple[Table, ...]
    rocks: RocksOptions
    cache_rows: int
    fold_factory: FoldFactory
    accept_loss: bool
    """A person has looked at the loss that was refused and wants to go on."""


class Opener:
    """Opens the owners of one worker. Its method runs on the pool: it blocks on Kafka and RocksDB."""

    def __init__(self, settings: OpenerSettings, figures: Figures, surroundings: Surroundings = REAL) -> None:
        self._settings = settings
        self._figures = figures
        self._surroundings = surroundings
        names = settings.names
        self._incarnations = Incarnations(
            settings.common, names.transactional_id_prefix, names.topic, surroundings.consumer
        )

    def open(self, partition: int, given_up: Callable[[], bool]) -> Owner:
        """The owner of `partition`, ready to apply. `given_up` says that it is no longer wanted.

        Raises Refused, StoreLocked, KafkaException (broker not there, not allowed), OSError (disk).
        """
        started = self._surroundings.monotonic()
        producer = self._fence_off(partition, given_up)
        reach(Failpoint.AFTER_FENCING)
        fenced = self._surroundings.monotonic()
        figures = self._figures.of(partition)
        store = self._store(partition, figures)
        try:
            restored, meta = self._restore(partition, store, figures, given_up)
            meta = self._checked(meta, figures)
        except UndecodableRow as unknown:
            store.close()
            raise Refused(
                f"The changelog {figures.changelog}[{partition}] holds what this program cannot read: {unknown}. "
                f"Run the version that wrote it; nobody else may write there."
            ) from unknown
        except BaseException:
            store.close()
            raise
        log.info(
            "partition %d open: fenced in %.2f s, %d rows restored in %.2f s, input position %d",
            partition,
            fenced - started,
            restored,
            self._surroundings.monotonic() - fenced,
            meta.input_position,
        )
        owner = self._owner(partition, producer, store, meta)
        if meta != store.meta():
            # A new topic id, or a loss that a person has accepted: it must stand before anything is folded upon it.
            try:
                fault = owner.commit(Prepared([], (), meta.input_position, meta.last_time_ms, 0))
            except BaseException:
                owner.close()
                raise
            if fault is not None:
                owner.close()
                raise KafkaException(KafkaError(KafkaError._STATE, f"the first commit failed: {fault.name.lower()}"))
        return owner

    def _fence_off(self, partition: int, given_up: Callable[[], bool]) -> Producer:
        names = self._settings.names
        if not self._figures.hides_after_aborts:
            return self._initialised(f"{names.transactional_id_prefix}.{partition}", given_up)
        last = self._incarnations.last(partition)
        if last is not None:
            self._initialised(last, given_up)  # ends what it has left open
        return self._initialised(self._incarnations.next(partition), given_up)

    def _initialised(self, transactional_id: str, given_up: Callable[[], bool]) -> Producer:
        settings = self._settings
        producer = self._surroundings.producer(
            {
                **PRODUCER_DEFAULTS,
                **settings.common,
                **settings.producer,
                "partitioner": PARTITIONER,
                "transactional.id": transactional_id,
            },
            logger=log,
        )
        deadline = self._surroundings.monotonic() + FENCE_PATIENCE_S
        while True:
            try:
                producer.init_transactions(FENCE_SLICE_S)
            except KafkaException as error:
                retriable = error.args[0].retriable() or error.args[0].code() == KafkaError._TIMED_OUT
                if not retriable or given_up() or self._surroundings.monotonic() > deadline:
                    raise
            else:
                return producer

    def _store(self, partition: int, figures: LogFigures) -> Store:
        settings = self._settings
        path = settings.state_directory / str(partition)
        surroundings = self._surroundings
        store = surroundings.open_store(path, settings.rocks, log.warning)
        try:
            meta = store.meta()
        except BaseException:
            store.close()
            raise
        if meta.checkpoint == 0 and figures.changelog_end > 0:
            log.info("%s: nothing is kept here; the state is restored from the whole changelog", path)
        lost = changelog_refusal(meta.checkpoint, figures)
        stale = must_rebuild(meta.checkpoint_at_ms, surroundings.now_ms(), figures)
        if lost is not None and not settings.accept_loss:
            store.close()
            raise Refused(lost)
        if lost is not None or stale:
            log.warning(
                "%s: %s",
                path,
                "accepted, going on with what the changelog has" if lost else "too old to catch up, rebuilding",
            )
            store.close()
            surroundings.remove_store(path)
            store = surroundings.open_store(path, settings.rocks, log.warning)
        return self._dated(store)

    def _dated(self, store: Store) -> Store:
        """Date an empty store before its first row: a write that is cut off leaves rows and no checkpoint behind."""
        try:
            if store.meta().checkpoint_at_ms == 0:
                store.write((), Meta(checkpoint_at_ms=self._surroundings.now_ms()))
        except BaseException:
            store.close()
            raise
        return store

    def _restore(
        self, partition: int, store: Store, figures: LogFigures, given_up: Callable[[], bool]
    ) -> tuple[int, Meta]:
        """Apply the changelog from the checkpoint to its end. Returns (rows, meta)."""
        report = _Report(partition, self._surroundings.monotonic)
        restore = Restore(store, self._settings.tables, figures.changelog_end, report.progress)
        consumer = self._surroundings.consumer(
            {
                "fetch.wait.max.ms": 10,
                "queued.max.messages.kbytes": 65_536,
                **self._settings.common,
                "group.id": f"{self._settings.names.transactional_id_prefix}.restore",
                "enable.auto.commit": False,
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
                "auto.offset.reset": "error",
            },
            logger=log,
        )
        try:
            start = max(restore.start_offset, figures.changelog_start)  # higher only where a loss was accepted
            consumer.assign([TopicPartition(figures.changelog, partition, start)])
            while not restore.done:
                _restore_some(consumer, restore)
                reach(Failpoint.IN_RESTORE)
                if given_up():
                    raise GivenUp(KafkaError(KafkaError._DESTROY, "the partition was taken away while it was opened"))
        finally:
            consumer.close()
        return report.records, restore.finish(self._surroundings.now_ms())

    def _checked(self, meta: Meta, figures: LogFigures) -> Meta:
        """The meta to go on with. Raises Refused where the input log does not fit."""
        lost = input_refusal(meta.input_position, meta.topic_id, figures)
        if lost is not None:
            # Whoever believes the partition its own, too, may have gone on with it while we restored: ask again.
            figures = self._figures.of(figures.partition)
            lost = input_refusal(meta.input_position, meta.topic_id, figures)
        position = meta.input_position
        if lost is not None:
            if not self._settings.accept_loss:
                raise Refused(lost)
            log.warning("accepted: %s", lost)
            position = figures.input_start
        else:
            self._check_position(position, figures)
        return Meta(
            input_position=position,
            last_time_ms=meta.last_time_ms,
            topic_id=figures.input_topic_id or meta.topic_id,
            checkpoint=meta.checkpoint,
            checkpoint_at_ms=meta.checkpoint_at_ms,
        )

    def _check_position(self, position: int, figures: LogFigures) -> None:
        lost = position_refusal(position, figures)
        if lost is None:
            return
        if not self._settings.accept_loss:
            raise Refused(lost)
        log.warning("accepted: %s", lost)

    def _owner(self, partition: int, producer: Producer, store: Store, meta: Meta) -> Owner:
        settings = self._settings
        overlay = Overlay(store, settings.tables, settings.cache_rows)
        dead_letters = DeadLetters(
            settings.names.topic, settings.dead_letter_topic, partition, settings.encode_dead_letter
        )
        context = FoldContext(overlay, settings.names.topic, partition, dead_letters.bury)
        fold = settings.fold_factory(context)
        return Owner(
            partition,
            settings.names,
            settings.encoders,
            dead_letters,
            producer,
            store,
            overlay,
            fold,
            meta,
            new_producer_after_abort=self._figures.hides_after_aborts,
            surroundings=self._surroundings,
        )


def _restore_some(consumer: Consumer, restore: Restore) -> None:
    """Apply one batch of the changelog."""
    batch: list[tuple[bytes, bytes | None]] = []
    next_offset, at_ms = restore.meta.checkpoint, 0
    for message in consumer.consume(RESTORE_RECORDS_PER_POLL, RESTORE_POLL_S):
        error = message.error()
        if error is None:
            batch.append((message.key() or b"", message.value()))
            next_offset = (message.offset() or 0) + 1
            kind, stamp = message.timestamp()
            at_ms = stamp if kind != TIMESTAMP_NOT_AVAILABLE else at_ms
        elif error.code() == KafkaError._PARTITION_EOF:
            next_offset = max(next_offset, message.offset() or 0)  # past transaction markers
        elif not error.retriable():
            raise KafkaException(error)
    if next_offset > restore.meta.checkpoint:
        restore.apply(batch, next_offset, at_ms)


class _Report:
    """Says how far a long restore is, every few seconds."""

    def __init__(self, partition: int, monotonic: Callable[[], float]) -> None:
        self.records = 0
        self._partition = partition
        self._monotonic = monotonic
        self._said_at = monotonic()

    def progress(self, progress: Progress) -> None:
        """Told after each batch."""
        self.records = progress.records
        if self._monotonic() - self._said_at > REPORT_EVERY_S:
            self._said_at = self._monotonic()
            log.info(
                "partition %d: restoring, %d records, %.0f %%", self._partition, self.records, 100 * progress.share
            )

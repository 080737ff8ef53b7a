"""The consumer and the one thread that polls it.

Everything that touches the `confluent_kafka.Consumer` happens on this thread: polling, pausing, seeking, the group's
callbacks. What it learns is handed to the event loop in the order in which it happened.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from agents.runtime.remarks import Reach
from agents.runtime.surroundings import REAL, Surroundings

if TYPE_CHECKING:
    from agents.runtime.fold import InputRecord

log = logging.getLogger("onhand.pump")

RECORDS_PER_POLL = 5_000
POLL_S = 0.005
BUSY_POLL_S = 0.002
"""While records come: what arrives meanwhile waits for the end of the poll, which is a part of every latency."""
SILENT_S = 10.0
"""A partition of which nothing came for so long is looked after: a client that fetches no more of one says nothing."""
LOOK_S = 2.0
"""The question stands behind the fetch that is under way on the same connection: `fetch.wait.max.ms`."""
HINT_EVERY_S = 1.0
"""Group offsets are only a hint for lag tools: the position is in the state."""
_TAKEN_PATIENCE_S = 30.0
_LOST_ITS_PLACE = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE})


class Listener(Protocol):
    """Hears of partitions and records; all methods run on the event loop."""

    async def assigned(self, partitions: list[int]) -> None:
        """These partitions are ours now; they are paused until `Pump.start`."""

    async def taken(self, partitions: list[int]) -> None:
        """These partitions are not ours any more: returns when nothing of them is in flight."""

    def arrived(self, records: Mapping[int, list[InputRecord]]) -> None:
        """Records by partition, each in order of offset."""

    def started(self, partition: int) -> None:
        """From here on `arrived` brings records from the position that `Pump.start` was given."""

    def lost_its_place(self, partition: int, why: str) -> None:
        """The position is no longer in the log."""

    def broken(self, why: str) -> None:
        """The consumer is of no further use."""

    def positions(self) -> Mapping[int, int]:
        """Input position by partition, for the hint. May be called from any thread."""


class Following:
    """How far one partition has been brought."""

    __slots__ = ("asked", "end", "paused", "position", "since")

    def __init__(self, position: int, now: float) -> None:
        self.position = position
        """Of the next record; what is behind it may be marks of transactions."""
        self.since = now
        """When something came last, or was asked for."""
        self.asked = False
        """Whether it was asked for anew, and nothing has come since."""
        self.end = 0
        """Of its log, when it was looked at last."""
        self.paused = False


class Pump:
    """Polls one topic for one consumer group."""

    def __init__(
        self,
        topic: str,
        settings: Mapping[str, Any],
        listener: Listener,
        loop: asyncio.AbstractEventLoop,
        surroundings: Surroundings = REAL,
        *,
        knows_member: bool = False,
    ) -> None:
        """`knows_member`: for who commits the group's offsets in transactions of its own, see `member`."""
        self.topic = topic
        self.member: Any = None
        """Who the consumer is in its group, as of the last poll, for `send_offsets_to_transaction`."""
        self.last_poll_ms = 0
        self._knows_member = knows_member
        self._settings = dict(settings)
        self._listener = listener
        self._loop = loop
        self._surroundings = surroundings
        self._hinted_at = surroundings.monotonic()
        self._reach = Reach(str(settings.get("bootstrap.servers", "")))
        self._fatal: KafkaError | None = None
        self._wait_s = POLL_S
        self._following: dict[int, Following] = {}
        """The partitions that have been started."""
        self._jobs: deque[Callable[[], None]] = deque()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="onhand-pump", daemon=True)
        self._consumer: Consumer | None = None

    def begin(self) -> None:
        """Subscribe and poll from now on."""
        self._thread.start()

    def stop(self) -> None:
        """Leave the group and end the thread. Blocks until it has ended, some seconds at most."""
        self._stopping.set()
        self._thread.join(_TAKEN_PATIENCE_S)

    def start(self, partition: int, position: int) -> None:
        """Bring records of `partition` from `position` on."""
        self._jobs.append(lambda: self._start(partition, position))

    def pause(self, partition: int) -> None:
        """Bring no more records of `partition` for now."""
        self._jobs.append(lambda: self._steer("pause", partition))

    def resume(self, partition: int) -> None:
        """Go on after `pause`."""
        self._jobs.append(lambda: self._steer("resume", partition))

    # -- on the pump's thread ----------------------------------------------------------------------------------------

    def _run(self) -> None:
        why: str | None = "a bug of the runtime, see the log"
        try:
            self._subscribe()
            while not self._stopping.is_set():
                self._poll()
            why = None
        except KafkaException as error:
            why = error.args[0].str()
        finally:
            if why is not None:  # first of all: closing may take its time
                self._tell(self._listener.broken, why)
            if self._consumer is not None:
                self._consumer.close()

    def _subscribe(self) -> None:
        heard = {"error_cb": self._on_error, "on_commit": self._on_hint}
        self._consumer = self._surroundings.consumer({**self._settings, **heard}, logger=log)
        self._consumer.subscribe(
            [self.topic], on_assign=self._on_assign, on_revoke=self._on_taken, on_lost=self._on_taken
        )

    def _poll(self) -> None:
        """One round: what was asked for meanwhile, what the consumer brings, the hint."""
        for _ in range(len(self._jobs)):
            self._jobs.popleft()()
        assert self._consumer is not None
        messages = self._consumer.consume(RECORDS_PER_POLL, self._wait_s)
        self._wait_s = BUSY_POLL_S if messages else POLL_S
        self._learn_member(self._consumer)
        self.last_poll_ms = self._surroundings.now_ms()
        if self._fatal is not None:
            raise KafkaException(self._fatal)
        now = self._surroundings.monotonic()
        if messages:
            self._sort_out(messages, now)
        self._ask_the_silent(now)
        if now - self._hinted_at > HINT_EVERY_S:
            self._hinted_at = now
            self._hint()

    def _sort_out(self, messages: list[Message], now: float) -> None:
        records: dict[int, list[InputRecord]] = {}
        last = -1
        of_last: list[InputRecord] = []
        for message in messages:
            error, partition = message.error(), message.partition()
            if error is not None:
                self._heed(error, partition)
                continue
            if partition != last:  # records of one partition come in a row
                last = partition or 0
                of_last = records.setdefault(last, [])
            of_last.append(message)  # type: ignore[arg-type]  # a Message is an InputRecord, but its stubs are wider
        if records:
            for partition, came in records.items():
                following = self._following.get(partition)
                if following is not None:
                    self._note(partition, following, came, now)
            self._tell(self._listener.arrived, records)

    def _note(self, partition: int, following: Following, records: list[InputRecord], now: float) -> None:
        """Records of it came; told where they had to be asked for twice."""
        overdue_ms = self._surroundings.now_ms() - records[0].timestamp()[1]
        if following.asked and overdue_ms > SILENT_S * 1_000 / 2:
            where = f"{self.topic}[{partition}]@{records[0].offset()}"
            log.warning("%s is %d ms old, and came only when it was asked for again", where, overdue_ms)
        following.position, following.since, following.asked = records[-1].offset() + 1, now, False

    def _ask_the_silent(self, now: float) -> None:
        """Let the client fetch anew what has brought nothing for long although the log goes on behind it."""
        for partition, following in self._following.items():
            if following.paused or now - following.since <= SILENT_S:
                continue
            following.since = now
            end = self._end_of(partition)
            if end is None:
                return  # The broker is away; nobody else need be asked about either.
            if end > max(following.position, following.end):  # Of what was asked for already, only marks may be left.
                following.asked = self._stand(partition, following.position) is None
            following.end = end

    def _end_of(self, partition: int) -> int | None:
        """Where the committed part of its log ends."""
        assert self._consumer is not None
        try:
            end: int = self._consumer.get_watermark_offsets(TopicPartition(self.topic, partition), timeout=LOOK_S)[1]
        except KafkaException as error:
            log.debug("%s[%d]: %s", self.topic, partition, error.args[0].str())
            return None
        return end

    def _heed(self, error: KafkaError, partition: int | None) -> None:
        if error.code() in _LOST_ITS_PLACE and partition is not None:
            self._tell(self._listener.lost_its_place, partition, error.str())
        elif error.fatal():
            raise KafkaException(error)
        else:
            log.warning("%s: %s", self.topic, error.str())

    def _hint(self) -> None:
        offsets = [TopicPartition(self.topic, partition, at) for partition, at in self._listener.positions().items()]
        if not offsets or self._consumer is None:
            return
        try:
            self._consumer.commit(offsets=offsets, asynchronous=True)
        except KafkaException as error:
            log.debug("hint: %s", error.args[0].str())

    def _on_hint(self, error: KafkaError | None, _: list[TopicPartition]) -> None:
        if error is None:
            self._reach.answered(self._surroundings.monotonic())

    def _on_error(self, error: KafkaError) -> None:
        if error.fatal():
            self._fatal = error
        else:
            self._reach.lost(error, self._surroundings.monotonic())

    def _start(self, partition: int, position: int) -> None:
        """`_STATE` means that the fetcher has not taken the assignment in yet: again later."""
        code = self._stand(partition, position)
        if code is None:
            self._following[partition] = Following(position, self._surroundings.monotonic())
            self._tell(self._listener.started, partition)
        elif code == KafkaError._STATE:
            self._jobs.append(lambda: self._start(partition, position))

    def _stand(self, partition: int, position: int) -> int | None:
        """Let the consumer stand there and bring what follows. Returns the code of what was against it."""
        assert self._consumer is not None
        try:
            self._consumer.seek(TopicPartition(self.topic, partition, position))
            self._consumer.resume([TopicPartition(self.topic, partition)])
        except KafkaException as error:
            code = error.args[0].code()
            if code not in (KafkaError._STATE, KafkaError._UNKNOWN_PARTITION):  # the second: unassigned meanwhile
                log.warning("%s[%d] seek: %s", self.topic, partition, error.args[0].str())
            return int(code)
        return None

    def _steer(self, verb: str, partition: int) -> None:
        assert self._consumer is not None
        following = self._following.get(partition)
        if following is not None:
            following.paused, following.since = verb == "pause", self._surroundings.monotonic()
        try:
            getattr(self._consumer, verb)([TopicPartition(self.topic, partition)])
        except KafkaException as error:  # unassigned meanwhile
            log.debug("%s[%d] %s: %s", self.topic, partition, verb, error.args[0].str())

    def _on_assign(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        # Nothing resets by itself: from the beginning and paused at once, until the owner is open and knows better.
        at_beginning = [TopicPartition(p.topic, p.partition, OFFSET_BEGINNING) for p in partitions]
        consumer.incremental_assign(at_beginning)
        consumer.pause(at_beginning)
        numbers = [p.partition for p in partitions]
        if numbers:
            log.info("assigned %s%s", self.topic, sorted(numbers))
            self._ask(self._listener.assigned(numbers))

    def _on_taken(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        numbers = [p.partition for p in partitions]
        for number in numbers:
            self._following.pop(number, None)
        self._learn_member(consumer)
        if numbers:
            log.info("taken %s%s", self.topic, sorted(numbers))
            _wait(self._ask(self._listener.taken(numbers)))
        consumer.incremental_unassign(partitions)

    def _learn_member(self, consumer: Consumer) -> None:
        # Only here: from another thread the call would wait for a gap between two polls, and there is hardly one.
        if self._knows_member:
            self.member = consumer.consumer_group_metadata()

    def _ask(self, work: Coroutine[Any, Any, None]) -> Any:
        """A future of what the event loop is to do."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    def _tell(self, method: Callable[..., None], *values: Any) -> None:
        self._loop.call_soon_threadsafe(method, *values)


def _wait(future: Any) -> None:
    """Wait for the loop; a loop that has gone (the worker is leaving) must not hold the consumer's close."""
    try:
        future.result(_TAKEN_PATIENCE_S)
    except (TimeoutError, asyncio.CancelledError):
        log.warning("partitions were given up before their owners had closed")

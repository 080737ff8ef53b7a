"""From joining the group to leaving it: records become calls, calls become outcomes, outcomes are committed.

Everything here runs on the event loop; the consumer has a thread of its own (`Pump`), transactions have another. What was
not committed when a session ends is read again by the next one, under the same keys.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from confluent_kafka import OFFSET_BEGINNING, KafkaException, TopicPartition

from agents.codec import Malformed, RegistryUnreachable
from agents.inventory.campaigns.words import Command
from agents.runtime.broker_errors import BrokerUnusable, explain
from agents.runtime.dead_letters import ORIGIN_HEADER
from agents.runtime.faults import Fault, judge
from agents.runtime.fold import InputRecord, Outgoing, header
from agents.runtime.pump import Pump
from agents.runtime.surroundings import REAL, Surroundings
from agents.runtime.topology import BOOTSTRAP
from agents.serve.delivery.alerted import Alerted
from agents.serve.delivery.desk import Desk
from agents.serve.delivery.exchange import NO_OFFSET, Exchange
from agents.serve.delivery.memory import Memory
from agents.serve.delivery.outgoing import OutgoingRecords
from agents.serve.delivery.parcels import Call, Fate, Outcome, Parcel, Place
from agents.serve.delivery.plan import DeliveryPlan
from agents.serve.delivery.progress import Progress
from agents.serve.delivery.replies import Reply
from agents.serve.delivery.requests import request_for
from agents.serve.delivery.webhook import Webhooks

GIVE_UP_WITHIN_S = 8.0
"""So long calls under way may take when a partition goes to another process, or this one stops."""

T = TypeVar("T")
Event = Mapping[str, Any]
log = logging.getLogger("onhand.deliver")


class SessionOver(Exception):
    """It cannot go on: begin another one from what is committed. The message says why."""

    def __init__(self, why: str, *, fenced_off: bool = False, hopeless: bool = False) -> None:
        super().__init__(why)
        self.fenced_off = fenced_off
        """Somebody else writes under the same name."""
        self.hopeless = hopeless
        """Another session would meet the same."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A record that is over, with what is to be written and told of it."""

    place: Place
    records: Sequence[Outgoing]
    event: Event


class Session:
    """One membership in the group. Implements `pump.Listener`."""

    def __init__(
        self,
        plan: DeliveryPlan,
        webhooks: Webhooks,
        memory: Memory,
        alerted: Alerted,
        tell: Callable[[Event], None],
        surroundings: Surroundings = REAL,
    ) -> None:
        self.desk = Desk(plan.topology.platforms, memory)
        self._plan = plan
        self._webhooks = webhooks
        self._tell = tell
        self._now_ms = surroundings.now_ms
        self._outgoing = OutgoingRecords(plan)
        topic = plan.topics.commands
        self._decode = plan.codec.decoder(topic, "campaign_command", plan.topology.all_topics[topic].format)
        self._threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="onhand-deliver")
        self._progress: dict[int, Progress] = {}
        self._leaving: frozenset[int] = frozenset()
        self._ended: list[Ended] = []
        self._committing: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._over: asyncio.Future[None] = self._loop.create_future()
        self._moved = asyncio.Event()
        """Something was begun or is over."""
        self._exchange: Exchange | None = None
        self._alerted = alerted
        self._times_assigned: dict[int, int] = {}
        """By partition: given or taken so many times. Who was asked for before the last one has come too late."""
        self._pump: Pump | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Deliver until `stop`. Raises SessionOver."""
        stopped = asyncio.create_task(stop.wait())
        self._loop.set_exception_handler(self._on_bug)
        try:
            self._exchange = await self._in_thread(lambda: Exchange(self._plan))
            protocol = await self._in_thread(self._plan.group_protocol)
            settings = self._plan.consumer_settings(protocol)
            self._pump = Pump(self._plan.topics.commands, settings, self, self._loop, knows_member=True)
            self._pump.begin()
            first: set[asyncio.Future[Any]] = {stopped, self._over}
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        except (KafkaException, BrokerUnusable) as error:
            self._fail(error)
        finally:
            stopped.cancel()
            await self._leave()
            self._loop.set_exception_handler(None)
        if self._over.done():
            self._over.result()

    # -- what the pump tells -----------------------------------------------------------------------------------------

    async def assigned(self, partitions: list[int]) -> None:
        """See Listener."""
        for partition in partitions:
            self._times_assigned[partition] = self._times_assigned.get(partition, 0) + 1
        going_on = self._loop.create_task(self._go_on({each: self._times_assigned[each] for each in partitions}))
        going_on.add_done_callback(self._over_by)
        await asyncio.wait({going_on})

    async def _go_on(self, assigned: Mapping[int, int]) -> None:
        """Where the group has committed, or with the first record there is."""
        assert self._exchange is not None
        exchange = self._exchange
        try:
            committed = await self._in_thread(lambda: exchange.committed(list(assigned)))
            # In this order: what was said of the commands before these offsets was committed with them.
            raised = await self._in_thread(self._alerted.read)
        except (KafkaException, BrokerUnusable, RegistryUnreachable) as error:
            self._fail(error)
            return
        if self._over.done():
            return
        self.desk.recall(raised)
        for partition, (position, metadata) in committed.items():
            if self._times_assigned[partition] != assigned[partition]:
                continue  # Taken meanwhile, and perhaps given back: then from another position.
            self._progress[partition] = Progress(max(position, 0), metadata)
            assert self._pump is not None
            self._pump.start(partition, OFFSET_BEGINNING if position == NO_OFFSET else position)

    async def taken(self, partitions: list[int]) -> None:
        """See Listener. Calls under way may end, and their answers be committed; nothing new is begun."""
        numbers = frozenset(partitions)
        for partition in numbers:
            self._times_assigned[partition] = self._times_assigned.get(partition, 0) + 1
        self._leaving |= numbers
        self.desk.close(numbers)
        deadline = self._loop.time() + GIVE_UP_WITHIN_S
        while self._busy(numbers) and not self._over.done() and (left_s := deadline - self._loop.time()) > 0:
            self._moved.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._moved.wait(), left_s)
        self.desk.leave(numbers)
        for partition in partitions:
            self._progress.pop(partition, None)
        self._leaving -= numbers

    def arrived(self, records: Mapping[int, list[InputRecord]]) -> None:
        """See Listener."""
        now_ms = self._now_ms()
        try:
            for partition, some in records.items():
                progress = self._progress.get(partition)
                if progress is None or partition in self._leaving:
                    continue
                for record in some:
                    if progress.take(record.offset()):
                        self._arrive(Place(partition, record.offset()), record, now_ms)
        except RegistryUnreachable as unreachable:
            self._fail(unreachable)
        self._step()

    def started(self, partition: int) -> None:
        """See Listener."""

    def lost_its_place(self, partition: int, why: str) -> None:
        """See Listener. Commands were removed by age before they were read: whoever still wants one sends it again."""
        log.warning("%s[%d]: commands were removed unread (%s)", self._plan.topics.commands, partition, why)
        if partition in self._progress and self._pump is not None:
            self._progress[partition] = Progress(0)
            self._pump.start(partition, OFFSET_BEGINNING)

    def broken(self, why: str) -> None:
        """See Listener."""
        self._fail(SessionOver(f"the consumer is of no further use: {why}"))

    def positions(self) -> Mapping[int, int]:
        """See Listener. No hint is wanted: offsets are committed in transactions only."""
        return {}

    # -- what happens ------------------------------------------------------------------------------------------------

    def _arrive(self, place: Place, record: InputRecord, now_ms: int) -> None:
        try:
            command = self._read(record)
        except Malformed as malformed:
            records = list(self._outgoing.of_malformed(place, record, now_ms, malformed))
            event = {"event": "buried", "at_ms": now_ms, **place._asdict(), "message": str(malformed)}
            self._ended.append(Ended(place, records, event))
            return
        redriven = header(record, ORIGIN_HEADER) is not None
        parcel = Parcel(command, place, record, now_ms, redriven)
        self._end(self.desk.arrive(parcel, now_ms), now_ms)

    def _read(self, record: InputRecord) -> Command:
        command: Command = self._decode(record.value(), record.headers())
        if record.key() != command.campaign_id.encode():
            raise Malformed("The key of a command must be its campaign: only so its commands keep their order.")
        return command

    def _end(self, outcomes: Sequence[Outcome], now_ms: int) -> None:
        for outcome in outcomes:
            event = {"event": outcome.fate.value, "at_ms": now_ms, **told(outcome.parcel), **told_of(outcome)}
            self._ended.append(Ended(outcome.parcel.place, list(self._outgoing.of(outcome, now_ms)), event))

    def _step(self) -> None:
        """Begin what can be begun now, and come back when the next thing is due."""
        self._moved.set()
        if self._over.done():
            return
        now_ms = self._now_ms()
        self._end(self.desk.give_up(now_ms), now_ms)
        for call in self.desk.start(now_ms):
            task = self._loop.create_task(self._call(call))
            self._calls.add(task)
            task.add_done_callback(self._over_by)
        if self._ended and self._committing is None:
            self._committing = self._loop.create_task(self._commit())
            self._committing.add_done_callback(self._over_by)
        if self._timer is not None:
            self._timer.cancel()
        next_ms = self.desk.next_ms()
        if next_ms is not None:
            self._timer = self._loop.call_later(max(0.001, (next_ms - self._now_ms()) / 1000), self._step)

    async def _call(self, call: Call) -> None:
        command, began = call.parcel.command, self._now_ms()
        platform = self._plan.topology.platforms[command.platform]
        request = request_for(platform, command, began, ask_only=call.ask_only)
        reply = await self._webhooks.call(command.platform, request)
        now_ms = self._now_ms()
        self._tell(
            {"event": "called", "at_ms": now_ms, **told(call.parcel), **told_of_call(call, reply, now_ms - began)}
        )
        self._end(self.desk.returned(call, reply, now_ms), now_ms)
        self._step()

    async def _commit(self) -> None:
        """One transaction for all that is over by now. What ends meanwhile is the next one."""
        ended = [each for each in self._ended if each.place.partition in self._progress]
        self._ended.clear()
        if ended:
            for each in ended:
                self._progress[each.place.partition].done(each.place.offset)
            records = [record for each in ended for record in each.records]
            offsets = [self._offset(partition) for partition in sorted({each.place.partition for each in ended})]
            assert self._exchange is not None
            assert self._pump is not None
            exchange, member = self._exchange, self._pump.member
            try:
                await self._in_thread(lambda: exchange.commit(records, offsets, member))
            except KafkaException as error:
                self._fail(error)
                return
            for each in ended:
                self._tell(each.event)
        self._committing = None
        self._step()

    def _over_by(self, task: asyncio.Task[None]) -> None:
        """A bug must not leave a command without a fate: it ends the process, loudly."""
        self._calls.discard(task)
        bug = None if task.cancelled() else task.exception()
        if bug is not None and not self._over.done():
            self._over.set_exception(bug)

    def _on_bug(self, loop: asyncio.AbstractEventLoop, met: dict[str, Any]) -> None:
        """What a callback of the loop met, `arrived` or `_step`: likewise."""
        bug = met.get("exception")
        if isinstance(bug, Exception) and not self._over.done():
            self._over.set_exception(bug)
        else:
            loop.default_exception_handler(met)

    def _offset(self, partition: int) -> TopicPartition:
        progress = self._progress[partition]
        return TopicPartition(self._plan.topics.commands, partition, progress.position, metadata=progress.metadata)

    def _busy(self, partitions: frozenset[int]) -> bool:
        """Whether calls or answers of these partitions are not over yet."""
        pending = any(each.place.partition in partitions for each in self._ended)
        return pending or self._committing is not None or any(True for _ in self.desk.calling(partitions))

    # -- the end -----------------------------------------------------------------------------------------------------

    def _fail(self, error: Exception) -> None:
        if self._over.done():
            return
        self._moved.set()
        if isinstance(error, KafkaException):
            fault = judge(error.args[0])
            sentence = explain(error.args[0], self._plan.topology.kafka[BOOTSTRAP]).sentence
            error = SessionOver(sentence, fenced_off=fault is Fault.FENCED_OFF, hopeless=fault is Fault.STOP)
        elif not isinstance(error, SessionOver):
            error = SessionOver(str(error))
        self._over.set_exception(error)

    async def _leave(self) -> None:
        """Leave the group: what is under way may end (see `taken`), the rest is called by the next session."""
        pump, exchange = self._pump, self._exchange
        if pump is not None:
            await self._in_thread(pump.stop)
        if self._timer is not None:
            self._timer.cancel()
        for task in [*self._calls, *([self._committing] if self._committing else [])]:
            task.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        if exchange is not None:
            await self._in_thread(exchange.close)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await self._loop.run_in_executor(self._threads, work)


def told(parcel: Parcel) -> Event:
    """Which command, for people and programs that follow."""
    command = parcel.command
    names = ("platform", "campaign_id", "kind", "entity", "idempotency_key", "attempt")
    fields = {name: getattr(command, name) for name in names}
    return {**msgspec.to_builtins(fields), **parcel.place._asdict()}


def told_of(outcome: Outcome) -> Event:
    """What became of it."""
    made = outcome.parcel.calls + (outcome.fate is Fate.ANSWERED and not outcome.remembered)
    result = None if outcome.result is None else outcome.result.value
    return {"result": result, "message": outcome.message or None, "calls": made, "remembered": outcome.remembered}


def told_of_call(call: Call, reply: Reply, took_ms: int) -> Event:
    """What came of one call."""
    result = "again" if reply.result is None else reply.result.value
    return {
        "result": result,
        "message": reply.message or None,
        "calls": call.parcel.calls + 1,
        "status": reply.status,
        "ask_only": call.ask_only,
        "took_ms": took_ms,
    }

"""Which partitions are ours, how each of them stands, and the way of a chunk: inbox -> decide -> commit.

Lives on the event loop, which is the one decision thread. What waits (Kafka, RocksDB) runs on the pool, so commits of
different partitions overlap.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from concurrent.futures import Executor
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, TypeVar

from confluent_kafka import KafkaException

from agents.runtime.chunks import Inbox
from agents.runtime.faults import Fault, judge
from agents.runtime.fencing import FencedWait
from agents.runtime.fold import InputRecord
from agents.runtime.opener import Refused
from agents.runtime.owner import FAULTS_OF_THE_WORLD, Owner, Parked
from agents.runtime.surroundings import REAL, Surroundings
from agents.runtime.turns import TURN_AT_MOST_S, Turns
from agents.runtime.unparking import Parking, Skip, Unparking, Unparkings, Verdict
from agents.state.store import StoreCorrupt, StoreError, StoreFault, StoreLocked

log = logging.getLogger("onhand.custody")
T = TypeVar("T")

TICK_S = 0.2
LOOK_FOR_DECISIONS_S = 2.0
"""How often a parked partition asks whether a person has decided what becomes of it."""
BACK_OFF_S = (0.05, 0.2, 0.5, 1.0, 2.0, 5.0)


class Standing(StrEnum):
    """How a partition of ours stands."""

    OPENING = "opening"
    RUNNING = "running"
    FENCED = "fenced"
    PARKED = "parked"
    REFUSED = "refused"


class Steering(Protocol):
    """What custody asks of the consumer, see `pump.Pump`."""

    last_poll_ms: int

    def start(self, partition: int, position: int) -> None:
        """Bring records from that position on."""

    def pause(self, partition: int) -> None:
        """Bring no more."""

    def resume(self, partition: int) -> None:
        """Go on."""


class Held:
    """One partition while it is assigned to us. A new assignment is a new object."""

    __slots__ = ("inbox", "listening", "owner", "parking", "partition", "skip", "spoilt", "standing", "why")

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.standing = Standing.OPENING
        self.why = ""
        self.owner: Owner | None = None
        self.inbox = Inbox()
        self.listening = False
        """Records before `started` are of an earlier position: they are not taken in."""
        self.spoilt: Path | None = None
        """The local store, when it was found corrupt: it goes before the partition is opened again."""
        self.parking: Parking | None = None
        """While the partition is parked."""
        self.skip: Skip | None = None
        """What the next owner leaves out."""


class Custody:
    """See the module's docstring."""

    def __init__(
        self,
        open_owner: Callable[[int, Callable[[], bool]], Owner],
        pool: Executor,
        deliver: Callable[[int, list[InputRecord]], None],
        stop_worker: Callable[[str], None],
        on_assignment: Callable[[set[int]], Awaitable[None]],
        heartbeat_interval_ms: int,
        surroundings: Surroundings = REAL,
        unparkings: Unparkings | None = None,
    ) -> None:
        """Start with no partitions.

        `deliver` hands a chunk to the partition's agent, which calls `apply` with it; `stop_worker` is called with the
        sentence when nothing here can help; `on_assignment` with all partitions whenever they change; `unparkings`
        tells what people have decided about parked ones.
        """
        self.pump: Steering | None = None
        self.held: dict[int, Held] = {}
        self._open_owner = open_owner
        self._pool = pool
        self._deliver = deliver
        self._stop_worker = stop_worker
        self._on_assignment = on_assignment
        self._heartbeat_interval_ms = heartbeat_interval_ms
        self._doors: dict[int, asyncio.Lock] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._surroundings = surroundings
        self._unparkings = unparkings
        self._turns = Turns(surroundings.cores)
        self.leaving = False

    # -- what the pump tells -----------------------------------------------------------------------------------------

    async def assigned(self, partitions: list[int]) -> None:
        """These partitions are ours: open them, all at once."""
        fresh = [Held(partition) for partition in partitions]
        self.held.update((held.partition, held) for held in fresh)
        await self._on_assignment(set(self.held))
        for held in fresh:
            self._spawn(self._open(held))

    async def taken(self, partitions: list[int]) -> None:
        """These partitions are gone: close them, after the commit in flight."""
        gone = [held for held in (self.held.pop(partition, None) for partition in partitions) if held is not None]
        await asyncio.gather(*(self._close(held) for held in gone))
        await self._on_assignment(set(self.held))

    def arrived(self, records: Mapping[int, list[InputRecord]]) -> None:
        """Records came in."""
        for partition, of_partition in records.items():
            held = self.held.get(partition)
            if held is None or not held.listening or held.owner is None:
                continue
            if held.inbox.arrive(of_partition) and self.pump is not None:
                self.pump.pause(partition)
            self._hand_over(held)

    def started(self, partition: int) -> None:
        """The consumer stands at the owner's position."""
        held = self.held.get(partition)
        if held is not None and held.standing is Standing.RUNNING:
            held.listening = True

    def lost_its_place(self, partition: int, why: str) -> None:
        """The log no longer has our position: opening again compares and says what was lost."""
        held = self.held.get(partition)
        if held is not None and held.standing is Standing.RUNNING:
            log.error("partition %d lost its place in the log: %s", partition, why)
            held.standing = Standing.OPENING
            self._spawn(self._open_again(held))

    def broken(self, why: str) -> None:
        """The consumer is of no further use."""
        self._stop_worker(f"The consumer stopped: {why}. Start the worker again.")

    def positions(self) -> Mapping[int, int]:
        """Input position by partition."""
        return {
            held.partition: held.owner.input_position for held in list(self.held.values()) if held.owner is not None
        }

    # -- the way of a chunk ------------------------------------------------------------------------------------------

    def _hand_over(self, held: Held) -> None:
        """Give the next chunk to the owner, if it is free and it is the partition's turn."""
        if held.owner is None or held.standing is not Standing.RUNNING or not held.inbox.has_chunk:
            return
        turn = self._turns.ask(held.partition)
        chunk = None if turn is None else held.inbox.take()
        if chunk is not None:
            asyncio.get_running_loop().call_later(TURN_AT_MOST_S, self._end_turn, held.partition, turn)
            self._deliver(held.partition, chunk)

    def _end_turn(self, partition: int, turn: int | None) -> None:
        self._turns.end(partition, turn)
        # One that is named may be gone, or busy with something else: then it is the next one's turn.
        while (named := self._turns.next()) is not None:
            following = self.held.get(named)
            if following is not None:
                self._hand_over(following)

    async def apply(self, partition: int, records: list[InputRecord]) -> None:
        """Decide and commit one chunk. Whatever happens, the owner is free again afterwards, or gone."""
        turn = self._turns.number_of(partition)
        try:
            await self._apply(partition, records)
        finally:
            # Only that one: the partition may already have been given its next chunk, and the turn for it.
            self._end_turn(partition, turn)

    async def _apply(self, partition: int, records: list[InputRecord]) -> None:
        held = self.held.get(partition)
        owner = held.owner if held is not None else None
        if held is None or owner is None or not self._may_apply(held, owner):
            return
        settled = False
        try:
            await self._apply_patiently(held, owner, records)
            settled = True
        except asyncio.CancelledError:
            # Faust took the agent away in the middle: only the changelog knows what became of the chunk.
            settled = True
            self._give_up(held, owner, Fault.INDEFINITE)
            raise
        finally:
            if not settled:
                # The next chunk must not be decided: this one would be left out.
                held.standing = Standing.REFUSED
                self._stop_worker("A bug of the runtime, see the log. The state is safe; start the worker again.")
            elif self._may_apply(held, owner):
                self._free(held)

    async def _apply_patiently(self, held: Held, owner: Owner, records: list[InputRecord]) -> None:
        """Until it is committed, or until it is no longer this owner's."""
        for attempt in _BackOff():
            fault = await self._apply_once(held, owner, records)
            if fault is None:
                return
            if fault is not Fault.APPLY_AGAIN:
                self._give_up(held, owner, fault)
                return
            await asyncio.sleep(attempt)
            if self.leaving or not self._may_apply(held, owner):
                return

    async def _apply_once(self, held: Held, owner: Owner, records: list[InputRecord]) -> Fault | None:
        began = time.perf_counter()
        try:
            prepared = owner.decide(records)
            held.inbox.learn(len(records), time.perf_counter() - began)
        except Parked as parked:
            await self._park(held, owner, records, parked)
            return None
        except StoreCorrupt as corrupt:
            held.spoilt = corrupt.path
            return Fault.INDEFINITE
        except FAULTS_OF_THE_WORLD as error:
            log.warning("partition %d waits: %s", held.partition, _told(error))
            return Fault.APPLY_AGAIN
        if prepared is None:
            return None
        try:
            return await self._run(owner.commit, prepared)
        except StoreCorrupt as corrupt:
            held.spoilt = corrupt.path
            return Fault.INDEFINITE
        except FAULTS_OF_THE_WORLD as error:
            # Kafka has the chunk and the local store has not: applied again it would come out twice.
            log.warning("partition %d is restored anew: %s", held.partition, _told(error))
            return Fault.INDEFINITE

    async def _park(self, held: Held, owner: Owner, records: list[InputRecord], parked: Parked) -> None:
        """Commit what came before the broken record, then stand still; the other partitions go on."""
        if parked.at_the_end and len(records) > 1:
            middle = len(records) // 2
            for half in (records[:middle], records[middle:]):
                if self._may_apply(held, owner):
                    await self._apply_patiently(held, owner, half)
            return
        if parked.index:
            await self._apply_patiently(held, owner, records[: parked.index])
        if not self._may_apply(held, owner):
            return
        parking = Parking(held.partition, parked.offset, parked.record_time_ms, self._unparkings)
        decision = await self._run(parking.look)
        if not self._may_apply(held, owner):
            return
        held.parking = parking
        if decision is not None:
            self._unpark(held, decision, str(parked))
            return
        log.error("partition %d is parked at offset %d: %s", held.partition, parked.offset, parked)
        held.standing, held.why, held.listening = Standing.PARKED, str(parked), False
        if self.pump is not None:
            self.pump.pause(held.partition)
        await self._run(owner.say, owner.parking_alert(parked))
        if self._unparkings is not None:
            self._spawn(self._wait_parked(held, parking))

    async def _wait_parked(self, held: Held, parking: Parking) -> None:
        """Until a person has decided what becomes of the record, or the partition is gone."""
        while self._ours(held) and held.standing is Standing.PARKED:
            decision = await self._run(parking.look)
            if decision is not None and self._ours(held) and held.standing is Standing.PARKED:
                self._unpark(held, decision, held.why)
                return
            await asyncio.sleep(LOOK_FOR_DECISIONS_S)

    def _unpark(self, held: Held, decision: Unparking, breach: str) -> None:
        """Open the partition again, and leave the record out if that was decided: nothing is kept of what met it."""
        log.warning("partition %d goes on: %s", held.partition, decision.sentence)
        held.skip = decision.skip(breach) if decision.verdict is Verdict.SKIP else None
        held.standing = Standing.OPENING
        self._spawn(self._open_again(held))

    def _give_up(self, held: Held, owner: Owner, fault: Fault) -> None:
        """This owner applies nothing more. From here on no chunk reaches it."""
        if not self._may_apply(held, owner):
            return
        if fault is Fault.STOP:
            held.standing = Standing.REFUSED
            self._stop_worker(
                "The broker refuses this worker's credentials or rights: see the log, correct, start again."
            )
        elif fault is Fault.FENCED_OFF:
            held.standing = Standing.FENCED
            self._spawn(self._wait_fenced(held))
        else:
            held.standing = Standing.OPENING
            if not self.leaving:
                self._spawn(self._open_again(held))

    def _may_apply(self, held: Held, owner: Owner) -> bool:
        """Whether the partition is still held as it was, runs, and has this owner."""
        return self.held.get(held.partition) is held and held.owner is owner and held.standing is Standing.RUNNING

    def _free(self, held: Held) -> None:
        if held.inbox.done() and self.pump is not None:
            self.pump.resume(held.partition)
        self._hand_over(held)

    # -- opening and closing -----------------------------------------------------------------------------------------

    async def _open(self, held: Held) -> None:
        """Open the partition's owner; again and again while the world is broken and the partition ours."""
        async with self._door(held.partition):
            for attempt in _BackOff():
                if not self._ours(held):
                    return
                try:
                    owner = await self._run(self._open_owner, held.partition, lambda: not self._ours(held))
                except Refused as refused:
                    self._refuse(held, str(refused))
                    return
                except StoreLocked as locked:
                    self._stop_worker(str(locked))
                    return
                except StoreCorrupt as corrupt:
                    held.spoilt = corrupt.path
                    await self._remove_spoilt(held)
                except KafkaException as error:
                    if judge(error.args[0]) is Fault.STOP:
                        self._stop_worker(f"The broker refuses: {error.args[0].str()}")
                        return
                    log.warning("partition %d cannot be opened yet: %s", held.partition, error.args[0].str())
                except FAULTS_OF_THE_WORLD as error:
                    log.warning("partition %d cannot be opened yet: %s", held.partition, _told(error))
                else:
                    await self._run_or_drop(held, owner)
                    return
                await asyncio.sleep(attempt)

    async def _run_or_drop(self, held: Held, owner: Owner) -> None:
        if not self._ours(held):
            await self._run(owner.close)
            return
        owner.skip, held.parking = held.skip, None
        held.owner, held.inbox = owner, Inbox(self._surroundings.monotonic)
        held.standing, held.why = Standing.RUNNING, ""
        assert self.pump is not None
        self.pump.start(held.partition, owner.input_position)

    def _refuse(self, held: Held, why: str) -> None:
        held.standing, held.why = Standing.REFUSED, why
        log.error("%s", why)
        if all(other.standing is Standing.REFUSED for other in self.held.values()):
            self._stop_worker(why)

    async def _open_again(self, held: Held) -> None:
        held.standing = Standing.OPENING
        await self._drop(held)
        await self._open(held)

    async def _wait_fenced(self, held: Held) -> None:
        """Fenced off, yet perhaps still ours: wait until the group has said so, see fencing.py."""
        held.standing = Standing.FENCED
        await self._drop(held)
        wait = FencedWait(self._heartbeat_interval_ms, self._surroundings.now_ms())
        while self._ours(held) and not wait.over:
            await asyncio.sleep(TICK_S)
            if self.pump is not None:
                wait.polled(self.pump.last_poll_ms)
        held.standing = Standing.OPENING
        await self._open(held)

    async def _drop(self, held: Held) -> None:
        owner, held.owner, held.listening = held.owner, None, False
        if self.pump is not None:
            self.pump.pause(held.partition)
        async with self._door(held.partition):
            if owner is not None:
                await self._run(owner.close)
            await self._remove_spoilt(held)

    async def _remove_spoilt(self, held: Held) -> None:
        path, held.spoilt = held.spoilt, None
        if path is None:
            return
        log.warning("the state in %s is corrupt; it is removed and will be rebuilt from the changelog", path)
        try:
            await self._run(self._surroundings.remove_store, path)
        except StoreError as error:
            log.warning("%s", error)

    async def _close(self, held: Held) -> None:
        owner, held.owner, held.listening = held.owner, None, False
        if owner is not None:
            async with self._door(held.partition):
                await self._run(owner.close)

    def _door(self, partition: int) -> asyncio.Lock:
        """Of the local store: a partition that comes back is not opened before its last owner has closed."""
        return self._doors.setdefault(partition, asyncio.Lock())

    def _ours(self, held: Held) -> bool:
        return not self.leaving and self.held.get(held.partition) is held

    # -- by the clock ------------------------------------------------------------------------------------------------

    async def tick(self) -> None:
        """Until the worker leaves: idle owners speak by the clock, too; busy ones do so with their chunks."""
        while not self.leaving:
            await asyncio.sleep(TICK_S)
            for held in list(self.held.values()):
                if held.standing is Standing.RUNNING and held.listening and held.inbox.idle:
                    self._spawn(self._speak(held))

    async def _speak(self, held: Held) -> None:
        owner = held.owner
        if owner is None or not held.inbox.seize():
            return
        try:
            outbox = owner.by_the_clock(owner.input_position, owner.time_ms)
            fault = await self._run(owner.say, outbox) if outbox else None
            if fault is not None and fault is not Fault.APPLY_AGAIN:
                self._give_up(held, owner, fault)
        except StoreCorrupt as corrupt:
            held.spoilt = corrupt.path
            self._give_up(held, owner, Fault.INDEFINITE)
        except FAULTS_OF_THE_WORLD as error:
            log.warning("partition %d: %s", held.partition, _told(error))
        finally:
            if self._may_apply(held, owner):
                self._free(held)

    # -- leaving -----------------------------------------------------------------------------------------------------

    def leave(self) -> None:
        """Open nothing more; what is in flight finishes when the pump takes the partitions."""
        self.leaving = True

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._spawned_done)

    def _spawned_done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a step failed that must not fail", exc_info=error)
            self._stop_worker(f"A bug of the runtime: {error!r}. The state is safe; start the worker again.")

    async def _run(self, function: Callable[..., T], *values: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *values)


def _told(error: Exception) -> str:
    """The sentence of a fault of the world; of a disk that refuses also what to do."""
    if not isinstance(error, StoreFault):
        return str(error)
    return (
        f"the local state cannot be written ({error}). Nothing is lost: Kafka has it all, and the partition is opened "
        "again until it can be. Make room on that disk; the worker goes on by itself."
    )


class _BackOff:
    """Seconds to wait before the next attempt, without end."""

    def __init__(self) -> None:
        self._n = -1

    def __iter__(self) -> _BackOff:
        return self

    def __next__(self) -> float:
        self._n = min(self._n + 1, len(BACK_OFF_S) - 1)
        return BACK_OFF_S[self._n]

"""The virtual consumer: what `confluent_kafka.Consumer` is to pump, opener and incarnations, over the virtual broker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, KafkaError, KafkaException, TopicPartition

from tests.simulation.broker import Entry, Headers, PartitionLog
from tests.simulation.group import Member
from tests.simulation.process import Process

_MOST_AT_ONCE = 12
_RESTORE_AT_ONCE = 12


class VirtualMessage:
    """A record, or an event."""

    __slots__ = ("_entry", "_error", "_log", "_offset")

    def __init__(self, log: PartitionLog, offset: int, entry: Entry | None, error: KafkaError | None = None) -> None:
        self._log = log
        self._offset = offset
        self._entry = entry
        self._error = error

    def error(self) -> KafkaError | None:
        return self._error

    def partition(self) -> int:
        return self._log.number

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes | None:
        return None if self._entry is None else self._entry.key

    def value(self) -> bytes | None:
        return None if self._entry is None else self._entry.value

    def headers(self) -> Headers | None:
        return None if self._entry is None else self._entry.headers

    def timestamp(self) -> tuple[int, int]:
        return (0, -1) if self._entry is None else (2, self._entry.at_ms)


class VirtualConsumer:
    """Either a member of the group, or one that is told what to read."""

    def __init__(self, process: Process, settings: dict[str, Any]) -> None:
        self._process = process
        self._world = process.world
        self._committed = settings.get("isolation.level") == "read_committed"
        self._group = str(settings["group.id"])
        self._tells_ends = bool(settings.get("enable.partition.eof"))
        self._at: dict[PartitionLog, int] = {}
        """Next offset by assigned partition."""
        self._paused: set[PartitionLog] = set()
        self._stuck: set[PartitionLog] = set()
        """Nothing comes of these any more, until they are sought."""
        self._told_end: dict[PartitionLog, int] = {}
        self._topic = ""
        self._callbacks: dict[str, Callable[[Any, list[TopicPartition]], None]] = {}
        self.member: Member | None = None

    # -- a member of the group ---------------------------------------------------------------------------------------

    def subscribe(
        self,
        topics: Sequence[str],
        on_assign: Callable[[Any, list[TopicPartition]], None],
        on_revoke: Callable[[Any, list[TopicPartition]], None],
        on_lost: Callable[[Any, list[TopicPartition]], None],
    ) -> None:
        (self._topic,) = topics
        self._callbacks = {"assign": on_assign, "revoke": on_revoke, "lost": on_lost}

    def incremental_assign(self, partitions: list[TopicPartition]) -> None:
        for each in partitions:
            log = self._log(each)
            self._at[log] = 0 if each.offset == OFFSET_BEGINNING else each.offset

    def incremental_unassign(self, partitions: list[TopicPartition]) -> None:
        for each in partitions:
            log = self._log(each)
            self._at.pop(log, None)
            self._paused.discard(log)
            self._stuck.discard(log)
        if self.member is not None:
            numbers = [each.partition for each in partitions]
            self._process.note("gave up", numbers)
            self._world.group.let_go(self.member, numbers)

    def pause(self, partitions: list[TopicPartition]) -> None:
        self._paused.update(self._assigned(each) for each in partitions)

    def resume(self, partitions: list[TopicPartition]) -> None:
        self._paused.difference_update(self._assigned(each) for each in partitions)

    def seek(self, partition: TopicPartition) -> None:
        log = self._assigned(partition)
        if self._process.meets("seek too early"):
            raise KafkaException(KafkaError(KafkaError._STATE, "not yet"))
        self._at[log] = partition.offset
        self._stuck.discard(log)

    def get_watermark_offsets(self, partition: TopicPartition, timeout: float) -> tuple[int, int]:
        return 0, self._log(partition).stable_end

    def wants_poll(self) -> bool:
        """Whether a poll would bring something; the world then polls soon."""
        if self._has_records():
            return True
        member = self.member
        if not self._process.is_heard:
            return False
        if member is None or member.evicted or member.owned - member.target:
            return True
        return bool(member.target - member.owned and self._world.group.to_take(member, self._world.clock.now_ms))

    def consume(self, records: int, timeout: float) -> list[VirtualMessage]:
        if not self._callbacks:
            self._process.pause("restore")
            return self._fetch(list(self._at), _RESTORE_AT_ONCE)
        if self._process.is_heard and self._rebalanced():
            return []
        logs = [log for log in self._at if log not in self._paused]
        self._world.shuffle(logs)
        if logs and self._process.meets("lost its place"):
            error = KafkaError(KafkaError._AUTO_OFFSET_RESET, "no such offset")
            return [VirtualMessage(logs[0], -1, None, error)]
        if logs and self._process.meets("redelivery"):
            log = logs[0]
            self._at[log] = max(0, self._at[log] - self._world.between(1, 5))
        if logs and self._process.meets("stands still"):
            self._stuck.add(logs[0])
        return self._fetch([log for log in logs if log not in self._stuck], self._world.between(1, _MOST_AT_ONCE))

    def close(self) -> None:
        if self.member is not None and not self.member.evicted:
            self._world.group.leave(self.member)
        self._at.clear()

    def commit(self, offsets: list[TopicPartition], asynchronous: bool = True) -> None:
        for each in offsets:
            self._world.group_offsets[self._group, each.partition] = each.offset

    # -- one that is told what to read -------------------------------------------------------------------------------

    def assign(self, partitions: list[TopicPartition]) -> None:
        self._at = {self._log(each): each.offset for each in partitions}

    def committed(self, partitions: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        kept = self._world.group_offsets
        return [
            TopicPartition(each.topic, each.partition, kept.get((self._group, each.partition), -1001))
            for each in partitions
        ]

    # -- inside ------------------------------------------------------------------------------------------------------

    def _rebalanced(self) -> bool:
        """One step of the way from what the member has to what it is to have. True where there was one."""
        group, member, process = self._world.group, self.member, self._process
        if member is None or member.evicted:
            lost = [] if member is None else sorted(member.owned)
            if lost:
                assert member is not None
                process.note("lost", lost)
                member.owned = set()
                self._tell("lost", lost)
            self.member = group.join(process.name)
            self.member.not_before_ms = self._world.late()
            return True
        going = group.to_give_up(member)
        if going:
            process.note("revoked", going)
            self._tell("revoke", going)
            member.not_before_ms = self._world.late()
            return True
        coming = group.to_take(member, self._world.clock.now_ms)
        if coming:
            process.note("assigned", coming)
            group.took(member, coming)
            self._tell("assign", coming)
            return True
        return False

    def _tell(self, callback: str, partitions: list[int]) -> None:
        self._callbacks[callback](self, [TopicPartition(self._topic, partition) for partition in partitions])

    def _has_records(self) -> bool:
        for log, at in self._at.items():
            if (
                at < len(log.entries)
                and log not in self._paused | self._stuck
                and (not self._committed or at < log.stable_end)
            ):
                return True
        return False

    def _fetch(self, logs: list[PartitionLog], most: int) -> list[VirtualMessage]:
        found: list[VirtualMessage] = []
        for log in logs:
            entries, at = log.read(self._at[log], most, committed=self._committed)
            self._at[log] = at
            found += [VirtualMessage(log, entry.offset, entry) for entry in entries]
            if self._tells_ends and at >= log.stable_end and self._told_end.get(log) != at:
                self._told_end[log] = at
                found.append(VirtualMessage(log, at, None, KafkaError(KafkaError._PARTITION_EOF)))
        return found

    def _log(self, partition: TopicPartition) -> PartitionLog:
        return self._world.broker.log(partition.topic, partition.partition)

    def _assigned(self, partition: TopicPartition) -> PartitionLog:
        log = self._log(partition)
        if log not in self._at:
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_PARTITION, "not assigned"))
        return log

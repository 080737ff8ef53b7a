"""All lanes: records of commands in, calls and outcomes out. No clock, no network; the same in, the same out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from agents.runtime.topology_platforms import Platform
from agents.serve.delivery.lanes import Lane
from agents.serve.delivery.memory import Memory
from agents.serve.delivery.parcels import Call, Fate, Outcome, Parcel
from agents.serve.delivery.replies import Reply


class Desk:
    """The commands that are on their way."""

    def __init__(self, platforms: Mapping[str, Platform], memory: Memory) -> None:
        self._platforms = platforms
        self._memory = memory
        memory.forget_raised()  # by a desk before this one, which may not have come to say it
        self.lanes = {name: Lane(each, memory) for name, each in platforms.items() if not each.elsewhere}

    def arrive(self, parcel: Parcel, now_ms: int) -> list[Outcome]:
        """A command came from the log. Gives what is over by that, itself perhaps."""
        command = parcel.command
        platform = self._platforms.get(command.platform)
        if platform is None:
            known = ", ".join(self._platforms) or "none"
            why = f"there is no platform {command.platform!r} in topology.yaml; there are: {known}"
            return [Outcome(parcel, Fate.BURIED, why, raises=self._memory.raises(parcel))]
        if platform.elsewhere:
            return [Outcome(parcel, Fate.PASSED_OVER, "it is delivered elsewhere")]
        if now_ms - command.expires_at_ms > platform.give_up_ms and not parcel.redriven:
            return [Outcome(parcel, Fate.PASSED_OVER, "it expired long ago, and was sent again if it was still wanted")]
        answer = self._memory.answer(command.idempotency_key)
        if answer is not None:
            return [Outcome(parcel, Fate.ANSWERED, answer[1], answer[0], remembered=True)]
        if self._memory.is_history(parcel):
            return [Outcome(parcel, Fate.SUPERSEDED, "a later command for the same came before it")]
        return list(self.lanes[command.platform].take(parcel))

    def start(self, now_ms: int) -> list[Call]:
        """The calls to be made now."""
        return [call for lane in self.lanes.values() for call in lane.start(now_ms)]

    def give_up(self, now_ms: int) -> list[Outcome]:
        """What has waited too long."""
        return [outcome for lane in self.lanes.values() for outcome in lane.give_up(now_ms)]

    def next_ms(self) -> int | None:
        """When to look again; None while nothing waits."""
        return min((at for lane in self.lanes.values() if (at := lane.next_ms()) is not None), default=None)

    def returned(self, call: Call, reply: Reply, now_ms: int) -> list[Outcome]:
        """A call is over."""
        return list(self.lanes[call.parcel.command.platform].returned(call, reply, now_ms))

    def close(self, partitions: frozenset[int]) -> None:
        """Begin no further call for these partitions."""
        for lane in self.lanes.values():
            lane.drop_waiting(partitions)

    def recall(self, raised: Iterable[str]) -> None:
        """People believe that these commands (by key) are not done."""
        self._memory.recall(raised)

    def leave(self, partitions: frozenset[int]) -> None:
        """These partitions are another owner's."""
        self._memory.forget_raised(partitions)
        for lane in self.lanes.values():
            lane.leave(partitions)

    def calling(self, partitions: frozenset[int]) -> Iterator[Parcel]:
        """The commands of these partitions that are being called."""
        for lane in self.lanes.values():
            yield from lane.calling_of(partitions)

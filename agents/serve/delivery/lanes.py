"""The commands of one platform: which of them is called when.

1. At most one command waits for each thing that a platform can set: a later one takes the place of an earlier one.
2. Of one campaign at most one is called at a time, in the order of the log; one that has to wait for its next call does
   not hold up those for other things.
3. At most `concurrency` calls at a time. While the platform cannot be reached it is only probed, by one call at a
   time, less and less often; while it asks for a pause nobody calls.
4. A command that has expired is asked about, not done. After `most_attempts` calls, or `give_up` after it came, it is
   buried.
"""

from __future__ import annotations

from collections.abc import Iterator

from agents.inventory.campaigns.words import Result
from agents.runtime.topology_platforms import Platform
from agents.serve.delivery.back_off import wait_ms
from agents.serve.delivery.memory import Memory
from agents.serve.delivery.parcels import Call, Fate, Outcome, Parcel, Thing
from agents.serve.delivery.replies import Reply


class Lane:
    """Of one platform. Changes only itself and the memory."""

    def __init__(self, platform: Platform, memory: Memory) -> None:
        self.platform = platform
        self.calls = 0
        """Made so far."""
        self.in_vain = 0
        """Of these."""
        self._memory = memory
        self._waiting: dict[Thing, Parcel] = {}
        self._calling: dict[str, Parcel] = {}
        """By campaign."""
        self._unreached = 0
        """Calls in vain since the last one that was answered."""
        self._probe_ms = 0
        """Before that it is not tried whether it can be reached again."""
        self._paused_until_ms = 0
        """It asked for that."""

    @property
    def waiting(self) -> int:
        """Commands that wait for their next call."""
        return len(self._waiting)

    @property
    def calling(self) -> int:
        """Calls under way."""
        return len(self._calling)

    def calling_of(self, partitions: frozenset[int]) -> list[Parcel]:
        """Those under way that are of these partitions and still count."""
        return [each for each in self._calling.values() if each.place.partition in partitions and not each.left]

    def take(self, parcel: Parcel) -> Iterator[Outcome]:
        """A command that is not known to be history. Gives what it takes the place of."""
        earlier = self._waiting.pop(parcel.thing, None)
        if earlier is not None:
            parcel.replaces(earlier)
            yield _superseded(earlier)
        self._waiting[parcel.thing] = parcel

    def start(self, now_ms: int) -> Iterator[Call]:
        """The calls to be made now; they count as under way."""
        if now_ms < self._opens_ms:
            return
        for thing, parcel in list(self._waiting.items()):
            if len(self._calling) >= self._most_at_a_time:
                return
            if parcel.due_ms <= now_ms and parcel.command.campaign_id not in self._calling:
                del self._waiting[thing]
                self._calling[parcel.command.campaign_id] = parcel
                self.calls += 1
                yield Call(parcel, ask_only=now_ms >= parcel.command.expires_at_ms)

    def give_up(self, now_ms: int) -> Iterator[Outcome]:
        """Those that have waited too long."""
        for thing, parcel in list(self._waiting.items()):
            if now_ms >= parcel.first_ms + self.platform.give_up_ms:
                del self._waiting[thing]
                yield self._bury(parcel, now_ms)

    def next_ms(self) -> int | None:
        """When `start` or `give_up` may have something to do; None while only calls under way are waited for."""
        moments = [
            min(
                parcel.first_ms + self.platform.give_up_ms,
                max(parcel.due_ms, self._opens_ms) if len(self._calling) < self._most_at_a_time else _NEVER,
            )
            for parcel in self._waiting.values()
            if parcel.command.campaign_id not in self._calling
        ]
        return min(moments, default=None)

    def returned(self, call: Call, reply: Reply, now_ms: int) -> Iterator[Outcome]:
        """A call is over."""
        parcel = call.parcel
        del self._calling[parcel.command.campaign_id]
        self._weigh(reply, now_ms)
        if parcel.left:
            return
        if reply.result is not None:
            yield self._answered(call, reply.result, reply.message)
            yield from self._answer_repeat(parcel, reply)
            return
        if parcel.last_call:
            return
        parcel.calls += 1
        parcel.last_message = reply.message
        parcel.due_ms = now_ms + wait_ms(
            self.platform, parcel.command.idempotency_key, parcel.calls, reply.retry_after_ms
        )
        later = self._waiting.get(parcel.thing)
        if later is not None:
            later.replaces(parcel)
            yield _superseded(parcel)
            parcel = later
        if parcel.calls >= self.platform.most_attempts:
            self._waiting.pop(parcel.thing, None)
            yield self._bury(parcel, now_ms)
        else:
            self._waiting.pop(parcel.thing, None)
            self._waiting[parcel.thing] = parcel  # behind those that have not been called yet

    def leave(self, partitions: frozenset[int]) -> None:
        """These partitions have another owner now: forget what waits, and let what is under way count for nothing."""
        for thing, parcel in list(self._waiting.items()):
            if parcel.place.partition in partitions:
                del self._waiting[thing]
        for parcel in self._calling.values():
            if parcel.place.partition in partitions:
                parcel.left = True

    def drop_waiting(self, partitions: frozenset[int]) -> None:
        """Begin no further call for these partitions; those under way go on to count."""
        for thing, parcel in list(self._waiting.items()):
            if parcel.place.partition in partitions:
                del self._waiting[thing]
        for parcel in self._calling.values():
            parcel.last_call = parcel.last_call or parcel.place.partition in partitions

    @property
    def _most_at_a_time(self) -> int:
        return self.platform.concurrency if self._unreached < self.platform.concurrency else 1

    @property
    def _opens_ms(self) -> int:
        return max(self._probe_ms, self._paused_until_ms)

    def _weigh(self, reply: Reply, now_ms: int) -> None:
        """How the platform as a whole is: a pause that it asks for holds for all."""
        if reply.result is not None:
            self._unreached = self._probe_ms = 0
            return
        self.in_vain += 1
        self._unreached += 1
        beyond = self._unreached - self.platform.concurrency
        if reply.retry_after_ms is not None:
            pause_ms = min(reply.retry_after_ms, self.platform.longest_retry_after_ms)
            self._paused_until_ms = max(self._paused_until_ms, now_ms + pause_ms)
        if beyond > 0:
            self._probe_ms = now_ms + wait_ms(self.platform, self.platform.name, beyond)

    def _answered(self, call: Call, result: Result, message: str) -> Outcome:
        parcel = call.parcel
        self._memory.keep_answer(parcel.command.idempotency_key, result, message)
        if result is Result.FAILED:
            raises = not call.ask_only and self._memory.raises(parcel)  # that an expired one was not done is no news
            return Outcome(parcel, Fate.ANSWERED, message, result, raises=raises)
        return Outcome(parcel, Fate.ANSWERED, message, result, resolves=self._memory.resolves(parcel))

    def _answer_repeat(self, parcel: Parcel, reply: Reply) -> Iterator[Outcome]:
        """What was done is done for the next attempt under the same key, too, which may be waiting already."""
        later = self._waiting.get(parcel.thing)
        same = later is not None and later.command.idempotency_key == parcel.command.idempotency_key
        if later is not None and same and reply.result is not Result.FAILED:
            del self._waiting[later.thing]
            yield Outcome(later, Fate.ANSWERED, reply.message, reply.result, remembered=True)

    def _bury(self, parcel: Parcel, now_ms: int) -> Outcome:
        seconds = (now_ms - parcel.first_ms) / 1000
        calls = "one call" if parcel.calls == 1 else f"{parcel.calls} calls"
        why = f"not delivered in {calls} and {seconds:.0f} s; the last: {parcel.last_message}"
        return Outcome(parcel, Fate.BURIED, why, raises=self._memory.raises(parcel))


_NEVER = 1 << 62


def _superseded(parcel: Parcel) -> Outcome:
    return Outcome(parcel, Fate.SUPERSEDED, f"a later command for the same; {parcel.last_message}")

"""What is known of commands that came before: bounded, and lost with the process. The platform's own memory is what counts."""

from __future__ import annotations

from collections import OrderedDict
from typing import TypeVar

from agents.inventory.campaigns.words import Result
from agents.serve.delivery.parcels import Parcel, Thing

MOST_REMEMBERED = 20_000
"""Commands, things, and alerts."""

K = TypeVar("K")
V = TypeVar("V")


class Memory:
    """Of one process."""

    def __init__(self) -> None:
        self._answers: OrderedDict[str, tuple[Result, str]] = OrderedDict()
        self._latest: OrderedDict[Thing, tuple[int, int]] = OrderedDict()
        self._first_attempts: OrderedDict[str, int] = OrderedDict()
        self._raised: OrderedDict[str, None] = OrderedDict()

    def answer(self, key: str) -> tuple[Result, str] | None:
        """What the platform said, where it did it or it was so already: the same for ever."""
        return self._answers.get(key)

    def keep_answer(self, key: str, result: Result, message: str) -> None:
        """A failure is not kept: the command may be tried again under its key."""
        if result is not Result.FAILED:
            _put(self._answers, key, (result, message))

    def is_history(self, parcel: Parcel) -> bool:
        """Whether a later command for the same thing came before it. Else it is the latest now."""
        age = parcel.age[:2]
        if age < self._latest.get(parcel.thing, age):
            return True
        _put(self._latest, parcel.thing, age)
        return False

    def meet(self, parcel: Parcel) -> None:
        """An attempt came."""
        key = parcel.command.idempotency_key
        _put(self._first_attempts, key, self._first_attempts.get(key, parcel.command.attempt))

    def raises(self, parcel: Parcel) -> bool:
        """Whether people have to hear that it was not done: once for each command, as far back as is known."""
        key = parcel.command.idempotency_key
        if key in self._raised:
            return False
        _put(self._raised, key, None)
        return True

    def resolves(self, parcel: Parcel) -> bool:
        """Whether people have heard that it was not done, or may have, from the process before this one."""
        key = parcel.command.idempotency_key
        raised = self._raised.pop(key, self) is not self
        return raised or self._first_attempts.get(key, 1) > 1


def _put(known: OrderedDict[K, V], key: K, value: V) -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > MOST_REMEMBERED:
        known.popitem(last=False)

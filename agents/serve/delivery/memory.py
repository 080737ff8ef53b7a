"""What is known of commands that came before: bounded, and lost with the process.

The platform's own memory is what counts for commands, and the topic of alerts for what people were told.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
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
        self._raised: OrderedDict[str, int | None] = OrderedDict()
        """Command -> the partition that it came from; None where the log says that people were told."""

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

    def recall(self, raised: Iterable[str]) -> None:
        """The log says that people were told of these commands, and not yet that they are done; of others it says no such thing."""
        for key in [key for key, partition in self._raised.items() if partition is None]:
            del self._raised[key]
        for key in raised:
            _put(self._raised, key, None)

    def forget_raised(self, partitions: frozenset[int] | None = None) -> None:
        """What was to be said of the commands of these partitions (None: of all) may not have been committed: the log knows."""
        for key, partition in list(self._raised.items()):
            if partitions is None or partition in partitions:
                del self._raised[key]

    def raises(self, parcel: Parcel) -> bool:
        """Whether people have to hear that it was not done: once for each command."""
        key = parcel.command.idempotency_key
        if key in self._raised:
            return False
        _put(self._raised, key, parcel.place.partition)
        return True

    def resolves(self, parcel: Parcel) -> bool:
        """Whether people have heard that it was not done."""
        return self._raised.pop(parcel.command.idempotency_key, self) is not self


def _put(known: OrderedDict[K, V], key: K, value: V) -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > MOST_REMEMBERED:
        known.popitem(last=False)

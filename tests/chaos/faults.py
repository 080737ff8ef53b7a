"""What a fault is: a name, what happens, what the operator sees, what must hold afterwards. And all of them.

A module of faults declares each with the decorator `fault` over the function that strikes it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tests.chaos.scene import Run

ALL = ("I1", "I2", "I3", "I4", "I5", "I6", "I7", "I8")

Strike = Callable[["Run"], None]


@dataclass(frozen=True)
class Sentence:
    """What the operator sees of a fault: a pattern, found in the log of a worker or in an alert with its action."""

    words: str
    """Regular expression; `.` also matches the end of a line."""
    where: Literal["log", "alert"] = "log"
    seldom: bool = False
    """A worker does not say it again for a while. So it counts also where it was said before the blow: then its workers
    came to a slow broker."""


@dataclass(frozen=True)
class Fault:
    """One fault."""

    name: str
    what: str
    """What happens, for the table."""
    strike: Strike
    sees: tuple[Sentence, ...]
    lag_zero_within_s: float
    """I8: from the last blow, or from the end of a fault that lasts, until everything sent is answered."""
    invariants: tuple[str, ...]
    short: bool
    """In the short set, which runs with every change."""
    stamped_by_publishers: bool
    """The input topic has CreateTime in place of LogAppendTime."""


FAULTS: dict[str, Fault] = {}
"""By name, in the order of declaration."""


def fault(
    name: str,
    what: str,
    *sees: Sentence,
    lag_zero_within_s: float = 20.0,
    invariants: tuple[str, ...] = ALL,
    short: bool = False,
    stamped_by_publishers: bool = False,
) -> Callable[[Strike], Strike]:
    """Declare the fault that the function strikes."""

    def declare(strike: Strike) -> Strike:
        assert name not in FAULTS, name
        FAULTS[name] = Fault(name, what, strike, sees, lag_zero_within_s, invariants, short, stamped_by_publishers)
        return strike

    return declare


def log_says(words: str, *, seldom: bool = False) -> Sentence:
    """The operator reads it in a worker's log."""
    return Sentence(words, seldom=seldom)


def alert_says(words: str) -> Sentence:
    """The operator gets it as an alert."""
    return Sentence(words, "alert")


AWAY = log_says(
    r"(?:Nobody listens at \S+: the connection is refused|No broker answers at \S+)\. Nothing is lost: the worker goes on by itself\. "
    r"Check .* that the broker runs there"
)
ANSWERS_AGAIN = log_says(r"the broker at \S+ answers again, after [\d.]+ s")
OPENED = log_says(r"partition \d open: fenced in")
FENCED_OFF = log_says(
    r"another worker has taken over, or the transaction took longer than transaction\.timeout\.ms\. This worker writes nothing "
    r"more here, .* If this goes on, look for a frozen machine or a slow broker"
)

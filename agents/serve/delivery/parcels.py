"""A command on its way to its platform, and what can become of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from agents.inventory.campaigns.delivering import SWITCHES
from agents.inventory.campaigns.words import Command, Result
from agents.runtime.fold import InputRecord
from agents.serve.delivery.requests import order_of


class Place(NamedTuple):
    """Where the record of a command is in its topic."""

    partition: int
    offset: int


Thing = tuple[str, str, str]
"""What of a platform a command sets: campaign, kind, entity. A later command for it takes the place of an earlier one."""


@dataclass(slots=True)
class Parcel:
    """One record of the topic of commands."""

    command: Command
    place: Place
    record: InputRecord
    """As it came: for the dead letter."""
    first_ms: int
    """When it came, or the first attempt of the same key before it."""
    redriven: bool = False
    """A person sent it again: it is asked about however old it is."""
    calls: int = 0
    """Made in vain so far, those of earlier attempts under the same key included."""
    due_ms: int = 0
    """When it may be called (again)."""
    last_message: str = field(default="not called yet")
    last_call: bool = False
    """Its partition is being given up: no further call of it is made here."""
    left: bool = False
    """Its partition has another owner: nothing of it counts here any more."""

    @property
    def thing(self) -> Thing:
        """What it sets."""
        command = self.command
        if command.kind in SWITCHES:
            return command.campaign_id, "switch", ""
        return command.campaign_id, command.kind.value, command.entity

    @property
    def age(self) -> tuple[int, int, int]:
        """The higher, the later it was decided: registration, sequence, attempt."""
        return (*order_of(self.command), self.command.attempt)

    def replaces(self, earlier: Parcel) -> None:
        """Go on where an earlier attempt under the same key was: neither its back-off nor its patience begin anew."""
        if earlier.command.idempotency_key == self.command.idempotency_key:
            self.first_ms, self.calls, self.due_ms = earlier.first_ms, earlier.calls, earlier.due_ms
            self.last_message = earlier.last_message


class Call(NamedTuple):
    """A call to be made now."""

    parcel: Parcel
    ask_only: bool
    """It has expired: it must not be done any more, only told whether it was."""


class Fate(StrEnum):
    """What became of a command."""

    ANSWERED = "answered"
    """The platform said done, already or failed."""
    BURIED = "buried"
    """It could not be delivered: it is a dead letter now."""
    SUPERSEDED = "superseded"
    """A later command for the same thing took its place before it was delivered."""
    PASSED_OVER = "passed_over"
    """Nobody waits for it here any more."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The end of one parcel."""

    parcel: Parcel
    fate: Fate
    message: str
    """In the platform's words, or why."""
    result: Result | None = None
    """ANSWERED."""
    raises: bool = False
    """People must hear that it was not done."""
    resolves: bool = False
    """People heard that it was not done, and now it was."""
    remembered: bool = False
    """The answer was known: nobody was called."""

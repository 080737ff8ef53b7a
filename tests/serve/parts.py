"""Commands, records and platforms for the tests of the delivery."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any

from agents.inventory.campaigns.words import Command, CommandKind, Status
from agents.runtime.fold import Headers
from agents.runtime.topology_platforms import Platform
from agents.serve.delivery.desk import Desk
from agents.serve.delivery.memory import Memory
from agents.serve.delivery.parcels import Call, Fate, Outcome, Parcel, Place
from agents.serve.delivery.replies import Reply

BEGUN_MS = 1_780_000_000_000
NOW_MS = BEGUN_MS + 60_000
SECRET = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
OTHER_SECRET = bytes(range(32))
DESIRED = {CommandKind.PAUSE: Status.PAUSED, CommandKind.RESUME: Status.ENABLED}


@dataclass
class Record:
    """A record as the client library gives it."""

    value_: bytes = b"{}"
    offset_: int = 0
    headers_: Headers = field(default_factory=list)
    key_: bytes = b"c1"

    def key(self) -> bytes:
        return self.key_

    def value(self) -> bytes:
        return self.value_

    def offset(self) -> int:
        return self.offset_

    def timestamp(self) -> tuple[int, int]:
        return 1, NOW_MS

    def headers(self) -> Headers:
        return self.headers_


def command(sequence: int = 1, kind: CommandKind = CommandKind.PAUSE, attempt: int = 1, **fields: Any) -> Command:
    """A command as the guard sends it."""
    campaign = fields.pop("campaign_id", "c1")
    given: dict[str, Any] = {
        "event_id": f"campaigns.v1-0-{sequence}-{attempt}",
        "idempotency_key": f"{campaign}.{BEGUN_MS}.{sequence}",
        "platform": "ads",
        "account": "acme",
        "entity": campaign,
        "at_ms": NOW_MS,
        "expires_at_ms": NOW_MS + 300_000,
        "desired_status": DESIRED.get(kind),
        "reason": "no SKU can be sold",
        **fields,
    }
    return Command(sequence=sequence, attempt=attempt, kind=kind, campaign_id=campaign, **given)


def platform(**fields: Any) -> Platform:
    """A platform with one secret."""
    return Platform(**{"name": "ads", "url": "http://127.0.0.1:1/", "secrets": (SECRET,), **fields})


class Table:
    """A desk with a clock of its own; commands come from partition 0, each at the next offset."""

    def __init__(self, *platforms: Platform) -> None:
        self.now_ms = NOW_MS
        self.desk = Desk({each.name: each for each in platforms or (platform(),)}, Memory())
        self.outcomes: list[Outcome] = []
        self.offset = -1

    def arrive(self, said: Command, *, redriven: bool = False, partition: int = 0) -> Parcel:
        """A command comes."""
        self.offset += 1
        parcel = Parcel(said, Place(partition, self.offset), Record(), self.now_ms, redriven)
        self.outcomes += self.desk.arrive(parcel, self.now_ms)
        return parcel

    def start(self) -> list[Call]:
        """The calls that are made now."""
        return self.desk.start(self.now_ms)

    def one(self) -> Call:
        """The only call that is made now."""
        (call,) = self.start()
        return call

    def reply(self, call: Call, reply: Reply) -> None:
        """A call is over."""
        self.outcomes += self.desk.returned(call, reply, self.now_ms)

    def reply_all(self, reply: Reply) -> int:
        """Every call that can be made now is over, with this reply. Returns how many."""
        made = 0
        while calls := self.start():
            made += len(calls)
            for call in calls:
                self.reply(call, reply)
        return made

    def until_due(self) -> None:
        """Move the clock to when something is to be looked at, and give up what has waited too long."""
        next_ms = self.desk.next_ms()
        assert next_ms is not None
        assert next_ms > self.now_ms, "it would be looked at again and again"
        self.now_ms = next_ms
        self.outcomes += self.desk.give_up(self.now_ms)

    @property
    def fates(self) -> list[tuple[str, Fate]]:
        """(key, fate) of all that is over, keys without their registration."""
        return [(o.parcel.command.idempotency_key.replace(f".{BEGUN_MS}", ""), o.fate) for o in self.outcomes]

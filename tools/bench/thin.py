# ruff: noqa: ARG002 - a fold has these arguments
"""The thin fold: one counter per key, JSON in and out. What is left of the time is the engine's."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import orjson

from agents.runtime.fold import FoldContext, InputRecord, Outbox
from agents.runtime.plan import AgentLogic
from agents.state.overlay import Overlay
from agents.state.tables import Table


class Counter(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What is kept per key."""

    records: int
    total: int


COUNTERS = Table(name="counters", prefix=b"c", shape=(str,), row=Counter)


class ThinFold:
    """Counts records and sums their `i` by key; says both for each record."""

    def __init__(self, context: FoldContext, output: str) -> None:
        self.overlay: Overlay = context.overlay
        self._counters = context.overlay.table(COUNTERS)
        self._output = output
        self._partition = context.partition

    def fold(self, record: InputRecord, at_ms: int, outbox: Outbox) -> None:
        """One record."""
        value, raw_key = orjson.loads(record.value() or b""), record.key() or b""
        key = (raw_key.decode(),)
        before = self._counters.get(key)
        number = value["i"]
        after = Counter(1, number) if before is None else Counter(before.records + 1, before.total + number)
        self._counters.put(key, after)
        said = orjson.dumps({"n": after.records, "sum": after.total, "i": number, "t": value.get("t")})
        outbox.append((self._output, raw_key, said, self._partition, None))

    def end_chunk(self, outbox: Outbox) -> None:
        """Nothing is said once per chunk."""

    def due(self, now_ms: int, limit: int) -> Sequence[tuple[bytes, bytes]]:
        """Nothing is ever due."""
        return ()

    def is_broadcast(self, key: bytes) -> bool:
        """Nothing is."""
        return False


def thin_logic(output: str) -> AgentLogic:
    """The agent that says its counters to the topic `output`."""
    return AgentLogic((COUNTERS,), lambda context: ThinFold(context, output))

"""The fold again: the runtime's own `Owner` decides one record after the other, and never commits to anything.

So an audit drops, buries, forwards and alerts exactly as a worker does, and what differs differs in what was written.
One record is one chunk here: every level is said, where a worker says only the last one of a chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

from confluent_kafka import Message

from agents.codec import Codec
from agents.runtime.dead_letters import DeadLetters
from agents.runtime.fold import Fold, FoldContext, InputRecord, Outbox
from agents.runtime.owner import Encoders, Names, Owner
from agents.runtime.plan import AgentLogic, said_topics
from agents.runtime.topology import AgentSettings, Topology
from agents.runtime.unparking import Skip
from agents.state.overlay import Overlay
from agents.state.store import Change, Meta
from tools.audit.rows import FoldedRows

if TYPE_CHECKING:
    from confluent_kafka import Producer

CACHE_ROWS = 200_000
"""Decoded rows kept; the rows themselves are in memory anyway."""


class _Quiet:
    """A fold that wakes nothing: what was due has been written to the log, and comes from there."""

    def __init__(self, fold: Fold) -> None:
        self.overlay = fold.overlay
        self.fold = fold.fold
        self.end_chunk = fold.end_chunk
        self.is_broadcast = fold.is_broadcast

    def due(self, now_ms: int, limit: int) -> Sequence[tuple[bytes, bytes]]:  # noqa: ARG002 - as every fold
        """Nothing."""
        return ()


class Refold:
    """One partition, folded from its first record."""

    def __init__(
        self, topology: Topology, agent: AgentSettings, logic: AgentLogic, codec: Codec, partition: int
    ) -> None:
        says = said_topics(topology, agent)
        alerts = says.get("alert")
        bury = DeadLetters(
            agent.folds, agent.dead_letters.name, partition, codec.encoder(agent.dead_letters.name, "dead_letter")
        )
        self.rows = FoldedRows()
        self.overlay = Overlay(self.rows, logic.tables, CACHE_ROWS)
        names = Names(
            agent=agent.name,
            topic=agent.folds,
            partitions=topology.all_topics[agent.folds].partitions,
            changelog=agent.changelog.name,
            alerts=alerts,
            heartbeats=None,
            transactional_id_prefix="",
            instance="audit",
        )
        encoders = Encoders(
            alert=codec.encoder(alerts or agent.folds, "alert"), heartbeat=codec.encoder(agent.folds, "heartbeat")
        )
        fold = logic.fold_factory(FoldContext(self.overlay, agent.folds, partition, bury.bury, replays=True))
        nobody = cast("Producer", None)  # it decides, and never commits
        self._owner = Owner(partition, names, encoders, bury, nobody, self.rows, self.overlay, _Quiet(fold), Meta())
        self.last_rows: Sequence[Change] = ()
        """The rows that the last record changed."""

    @property
    def input_position(self) -> int:
        """Offset of the next record to fold."""
        return self._owner.input_position

    @property
    def time_ms(self) -> int:
        """Record time, as decisions have it."""
        return self._owner.time_ms

    @property
    def forwarded(self) -> int:
        """Records that lay in the wrong partition."""
        return self._owner.counts.forwarded

    @property
    def buried(self) -> int:
        """Records that could not be read or decided."""
        return self._owner.counts.dead_letters

    def fold(self, message: Message, left_out: Skip | None = None) -> Outbox:
        """What follows from one record; `left_out`: a person has decided that nothing does. Raises Parked where it breaks an invariant, RegistryUnreachable."""
        self._owner.skip = left_out
        prepared = self._owner.decide([cast("InputRecord", message)])
        if prepared is None:
            self.last_rows = ()
            return []
        meta = Meta(prepared.input_position, prepared.time_ms)
        self.last_rows = prepared.rows
        self.overlay.commit(meta)
        self._owner.input_position, self._owner.time_ms = prepared.input_position, prepared.time_ms
        return prepared.outbox

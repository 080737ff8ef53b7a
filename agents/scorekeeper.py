"""The scorekeepers: what happened, counted by the hour, and the KPIs that follow.

Four of them fold a topic each into increments, which they add up for a chunk and say into the scores log; the fifth folds that
log into windows and says the KPIs. So a KPI of a place is whole, though its SKUs lie in many partitions, and a window is
closed in time, though nothing more is heard of it.

Wiring only: bytes to words, scores, words to bytes. What is counted is in `agents/inventory/scores`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from agents.codec import Codec, Malformed
from agents.inventory.scores.campaigns import score_command
from agents.inventory.scores.channels import score_edge
from agents.inventory.scores.orders import score_routing
from agents.inventory.scores.rows import ScorePolicy, ScoreRows
from agents.inventory.scores.stock import Scored, score_journal
from agents.inventory.scores.windows import TallyArrival, problem_of, score_tally
from agents.inventory.scores.words import SCOREKEEPER, Tally, TallyKind
from agents.runtime.fold import FoldContext, InputRecord, Outbox, Outgoing
from agents.runtime.plan import AgentLogic, said_topics
from agents.runtime.tallying import Tallying
from agents.runtime.topology import Topology
from agents.state.scores import (
    OFFER_TABLES,
    ORDER_LINE_TABLES,
    PAUSE_TABLES,
    STOCK_TABLES,
    WINDOW_TABLES,
    Scores,
)
from agents.state.tables import Table

STOCK, ORDERS = "scorekeeper_stock", "scorekeeper_orders"
CHANNELS, CAMPAIGNS = "scorekeeper_channels", "scorekeeper_campaigns"
WINDOWS = SCOREKEEPER
MOST_WAKE_UPS = 64
"""Subjects in one look: there are hundreds of them, not millions."""

Score = Callable[[ScoreRows, Any, ScorePolicy], Scored]


@dataclass(frozen=True)
class Source:
    """What one of the counting agents folds."""

    agent: str
    schema: str
    tables: tuple[Table, ...]
    key: Callable[[Any], str]
    """What a record must be keyed by."""
    score: Score


SOURCES: tuple[Source, ...] = (
    Source(STOCK, "journal", STOCK_TABLES, lambda said: str(said.sku), score_journal),
    Source(
        ORDERS,
        "order_routing",
        ORDER_LINE_TABLES,
        lambda said: str(said.order_id),
        lambda rows, said, _policy: score_routing(rows, said),
    ),
    Source(
        CHANNELS, "edge", OFFER_TABLES, lambda said: str(said.sku), lambda rows, said, _policy: score_edge(rows, said)
    ),
    Source(
        CAMPAIGNS,
        "campaign_command",
        PAUSE_TABLES,
        lambda said: str(said.campaign_id),
        lambda rows, said, _policy: score_command(rows, said),
    ),
)


class CountingWords:
    """Decoder and encoder of a counting agent: the same for all partitions."""

    def __init__(self, topology: Topology, codec: Codec, source: Source) -> None:
        agent = topology.agents[source.agent]
        self.source = source
        self.scores = said_topics(topology, agent)["tally"]
        self.decode = codec.decoder(agent.folds, source.schema, topology.all_topics[agent.folds].format)
        self.tally = codec.encoder(self.scores, "tally")
        self.policy = topology.scores


class CountingFold:
    """What happened in one partition, counted."""

    def __init__(self, context: FoldContext, words: CountingWords) -> None:
        self.overlay = context.overlay
        self._decode, self._policy = words.decode, words.policy
        self._score, self._key = words.source.score, words.source.key
        self._rows = Scores(context.overlay)
        cause = f"{context.topic}-{context.partition}-"
        self._tallying = Tallying(context.overlay, words.source.agent, words.scores, words.tally, cause)

    def fold(self, record: InputRecord, at_ms: int, outbox: Outbox) -> None:  # noqa: ARG002 - as every fold
        """Count one record. See `Fold.fold`. Its time is the one it carries: that of the decision it tells of."""
        said = self._decode(record.value(), record.headers())
        if record.key() != self._key(said).encode():
            raise Malformed(f"the key {record.key()!r:.200} is not {self._key(said)!r}")
        scored = self._score(self._rows, said, self._policy)
        # From here on it must succeed.
        if scored.changes:
            self._rows.apply(scored.changes)
        if scored.increments:
            self._tallying.add(scored.increments, record.offset())

    def end_chunk(self, outbox: Outbox) -> None:
        """What the chunk adds to each hour of each subject."""
        self._tallying.say(outbox)

    def due(self, now_ms: int, limit: int) -> Sequence[tuple[bytes, bytes]]:  # noqa: ARG002 - as every fold
        """Nothing becomes due here: time is the business of the windows."""
        return ()

    def is_broadcast(self, key: bytes) -> bool:  # noqa: ARG002 - as every fold
        """No record is for every partition."""
        return False


class WindowWords:
    """Encoders and decoders of the scorekeeper of the windows: the same for all partitions."""

    def __init__(self, topology: Topology, codec: Codec) -> None:
        agent = topology.agents[WINDOWS]
        self.kpis = said_topics(topology, agent)["kpi"]
        self.decode = codec.decoder(agent.folds, "tally", topology.all_topics[agent.folds].format)
        self.tally = codec.encoder(agent.folds, "tally", topology.all_topics[agent.folds].format)
        self.kpi = codec.encoder(self.kpis, "kpi")
        self.policy = topology.scores


class WindowFold:
    """The windows of the subjects of one partition."""

    def __init__(self, context: FoldContext, words: WindowWords) -> None:
        self.overlay = context.overlay
        self._words = words
        self._rows = Scores(context.overlay)
        self._cause_prefix = f"{context.topic}-{context.partition}-"

    def fold(self, record: InputRecord, at_ms: int, outbox: Outbox) -> None:
        """Count one tally, or look at a subject that is due. See `Fold.fold`."""
        words = self._words
        tally: Tally = words.decode(record.value(), record.headers())
        problem = problem_of(tally)
        if problem is not None:
            raise Malformed(problem)
        if record.key() != tally.subject.encode():
            raise Malformed(f"the key {record.key()!r:.200} is not its subject {tally.subject!r}")
        arrival = TallyArrival(tally, f"{self._cause_prefix}{record.offset()}", at_ms)
        decision = score_tally(self._rows, arrival, words.policy)
        key = tally.subject.encode()
        outgoing = [Outgoing(words.kpis, key, words.kpi(each)) for each in decision.records]
        # From here on it must succeed.
        self._rows.apply(decision.changes)
        outbox += outgoing

    def end_chunk(self, outbox: Outbox) -> None:
        """Nothing is said once per chunk."""

    def due(self, now_ms: int, limit: int) -> Sequence[tuple[bytes, bytes]]:
        """WAKE records for the subjects that are to be looked at."""
        due = self._rows.due_before(now_ms, min(limit, MOST_WAKE_UPS))
        return [(subject.encode(), self._words.tally(wake(subject, due_ms))) for due_ms, subject in due]

    def is_broadcast(self, key: bytes) -> bool:  # noqa: ARG002 - as every fold
        """No record is for every partition."""
        return False


def wake(subject: str, due_ms: int) -> Tally:
    """The record that wakes a subject."""
    return Tally(tally_id=f"wake-{due_ms}", source=SCOREKEEPER, kind=TallyKind.WAKE, subject=subject)


def counting(source: Source, topology: Topology, codec: Codec) -> AgentLogic:
    """Counts what one topic tells."""
    words = CountingWords(topology, codec, source)
    return AgentLogic(source.tables, lambda context: CountingFold(context, words))


def scorekeeper(topology: Topology, codec: Codec) -> AgentLogic:
    """Keeps the windows, and says the KPIs."""
    words = WindowWords(topology, codec)
    return AgentLogic(WINDOW_TABLES, lambda context: WindowFold(context, words))


SCOREKEEPERS: dict[str, Callable[[Topology, Codec], AgentLogic]] = {
    WINDOWS: scorekeeper,
    **{source.agent: partial(counting, source) for source in SOURCES},
}
"""All of them by name."""

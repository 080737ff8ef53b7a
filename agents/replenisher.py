"""The replenisher: what the stock keeper has decided, and what was seen outside, passes here SKU by SKU and in order.

Wiring only: bytes to words, `decide_demand`, words to bytes. What is decided is in `agents/inventory/replenishment`.
"""

from __future__ import annotations

from collections.abc import Sequence

from agents.codec import Codec, Malformed
from agents.inventory.campaigns.words import cover_record
from agents.inventory.replenishment.decide import decide_demand
from agents.inventory.replenishment.rows import DemandArrival, DemandDecision, ReplenishmentPolicy
from agents.inventory.replenishment.validation import key_of, problem_of
from agents.inventory.replenishment.words import REPLENISHER, DemandKind, DemandRecord, Proposal, ProposalType
from agents.inventory.scores.forecasts import score_day
from agents.runtime.fold import FoldContext, InputRecord, Outbox, Outgoing
from agents.runtime.plan import AgentLogic, said_topics
from agents.runtime.tallying import Tallying
from agents.runtime.topology import Topology
from agents.state.replenishment import REPLENISHMENT_TABLES, ReplenishmentRows

AGENT = REPLENISHER
_BROADCAST_PREFIXES = (b"location:", b"supplier:")


class ReplenisherWords:
    """Encoders and decoders of the replenisher's topics: the same for all partitions."""

    def __init__(self, topology: Topology, codec: Codec) -> None:
        agent = topology.agents[AGENT]
        says = said_topics(topology, agent)
        self.demand = agent.folds
        self.requests, self.insights = says["replenishment_request"], says["insight"]
        self.transactions, self.campaigns = says.get("transaction"), says.get("campaign")
        self.scores = says.get("tally")
        input_format = topology.all_topics[self.demand].format
        self.decode = codec.decoder(self.demand, "demand", input_format)
        self.record = codec.encoder(self.demand, "demand", input_format)
        self.proposal = codec.encoder(self.requests, "replenishment_request")
        self.insight = codec.encoder(self.insights, "insight")
        formats = [topology.all_topics[name].format if name else "avro" for name in (self.transactions, self.campaigns)]
        self.transaction = codec.encoder(self.transactions or self.requests, "transaction", formats[0])
        self.campaign = codec.encoder(self.campaigns or self.requests, "campaign", formats[1])
        self.tally = codec.encoder(self.scores or self.requests, "tally")


class ReplenishmentFold:
    """The outlooks of one partition."""

    def __init__(self, context: FoldContext, words: ReplenisherWords, policy: ReplenishmentPolicy) -> None:
        self.overlay = context.overlay
        self._words = words
        self._policy = policy
        self._rows = ReplenishmentRows(context.overlay)
        self._cause_prefix = f"{context.topic}-{context.partition}-"
        self._tallying = (
            None
            if words.scores is None
            else Tallying(context.overlay, AGENT, words.scores, words.tally, self._cause_prefix)
        )

    def fold(self, record: InputRecord, at_ms: int, outbox: Outbox) -> None:
        """Decide one record. See `Fold.fold`."""
        said: DemandRecord = self._words.decode(record.value(), record.headers())
        problem = problem_of(said)
        if problem is not None:
            raise Malformed(problem)
        if record.key() != key_of(said).encode():
            raise Malformed(f"the key {record.key()!r:.200} is not {key_of(said)!r}")
        arrival = DemandArrival(said, f"{self._cause_prefix}{record.offset()}", at_ms)
        decision = decide_demand(self._rows, arrival, self._policy)
        outgoing = self._outgoing(said.sku.encode(), decision)
        # From here on it must succeed.
        self._rows.apply(decision.changes)
        if decision.days and self._tallying is not None:
            for ended in decision.days:
                self._tallying.add(score_day(ended), record.offset())
        outbox += outgoing

    def _outgoing(self, key: bytes, decision: DemandDecision) -> Outbox:
        words = self._words
        said: Outbox = [Outgoing(words.requests, key, words.proposal(proposal)) for proposal in proposals_of(decision)]
        said += [Outgoing(words.insights, key, words.insight(insight)) for insight in decision.insights]
        if words.transactions is not None:
            said += [Outgoing(words.transactions, key, words.transaction(each)) for each in decision.transactions]
        if words.campaigns is not None:
            for cover in decision.covers:
                told = cover_record(
                    cover.event_id, cover.campaign, cover.sku, cover.cover_days, cover.at_ms, cover.until_ms
                )
                said.append(Outgoing(words.campaigns, cover.campaign.encode(), words.campaign(told)))
        return said

    def end_chunk(self, outbox: Outbox) -> None:
        """What the days that ended add to the scores: forecast, sales, and what was missed."""
        if self._tallying is not None:
            self._tallying.say(outbox)

    def due(self, now_ms: int, limit: int) -> Sequence[tuple[bytes, bytes]]:
        """WAKE records for the SKUs for which a day has begun."""
        return [(sku.encode(), self._words.record(wake(sku))) for sku in self._rows.due_before(now_ms, limit)]

    def is_broadcast(self, key: bytes) -> bool:
        """Keys of PLACE and SUPPLIER records."""
        return key.startswith(_BROADCAST_PREFIXES)


def proposals_of(decision: DemandDecision) -> list[Proposal]:
    """What a decision proposes, in the words of its topic."""
    return [
        *[Proposal(type=ProposalType.ORDER, order=order) for order in decision.requests],
        *[Proposal(type=ProposalType.TRANSFER, transfer=transfer) for transfer in decision.transfers],
        *[Proposal(type=ProposalType.COUNT, count=count) for count in decision.counts],
    ]


def wake(sku: str) -> DemandRecord:
    """The record that wakes a SKU. Its id says nothing: it is never remembered."""
    return DemandRecord(record_id="wake", source=REPLENISHER, kind=DemandKind.WAKE, sku=sku)


def replenisher(topology: Topology, codec: Codec) -> AgentLogic:
    """Looks after what is needed."""
    words = ReplenisherWords(topology, codec)
    return AgentLogic(REPLENISHMENT_TABLES, lambda context: ReplenishmentFold(context, words, topology.replenishment))

"""The campaign guard: every record of a campaign passes here, one partition at a time and in order.

Wiring only: bytes to words, `decide_campaign`, words to bytes. What is decided is in `agents/inventory/campaigns`.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from agents.codec import Codec, Malformed
from agents.inventory.campaigns.decide import decide_campaign
from agents.inventory.campaigns.rows import CampaignArrival, CampaignDecision, CampaignPolicy
from agents.inventory.campaigns.validation import problem_of
from agents.inventory.campaigns.words import CAMPAIGN_GUARD, CampaignKind, CampaignRecord
from agents.runtime.fold import FoldContext, InputRecord, Outbox, Outgoing
from agents.runtime.plan import AgentLogic, said_topics
from agents.runtime.topology import Topology
from agents.state.campaigns import CAMPAIGN_TABLES, GuardedCampaigns

AGENT = CAMPAIGN_GUARD


class CampaignWords:
    """Encoders and decoders of the campaign guard's topics, and its policy: the same for all partitions."""

    def __init__(self, topology: Topology, codec: Codec) -> None:
        agent = topology.agents[AGENT]
        says = said_topics(topology, agent)
        self.campaigns = agent.folds
        self.transactions, self.commands, self.alerts = says["transaction"], says["campaign_command"], says["alert"]
        formats = topology.all_topics[self.campaigns].format, topology.all_topics[self.transactions].format
        self.decode = codec.decoder(self.campaigns, "campaign", formats[0])
        self.campaign = codec.encoder(self.campaigns, "campaign", formats[0])
        self.transaction = codec.encoder(self.transactions, "transaction", formats[1])
        self.command = codec.encoder(self.commands, "campaign_command")
        self.alert = codec.encoder(self.alerts, "alert")
        self.policy: CampaignPolicy = msgspec.structs.replace(topology.campaigns, topic=self.campaigns)


class CampaignFold:
    """The campaigns of one partition."""

    def __init__(self, context: FoldContext, words: CampaignWords) -> None:
        self.overlay = context.overlay
        self._words = words
        self._campaigns = GuardedCampaigns(context.overlay)
        self._cause_prefix = f"{context.topic}-{context.partition}-"

    def fold(self, record: InputRecord, at_ms: int, outbox: Outbox) -> None:
        """Decide one record. See `Fold.fold`."""
        said: CampaignRecord = self._words.decode(record.value(), record.headers())
        problem = problem_of(said)
        if problem is not None:
            raise Malformed(problem)
        if record.key() != said.campaign_id.encode():
            raise Malformed(f"the key {record.key()!r:.200} is not its campaign {said.campaign_id!r}")
        arrival = CampaignArrival(said, f"{self._cause_prefix}{record.offset()}", at_ms)
        decision = decide_campaign(self._campaigns, arrival, self._words.policy)
        outgoing = self._outgoing(said.campaign_id, decision)
        # From here on it must succeed.
        self._campaigns.apply(decision.changes)
        outbox += outgoing

    def _outgoing(self, campaign_id: str, decision: CampaignDecision) -> Outbox:
        words, key = self._words, campaign_id.encode()
        said: Outbox = [Outgoing(words.commands, key, words.command(command)) for command in decision.commands]
        said += [
            Outgoing(words.transactions, transaction.sku.encode(), words.transaction(transaction))
            for transaction in decision.transactions
        ]
        said += [Outgoing(words.alerts, alert.subject.encode(), words.alert(alert)) for alert in decision.alerts]
        return said

    def end_chunk(self, outbox: Outbox) -> None:
        """Nothing is published once per chunk."""

    def due(self, now_ms: int, limit: int) -> Sequence[tuple[bytes, bytes]]:
        """WAKE records for the campaigns of which something is due."""
        return [
            (campaign_id.encode(), self._words.campaign(wake(campaign_id, due_ms)))
            for due_ms, campaign_id in self._campaigns.due_before(now_ms, limit)
        ]

    def is_broadcast(self, key: bytes) -> bool:  # noqa: ARG002 - as every fold
        """No record of campaigns is for every partition."""
        return False


def wake(campaign_id: str, due_ms: int) -> CampaignRecord:
    """The record that wakes a campaign. Its id only tells one date from the next: the same record is not written again at once."""
    return CampaignRecord(
        record_id=f"wake-{due_ms}", source=CAMPAIGN_GUARD, kind=CampaignKind.WAKE, campaign_id=campaign_id
    )


def campaign_guard(topology: Topology, codec: Codec) -> AgentLogic:
    """Guards the campaigns."""
    words = CampaignWords(topology, codec)
    return AgentLogic(CAMPAIGN_TABLES, lambda context: CampaignFold(context, words))

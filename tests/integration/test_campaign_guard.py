"""Guard and ledger as processes: the sale that empties a SKU pauses, and a kill neither loses nor doubles a command."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from agents.inventory.campaigns.words import (
    CAMPAIGN_GUARD,
    Acknowledgement,
    CampaignKind,
    CampaignRecord,
    Command,
    CommandKind,
    Registration,
    Result,
    Thresholds,
)
from agents.inventory.transactions import ChannelReference, Kind
from agents.runtime.plan import said_topics
from agents.runtime.reference import Broadcast, reference_key, reference_transaction, write_broadcasts
from agents.stock_keeper import AGENT
from tests.agents.two_folds import Given, TwoFolds, folded
from tests.integration.harness import Stage, Tail, a_transaction, receipt
from tests.integration.processes import Worker
from tests.tools.asking import ask
from tools.brokers.encoding import codec_of

pytestmark = pytest.mark.embedded

PATIENCE_S = 60.0
CAMPAIGNS = 8
PAUSE, RESUME = CommandKind.PAUSE, CommandKind.RESUME


class Ads:
    """Campaigns told to a stage, and the commands that came of it."""

    def __init__(self, stage: Stage) -> None:
        codec = codec_of(stage.topology)
        agent = stage.topology.agents[CAMPAIGN_GUARD]
        self._stage = stage
        self.topic = agent.folds
        self._encode = codec.encoder(self.topic, "campaign")
        commands = said_topics(stage.topology, agent)["campaign_command"]
        decode = codec.decoder(commands, "campaign_command")
        self.commands = Tail(stage.topology, commands, lambda message: decode(message.value(), None))
        self.heard = Tail(stage.topology, self.topic, lambda message: message)
        self._told = 0

    def tell(self, kind: CampaignKind, campaign_id: str, **fields: Any) -> None:
        """Publish a record about a campaign."""
        self._told += 1
        record = CampaignRecord(record_id=f"t{self._told}", source="ads", kind=kind, campaign_id=campaign_id, **fields)
        self._stage.producer.produce(self.topic, self._encode(record), campaign_id.encode())
        self._stage.producer.poll(0)

    def register(self, campaign_id: str, sku: str) -> None:
        """One SKU, and nothing to wait for."""
        at_once = Thresholds(minimum_dwell_ms=0, cool_down_ms=0)
        registration = Registration("meta", "act_1", 1_000, "EUR", skus=(sku,), thresholds=at_once)
        self.tell(CampaignKind.REGISTERED, campaign_id, registration=registration)

    def until(self, kind: CommandKind, count: int) -> list[Command]:
        """Wait until that many campaigns were told so. Returns all commands."""

        def there(tail: Tail) -> bool:
            return len({each.campaign_id for each in tail.all if each.kind is kind}) >= count

        return list(self.commands.until(there, PATIENCE_S, f"not {count} campaigns were told to {kind}").all)

    def folded_again(self) -> Counter[Command]:
        """The commands that the core gives for the log, partition by partition."""
        commands = Counter[Command]()
        for partition, messages in self.heard.to_the_end(self._stage.topology).said.items():
            world = TwoFolds(self._stage.topology, partition)
            time_ms = 0
            for message in messages:
                time_ms = max(time_ms, message.timestamp()[1])
                given = Given(message.key(), message.value(), message.offset(), time_ms)
                said = folded(world.guard, given, time_ms)
                commands.update([world.command_of(each[2] or b"") for each in said if each[0] == self.commands.topic])
        return commands


def two_agents(stage: Stage) -> tuple[Worker, Worker]:
    """The stock keeper and the campaign guard, ready; and a channel to sell by."""
    stage.create(CAMPAIGN_GUARD)
    stage.create(CAMPAIGN_GUARD)
    keeper, guard = stage.worker("1"), stage.worker("2")
    guard.agent = CAMPAIGN_GUARD
    keeper.start()
    guard.start()
    web = ChannelReference("web")
    value = stage.encoded(reference_transaction(web, "web-1", "test"))
    broadcast = Broadcast(reference_key(web).encode(), value)
    write_broadcasts(stage.topology.kafka, stage.topology.app, stage.transactions, stage.partitions, [broadcast])
    return keeper.until_ready(), guard.until_ready()


def test_a_killed_guard_tells_every_command_once_and_as_the_log_says(stage: Stage) -> None:
    _, guard = two_agents(stage)
    ads = Ads(stage)
    skus = {f"c-{number}": f"sku-{number}" for number in range(CAMPAIGNS)}
    stage.send(*[receipt(sku, 5) for sku in skus.values()])
    for campaign_id, sku in skus.items():
        ads.register(campaign_id, sku)
    stage.settle()
    stage.send(a_transaction(Kind.SALE, skus["c-0"], quantity=5))
    (first,) = ads.until(PAUSE, 1)
    assert (first.campaign_id, first.reason, first.skus) == ("c-0", "out_of_stock", ("sku-0",))

    for number, sku in enumerate(list(skus.values())[1:]):
        stage.send(a_transaction(Kind.SALE, sku, quantity=5))
        if number == CAMPAIGNS // 3:
            guard.kill()
    guard.start()
    paused = ads.until(PAUSE, CAMPAIGNS)
    for command in paused:
        said = Acknowledgement(command.idempotency_key, Result.DONE, command.attempt)
        ads.tell(CampaignKind.ACKNOWLEDGED, command.campaign_id, acknowledgement=said)
    stage.send(*[receipt(sku, 5) for sku in skus.values()])
    commands = ads.until(RESUME, CAMPAIGNS)

    doubled = [event for event, count in Counter(each.event_id for each in commands).items() if count > 1]
    assert not doubled
    assert Counter((each.campaign_id, each.kind, each.attempt) for each in commands) == Counter(
        [(name, kind, 1) for name in skus for kind in (PAUSE, RESUME)]
    )
    assert Counter(commands) == ads.folded_again(), "folding the log again gives other commands"
    causes = {cause for command in commands for cause in command.causes}
    assert causes <= {edge.event_id for edge in stage.tail("edge").to_the_end(stage.topology).all}
    stage.settle()
    stage.judge()
    audited = ask(stage, "audit", CAMPAIGN_GUARD, AGENT)
    assert audited.exit_code == 0, audited.output

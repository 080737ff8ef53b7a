"""A shop whose demand log a test writes, and what the replenisher said of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from agents.codec import Malformed
from agents.inventory.postings import Account
from agents.inventory.replenishment.decide import decide_demand
from agents.inventory.replenishment.rows import DemandArrival, Outlook, ReplenishmentPolicy
from agents.inventory.replenishment.validation import key_of
from agents.inventory.replenishment.words import REPLENISHER, DemandKind, DemandRecord, Moved, Proposal, SignalKind
from agents.inventory.transactions import Kind
from agents.inventory.units import MILLISECONDS_PER_DAY, MILLISECONDS_PER_HOUR, day_of, start_of
from agents.replenisher import proposals_of
from agents.runtime.plan import said_topics
from agents.runtime.topology import Topology
from tests.integration.harness import Stage, Tail, now_ms
from tests.integration.processes import Worker
from tests.inventory.replenishment.world import World
from tools.brokers.encoding import codec_of
from tools.live.stage import LARGEST_NUMBER

PATIENCE_S = 60.0
QUICK = "least_days: 0\n  transfer_minimum: 1\n  rebalance: auto"


def with_time_of_publishers(text: str) -> str:
    """Days can be played: the time of the demand log is the publisher's, and may lie ahead. One day is enough to learn."""
    head, name, rest = text.partition("\n  demand.v1:")
    config = f"timestamp_type: CreateTime\n    config: {{message.timestamp.after.max.ms: {LARGEST_NUMBER}}}"
    return (
        head + name + rest.replace("timestamp_type: LogAppendTime", config, 1).replace("rebalance: propose", QUICK, 1)
    )


class Shop:
    """What is told to the replenisher, and what it said."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage.create(REPLENISHER)
        topology, codec = stage.topology, codec_of(stage.topology)
        self.agent = topology.agents[REPLENISHER]
        self.topic = self.agent.folds
        self._encode, self._decode = codec.encoder(self.topic, "demand"), codec.decoder(self.topic, "demand")
        says = said_topics(topology, self.agent)
        proposal = codec.decoder(says["replenishment_request"], "replenishment_request")
        insight = codec.decoder(says["insight"], "insight")
        campaign = codec.decoder(says["campaign"], "campaign")
        self.proposals = Tail(topology, says["replenishment_request"], lambda each: proposal(each.value(), None))
        self.insights = Tail(topology, says["insight"], lambda each: insight(each.value(), None))
        self.campaigns = Tail(topology, says["campaign"], lambda each: campaign(each.value(), None))
        self.heard = Tail(topology, self.topic, lambda each: each)
        self.told = 0
        self.worlds: list[World] = []
        """The rows of each partition, by what was folded last."""

    def worker(self, agent: str, instance: str) -> Worker:
        worker = self.stage.worker(instance)
        worker.agent = agent
        return worker.start()

    def tell(self, kind: DemandKind, sku: str, at_ms: int, **fields: Any) -> None:
        self.told += 1
        record = DemandRecord(record_id=f"t{self.told}", source="shop", kind=kind, sku=sku, **fields)
        self.stage.producer.produce(self.topic, self._encode(record), key_of(record).encode(), timestamp=at_ms)
        self.stage.producer.poll(0)

    def sell(self, sku: str, at_ms: int, units: int, place: str = "LEEDS") -> None:
        postings = Moved(Account.UNPROMISED, place, -units), Moved(Account.CUSTOMER, place, units)
        self.tell(DemandKind.MOVED, sku, at_ms, moved=Kind.SALE, postings=postings)

    def receive(self, sku: str, at_ms: int, units: int, place: str = "LEEDS") -> None:
        postings = Moved(Account.SUPPLIER, place, -units), Moved(Account.UNPROMISED, place, units)
        self.tell(DemandKind.MOVED, sku, at_ms, moved=Kind.RECEIPT, postings=postings)

    def trade_nine_days(self, skus: list[str], after_each_day: Callable[[int], None] = lambda _day: None) -> None:
        """Nine units a day at LEEDS of a hundred, twenty searches a day and at last ninety.

        On days that lie ahead: no clock wakes anybody before the test does.
        """
        first = start_of(day_of(now_ms()) + 2)
        for sku in skus:
            self.receive(sku, first, 100)
            self.tell(DemandKind.SIGNAL, sku, first, signal=SignalKind.SEARCH, quantity=20, location="LEEDS")
        for day in range(1, 10):
            at_ms = first + day * MILLISECONDS_PER_DAY
            for sku in skus:
                searches = 20 if day < 9 else 90
                self.tell(DemandKind.WAKE, sku, at_ms)
                self.tell(DemandKind.SIGNAL, sku, at_ms, signal=SignalKind.SEARCH, quantity=searches, location="LEEDS")
                for hour in (9, 12, 15):
                    self.sell(sku, at_ms + hour * MILLISECONDS_PER_HOUR, 3)
            after_each_day(day)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until it is so."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, what
            time.sleep(0.1)

    def records(self) -> list[DemandRecord]:
        """The demand log as it is now."""
        return [self._decode(each.value(), None) for each in self.heard.to_the_end(self.stage.topology).all]

    def folded(self, policy: ReplenishmentPolicy) -> tuple[list[Proposal], list[Any], list[Any]]:
        """What must have been said: the demand log folded once more, by the core alone."""
        proposals, insights, covers = list[Proposal](), list[Any](), list[Any]()
        self.worlds.clear()
        for partition, messages in sorted(self.heard.to_the_end(self.stage.topology).said.items()):
            world, at_ms = World(policy), 0
            self.worlds.append(world)
            for message in messages:
                at_ms = max(at_ms, message.timestamp()[1])
                cause = f"{self.topic}-{partition}-{message.offset()}"
                try:
                    record = self._decode(message.value(), None)
                except Malformed:
                    continue
                decision = decide_demand(world, DemandArrival(record, cause, at_ms), policy)
                world.take(decision)
                proposals += proposals_of(decision)
                insights += decision.insights
                covers += decision.covers
        return proposals, insights, covers

    def outlook(self, sku: str, place: str) -> Outlook:
        """What is kept of a SKU at a place, by what was folded last."""
        [row] = [row for world in self.worlds if (row := world.outlook(sku, place)) is not None]
        return row

    def judge(self, topology: Topology) -> None:
        """All that was said is what the log gives, in its order and once."""
        proposals, insights, covers = self.folded(topology.replenishment)
        for tail, wanted in ((self.proposals, proposals), (self.insights, insights)):
            at_least(tail, len(wanted))
            assert tail.to_the_end(topology).all == wanted
        said = [each for each in self.campaigns.to_the_end(topology).all if each.signal is not None]
        assert [(each.campaign_id, each.signal.cover_days) for each in said] == [
            (each.campaign, each.cover_days) for each in covers
        ]


def at_least(tail: Tail, count: int) -> None:
    """Wait until so many records were said."""
    tail.until(lambda tail: len(tail.all) >= count, PATIENCE_S, f"not {count} records")

"""Channels on a real worker: availability and edges arrive, and what a reference record changes reaches every SKU."""

from __future__ import annotations

from agents.inventory.answers import Status
from agents.inventory.channels import Method
from agents.inventory.offers import State
from agents.inventory.transactions import (
    ChannelReference,
    Kind,
    LocationReference,
    PolicySettings,
    Watcher,
)
from agents.runtime.reference import (
    Broadcast,
    Reference,
    reference_key,
    reference_transaction,
    write_broadcasts,
)
from tests.integration.harness import Stage, Tail, a_transaction, receipt, reserve

SKUS = 900
"""More than a partition visits at a time."""


def set_reference(stage: Stage, *references: Reference, number: int = 1) -> None:
    records = [
        Broadcast(
            reference_key(each).encode(),
            stage.encoded(reference_transaction(each, f"{reference_key(each)}-{number}", "test")),
        )
        for each in references
    ]
    write_broadcasts(stage.topology.kafka, stage.topology.app, stage.transactions, stage.partitions, records)


def watched_edges(stage: Stage) -> Tail:
    topic = next(name for name in reversed(stage.agent.says) if stage.topology.all_topics[name].schema == "edge")
    decode = stage._codec.decoder(topic, "edge")
    return Tail(stage.topology, topic, lambda message: (message.key(), decode(message.value())))


def test_availability_and_edges_arrive_and_who_watches_hears_them_under_its_key(any_stage: Stage) -> None:
    any_stage.worker().start().until_ready()
    sku, other = any_stage.sku_of(0), any_stage.sku_of(1)
    set_reference(
        any_stage,
        ChannelReference("web"),
        LocationReference("LEEDS", region="north"),
        PolicySettings(rule="low", low_at=2, low_until=4),
    )
    watched = watched_edges(any_stage)
    watcher = Watcher(watched.topic, "summer")
    any_stage.send(
        a_transaction(Kind.WATCH, sku, "w", location=None, occurred_at_ms=None, watcher=watcher),
        a_transaction(
            Kind.WATCH, sku, "lost", location=None, occurred_at_ms=None, watcher=Watcher("alerts.v1", "summer")
        ),
        receipt(sku, 10),
        receipt(other, 1),
        reserve(sku, 8, "cart", channel="web"),
    )
    any_stage.settle()
    any_stage.judge()
    assert any_stage.answer_to("w").status is Status.ACCEPTED
    assert any_stage.answer_to("lost").refusal == "unknown_topic"
    last = {each.sku: each for each in any_stage.tail("availability").all}
    (group,) = last[sku].groups
    assert group.channels == ("web",)
    assert [(offer.method, offer.region, offer.quantity, offer.state) for offer in group.offers] == [
        (Method.SHIPPING, None, 2, State.LOW),
        (Method.SHIPPING, "north", 2, State.LOW),
    ]
    edges = [(edge.sku, edge.region, edge.previous, edge.state) for edge in any_stage.tail("edge").all]
    assert [edge for edge in edges if edge[0] == sku and edge[1] is None] == [
        (sku, None, State.OUT, State.IN_STOCK),
        (sku, None, State.IN_STOCK, State.LOW),
    ]
    heard = watched.to_the_end(any_stage.topology).all
    assert {key for key, _ in heard} == {b"summer"}
    assert [(edge.method, edge.previous, edge.state) for _, edge in heard if edge.region is None] == [
        (Method.PICKUP, None, State.OUT),
        (Method.SHIPPING, None, State.OUT),
        (Method.SHIPPING, State.OUT, State.IN_STOCK),
        (Method.SHIPPING, State.IN_STOCK, State.LOW),
    ]
    watched.close()


def test_without_a_channel_nothing_of_it_is_said(stage: Stage) -> None:
    stage.worker().start().until_ready()
    set_reference(stage, LocationReference("LEEDS"), PolicySettings(rule="low", low_at=2))
    stage.send(receipt(stage.sku_of(0), 10))
    stage.settle()
    stage.judge()
    assert stage.tail("availability").to_the_end(stage.topology).all == []
    assert stage.tail("edge").to_the_end(stage.topology).all == []


def test_a_policy_change_reaches_every_sku_that_lies_still_also_across_a_kill(any_stage: Stage) -> None:
    worker = any_stage.worker().start().until_ready()
    set_reference(any_stage, ChannelReference("web"))
    for number in range(SKUS):
        any_stage.offer(receipt(f"shoe-{number:04}", 10))
    any_stage.flush()
    any_stage.settle()
    set_reference(any_stage, PolicySettings(rule="care", safety_stock=3))
    any_stage.tail("level").until(lambda tail: any(level.safety_stock == 3 for level in tail.all))
    worker.kill()
    worker.start().until_ready()

    def all_are_told(tail: Tail) -> bool:
        last = {level.sku: level for level in tail.all}
        return all(last[f"shoe-{number:04}"].safety_stock == 3 for number in range(SKUS))

    any_stage.tail("level").until(all_are_told, 60, "not every SKU was visited")
    any_stage.settle()
    expected = any_stage.judge()
    levels = any_stage.levels()
    for number in range(SKUS):
        level = levels[f"shoe-{number:04}", "LEEDS"]
        assert (level.atp, level.safety_stock, level.revision) == (7, 3, 2)
    told = {each.sku: each.groups[0].offers[0].quantity for each in any_stage.tail("availability").all}
    assert {told[f"shoe-{number:04}"] for number in range(SKUS)} == {7}
    visits = [t.sku for want in expected.values() for t in want.transactions if t.kind is Kind.REFRESH]
    assert {f"shoe-{number:04}" for number in range(SKUS)} <= set(visits)
    assert len(visits) < 3 * SKUS, "the walk began anew again and again"


def test_a_place_that_closes_gives_its_claims_to_others_of_their_list(stage: Stage) -> None:
    stage.worker().start().until_ready()
    sku = stage.sku_of(1)
    stage.send(
        receipt(sku, 5),
        receipt(sku, 5, location="YORK"),
        reserve(sku, 4, "cart", location=None, locations=("LEEDS", "YORK")),
    )
    stage.settle()
    set_reference(stage, LocationReference("LEEDS", open=False))
    stage.tail("answer").until(lambda tail: any(said.status is Status.MOVED for said in tail.all))
    stage.settle()
    stage.judge()
    assert stage.levels()[sku, "LEEDS"].reserved == 0
    assert stage.levels()[sku, "YORK"].reserved == 4

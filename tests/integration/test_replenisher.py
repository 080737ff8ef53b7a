"""Replenisher and ledger as processes: a need is told once whatever is killed, the copy is the journal, transfers are asked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from agents.inventory.replenishment.words import (
    REPLENISHER,
    DemandKind,
    InsightType,
    ProposalType,
    RequestStatus,
    SignalKind,
)
from agents.inventory.transactions import Item, Kind, LocationReference, Watcher
from agents.inventory.units import MILLISECONDS_PER_DAY, date_of_day, day_of, start_of
from agents.runtime.plan import said_topics
from tests.integration.harness import Stage, a_transaction, now_ms, receipt
from tests.integration.replenishing import PATIENCE_S, Shop, with_time_of_publishers
from tools.brokers.encoding import codec_of
from tools.brokers.scratch import ClusterAddress
from tools.order_day.settling import Settling

pytestmark = pytest.mark.embedded


@pytest.fixture
def shop(broker: ClusterAddress, tmp_path: Path) -> Iterator[Shop]:
    with Stage(broker, tmp_path, edit=with_time_of_publishers) as stage:
        stage.create(REPLENISHER)
        yield Shop(stage)


def test_a_need_is_told_once_though_the_worker_is_killed_and_replay_gives_the_same_words(shop: Shop) -> None:
    stage = shop.stage
    skus = [stage.sku_of(partition, name) for partition in range(stage.partitions) for name in ("boot", "shoe")]
    worker = shop.worker(REPLENISHER, "1")

    def kill(day: int) -> None:
        if day in {4, 7}:
            stage.flush()
            worker.until_ready()
            worker.kill()
            worker.start()

    shop.trade_nine_days(skus, after_each_day=kill)
    stage.flush()
    shop.proposals.until(lambda tail: len(tail.all) >= len(skus), PATIENCE_S, "nothing was requested")
    shop.judge(stage.topology)
    opened = [each.order.sku for each in shop.proposals.all if each.order.status is RequestStatus.OPENED]
    assert sorted(opened) == sorted(skus)
    assert {insight.sku for insight in shop.insights.all} == set(skus)


def test_what_the_ledger_decides_is_in_the_demand_log_line_by_line(shop: Shop) -> None:
    stage = shop.stage
    keeper = stage.worker("1").start().until_ready()
    sku = stage.sku_of(1)
    campaigns = said_topics(stage.topology, shop.agent)["campaign"]
    for partition in range(stage.partitions):
        place = a_transaction(
            Kind.LOCATION, "", "l1", location=None, location_reference=LocationReference("YORK", latitude_tenths=540)
        )
        stage.send_raw(b"location:YORK", stage.encoded(place), partition)
    stage.send(
        receipt(sku, 20),
        receipt(sku, 5, location="YORK"),
        a_transaction(Kind.ITEM, sku, location=None, item=Item(category="shoes")),
        a_transaction(Kind.WATCH, sku, location=None, watcher=Watcher(campaigns, "summer")),
        a_transaction(Kind.WATCH, sku, location=None, watcher=Watcher(campaigns, "summer"), transaction_id="w2"),
        a_transaction(Kind.RESERVE, sku, quantity=4, holder="o-1"),
        a_transaction(Kind.RESERVE, sku, quantity=400, holder="o-2"),
        a_transaction(Kind.SHIP, sku, quantity=5, holder="o-1"),
        a_transaction(Kind.COUNT, sku, quantity=15),
        a_transaction(Kind.TRANSFER_OUT, sku, quantity=2, to_location="YORK", transfer="t-1"),
        a_transaction(Kind.UNWATCH, sku, location=None, watcher=Watcher(campaigns, "summer")),
    )
    keeper.kill()
    keeper.start()
    stage.settle()
    journal = [each for each in stage.tail("journal").all if each.sku == sku]
    copies = [each for each in shop.records() if each.sku == sku]
    moved = [each for each in copies if each.kind is DemandKind.MOVED]
    assert [(each.record_id, each.moved) for each in moved] == [
        (each.event_id, each.kind) for each in journal if each.postings or each.kind is Kind.COUNT
    ]
    posted = {each.event_id: [(p.account, p.location, p.quantity) for p in each.postings] for each in journal}
    assert all([(p.account, p.location, p.quantity) for p in each.postings] == posted[each.record_id] for each in moved)
    counted = next(each for each in moved if each.moved is Kind.COUNT)
    assert (counted.postings, counted.location) == ((), "LEEDS")
    assert [each.transfer for each in moved if each.moved is Kind.TRANSFER_OUT] == ["t-1"]
    others = [(each.kind, each.category or each.campaign) for each in copies if each.kind is not DemandKind.MOVED]
    assert others[0] == (DemandKind.ITEM, "shoes")
    assert set(others[1:]) == {(DemandKind.WATCHED, "summer"), (DemandKind.UNWATCHED, "summer")}
    assert others[-1] == (DemandKind.UNWATCHED, "summer")
    places = [each.place for each in shop.records() if each.kind is DemandKind.PLACE]
    assert [place.location for place in places if place] == ["YORK"] * stage.partitions


def test_a_transfer_is_asked_of_the_ledger_and_where_it_is_refused_the_goods_are_ordered(shop: Shop) -> None:
    stage = shop.stage
    stage.worker("1").start().until_ready()
    shop.worker(REPLENISHER, "2").until_ready()
    for place in (LocationReference("LEEDS", latitude_tenths=538, longitude_tenths=-15),
                  LocationReference("YORK", latitude_tenths=540, longitude_tenths=-11)):  # fmt: skip
        for partition in range(stage.partitions):
            record = a_transaction(Kind.LOCATION, "", place.location, location=None, location_reference=place)
            stage.send_raw(f"location:{place.location}".encode(), stage.encoded(record), partition)
    there, gone = stage.sku_of(0, "there"), stage.sku_of(1, "gone")
    for sku in (there, gone):
        stage.send(receipt(sku, 900, location="YORK"), receipt(sku, 30))
        stage.send(
            a_transaction(Kind.SALE, sku, quantity=20), a_transaction(Kind.SALE, sku, quantity=1, location="YORK")
        )
    stage.settle()
    # Somebody has taken the units away, and nobody has told the replenisher yet.
    stage.send(a_transaction(Kind.ADJUST, gone, quantity=-899, location="YORK", reason="theft"))
    stage.settle()
    shop.receive(gone, now_ms(), 899, "YORK")
    tomorrow = start_of(day_of(now_ms()) + 1)
    for sku in (there, gone):
        shop.tell(DemandKind.WAKE, sku, tomorrow)
    stage.flush()

    shop.proposals.until(
        lambda tail: any(each.type is ProposalType.ORDER and each.order.sku == gone for each in tail.all), PATIENCE_S
    )
    transfers = {each.transfer.sku: each.transfer for each in shop.proposals.all if each.type is ProposalType.TRANSFER}
    assert transfers.keys() == {there, gone}
    assert all(each.ordered and each.distance_km < 100 for each in transfers.values())
    records = shop.records()
    [refused] = [each for each in records if each.kind is DemandKind.REFUSED]
    assert (refused.sku, refused.transfer, refused.reason) == (gone, transfers[gone].transfer, "insufficient_atp")
    assert stage.answer_to(transfers[there].transfer).quantity == transfers[there].quantity
    [sent] = [each for each in shop.records() if each.moved is Kind.TRANSFER_OUT]
    assert (sent.sku, sent.transfer) == (there, transfers[there].transfer)
    ordered = [each.order for each in shop.proposals.all if each.type is ProposalType.ORDER]
    assert [(each.sku, each.quantity) for each in ordered] == [(gone, transfers[gone].quantity)]

    # The van arrives: there is nothing more to be asked for, neither then nor the days after.
    arrival = a_transaction(
        Kind.TRANSFER_IN, there, quantity=sent.postings[-1].quantity, transfer=sent.transfer, last=True
    )
    stage.send(arrival)
    stage.settle()
    assert stage.answer_to(arrival.transaction_id).quantity == transfers[there].quantity
    proposals = len(shop.proposals.to_the_end(stage.topology).all)
    shop.tell(DemandKind.WAKE, there, tomorrow + MILLISECONDS_PER_DAY)
    stage.flush()
    Settling(stage.topology, codec_of(stage.topology), (REPLENISHER,)).wait(PATIENCE_S)
    shop.judge(stage.topology)
    assert len(shop.proposals.all) == proposals
    row = shop.outlook(there, "LEEDS")
    assert (row.in_transit, row.coming, row.need) == (0, (), None)
    assert row.unpromised == 10 + transfers[there].quantity


def test_what_is_seen_outside_becomes_an_insight_with_figures_a_date_and_a_time_until_which_it_holds(
    shop: Shop,
) -> None:
    stage = shop.stage
    stage.worker("1").start().until_ready()
    replenisher = shop.worker(REPLENISHER, "2").until_ready()
    seen = {
        signal: stage.sku_of(number % stage.partitions, signal.value.lower())
        for number, signal in enumerate(SignalKind)
    }
    for sku in seen.values():
        stage.send(receipt(sku, 100), a_transaction(Kind.SALE, sku, quantity=9))
    stage.settle()
    first = start_of(day_of(now_ms()) + 2)
    for day in range(9):
        for signal, sku in seen.items():
            at_ms, price = first + day * MILLISECONDS_PER_DAY, signal is SignalKind.COMPETITOR_PRICE
            quantity = (5_490 if day < 8 else 3_990) if price else (20 if day < 8 else 90)
            shop.tell(DemandKind.WAKE, sku, at_ms)
            shop.tell(DemandKind.SIGNAL, sku, at_ms + 1, signal=signal, quantity=quantity, location="LEEDS")
        for sku in seen.values():
            shop.sell(sku, first + day * MILLISECONDS_PER_DAY + MILLISECONDS_PER_DAY // 2, 9)
        if day == 5:
            stage.flush()
            replenisher.kill()
            replenisher.start()
    stage.flush()
    shop.insights.until(lambda tail: len(tail.all) >= len(seen), PATIENCE_S, "something was seen, and not said")
    shop.judge(stage.topology)

    said = {each.sku: each for each in shop.insights.all}
    assert {signal: said[sku].signal for signal, sku in seen.items()} == {signal: signal for signal in seen}
    last = first + 8 * MILLISECONDS_PER_DAY
    for signal, sku in seen.items():
        insight = said[sku]
        assert (insight.location, insight.figures.available) == ("LEEDS", 100 - 9 * 9)
        assert (insight.at_ms, insight.holds_until_ms) == (last + 1, last + 1 + 3 * MILLISECONDS_PER_DAY)
        if signal is SignalKind.COMPETITOR_PRICE:
            assert insight.type is InsightType.COMPETITOR_CHEAPER
            assert (insight.signal_today, insight.signal_usual_thousandths) == (3_990, 5_490_000)
            assert "27 % below the usual price" in insight.message
            continue
        assert insight.type is InsightType.LOW_WHILE_DEMAND_RISES
        assert (insight.signal_today, insight.signal_usual_thousandths, insight.rise_thousandths) == (90, 20_000, 4_500)
        assert insight.reorder > 0
        assert insight.reorder_by == date_of_day(day_of(last)), "less than its lead time of cover: today"
        assert (insight.budget_percent, insight.budget_from) == (20, date_of_day(day_of(last) + 7))
        assert f"reorder {insight.reorder} by {insight.reorder_by}, +20 % budget there" in insight.message

"""From the ledger's decisions to KPIs, by the folds that the agents run, without a broker."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from agents.codec import Codec, Malformed, SchemaSet
from agents.inventory.campaigns.words import Command, CommandKind
from agents.inventory.orders.words import Routing, RoutingType
from agents.inventory.postings import Account, JournalRecord, Posting
from agents.inventory.replenishment.words import DemandKind, DemandRecord, Moved
from agents.inventory.scores.kpis import YEAR_SECONDS
from agents.inventory.scores.words import Counter, Dimension, KpiRecord, Tally
from agents.inventory.transactions import ChannelReference, Item, Kind, LocationReference, Transaction
from agents.replenisher import ReplenisherWords, ReplenishmentFold
from agents.runtime.fold import FoldContext, Outbox
from agents.runtime.reference import reference_key, reference_transaction
from agents.runtime.topology import load
from agents.scorekeeper import SOURCES, WINDOWS, CountingFold, CountingWords, WindowFold, WindowWords
from agents.state.ledger import LEDGER_TABLES
from agents.state.memory import MemoryStore
from agents.state.overlay import Overlay
from agents.state.replenishment import REPLENISHMENT_TABLES
from agents.state.scores import WINDOW_TABLES
from agents.stock_keeper import LedgerFold, Words
from tests.agents.two_folds import TOPOLOGY_FILE, Given, never

HOUR, DAY = 3_600_000, 86_400_000
MONDAY = 1_767_571_200_000
NOON = MONDAY + 12 * HOUR
TOPOLOGY, CODEC = load(TOPOLOGY_FILE, {}), Codec(SchemaSet.load())
BY_SCHEMA = {source.schema: source for source in SOURCES}


class Row:
    """Ledger, counting scorekeepers and windows in a row: what one says is the next one's record."""

    def __init__(self) -> None:
        self.topology, self.codec = TOPOLOGY, CODEC
        self.words = Words(self.topology, self.codec)
        self.overlays = {"ledger": Overlay(MemoryStore(), LEDGER_TABLES, 1_000)}
        self.ledger = LedgerFold(FoldContext(self.overlays["ledger"], self.words.transactions, 0, never), self.words)
        self.counting: dict[str, CountingFold] = {}
        for source in SOURCES:
            words = CountingWords(self.topology, self.codec, source)
            overlay = self.overlays[source.agent] = Overlay(MemoryStore(), source.tables, 1_000)
            topic = self.topology.agents[source.agent].folds
            self.counting[topic] = CountingFold(FoldContext(overlay, topic, 0, never), words)
        window_words = WindowWords(self.topology, self.codec)
        self.scores = self.topology.agents[WINDOWS].folds
        overlay = self.overlays[WINDOWS] = Overlay(MemoryStore(), WINDOW_TABLES, 1_000)
        self.windows = WindowFold(FoldContext(overlay, self.scores, 0, never), window_words)
        self.decode_kpi = self.codec.decoder(window_words.kpis, "kpi")
        self.decode_tally = self.codec.decoder(self.scores, "tally")
        self.tallies: list[Tally] = []
        self.kpis: list[KpiRecord] = []
        self._offset = 0

    def given(self, key: bytes | None, value: bytes | None, at_ms: int) -> Given:
        self._offset += 1
        return Given(key or b"", value or b"", self._offset, at_ms)

    def transact(self, at_ms: int, kind: Kind, sku: str = "SHOE", **fields: Any) -> None:
        key = fields.pop("key", sku)
        transaction = fields.pop("whole", None) or Transaction(
            transaction_id=f"t{self._offset}", source="test", kind=kind, sku=sku, occurred_at_ms=at_ms, **fields
        )
        outbox: Outbox = []
        self.ledger.fold(self.given(key.encode(), self.words.transaction(transaction), at_ms), at_ms, outbox)
        self.ledger.end_chunk(outbox)
        for topic, said_key, value, _, _ in outbox:
            if topic in self.counting:
                self.hear(topic, said_key, value, at_ms)

    def say(self, schema: str, key: str, record: Any) -> None:
        topic = self.topology.agents[BY_SCHEMA[schema].agent].folds
        self.hear(topic, key.encode(), self.codec.encoder(topic, schema)(record), record.at_ms)

    def hear(self, topic: str, key: bytes | None, value: bytes | None, at_ms: int) -> None:
        outbox: Outbox = []
        self.counting[topic].fold(self.given(key, value, at_ms), at_ms, outbox)
        self.counting[topic].end_chunk(outbox)
        self.count(((said_key, said) for _, said_key, said, _, _ in outbox), at_ms)

    def count(self, records: Iterable[tuple[bytes | None, bytes | None]], at_ms: int) -> None:
        outbox: Outbox = []
        for key, value in records:
            self.tallies.append(self.decode_tally(value, None))
            self.windows.fold(self.given(key, value, at_ms), at_ms, outbox)
        self.windows.end_chunk(outbox)
        self.kpis += [self.decode_kpi(value, None) for _, _, value, _, _ in outbox]

    def close_day(self) -> dict[str, dict[str, tuple[int, int]]]:
        """Wake what is due until the day is closed; subject -> KPI -> fraction of the closed day."""
        for at_ms in range(NOON, MONDAY + DAY + 120_000, 60_000):
            self.count(self.windows.due(at_ms, 500), at_ms)
        return {
            each.subject: {figure.kpi: (figure.numerator, figure.denominator) for figure in each.figures}
            for each in self.kpis
            if each.closed and each.window == "1d" and each.from_ms == MONDAY
        }


def test_what_the_ledger_decides_comes_out_as_kpis() -> None:
    row = Row()
    for each in (LocationReference("LEEDS"), ChannelReference("web", locations=("LEEDS",))):
        key = reference_key(each)
        whole = reference_transaction(each, key, "test")
        row.transact(MONDAY, whole.kind, key=key, whole=whole)
    row.transact(MONDAY, Kind.ITEM, item=Item(unit_cost=730))
    row.transact(MONDAY, Kind.RECEIPT, location="LEEDS", quantity=100)
    row.transact(NOON, Kind.ALLOCATE, location="LEEDS", quantity=60, holder="o-1", channel="web")
    row.transact(NOON, Kind.SALE, location="LEEDS", quantity=40, channel="pos")
    row.transact(NOON, Kind.COUNT, location="LEEDS", quantity=50)
    row.transact(NOON + 1, Kind.COUNT, location="LEEDS", quantity=50)
    closed = row.close_day()
    stock = (100 + 50) * 12 * 3_600
    assert closed["all"]["turnover"] == (40 * YEAR_SECONDS, stock)
    assert closed["location:LEEDS"]["oversell_rate"] == (10, 40), "ten allocated units are not there"
    assert closed["location:LEEDS"]["shrinkage_rate"] == (10, 40)
    assert closed["channel:pos"]["oversell_rate"] == (0, 40)
    assert closed["all"]["stock_accuracy"] in {(0, 1), (1, 2)}, (
        "the second count is of the same second: refused or right"
    )
    numerator, denominator = closed["class:C"]["carrying_cost"]
    assert numerator / denominator == pytest.approx(75 * 730 / 4 / 365)
    assert closed["channel:web"]["availability"] == (12 * 3_600, 24 * 3_600), "sold out from noon on"


def test_orders_and_campaigns_are_counted_by_their_own_agents() -> None:
    row = Row()
    for type_, at_ms in ((RoutingType.ALLOCATED, NOON), (RoutingType.SHIPPED, NOON + HOUR)):
        routing = Routing(
            event_id="r", type=type_, order_id="o-1", line=1, sku="SHOE", quantity=2, at_ms=at_ms, channel="web",
            ordered=2, placed_at_ms=NOON - HOUR,
        )  # fmt: skip
        row.say("order_routing", "o-1", routing)
    for kind, at_ms in ((CommandKind.PAUSE, NOON), (CommandKind.RESUME, NOON + HOUR)):
        command = Command(
            event_id="c", idempotency_key="k", sequence=1, attempt=1, kind=kind, campaign_id="summer", platform="meta",
            account="a", entity="e", at_ms=at_ms, expires_at_ms=at_ms, reason="out_of_stock",
        )  # fmt: skip
        row.say("campaign_command", "summer", command)
    closed = row.close_day()
    assert closed["channel:web"] == {"fill_rate": (2, 2), "order_accuracy": (1, 1), "fulfilment_time": (7_200, 1)}
    assert closed["platform:meta"] == {"wasted_ad_time_avoided": (3_600, 1)}


def test_a_chunk_that_is_decided_once_more_is_counted_once() -> None:
    row = Row()
    topic = "inventory.journal.v1"
    fold, overlay = row.counting[topic], row.overlays["scorekeeper_stock"]
    journal = JournalRecord(
        event_id="e", transaction_id="t", source="s", sku="SHOE", kind=Kind.RECEIPT, at_ms=MONDAY, occurred_at_ms=MONDAY,
        postings=(Posting(Account.SUPPLIER, "X", -5), Posting(Account.UNPROMISED, "X", 5)),
    )  # fmt: skip
    value = row.codec.encoder(topic, "journal")(journal)
    told: Outbox = []
    fold.fold(row.given(b"SHOE", value, 1), MONDAY, told)
    overlay.discard()
    fold.fold(row.given(b"SHOE", value, 1), MONDAY, told)
    fold.end_chunk(told)
    tallies = [row.decode_tally(said[2], None) for said in told]
    found = {tally.subject: {each.counter: each.amount for each in tally.counts} for tally in tallies}
    assert found == {subject: {Counter.STOCK_CHANGE: 5} for subject in ("all", "location:X", "class:C")}
    again: Outbox = []
    fold.end_chunk(again)
    assert again == []


def test_a_record_under_another_key_than_its_own_is_malformed() -> None:
    row = Row()
    topic = "orders.routing.v1"
    routing = Routing(event_id="r", type=RoutingType.SHIPPED, order_id="o-1", line=1, sku="S", quantity=1, at_ms=1)
    with pytest.raises(Malformed, match="is not 'o-1'"):
        row.counting[topic].fold(row.given(b"o-2", row.codec.encoder(topic, "order_routing")(routing), 1), 1, [])
    tally = Tally(tally_id="t", source="s", subject="all")
    with pytest.raises(Malformed, match="is not its subject 'all'"):
        row.windows.fold(row.given(b"location:X", row.codec.encoder(row.scores, "tally")(tally), 1), 1, [])


def test_a_subject_of_no_known_dimension_is_malformed() -> None:
    row = Row()
    value = row.codec.encoder(row.scores, "tally")(Tally(tally_id="t", source="s", subject="planet:MARS"))
    with pytest.raises(Malformed, match="no known dimension"):
        row.windows.fold(row.given(b"planet:MARS", value, 1), 1, [])


def test_days_of_the_replenisher_become_forecast_error_and_lost_sales() -> None:
    """Ten a day for three weeks, then the shelf is empty for a whole day: about ten are missed."""
    row = Row()
    words = ReplenisherWords(row.topology, row.codec)
    context = FoldContext(Overlay(MemoryStore(), REPLENISHMENT_TABLES, 1_000), words.demand, 0, never)
    fold = ReplenishmentFold(context, words, row.topology.replenishment)
    begin = MONDAY - 21 * DAY

    def moved(at_ms: int, kind: Kind, source: Account, target: Account, quantity: int) -> None:
        postings = (Moved(source, "LEEDS", -quantity), Moved(target, "LEEDS", quantity))
        record = DemandRecord(
            record_id=f"m{at_ms}", source="stock_keeper", kind=DemandKind.MOVED, sku="SHOE", location="LEEDS", moved=kind,
            postings=postings,
        )  # fmt: skip
        outbox: Outbox = []
        fold.fold(row.given(b"SHOE", words.record(record), at_ms), at_ms, outbox)
        fold.end_chunk(outbox)
        row.count(((said[1], said[2]) for said in outbox if said[0] == row.scores), at_ms)

    moved(begin, Kind.RECEIPT, Account.SUPPLIER, Account.UNPROMISED, 210)
    for day in range(21):
        moved(begin + day * DAY + DAY - 1_000, Kind.SALE, Account.UNPROMISED, Account.CUSTOMER, 10)
    moved(MONDAY + DAY, Kind.RECEIPT, Account.SUPPLIER, Account.UNPROMISED, 100)
    later = MONDAY + DAY + 61_000
    row.count(row.windows.due(later, 500), later)
    last = {each.from_ms: each for each in row.kpis if each.subject == "location:LEEDS" and each.window == "1d"}
    assert row.kpis[-1].dimension in Dimension
    figures = {figure.kpi: figure for figure in last[MONDAY].figures}
    assert figures["lost_sales"].numerator == pytest.approx(10_000, abs=200)
    assert "forecast_error" not in figures, "nothing was sold: nothing to measure it by"
    sunday = {figure.kpi: figure for figure in last[MONDAY - DAY].figures}
    assert sunday["forecast_error"].value_millionths < 100_000

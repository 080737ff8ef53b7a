"""What the stock keeper tells the replenisher of its decisions, and what it keeps to itself."""

from __future__ import annotations

from typing import Any

from agents.codec import digest
from agents.inventory.decide import decide
from agents.inventory.replenishment.copying import copies_of
from agents.inventory.replenishment.validation import problem_of
from agents.inventory.replenishment.words import DemandKind, DemandRecord
from agents.inventory.rows import Arrival
from agents.inventory.transactions import Item, Kind, LocationReference, Mode, Transaction, Watcher
from tools.scenario.memory_rows import MemoryRows

NOON_MS = 1_790_000_000_000
CAMPAIGNS = "campaigns.v1"
TOPICS = CAMPAIGNS, "watched.edges.v1"


class Ledger:
    """A ledger of its own, and what the replenisher hears of it."""

    def __init__(self) -> None:
        self.rows = MemoryRows()
        self.offset = 0

    def tell(
        self, kind: Kind, transaction_id: str | None = None, *, history: bool = False, **fields: Any
    ) -> list[DemandRecord]:
        self.offset += 1
        said = {"transaction_id": transaction_id or f"t{self.offset}", "source": "wms", "sku": "SHOE", **fields}
        transaction = Transaction(kind=kind, occurred_at_ms=NOON_MS, **said)
        cause = f"inventory.transactions.v1-0-{self.offset}"
        arrival = Arrival(
            transaction, cause, self.offset, NOON_MS + self.offset, digest(transaction), False, None, TOPICS
        )
        decision = decide(self.rows, arrival)
        self.rows.apply(decision.changes)
        copies = copies_of(transaction, decision, CAMPAIGNS, history=history)
        assert [problem_of(copy) for copy in copies] == [None] * len(copies)
        return copies


def test_a_posting_is_told_without_its_claim() -> None:
    ledger = Ledger()
    ledger.tell(Kind.RECEIPT, location="LEEDS", quantity=9)
    [copy] = ledger.tell(Kind.RESERVE, location="LEEDS", quantity=2, holder="o-1")
    assert (copy.kind, copy.moved, copy.sku) == (DemandKind.MOVED, Kind.RESERVE, "SHOE")
    assert [(each.account.value, each.location, each.quantity) for each in copy.postings] == [
        ("unpromised", "LEEDS", -2),
        ("reserved", "LEEDS", 2),
    ]
    assert "o-1" not in repr(copy)


def test_what_is_refused_repeated_or_moves_nothing_is_not_told() -> None:
    ledger = Ledger()
    ledger.tell(Kind.RECEIPT, "r1", location="LEEDS", quantity=9)
    assert ledger.tell(Kind.RECEIPT, "r1", location="LEEDS", quantity=9) == []
    assert ledger.tell(Kind.RESERVE, location="LEEDS", quantity=20, holder="o-1") == []
    ledger.tell(Kind.RESERVE, location="LEEDS", quantity=2, holder="o-2")
    assert ledger.tell(Kind.EXTEND, holder="o-2") == []


def test_a_count_that_finds_what_it_should_is_told_with_its_place() -> None:
    ledger = Ledger()
    ledger.tell(Kind.RECEIPT, location="LEEDS", quantity=9)
    [copy] = ledger.tell(Kind.COUNT, location="LEEDS", quantity=9)
    assert (copy.moved, copy.location, copy.postings) == (Kind.COUNT, "LEEDS", ())


def test_history_is_told_as_history() -> None:
    ledger = Ledger()
    [copy] = ledger.tell(Kind.SALE, location="LEEDS", quantity=1, history=True)
    assert copy.history
    [copy] = ledger.tell(Kind.SALE, location="LEEDS", quantity=1)
    assert not copy.history


def test_only_refusals_of_its_own_transfers_are_told() -> None:
    ledger = Ledger()
    ledger.tell(Kind.RECEIPT, location="YORK", quantity=9)
    ledger.tell(Kind.RECEIPT, location="LEEDS", quantity=1)
    ask: dict[str, Any] = {"location": "YORK", "to_location": "LEEDS", "quantity": 20, "mode": Mode.REQUEST}
    assert ledger.tell(Kind.TRANSFER_OUT, transfer="x-1", **ask) == []
    [copy] = ledger.tell(Kind.TRANSFER_OUT, transfer="x-2", source="replenisher", **ask)
    assert (copy.kind, copy.transfer, copy.reason) == (DemandKind.REFUSED, "x-2", "insufficient_atp")
    [copy] = ledger.tell(Kind.TRANSFER_OUT, transfer="x-3", source="replenisher", **{**ask, "quantity": 5})
    assert (copy.kind, copy.transfer) == (DemandKind.MOVED, "x-3")


def test_only_campaigns_that_watch_are_told() -> None:
    ledger = Ledger()
    ledger.tell(Kind.RECEIPT, location="LEEDS", quantity=9)
    [watched] = ledger.tell(Kind.WATCH, watcher=Watcher(CAMPAIGNS, "summer"))
    assert (watched.kind, watched.campaign) == (DemandKind.WATCHED, "summer")
    assert ledger.tell(Kind.WATCH, watcher=Watcher("watched.edges.v1", "somebody")) == []
    [unwatched] = ledger.tell(Kind.UNWATCH, watcher=Watcher(CAMPAIGNS, "summer"))
    assert (unwatched.kind, unwatched.campaign) == (DemandKind.UNWATCHED, "summer")


def test_categories_and_places_are_told() -> None:
    ledger = Ledger()
    [item] = ledger.tell(Kind.ITEM, item=Item(category="shoes"))
    assert (item.kind, item.category) == (DemandKind.ITEM, "shoes")
    place = LocationReference("LEEDS", country="GB", latitude_tenths=538, longitude_tenths=-15)
    [told] = ledger.tell(Kind.LOCATION, "l1", sku="", location_reference=place)
    assert told.place is not None
    assert (told.place.location, told.place.latitude_tenths, told.sku) == ("LEEDS", 538, "")
    assert ledger.tell(Kind.LOCATION, "l1", sku="", location_reference=place) == []

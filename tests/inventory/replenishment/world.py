"""A replenisher of its own: records in, words out. Rows are kept as the agent would keep them, and it is woken when due."""

from __future__ import annotations

from typing import Any

from agents.inventory.postings import Account
from agents.inventory.replenishment.decide import decide_demand
from agents.inventory.replenishment.rows import (
    OUTLOOKS,
    PLACES,
    SUPPLIERS,
    SUPPLIES,
    SUPPLIES_DUE,
    DayEnded,
    DemandArrival,
    DemandDecision,
    DemandRow,
    Key,
    Outlook,
    ReplenishmentPolicy,
    Supply,
)
from agents.inventory.replenishment.words import (
    CountProposal,
    Cover,
    DemandKind,
    DemandRecord,
    Insight,
    Moved,
    Request,
    SignalKind,
    Supplier,
    Terms,
    TransferProposal,
    Whereabouts,
)
from agents.inventory.transactions import Kind, Transaction
from agents.inventory.units import MILLISECONDS_PER_DAY

MONDAY = 20_458
"""2026-01-05."""
SHOE = "SHOE"


class World:
    """The rows, the clock of the log, and everything that was said."""

    def __init__(self, policy: ReplenishmentPolicy | None = None) -> None:
        self.policy = policy or ReplenishmentPolicy()
        self.rows: dict[tuple[str, Key], DemandRow] = {}
        self.places: dict[str, Whereabouts] = {}
        self.at_ms = MONDAY * MILLISECONDS_PER_DAY
        self.requests: list[Request] = []
        self.transfers: list[TransferProposal] = []
        self.counts: list[CountProposal] = []
        self.insights: list[Insight] = []
        self.covers: list[Cover] = []
        self.days: list[DayEnded] = []
        self.transactions: list[Transaction] = []
        self.offset = 0

    # -- what a decision reads -----------------------------------------------------------------------------------

    def outlook(self, sku: str, location: str) -> Outlook | None:
        row = self.rows.get((OUTLOOKS, (sku, location)))
        assert row is None or isinstance(row, Outlook)
        return row

    def supply(self, sku: str) -> Supply | None:
        row = self.rows.get((SUPPLIES, (sku,)))
        assert row is None or isinstance(row, Supply)
        return row

    def supplier(self, supplier: str) -> Supplier | None:
        row = self.rows.get((SUPPLIERS, (supplier,)))
        assert row is None or isinstance(row, Supplier)
        return row

    def place(self, location: str) -> Whereabouts | None:
        row = self.rows.get((PLACES, (location,)))
        assert row is None or isinstance(row, Whereabouts)
        return row or self.places.get(location)

    # -- what happens --------------------------------------------------------------------------------------------

    def hear(self, record: DemandRecord) -> DemandDecision:
        decision = decide_demand(self, DemandArrival(record, f"d-0-{self.offset}", self.at_ms), self.policy)
        self.offset += 1
        self.take(decision)
        return decision

    def take(self, decision: DemandDecision) -> None:
        """Keep the rows that a decision changed, and what it said."""
        for key, row in decision.changes.items():
            if row is None:
                del self.rows[key]
            else:
                self.rows[key] = row
        self.requests += decision.requests
        self.transfers += decision.transfers
        self.counts += decision.counts
        self.insights += decision.insights
        self.covers += decision.covers
        self.days += decision.days
        self.transactions += decision.transactions

    def tell(self, kind: DemandKind, sku: str = SHOE, **fields: Any) -> DemandDecision:
        fields = {"record_id": f"r{self.offset}", "source": "shop"} | fields
        return self.hear(DemandRecord(kind=kind, sku=sku, **fields))

    def moved(self, moved: Kind, *postings: Moved, sku: str = SHOE, **fields: Any) -> DemandDecision:
        return self.tell(DemandKind.MOVED, sku, moved=moved, postings=postings, **fields)

    def receive(self, units: int, place: str = "LEEDS", sku: str = SHOE) -> DemandDecision:
        return self.moved(Kind.RECEIPT, *pair(place, Account.SUPPLIER, Account.UNPROMISED, units), sku=sku)

    def sell(self, units: int, place: str = "LEEDS", sku: str = SHOE) -> DemandDecision:
        return self.moved(Kind.SALE, *pair(place, Account.UNPROMISED, Account.CUSTOMER, units), sku=sku)

    def lose(self, units: int, place: str = "LEEDS", sku: str = SHOE) -> DemandDecision:
        missed = pair(place, Account.UNPROMISED, Account.SHRINKAGE, units)
        return self.moved(Kind.COUNT, *missed, sku=sku, location=place)

    def send(self, proposal: TransferProposal) -> DemandDecision:
        """The ledger does a transfer that was proposed."""
        return self.moved(
            Kind.TRANSFER_OUT,
            Moved(Account.UNPROMISED, proposal.location, -proposal.quantity),
            Moved(Account.IN_TRANSIT, proposal.to_location, proposal.quantity),
            sku=proposal.sku,
            transfer=proposal.transfer,
        )

    def agree(self, sku: str = SHOE, **terms: Any) -> DemandDecision:
        return self.tell(DemandKind.TERMS, sku, terms=Terms(**terms))

    def see(self, signal: SignalKind, quantity: int, place: str | None = "LEEDS", **fields: Any) -> DemandDecision:
        return self.tell(DemandKind.SIGNAL, signal=signal, quantity=quantity, location=place, **fields)

    def promote(self, from_on: str, until_on: str, place: str | None = None) -> DemandDecision:
        return self.tell(DemandKind.PROMOTION, from_on=from_on, until_on=until_on, location=place)

    # -- time ----------------------------------------------------------------------------------------------------

    def pass_hours(self, hours: int) -> None:
        """Time goes on; who is due on the way is woken."""
        until_ms = self.at_ms + hours * 3_600_000
        while due := min(
            [key for table, key in self.rows if table == SUPPLIES_DUE and int(key[0]) <= until_ms], default=()
        ):
            self.at_ms = max(self.at_ms, int(due[0]))
            self.tell(DemandKind.WAKE, str(due[1]), source="replenisher")
        self.at_ms = until_ms

    def trade(self, days: int, units: int, place: str = "LEEDS", sku: str = SHOE) -> None:
        """So many days on each of which so many units are sold, at noon."""
        for _ in range(days):
            self.pass_hours(12)
            self.sell(units, place, sku)
            self.pass_hours(12)

    def at(self, place: str = "LEEDS", sku: str = SHOE) -> Outlook:
        row = self.outlook(sku, place)
        assert row is not None
        return row


def pair(place: str, source: Account, target: Account, units: int) -> tuple[Moved, Moved]:
    return Moved(source, place, -units), Moved(target, place, units)


def near(*names: str) -> dict[str, Whereabouts]:
    """Places in a row, about 69 km apart."""
    return {
        name: Whereabouts(name, latitude_tenths=500, longitude_tenths=10 * number) for number, name in enumerate(names)
    }

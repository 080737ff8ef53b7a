"""The working sheet of one decision of the replenisher: the outlooks as they become, and what is said."""

from __future__ import annotations

from typing import Any

import msgspec

from agents.inventory.replenishment.levels import (
    Levels,
    days_of_cover,
    figures_of,
    lead_time_of,
    levels_of,
    supplier_of,
    terms_of,
)
from agents.inventory.replenishment.rebalancing import Move
from agents.inventory.replenishment.rows import (
    OUTLOOKS,
    SUPPLIES,
    SUPPLIES_DUE,
    Coming,
    DayEnded,
    DemandArrival,
    DemandDecision,
    DemandRow,
    DemandRows,
    Key,
    Outlook,
    Rebalance,
    ReplenishmentPolicy,
    Supply,
    SupplyDue,
    Told,
)
from agents.inventory.replenishment.velocity import begin, exposure_of, forecast, roll
from agents.inventory.replenishment.words import (
    REPLENISHER,
    CountProposal,
    Cover,
    Figures,
    Insight,
    InsightType,
    Request,
    RequestStatus,
    TransferProposal,
)
from agents.inventory.transactions import Kind, Mode, Transaction
from agents.inventory.units import MILLISECONDS_PER_DAY, date_of_day, day_of

LONGEST_ID = 200
"""Characters that an id may have where it is read."""


class Sheet:
    """What one decision reads and what it is about to do. Lives for one decision."""

    def __init__(self, rows: DemandRows, arrival: DemandArrival, policy: ReplenishmentPolicy) -> None:
        self.record = arrival.record
        self.sku = arrival.record.sku
        self.at_ms = arrival.at_ms
        self.today = day_of(arrival.at_ms)
        self.policy = policy
        self.changes: dict[tuple[str, Key], DemandRow | None] = {}
        self.before = rows.supply(self.sku)
        self.supply = self.before or Supply()
        self.rows = rows
        self._cause = arrival.cause
        self._events = 0
        self._outlooks: dict[str, Outlook] = {}
        self._requests: list[Request] = []
        self._transfers: list[TransferProposal] = []
        self._counts: list[CountProposal] = []
        self._insights: list[Insight] = []
        self._covers: list[Cover] = []
        self._days: list[DayEnded] = []
        self._transactions: list[Transaction] = []

    # -- rows ----------------------------------------------------------------------------------------------------

    def outlook(self, location: str) -> Outlook:
        """The SKU at a place, rolled to now."""
        known = self._outlooks.get(location)
        if known is None:
            kept = self.rows.outlook(self.sku, location) or begin(self.at_ms)
            spans = [span for span in self.supply.promotions if span.location in {None, location}]
            known = self._outlooks[location] = roll(
                kept,
                self.at_ms,
                spans,
                self.policy,
                lambda row: self._end_day(location, row),
                sells=self.is_open(location),
            )
        return known

    def _end_day(self, location: str, row: Outlook) -> None:
        exposure = exposure_of(row)
        wanted = row.level_thousandths and self.is_open(location) and row.empty_days < self.patience_days(location)
        if location in self.supply.places and (exposure or row.sold or wanted):
            self._days.append(
                DayEnded(
                    location=location,
                    day=row.day,
                    forecast_thousandths=forecast(row, row.day, self.policy),
                    exposure=exposure,
                    sold=row.sold,
                    counted=row.counted,
                )
            )

    def put(self, location: str, **fields: Any) -> Outlook:
        """Change fields of an outlook."""
        row = self._outlooks[location] = msgspec.structs.replace(self.outlook(location), **fields)
        return row

    def put_supply(self, **fields: Any) -> None:
        """Change fields of what is kept of the SKU."""
        self.supply = msgspec.structs.replace(self.supply, **fields)

    def visit(self, location: str) -> None:
        """From now on the SKU is known at this place."""
        if location not in self.supply.places:
            self.put_supply(places=tuple(sorted([*self.supply.places, location])))

    def levels(self, location: str) -> Levels:
        """Reorder point and order-up-to level at a place."""
        return levels_of(self.sku, self.outlook(location), self.supply, location, self.rows, self.policy)

    def figures(self, location: str) -> Figures:
        """What a word about a place rests on."""
        return figures_of(self.outlook(location), self.levels(location), self.policy)

    def is_open(self, location: str) -> bool:
        """Whether anything is sold at a place; one that no record has closed is open."""
        place = self.rows.place(location)
        return place is None or place.open

    def patience_days(self, location: str) -> int:
        """For how many days an empty shelf counts as missed sales: never fewer than goods take to come and to be overdue."""
        terms = terms_of(self.sku, self.supply, location, self.policy)
        lead_time_days = lead_time_of(terms, supplier_of(terms, self.rows, self.policy))
        return max(self.policy.missed_days, lead_time_days + self.policy.overdue_days)

    def needed_on(self, location: str) -> str:
        """The day on which the shelf will be empty."""
        return date_of_day(self.today + days_of_cover(self.outlook(location), self.policy))

    # -- said ----------------------------------------------------------------------------------------------------

    def request(self, location: str, status: RequestStatus, supplier: str | None) -> None:
        """Tell how the need of a place stands."""
        need = self.outlook(location).need
        assert need is not None
        self._requests.append(
            Request(
                event_id=self._next_event_id(),
                request_id=need.request_id,
                status=status,
                sku=self.sku,
                location=location,
                supplier=supplier,
                quantity=need.quantity,
                received=need.received,
                needed_on=self.needed_on(location),
                at_ms=self.at_ms,
                figures=self.figures(location),
            )
        )

    def transfer(self, move: Move) -> None:
        """Propose a transfer, or ask the ledger for it; either way the units are spoken for until it shows or lapses."""
        row = self.outlook(move.to_location)
        event_id = self._next_event_id()
        transfer = f"{REPLENISHER}-{self.sku}@{move.to_location}-{row.transfers}"
        if len(transfer) > LONGEST_ID:  # It becomes a transaction id.
            transfer = f"{REPLENISHER}-{event_id}"
        until_ms = self.at_ms + self.policy.transfer_days * MILLISECONDS_PER_DAY
        coming = Coming(transfer, move.location, move.quantity, until_ms)
        self.put(move.to_location, transfers=row.transfers + 1, coming=(*row.coming, coming))
        ordered = self.policy.rebalance is Rebalance.AUTO
        self._transfers.append(
            TransferProposal(
                event_id=event_id,
                transfer=transfer,
                sku=self.sku,
                location=move.location,
                to_location=move.to_location,
                quantity=move.quantity,
                distance_km=move.distance_km,
                surplus=move.surplus,
                shortage=move.shortage,
                ordered=ordered,
                until_ms=until_ms,
                at_ms=self.at_ms,
            )
        )
        if ordered:
            self._transactions.append(
                Transaction(
                    transaction_id=transfer,
                    source=REPLENISHER,
                    kind=Kind.TRANSFER_OUT,
                    sku=self.sku,
                    occurred_at_ms=self.at_ms,
                    location=move.location,
                    to_location=move.to_location,
                    quantity=move.quantity,
                    transfer=transfer,
                    # Asked, not told: somebody may have bought the units by now, and then it must not happen.
                    mode=Mode.REQUEST,
                )
            )

    def propose_count(self, location: str, **fields: Any) -> None:
        """Propose to count the SKU at a place."""
        event_id = self._next_event_id()
        self._counts.append(
            CountProposal(event_id=event_id, sku=self.sku, location=location, at_ms=self.at_ms, **fields)
        )
        self.put(location, count_told=True)

    def insight(self, location: str, type_: InsightType, message: str, **fields: Any) -> None:
        """Say what was seen together, once for as long as it holds."""
        told = tuple([each for each in self.outlook(location).told if each.until_ms > self.at_ms])
        if any(each.type is type_ for each in told):
            return
        until_ms = self.at_ms + self.policy.insight_days * MILLISECONDS_PER_DAY
        self.put(location, told=(*told, Told(type_, until_ms)))
        self._insights.append(
            Insight(
                event_id=self._next_event_id(),
                type=type_,
                sku=self.sku,
                location=location,
                message=message,
                figures=self.figures(location),
                at_ms=self.at_ms,
                holds_until_ms=until_ms,
                **fields,
            )
        )

    def tell_cover(self, days: int, until_ms: int) -> None:
        """Tell the campaigns that advertise the SKU how long its stock lasts."""
        for campaign in self.supply.campaigns:
            self._covers.append(
                Cover(
                    event_id=self._next_event_id(),
                    campaign=campaign,
                    sku=self.sku,
                    cover_days=days,
                    at_ms=self.at_ms,
                    until_ms=until_ms,
                )
            )
        self.put_supply(cover_day=self.today, cover_days=days)

    def _next_event_id(self) -> str:
        number = self._events
        self._events += 1
        return f"{self._cause}-{number}"

    # -- done ----------------------------------------------------------------------------------------------------

    def finish(self, ignored: str | None = None) -> DemandDecision:
        """Hand everything over."""
        for location, row in self._outlooks.items():
            if row != self.rows.outlook(self.sku, location) and location in self.supply.places:
                self.changes[OUTLOOKS, (self.sku, location)] = row
        if self.supply != (self.before or Supply()):
            self.changes[SUPPLIES, (self.sku,)] = self.supply
        old = None if self.before is None else self.before.due_ms
        if old != self.supply.due_ms:
            if old is not None:
                self.changes[SUPPLIES_DUE, (old, self.sku)] = None
            if self.supply.due_ms is not None:
                self.changes[SUPPLIES_DUE, (self.supply.due_ms, self.sku)] = SupplyDue()
        return DemandDecision(
            self.changes,
            tuple(self._requests),
            tuple(self._transfers),
            tuple(self._counts),
            tuple(self._insights),
            tuple(self._covers),
            tuple(self._days),
            tuple(self._transactions),
            ignored,
        )

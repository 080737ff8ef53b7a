"""The working sheet of one decision: rows as they become, postings as they are written, events in their order.

Rules read and change stock only through a draft, so everything that one decision does is in one place before any of
it counts. A draft lives for one decision and is never shared.

Order of events, which numbers them (`<cause>-<n>`, n from 0): for each claim that expired first its journal record
and its notice; then the journal record of the transaction, its answer, a notice for each claim that yielded, in
the order of yielding; then levels by location; then alerts.
"""

from __future__ import annotations

from typing import Any

import msgspec

from agents.inventory.alerts import Alert, AlertType, Severity
from agents.inventory.answers import Answer
from agents.inventory.channels import References
from agents.inventory.goods import NO_GOODS, Goods
from agents.inventory.policy import Policy
from agents.inventory.positions import Position, StockLevel
from agents.inventory.postings import Account, JournalRecord, Posting
from agents.inventory.reservations import Claim, ClosedClaim, Closing
from agents.inventory.rows import CLAIMS, CLOSED_CLAIMS, DUE, GOODS, POSITIONS, Arrival, Due, Key, Row, Rows

BUCKETS = frozenset({Account.UNPROMISED, Account.RESERVED, Account.ALLOCATED, Account.QUARANTINED, Account.IN_TRANSIT})
DUE_ROW = Due()


class Shelf:
    """A position while a decision changes it."""

    __slots__ = (
        "_postings",
        "allocated",
        "before",
        "counted_at_second",
        "counted_by",
        "created",
        "in_transit",
        "location",
        "quarantined",
        "reserved",
        "unpromised",
    )

    def __init__(self, location: str, before: Position | None, postings: list[Posting]) -> None:
        self.location = location
        self.before = before
        self.created = False
        """Set where an accepted fact makes the place known; else a look at an unknown place leaves no row."""
        self._postings = postings
        if before is None:
            self.unpromised = self.reserved = self.allocated = self.quarantined = self.in_transit = 0
            self.counted_at_second: int | None = None
            self.counted_by: str | None = None
            return
        self.unpromised = before.unpromised
        self.reserved = before.reserved
        self.allocated = before.allocated
        self.quarantined = before.quarantined
        self.in_transit = before.in_transit
        self.counted_at_second = before.counted_at_second
        self.counted_by = before.counted_by

    @property
    def on_hand(self) -> int:
        """Units physically here."""
        return self.unpromised + self.reserved + self.allocated + self.quarantined

    def move(
        self,
        source: Account,
        target: Account,
        quantity: int,
        holder: str | None = None,
        line: int | None = None,
        lot: str | None = None,
    ) -> None:
        """Post `quantity` units from one account to another at this location; none at all posts nothing."""
        if quantity == 0:
            return
        self._postings.append(Posting(source, self.location, -quantity, holder, line, lot))
        self._postings.append(Posting(target, self.location, quantity, holder, line, lot))
        if source in BUCKETS:
            setattr(self, source, getattr(self, source) - quantity)
        if target in BUCKETS:
            setattr(self, target, getattr(self, target) + quantity)

    def row(self, at_ms: int) -> Position | None:
        """The row as it becomes, or None if nothing changed."""
        before = self.before
        if before is None and not self.created:
            return None
        if (
            before is not None
            and self.unpromised == before.unpromised
            and self.reserved == before.reserved
            and self.allocated == before.allocated
            and self.quarantined == before.quarantined
            and self.in_transit == before.in_transit
            and self.counted_at_second == before.counted_at_second
            and self.counted_by == before.counted_by
        ):
            return None
        return Position(
            self.unpromised,
            self.reserved,
            self.allocated,
            self.quarantined,
            self.in_transit,
            1 if before is None else before.revision + 1,
            at_ms,
            self.counted_at_second,
            self.counted_by,
        )


class Draft:
    """What one decision reads and what it is about to do."""

    __slots__ = (
        "_claims",
        "_claims_before",
        "_closed_claims",
        "_events",
        "_goods",
        "alerts",
        "answers",
        "arrival",
        "at_ms",
        "changes",
        "journal",
        "levels",
        "occurred_at_ms",
        "postings",
        "rows",
        "shelves",
        "sku",
        "transaction",
    )

    def __init__(self, rows: Rows, arrival: Arrival) -> None:
        self.rows = rows
        self.arrival = arrival
        self.transaction = arrival.transaction
        self.sku = arrival.transaction.sku
        self.at_ms = arrival.at_ms
        self.occurred_at_ms = occurrence_of(arrival)
        self.changes: dict[tuple[str, Key], Row | None] = {}
        self.postings: list[Posting] = []
        self.journal: list[JournalRecord] = []
        self.answers: list[Answer] = []
        self.levels: list[StockLevel] = []
        self.alerts: list[Alert] = []
        self.shelves: dict[str, Shelf] = {}
        self._claims: dict[tuple[str, int], Claim | None] = {}
        self._claims_before: dict[tuple[str, int], Claim | None] = {}
        self._closed_claims: dict[tuple[str, int], ClosedClaim | None] = {}
        self._events = 0
        self._goods: Goods | None = None

    def next_event_id(self) -> str:
        """The id of the next event of this decision."""
        number = self._events
        self._events = number + 1
        return f"{self.arrival.cause}-{number}"

    def shelf(self, location: str) -> Shelf:
        """The position there, to read and to change."""
        shelf = self.shelves.get(location)
        if shelf is None:
            shelf = Shelf(location, self.rows.position(self.sku, location), self.postings)
            self.shelves[location] = shelf
        return shelf

    def policy(self, location: str | None, channel: str | None = None) -> Policy:
        """The policy in force for this SKU there."""
        item = self.goods.item
        return self.rows.policy(self.sku, location, channel, None if item is None else item.category)

    @property
    def references(self) -> References:
        """What is known of places and channels."""
        return self.rows.references()

    @property
    def goods(self) -> Goods:
        """The SKU as a whole, as this decision has left it."""
        goods = self._goods
        if goods is None:
            goods = self._goods = self.rows.goods(self.sku) or NO_GOODS
        return goods

    def put_goods(self, goods: Goods) -> None:
        """Change the SKU as a whole, and keep its due row in step; what says nothing any more leaves no row."""
        old = self.goods
        self._goods = goods
        self.changes[GOODS, (self.sku,)] = None if goods == NO_GOODS else goods
        if old.due_ms != goods.due_ms:
            if old.due_ms is not None:
                self.changes[DUE, (old.due_ms, self.sku, "", 0)] = None
            if goods.due_ms is not None:
                self.changes[DUE, (goods.due_ms, self.sku, "", 0)] = DUE_ROW

    def row(self, table: str, key: Key) -> Any:
        """A row of a table that is seldom asked, as this decision has left it."""
        changed = (table, key)
        return self.changes[changed] if changed in self.changes else self.rows.row(table, key)

    def group(self, table: str) -> dict[Any, Any]:
        """All rows of such a table that belong to the SKU, by the rest of the key, as this decision has left them."""
        found = dict(self.rows.group(table, self.sku))
        for (changed, key), row in self.changes.items():
            if changed == table and key[0] == self.sku:
                rest = key[1] if len(key) == 2 else key[1:]
                if row is None:
                    found.pop(rest, None)
                else:
                    found[rest] = row
        return found

    def claim(self, holder: str, line: int) -> Claim | None:
        """The open claim, as this decision has left it."""
        key = (holder, line)
        if key in self._claims:
            return self._claims[key]
        claim = self.rows.claim(self.sku, holder, line)
        self._claims[key] = self._claims_before[key] = claim
        return claim

    def claims(self) -> dict[tuple[str, int], Claim]:
        """All open claims of the SKU, as this decision has left them, in no particular order."""
        found: dict[tuple[str, int], Claim] = dict(self.rows.claims(self.sku))
        for key, claim in self._claims.items():
            if claim is None:
                found.pop(key, None)
            else:
                found[key] = claim
        return found

    def closed_claim(self, holder: str, line: int) -> ClosedClaim | None:
        """What is remembered of a closed claim; the caller judges whether its 24 hours are over."""
        key = (holder, line)
        if key in self._closed_claims:
            return self._closed_claims[key]
        return self.rows.closed_claim(self.sku, holder, line)

    def put_claim(self, holder: str, line: int, claim: Claim | None) -> None:
        """Set or remove the open claim, and keep its due row in step."""
        old = self.claim(holder, line)
        self._claims[holder, line] = claim
        self.changes[CLAIMS, (self.sku, holder, line)] = claim
        old_due_ms = None if old is None else old.due_ms
        due_ms = None if claim is None else claim.due_ms
        if old_due_ms != due_ms:
            if old_due_ms is not None:
                self.changes[DUE, (old_due_ms, self.sku, holder, line)] = None
            if due_ms is not None:
                self.changes[DUE, (due_ms, self.sku, holder, line)] = DUE_ROW

    def put_closed_claim(self, holder: str, line: int, closed: ClosedClaim | None) -> None:
        """Remember how a claim closed, or forget it."""
        self._closed_claims[holder, line] = closed
        self.changes[CLOSED_CLAIMS, (self.sku, holder, line)] = closed

    def keep_or_close(self, holder: str, line: int, claim: Claim, last: Claim, closing: Closing) -> None:
        """Set the claim, or close it if nothing is left; `last` is how it was before."""
        if claim.legs or claim.backordered:
            self.put_claim(holder, line, claim)
        else:
            self.put_claim(holder, line, None)
            self.put_closed_claim(holder, line, ClosedClaim(closing, self.at_ms, last))

    def changed_claims(self) -> list[tuple[Claim | None, Claim | None]]:
        """(before, after) of every claim that this decision changed; for the invariants."""
        claims = self._claims
        return [(old, claims[key]) for key, old in self._claims_before.items() if old is not claims[key]]

    def write_levels(self) -> None:
        """Turn every changed position into its new row and its level, by location."""
        for location in sorted(self.shelves) if len(self.shelves) > 1 else self.shelves:
            row = self.shelves[location].row(self.at_ms)
            if row is None:
                continue
            self.changes[POSITIONS, (self.sku, location)] = row
            self.levels.append(level_of(self.next_event_id(), self.sku, location, row, self.policy(location)))

    def alert(
        self, kind: AlertType, severity: Severity, location: str, message: str, quantity: int, action: str
    ) -> None:
        """Raise an alert about this SKU at a location."""
        self.alerts.append(
            Alert(
                event_id="",
                type=kind,
                severity=severity,
                subject=f"{self.sku}@{location}",
                message=message,
                at_ms=self.at_ms,
                sku=self.sku,
                location=location,
                quantity=quantity,
                transaction_id=self.transaction.transaction_id,
                action=action,
            )
        )

    def number_alerts(self) -> None:
        """Give the alerts their ids: they come last, whenever they were raised."""
        self.alerts = [msgspec.structs.replace(alert, event_id=self.next_event_id()) for alert in self.alerts]


def occurrence_of(arrival: Arrival) -> int:
    """When it happened, in epoch milliseconds: the publisher's time, never later than the record time."""
    occurred_at_ms = arrival.transaction.occurred_at_ms
    if occurred_at_ms is None:
        occurred_at_ms = arrival.first_record_at_ms
    if occurred_at_ms is None or occurred_at_ms > arrival.at_ms:
        return arrival.at_ms
    return occurred_at_ms


def level_of(event_id: str, sku: str, location: str, row: Position, policy: Policy) -> StockLevel:
    """What is published of a position row."""
    return StockLevel(
        event_id=event_id,
        sku=sku,
        location=location,
        unpromised=row.unpromised,
        reserved=row.reserved,
        allocated=row.allocated,
        quarantined=row.quarantined,
        in_transit=row.in_transit,
        on_hand=row.unpromised + row.reserved + row.allocated + row.quarantined,
        atp=row.unpromised - policy.safety_stock,
        safety_stock=policy.safety_stock,
        revision=row.revision,
        as_of_ms=row.as_of_ms,
    )

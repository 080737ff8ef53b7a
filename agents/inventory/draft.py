"""The working sheet of one decision: rows as they become, postings as they are written, events in their order.

Rules read and change stock only through a draft, so everything that one decision does is in one place before any of
it counts. A draft lives for one decision and is never shared.

Order of events, which numbers them (`<cause>-<n>`, n from 0): for each claim that expired first its journal record
and its notice, behind the last of them notices of what was covered; then the journal record of the transaction, its
answer, notices of what moved, yielded and was covered, in the order in which it happened; then levels by location;
then alerts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from agents.inventory.alerts import Alert, AlertType, Severity
from agents.inventory.answers import Answer, Candidate, Notice
from agents.inventory.capacity import is_capacity
from agents.inventory.goods import NO_GOODS, Goods, next_date_ms
from agents.inventory.offers import Availability, Edge
from agents.inventory.policy import DEFAULT_POLICY, Policy
from agents.inventory.positions import Position, StockLevel
from agents.inventory.postings import Account, JournalRecord, Posting
from agents.inventory.reservations import Claim, ClosedClaim, Closing, with_due
from agents.inventory.rows import CLAIMS, CLOSED_CLAIMS, DUE, GOODS, POSITIONS, Arrival, Due, Key, Row, Rows
from agents.inventory.transactions import Watcher, line_told, place_of

BUCKETS: Mapping[Account, str] = {
    Account.UNPROMISED: "unpromised",
    Account.RESERVED: "reserved",
    Account.ALLOCATED: "allocated",
    Account.QUARANTINED: "quarantined",
    Account.IN_TRANSIT: "in_transit",
}
"""The posted buckets of a place, with the name that each has on a shelf."""
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
        "quiet",
        "reserved",
        "tell_again",
        "unpromised",
    )

    def __init__(self, location: str, before: Position | None, postings: list[Posting]) -> None:
        self.location = location
        self.before = before
        self.created = False
        """Set where an accepted fact makes the place known; else a look at an unknown place leaves no row."""
        self.tell_again = False
        """Set where the level must be told again though no bucket changed: what is withheld did."""
        self.quiet = False
        """Set where it is only to be remembered when the place was counted: no new revision, no level."""
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
        location = self.location
        self._postings += (
            Posting(source, location, -quantity, holder, line, lot),
            Posting(target, location, quantity, holder, line, lot),
        )
        taken, given = BUCKETS.get(source), BUCKETS.get(target)
        if taken is not None:
            setattr(self, taken, getattr(self, taken) - quantity)
        if given is not None:
            setattr(self, given, getattr(self, given) + quantity)

    def move_to(self, other: Shelf, source: Account, target: Account, quantity: int, lot: str | None = None) -> None:
        """Post `quantity` units from an account here to one at another location; none at all posts nothing."""
        if quantity == 0:
            return
        self._postings.append(Posting(source, self.location, -quantity, None, None, lot))
        self._postings.append(Posting(target, other.location, quantity, None, None, lot))
        taken, given = BUCKETS.get(source), BUCKETS.get(target)
        if taken is not None:
            setattr(self, taken, getattr(self, taken) - quantity)
        if given is not None:
            setattr(other, given, getattr(other, given) + quantity)

    def row(self, at_ms: int, safety_stock: int) -> Position | None:
        """The row as it becomes, with what is withheld there, or None if nothing changed."""
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
            and not self.tell_again
        ):
            if self.counted_at_second == before.counted_at_second and self.counted_by == before.counted_by:
                return None
            if self.quiet:
                return msgspec.structs.replace(
                    before, counted_at_second=self.counted_at_second, counted_by=self.counted_by
                )
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
            safety_stock,
        )


class Mark(NamedTuple):
    """A draft as it stood at one moment."""

    postings: int
    shelves: dict[str, tuple[int, int, int, int, bool]]
    changes: dict[tuple[str, Key], Row | None]
    claims: dict[tuple[str, int], Claim | None]
    claims_before: dict[tuple[str, int], Claim | None]
    closed_claims: dict[tuple[str, int], ClosedClaim | None]
    goods: Goods
    alerts: int
    notices: tuple[Notice, ...]


class Draft:
    """What one decision reads and what it is about to do."""

    __slots__ = (
        "_claims",
        "_events",
        "_policies",
        "alerts",
        "answers",
        "arrival",
        "at_ms",
        "availability",
        "book",
        "candidates",
        "changes",
        "claims_before",
        "closings",
        "edges",
        "goods",
        "goods_before",
        "journal",
        "levels",
        "line",
        "notices",
        "occurred_at_ms",
        "place",
        "postings",
        "references",
        "rows",
        "shelves",
        "sku",
        "transaction",
        "watched",
    )

    def __init__(self, rows: Rows, arrival: Arrival) -> None:
        self.rows = rows
        self.arrival = arrival
        self.transaction = transaction = arrival.transaction
        self.sku = sku = transaction.sku
        self.place = place_of(transaction)
        """The one place that the transaction names, or None."""
        self.line = line_told(transaction)
        """The one line of a holder that the transaction is about, or None."""
        self.at_ms = arrival.at_ms
        self.occurred_at_ms = occurrence_of(arrival)
        self.changes: dict[tuple[str, Key], Row | None] = {}
        self.postings: list[Posting] = []
        self.journal: list[JournalRecord] = []
        self.answers: list[Answer] = []
        self.notices: list[Notice] = []
        """What holders must hear once the answer is written, see notices.py."""
        self.levels: tuple[StockLevel, ...] = ()
        self.alerts: list[Alert] = []
        self.availability: Availability | None = None
        self.edges: tuple[Edge, ...] = ()
        self.watched: tuple[tuple[Watcher, Edge], ...] = ()
        self.candidates: tuple[Candidate, ...] = ()
        """The places that were weighed for the claim of this transaction, for its answer."""
        self.shelves: dict[str, Shelf] = {}
        self._claims: dict[tuple[str, int], Claim | None] = {}
        self.claims_before: dict[tuple[str, int], Claim | None] = {}
        """By (holder, line), every claim that this decision put, as it was before."""
        self.closings: dict[tuple[str, int], ClosedClaim | None] = {}
        """By (holder, line), every claim whose closing this decision remembers or forgets."""
        self._events = 0
        self._policies: dict[str | tuple[str | None, str] | None, Policy] = {}
        """By place, and by (place, channel)."""
        self.goods = self.goods_before = rows.goods(sku) or NO_GOODS
        """The SKU as a whole, as this decision has left it; changed by `put_goods`."""
        self.references = rows.references()
        """What is known of places and channels."""
        self.book = rows.policies()
        """All policy rules in force."""

    def next_event_id(self) -> str:
        """The id of the next event of this decision."""
        number = self._events
        self._events = number + 1
        return f"{self.arrival.cause}-{number}"

    @property
    def coming_event_id(self) -> str:
        """The id that the next event of this decision will have: in a rule, of the transaction's journal record."""
        return f"{self.arrival.cause}-{self._events}"

    def shelf(self, location: str) -> Shelf:
        """The position there, to read and to change."""
        shelf = self.shelves.get(location)
        if shelf is None:
            shelf = Shelf(location, self.rows.position(self.sku, location), self.postings)
            self.shelves[location] = shelf
        return shelf

    def policy(self, location: str | None, channel: str | None = None) -> Policy:
        """The policy in force for this SKU there."""
        where = location if channel is None else (location, channel)
        found = self._policies.get(where)
        if found is None:
            item = self.goods.item
            category = None if item is None else item.category
            # Shipments are no goods: no rule withholds some of them, or lets one be waited for.
            found = DEFAULT_POLICY if is_capacity(self.sku) else self.book.policy(self.sku, location, channel, category)
            self._policies[where] = found
        return found

    def safety_stock(self, location: str) -> int:
        """Units withheld from promise there: by policy, and automatically after repeated losses."""
        withheld = self.policy(location).safety_stock
        for buffer in self.goods.safety_buffers:
            if buffer.location == location:
                withheld += buffer.quantity
        return withheld

    def put_goods(self, goods: Goods) -> None:
        """Change the SKU as a whole, and keep its due row in step; what says nothing any more leaves no row."""
        old = self.goods
        self.goods = goods
        if old.item is not goods.item:
            self._policies.clear()
        self.changes[GOODS, (self.sku,)] = None if goods == NO_GOODS else goods
        old_date_ms, date_ms = next_date_ms(old), next_date_ms(goods)
        if old_date_ms != date_ms:
            if old_date_ms is not None:
                self.changes[DUE, (old_date_ms, self.sku, "", 0)] = None
            if date_ms is not None:
                self.changes[DUE, (date_ms, self.sku, "", 0)] = DUE_ROW

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
        claim = self._claims[key] = self.rows.claim(self.sku, holder, line)
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
        if key in self.closings:
            return self.closings[key]
        return self.rows.closed_claim(self.sku, holder, line)

    def put_claim(self, holder: str, line: int, claim: Claim | None) -> None:
        """Set or remove the open claim, and keep its due row and the queue of the SKU in step.

        A claim of which nothing is soft any more is due no more.
        """
        old = self.claim(holder, line)
        claim = None if claim is None else with_due(claim)
        key = (holder, line)
        self._claims[key] = claim
        if key not in self.claims_before:
            self.claims_before[key] = old
        self.changes[CLAIMS, (self.sku, holder, line)] = claim
        queued = (0 if claim is None else claim.backordered) - (0 if old is None else old.backordered)
        if queued:
            self.put_goods(msgspec.structs.replace(self.goods, queued=self.goods.queued + queued))
        old_due_ms = None if old is None else old.due_ms
        due_ms = None if claim is None else claim.due_ms
        if old_due_ms != due_ms:
            if old_due_ms is not None:
                self.changes[DUE, (old_due_ms, self.sku, holder, line)] = None
            if due_ms is not None:
                self.changes[DUE, (due_ms, self.sku, holder, line)] = DUE_ROW

    def put_closed_claim(self, holder: str, line: int, closed: ClosedClaim | None) -> None:
        """Remember how a claim closed, or forget it."""
        self.closings[holder, line] = closed
        self.changes[CLOSED_CLAIMS, (self.sku, holder, line)] = closed

    def keep_or_close(self, holder: str, line: int, claim: Claim, last: Claim, closing: Closing) -> None:
        """Set the claim, or close it if nothing is left; `last` is how it was before."""
        if claim.legs or claim.backordered:
            self.put_claim(holder, line, claim)
        else:
            self.put_claim(holder, line, None)
            self.put_closed_claim(holder, line, ClosedClaim(closing, self.at_ms, last))

    def mark(self) -> Mark:
        """Where the decision stands: what is done from here on can be taken back with `rewind`."""
        return Mark(
            len(self.postings),
            {
                location: (each.unpromised, each.reserved, each.allocated, each.quarantined, each.created)
                for location, each in self.shelves.items()
            },
            dict(self.changes),
            dict(self._claims),
            dict(self.claims_before),
            dict(self.closings),
            self.goods,
            len(self.alerts),
            tuple(self.notices),
        )

    def rewind(self, mark: Mark) -> None:
        """Take back everything that was done since the mark; no shelf that was taken since then may be used again."""
        del self.postings[mark.postings :]
        for location in list(self.shelves):
            if location not in mark.shelves:
                del self.shelves[location]
        for location, figures in mark.shelves.items():
            shelf = self.shelves[location]
            shelf.unpromised, shelf.reserved, shelf.allocated, shelf.quarantined, shelf.created = figures
        self.changes = dict(mark.changes)
        self._claims = dict(mark.claims)
        self.claims_before = dict(mark.claims_before)
        self.closings = dict(mark.closed_claims)
        self.goods = mark.goods
        del self.alerts[mark.alerts :]
        self.notices = list(mark.notices)

    def write_levels(self) -> None:
        """Turn every changed position into its new row and its level, by location."""
        shelves, sku = self.shelves, self.sku
        for location in sorted(shelves) if len(shelves) > 1 else shelves:
            shelf = shelves[location]
            row = shelf.row(self.at_ms, self.safety_stock(location))
            if row is None:
                continue
            self.changes[POSITIONS, (sku, location)] = row
            before = shelf.before
            if before is None or row.revision != before.revision:
                self.levels += (level_of(self.next_event_id(), sku, location, row),)

    def alert(
        self,
        kind: AlertType,
        severity: Severity,
        location: str | None,
        message: str,
        quantity: int,
        action: str,
        *,
        about: str | None = None,
        resolves: AlertType | None = None,
        subject: str | None = None,
    ) -> None:
        """Raise an alert about this SKU at a location, or about no place of it; or about another `subject`."""
        self.alerts.append(
            Alert(
                event_id="",
                type=kind,
                severity=severity,
                subject=subject or (self.sku if location is None else f"{self.sku}@{location}"),
                message=message,
                at_ms=self.at_ms,
                sku=self.sku or None,
                location=location,
                quantity=quantity,
                transaction_id=self.transaction.transaction_id,
                action=action,
                about=about,
                resolves=resolves,
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


def level_of(event_id: str, sku: str, location: str, row: Position) -> StockLevel:
    """What is published of a position row."""
    unpromised, reserved, allocated, quarantined = row.unpromised, row.reserved, row.allocated, row.quarantined
    safety_stock = row.safety_stock
    return StockLevel(  # By position, as every answer and journal record: names cost far more than the figures.
        event_id,
        sku,
        location,
        unpromised,
        reserved,
        allocated,
        quarantined,
        row.in_transit,
        unpromised + reserved + allocated + quarantined,
        unpromised - safety_stock,
        safety_stock,
        row.revision,
        row.as_of_ms,
    )

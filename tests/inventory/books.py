"""What must hold of a ledger, reckoned naively from its rows and from everything it said: no code of the core decides here.

Each function gives sentences that say what does not hold.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from agents.inventory.alerts import AlertType
from agents.inventory.answers import Answer, Status
from agents.inventory.offers import State
from agents.inventory.reservations import Closing
from agents.inventory.rows import (
    CLAIMS,
    CLOSED_CLAIMS,
    GOODS,
    INBOUNDS,
    LOTS,
    OPEN_ALERTS,
    POSITIONS,
    REFRESHING,
    TRANSFERS,
    Decision,
)
from agents.inventory.transactions import INTENTION_KINDS, Transaction
from tools.scenario.ledger import Ledger

Tables = dict[str, dict[Any, Any]]
States = dict[tuple[str, str, str, str | None], State]
"""(SKU, channel, method, region) -> the state that was told last."""

OpenAlerts = set[tuple[AlertType, str, str | None]]
"""(type, subject, about) of what was alerted and is not over."""
SAID_ONCE = {AlertType.LOW, AlertType.OUT, AlertType.AGING_RESERVATION, AlertType.FEED_SILENT}
KEPT = {AlertType.NEGATIVE, AlertType.OVERDUE, AlertType.LOT_EXPIRING, *SAID_ONCE} - {AlertType.FEED_SILENT}
"""The types of which the ledger remembers which are open."""
NOTICES = {Status.EXPIRED, Status.YIELDED, Status.MOVED, Status.COVERED}
BUCKETS = ("unpromised", "reserved", "allocated", "quarantined", "in_transit")


def rows_of(ledger: Ledger, table: str) -> dict[Any, Any]:
    """The rows of a table."""
    return cast("dict[Any, Any]", ledger.rows.tables[table])


def copied(ledger: Ledger) -> Tables:
    """The rows as they are now."""
    return {table: dict(rows) for table, rows in ledger.rows.tables.items()}


def answer_of(decision: Decision) -> Answer:
    """The answer among answers and notices."""
    return next(answer for answer in decision.answers if answer.status not in NOTICES)


def is_tracked(ledger: Ledger, sku: str) -> bool:
    """Whether stock is kept of it."""
    goods = rows_of(ledger, GOODS).get((sku,))
    return goods is None or goods.item is None or goods.item.tracked


def safety_stock(ledger: Ledger, sku: str, location: str) -> int:
    """Units withheld there from everybody."""
    goods = rows_of(ledger, GOODS).get((sku,))
    buffers = () if goods is None else goods.safety_buffers
    added = sum(int(each.quantity) for each in buffers if each.location == location)
    return ledger.rows.policy(sku, location).safety_stock + added


def units_lost(ledger: Ledger, decision: Decision) -> Iterator[str]:
    """Units are conserved: what a record takes from one account it gives to another, of the same SKU."""
    for record in decision.journal:
        total = sum(posting.quantity for posting in record.postings)
        if total:
            yield f"{record.kind} made {total} units of {record.sku}"
        if any(posting.quantity == 0 for posting in record.postings):
            yield f"{record.kind} posted nothing"


def positions_off(ledger: Ledger) -> Iterator[str]:
    """A position is the sum of its postings, and only unpromised may be below zero, and only where nothing is promised."""
    sums: dict[tuple[str, str, str], int] = {}
    for record in ledger.journal:
        for posting in record.postings:
            account = (record.sku, posting.location, str(posting.account))
            sums[account] = sums.get(account, 0) + posting.quantity
    for (sku, location), row in rows_of(ledger, POSITIONS).items():
        for bucket in BUCKETS:
            if getattr(row, bucket) != sums.get((sku, location, bucket), 0):
                yield f"{bucket} of {sku} at {location} is not the sum of its postings"
            if bucket != "unpromised" and getattr(row, bucket) < 0:
                yield f"{bucket} of {sku} at {location} is below zero"
        if row.unpromised < 0 and row.reserved + row.allocated and is_tracked(ledger, sku):
            yield f"{sku} at {location} is short while units are promised"


def claims_off(ledger: Ledger) -> Iterator[str]:
    """Reserved and allocated are what the open claims hold, and the queue is what they wait for."""
    held: dict[tuple[str, str, str], int] = {}
    queued: dict[str, int] = {}
    for (sku, holder, line), claim in rows_of(ledger, CLAIMS).items():
        queued[sku] = queued.get(sku, 0) + claim.backordered
        soft = claim.backordered - claim.backordered_firm + sum(leg.reserved for leg in claim.legs)
        if (claim.due_ms is not None) != (soft > 0) or not (claim.legs or claim.backordered):
            yield f"{holder}/{line} of {sku} contradicts itself: {claim}"
        for leg in claim.legs:
            for bucket in ("reserved", "allocated"):
                held[sku, leg.location, bucket] = held.get((sku, leg.location, bucket), 0) + getattr(leg, bucket)
    for (sku, location), row in rows_of(ledger, POSITIONS).items():
        for bucket in ("reserved", "allocated"):
            if getattr(row, bucket) != held.pop((sku, location, bucket), 0):
                yield f"{bucket} of {sku} at {location} is not what its claims hold"
    if any(held.values()):
        yield f"claims hold units where no position is: {held}"
    for sku in {key[0] for key in rows_of(ledger, GOODS)} | set(queued):
        goods = rows_of(ledger, GOODS).get((sku,))
        if (0 if goods is None else goods.queued) != queued.get(sku, 0):
            yield f"the queue of {sku} is not what its claims wait for"


def open_and_closed(ledger: Ledger) -> Iterator[str]:
    """No claim is open and closed at once; only the soft part of an open one may have expired.

    A holder who comes back opens another claim: it is known by the record that opened it.
    """
    claims, closed = rows_of(ledger, CLAIMS), rows_of(ledger, CLOSED_CLAIMS)
    for key in sorted(claims.keys() & closed.keys()):
        same = claims[key].opening_offset == closed[key].last.opening_offset
        if same and closed[key].closing is not Closing.EXPIRED:
            yield f"{key} is open and {closed[key].closing} at once"


def oversold(ledger: Ledger, transaction: Transaction, decision: Decision) -> Iterator[str]:
    """What is asked takes no place below its safety stock; what it cannot take waits, and only where that is allowed."""
    if transaction.kind not in INTENTION_KINDS or not is_tracked(ledger, transaction.sku):
        return
    own = [record for record in decision.journal if record.kind is transaction.kind]
    if answer_of(decision).refusal is not None and own:
        yield f"{transaction.kind} was refused and journalled"
    taken: dict[str, int] = {}
    for posting in (posting for record in own for posting in record.postings if posting.account == "unpromised"):
        taken[posting.location] = taken.get(posting.location, 0) - posting.quantity
    for location, units in taken.items():
        row = rows_of(ledger, POSITIONS)[transaction.sku, location]
        if units > 0 and row.unpromised < safety_stock(ledger, transaction.sku, location):
            yield f"{transaction.kind} took {units} units of {transaction.sku} at {location} that are not available: {row}"


def fences_off(ledger: Ledger) -> Iterator[str]:
    """A fence keeps units that are there; of a SKU of which no stock is kept, nobody knows how many are."""
    for (sku,), goods in rows_of(ledger, GOODS).items():
        kept: dict[str, int] = {}
        for fence in goods.fences:
            kept[fence.location] = kept.get(fence.location, 0) + fence.open
            if fence.open < 0:
                yield f"the fence of {fence.channel} at {fence.location} is below zero"
        for location, units in kept.items():
            row = rows_of(ledger, POSITIONS).get((sku, location))
            if units > max(0, 0 if row is None else row.unpromised) and is_tracked(ledger, sku):
                yield f"{units} units of {sku} are fenced at {location}, and {row} is there"


def lots_off(ledger: Ledger) -> Iterator[str]:
    """A lot is the sum of the postings that name it, and never below zero."""
    sums: dict[tuple[str, str, str], list[int]] = {}
    for record in ledger.journal:
        for posting in record.postings:
            if posting.lot is not None and posting.account in BUCKETS[:4]:
                held = sums.setdefault((record.sku, posting.location, posting.lot), [0, 0])
                held[posting.account == "quarantined"] += posting.quantity
    lots = rows_of(ledger, LOTS)
    for key in sorted(sums.keys() | lots.keys()):
        lot = lots.get(key)
        figures = [0, 0] if lot is None else [lot.quantity, lot.quarantined]
        if figures != sums.get(key, [0, 0]):
            yield f"lot {key} holds {figures}, {sums.get(key)} were posted"
        if min(figures) < 0:
            yield f"lot {key} is below zero: {figures}"


def ties_off(ledger: Ledger) -> Iterator[str]:
    """Whoever asked for a lot by its name has units of it."""
    tied: dict[tuple[str, str, str], int] = {}
    for (sku, _, _), claim in rows_of(ledger, CLAIMS).items():
        for leg in claim.legs if claim.lot is not None and is_tracked(ledger, sku) else ():
            key = (sku, leg.location, claim.lot)
            tied[key] = tied.get(key, 0) + leg.reserved + leg.allocated
    for key, units in tied.items():
        lot = rows_of(ledger, LOTS).get(key)
        if units > (0 if lot is None else lot.quantity):
            yield f"{units} units of lot {key} are promised by its name, and {lot} is there"


def edges_off(states: States, decision: Decision) -> Iterator[str]:
    """Edges tell of every change of state, once; what is offered is never below zero. Takes over the new states."""
    for edge in decision.edges:
        cell = (edge.sku, edge.channel, edge.method, edge.region)
        if edge.previous != states.get(cell, State.OUT) or edge.state == edge.previous:
            yield f"{cell} went from {edge.previous} to {edge.state}, and was told as {states.get(cell)}"
        states[cell] = edge.state
    if decision.availability is None:
        return
    sku = decision.availability.sku
    offered: set[Any] = set()
    for group in decision.availability.groups:
        for offer in group.offers:
            if offer.quantity is not None and offer.quantity < 0:
                yield f"less than nothing of {sku} is offered: {offer}"
            for channel in group.channels:
                offered.add((sku, channel, offer.method, offer.region))
                if states.get((sku, channel, offer.method, offer.region), State.OUT) != offer.state:
                    yield f"no edge told that {sku} is {offer.state} for {channel}"
    for told, state in states.items():
        if told[0] == sku and state is not State.OUT and told not in offered:
            yield f"no edge told that {told} is out"


def alerts_off(opened: OpenAlerts, ledger: Ledger, decision: Decision) -> Iterator[str]:
    """An alert is said once and is over once, and what is remembered of it is that. Takes over what is open."""
    over: OpenAlerts = set()
    for alert in decision.alerts:
        key = (alert.resolves or alert.type, alert.subject, alert.about)
        if alert.type in SAID_ONCE and key in over:
            yield f"{key} was over and began in one decision"
        if alert.type is not AlertType.RESOLVED:
            if alert.type in SAID_ONCE and key in opened:
                yield f"{key} was said twice"
            opened.add(key)
        elif key in opened:
            opened.remove(key)
            over.add(key)
        else:
            yield f"{key} is over, and never was"
    kept = set()
    for sku, location, kind, about in rows_of(ledger, OPEN_ALERTS):
        subject = sku if not location else f"{sku}@{location}"
        kept.add((AlertType(kind), subject, about or None))
    if kept != {key for key in opened if key[0] in KEPT}:
        yield f"open are {sorted(map(str, opened))}, remembered {sorted(map(str, kept))}"
    for (sku,), goods in rows_of(ledger, GOODS).items():
        if goods.open_alerts != sum(key[0] == sku for key in rows_of(ledger, OPEN_ALERTS)):
            yield f"{sku} has not {goods.open_alerts} open alerts"
    walking = bool(rows_of(ledger, REFRESHING))
    for sku, location, kind, about in rows_of(ledger, OPEN_ALERTS):
        if not walking and not is_so(ledger, AlertType(kind), sku, location, about):
            yield f"{kind} of {sku} at {location} {about} is open, and it is not so"


def is_so(ledger: Ledger, kind: AlertType, sku: str, location: str, about: str) -> bool:
    """Whether what an open alert says is so."""
    if kind is AlertType.AGING_RESERVATION:
        holder, _, line = about.rpartition("/")
        return (sku, holder, int(line)) in rows_of(ledger, CLAIMS)
    if kind is AlertType.LOT_EXPIRING:
        lot = rows_of(ledger, LOTS)[sku, location, about]
        return bool(lot.quantity + lot.quarantined > 0)
    if kind is AlertType.OVERDUE:
        table, name = about.split("/")
        return bool(rows_of(ledger, INBOUNDS if table == "inbound" else TRANSFERS)[sku, name].overdue_told)
    unpromised = rows_of(ledger, POSITIONS)[sku, location].unpromised
    if kind is AlertType.NEGATIVE:
        return bool(unpromised < 0)
    atp, policy = unpromised - safety_stock(ledger, sku, location), ledger.rows.policy(sku, location)
    if kind is AlertType.OUT:
        return bool(atp <= 0)
    return bool(0 < atp <= max(policy.low_at, policy.low_until))


def all_faults(ledger: Ledger) -> list[str]:
    """What does not hold of the rows and the journal."""
    return [
        *ledger.faults(),
        *positions_off(ledger),
        *claims_off(ledger),
        *open_and_closed(ledger),
        *fences_off(ledger),
        *lots_off(ledger),
        *ties_off(ledger),
    ]

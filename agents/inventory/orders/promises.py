"""Delivery promises without holding anything: when an order that were placed now would come, and from where.

The ledger is asked what it would answer to the order's reservations, by the same function that decides them, and nothing of
it is kept; a basket of several SKUs is planned as the order router plans it. So a promise names the places that an order
would get, with the costs that chose them. What is not there now is promised out of announced goods: by the first date at
which one place has all that is missing, or if none ever has, several together. Dates follow from handling, cut-off, working
days, holidays and the days on the way of the place (hours.py), and from the days of limited places that are full.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import msgspec

from agents.inventory.answers import Answer, Candidate, CostTerm, Status
from agents.inventory.capacity import capacity_on, capacity_sku
from agents.inventory.channels import Method, References
from agents.inventory.decide import decide
from agents.inventory.distances import zone_of
from agents.inventory.hours import arrival_ms, dispatch_ms, next_open_ms
from agents.inventory.orders.basket import MOST_AVOIDED, MOST_DAYS, is_planned
from agents.inventory.orders.costs import serves, shipment_terms
from agents.inventory.orders.planning import plan_record
from agents.inventory.orders.rows import Line as OrderLine
from agents.inventory.orders.rows import Order
from agents.inventory.orders.supply import Supply
from agents.inventory.orders.words import OrderedLine, Read
from agents.inventory.rows import Arrival, Decision, Rows
from agents.inventory.transactions import (
    ORDER_ROUTER,
    ChannelReference,
    Destination,
    Kind,
    Line,
    LocationReference,
    Transaction,
)
from agents.inventory.units import MILLISECONDS_PER_DAY, MILLISECONDS_PER_MINUTE, date_of_day, day_of_date, start_of

HOLDER = "promise"


class Ask(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """The order that is asked about."""

    lines: tuple[OrderedLine, ...]
    at_ms: int
    """When it were placed."""
    channel: str | None = None
    method: Method = Method.SHIPPING
    pickup_location: str | None = None
    destination: Destination | None = None
    max_splits: int | None = None
    promise_by_ms: int | None = None
    """When it should be there: lateness is a cost."""
    split_must_save: int | None = None
    """As in the policy of orders: what one more shipment must save, where a basket is planned."""


class PromisedPart(msgspec.Struct, frozen=True, gc=False):
    """Units of a line from one place."""

    location: str
    quantity: int
    leaves_ms: int
    """When they leave; of a pickup, when they are ready."""
    arrives_ms: int
    """When they are there; of a pickup, when the shopper may first come."""
    from_ms: int | None = None
    """When the announced goods are due that they are promised from; null = they are there."""


class PromisedLine(msgspec.Struct, frozen=True, gc=False):
    """When a line would come."""

    line: int
    sku: str
    quantity: int
    parts: tuple[PromisedPart, ...]
    missing: int = 0
    """Units that nobody has and nobody has announced."""
    arrives_ms: int | None = None
    """When all of it is there; null = never, as far as is known."""
    next_receipt_at_ms: int | None = None
    """Where not all of it is there now: when the next goods are due at a place that might serve it."""
    refusal: str | None = None
    """Why the ledger would not hold all of it now."""
    candidates: tuple[Candidate, ...] = ()
    """The places that the ledger weighed, the best first, with the terms that sum to the cost of each."""


class PromisedShipment(msgspec.Struct, frozen=True, gc=False):
    """What leaves a place together."""

    location: str
    date: str
    """The local day on which it leaves, or is ready."""
    leaves_ms: int
    arrives_ms: int
    lines: tuple[int, ...]
    cost: int
    """As a plan weighs it; the sum of the terms."""
    terms: tuple[CostTerm, ...]
    put_off_from: str | None = None
    """The day on which it would have left, had that not been full."""
    days_known: bool = True
    """False: no zone of the place says how long it is on its way, so it arrives as it leaves."""


class Promise(msgspec.Struct, frozen=True, gc=False):
    """When an order would come, and from where."""

    at_ms: int
    lines: tuple[PromisedLine, ...]
    shipments: tuple[PromisedShipment, ...]
    arrives_ms: int | None
    """When all of it is there; null = never, as far as is known."""
    is_held_now: bool
    """Whether the ledger would hold all of it now."""


class Held(msgspec.Struct, frozen=True, gc=False):
    """What the ledger would say to one attempt."""

    by_line: dict[int, tuple[tuple[str, int], ...]]
    """Line -> places with units."""
    answers: dict[str, Answer]
    """By SKU."""
    decisions: dict[str, Decision]
    days: dict[str, str]
    """Places that can send only so much a day -> the day on which it would leave."""

    @property
    def units(self) -> int:
        """Units of all lines."""
        return sum([units for places in self.by_line.values() for _, units in places])


def promise(rows: Rows, ask: Ask) -> Promise:
    """When the order would come. Reads the rows of its SKUs, and of the days of limited places; changes nothing."""
    held, put_off = hold(rows, ask)
    references = rows.references()
    supplies = {sku: Supply(rows, sku, ask.channel, ask.at_ms, decision) for sku, decision in held.decisions.items()}
    lines: list[PromisedLine] = []
    for line in ask.lines:
        answer = held.answers[line.sku]
        parts = [part_of(references, ask, place, units, put_off.get(place)) for place, units in held.by_line[line.line]]
        missing = line.quantity - sum([part.quantity for part in parts])
        receipt_ms = None
        if missing:
            supply = supplies[line.sku]
            receipt_ms = supply.next_receipt_ms(lambda place: may_serve(references, ask, place))
            later = supply.take(missing, lambda place: may_serve(references, ask, place))
            parts += [part_of(references, ask, place, units, None, from_ms) for place, units, from_ms in later]
            missing -= sum([units for _, units, _ in later])
        lines.append(
            PromisedLine(
                line.line,
                line.sku,
                line.quantity,
                tuple(parts),
                missing,
                None if missing else max([part.arrives_ms for part in parts]),
                receipt_ms,
                None if answer.refusal is None else answer.refusal.value,
                answer.candidates,
            )
        )
    whole = [line.arrives_ms for line in lines]
    return Promise(
        ask.at_ms,
        tuple(lines),
        shipments_of(references, ask, lines, held.days, put_off),
        None if None in whole else max([each for each in whole if each is not None]),
        held.units == sum([line.quantity for line in ask.lines]),
    )


# -- what the ledger would say -----------------------------------------------------------------------------------------


def hold(rows: Rows, ask: Ask) -> tuple[Held, dict[str, str]]:
    """What would be held, as the order router would go about it, and the later day of each place that has none earlier.

    Places whose day is full are avoided; where less is to be had without them, a later day of theirs will do.
    """
    first = held = ask_ledger(rows, ask, ())
    avoid: tuple[str, ...] = ()
    while full := [place for place, date in held.days.items() if room(rows, place, date) <= 0]:
        avoid = (*avoid, *full)
        held = ask_ledger(rows, ask, avoid)
        if held.units < first.units or len(avoid) > MOST_AVOIDED:
            return put_off_full(rows, ask_ledger(rows, ask, (), any_day=True))
    return held, {}


def ask_ledger(rows: Rows, ask: Ask, avoid: tuple[str, ...], *, any_day: bool = False) -> Held:
    """One attempt: every SKU is asked for, all lines of it together."""
    ranked = plan(rows, ask, avoid, any_day=any_day)
    held = Held({}, {}, {}, {})
    for sku, group in groupby(sorted(ask.lines, key=lambda line: (line.sku, line.line)), key=lambda line: line.sku):
        lines = list(group)
        arrival = Arrival(reservation(ask, sku, lines, ranked.get(lines[0].line, ()), avoid), HOLDER, 0, ask.at_ms, b"")
        decision = decide(rows, arrival)
        answer = next(each for each in decision.answers if each.status in {Status.ACCEPTED, Status.REFUSED})
        held.answers[sku], held.decisions[sku] = answer, decision
        legs = {state.line: state.legs for state in answer.lines} or {lines[0].line: answer.legs}
        for line in lines:
            held.by_line[line.line] = tuple([(leg.location, leg.reserved) for leg in legs.get(line.line, ())])
        if ask.method is Method.SHIPPING:
            held.days.update({day.location: day.date for day in answer.dispatch_days})
    return held


def reservation(
    ask: Ask, sku: str, lines: Sequence[OrderedLine], ranked: tuple[str, ...], avoid: tuple[str, ...]
) -> Transaction:
    """What the order router would ask of the ledger; and whatever there is, is better than nothing."""
    many = tuple([Line(line.line, line.quantity) for line in lines]) if len(lines) > 1 else ()
    return Transaction(
        transaction_id=f"{HOLDER}-{ask.at_ms}",
        source=ORDER_ROUTER,
        kind=Kind.RESERVE,
        sku=sku,
        holder=HOLDER,
        line=1 if many else lines[0].line,
        quantity=None if many else lines[0].quantity,
        lines=many,
        locations=ranked if ask.pickup_location is None else (ask.pickup_location,),
        partial=True,
        promise_by_ms=ask.promise_by_ms,
        max_splits=ask.max_splits,
        avoid=avoid,
        channel=ask.channel,
        destination=ask.destination,
    )


def plan(rows: Rows, ask: Ask, avoid: tuple[str, ...], *, any_day: bool) -> dict[int, tuple[str, ...]]:
    """The places of every line, the best first, where several SKUs are to be shipped; else none, and the ledger chooses."""
    order = Order(
        tuple([OrderLine(line.line, line.sku, line.quantity) for line in ask.lines]),
        channel=ask.channel,
        method=ask.method,
        destination=ask.destination,
        avoid=avoid,
        any_day=any_day,
    )
    if not is_planned(order):
        return {}
    record = plan_record(
        HOLDER, order, lambda sku: levels(rows, sku), rows.references(), ask.at_ms, ask.split_must_save
    )
    return {line.line: line.locations for line in record.plan}


def levels(rows: Rows, sku: str) -> dict[str, Read]:
    """What the planner reads of a SKU."""
    return {
        place: Read(place, row.revision, row.unpromised - row.safety_stock)
        for place, row in rows.positions(sku).items()
    }


# -- days --------------------------------------------------------------------------------------------------------------


def room(rows: Rows, location: str, date: str) -> int:
    """Shipments that can still leave a limited place on a day."""
    row = rows.position(capacity_sku(location, date), location)
    return (capacity_on(rows.references().location(location), date) or 0) if row is None else row.unpromised


def put_off_full(rows: Rows, held: Held) -> tuple[Held, dict[str, str]]:
    """Of every place whose day is full the first later one with room; what leaves on none of the next is not had there."""
    put_off: dict[str, str] = {}
    never: list[str] = []
    for place, date in held.days.items():
        days = [date_of_day(day_of_date(date) + later) for later in range(MOST_DAYS + 1)]
        found = next((day for day in days if room(rows, place, day) > 0), None)
        if found is None:
            never.append(place)
        elif found != date:
            put_off[place] = found
    by_line = {
        line: tuple([(place, units) for place, units in places if place not in never])
        for line, places in held.by_line.items()
    }
    return msgspec.structs.replace(held, by_line=by_line), put_off


def part_of(
    references: References, ask: Ask, location: str, quantity: int, put_off: str | None, from_ms: int | None = None
) -> PromisedPart:
    """Units of a place with their dates: claimed now, or when announced goods come."""
    place = references.location(location)
    channel = None if ask.channel is None else references.channel(ask.channel)
    at_ms = max(ask.at_ms, from_ms or 0)
    if ask.method is Method.PICKUP:
        ready_ms = at_ms + handling_ms(place, channel)
        opens_ms = ready_ms if place is None else next_open_ms(place, ready_ms)
        return PromisedPart(location, quantity, ready_ms, opens_ms, from_ms)
    leaves_ms = dispatch_ms(place, channel, at_ms)
    arrives_ms = arrival_ms(place, channel, ask.destination, at_ms)
    if put_off is not None and place is not None:
        later_ms = leaves_on(place, put_off)
        arrives_ms, leaves_ms = arrives_ms + later_ms - leaves_ms, later_ms
    return PromisedPart(location, quantity, leaves_ms, arrives_ms, from_ms)


def handling_ms(place: LocationReference | None, channel: ChannelReference | None) -> int:
    """From claim to ready: as long as the place says, or where it says nothing the channel."""
    if place is not None and place.handling_time_ms is not None:
        return place.handling_time_ms
    return 0 if channel is None else channel.handling_time_ms or 0


def leaves_on(place: LocationReference, date: str) -> int:
    """When what is ready long before leaves the place on a day on which it sends."""
    begins_ms = start_of(day_of_date(date)) - place.utc_offset_minutes * MILLISECONDS_PER_MINUTE
    return dispatch_ms(msgspec.structs.replace(place, handling_time_ms=0), None, begins_ms)


def may_serve(references: References, ask: Ask, location: str) -> bool:
    """Whether goods that come to a place may be promised from there."""
    place = references.location(location)
    if not references.is_open(location) or not references.may_sell(ask.channel, location):
        return False
    if ask.method is Method.PICKUP:
        return location == ask.pickup_location
    return serves(place, ask.destination)


# -- shipments ---------------------------------------------------------------------------------------------------------


def shipments_of(
    references: References, ask: Ask, lines: Sequence[PromisedLine], days: dict[str, str], put_off: dict[str, str]
) -> tuple[PromisedShipment, ...]:
    """What leaves together: the parts of one place at one time, the first to leave in front."""
    found: dict[tuple[int, str], list[tuple[int, PromisedPart]]] = {}
    for line in lines:
        for part in line.parts:
            found.setdefault((part.leaves_ms, part.location), []).append((line.line, part))
    shipments: list[PromisedShipment] = []
    for (leaves_ms, location), parts in sorted(found.items()):
        place = references.location(location)
        terms = () if ask.method is Method.PICKUP else shipment_terms(place, ask.destination)
        known = ask.method is Method.PICKUP or zone_of(place, ask.destination) is not None
        now = all(part.from_ms is None for _, part in parts)
        shipments.append(
            PromisedShipment(
                location,
                local_date(place, leaves_ms),
                leaves_ms,
                parts[0][1].arrives_ms,
                tuple(dict.fromkeys(line for line, _ in parts)),
                sum([term.cost for term in terms]),
                terms,
                days[location] if now and location in put_off else None,
                known,
            )
        )
    return tuple(shipments)


def local_date(place: LocationReference | None, at_ms: int) -> str:
    """The local day of a moment at the place."""
    offset_ms = 0 if place is None else place.utc_offset_minutes * MILLISECONDS_PER_MINUTE
    return date_of_day((at_ms + offset_ms) // MILLISECONDS_PER_DAY)

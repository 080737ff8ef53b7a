"""What each channel may promise of a SKU, by region and method; and which of its states changed.

    quantity   sum over the channel's places in the region that offer the method of
               max(0, atp - what a silent feed withholds - the channel's buffer - the open fences of other channels)
    state      out at 0; low from `low_at` units down, until there are more than `low_until`; else in stock

Said for every decision that changes an offer, and for none that does not; not at all while there is no CHANNEL record.
Region null counts all places of the channel; each region that one of them names is also told by itself.

Channels on the same terms everywhere are reckoned once (`Class`): which those are follows from rules and references
alone and is kept until one of them changes. A fence of its own sets a channel apart.
"""

from __future__ import annotations

import msgspec

from agents.inventory.channels import Method, References
from agents.inventory.dates import next_receipt_ms
from agents.inventory.draft import Draft, Shelf
from agents.inventory.goods import NO_GOODS, Fence, Goods, SafetyBuffer
from agents.inventory.items import is_tracked
from agents.inventory.offers import Availability, Cell, ChannelOffers, Offer, State, Told, ToldStates
from agents.inventory.policy import CACHED_POLICIES, Policy
from agents.inventory.positions import Position
from agents.inventory.promising import buffer_of, promisable, withheld_units
from agents.inventory.rows import TOLD
from agents.inventory.transactions import ChannelReference, Kind

ASKED = frozenset({Kind.REFRESH, Kind.WATCH, Kind.ITEM})
"""Kinds that are told how it is whether or not their own decision has changed it."""
Offered = dict[tuple[str, Method, str | None], Offer]
"""The offers by channel, method and region."""


class Terms(msgspec.Struct, frozen=True, gc=False):
    """On what terms a channel sells from one place."""

    location: str
    safety_stock: int
    policy: Policy
    """Of the channel there: its buffer."""
    cells: tuple[int, ...]
    """Which cells of its class the place counts into."""
    silent: bool = False
    """Whether the feed that reports the place is silent."""


class Class(msgspec.Struct, frozen=True, gc=False):
    """Channels on the same terms at all places."""

    channels: tuple[str, ...]
    terms: tuple[Terms, ...]
    cells: tuple[Cell, ...]
    low_at: int
    low_until: int


class Stock(msgspec.Struct, frozen=True, gc=False):
    """What the places have to sell."""

    units: dict[str, tuple[int, int]]
    """By location: unpromised, and unpromised + reserved + allocated."""
    fences: tuple[Fence, ...]
    safety_buffers: tuple[SafetyBuffer, ...] = ()


ALWAYS_LOOKED_AT = frozenset({Kind.REFRESH, Kind.WATCH, Kind.ITEM, Kind.INBOUND})
"""Kinds that may change an offer though no bucket does: its terms, or when the next goods are due."""


def say_availability(draft: Draft) -> tuple[ChannelOffers, ...] | None:
    """Set the availability of the draft if the decision changed it, and remember the states; None if it did not."""
    asked = draft.transaction.kind in ASKED
    if not asked and not may_differ(draft):
        return None
    places = places_of(draft)
    classes = classes_of(draft, places)
    after = stock_of(draft, places)
    if not asked and not differs(draft, classes, after):
        return None
    groups = tuple([group for each in classes for group in offers_to(draft, each, after)])
    remember_states(draft, groups)
    if draft.transaction.kind is not Kind.WATCH:
        draft.availability = Availability(
            event_id=draft.next_event_id(), sku=draft.sku, as_of_ms=draft.at_ms, groups=groups
        )
    return groups


def may_differ(draft: Draft) -> bool:
    """Whether anything was touched that an offer follows from."""
    before = draft.rows.goods(draft.sku)
    if kept_apart(draft.goods) != kept_apart(NO_GOODS if before is None else before):
        return True
    return any(is_touched(shelf) for shelf in draft.shelves.values())


def is_touched(shelf: Shelf) -> bool:
    """Whether the place has more or less to sell, or to expect, than before."""
    before = shelf.before
    if before is None:
        return shelf.created
    return (
        shelf.unpromised != before.unpromised
        or shelf.reserved + shelf.allocated != before.reserved + before.allocated
        or shelf.in_transit != before.in_transit
    )


def differs(draft: Draft, classes: tuple[Class, ...], after: Stock) -> bool:
    """Whether a class of channels may promise more or less of what was touched, or expects something else there."""
    goods = draft.rows.goods(draft.sku) or NO_GOODS
    if kept_apart(goods) != (after.fences, after.safety_buffers) or draft.goods.has_lots:
        return True
    for shelf in draft.shelves.values():
        before = shelf.before
        if not is_touched(shelf):
            continue
        if before is None or before.in_transit != shelf.in_transit:
            return True
        was = Stock({shelf.location: units_of(before)}, *kept_apart(goods))
        for each in classes:
            for terms in each.terms:
                if terms.location == shelf.location and units_at(terms, each, was) != units_at(terms, each, after):
                    return True
    return False


def kept_apart(goods: Goods) -> tuple[tuple[Fence, ...], tuple[SafetyBuffer, ...]]:
    """What the SKU keeps from channels beside what policy withholds: fences, and units withheld after losses."""
    return goods.fences, goods.safety_buffers


def places_of(draft: Draft) -> tuple[str, ...]:
    """Where the SKU is or ever was, in no particular order."""
    known = draft.rows.positions(draft.sku)
    new = [name for name, shelf in draft.shelves.items() if shelf.before is None and shelf.created]
    return (*known, *new)


def stock_of(draft: Draft, places: tuple[str, ...]) -> Stock:
    """What the places have to sell after this decision."""
    known = draft.rows.positions(draft.sku)
    shelves = draft.shelves
    return Stock(
        {place: units_of(shelves[place] if place in shelves else known[place]) for place in places},
        *kept_apart(draft.goods),
    )


def units_of(row: Position | Shelf) -> tuple[int, int]:
    """Unpromised, and with it what is reserved and allocated."""
    return row.unpromised, row.unpromised + row.reserved + row.allocated


def units_at(terms: Terms, each: Class, stock: Stock) -> int:
    """What a channel of the class may promise at the place."""
    unpromised, to_sell = stock.units[terms.location]
    units = unpromised - terms.safety_stock
    for buffer in stock.safety_buffers:
        if buffer.location == terms.location:
            units -= buffer.quantity
    if units <= 0:
        return 0
    policy = terms.policy
    if terms.silent:
        units -= withheld_units(policy, units)
    if policy.buffer or policy.buffer_percent:
        units -= buffer_of(policy, to_sell)
    for fence in stock.fences:
        if fence.location == terms.location and fence.channel != each.channels[0]:
            units -= fence.open
    return max(units, 0)


def offers_to(draft: Draft, each: Class, stock: Stock) -> list[ChannelOffers]:
    """The offers to one class of channels; to those apart that were told other states before and so keep them."""
    receipts = receipts_of(draft, each)
    if not is_tracked(draft):
        always = [
            Offer(method, State.IN_STOCK, region, None, at_ms)
            for (method, region), at_ms in zip(each.cells, receipts, strict=True)
        ]
        return [ChannelOffers(each.channels, tuple(always))]
    totals = [0] * len(each.cells)
    for terms in each.terms:
        # What life the lots have left is reckoned by who promises them.
        has_lots = draft.goods.has_lots
        units = promisable(draft, terms.location, each.channels[0]) if has_lots else units_at(terms, each, stock)
        if units:
            for cell in terms.cells:
                totals[cell] += units
    return [
        ChannelOffers(
            channels,
            tuple(
                [
                    Offer(method, state, region, quantity, at_ms)
                    for (method, region), state, quantity, at_ms in zip(
                        each.cells, states, totals, receipts, strict=True
                    )
                ]
            ),
        )
        for states, channels in states_of(draft, each, totals)
    ]


def states_of(draft: Draft, each: Class, totals: list[int]) -> list[tuple[tuple[State, ...], tuple[str, ...]]]:
    """The states of the cells, and the channels of which they hold: usually all of the class.

    Only between `low_at` and `low_until` does it matter how it was.
    """
    low_at, low_until = each.low_at, each.low_until
    states = [
        State.OUT if units <= 0 else State.LOW if units <= low_at else State.IN_STOCK if units > low_until else None
        for units in totals
    ]
    if None not in states:
        return [(tuple(states), each.channels)]  # type: ignore[arg-type]
    told = told_states(draft)
    alike: dict[tuple[State, ...], list[str]] = {}
    for name in each.channels:
        kept = tuple(
            (State.IN_STOCK if told.get((name, *cell)) is State.IN_STOCK else State.LOW) if state is None else state
            for cell, state in zip(each.cells, states, strict=True)
        )
        alike.setdefault(kept, []).append(name)
    return [(kept, tuple(channels)) for kept, channels in alike.items()]


def receipts_of(draft: Draft, each: Class) -> list[int | None]:
    """When the next goods are expected, for each cell of the class."""
    if next_receipt_ms(draft, None) is None:
        return [None] * len(each.cells)
    expected: list[int | None] = [None] * len(each.cells)
    for terms in each.terms:
        at_ms = next_receipt_ms(draft, terms.location)
        if at_ms is None:
            continue
        for cell in terms.cells:
            sooner = expected[cell]
            expected[cell] = at_ms if sooner is None else min(sooner, at_ms)
    return expected


def by_channel(groups: tuple[ChannelOffers, ...]) -> Offered:
    """The offers, one for each channel, method and region."""
    return {
        (name, offer.method, offer.region): offer
        for group in groups
        for name in group.channels
        for offer in group.offers
    }


def told_states(draft: Draft) -> dict[tuple[str, Method, str | None], State]:
    """The states as they were told before this decision; what is not there was told as out, or never."""
    row: ToldStates | None = draft.rows.row(TOLD, (draft.sku,))
    if row is None:
        return {}
    return {
        (name, method, region): state
        for group in row.groups
        for (method, region), state in zip(group.cells, group.states, strict=True)
        for name in group.channels
    }


def remember_states(draft: Draft, groups: tuple[ChannelOffers, ...]) -> None:
    """Keep the states that are told now; written only where one is another than before."""
    row: ToldStates | None = draft.rows.row(TOLD, (draft.sku,))
    before = () if row is None else row.groups
    if is_as_told(groups, before):
        return
    told = [
        Told(
            group.channels,
            tuple([(offer.method, offer.region) for offer in group.offers]),
            tuple([offer.state for offer in group.offers]),
        )
        for group in groups
        if is_offered(group)
    ]
    draft.changes[TOLD, (draft.sku,)] = ToldStates(tuple(told)) if told else None


def is_as_told(groups: tuple[ChannelOffers, ...], before: tuple[Told, ...]) -> bool:
    """Whether the states are those that were told."""
    offered = [group for group in groups if is_offered(group)]
    if len(offered) != len(before):
        return False
    for group, told in zip(offered, before, strict=True):
        if group.channels != told.channels or len(group.offers) != len(told.states):
            return False
        for offer, (method, region), state in zip(group.offers, told.cells, told.states, strict=True):
            if offer.state is not state or offer.region != region or offer.method is not method:
                return False
    return True


def is_offered(group: ChannelOffers) -> bool:
    """Whether not all of it is out: only then it is remembered."""
    for offer in group.offers:  # noqa: SIM110 - for every decision, and any() costs three times as much
        if offer.state is not State.OUT:
            return True
    return False


def states_changed(draft: Draft) -> bool:
    """Whether a state, or who shares it, is another than before this decision."""
    return (TOLD, (draft.sku,)) in draft.changes


def classes_of(draft: Draft, places: tuple[str, ...]) -> tuple[Class, ...]:
    """The channels by their terms at these places, by name of the first."""
    book, references = draft.book, draft.references
    item = draft.goods.item
    fenced = tuple(each.channel for each in draft.goods.fences)
    key = (references, book.goods_key(draft.sku, None if item is None else item.category), places, fenced)
    found: tuple[Class, ...] | None = book.derived.get(key)
    if found is None:
        found = classify(draft, references, tuple(sorted(places)), fenced)
        if len(book.derived) >= CACHED_POLICIES:
            book.derived.clear()
        book.derived[key] = found
    return found


def classify(
    draft: Draft, references: References, places: tuple[str, ...], fenced: tuple[str, ...]
) -> tuple[Class, ...]:
    """Put channels on the same terms together."""
    alike: dict[object, tuple[Class, list[str]]] = {}
    for channel in references.channels:
        alone = class_of(draft, references, channel, places)
        apart = channel.channel if channel.channel in fenced else None
        terms = tuple(
            (
                each.location,
                each.policy.buffer,
                each.policy.buffer_percent,
                each.policy.minimum_shelf_life_days,
                each.policy.withhold_when_silent,
                each.cells,
            )
            for each in alone.terms
        )
        key = (apart, terms, alone.cells, alone.low_at, alone.low_until)
        alike.setdefault(key, (alone, []))[1].append(channel.channel)
    return tuple(
        msgspec.structs.replace(each, channels=tuple(channels)) for each, channels in alike.values() if each.cells
    )


def class_of(draft: Draft, references: References, channel: ChannelReference, places: tuple[str, ...]) -> Class:
    """The terms of one channel."""
    name = channel.channel
    offered = {place: references.offers(channel, place) for place in places}
    regions = sorted({region for place in places if offered[place] and (region := references.region_of(place))})
    cells: list[Cell] = []
    for method in Method:
        there = [place for place in places if method in offered[place]]
        if there:
            cells.append((method, None))
            cells += [(method, region) for region in regions if region in map(references.region_of, there)]
    number = {cell: index for index, cell in enumerate(cells)}
    terms = tuple(
        Terms(
            place,
            draft.policy(place).safety_stock,
            draft.policy(place, name),
            tuple(
                number[method, region]
                for method in offered[place]
                for region in dict.fromkeys((None, references.region_of(place)))
            ),
            place in references.silent,
        )
        for place in places
        if offered[place]
    )
    policy = draft.policy(None, name)
    return Class((name,), terms, tuple(cells), policy.low_at, max(policy.low_at, policy.low_until))

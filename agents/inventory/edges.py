"""Edges: a change of state is said once, to everybody and to each who watches the SKU.

Whoever begins to watch is told the present state at once, so that nothing is missed between asking and hearing.
"""

from __future__ import annotations

import msgspec

from agents.inventory.availability import Offered, by_channel, told_states
from agents.inventory.channels import Method
from agents.inventory.draft import Draft
from agents.inventory.offers import ChannelOffers, Edge, Offer, State
from agents.inventory.outcomes import Outcome, accept, refuse
from agents.inventory.refusals import Refusal
from agents.inventory.transactions import Kind


def watch(draft: Draft) -> Outcome:
    """Tell this SKU's edges to a topic, under a key, from now on. Refuses: UNKNOWN_TOPIC."""
    watcher, topics = draft.transaction.watcher, draft.arrival.edge_topics
    assert watcher is not None
    if topics is not None and watcher.topic not in topics:
        return refuse(Refusal.UNKNOWN_TOPIC)
    others = [each for each in draft.goods.watchers if each != watcher]
    watchers = sorted([*others, watcher], key=lambda each: (each.topic, each.key))
    draft.put_goods(msgspec.structs.replace(draft.goods, watchers=tuple(watchers)))
    return accept()


def unwatch(draft: Draft) -> Outcome:
    """Tell them there no more; never refused."""
    watchers = tuple(each for each in draft.goods.watchers if each != draft.transaction.watcher)
    if watchers != draft.goods.watchers:
        draft.put_goods(msgspec.structs.replace(draft.goods, watchers=watchers))
    return accept()


def say_edges(draft: Draft, groups: tuple[ChannelOffers, ...]) -> None:
    """Say which states changed, by channel, method and region; and to a new watcher what is."""
    before, offered = told_states(draft), by_channel(groups)
    for cell in sorted((*before, *(cell for cell in offered if cell not in before)), key=order_of):
        offer = offered.get(cell)
        state, previous = State.OUT if offer is None else offer.state, before.get(cell, State.OUT)
        if state != previous:
            edge = edge_of(draft, cell, offer, previous)
            draft.edges += (edge,)
            draft.watched += tuple([(watcher, edge) for watcher in draft.goods.watchers])
    if draft.transaction.kind is Kind.WATCH:
        tell_present(draft, offered)


def tell_present(draft: Draft, offered: Offered) -> None:
    """Tell the new watcher how things stand; where nothing is offered, that it is out."""
    watcher = draft.transaction.watcher
    if watcher is None or watcher not in draft.goods.watchers:
        return
    everywhere = [
        (channel.channel, method, None)
        for channel in draft.references.channels
        for method in Method
        if not channel.methods or method.value in channel.methods
    ]
    for cell in sorted((*offered, *(cell for cell in everywhere if cell not in offered)), key=order_of):
        draft.watched += ((watcher, edge_of(draft, cell, offered.get(cell), None)),)


def edge_of(draft: Draft, cell: tuple[str, Method, str | None], offer: Offer | None, previous: State | None) -> Edge:
    """The edge of one channel, method and region."""
    channel, method, region = cell
    return Edge(
        event_id=draft.next_event_id(),
        sku=draft.sku,
        channel=channel,
        method=method,
        region=region,
        state=State.OUT if offer is None else offer.state,
        previous=previous,
        quantity=0 if offer is None else offer.quantity,
        next_receipt_at_ms=None if offer is None else offer.next_receipt_at_ms,
        at_ms=draft.at_ms,
        transaction_id=draft.transaction.transaction_id,
        source=draft.transaction.source,
    )


def order_of(cell: tuple[str, Method, str | None]) -> tuple[str, str, str]:
    """By channel, method and region, all regions together first."""
    return cell[0], cell[1].value, cell[2] or ""

"""What is told of a SKU to those who sell it: availability per channel, region and method, and its edges.

Channels that are offered the same thing are told of together, so that fifty channels with three kinds of terms cost
three entries and not fifty. What is not there is not offered: out.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from agents.inventory.channels import Method


class State(StrEnum):
    """Whether a channel can sell the SKU."""

    IN_STOCK = "in_stock"
    LOW = "low"
    OUT = "out"


Cell = tuple[Method, str | None]
"""One method in one region; region null = everywhere."""


class Offer(msgspec.Struct, frozen=True, gc=False):
    """What a channel may promise of a SKU by one method, in one region."""

    method: Method
    state: State
    region: str | None = None
    """The region of the places counted; null = all of the channel's places."""
    quantity: int | None = None
    """Units, never below zero; null = as many as are asked for (the SKU is not tracked)."""
    next_receipt_at_ms: int | None = None
    """When the next goods are expected at one of these places."""


class ChannelOffers(msgspec.Struct, frozen=True, gc=False):
    """What these channels are offered, each for itself."""

    channels: tuple[str, ...]
    """By name."""
    offers: tuple[Offer, ...]
    """Shipping before pickup; all regions together before each by itself."""


class Availability(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """All offers of a SKU: the last one counts."""

    event_id: str
    sku: str
    as_of_ms: int
    """Record time of the decision that led to it."""
    groups: tuple[ChannelOffers, ...]
    """No channel is in two of them."""


class Edge(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """A change of state, said once; or, to who begins to watch, the present state."""

    event_id: str
    sku: str
    channel: str
    method: Method
    region: str | None = None
    state: State
    previous: State | None = None
    """Null in the first answer to a WATCH: nothing changed, this is how it is."""
    quantity: int | None = None
    """As in the offer."""
    next_receipt_at_ms: int | None = None
    at_ms: int
    """Record time of the decision."""
    transaction_id: str
    """Of the transaction that caused it."""
    source: str


class Told(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The states that were told of some channels."""

    channels: tuple[str, ...]
    cells: tuple[Cell, ...]
    states: tuple[State, ...]
    """Of the cells, in the same order."""


class ToldStates(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """All of them for one SKU: what an edge is measured against. Channels that are out everywhere are left out."""

    groups: tuple[Told, ...] = ()


class Scope(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Which SKUs a reference record concerns: those of which everything named here is so."""

    sku: str | None = None
    category: str | None = None
    location: str | None = None
    """It has a position there."""


class Refreshing(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A walk over the SKUs of this partition that visits those which a reference record concerns. At most one row."""

    walk: int
    """Input offset of the record that began it: its visits carry the number."""
    after: str | None
    """The last SKU visited; null before the first."""
    scopes: tuple[Scope, ...]
    """A SKU in any of them is visited."""
    next_scopes: tuple[Scope, ...] = ()
    """Of the next walk, from records that came while this one was under way."""
    next_walk: int = 0

"""REFRESH: what a reference record changes for many SKUs is done SKU by SKU, in records of their own.

A POLICY, LOCATION or CHANNEL record only sets its row and begins a walk (table `refreshing`, one row at most). The owner
of the partition looks at the row by the clock and writes REFRESH records for the next SKUs to its own partition, a
bounded number at a time (`visits`); each is decided like any other record and moves the walk on, so that it goes on
after a crash where it was. A change that concerns a million SKUs is thus never one giant transaction.

A visit says again what the change alone has changed: levels (with a new revision), availability, edges; empties closed
places (their claims move or yield), sets the dates of lots anew, and covers backorders. Where nothing changed it says nothing but availability.

Records that come while a walk is under way and has visited SKUs are kept for the next one, which begins when it ends:
so a walk ends, however often rules change. Decisions do not wait for it: they read the new rules at once.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from agents.inventory.capacity import is_capacity
from agents.inventory.capacity_days import resize_day
from agents.inventory.conflicts import evict
from agents.inventory.draft import Draft
from agents.inventory.lots import schedule
from agents.inventory.offers import Refreshing, Scope
from agents.inventory.positions import Position
from agents.inventory.rows import REFRESHING, WALK, Rows
from agents.inventory.transactions import Kind, Transaction

KEY = (REFRESHING, (WALK,))
MOST_SCOPES = 16
"""More of them are taken as everything."""
SYSTEM_SOURCE = "onhand"


def begin_walk(draft: Draft, scopes: tuple[Scope, ...]) -> None:
    """Have the SKUs in these scopes visited."""
    if not scopes:
        return
    walk: Refreshing | None = draft.row(*KEY)
    if walk is None or walk.after is None:
        # No visit has moved it yet, and those on their way bear another number: they would end it too early.
        draft.changes[KEY] = Refreshing(draft.arrival.offset, None, merge(() if walk is None else walk.scopes, scopes))
    else:
        draft.changes[KEY] = msgspec.structs.replace(
            walk, next_scopes=merge(walk.next_scopes, scopes), next_walk=draft.arrival.offset
        )


def merge(scopes: tuple[Scope, ...], more: tuple[Scope, ...]) -> tuple[Scope, ...]:
    """Both together, none twice; everything, where that is simpler."""
    merged = tuple(dict.fromkeys((*scopes, *more)))
    return (Scope(),) if Scope() in merged or len(merged) > MOST_SCOPES else merged


def concerns(scopes: Iterable[Scope], sku: str, category: str | None, rows: Rows) -> bool:
    """Whether the SKU is in one of the scopes."""
    return any(
        (scope.sku is None or scope.sku == sku)
        and (scope.category is None or scope.category == category)
        and (scope.location is None or rows.position(sku, scope.location) is not None)
        for scope in scopes
    )


def visit_record(sku: str, walk: int, *, last: bool) -> Transaction:
    """The record that visits a SKU. Its id says nothing: it is never remembered."""
    return Transaction(
        transaction_id="refresh", source=SYSTEM_SOURCE, kind=Kind.REFRESH, sku=sku, quantity=walk, last=last
    )


def visit(draft: Draft) -> None:
    """Do for the SKU what reference records have changed, and move the walk on."""
    move_on(draft)
    if draft.goods.has_lots:
        schedule(draft)
    positions = draft.rows.positions(draft.sku)
    if is_capacity(draft.sku):  # Claims of a closed place leave with their goods.
        resize_day(draft)
        return
    for location in sorted(positions):
        if not draft.references.is_open(location):
            evict(draft, location)
    for location in sorted(positions):
        tell_changed(draft, location, positions[location])


def tell_changed(draft: Draft, location: str, position: Position) -> None:
    """Tell the level of a place again if other units are withheld there than it said."""
    if draft.safety_stock(location) != position.safety_stock:
        draft.shelf(location).tell_again = True


def move_on(draft: Draft) -> None:
    """The walk has come to this SKU; at its end the next one begins. A visit of an earlier walk moves nothing."""
    transaction = draft.transaction
    walk: Refreshing | None = draft.row(*KEY)
    if walk is None or transaction.quantity != walk.walk:
        return
    if transaction.last:
        draft.changes[KEY] = Refreshing(walk.next_walk, None, walk.next_scopes) if walk.next_scopes else None
    elif walk.after is None or walk.after < draft.sku:
        draft.changes[KEY] = msgspec.structs.replace(walk, after=draft.sku)

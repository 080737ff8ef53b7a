"""Kits: a SKU that is sold as one and lies on the shelf as several.

A kit has no stock of its own. In front of the ledger, whatever moves a number of kits becomes one transaction for each
component, with so many times the component's quantity: each SKU is decided by its own partition, and each component is
answered on its own. Whoever needs all or nothing over several SKUs gives back what was granted (the order router does).

The ledger does not explode kits itself: a decision sees one SKU. What reaches it under the SKU of a kit is booked under
that SKU as of any other: facts are accepted, claims find no stock. Facts that state an absolute level (COUNT, SNAPSHOT)
cannot be exploded, for components also lie there by themselves: they are meant for kits that were assembled and put on
a shelf, whose ITEM names no components.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from agents.inventory.answers import Answer
from agents.inventory.transactions import Component, Item, Kind, Line, Transaction

EXPLODED_KINDS = frozenset(
    {
        Kind.RECEIPT,
        Kind.INBOUND,
        Kind.SALE,
        Kind.RESERVE,
        Kind.EXTEND,
        Kind.ALLOCATE,
        Kind.RELEASE,
        Kind.SHIP,
        Kind.PICK,
        Kind.RETURN,
        Kind.TRANSFER_OUT,
        Kind.TRANSFER_IN,
        Kind.QUARANTINE,
        Kind.UNQUARANTINE,
        Kind.ADJUST,
        Kind.FENCE,
        Kind.UNFENCE,
    }
)
"""What is about a number of units, and so about a multiple of them for each component."""

DEEPEST_KIT = 8
"""Kits within kits within kits: more than this is taken for a kit that contains itself."""


class KitInvalid(Exception):
    """A kit cannot be taken apart. The message says why."""


def explode(transaction: Transaction, item: Item | None) -> tuple[Transaction, ...]:
    """The transactions of the components, in their order; the transaction itself where there is nothing to explode.

    Their ids are made of the kit's id and SKU, so the same transaction always explodes into the same ones, and a
    component that is also sold alone under that id is another transaction. Holder and line stay: the line of an order
    holds a claim of each component. Kits are not sold in parts: `partial` is dropped.
    """
    if item is None or not item.kit or transaction.kind not in EXPLODED_KINDS:
        return (transaction,)
    return tuple(of_component(transaction, component) for component in item.kit)


def of_component(transaction: Transaction, component: Component) -> Transaction:
    """The transaction as it concerns one component."""
    times = component.quantity
    return msgspec.structs.replace(
        transaction,
        transaction_id=f"{transaction.transaction_id}/{transaction.sku}",
        sku=component.sku,
        quantity=None if transaction.quantity is None else transaction.quantity * times,
        lines=tuple(Line(line.line, line.quantity * times) for line in transaction.lines),
        partial=False,
    )


def answer_of_kit(transaction: Transaction, item: Item, answers: Sequence[Answer]) -> Answer:
    """What the answers of the components, in their order, say of the kit; quantity and shortfall count kits.

    One refusal refuses the kit: what was granted of the others is for whoever asked to give back.
    """
    refused = [answer for answer in answers if answer.refusal is not None]
    said = list(zip(item.kit, answers, strict=True))
    return msgspec.structs.replace(
        refused[0] if refused else answers[0],
        transaction_id=transaction.transaction_id,
        sku=transaction.sku,
        quantity=0 if refused else min(answer.quantity // component.quantity for component, answer in said),
        shortfall=max(-(-answer.shortfall // component.quantity) for component, answer in said),
        legs=(),
        alternatives=(),
    )


def kit_atp(item: Item, atp: Mapping[str, int | None]) -> int | None:
    """Kits that can be made of what is available of each component; never below 0.

    `atp` by SKU: None for one that is not tracked and so always available, nothing for one that is unknown. Answers
    None where every component is always available.
    """
    limits = [
        max(0, available) // component.quantity
        for component in item.kit
        if (available := atp.get(component.sku, 0)) is not None
    ]
    return min(limits, default=None)


def flatten(sku: str, items: Mapping[str, Item]) -> Item:
    """The item of a kit with the kits among its components taken apart; equal components become one.

    Raises KitInvalid if a kit contains itself.
    """
    return msgspec.structs.replace(items[sku], kit=_components(sku, items, DEEPEST_KIT))


def _components(sku: str, items: Mapping[str, Item], depth: int) -> tuple[Component, ...]:
    if depth == 0:
        raise KitInvalid(f"the kit {sku} contains itself, or kits more than {DEEPEST_KIT} deep")
    quantities: dict[str, int] = {}
    for component in items[sku].kit:
        inner = items.get(component.sku)
        parts = (
            _components(component.sku, items, depth - 1)
            if inner is not None and inner.kit
            else (Component(component.sku, 1),)
        )
        for part in parts:
            quantities[part.sku] = quantities.get(part.sku, 0) + part.quantity * component.quantity
    return tuple(Component(name, quantity) for name, quantity in quantities.items())

"""What a record of its kind must carry. What is missing here makes it malformed: unreadable, not refused.

A quantity of zero or less is no such problem: it is a refusal (`quantity_not_positive`), for the publisher to hear.
"""

from __future__ import annotations

from agents.inventory.findings import MOST_LOSSES
from agents.inventory.policy import OF_THE_CHOICE, WEIGHTS
from agents.inventory.reference_validation import FENCES, WATCHES, problem_of_destination, problem_of_reference
from agents.inventory.transactions import (
    BROADCAST_KINDS,
    FACT_KINDS,
    Bucket,
    Kind,
    Mode,
    PolicySettings,
    Transaction,
)
from agents.inventory.units import day_of_date

LARGEST_QUANTITY = 10**15
"""Base units in one record: far beyond any stock, and sums of thousands of them still fit 64 bits."""

LATEST_MS = 253_402_300_799_999
"""The last millisecond of the year 9999."""

LONGEST_NAME = 256
"""Characters of an id, SKU, location, holder or rule: they become keys."""

NEEDS_LOCATION = frozenset(
    {
        Kind.RECEIPT,
        Kind.INBOUND,
        Kind.SALE,
        Kind.SHIP,
        Kind.RETURN,
        Kind.TRANSFER_OUT,
        Kind.TRANSFER_IN,
        Kind.QUARANTINE,
        Kind.UNQUARANTINE,
        Kind.ADJUST,
        Kind.COUNT,
        Kind.SNAPSHOT,
    }
)
NEEDS_HOLDER = frozenset({Kind.RESERVE, Kind.ALLOCATE, Kind.EXTEND, Kind.RELEASE, Kind.PICK})
SETS_APART = frozenset({Kind.QUARANTINE, Kind.UNQUARANTINE})
NAMES_LOT = (NEEDS_LOCATION - {Kind.INBOUND, Kind.SNAPSHOT}) | {Kind.RESERVE, Kind.ALLOCATE}
NAMES_BUCKET = frozenset({Kind.RETURN, Kind.ADJUST, Kind.TRANSFER_OUT, Kind.TRANSFER_IN})
NAMED_BUCKETS = frozenset({Bucket.UNPROMISED, Bucket.QUARANTINED})
NOT_BELOW_ZERO = (
    "safety_stock",
    "late_window_ms",
    "count_tolerance",
    "backorder_limit",
    "max_splits",
    "preorder_limit",
    "preorder_channel_limit",
    "buffer",
    "low_at",
    "low_until",
    "shrinkage_events",
    "shrinkage_buffer",
    "echo_window_ms",
    "farthest_km",
    "anomaly_factor",
    "anomaly_after",
    "anomaly_minimum",
)
"""Settings of a policy rule."""
PERCENT = ("buffer_percent", "withhold_when_silent")
LARGEST_WEIGHT = 1_000_000
"""So that costs stay far within 64 bits."""
REQUESTABLE = frozenset({Kind.SHIP, Kind.TRANSFER_OUT, Kind.ADJUST})
TRANSFERS = frozenset({Kind.TRANSFER_OUT, Kind.TRANSFER_IN})
MAY_BE_LAST = frozenset({Kind.RECEIPT, Kind.TRANSFER_IN, Kind.REFRESH})
SAYS_MORE = BROADCAST_KINDS | TRANSFERS | FENCES | WATCHES | {Kind.INBOUND, Kind.ITEM}
"""Kinds with fields of their own that must be there."""
REQUEST, RESERVE, ALLOCATE = Mode.REQUEST, Kind.RESERVE, Kind.ALLOCATE
"""Asked for with every transaction: a name of the module costs a tenth of looking up a member of an enumeration."""


def problem_of(transaction: Transaction) -> str | None:
    """Why the transaction cannot be decided at all, as a sentence; None if it can."""
    problem = problem_of_names(transaction) or problem_of_numbers(transaction) or problem_of_kind(transaction)
    if problem is None and says_more(transaction):
        problem = (
            problem_of_policy(transaction)
            or problem_of_lot(transaction)
            or problem_of_shipment(transaction)
            or problem_of_reference(transaction)
            or problem_of_item(transaction)
        )
    if problem is None and transaction.kind in NEEDS_HOLDER:
        problem = problem_of_claim(transaction)
    return problem


def says_more(transaction: Transaction) -> bool:
    """Whether it is about a lot, goods on their way, a reference or an item: most are about none of these."""
    return (
        transaction.kind in SAYS_MORE
        or transaction.lot is not None
        or transaction.expires_on is not None
        or transaction.last
        or transaction.measures is not None
        or transaction.item is not None
    )


def problem_of_names(transaction: Transaction) -> str | None:
    """Ids and names must be there, and must fit into a key."""
    if not transaction.transaction_id:
        return "transaction_id is empty"
    if not transaction.source:
        return "source is empty"
    if transaction.kind in BROADCAST_KINDS:
        if transaction.sku:
            return f"{transaction.kind} is for every partition and cannot name a sku"
    elif not transaction.sku:
        return f"{transaction.kind} names no sku"
    return None if has_few_short_names(transaction) else problem_of_each_name(transaction)


def has_few_short_names(transaction: Transaction) -> bool:
    """Whether the names that most transactions have are its only ones, and are good: then none need be looked at alone.

    Together they are no longer than one may be, and no zero is in any of them.
    """
    location, holder = transaction.location, transaction.holder
    if (
        location == ""
        or holder == ""
        or transaction.to_location is not None
        or transaction.inbound is not None
        or transaction.transfer is not None
        or transaction.locations
    ):
        return False
    names = f"{transaction.transaction_id}{transaction.source}{transaction.sku}{location or ''}{holder or ''}"
    return len(names) <= LONGEST_NAME and "\0" not in names


def problem_of_each_name(transaction: Transaction) -> str | None:
    """The first name that does not fit into a key, or is there and empty."""
    named = (
        transaction.location,
        transaction.holder,
        transaction.to_location,
        transaction.inbound,
        transaction.transfer,
    )
    names = [transaction.transaction_id, transaction.source, transaction.sku]
    names += [name for name in named if name is not None]
    names += transaction.locations
    for name in names:
        if len(name) > LONGEST_NAME:
            return f"a name is longer than {LONGEST_NAME} characters: {name[:40]}..."
        if "\0" in name:
            return f"a name holds a zero character: {name!r:.60}"
    if "" in named or "" in transaction.locations:
        return "location, holder, to_location, inbound, transfer or one of the locations is empty"
    return None


def problem_of_numbers(transaction: Transaction) -> str | None:
    """Numbers must be of a size that can be reckoned with."""
    quantity, lines = transaction.quantity, transaction.lines
    for line in lines:
        if abs(line.quantity) > LARGEST_QUANTITY:
            return f"quantity {line.quantity} is beyond {LARGEST_QUANTITY}"
    if quantity is not None and abs(quantity) > LARGEST_QUANTITY:
        return f"quantity {quantity} is beyond {LARGEST_QUANTITY}"
    for time_ms in (transaction.occurred_at_ms, transaction.due_at_ms, transaction.promise_by_ms):
        if time_ms is not None and not 0 <= time_ms <= LATEST_MS:
            return f"{time_ms} is no time in milliseconds since 1970"
    if transaction.ttl_ms is not None and not 0 < transaction.ttl_ms <= LATEST_MS:
        return f"ttl_ms is {transaction.ttl_ms}; it must be above zero"
    if transaction.line < 1 or (lines and any(line.line < 1 for line in lines)):
        return "line is below 1"
    if transaction.max_splits is not None and transaction.max_splits < 0:
        return "max_splits is below zero"
    return None


def problem_of_kind(transaction: Transaction) -> str | None:
    """What the kind needs, and what it cannot take."""
    kind, is_request = transaction.kind, transaction.mode is REQUEST
    if transaction.occurred_at_ms is None and kind in FACT_KINDS and not is_request:
        return f"{kind} is a fact and needs occurred_at_ms"
    lacks = transaction.location is None or transaction.quantity is None
    if lacks and kind in NEEDS_LOCATION and not is_about_a_whole_lot(transaction):
        return f"{kind} names no {'location' if transaction.location is None else 'quantity'}"
    if transaction.bucket is not None:
        if kind not in NAMES_BUCKET:
            return f"{kind} takes no bucket"
        if transaction.bucket not in NAMED_BUCKETS:
            return f"bucket {transaction.bucket} changes only through claims and transfers"
    if transaction.lines and kind not in NEEDS_HOLDER:
        return f"{kind} takes no lines: one record is about one line"
    if is_request and kind not in REQUESTABLE:
        return f"{kind} cannot be a request"
    return None


def is_about_a_whole_lot(transaction: Transaction) -> bool:
    """Whether it blocks a lot or gives it free: then no quantity means all of it, and no location everywhere."""
    return transaction.kind in SETS_APART and transaction.lot is not None and transaction.quantity is None


def problem_of_policy(transaction: Transaction) -> str | None:
    """A POLICY record is about one rule."""
    if transaction.kind is not Kind.POLICY:
        return None
    return "POLICY carries no policy" if transaction.policy is None else problem_of_rule(transaction.policy)


def problem_of_lot(transaction: Transaction) -> str | None:
    """What a lot needs, and who can have one."""
    if transaction.expires_on is not None:
        if transaction.lot is None:
            return "expires_on is the date of a lot, and no lot is named"
        try:
            day_of_date(transaction.expires_on)
        except ValueError as error:
            return f"expires_on: {error}"
    if transaction.lot is not None and transaction.kind not in NAMES_LOT:
        return f"{transaction.kind} is not about a lot"
    return None


def problem_of_shipment(transaction: Transaction) -> str | None:
    """What goods on their way need: a name to be known by, and two places to go between."""
    kind = transaction.kind
    if kind is Kind.INBOUND and transaction.inbound is None:
        return "INBOUND names no inbound"
    if kind in TRANSFERS and transaction.transfer is None:
        return f"{kind} names no transfer"
    if kind is Kind.TRANSFER_OUT and transaction.to_location is None:
        return "TRANSFER_OUT names no to_location"
    if kind is Kind.TRANSFER_OUT and transaction.to_location == transaction.location:
        return f"a transfer from {transaction.location} to itself moves nothing"
    if transaction.last and (kind not in MAY_BE_LAST or (kind is Kind.RECEIPT and transaction.inbound is None)):
        return f"{kind} is no arrival of a transfer or inbound, so it cannot be the last one"
    if transaction.measures is not None and kind is not Kind.SNAPSHOT:
        return f"{kind} measures nothing"
    return None


def problem_of_item(transaction: Transaction) -> str | None:
    """What the reference of a SKU needs, and what a kit can be made of."""
    item = transaction.item
    if item is None:
        return "ITEM carries no item" if transaction.kind is Kind.ITEM else None
    if transaction.kind is not Kind.ITEM:
        return f"{transaction.kind} carries an item"
    if not item.unit:
        return "the item has no unit"
    if item.unit_cost < 0:
        return f"a unit costs {item.unit_cost}"
    components = [component.sku for component in item.kit]
    for component in item.kit:
        if not component.sku or len(component.sku) > LONGEST_NAME or "\0" in component.sku:
            return "a component of the kit has no SKU, or one that cannot be a key"
        if not 0 < component.quantity <= LARGEST_QUANTITY:
            return f"the kit has {component.quantity} of {component.sku}"
    if len(components) != len(set(components)):
        return "a component of the kit is named twice"
    if transaction.sku in components:
        return "a kit cannot be its own component"
    return None


def problem_of_claim(transaction: Transaction) -> str | None:
    """What an intention about a claim needs, and what contradicts itself."""
    kind, lines, locations = transaction.kind, transaction.lines, transaction.locations
    if transaction.holder is None:
        return f"{kind} names no holder"
    if locations and transaction.location is not None:
        return "a claim names either location or locations"
    if lines:
        if transaction.quantity is not None:
            return "a claim names either quantity or lines"
        if len({line.line for line in lines}) != len(lines):
            return "a line is named twice"
    if transaction.confirm and kind is not ALLOCATE:
        return f"{kind} cannot confirm"
    if transaction.revive and not transaction.confirm:
        return "only a confirm can revive"
    if transaction.sold and (kind is not ALLOCATE or transaction.confirm):
        return "only an ALLOCATE that confirms nothing can be sold"
    if transaction.quantity is None and not lines and opens_claim(transaction):
        return f"{kind} names no quantity"
    if len(locations) > 1 and not opens_claim(transaction):
        return f"{kind} names one location of the claim, or none"
    return problem_of_destination(transaction.destination)


def opens_claim(transaction: Transaction) -> bool:
    """Whether it makes a claim, or a larger one; the others are about one that is there."""
    return transaction.kind is RESERVE or (transaction.kind is ALLOCATE and not transaction.confirm)


def problem_of_rule(rule: PolicySettings) -> str | None:
    """Why a policy rule cannot be kept."""
    if not rule.rule or len(rule.rule) > LONGEST_NAME or "\0" in rule.rule:
        return "the policy rule has no name, or one that cannot be a key"
    for name in NOT_BELOW_ZERO:
        value = getattr(rule, name)
        if value is not None and not 0 <= value <= LARGEST_QUANTITY:
            return f"{name} is {value}"
    if rule.reservation_ttl_ms is not None and not 0 < rule.reservation_ttl_ms <= LATEST_MS:
        return f"reservation_ttl_ms is {rule.reservation_ttl_ms}; it must be above zero"
    if rule.shrinkage_window_ms is not None and not 0 < rule.shrinkage_window_ms <= LATEST_MS:
        return f"shrinkage_window_ms is {rule.shrinkage_window_ms}; it must be above zero"
    if rule.shrinkage_events is not None and rule.shrinkage_events > MOST_LOSSES:
        return f"shrinkage_events is {rule.shrinkage_events}; so many losses are not remembered"
    for name in PERCENT:
        value = getattr(rule, name)
        if value is not None and not 0 <= value <= 100:
            return f"{name} is {value}"
    if rule.aging_after_ms is not None and not 0 <= rule.aging_after_ms <= LATEST_MS:
        return f"aging_after_ms is {rule.aging_after_ms}"
    if rule.stock_alerts not in {None, "none", "out", "low"}:
        return f"stock_alerts is {rule.stock_alerts}; it may be none, out or low"
    for name in WEIGHTS:
        value = getattr(rule, name)
        if value is not None and not 0 <= value <= LARGEST_WEIGHT:
            return f"{name} is {value}"
    if rule.location is not None and any(getattr(rule, name) is not None for name in OF_THE_CHOICE):
        return "a rule for one place cannot say how places are weighed against each other"
    if rule.abroad not in {None, "allowed", "never"}:
        return f"abroad is {rule.abroad}; it may be allowed or never"
    if rule.claims not in {None, "first_come", "priority"}:
        return f"claims is {rule.claims}; it may be first_come or priority"
    if rule.backorder not in {None, "none", "limit", "unlimited"}:
        return f"backorder is {rule.backorder}; it may be none, limit or unlimited"
    return None

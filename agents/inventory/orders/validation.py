"""What a record about an order must carry. What is missing here makes it malformed: unreadable, not refused."""

from __future__ import annotations

from agents.inventory.channels import Method
from agents.inventory.orders.rows import LINES_APART
from agents.inventory.orders.words import REFERENCE_KINDS, OrderKind, OrderRecord
from agents.inventory.reference_validation import problem_of_channel, problem_of_destination, problem_of_location
from agents.inventory.transactions import STOCK_KEEPER
from agents.inventory.validation import LARGEST_QUANTITY, LATEST_MS, LONGEST_NAME

MOST_LINES = 500
"""Of one order: all of them stand in one row and one status."""
REFERENCE_PREFIXES = ("location:", "channel:")
"""Of the keys of reference records: no order is named so."""
CARRIES_LINES = frozenset({OrderKind.PLACED, OrderKind.CHANGED})


def problem_of(record: OrderRecord) -> str | None:
    """Why it cannot be decided at all, as a sentence; None if it can."""
    if record.kind in REFERENCE_KINDS:
        return problem_of_reference(record)
    return problem_of_names(record) or problem_of_numbers(record) or problem_of_kind(record)


def problem_of_reference(record: OrderRecord) -> str | None:
    """LOCATION carries the reference of a place and CHANNEL that of a channel, and they are about no order."""
    location, channel = record.location_reference, record.channel_reference
    if record.source != STOCK_KEEPER or not record.record_id:
        return f"{record.kind} is told by the {STOCK_KEEPER} alone, to every partition: `onhand location set`, `channel set`"
    if record.order_id:
        return f"{record.kind} is about no order, and names {record.order_id!r:.60}"
    if (record.kind is OrderKind.LOCATION) != (location is not None) or (channel is None) == (location is None):
        return f"{record.kind} carries the reference of one place or one channel, as its kind says"
    if location is not None:
        return problem_of_location(location)
    return None if channel is None else problem_of_channel(channel)


def problem_of_names(record: OrderRecord) -> str | None:
    """Ids and names must be there, and must fit into a key."""
    for what, name in (("record_id", record.record_id), ("source", record.source), ("order_id", record.order_id)):
        if not name:
            return f"{what} is empty"
    if record.order_id.startswith(REFERENCE_PREFIXES):
        # Such keys are exempt from the partition check: the order could get two owners.
        return f"no order may be named like the key of a reference record: {record.order_id!r:.60}"
    if record.location_reference is not None or record.channel_reference is not None:
        return f"{record.kind} carries the reference of a place or a channel; only LOCATION and CHANNEL do"
    names = [record.record_id, record.source, record.order_id, *(line.sku for line in record.lines)]
    names += [name for name in (record.location, record.pickup_location, record.channel) if name is not None]
    for name in names:
        if not name or len(name) > LONGEST_NAME or "\0" in name:
            return f"a name is empty, longer than {LONGEST_NAME} characters or holds a zero character: {name!r:.60}"
    return None


def problem_of_numbers(record: OrderRecord) -> str | None:
    """Numbers must be of a size that can be reckoned with."""
    numbers = [line.line for line in record.lines]
    if len(numbers) != len(set(numbers)):
        return "a line is named twice"
    for number in (*numbers, 1 if record.line is None else record.line):
        if not 1 <= number < LINES_APART:
            return f"line {number} is not from 1 to {LINES_APART - 1}"
    for line in record.lines:
        if not 0 < line.quantity <= LARGEST_QUANTITY:
            return f"line {line.line} is of {line.quantity} units"
    if record.quantity is not None and not 0 <= record.quantity <= LARGEST_QUANTITY:
        return f"quantity is {record.quantity}"
    for time_ms in (record.occurred_at_ms, record.promise_by_ms):
        if time_ms is not None and not 0 <= time_ms <= LATEST_MS:
            return f"{time_ms} is no time in milliseconds since 1970"
    return problem_of_destination(record.destination)


def problem_of_kind(record: OrderRecord) -> str | None:
    """What the kind needs."""
    if record.kind in CARRIES_LINES and not 0 < len(record.lines) <= MOST_LINES:
        return f"{record.kind} has {len(record.lines)} lines; it needs 1 to {MOST_LINES}"
    if record.kind is OrderKind.PLACED and record.occurred_at_ms is None:
        return "PLACED needs occurred_at_ms: without it nobody can tell a late repeat from a new order"
    if record.kind is OrderKind.PLACED and (record.method is Method.PICKUP) != (record.pickup_location is not None):
        return "an order to be picked up names pickup_location, and no other one does"
    if record.kind is OrderKind.PICKED_SHORT and None in {record.line, record.location, record.quantity}:
        return "PICKED_SHORT needs line, location and quantity (what was found)"
    if record.kind is OrderKind.ANSWER and record.answer is None:
        return "ANSWER carries no answer"
    return None

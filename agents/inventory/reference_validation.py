"""What records about channels and places must carry; the part of validation.py that is about reference and fences."""

from __future__ import annotations

from agents.inventory.channels import Method
from agents.inventory.transactions import ChannelReference, Kind, LocationReference, Transaction

LONGEST_NAME = 256
FENCES = frozenset({Kind.FENCE, Kind.UNFENCE})
WATCHES = frozenset({Kind.WATCH, Kind.UNWATCH})
LOCATION_KINDS = frozenset({"warehouse", "store", "dark_store", "marketplace"})
METHODS = frozenset(method.value for method in Method)
MOST_LISTED = 1_000
"""Names in one list of a reference record."""


def problem_of_reference(transaction: Transaction) -> str | None:
    """Why a record about fences, watchers, places or channels cannot be decided, as a sentence; None if it can."""
    kind = transaction.kind
    if kind in FENCES:
        return problem_of_fence(transaction)
    if kind in WATCHES:
        return problem_of_watcher(transaction)
    if kind is Kind.LOCATION:
        reference = transaction.location_reference
        return "LOCATION carries no location_reference" if reference is None else problem_of_location(reference)
    if kind is Kind.CHANNEL:
        channel = transaction.channel_reference
        return "CHANNEL carries no channel_reference" if channel is None else problem_of_channel(channel)
    return None


def problem_of_fence(transaction: Transaction) -> str | None:
    """A fence is of one channel at one place."""
    if transaction.location is None:
        return f"{transaction.kind} names no location"
    if transaction.fence is None or not is_name(transaction.fence):
        return f"{transaction.kind} names no channel in `fence`, or one that cannot be a key"
    if transaction.quantity is None and transaction.kind is Kind.FENCE:
        return "FENCE names no quantity"
    return None


def problem_of_watcher(transaction: Transaction) -> str | None:
    """A watcher has a topic and a key."""
    watcher = transaction.watcher
    if watcher is None or not watcher.topic or not watcher.key:
        return f"{transaction.kind} names no watcher, or one without topic or key"
    if len(watcher.topic) > LONGEST_NAME or len(watcher.key) > LONGEST_NAME:
        return f"topic or key of the watcher are longer than {LONGEST_NAME} characters"
    return None


def problem_of_location(reference: LocationReference) -> str | None:
    """Why the reference of a place cannot be kept."""
    if not is_name(reference.location):
        return "the place has no name, or one that cannot be a key"
    if reference.kind not in LOCATION_KINDS:
        return f"the kind of {reference.location} is {reference.kind}; it may be {', '.join(sorted(LOCATION_KINDS))}"
    if reference.region is not None and not is_name(reference.region):
        return f"the region of {reference.location} cannot be a name"
    if reference.latitude_tenths is not None and abs(reference.latitude_tenths) > 900:
        return f"latitude_tenths of {reference.location} is {reference.latitude_tenths}"
    if reference.longitude_tenths is not None and abs(reference.longitude_tenths) > 1_800:
        return f"longitude_tenths of {reference.location} is {reference.longitude_tenths}"
    return problem_of_names(reference.authority, f"authority of {reference.location}")


def problem_of_channel(reference: ChannelReference) -> str | None:
    """Why the reference of a channel cannot be kept."""
    if not is_name(reference.channel):
        return "the channel has no name, or one that cannot be a key"
    if reference.region is not None and not is_name(reference.region):
        return f"the region of {reference.channel} cannot be a name"
    unknown = [method for method in reference.methods if method not in METHODS]
    if unknown:
        return f"{reference.channel} sells by {unknown[0]}; it may be {' or '.join(sorted(METHODS))}"
    if reference.handling_time_ms is not None and reference.handling_time_ms < 0:
        return f"handling_time_ms of {reference.channel} is {reference.handling_time_ms}"
    return problem_of_names(reference.locations, f"locations of {reference.channel}")


def problem_of_names(names: tuple[str, ...], what: str) -> str | None:
    """Names in a list must be names, none twice, and not too many."""
    if len(names) > MOST_LISTED:
        return f"{what}: more than {MOST_LISTED} names"
    if len(names) != len(set(names)):
        return f"{what}: a name is given twice"
    if not all(is_name(name) for name in names):
        return f"{what}: a name is empty or cannot be a key"
    return None


def is_name(text: str) -> bool:
    """Whether it can be a part of a key."""
    return 0 < len(text) <= LONGEST_NAME and "\0" not in text

"""What records about channels and places must carry; the part of validation.py that is about reference and fences."""

from __future__ import annotations

from agents.inventory.capacity import capacity_sku
from agents.inventory.channels import Method
from agents.inventory.distances import ANYWHERE
from agents.inventory.hours import MOST_OFFSET_MINUTES, WEEKDAYS, clock_ms
from agents.inventory.transactions import (
    ChannelReference,
    Destination,
    FeedReference,
    Kind,
    LocationReference,
    Transaction,
)
from agents.inventory.units import MILLISECONDS_PER_DAY, day_of_date

LONGEST_NAME = 256
FENCES = frozenset({Kind.FENCE, Kind.UNFENCE})
WATCHES = frozenset({Kind.WATCH, Kind.UNWATCH})
LOCATION_KINDS = frozenset({"warehouse", "store", "dark_store", "marketplace"})
METHODS = frozenset(method.value for method in Method)
MOST_LISTED = 1_000
"""Names in one list of a reference record."""
LARGEST_COST = 1_000_000
"""Of a zone, and of a day late: so that costs stay far within 64 bits."""
MOST_DAYS = 365
LONGEST_HANDLING_MS = MOST_DAYS * MILLISECONDS_PER_DAY


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
    if kind is Kind.FEED:
        return "FEED carries no feed" if transaction.feed is None else problem_of_feed(transaction.feed)
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
    return (
        problem_of_names(reference.authority, f"authority of {reference.location}")
        or problem_of_hours(reference)
        or problem_of_zones(reference)
        or problem_of_capacity(reference)
    )


def problem_of_hours(reference: LocationReference) -> str | None:
    """When a place works, in local time."""
    name = reference.location
    for what, days in (("opening_days", reference.opening_days), ("working_days", reference.working_days)):
        unknown = [day for day in days if day not in WEEKDAYS]
        if unknown:
            return f"{what} of {name}: {unknown[0]} is none of {', '.join(WEEKDAYS)}"
        if len(days) != len(set(days)):
            return f"{what} of {name}: a day is given twice"
    for what in ("opens_at", "closes_at", "cut_off"):
        text = getattr(reference, what)
        try:
            _ = 0 if text is None else clock_ms(text)
        except ValueError as error:
            return f"{what} of {name}: {error}"
    if reference.closes_at is not None and clock_ms(reference.closes_at) <= clock_ms(reference.opens_at or "00:00"):
        return f"{name} closes at {reference.closes_at}, before it opens"
    problem = problem_of_holidays(reference)
    if problem is not None:
        return problem
    if abs(reference.utc_offset_minutes) > MOST_OFFSET_MINUTES:
        return f"utc_offset_minutes of {name} is {reference.utc_offset_minutes}"
    if reference.handling_time_ms is not None and not 0 <= reference.handling_time_ms <= LONGEST_HANDLING_MS:
        return f"handling_time_ms of {name} is {reference.handling_time_ms}"
    return None


def problem_of_holidays(reference: LocationReference) -> str | None:
    """Days on which nobody works there."""
    if len(reference.holidays) > MOST_LISTED:
        return f"holidays of {reference.location}: more than {MOST_LISTED}"
    try:
        days = [day_of_date(date) for date in reference.holidays]
    except ValueError as error:
        return f"holidays of {reference.location}: {error}"
    return f"holidays of {reference.location}: a day is given twice" if len(days) != len(set(days)) else None


def problem_of_zones(reference: LocationReference) -> str | None:
    """Where a place sends to, and at which cost."""
    if len(reference.zones) > MOST_LISTED:
        return f"zones of {reference.location}: more than {MOST_LISTED}"
    areas = [(zone.country, zone.postal_prefix) for zone in reference.zones]
    if len(areas) != len(set(areas)):
        return f"zones of {reference.location}: an area is given twice"
    for zone in reference.zones:
        area = f"zone {zone.country} {zone.postal_prefix}".rstrip() + f" of {reference.location}"
        if zone.country != ANYWHERE and not is_name(zone.country):
            return f"{area}: names no country"
        if zone.postal_prefix and (zone.country == ANYWHERE or not is_postal_prefix(zone.postal_prefix)):
            return f"{area}: a postal prefix is upper case, without spaces, and of one country"
        if not 0 <= zone.cost <= LARGEST_COST:
            return f"{area}: the cost is {zone.cost}"
        if not 0 <= zone.days <= MOST_DAYS:
            return f"{area}: {zone.days} days on the way"
    return None


def problem_of_capacity(reference: LocationReference) -> str | None:
    """The capacity of a place on a day is the stock of a SKU, which has to be a key."""
    capacity, name = reference.daily_capacity, reference.location
    if capacity is None:
        return None
    if not 0 <= capacity <= LARGEST_COST:
        return f"daily_capacity of {name} is {capacity}"
    if len(capacity_sku(name, "0000-00-00")) > LONGEST_NAME:
        return f"{name} is too long a name for a place with a daily capacity"
    return None


def is_postal_prefix(text: str) -> bool:
    """Whether postal areas can begin with it, as they are compared."""
    return is_name(text) and text == text.upper() and " " not in text


def problem_of_channel(reference: ChannelReference) -> str | None:
    """Why the reference of a channel cannot be kept."""
    if not is_name(reference.channel):
        return "the channel has no name, or one that cannot be a key"
    if reference.region is not None and not is_name(reference.region):
        return f"the region of {reference.channel} cannot be a name"
    unknown = [method for method in reference.methods if method not in METHODS]
    if unknown:
        return f"{reference.channel} sells by {unknown[0]}; it may be {' or '.join(sorted(METHODS))}"
    if reference.handling_time_ms is not None and not 0 <= reference.handling_time_ms <= LONGEST_HANDLING_MS:
        return f"handling_time_ms of {reference.channel} is {reference.handling_time_ms}"
    if reference.cancel_limit_ms is not None and reference.cancel_limit_ms < 0:
        return f"cancel_limit_ms of {reference.channel} is {reference.cancel_limit_ms}"
    if reference.late_penalty is not None and not 0 <= reference.late_penalty <= LARGEST_COST:
        return f"late_penalty of {reference.channel} is {reference.late_penalty}"
    return problem_of_names(reference.locations, f"locations of {reference.channel}")


def problem_of_feed(feed: FeedReference) -> str | None:
    """Why the reference of a feed cannot be kept."""
    if not is_name(feed.feed):
        return "the feed has no name, or one that cannot be a key"
    if feed.since_ms is not None and feed.since_ms < 0:
        return f"since_ms of {feed.feed} is {feed.since_ms}"
    return problem_of_names(feed.locations, f"locations of {feed.feed}")


def problem_of_destination(destination: Destination | None) -> str | None:
    """Why nothing can be sent to a destination."""
    if destination is None:
        return None
    if not is_name(destination.country) or len(destination.postal_area) > LONGEST_NAME:
        return "the destination names no country, or too long a postal area"
    if destination.latitude_tenths is not None and abs(destination.latitude_tenths) > 900:
        return f"latitude_tenths of the destination is {destination.latitude_tenths}"
    if destination.longitude_tenths is not None and abs(destination.longitude_tenths) > 1_800:
        return f"longitude_tenths of the destination is {destination.longitude_tenths}"
    return None


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

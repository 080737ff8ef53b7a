"""LOCATION and CHANNEL: the reference of places and channels, heard by every partition.

A record sets the reference of one place or channel as a whole. It holds from the next record on; the SKUs that it
concerns are visited afterwards (refreshing.py).
"""

from __future__ import annotations

import msgspec

from agents.inventory.capacity_days import scopes_of_change
from agents.inventory.draft import Draft
from agents.inventory.offers import Scope
from agents.inventory.outcomes import Outcome, accept
from agents.inventory.refreshing import begin_walk
from agents.inventory.rows import CHANNELS, LOCATIONS
from agents.inventory.transactions import LocationReference

EVERYTHING = Scope()


def set_location(draft: Draft) -> Outcome:
    """Set the reference of a place. It makes the place known for every SKU. Never refused."""
    new = draft.transaction.location_reference
    assert new is not None
    old = draft.references.location(new.location)
    if new != old:
        draft.changes[LOCATIONS, (new.location,)] = new
        if visible(new) != visible(old or LocationReference(new.location)):
            begin_walk(draft, (Scope(location=new.location),))
        else:
            begin_walk(draft, scopes_of_change(old, new))
    return accept()


def visible(reference: LocationReference) -> LocationReference:
    """The reference without what nothing was published by."""
    return msgspec.structs.replace(
        reference,
        kind="warehouse",
        country=None,
        latitude_tenths=None,
        longitude_tenths=None,
        time_zone=None,
        authority=(),
        utc_offset_minutes=0,
        zones=(),
        opening_days=(),
        opens_at=None,
        closes_at=None,
        working_days=(),
        cut_off=None,
        handling_time_ms=None,
        daily_capacity=None,
        holidays=(),
    )


def set_channel(draft: Draft) -> Outcome:
    """Set the reference of a channel. Never refused."""
    new = draft.transaction.channel_reference
    assert new is not None
    if new != draft.references.channel(new.channel):
        draft.changes[CHANNELS, (new.channel,)] = new
        begin_walk(draft, (EVERYTHING,))
    return accept()

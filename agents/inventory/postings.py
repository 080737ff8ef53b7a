"""Double entry: every accepted transaction is a list of postings that sum to zero per SKU."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from agents.inventory.transactions import Item, Kind


class Account(StrEnum):
    """Where units are: the posted buckets of a location, and the outside accounts that close the books."""

    UNPROMISED = "unpromised"
    RESERVED = "reserved"
    ALLOCATED = "allocated"
    QUARANTINED = "quarantined"
    IN_TRANSIT = "in_transit"
    SUPPLIER = "supplier"
    CUSTOMER = "customer"
    SHRINKAGE = "shrinkage"
    FOUND = "found"
    SCRAP = "scrap"


# Every decision names these: a name of the module costs a tenth of looking up a member of an enumeration.
UNPROMISED, RESERVED, ALLOCATED, CUSTOMER = Account.UNPROMISED, Account.RESERVED, Account.ALLOCATED, Account.CUSTOMER


class Posting(msgspec.Struct, frozen=True, gc=False):
    """One signed line of a double entry."""

    account: Account
    location: str
    quantity: int
    """Base units, signed: what comes into the account is positive."""
    holder: str | None = None
    line: int | None = None
    lot: str | None = None


class JournalRecord(msgspec.Struct, frozen=True, gc=False):
    """One accepted transaction, or one claim expired before a decision, with its postings."""

    event_id: str
    transaction_id: str
    source: str
    sku: str
    kind: Kind
    at_ms: int
    """Record time of the decision."""
    occurred_at_ms: int
    postings: tuple[Posting, ...]
    reason: str | None = None
    holder: str | None = None
    line: int | None = None
    channel: str | None = None
    order_id: str | None = None
    who: str | None = None
    why: str | None = None
    location: str | None = None
    """The one place that the transaction names: a count that finds no difference has no posting that would tell."""
    oversold: int = 0
    """Promised or sold units that turned out not to be there."""
    item: Item | None = None
    """Of ITEM: the reference as it is from now on."""

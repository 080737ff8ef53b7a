"""The rows a decision reads and changes. The core knows them by this protocol; RocksDB and the memory twin keep them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

from agents.inventory.alerts import Alert
from agents.inventory.answers import Answer, KeptAnswer
from agents.inventory.channels import References
from agents.inventory.findings import Case, Losses, OpenAlert, ToldLevels, Usual
from agents.inventory.goods import Goods, Lot
from agents.inventory.offers import Availability, Edge, Refreshing, ToldStates
from agents.inventory.policy import Policy, PolicyBook
from agents.inventory.positions import Position, StockLevel
from agents.inventory.postings import JournalRecord
from agents.inventory.reservations import Claim, ClosedClaim
from agents.inventory.shipments import Inbound, Transfer
from agents.inventory.transactions import (
    ChannelReference,
    FeedReference,
    LocationReference,
    PolicySettings,
    Transaction,
    Watcher,
)

POSITIONS = "positions"  # (sku, location) -> Position
CLAIMS = "claims"  # (sku, holder, line) -> Claim, the open ones
CLOSED_CLAIMS = "closed_claims"  # (sku, holder, line) -> ClosedClaim
ANSWERS = "answers"  # (source, sku, transaction_id) -> KeptAnswer
DUE = "due"  # (due_ms, sku, holder, line) -> Due; holder "" and line 0: a date of the goods themselves
MOVEMENTS = "movements"  # (sku, location, second) -> Movement
POLICY = "policy"  # (rule,) -> PolicySettings
GOODS = "goods"  # (sku,) -> Goods
LOTS = "lots"  # (sku, location, lot) -> Lot
INBOUNDS = "inbounds"  # (sku, inbound) -> Inbound
TRANSFERS = "transfers"  # (sku, transfer) -> Transfer
CASES = "cases"  # (sku, location) -> Case, the open ones
LOSSES = "losses"  # (sku, location) -> Losses
DEMAND = "demand"  # (sku, location) -> Demand, where a policy weighs scarcity
TOLD_LEVELS = "told_levels"  # (sku, location) -> ToldLevels, where snapshots come from
LOCATIONS = "locations"  # (location,) -> LocationReference
CHANNELS = "channels"  # (channel,) -> ChannelReference
TOLD = "told"  # (sku,) -> ToldStates
REFRESHING = "refreshing"  # (WALK,) -> Refreshing
OPEN_ALERTS = "open_alerts"  # (sku, location or "", type, about) -> OpenAlert
USUAL = "usual"  # (sku, location, kind) -> Usual, where a policy asks for unusual movements
FEEDS = "feeds"  # (feed,) -> FeedReference

WALK = "skus"
"""The only key of the table `refreshing`: a walk over all SKUs of the partition."""

Key = tuple[str | int, ...]


class Due(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """That something is due; the key says what and when."""


class Demand(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What leaves a place for customers in a week, as it was on the last day on which something did. See demand.py."""

    weekly_thousandths: int
    day: int
    """Of UTC by record time, counted from 1970-01-01."""


class Movement(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Sum of the signed on_hand changes of the movements (never of counts) that occurred in one second."""

    quantity: int


Row = (
    Position
    | Claim
    | ClosedClaim
    | KeptAnswer
    | Due
    | Movement
    | Demand
    | PolicySettings
    | Goods
    | Lot
    | Inbound
    | Transfer
    | Case
    | Losses
    | ToldLevels
    | OpenAlert
    | Usual
    | LocationReference
    | ChannelReference
    | FeedReference
    | Refreshing
    | ToldStates
)


class Rows(Protocol):
    """What a decision may read: the committed rows and those changed earlier in the same chunk."""

    def position(self, sku: str, location: str) -> Position | None:
        """The position row, or None where the SKU never was."""

    def positions(self, sku: str) -> Mapping[str, Position]:
        """All position rows of the SKU by location, in no particular order: sort before order may matter."""

    def claim(self, sku: str, holder: str, line: int) -> Claim | None:
        """The open claim."""

    def claims(self, sku: str) -> Mapping[tuple[str, int], Claim]:
        """All open claims of the SKU by (holder, line)."""

    def closed_claim(self, sku: str, holder: str, line: int) -> ClosedClaim | None:
        """What is remembered of a closed claim; the caller judges whether its 24 hours are over."""

    def due_claims(self, sku: str, at_ms: int) -> Iterable[tuple[str, int]]:
        """(holder, line) of the SKU's open claims with due_ms <= at_ms, ordered by (due_ms, holder, line)."""

    def kept_answer(self, source: str, sku: str, transaction_id: str) -> KeptAnswer | None:
        """What is kept under the id."""

    def movement(self, sku: str, location: str, second: int) -> int:
        """Sum of movements in that second; 0 where there are none."""

    def movements_after(self, sku: str, location: str, second: int) -> int:
        """Sum of the movements in all seconds later than `second`."""

    def policy(self, sku: str, location: str | None, channel: str | None = None, category: str | None = None) -> Policy:
        """The policy in force there, for goods of that category."""

    def policies(self) -> PolicyBook:
        """All policy rules in force."""

    def references(self) -> References:
        """What LOCATION, CHANNEL and FEED records said."""

    def goods(self, sku: str) -> Goods | None:
        """What is known of the SKU as a whole."""

    def row(self, table: str, key: Key) -> Any:
        """A row of one of the tables that are seldom asked, or None."""

    def group(self, table: str, sku: str) -> Mapping[Any, Any]:
        """All rows of such a table whose key starts with the SKU, by the rest of the key; in no particular order."""


class Arrival(msgspec.Struct, frozen=True, gc=False):
    """One transaction as it comes from the log."""

    transaction: Transaction
    cause: str
    """`topic-partition-offset`: every event of this decision is `<cause>-<n>`, n from 0."""
    offset: int
    at_ms: int
    """Record time, monotonic within the partition."""
    digest: bytes
    """8 bytes, see agents/codec/digest.py."""
    backfill: bool = False
    """The source is declared `backfill`: exempt from too_late, its ids are never forgotten."""
    first_record_at_ms: int | None = None
    """Of a forwarded record: its first record time, used where `occurred_at_ms` is absent."""
    edge_topics: tuple[str, ...] | None = None
    """Where a watcher may have edges said; null = anywhere."""
    partition: int = 0
    """What is broadcast is decided in every partition: what people must hear of it is said in the first."""


class Decision(msgspec.Struct, frozen=True, gc=False):
    """What follows from one arrival. Nothing has happened yet: the owner commits all of it, or none."""

    changes: Mapping[tuple[str, Key], Row | None]
    """(table, key) -> the new row, or None to remove it."""
    answers: tuple[Answer, ...] = ()
    """Notices of what expired first, then the answer, then notices of who yielded."""
    journal: tuple[JournalRecord, ...] = ()
    levels: tuple[StockLevel, ...] = ()
    alerts: tuple[Alert, ...] = ()
    availability: Availability | None = None
    """If something in it changed."""
    edges: tuple[Edge, ...] = ()
    """For everybody: changes of state."""
    watched: tuple[tuple[Watcher, Edge], ...] = ()
    """The same for each who watches the SKU, and the present state for who began to."""
    dead_letter: str | None = None
    """A fact that had to be refused is also kept as a dead letter, with this reason."""

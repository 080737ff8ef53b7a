"""The tables of the stock keeper, and how a decision reads them.

Prefixes, key shapes and row layouts are for life: tests/state/golden holds a row of each as bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import blake2b
from typing import Any, cast

from msgspec.structs import asdict, astuple

from agents.inventory import rows as names
from agents.inventory.answers import Answer, KeptAnswer
from agents.inventory.channels import NO_REFERENCES, References
from agents.inventory.findings import Case, Losses, OpenAlert, ToldLevels, Usual
from agents.inventory.goods import Goods, Lot
from agents.inventory.offers import Refreshing, ToldStates
from agents.inventory.policy import Policy, PolicyBook
from agents.inventory.positions import Position
from agents.inventory.reservations import Claim, ClosedClaim
from agents.inventory.rows import Demand, Due, Movement
from agents.inventory.shipments import Inbound, Transfer
from agents.inventory.transactions import ChannelReference, FeedReference, LocationReference, PolicySettings
from agents.state.keys import Key, encode_texts
from agents.state.overlay import Overlay
from agents.state.tables import Table, array_like

ANSWER_KEY_BYTES = 16
"""Of blake2b over (source, SKU, transaction id)."""


StoredAnswer = array_like(Answer)
StoredKeptAnswer = array_like(KeptAnswer, answer=StoredAnswer | None)
StoredPolicySettings = array_like(PolicySettings)
StoredLocationReference = array_like(LocationReference)
StoredChannelReference = array_like(ChannelReference)
StoredFeedReference = array_like(FeedReference)

_ANSWER_AT = KeptAnswer.__struct_fields__.index("answer")


def _kept_answer_to_array(kept: KeptAnswer) -> object:
    answer = kept.answer
    if answer is None:
        return kept
    values = astuple(kept)
    return *values[:_ANSWER_AT], astuple(answer), *values[_ANSWER_AT + 1 :]


def _kept_answer_from_array(stored: Any) -> KeptAnswer:
    values = asdict(stored)
    if stored.answer is not None:
        values["answer"] = Answer(**asdict(stored.answer))
    return KeptAnswer(**values)


def _policy_from_array(stored: Any) -> PolicySettings:
    return PolicySettings(**asdict(stored))


def _location_from_array(stored: Any) -> LocationReference:
    return LocationReference(**asdict(stored))


def _channel_from_array(stored: Any) -> ChannelReference:
    return ChannelReference(**asdict(stored))


def _feed_from_array(stored: Any) -> FeedReference:
    return FeedReference(**asdict(stored))


def _answer_key(key: Key) -> bytes:
    return blake2b(encode_texts(cast("tuple[str, ...]", key)), digest_size=ANSWER_KEY_BYTES).digest()


def _due_order(rest: Any, claim: Claim) -> Key | None:
    return None if claim.due_ms is None else (claim.due_ms, *rest)


POSITIONS = Table(names.POSITIONS, b"p", (str, str), Position)
CLAIMS = Table(names.CLAIMS, b"c", (str, str, int), Claim, order=_due_order)
CLOSED_CLAIMS = Table(names.CLOSED_CLAIMS, b"C", (str, str, int), ClosedClaim, cached=False)
ANSWERS = Table(
    names.ANSWERS,
    b"a",
    (bytes,),
    KeptAnswer,
    key_digest=_answer_key,
    to_array=_kept_answer_to_array,
    stored_as=StoredKeptAnswer,
    from_array=_kept_answer_from_array,
    cached=False,
)
DUE = Table(names.DUE, b"d", (int, str, str, int), Due, cached=False)
MOVEMENTS = Table(names.MOVEMENTS, b"m", (str, str, int), Movement, cached=False)
POLICY = Table(
    names.POLICY,
    b"P",
    (str,),
    PolicySettings,
    to_array=astuple,
    stored_as=StoredPolicySettings,
    from_array=_policy_from_array,
)
GOODS = Table(names.GOODS, b"g", (str,), Goods)
LOTS = Table(names.LOTS, b"l", (str, str, str), Lot)

LOCATIONS = Table(
    names.LOCATIONS,
    b"L",
    (str,),
    LocationReference,
    to_array=astuple,
    stored_as=StoredLocationReference,
    from_array=_location_from_array,
)
CHANNELS = Table(
    names.CHANNELS,
    b"H",
    (str,),
    ChannelReference,
    to_array=astuple,
    stored_as=StoredChannelReference,
    from_array=_channel_from_array,
)
TOLD = Table(names.TOLD, b"t", (str,), ToldStates)
REFRESHING = Table(names.REFRESHING, b"r", (str,), Refreshing)
INBOUNDS = Table(names.INBOUNDS, b"i", (str, str), Inbound, cached=False)
TRANSFERS = Table(names.TRANSFERS, b"T", (str, str), Transfer, cached=False)
CASES = Table(names.CASES, b"D", (str, str), Case, cached=False)
LOSSES = Table(names.LOSSES, b"s", (str, str), Losses, cached=False)
TOLD_LEVELS = Table(names.TOLD_LEVELS, b"e", (str, str), ToldLevels, cached=False)
DEMAND = Table(names.DEMAND, b"w", (str, str), Demand, cached=False)
OPEN_ALERTS = Table(names.OPEN_ALERTS, b"o", (str, str, str, str), OpenAlert, cached=False)
USUAL = Table(names.USUAL, b"u", (str, str, str), Usual)
FEEDS = Table(
    names.FEEDS,
    b"F",
    (str,),
    FeedReference,
    to_array=astuple,
    stored_as=StoredFeedReference,
    from_array=_feed_from_array,
)

LEDGER_TABLES: tuple[Table, ...] = (
    POSITIONS,
    CLAIMS,
    CLOSED_CLAIMS,
    ANSWERS,
    DUE,
    MOVEMENTS,
    POLICY,
    GOODS,
    LOTS,
    LOCATIONS,
    CHANNELS,
    TOLD,
    REFRESHING,
    INBOUNDS,
    TRANSFERS,
    CASES,
    LOSSES,
    TOLD_LEVELS,
    DEMAND,
    OPEN_ALERTS,
    USUAL,
    FEEDS,
)


_LONG_AGO_MS, _NEVER_MS = -(1 << 62), 1 << 62


class LedgerRows:
    """The protocol `Rows` of the core over an overlay."""

    def __init__(self, overlay: Overlay) -> None:
        self._overlays = overlay.by_name()
        self._positions = overlay.table(POSITIONS)
        self._claims = overlay.table(CLAIMS)
        self._closed_claims = overlay.table(CLOSED_CLAIMS)
        self._answers = overlay.table(ANSWERS)
        self._due = overlay.table(DUE)
        self._movements = overlay.table(MOVEMENTS)
        self._policy = overlay.table(POLICY)
        self._goods = overlay.table(GOODS)
        self._locations = overlay.table(LOCATIONS)
        self._channels = overlay.table(CHANNELS)
        self._feeds = overlay.table(FEEDS)
        self._references = NO_REFERENCES
        self._locations_revision = self._channels_revision = self._feeds_revision = -1
        self._book = PolicyBook(())
        self._book_revision = -1
        self._due_discards = 0
        self._nothing_due_before_ms = _LONG_AGO_MS

    def apply(self, changes: Mapping[tuple[str, names.Key], Any]) -> None:
        """Take over the changed rows of a decision. Until then a decision has changed nothing and may be dropped."""
        overlays = self._overlays
        for (table, key), row in changes.items():
            if table == names.DUE and row is not None and key[0] < self._nothing_due_before_ms:  # type: ignore[operator]
                self._nothing_due_before_ms = cast("int", key[0])
            overlays[table].put(key, row)

    def position(self, sku: str, location: str) -> Position | None:
        """See `Rows.position`."""
        return self._positions.get((sku, location))  # type: ignore[no-any-return]

    def positions(self, sku: str) -> Mapping[str, Position]:
        """See `Rows.positions`."""
        return self._positions.group(sku).rows

    def claim(self, sku: str, holder: str, line: int) -> Claim | None:
        """See `Rows.claim`."""
        return self._claims.get((sku, holder, line))  # type: ignore[no-any-return]

    def claims(self, sku: str) -> Mapping[tuple[str, int], Claim]:
        """See `Rows.claims`."""
        return self._claims.group(sku).rows

    def closed_claim(self, sku: str, holder: str, line: int) -> ClosedClaim | None:
        """See `Rows.closed_claim`."""
        return self._closed_claims.get((sku, holder, line))  # type: ignore[no-any-return]

    def due_claims(self, sku: str, at_ms: int) -> Iterable[tuple[str, int]]:
        """See `Rows.due_claims`. One comparison when nothing is due: the open claims of a SKU are kept by due time."""
        in_order: list[Any] = self._claims.group(sku).in_order
        if not in_order or in_order[0][0] > at_ms:
            return ()
        due: list[tuple[str, int]] = []
        for due_ms, holder, line in in_order:
            if due_ms > at_ms:
                break
            due.append((holder, line))
        return due

    def kept_answer(self, source: str, sku: str, transaction_id: str) -> KeptAnswer | None:
        """See `Rows.kept_answer`."""
        return self._answers.get((source, sku, transaction_id))  # type: ignore[no-any-return]

    def movement(self, sku: str, location: str, second: int) -> int:
        """See `Rows.movement`."""
        row = self._movements.get((sku, location, second))
        return 0 if row is None else row.quantity

    def movements_after(self, sku: str, location: str, second: int) -> int:
        """See `Rows.movements_after`."""
        later = self._movements.scan((sku, location), (sku, location, second + 1))
        return sum(row.quantity for _, row in later)

    def policies(self) -> PolicyBook:
        """See `Rows.policies`."""
        if self._policy.revision != self._book_revision:
            self._book_revision = self._policy.revision
            self._book = PolicyBook([row for _, row in self._policy.scan()])
        return self._book

    def policy(self, sku: str, location: str | None, channel: str | None = None, category: str | None = None) -> Policy:
        """See `Rows.policy`."""
        return self.policies().policy(sku, location, channel, category)

    def references(self) -> References:
        """See `Rows.references`."""
        at_locations, at_channels, at_feeds = self._locations.revision, self._channels.revision, self._feeds.revision
        if (
            at_locations != self._locations_revision
            or at_channels != self._channels_revision
            or at_feeds != self._feeds_revision
        ):
            self._locations_revision, self._channels_revision = at_locations, at_channels
            self._feeds_revision = at_feeds
            locations, channels, feeds = self._locations.scan(), self._channels.scan(), self._feeds.scan()
            self._references = References(
                {row.location: row for _, row in locations},
                {row.channel: row for _, row in channels},
                {row.feed: row for _, row in feeds},
            )
        return self._references

    def goods(self, sku: str) -> Goods | None:
        """See `Rows.goods`."""
        return self._goods.get((sku,))  # type: ignore[no-any-return]

    def row(self, table: str, key: names.Key) -> Any:
        """See `Rows.row`."""
        return self._overlays[table].get(key)

    def group(self, table: str, sku: str) -> Mapping[Any, Any]:
        """See `Rows.group`."""
        return self._overlays[table].group(sku).rows

    def due_before(self, at_ms: int, limit: int) -> list[tuple[int, str, str, int]]:
        """(due_ms, sku, holder, line) of what is due up to `at_ms`, the longest due first, at most `limit`.

        For the owner's tick. It remembers when the first one is due, so that it reads nothing before then, and never
        walks over the removed rows of all the time before; changes must therefore come by `apply`.
        """
        if self._due.discards != self._due_discards:  # a removed row may be back
            self._due_discards, self._nothing_due_before_ms = self._due.discards, _LONG_AGO_MS
        if at_ms < self._nothing_due_before_ms or limit <= 0:
            return []
        rows = self._due.scan((), (self._nothing_due_before_ms,), limit)
        keys = [cast("tuple[int, str, str, int]", key) for key, _ in rows]
        self._nothing_due_before_ms = keys[0][0] if keys else _NEVER_MS
        return [key for key in keys if key[0] <= at_ms]

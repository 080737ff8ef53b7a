"""The traffic of the demo: a real month of orders, played as what web shop, tills and warehouse would publish.

Quantities, articles, times, places and cancellations are real (README.md). What a table of invoices cannot know is
played, by a seeded generator, so that the same seed always gives the same records:

* a line of an order is reserved by the web shop, then mostly confirmed and shipped, sometimes released, sometimes left
  to expire; some lines are sold at a till instead;
* opening stock is what the month needs, so an ordinary line is never short;
* SHOWROOM is a place of our own with the last units of a few best sellers: there two shoppers race for the same units,
  or a till sells a unit that a shopper has reserved;
* quiet shelves are counted now and then, a unit off at times;
* one record in a hundred is sent twice, as retrying publishers do.

The records of one SKU must be published in their order; nothing else is asked of the caller.
"""

from __future__ import annotations

import heapq
import random
from bisect import bisect_right
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import msgspec

from agents.inventory.transactions import Kind, Transaction
from agents.inventory.units import MILLISECONDS_PER_HOUR, MILLISECONDS_PER_MINUTE
from tools.demo_data.month import Row, largest_deficits, read_month

OPENING = "opening"
DUPLICATE = "duplicate"
LEFT_TO_EXPIRE = "left to expire"
RACE = "race"
TILL_TAKES = "till takes"

SHOWROOM = "SHOWROOM"
SCARCE_SKUS = 12
WEB, POS, WMS = "web", "pos", "wms"

_SECOND_MS = 1_000
_ROWS_PER_RACE = 60
_ROWS_PER_COUNT = 200
_DUPLICATES = 0.01
_FURTHEST_DUPLICATE = 20
_REMEMBERED = 64
_QUIET_MS = 4 * MILLISECONDS_PER_HOUR


class Planned(msgspec.Struct, frozen=True):
    """One record to publish."""

    after_ms: int
    """After the start, in the shop's own time (nights cut); never falls. A demo divides it by its speed."""
    occurred_after_ms: int
    """When it happened, after the start: a duplicate is sent later than it happened, anything else at once."""
    transaction: Transaction
    note: str | None = None
    """OPENING, DUPLICATE, LEFT_TO_EXPIRE, RACE or TILL_TAKES."""
    race: int | None = None
    """The number of the race or of the till's grab it belongs to; the first record sent of the two RESERVEs wins."""


def traffic(
    seed: int, *, start_ms: int | None = None, rounds: int | None = None, run: str = "demo"
) -> Iterator[Planned]:
    """The records, `rounds` times the month (None = for ever, with fresh ids and fresh stock each time).

    With `start_ms`, `occurred_at_ms` is that plus `occurred_after_ms`. Without it the field is unset, which a fact must not be:
    pass the records through `stamped`. `run` is part of every id and holder, for several runs on one cluster.
    """
    player = _Player(random.Random(seed), read_month(), run)
    for planned in player.play(rounds):
        if start_ms is None:
            yield planned
        else:
            yield _at(planned, start_ms + planned.occurred_after_ms)


def stamped(plans: Iterator[Planned], now_ms: Callable[[], int]) -> Iterator[Planned]:
    """The records with `occurred_at_ms` = `now_ms()` at the moment each is taken.

    A duplicate keeps the time of its first sending, or it would be another transaction under a used id.
    """
    times: OrderedDict[tuple[str, str], int] = OrderedDict()
    for planned in plans:
        key = (planned.transaction.sku, planned.transaction.transaction_id)
        if planned.note == DUPLICATE:
            yield _at(planned, times[key])
            continue
        times[key] = now_ms()
        if len(times) > _REMEMBERED:
            times.popitem(last=False)
        yield _at(planned, times[key])


def _at(planned: Planned, moment_ms: int) -> Planned:
    transaction = msgspec.structs.replace(planned.transaction, occurred_at_ms=moment_ms)
    return msgspec.structs.replace(planned, transaction=transaction)


class _Player:
    """Plays the month. Records to come wait in a heap by time; the rows of the month feed it."""

    def __init__(self, rng: random.Random, rows: Sequence[Row], run: str) -> None:
        self._rng = rng
        self._rows = rows
        self._run = run
        self._deficits = largest_deficits(rows)
        self._times: dict[tuple[str, str], list[int]] = {}
        for row in rows:
            self._times.setdefault((row.sku, row.location), []).append(row.at_ms)
        self._keys = sorted(self._times)
        self._scarce = _best_sellers(rows)
        self._month_ms = rows[-1].at_ms + MILLISECONDS_PER_MINUTE
        self._waiting: list[tuple[int, int, Planned]] = []
        self._order = count()
        self._ids = count(1)
        self._races = count(1)
        self._open: Counter[tuple[str, str]] = Counter()
        """Records still waiting, by SKU and location."""
        self._on_hand: Counter[tuple[str, str]] = Counter()
        """What the shelves hold once everything sent is applied: promises do not matter, only facts move it."""
        self._counted_low: set[tuple[str, str]] = set()

    def play(self, rounds: int | None) -> Iterator[Planned]:
        for number in count() if rounds is None else range(rounds):
            yield from self._with_duplicates(self._round(number))

    def _round(self, number: int) -> Iterator[Planned]:
        start_ms = number * self._month_ms
        self._counted_low.clear()
        self._open_stock(start_ms)
        for index, row in enumerate(self._rows, start=1):
            now_ms = start_ms + row.at_ms
            yield from self._until(now_ms)
            self._play_row(row, now_ms, number)
            if index % _ROWS_PER_RACE == 0:
                self._play_race(now_ms)
            if index % _ROWS_PER_COUNT == 0:
                self._play_count(now_ms, row.at_ms)
        # What still waits (parcels to be shipped) goes out now: the next round begins with an empty desk.
        yield from self._until(start_ms + self._month_ms, everything=True)

    def _until(self, now_ms: int, *, everything: bool = False) -> Iterator[Planned]:
        """What is due at `now_ms`; with `everything` also what would come later, moved up to it."""
        while self._waiting and (everything or self._waiting[0][0] <= now_ms):
            _, _, planned = heapq.heappop(self._waiting)
            transaction = planned.transaction
            key = (transaction.sku, transaction.location or "")
            self._open[key] -= 1
            self._on_hand[key] += _on_hand_change(transaction, self._on_hand[key])
            late = planned.after_ms > now_ms
            yield msgspec.structs.replace(planned, after_ms=now_ms, occurred_after_ms=now_ms) if late else planned

    def _send(
        self,
        at_ms: int,
        kind: Kind,
        source: str,
        sku: str,
        location: str,
        quantity: int | None,
        note: str | None = None,
        race: int | None = None,
        **fields: object,
    ) -> None:
        """Let one record wait for its time."""
        transaction = Transaction(
            transaction_id=f"{self._run}-{next(self._ids)}",
            source=source,
            kind=kind,
            sku=sku,
            location=location,
            quantity=quantity,
            **fields,  # type: ignore[arg-type]
        )
        self._open[sku, location] += 1
        heapq.heappush(self._waiting, (at_ms, next(self._order), Planned(at_ms, at_ms, transaction, note, race)))

    def _open_stock(self, start_ms: int) -> None:
        for sku, location in self._keys:
            needed = self._deficits[sku, location]
            # A tenth and three units more than needed, so that counts may find a unit missing.
            self._send(start_ms, Kind.RECEIPT, WMS, sku, location, needed + needed // 10 + 3, OPENING, reason="opening")

    def _play_row(self, row: Row, now_ms: int, number: int) -> None:
        if row.kind is Kind.RETURN:
            self._send(now_ms, Kind.RETURN, WMS, row.sku, row.location, row.quantity, reason="cancellation")
        elif row.kind is Kind.ADJUST:
            self._send(now_ms, Kind.ADJUST, WMS, row.sku, row.location, row.quantity, reason="damage")
        elif self._rng.random() < 0.2:
            self._send(now_ms, Kind.SALE, POS, row.sku, row.location, row.quantity)
        else:
            self._play_order_line(row, now_ms, f"{self._run}-{number}-{row.invoice}")

    def _play_order_line(self, row: Row, now_ms: int, holder: str) -> None:
        """Reserve, and then one of the ways it goes on; a later step comes minutes or hours later."""
        rng = self._rng
        place = (WEB, row.sku, row.location)
        claim: dict[str, Any] = {"holder": holder, "line": row.line, "channel": WEB}
        way = rng.random()
        if way < 0.1:
            # A time to live in real time, not the shop's: short enough to be seen, whatever the speed.
            ttl_ms = rng.randint(1_500, 4_000)
            self._send(now_ms, Kind.RESERVE, *place, row.quantity, LEFT_TO_EXPIRE, ttl_ms=ttl_ms, **claim)
            return
        self._send(now_ms, Kind.RESERVE, *place, row.quantity, **claim)
        paid_ms = now_ms + rng.randint(20, 180) * _SECOND_MS
        if way < 0.2:
            self._send(paid_ms, Kind.RELEASE, *place, row.quantity, **claim)
            return
        if way < 0.25:
            self._send(now_ms + 10 * _SECOND_MS, Kind.EXTEND, *place, None, ttl_ms=MILLISECONDS_PER_HOUR, **claim)
        self._send(paid_ms, Kind.ALLOCATE, *place, None, confirm=True, **claim)
        shipped_ms = paid_ms + rng.randint(30, 240) * MILLISECONDS_PER_MINUTE
        self._send(shipped_ms, Kind.SHIP, WMS, row.sku, row.location, row.quantity, holder=holder, line=row.line)

    def _play_race(self, now_ms: int) -> None:
        """Two want the same last units in the showroom. It ends as it began: with nothing there."""
        free = [sku for sku in self._scarce if not self._open[sku, SHOWROOM]]
        if not free:
            return
        sku, race, units = self._rng.choice(free), next(self._races), self._rng.randint(1, 3)
        first, second = self._rng.sample([f"{self._run}-race-{race}-a", f"{self._run}-race-{race}-b"], 2)
        place = (sku, SHOWROOM)
        self._send(now_ms, Kind.RECEIPT, WMS, *place, units, RACE, race)
        if units > 1 and self._rng.random() < 0.4:
            self._play_till_takes(now_ms, place, units, first, race)
            return
        paid_ms = now_ms + 90 * _SECOND_MS
        for holder in (first, second):
            self._send(now_ms, Kind.RESERVE, WEB, *place, units, RACE, race, holder=holder, channel=WEB)
        for holder in (first, second):
            self._send(paid_ms, Kind.ALLOCATE, WEB, *place, None, RACE, race, holder=holder, channel=WEB, confirm=True)
        self._send(paid_ms + MILLISECONDS_PER_HOUR, Kind.SHIP, POS, *place, units, RACE, race, holder=first)

    def _play_till_takes(self, now_ms: int, place: tuple[str, str], units: int, holder: str, race: int) -> None:
        """A till sells one of the units that a shopper has reserved: the reservation yields, the rest is confirmed."""
        paid_ms = now_ms + 90 * _SECOND_MS
        told: tuple[str, int] = (TILL_TAKES, race)
        self._send(now_ms, Kind.RESERVE, WEB, *place, units, *told, holder=holder, channel=WEB)
        self._send(now_ms + 30 * _SECOND_MS, Kind.SALE, POS, *place, 1, *told)
        self._send(
            paid_ms, Kind.ALLOCATE, WEB, *place, None, *told, holder=holder, channel=WEB, confirm=True, partial=True
        )
        self._send(paid_ms + MILLISECONDS_PER_HOUR, Kind.SHIP, POS, *place, units - 1, *told, holder=holder)

    def _play_count(self, now_ms: int, at_ms: int) -> None:
        """Count a shelf where nothing moves for hours: whoever counts a busy one gets a number of yesterday."""
        for key in self._rng.sample(self._keys, 40):
            times = self._times[key]
            before = bisect_right(times, at_ms)
            quiet_until_ms = times[before] if before < len(times) else self._month_ms
            moved_ms = times[before - 1] if before else 0
            if self._open[key] or at_ms - moved_ms < _QUIET_MS or quiet_until_ms - at_ms < _QUIET_MS:
                continue
            off = self._rng.choice((0, 0, 0, 0, 1, 2, -1))
            if off < 0 and (key in self._counted_low or self._on_hand[key] < 1):
                off = 0
            if off < 0:
                self._counted_low.add(key)
            self._send(now_ms, Kind.COUNT, WMS, *key, self._on_hand[key] + off, who="cycle count")
            return

    def _with_duplicates(self, plans: Iterator[Planned]) -> Iterator[Planned]:
        """Some records once more, a few records later."""
        again: list[tuple[int, Planned]] = []
        for number, planned in enumerate(plans):
            yield planned
            while again and again[0][0] <= number:
                _, earlier = again.pop(0)
                yield msgspec.structs.replace(earlier, after_ms=planned.after_ms, note=DUPLICATE)
            if planned.note != OPENING and self._rng.random() < _DUPLICATES:
                again.append((number + self._rng.randint(1, _FURTHEST_DUPLICATE), planned))
                again.sort(key=lambda pair: pair[0])


def _best_sellers(rows: Sequence[Row]) -> list[str]:
    sold = Counter(row.sku for row in rows if row.kind is Kind.SALE)
    return sorted(sorted(sold), key=lambda sku: -sold[sku])[:SCARCE_SKUS]


def _on_hand_change(transaction: Transaction, on_hand: int) -> int:
    quantity = transaction.quantity or 0
    match transaction.kind:
        case Kind.RECEIPT | Kind.RETURN | Kind.ADJUST:
            return quantity
        case Kind.SALE | Kind.SHIP:
            return -quantity
        case Kind.COUNT:
            return quantity - on_hand
        case _:
            return 0

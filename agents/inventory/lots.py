"""Lots: units of a SKU that share one expiry date, at the places where they lie or are coming to.

A lot counts what is there: sellable units (`quantity`, promised ones included, for a claim holds no lot unless it asks
for one), those set apart and those on their way. Units that came without a lot are loose: whatever a place has beyond
its lots. No bucket knows of lots. When a rule has posted what was moved, `assign_lots` tells the postings apart by
lots: what comes belongs to the lot that the transaction names; what leaves is taken from that lot, or where none is
named from the lot that expires first (FEFO; of equal ones from the one that came first), then from the loose, then from
lots that live too short, and only when nothing else is there from what claims asked for by a lot's name (tied units).

Life is counted in whole days of UTC: a lot that expires today has a life of 0 and may still be sold today. When its
life falls below `removal_days` (policy, default 0: on the day after its date) the ledger itself sets it apart.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from agents.inventory.alarms import raise_discrepancy
from agents.inventory.draft import BUCKETS, Draft
from agents.inventory.goods import Lot
from agents.inventory.postings import Account, Posting
from agents.inventory.reservations import Claim, leg_at
from agents.inventory.rows import LOTS
from agents.inventory.transactions import Kind
from agents.inventory.units import day_of, day_of_date, start_of

SELLABLE = frozenset({Account.UNPROMISED, Account.RESERVED, Account.ALLOCATED})
"""The buckets that a lot's `quantity` lies in."""
UNSEEN = frozenset({Kind.COUNT, Kind.SNAPSHOT})
"""What these find missing was no sale: it is taken from the loose units first."""
NO_LOT = Lot()
LOOSE = None
"""In place of a lot's name: units without one."""


class Piece(msgspec.Struct, frozen=True, gc=False):
    """Units of one lot, or loose ones, that move together."""

    lot: str | None
    quantity: int


def last_day_of(lot: Lot) -> int | None:
    """The day on which it expires; None where it does not."""
    return None if lot.expires_on is None else day_of_date(lot.expires_on)


def life_days(lot: Lot, at_ms: int) -> int | None:
    """Days left to live, below 0 where it has expired; None for a lot that does not expire."""
    last = last_day_of(lot)
    return None if last is None else last - day_of(at_ms)


def is_alive(lot: Lot, at_ms: int, minimum_days: int) -> bool:
    """Whether it has at least so many days to live."""
    life = life_days(lot, at_ms)
    return life is None or life >= minimum_days


def lots_at(draft: Draft, location: str) -> dict[str, Lot]:
    """The lots of the SKU there by name: who expires first, of those who came first, comes first."""
    if not draft.goods.has_lots:
        return {}
    found = [(lot, row) for (place, lot), row in draft.group(LOTS).items() if place == location]
    found.sort(key=lambda pair: (pair[1].expires_on or "9999-12-31", pair[1].came_offset, pair[0]))
    return dict(found)


def lot_at(draft: Draft, location: str, lot: str) -> Lot:
    """The row of a lot; an empty one where there is none."""
    row: Lot | None = draft.row(LOTS, (draft.sku, location, lot)) if draft.goods.has_lots else None
    return row or Lot(came_offset=draft.arrival.offset)


def put_lot(draft: Draft, location: str, lot: str, row: Lot) -> None:
    """Set a lot's row; an empty one that is not blocked is forgotten."""
    gone = not (row.quantity or row.quarantined or row.in_transit or row.blocked)
    draft.changes[LOTS, (draft.sku, location, lot)] = None if gone else row
    if not gone and not draft.goods.has_lots:
        draft.put_goods(msgspec.structs.replace(draft.goods, has_lots=True))


# -- whose units moved -------------------------------------------------------------------------------------------------


def assign_lots(draft: Draft) -> bool:
    """Tell the postings of this record apart by lots, and keep the lots in step. To be called when a rule has posted.

    Costs one comparison for a SKU without lots and a transaction that names none. Answers whether there was any lot.
    """
    if draft.transaction.lot is None and not draft.goods.has_lots:
        return False
    lot = asked_lot(draft)
    moves = list(zip(draft.postings[::2], draft.postings[1::2], strict=True))
    loose = loose_before(draft, moves)
    draft.postings.clear()
    for source, target in moves:
        if is_promise(source, target):
            draft.postings += (source, target)
            continue
        for piece in pieces_of(draft, source, target, lot, loose):
            move_piece(draft, source, target, piece, loose)
    set_blocked_apart(draft, moves, lot)
    schedule(draft)
    return True


def asked_lot(draft: Draft) -> str | None:
    """The lot that the transaction means: the one it names, else that of the claim it is about."""
    transaction = draft.transaction
    if transaction.lot is not None or transaction.holder is None or not draft.goods.has_lots:
        return transaction.lot
    claim = draft.rows.claim(draft.sku, transaction.holder, transaction.line)
    return None if claim is None else claim.lot


def is_promise(source: Posting, target: Posting) -> bool:
    """Whether units only changed hands: between the buckets of one place that a lot does not tell apart."""
    return source.account in SELLABLE and target.account in SELLABLE and source.location == target.location


Loose = dict[tuple[str, Account], int]
"""(location, UNPROMISED, QUARANTINED or IN_TRANSIT) -> units there that belong to no lot, as they become."""


def kind_of(account: Account) -> Account:
    """Which of a lot's three figures an account counts in; an outside account is returned as it is."""
    return Account.UNPROMISED if account in SELLABLE else account


def loose_before(draft: Draft, moves: list[tuple[Posting, Posting]]) -> Loose:
    """The loose units of every place concerned, as they were before these postings."""
    loose: Loose = {}
    for location in dict.fromkeys(posting.location for move in moves for posting in move):
        shelf = draft.shelf(location)
        loose[location, Account.UNPROMISED] = shelf.unpromised + shelf.reserved + shelf.allocated
        loose[location, Account.QUARANTINED] = shelf.quarantined
        loose[location, Account.IN_TRANSIT] = shelf.in_transit
        for row in lots_at(draft, location).values():
            loose[location, Account.UNPROMISED] -= row.quantity
            loose[location, Account.QUARANTINED] -= row.quarantined
            loose[location, Account.IN_TRANSIT] -= row.in_transit
    for posting in (posting for move in moves for posting in move):
        if posting.account in BUCKETS:
            loose[posting.location, kind_of(posting.account)] -= posting.quantity
    return loose


def pieces_of(draft: Draft, source: Posting, target: Posting, lot: str | None, loose: Loose) -> list[Piece]:
    """Which lots the units of one posting belong to."""
    quantity = target.quantity
    if source.account not in BUCKETS:
        return [Piece(lot, quantity)]
    kind = kind_of(source.account)
    rows = lots_at(draft, source.location)
    if lot is not None:
        return pieces_of_lot(draft, source, rows.get(lot, NO_LOT), lot, quantity)
    policy = draft.policy(source.location, draft.transaction.channel)
    minimum_days = policy.minimum_shelf_life_days if target.account is Account.CUSTOMER else 0
    units = {name: units_in(row, kind) for name, row in rows.items()}
    tied = tied_units(draft, source.location) if kind is Account.UNPROMISED else {}
    free = {name: max(0, units[name] - tied.get(name, 0)) for name in units}
    good = {name: free[name] for name, row in rows.items() if is_alive(row, draft.at_ms, minimum_days)}
    late = {name: free[name] for name in units if name not in good}
    unnamed = max(0, loose[source.location, kind])
    first = min(quantity, unnamed) if draft.transaction.kind in UNSEEN else 0
    taken: dict[str, int] = {}
    left = fill(taken, good, quantity - first)
    then = min(left, unnamed - first)
    left = fill(taken, late, left - then)
    left = fill(taken, {name: units[name] - free[name] for name in units}, left)
    without = first + then + left
    pieces = [Piece(name, quantity) for name, quantity in taken.items()]
    return [*pieces, Piece(LOOSE, without)] if without else pieces


def tied_units(draft: Draft, location: str, but: Claim | None = None) -> dict[str, int]:
    """Units there that claims (`but` one) asked for by the name of their lot: lot -> units."""
    tied: dict[str, int] = {}
    for claim in draft.claims().values():
        leg = None if claim.lot is None or claim is but else leg_at(claim, location)
        if leg is not None and claim.lot is not None:
            tied[claim.lot] = tied.get(claim.lot, 0) + leg.reserved + leg.allocated
    return tied


def pieces_of_lot(draft: Draft, source: Posting, row: Lot, lot: str, quantity: int) -> list[Piece]:
    """Units of a named lot, as far as it is known to have them; what is beyond is loose, with a discrepancy."""
    known = min(quantity, units_in(row, kind_of(source.account)))
    if known < quantity:
        message = (
            f"{quantity} units of lot {lot} of {draft.sku} left {source.location}; {known} were known to be there."
        )
        raise_discrepancy(draft, source.location, message, known - quantity)
    return [piece for piece in (Piece(lot, known), Piece(LOOSE, quantity - known)) if piece.quantity]


def fill(taken: dict[str, int], available: Mapping[str, int], quantity: int) -> int:
    """Take units of these lots, in their order, and say how many are still missing."""
    left = quantity
    for name, there in available.items():
        units = min(left, there)
        if units:
            taken[name] = taken.get(name, 0) + units
            left -= units
    return left


def units_in(lot: Lot, kind: Account) -> int:
    """The units of the lot that count in a figure; a lot does not know which of its sellable units are promised."""
    if kind is Account.QUARANTINED:
        return lot.quarantined
    return lot.in_transit if kind is Account.IN_TRANSIT else lot.quantity


def move_piece(draft: Draft, source: Posting, target: Posting, piece: Piece, loose: Loose) -> None:
    """Write the postings of one piece, and count it where it came from and where it went."""
    replace = msgspec.structs.replace
    draft.postings.append(replace(source, quantity=-piece.quantity, lot=piece.lot))
    draft.postings.append(replace(target, quantity=piece.quantity, lot=piece.lot))
    known = NO_LOT if piece.lot is None else lot_at(draft, source.location, piece.lot)
    for posting, quantity in ((source, -piece.quantity), (target, piece.quantity)):
        if posting.account not in BUCKETS:
            continue
        if piece.lot is None:
            loose[posting.location, kind_of(posting.account)] += quantity
            continue
        row = dated(draft, lot_at(draft, posting.location, piece.lot), known)
        put_lot(draft, posting.location, piece.lot, changed(row, kind_of(posting.account), quantity))


def dated(draft: Draft, row: Lot, known: Lot) -> Lot:
    """The row with the date that the transaction says, or that the lot had where it came from."""
    said = draft.transaction.expires_on if draft.transaction.lot is not None else None
    expires_on = said or row.expires_on or known.expires_on
    return row if expires_on == row.expires_on else msgspec.structs.replace(row, expires_on=expires_on)


def changed(lot: Lot, kind: Account, quantity: int) -> Lot:
    """The lot with so many units more in one of its figures."""
    if kind is Account.QUARANTINED:
        return msgspec.structs.replace(lot, quarantined=lot.quarantined + quantity)
    if kind is Account.IN_TRANSIT:
        return msgspec.structs.replace(lot, in_transit=lot.in_transit + quantity)
    return msgspec.structs.replace(lot, quantity=lot.quantity + quantity)


# -- blocked lots ------------------------------------------------------------------------------------------------------


def set_blocked_apart(draft: Draft, moves: list[tuple[Posting, Posting]], lot: str | None) -> None:
    """What came of a blocked lot is set apart at once, before anybody is promised any of it."""
    if lot is None:
        return
    for _, target in moves:
        row = lot_at(draft, target.location, lot)
        if target.account is Account.UNPROMISED and (row.blocked or lot in draft.goods.recalled) and row.quantity > 0:
            draft.shelf(target.location).move(Account.UNPROMISED, Account.QUARANTINED, row.quantity, lot=lot)
            apart = msgspec.structs.replace(row, quantity=0, quarantined=row.quarantined + row.quantity, blocked=True)
            put_lot(draft, target.location, lot, apart)


def block(draft: Draft, lot: str, location: str | None) -> int:
    """Set a lot apart, here or (None) wherever it is or will come; how many units. Promised ones yield afterwards."""
    if location is None and lot not in draft.goods.recalled:
        draft.put_goods(msgspec.structs.replace(draft.goods, recalled=(*draft.goods.recalled, lot)))
    units = 0
    for place in places_of_lot(draft, lot, location):
        row = lot_at(draft, place, lot)
        put_lot(draft, place, lot, msgspec.structs.replace(row, blocked=True))
        draft.shelf(place).move(Account.UNPROMISED, Account.QUARANTINED, row.quantity, lot=lot)
        units += row.quantity
    return units


def unblock(draft: Draft, lot: str, location: str | None) -> int:
    """Give a blocked lot free again, here or (None) everywhere; how many units."""
    if location is None and lot in draft.goods.recalled:
        left = tuple(name for name in draft.goods.recalled if name != lot)
        draft.put_goods(msgspec.structs.replace(draft.goods, recalled=left))
    units = 0
    for place in places_of_lot(draft, lot, location):
        row = lot_at(draft, place, lot)
        put_lot(draft, place, lot, msgspec.structs.replace(row, blocked=False))
        draft.shelf(place).move(Account.QUARANTINED, Account.UNPROMISED, row.quarantined, lot=lot)
        units += row.quarantined
    return units


def places_of_lot(draft: Draft, lot: str, location: str | None) -> list[str]:
    """The place that is named, or all places where the lot is known."""
    if location is not None:
        return [location]
    return sorted(place for place, name in draft.group(LOTS) if name == lot) if draft.goods.has_lots else []


# -- their dates -------------------------------------------------------------------------------------------------------


def schedule(draft: Draft) -> None:
    """Set when the next lot of the SKU must be warned of or set apart; forget that it has lots when the last is gone."""
    rows = draft.group(LOTS)
    dates = [due for (location, _), row in rows.items() if (due := due_of(draft, location, row)) is not None]
    due_ms = min(dates, default=None)
    if draft.goods.due_ms != due_ms or draft.goods.has_lots != bool(rows):
        draft.put_goods(msgspec.structs.replace(draft.goods, has_lots=bool(rows), due_ms=due_ms))


def due_of(draft: Draft, location: str, lot: Lot) -> int | None:
    """When this lot needs the ledger next: to warn of it, then to set it apart; None where never."""
    last = last_day_of(lot)
    if last is None or lot.quantity == 0:
        return None
    policy = draft.policy(location)
    removal = last - policy.removal_days + 1
    warning = last - policy.expiry_warning_days + 1
    return start_of(removal if lot.warned or policy.expiry_warning_days == 0 else min(warning, removal))

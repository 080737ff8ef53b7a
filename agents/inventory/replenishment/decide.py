"""The decision about one record of the demand log of a SKU. Pure; the way in to the replenisher's core.

`(rows, record, policy) -> (new rows, requests, transfers, counts, insights, covers, days)`. The same log always gives the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from agents.inventory.postings import Account
from agents.inventory.replenishment.insights import compare_cover, compare_interest, look_for_counts, note_interest
from agents.inventory.replenishment.needs import look_after
from agents.inventory.replenishment.rows import (
    PLACES,
    SUPPLIERS,
    Coming,
    DemandArrival,
    DemandDecision,
    DemandRows,
    Need,
    Outlook,
    ReplenishmentPolicy,
    Span,
)
from agents.inventory.replenishment.sheet import Sheet
from agents.inventory.replenishment.validation import LONGEST_PROMOTION_DAYS
from agents.inventory.replenishment.velocity import MOST_IDLE_DAYS
from agents.inventory.replenishment.words import DemandKind
from agents.inventory.transactions import Kind
from agents.inventory.units import day_of_date, start_of

MOST_SEEN = 100
"""Records from outside that are recognised when they come again."""
LEAVING = (Kind.SALE, Kind.SHIP)
"""The kinds by which goods go to customers. A tuple: a member is found by identity, without a hash."""
CHECKING = (Kind.COUNT, Kind.SNAPSHOT)
FROM_OUTSIDE = (DemandKind.SIGNAL, DemandKind.PROMOTION)

Rule = Callable[[Sheet], "str | None"]
"""Applies a record; says why it had no effect, where it had none."""


def decide_demand(rows: DemandRows, arrival: DemandArrival, policy: ReplenishmentPolicy) -> DemandDecision:
    """Decide one record. Changes nothing; the same rows and arrival always give the same decision."""
    sheet = Sheet(rows, arrival, policy)
    ignored = RULES[arrival.record.kind](sheet) if not known(sheet) else "the same record came before"
    if ignored is None and sheet.sku:
        remember(sheet)
        schedule(sheet)
    return sheet.finish(ignored)


def seen_as(sheet: Sheet) -> str:
    """How a record is remembered."""
    return f"{sheet.record.source}/{sheet.record.record_id}"


def known(sheet: Sheet) -> bool:
    """Whether a record from outside came before. Journal records come once: they are committed with their cause."""
    return sheet.record.kind in FROM_OUTSIDE and seen_as(sheet) in sheet.supply.seen


def remember(sheet: Sheet) -> None:
    """The same record again will have no effect."""
    if sheet.record.kind in FROM_OUTSIDE:
        sheet.put_supply(seen=(*sheet.supply.seen, seen_as(sheet))[-MOST_SEEN:])


def schedule(sheet: Sheet) -> None:
    """Look again when the next day begins, as long as anything can come of it."""
    alive = any(is_alive(sheet.outlook(place)) for place in sheet.supply.places)
    sheet.put_supply(due_ms=start_of(sheet.today + 1) if alive else None)


def is_alive(row: Outlook) -> bool:
    """Whether a day that passes could change anything that matters."""
    goods = row.unpromised or row.promised or row.quarantined
    return bool(goods or row.level_thousandths or row.sold or row.need or row.coming)


# -- rules -------------------------------------------------------------------------------------------------------------


def move(sheet: Sheet) -> str | None:
    """Units moved: learn from them, and look whether a place is short now."""
    # A count that found what it should has no postings; the record says where it was.
    named = [] if sheet.record.location is None else [sheet.record.location]
    places = sorted({*named, *[posting.location for posting in sheet.record.postings]})
    for place in places:
        sheet.visit(place)
        post(sheet, place)
    for place in places:
        look_after(sheet, place)
        compare_interest(sheet, place)
    compare_cover(sheet)
    return None if places else "nothing was posted"


def post(sheet: Sheet, place: str) -> None:
    """Add the postings of a place to what is kept of it."""
    record, row = sheet.record, sheet.outlook(place)
    changed: dict[Account, int] = {}
    for posting in record.postings:
        if posting.location == place:
            changed[posting.account] = changed.get(posting.account, 0) + posting.quantity
    teaches = record.moved in LEAVING and not record.history
    sold = max(0, changed.get(Account.CUSTOMER, 0)) if teaches else 0
    sheet.put(
        place,
        unpromised=row.unpromised + changed.get(Account.UNPROMISED, 0),
        promised=row.promised + changed.get(Account.RESERVED, 0) + changed.get(Account.ALLOCATED, 0),
        quarantined=row.quarantined + changed.get(Account.QUARANTINED, 0),
        in_transit=row.in_transit + changed.get(Account.IN_TRANSIT, 0),
        sold=row.sold + sold,
        lost=row.lost + max(0, changed.get(Account.SHRINKAGE, 0)),
    )
    came = max(0, -changed.get(Account.SUPPLIER, 0)) if record.moved is Kind.RECEIPT else 0
    if came and row.need is not None:
        need = row.need
        received = need.received + came
        sheet.put(
            place,
            need=Need(need.request_id, need.quantity, received, need.opened_day, need.due_day, need.overdue_told),
        )
    if record.moved in CHECKING:
        sheet.put(place, checked_day=sheet.today, count_told=False)
    if record.moved is Kind.TRANSFER_OUT:
        forget_coming(sheet, place)


def forget_coming(sheet: Sheet, place: str) -> None:
    """A transfer that was waited for is in the journal now: it counts as on the way, whoever did it."""
    row = sheet.outlook(place)
    coming = tuple([each for each in row.coming if each.transfer != sheet.record.transfer])
    if coming != row.coming:
        sheet.put(place, coming=coming)


def be_refused(sheet: Sheet) -> str | None:
    """The ledger did not do a transfer: the place looks elsewhere, and does not ask there again for a while."""
    for place in sheet.supply.places:
        row = sheet.outlook(place)
        if any(each.transfer == sheet.record.transfer and not each.refused for each in row.coming):
            sheet.put(place, coming=tuple([refused(sheet, each) for each in row.coming]))
            look_after(sheet, place)
            return None
    return "nothing waits for that transfer"


def refused(sheet: Sheet, coming: Coming) -> Coming:
    """A transfer as it is after the record."""
    if coming.transfer != sheet.record.transfer:
        return coming
    return Coming(coming.transfer, coming.from_location, coming.quantity, coming.until_ms, refused=True)


def classify(sheet: Sheet) -> str | None:
    """What kind of goods it is: terms may follow from it."""
    if sheet.record.category == sheet.supply.category:
        return "it is so already"
    sheet.put_supply(category=sheet.record.category)
    for place in sheet.supply.places:
        look_after(sheet, place)
    return None


def be_watched(sheet: Sheet) -> str | None:
    """A campaign wants to hear how long the stock lasts."""
    campaign = sheet.record.campaign or ""
    if campaign in sheet.supply.campaigns:
        return "it hears it already"
    sheet.put_supply(campaigns=tuple(sorted([*sheet.supply.campaigns, campaign])), cover_day=-1)
    compare_cover(sheet)
    return None


def be_unwatched(sheet: Sheet) -> str | None:
    """It does not any more."""
    left = tuple([each for each in sheet.supply.campaigns if each != sheet.record.campaign])
    if left == sheet.supply.campaigns:
        return "it does not hear it"
    sheet.put_supply(campaigns=left)
    return None


def signal(sheet: Sheet) -> str | None:
    """Interest was seen at a place, or everywhere."""
    record = sheet.record
    if record.signal is None or record.quantity <= 0:
        return "a signal names what was seen, and how many"
    places = sheet.supply.places if record.location is None else (record.location,)
    if not any(place in sheet.supply.places for place in places):
        return "nothing is known of the SKU there"
    for place in places:
        note_interest(sheet, place, record.signal, record.quantity)
        compare_interest(sheet, place)
    return None


def promote(sheet: Sheet) -> str | None:
    """Days of a promotion. Those that are over are learned from already: it must be said before they end."""
    record = sheet.record
    try:
        first, last = day_of_date(record.from_on or ""), day_of_date(record.until_on or "")
    except ValueError as invalid:
        return str(invalid)
    if last < first or last - first >= LONGEST_PROMOTION_DAYS:
        return f"a promotion lasts from 1 to {LONGEST_PROMOTION_DAYS} days"
    for place in sheet.supply.places:
        sheet.outlook(place)  # days until now are judged by what was known until now
    kept = [span for span in sheet.supply.promotions if span.last_day >= sheet.today - MOST_IDLE_DAYS]
    sheet.put_supply(promotions=(*kept, Span(record.location, first, last)))
    return None


def agree(sheet: Sheet) -> str | None:
    """How the SKU is supplied."""
    terms = sheet.record.terms
    if terms is None or min(terms.review_days, terms.minimum_order, terms.pack_size, terms.unit_value) < 0:
        return "terms are numbers from 0"
    others = [each for each in sheet.supply.terms if each.location != terms.location]
    sheet.put_supply(terms=tuple(sorted([*others, terms], key=lambda each: each.location or "")))
    for place in sheet.supply.places:
        look_after(sheet, place)
    return None


def introduce(sheet: Sheet) -> str | None:
    """How long a supplier takes. It is used from the next record of each SKU on."""
    supplier = sheet.record.supplier
    if supplier is None or supplier.lead_time_days < 0 or supplier.lead_time_deviation_tenths < 0:
        return "a lead time is a number of days from 0"
    sheet.changes[SUPPLIERS, (supplier.supplier,)] = supplier
    return None


def wake(sheet: Sheet) -> str | None:
    """A day has begun: look at every place."""
    if sheet.supply.due_ms is None or sheet.supply.due_ms > sheet.at_ms:
        return "nothing of it is due"
    for place in sheet.supply.places:
        sheet.outlook(place)
    for place in sheet.supply.places:
        look_after(sheet, place)
        look_for_counts(sheet, place)
    compare_cover(sheet)
    return None


def situate(sheet: Sheet) -> str | None:
    """Where a place lies. It is used from the next transfer of each SKU on."""
    place = sheet.record.place
    if place is None:
        return "a place is named"
    sheet.changes[PLACES, (place.location,)] = place
    return None


RULES: Mapping[DemandKind, Rule] = MappingProxyType(
    {
        DemandKind.MOVED: move,
        DemandKind.REFUSED: be_refused,
        DemandKind.ITEM: classify,
        DemandKind.WATCHED: be_watched,
        DemandKind.UNWATCHED: be_unwatched,
        DemandKind.PLACE: situate,
        DemandKind.SIGNAL: signal,
        DemandKind.PROMOTION: promote,
        DemandKind.TERMS: agree,
        DemandKind.SUPPLIER: introduce,
        DemandKind.WAKE: wake,
    }
)

"""What a record of the demand log must carry. What is missing here makes it malformed: unreadable, not without effect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from agents.inventory.replenishment.words import DemandKind, DemandRecord, SignalKind, Supplier, Terms
from agents.inventory.units import day_of_date
from agents.inventory.validation import LARGEST_QUANTITY, LONGEST_NAME

BROADCAST = frozenset({DemandKind.PLACE, DemandKind.SUPPLIER})
"""Kinds that every partition hears; their key is `<kind>:<id>`."""
BY_ONHAND = frozenset(DemandKind) - {DemandKind.SIGNAL, DemandKind.PROMOTION, DemandKind.TERMS, DemandKind.SUPPLIER}
"""Kinds that only Onhand itself writes."""
LONGEST_DAYS = 3_650
LARGEST_THOUSANDTHS = 1_000
LONGEST_PROMOTION_DAYS = 366


def key_of(record: DemandRecord) -> str:
    """What the record must be keyed by."""
    if record.kind is DemandKind.PLACE and record.place is not None:
        return f"location:{record.place.location}"
    if record.kind is DemandKind.SUPPLIER and record.supplier is not None:
        return f"supplier:{record.supplier.supplier}"
    return record.sku


def problem_of(record: DemandRecord) -> str | None:
    """Why it cannot be decided at all, as a sentence; None if it can."""
    return problem_of_names(record) or NEEDS.get(record.kind, nothing_more)(record)


def problem_of_names(record: DemandRecord) -> str | None:
    """Ids and names must be there, and must fit into a key."""
    if (record.kind in BROADCAST) == bool(record.sku):
        return f"{record.kind} names {'no SKU: it is for all' if record.sku else 'a SKU'}"
    names = [record.record_id, record.source, *([record.sku] if record.sku else [])]
    names += [name for name in (record.location, record.transfer, record.campaign, record.category) if name is not None]
    names += [moved.location for moved in record.postings]
    for name in names:
        if not name or len(name) > LONGEST_NAME or "\0" in name:
            return f"a name is empty, longer than {LONGEST_NAME} characters or holds a zero character: {name!r:.60}"
    return None


def nothing_more(_record: DemandRecord) -> str | None:
    """Of kinds that need no more."""
    return None


def problem_of_move(record: DemandRecord) -> str | None:
    """MOVED tells how."""
    return "MOVED names the kind of the transaction" if record.moved is None else None


def problem_of_refusal(record: DemandRecord) -> str | None:
    """REFUSED tells what."""
    return "REFUSED names the transfer" if record.transfer is None else None


def problem_of_watch(record: DemandRecord) -> str | None:
    """WATCHED and UNWATCHED tell for whom."""
    return f"{record.kind} names the campaign" if record.campaign is None else None


def problem_of_signal(record: DemandRecord) -> str | None:
    """SIGNAL tells what was seen, and how many."""
    if record.signal is None:
        return f"SIGNAL names what was seen: {', '.join(SignalKind)}"
    if not 0 < record.quantity <= LARGEST_QUANTITY:
        return f"SIGNAL tells how many, or the price: from 1 to {LARGEST_QUANTITY}, not {record.quantity}"
    return None


def problem_of_promotion(record: DemandRecord) -> str | None:
    """PROMOTION tells from when to when."""
    try:
        first, last = day_of_date(record.from_on or ""), day_of_date(record.until_on or "")
    except ValueError as invalid:
        return str(invalid)
    if last < first or last - first >= LONGEST_PROMOTION_DAYS:
        return f"a promotion lasts from 1 to {LONGEST_PROMOTION_DAYS} days"
    return None


def problem_of_told_terms(record: DemandRecord) -> str | None:
    """TERMS tells the terms."""
    return "TERMS carries terms" if record.terms is None else problem_of_terms(record.terms)


def problem_of_terms(terms: Terms) -> str | None:
    """Terms are numbers that can be reckoned with."""
    days = (terms.review_days, 0 if terms.lead_time_days is None else terms.lead_time_days)
    if min(days) < 0 or max(days) > LONGEST_DAYS:
        return f"days are from 0 to {LONGEST_DAYS}"
    if not 0 < terms.service_level < LARGEST_THOUSANDTHS:
        return f"service_level is in thousandths, from 1 to 999, not {terms.service_level}"
    units = (terms.minimum_order, terms.pack_size, terms.unit_value)
    if min(units) < 0 or max(units) > LARGEST_QUANTITY:
        return f"minimum_order, pack_size and unit_value are from 0 to {LARGEST_QUANTITY}"
    return problem_of_name(terms.supplier) or problem_of_name(terms.location)


def problem_of_name(name: str | None) -> str | None:
    """A name that is given fits into a key."""
    if name is not None and (not name or len(name) > LONGEST_NAME or "\0" in name):
        return f"a name is empty, longer than {LONGEST_NAME} characters or holds a zero character: {name!r:.60}"
    return None


def problem_of_told_supplier(record: DemandRecord) -> str | None:
    """SUPPLIER tells how long it takes."""
    return "SUPPLIER carries a supplier" if record.supplier is None else problem_of_supplier(record.supplier)


def problem_of_supplier(supplier: Supplier) -> str | None:
    """Lead times are numbers that can be reckoned with."""
    if not 0 <= supplier.lead_time_days <= LONGEST_DAYS:
        return f"lead_time_days is from 0 to {LONGEST_DAYS}, not {supplier.lead_time_days}"
    if not 0 <= supplier.lead_time_deviation_tenths <= 10 * LONGEST_DAYS:
        return f"lead_time_deviation_tenths is from 0 to {10 * LONGEST_DAYS}"
    return problem_of_name(supplier.supplier)


def problem_of_place(record: DemandRecord) -> str | None:
    """PLACE tells where."""
    return "PLACE carries a place" if record.place is None else problem_of_name(record.place.location)


NEEDS: Mapping[DemandKind, Callable[[DemandRecord], str | None]] = MappingProxyType(
    {
        DemandKind.MOVED: problem_of_move,
        DemandKind.REFUSED: problem_of_refusal,
        DemandKind.WATCHED: problem_of_watch,
        DemandKind.UNWATCHED: problem_of_watch,
        DemandKind.SIGNAL: problem_of_signal,
        DemandKind.PROMOTION: problem_of_promotion,
        DemandKind.TERMS: problem_of_told_terms,
        DemandKind.SUPPLIER: problem_of_told_supplier,
        DemandKind.PLACE: problem_of_place,
    }
)

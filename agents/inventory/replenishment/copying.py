"""What the stock keeper copies into the demand log of a SKU: the ledger's decisions, as the replenisher needs them.

A posting without its claim and lot, a refused transfer of the replenisher's own, what kind of goods a SKU is, which campaigns
want to hear of its cover, and where places lie. In the Kafka transaction of the decision: so it is there once, or never was.
"""

from __future__ import annotations

import msgspec

from agents.inventory.answers import Status
from agents.inventory.capacity import is_capacity
from agents.inventory.postings import JournalRecord
from agents.inventory.replenishment.words import REPLENISHER, DemandKind, DemandRecord, Moved, Whereabouts
from agents.inventory.rows import Decision
from agents.inventory.transactions import STOCK_KEEPER, Kind, LocationReference, Transaction

CHECKING = (Kind.COUNT, Kind.SNAPSHOT)
"""Kinds that tell something even where nothing was posted. A tuple: a member is found by identity, without a hash."""
TELLING = (Kind.LOCATION, Kind.ITEM, Kind.WATCH, Kind.UNWATCH)
"""Kinds that tell something beside what was posted."""
MOVED, TRANSFER_OUT = DemandKind.MOVED, Kind.TRANSFER_OUT
"""Asked for with every record: a name of the module costs a tenth of looking up a member of an enumeration."""
WATCHING = {Kind.WATCH: DemandKind.WATCHED, Kind.UNWATCH: DemandKind.UNWATCHED}


def copies_of(
    transaction: Transaction, decision: Decision, campaigns: str | None, *, history: bool = False
) -> list[DemandRecord]:
    """The records of the demand log that follow from a decision.

    `campaigns`: the topic that campaigns watch with. `history`: the source is a backfill, and tells what is long past.
    Shipments that a place can send in a day are no goods: nothing of them is copied.
    """
    if is_capacity(transaction.sku):
        return []
    records: list[DemandRecord] = []
    for record in decision.journal:
        if record.postings or record.kind in CHECKING:
            records.append(moved_record(record, transaction, history=history))  # noqa: PERF401 - a function less
    if transaction.kind in TELLING:
        records += told_records(transaction, decision, campaigns)
    elif transaction.source == REPLENISHER:
        records += refusals(transaction, decision)
    return records


def moved_record(record: JournalRecord, transaction: Transaction, *, history: bool) -> DemandRecord:
    """A journal record. Claims that expired before the transaction have records of their own."""
    kind = record.kind
    postings: list[Moved] = []
    for each in record.postings:
        postings.append(Moved(each.account, each.location, each.quantity))  # noqa: PERF401 - a function less
    return DemandRecord(
        record_id=record.event_id,
        source=STOCK_KEEPER,
        kind=MOVED,
        sku=record.sku,
        moved=kind,
        postings=tuple(postings),
        location=transaction.location if kind in CHECKING else None,
        transfer=transaction.transfer if kind is TRANSFER_OUT else None,
        history=history,
    )


def told_records(transaction: Transaction, decision: Decision, campaigns: str | None) -> list[DemandRecord]:
    """What a record tells beside what it posts: where a place lies, what kind of goods it is, or who watches it."""
    if transaction.kind is Kind.LOCATION:
        return place_records(transaction.location_reference, decision)
    return about_records(transaction, decision, campaigns)


def place_records(reference: LocationReference | None, decision: Decision) -> list[DemandRecord]:
    """Where a place lies, if that was accepted now and not earlier."""
    return [
        DemandRecord(
            record_id=answer.event_id,
            source=STOCK_KEEPER,
            kind=DemandKind.PLACE,
            place=Whereabouts(
                reference.location,
                reference.country,
                reference.latitude_tenths,
                reference.longitude_tenths,
                reference.open,
            ),
        )
        for answer in decision.answers
        if answer.status is Status.ACCEPTED and answer.repeats is None and reference is not None
    ]


def about_records(transaction: Transaction, decision: Decision, campaigns: str | None) -> list[DemandRecord]:
    """What kind of goods it is, or who watches it."""
    item, watcher = transaction.item, transaction.watcher
    told: list[DemandRecord] = []
    for record in decision.journal:
        if record.kind is not transaction.kind:
            continue
        copy = DemandRecord(record_id=record.event_id, source=STOCK_KEEPER, kind=DemandKind.ITEM, sku=record.sku)
        if item is not None:
            told.append(msgspec.structs.replace(copy, category=item.category))
        elif watcher is not None and watcher.topic == campaigns:
            told.append(msgspec.structs.replace(copy, kind=WATCHING[record.kind], campaign=watcher.key))
    return told


def refusals(transaction: Transaction, decision: Decision) -> list[DemandRecord]:
    """That a transfer of the replenisher's own was refused."""
    return [
        DemandRecord(
            record_id=answer.event_id,
            source=STOCK_KEEPER,
            kind=DemandKind.REFUSED,
            sku=transaction.sku,
            transfer=transaction.transfer,
            reason=None if answer.refusal is None else answer.refusal.value,
        )
        for answer in decision.answers
        if answer.status is Status.REFUSED and answer.transaction_id == transaction.transaction_id
    ]

"""The books, without the core: the postings of the journal sum to nought, and per bucket to the position.

The fold checks each decision with the code that decided it. This is naive on purpose: it reads what was published.
"""

from __future__ import annotations

from collections import defaultdict

from agents.inventory.positions import Position
from agents.inventory.postings import Account, JournalRecord
from agents.state.ledger import POSITIONS
from tools.audit.findings import Difference, Findings, Kind, Party
from tools.audit.rows import FoldedRows

BUCKETS = (Account.UNPROMISED, Account.RESERVED, Account.ALLOCATED, Account.QUARANTINED, Account.IN_TRANSIT)
WHAT_TO_DO = "Units came from nowhere or went nowhere: report it with the records of this SKU (`onhand tail`)."


class Books:
    """Sums of the postings of one partition. Its memory is that of the positions."""

    def __init__(self, partition: int, findings: Findings) -> None:
        self._partition = partition
        self._findings = findings
        self._sums: dict[tuple[str, str], dict[str, int]] = defaultdict(dict)

    def post(self, record: JournalRecord) -> None:
        """One published journal record."""
        total = 0
        for posting in record.postings:
            total += posting.quantity
            if posting.account in BUCKETS:
                sums = self._sums[record.sku, posting.location]
                sums[posting.account] = sums.get(posting.account, 0) + posting.quantity
        if total:
            self._note(
                record.event_id,
                "0",
                str(total),
                f"The postings of journal record {record.event_id} ({record.sku}) sum to {total}, not to 0: the journal "
                "is wrong.",
            )

    def close(self, folded: FoldedRows) -> None:
        """At the cut: every position is the sum of its postings."""
        places = dict(self._sums)
        for table, key, row in folded.all():
            if table is POSITIONS:
                sku, location = POSITIONS.decode_key(key)
                self._compare(
                    str(sku), str(location), POSITIONS.decode_row(row), places.pop((str(sku), str(location)), {})
                )
        for (sku, location), sums in places.items():
            self._compare(sku, location, Position(), sums)

    def _compare(self, sku: str, location: str, position: Position, sums: dict[str, int]) -> None:
        expected = {bucket.value: getattr(position, bucket.value) for bucket in BUCKETS}
        found = {bucket.value: sums.get(bucket, 0) for bucket in BUCKETS}
        if expected == found:
            return
        self._note(
            f"{sku}@{location}",
            str(expected),
            str(found),
            f"The journal's postings of {sku} at {location} do not sum to its position: journal or position is wrong.",
        )

    def _note(self, record: str, expected: str, found: str, sentence: str) -> None:
        self._findings.note(
            Party.BOOKS,
            Kind.DIFFERS,
            lambda: Difference(
                self._partition, Party.BOOKS, Kind.DIFFERS, record, expected, found, sentence, WHAT_TO_DO
            ),
        )

"""The transactions of a file: reading, translating and counting in one place, for the command, tests and the demo."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from agents.inventory.kits import explode
from agents.inventory.transactions import Transaction
from tools.importing.declaration import ImportMapping
from tools.importing.files import OpenedFile, Record, Records
from tools.importing.opening import opening_receipts
from tools.importing.problems import BadRow
from tools.importing.tally import BLANK_LINE, Tally
from tools.importing.translation import Skipped, Translator

OnBadRow = Callable[[Record, str], None]


def transactions_in(
    file: OpenedFile,
    mapping: ImportMapping,
    tally: Tally,
    *,
    from_row: int = 1,
    limit: int | None = None,
    on_bad_row: OnBadRow | None = None,
) -> Iterator[tuple[int, Transaction]]:
    """(row number, transaction) of at most `limit` rows from row `from_row` on; what is none is counted in `tally`.

    A row about a kit yields one transaction for each of its components.

    Raises CannotImport if the file cannot be read, MappingInvalid if the mapping names columns that it has not.
    """
    records = Records(file, mapping.layout)
    translate = Translator(mapping, records.columns).translate
    for record in records:
        if record.number < from_row:
            continue
        if limit is not None and tally.rows >= limit:
            return
        tally.rows += 1
        tally.last_row = record.number
        if not record.cells and record.problem is None:
            tally.skipped[BLANK_LINE] += 1
            continue
        problem, outcome = record.problem, None
        try:
            if problem is None:
                outcome = translate(record.number, record.cells)
        except BadRow as bad:
            problem = str(bad)
        if problem is not None:
            tally.bury(problem)
            if on_bad_row is not None:
                on_bad_row(record, problem)
        elif isinstance(outcome, Skipped):
            tally.skipped[outcome.reason] += 1
        elif outcome is not None:
            for part in explode(outcome, mapping.kits.get(outcome.sku)):
                tally.transactions[part.kind.value] += 1
                yield record.number, part


def openings_of(
    path: str, mapping: ImportMapping, on_row: Callable[[OpenedFile], None] | None = None
) -> list[Transaction]:
    """The opening receipts of the whole file; `on_row` hears of every row, for a progress bar.

    Of the whole file, whatever part of it is imported afterwards: a resumed import repeats them with the same
    quantities, and the ledger knows them already.
    """
    with OpenedFile(path) as file:

        def followed() -> Iterator[Transaction]:
            for _, transaction in transactions_in(file, mapping, Tally()):
                if on_row is not None:
                    on_row(file)
                yield transaction

        return list(opening_receipts(followed()))

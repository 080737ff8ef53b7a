"""`onhand import`: any CSV file to transactions by a declared mapping."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from tools.context import WRONG_USAGE, Context, common_options, fail

if TYPE_CHECKING:
    from agents.inventory.transactions import Transaction
    from agents.runtime.topology import Topology
    from tools.importing.declaration import ImportMapping
    from tools.importing.files import OpenedFile, Record
    from tools.importing.tally import Tally

ROWS_PER_REFRESH = 1_000
REFERENCE = "docs/reference/importing.md describes mappings."
MUCH = 50_000
"""Transactions, beyond which an import is more than a broker for small loads should have."""
SMALL_LOADS_ONLY = (
    "This broker is for small loads: it rewrites all it holds as one snapshot, so each step is slower than the one "
    f"before it, and this import sends more than {MUCH:,} transactions. Use --limit, or Apache Kafka for whole files "
    "(`make kafka`, or --bootstrap for a cluster of your own)."
)


@click.command(
    "import",
    epilog="Example: onhand import uci_online_retail.csv.xz --map uci-online-retail --opening --dry-run",
)
@click.argument("file", metavar="FILE")
@click.option("--map", "map_name", metavar="NAME", required=True, help="The mapping, from mappings: of the topology.")
@click.option(
    "--opening", is_flag=True, help="First bring the stock that must have been there, as the mapping declares."
)
@click.option("--dry-run", is_flag=True, help="Count, show the first transactions, send nothing; needs no broker.")
@click.option(
    "--show",
    type=click.IntRange(0),
    default=5,
    show_default=True,
    metavar="N",
    help="Transactions that --dry-run shows.",
)
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Stop after N rows.")
@click.option(
    "--from-row",
    type=click.IntRange(1),
    default=1,
    metavar="N",
    help="Begin at row N; 1 is the first after the header.",
)
@common_options
def command(
    context: Context,
    file: str,
    map_name: str,
    opening: bool,
    dry_run: bool,
    show: int,
    limit: int | None,
    from_row: int,
) -> None:
    """Turn a CSV file into transactions by a mapping.

    FILE may be packed (.gz, .xz, .zip), and - is standard input. Bad rows become dead letters with their row number
    and reason; rows that are no stock are skipped by rule and counted. It can be repeated and resumed: ids come from
    the rows, and the ledger takes each once.
    """
    from tools.importing.problems import CannotImport, MappingInvalid

    try:
        mapping = _mapping(context.topology, map_name, opening, file)
        course = _Course(context, mapping, file, opening, from_row, limit)
        if dry_run:
            course.rehearse(show)
        else:
            course.publish()
    except MappingInvalid as invalid:
        fail(_capital(f"{invalid}"), REFERENCE, WRONG_USAGE)
    except CannotImport as problem:
        fail(str(problem), problem.what_to_do)


def _mapping(topology: Topology, name: str, opening: bool, file: str) -> ImportMapping:
    from tools.importing.declaration import read_mapping
    from tools.importing.files import STANDARD_INPUT

    mapping = read_mapping(topology.mappings, name, topology.backfill_sources)
    if opening and mapping.opening is None:
        raise click.UsageError(f"The mapping {name} does not declare how opening stock is derived (opening:).")
    if opening and file == STANDARD_INPUT:
        raise click.UsageError("--opening reads the file twice, which standard input cannot be; give a file.")
    return mapping


class _Course:
    """One run of the command."""

    def __init__(
        self, context: Context, mapping: ImportMapping, path: str, opening: bool, from_row: int, limit: int | None
    ) -> None:
        from tools.importing.tally import Tally

        self.context = context
        self.mapping = mapping
        self.path = path
        self.opening = opening
        self.from_row = from_row
        self.limit = limit
        self.tally: Tally = Tally()
        self.started = time.monotonic()
        self.warnings: list[str] = []

    def rehearse(self, show: int) -> None:
        """Count and show; send nothing."""
        from msgspec import to_builtins

        first: list[Transaction] = []
        bad: list[tuple[int, str]] = []

        def remember(record: Record, reason: str) -> None:
            if len(bad) < show:
                bad.append((record.number, reason))

        for transaction in self._openings():
            if len(first) < show:
                first.append(transaction)
        for _, transaction in self._transactions(remember):
            if len(first) < show:
                first.append(transaction)
        value = self._figures() | {"dry_run": True}
        if self.context.as_json:
            self.context.print_json(value | {"first": to_builtins(first), "bad_rows": dict(bad)})
            return
        from tools.importing import report

        report.show(self.context.console, value, first, bad)

    def publish(self) -> None:
        """Send everything; a broken connection ends with the row to resume at."""
        from tools.importing.files import OpenedFile
        from tools.importing.publishing import publisher_for

        with OpenedFile(self.path) as file:  # a wrong file name is told before the broker is asked
            file_name = file.name
            publisher = publisher_for(self.context.topology, self.mapping)
        publisher.check_topics()

        def bury(record: Record, reason: str) -> None:
            publisher.bury(record, file_name, self.mapping.name, reason)

        try:
            openings = ((0, transaction) for transaction in self._openings())
            for sent, (row, transaction) in enumerate(itertools.chain(openings, self._transactions(bury))):
                if sent == MUCH and publisher.broker_is_for_small_loads:
                    self._warn(SMALL_LOADS_ONLY)
                publisher.send(row, transaction)
            publisher.finish()
        except KeyboardInterrupt:
            click.echo(f"Interrupted. Go on with --from-row {publisher.resume_at}.", err=True)
            raise
        value = self._figures() | {"dry_run": False, "warnings": self.warnings}
        if self.context.as_json:
            self.context.print_json(value)
            return
        from tools.importing import report

        report.show(self.context.console, value, [], [])

    def _warn(self, sentence: str) -> None:
        """On standard error at once, above the bar; --json tells it again at the end."""
        self.warnings.append(sentence)
        self.context.progress_console.print(f"Warning: {sentence}", style="yellow", markup=False, soft_wrap=True)

    def _openings(self) -> list[Transaction]:
        from tools.importing.reading import openings_of

        if not self.opening:
            return []
        with self._progress("Opening stock") as advance:
            openings = openings_of(self.path, self.mapping, advance)
        self.tally.opening_receipts = len(openings)
        return openings

    def _transactions(self, on_bad_row: Callable[[Record, str], None]) -> Iterator[tuple[int, Transaction]]:
        from tools.importing.files import OpenedFile
        from tools.importing.reading import transactions_in

        with OpenedFile(self.path) as file, self._progress("Rows") as advance:
            for pair in transactions_in(
                file, self.mapping, self.tally, from_row=self.from_row, limit=self.limit, on_bad_row=on_bad_row
            ):
                advance(file)
                yield pair

    @contextmanager
    def _progress(self, title: str) -> Iterator[Callable[[OpenedFile], None]]:
        """A bar on standard error by bytes of the file, on a terminal only."""
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rows]:,} rows"),
            TimeRemainingColumn(),
        )
        console = self.context.progress_console
        shown = console.is_terminal and not self.context.as_json
        with Progress(*columns, console=console, disable=not shown, transient=True) as progress:
            task = progress.add_task(title, total=None, rows=0)
            rows = itertools.count(1)

            def advance(file: OpenedFile) -> None:
                row = next(rows)
                if row % ROWS_PER_REFRESH == 0:
                    progress.update(task, completed=file.read_bytes(), total=file.size_bytes, rows=row)

            yield advance

    def _figures(self) -> dict[str, Any]:
        from tools.importing.files import name_of

        seconds = time.monotonic() - self.started
        return {"file": name_of(self.path), "map": self.mapping.name, **self.tally.as_json(seconds)}


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]

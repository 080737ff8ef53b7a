"""What an import says at its end, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from agents.inventory.transactions import Transaction


def show(
    console: Console, figures: Mapping[str, Any], first: Sequence[Transaction], bad: Sequence[tuple[int, str]]
) -> None:
    """Print the counts, and of a dry run the first transactions and the first bad rows."""
    if first:
        console.print(_transactions(first))
    console.print(_counts(figures))
    for row, reason in bad:
        console.print(f"Row {row}: {reason}", markup=False)
    verb = "would be" if figures["dry_run"] else "are"
    sent = sum(figures["transactions"].values()) + figures["opening_receipts"]
    console.print(
        f"{figures['rows']:,} rows of {figures['file']} in {figures['seconds']:.1f} s ({figures['rows_per_s']:,}/s): "
        f"{sent:,} transactions and {figures['dead_letters']:,} dead letters {verb} sent.",
        markup=False,
    )
    if not figures["dry_run"] and figures["dead_letters"]:
        console.print("`onhand dead-letters list` shows the bad rows and why.", markup=False)


def _transactions(first: Sequence[Transaction]) -> Table:
    table = Table("id", "kind", "sku", "location", "quantity", "order", "reason", title="The first transactions")
    for one in first:
        table.add_row(
            one.transaction_id,
            one.kind.value,
            one.sku,
            one.location or "",
            "" if one.quantity is None else str(one.quantity),
            one.order_id or "",
            one.reason or "",
        )
    return table


def _counts(figures: Mapping[str, Any]) -> Table:
    table = Table("what", "rows")
    table.columns[1].justify = "right"
    for kind, count in figures["transactions"].items():
        table.add_row(kind, f"{count:,}")
    for reason, count in figures["skipped"].items():
        table.add_row(f"skipped: {reason}", f"{count:,}")
    for reason, count in figures["dead_letter_reasons"].items():
        table.add_row(f"dead letter: {reason}", f"{count:,}")
    table.add_section()
    table.add_row("rows", f"{figures['rows']:,}")
    if figures["opening_receipts"]:
        table.add_row("opening receipts, beside the rows", f"{figures['opening_receipts']:,}")
    return table

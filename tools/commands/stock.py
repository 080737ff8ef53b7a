"""`onhand stock`: where a SKU stands, per location."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import click

from tools.context import Context, common_options, fail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agents.inventory.positions import StockLevel

ALWAYS = ("on_hand", "atp")
WHERE_ANY = ("unpromised", "reserved", "allocated", "quarantined", "in_transit", "safety_stock")
"""Shown where one of the rows has any, so that the table fits a terminal; --json has all."""


@click.command("stock", epilog="Example: onhand stock SHOE@LEEDS --json")
@click.argument("skus", nargs=-1, metavar="SKU[@LOCATION]...")
@click.option("--all", "everything", is_flag=True, help="Every SKU.")
@click.option("--negative", is_flag=True, help="Only rows with atp below zero.")
@common_options
def command(context: Context, skus: tuple[str, ...], everything: bool, negative: bool) -> None:
    """Show the published level of SKUs: the units on hand and how they are promised, and what is available to promise.

    Levels are read from the compacted topic, committed ones only; `as of` is when the row changed last. With --json
    one object a line. Exit code 1: nothing is known of something that was asked.
    """
    if everything == bool(skus):
        raise click.UsageError("name SKUs, or give --all")
    known = _levels(context, skus)
    found = [level for level in known if not negative or level.atp < 0]
    if context.as_json:
        for level in found:
            context.print_json(level)
    elif found:
        _show(context, found)
    elif known:
        click.echo("None of it is below zero.", err=True)
    unknown = [sku for sku in skus if not any(_is_meant(sku, level) for level in known)]
    for sku in unknown:
        click.echo(f"Nothing is known of {sku}: no transaction has named it yet, in these very letters.", err=True)
    if everything and not known:
        click.echo("Nothing is known yet: no transaction has been decided.", err=True)
    if unknown or not known:
        context.differs()


def _levels(context: Context, skus: tuple[str, ...]) -> list[StockLevel]:
    from tools.brokers.encoding import codec_of
    from tools.brokers.reporting import broker_or_fail
    from tools.ledger_view import TopicMissing, levels

    topology = context.topology
    with broker_or_fail(topology.kafka["bootstrap.servers"]), context.progress_console.status("reading") as status:
        try:
            # A SKU may hold an @: what is before each of them is asked for, and what was meant is judged afterwards.
            found = levels(
                topology,
                codec_of(topology),
                [prefix for sku in skus for prefix in _readings(sku)],
                lambda count: status.update(f"reading: {count:,} levels"),
            )
        except TopicMissing as missing:
            fail(f"There is no topic {missing} on this cluster.", "Create it with `onhand topics create`.")
    return [level for level in found if not skus or any(_is_meant(sku, level) for sku in skus)]


def _readings(asked: str) -> list[str]:
    parts = asked.split("@")
    return ["@".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _is_meant(asked: str, level: StockLevel) -> bool:
    return asked in {level.sku, f"{level.sku}@{level.location}"}


def _show(context: Context, found: Sequence[StockLevel]) -> None:
    from rich.table import Table

    fields = [*ALWAYS, *(name for name in WHERE_ANY if any(getattr(level, name) for level in found))]
    table = Table()
    for name in ("sku", "location"):
        table.add_column(name, overflow="fold")
    for name in (*fields, "revision", "as of (UTC)"):
        table.add_column(name, justify="right")
    for level in found:
        numbers = [f"{getattr(level, name):,}" for name in fields]
        as_of = dt.datetime.fromtimestamp(level.as_of_ms / 1000, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
        red = "red" if level.atp < 0 else None
        table.add_row(level.sku, level.location, *numbers, str(level.revision), as_of, style=red)
    context.console.print(table, markup=False)  # names and reasons may hold [brackets]

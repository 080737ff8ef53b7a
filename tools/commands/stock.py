"""`onhand stock`: where a SKU stands, per location."""

from __future__ import annotations

from typing import TYPE_CHECKING

import datetime as dt

import click

from tools.context import Context, common_options, fail

if TYPE_CHECKING:
    from agents.inventory.positions import StockLevel

FIELDS = ("on_hand", "atp", "unpromised", "reserved", "allocated", "quarantined", "in_transit", "safety_stock")


@click.command("stock", epilog="Example: onhand stock SHOE@LEEDS --json")
@click.argument("skus", nargs=-1, metavar="SKU[@LOCATION]...")
@click.option("--all", "everything", is_flag=True, help="Every SKU.")
@click.option("--negative", is_flag=True, help="Only rows with atp below zero.")
@common_options
def command(context: Context, skus: tuple[str, ...], everything: bool, negative: bool) -> None:
    """Show the published level of SKUs: the units on hand and how they are promised, and what is available to promise.

    Levels are read from the compacted topic, committed ones only. With --json one object a line. Exit code 1: nothing
    is known of what was asked.
    """
    if everything == bool(skus):
        raise click.UsageError("name SKUs, or give --all")
    found = [level for level in _levels(context, skus) if not negative or level.atp < 0]
    if context.as_json:
        for level in found:
            context.print_json(level)
    elif found:
        _show(context, found)
    if not found and not negative:
        click.echo("Nothing is known of it: no transaction has named it yet.", err=True)
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
    return [level for level in found if not skus or level.sku in skus or f"{level.sku}@{level.location}" in skus]


def _readings(asked: str) -> list[str]:
    parts = asked.split("@")
    return ["@".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _show(context: Context, found: list[StockLevel]) -> None:
    from rich.table import Table

    table = Table()
    table.add_column("sku")
    table.add_column("location")
    for name in (*FIELDS, "revision"):
        table.add_column(name, justify="right")
    for level in found:
        numbers = [str(getattr(level, name)) for name in (*FIELDS, "revision")]
        table.add_row(level.sku, level.location, *numbers, style="red" if level.atp < 0 else None)
    context.console.print(table)

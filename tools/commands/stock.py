"""`onhand stock`: where a SKU stands, per location."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import click
from msgspec import structs

from tools.context import Context, common_options, fail

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agents.inventory.positions import StockLevel

ALWAYS = ("on_hand", "atp")
WHERE_ANY = ("unpromised", "reserved", "allocated", "quarantined", "in_transit", "safety_stock")
"""Shown where one of the rows has any, so that the table fits a terminal; --json has all."""


@click.command("stock", epilog="Examples: onhand stock SHOE@LEEDS --json; onhand stock --all --by 2027-01-31")
@click.argument("skus", nargs=-1, metavar="SKU[@LOCATION]...")
@click.option("--all", "everything", is_flag=True, help="Every SKU.")
@click.option("--negative", is_flag=True, help="Only rows with atp below zero.")
@click.option("--by", metavar="DATE", help="Also the projected atp at the end of that day (UTC), such as 2027-01-31.")
@common_options
def command(context: Context, skus: tuple[str, ...], everything: bool, negative: bool, by: str | None) -> None:
    """Show the published level of SKUs: the units on hand and how they are promised, and what is available to promise.

    Levels are read from the compacted topic, committed ones only; `as of` is when the row changed last. With --json
    one object a line. Exit code 1: nothing is known of something that was asked.

    With --by the projected atp too: what is announced or transferred and due by then is added, what is backordered is
    taken off at the first place the claim names (what has a promise date, from that date). Overdue goods do not count.
    """
    until_ms = None if by is None else _end_of_day_ms(by)
    if everything == bool(skus):
        raise click.UsageError("name SKUs, or give --all")
    known = _levels(context, skus)
    found = [level for level in known if not negative or level.atp < 0]
    projected = {} if until_ms is None else _projected(context, skus, found, until_ms)
    if context.as_json:
        for level in found:
            more = {"projected_atp": projected[level.sku, level.location]} if projected else {}
            context.print_json({**structs.asdict(level), **more})
    elif found:
        _show(context, found, projected)
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
    from tools.brokers.keyed_reading import TopicMissing
    from tools.brokers.reporting import broker_or_fail
    from tools.ledger_view import levels

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


def _projected(
    context: Context, skus: tuple[str, ...], found: Sequence[StockLevel], until_ms: int
) -> dict[tuple[str, str], int]:
    """Projected atp by SKU and location."""
    from agents.inventory.projection import changes_at, projected_atp
    from tools.brokers.reporting import broker_or_fail
    from tools.ledger_view import Prospect, prospects

    topology = context.topology
    wanted = sorted({level.sku for level in found}) if skus else []
    with broker_or_fail(topology.kafka["bootstrap.servers"]), context.progress_console.status("reading") as status:
        known = prospects(topology, wanted, lambda count: status.update(f"reading: {count:,} rows"))
    now_ms = int(dt.datetime.now(dt.UTC).timestamp() * 1_000)
    nothing = Prospect([], [])
    projected: dict[tuple[str, str], int] = {}
    for level in found:
        shipments, claims = known.get(level.sku, nothing)
        changes = changes_at(level.location, shipments, claims)
        projected[level.sku, level.location] = projected_atp(level.atp, changes, now_ms, until_ms)
    return projected


def _end_of_day_ms(day: str) -> int:
    """The last millisecond of a day that is not over yet."""
    try:
        parsed = dt.date.fromisoformat(day)
        midnight = dt.datetime.combine(parsed + dt.timedelta(days=1), dt.time(), dt.UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(f"{day!r} is no date such as 2027-01-31", param_hint="--by") from None
    if midnight <= dt.datetime.now(dt.UTC):
        raise click.BadParameter(f"{day} is over", param_hint="--by")
    return int(midnight.timestamp() * 1_000) - 1


def _readings(asked: str) -> list[str]:
    parts = asked.split("@")
    return ["@".join(parts[:count]) for count in range(1, len(parts) + 1)]


def _is_meant(asked: str, level: StockLevel) -> bool:
    return asked in {level.sku, f"{level.sku}@{level.location}"}


def _show(context: Context, found: Sequence[StockLevel], projected: Mapping[tuple[str, str], int]) -> None:
    from rich.table import Table

    fields = [*ALWAYS, *(name for name in WHERE_ANY if any(getattr(level, name) for level in found))]
    table = Table()
    for name in ("sku", "location"):
        table.add_column(name, overflow="fold")
    dated = ("projected atp",) if projected else ()
    for name in (*fields, *dated, "revision", "as of (UTC)"):
        table.add_column(name, justify="right")
    for level in found:
        numbers = [f"{getattr(level, name):,}" for name in fields]
        if projected:
            numbers.append(f"{projected[level.sku, level.location]:,}")
        as_of = dt.datetime.fromtimestamp(level.as_of_ms / 1000, dt.UTC).strftime("%Y-%m-%d %H:%M:%S")
        red = "red" if level.atp < 0 else None
        table.add_row(level.sku, level.location, *numbers, str(level.revision), as_of, style=red)
    context.console.print(table, markup=False)  # names and reasons may hold [brackets]

"""`onhand reservations`: the open claims."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from tools.context import Context, common_options, fail

if TYPE_CHECKING:
    from tools.ledger_view import OpenClaim


@click.command("reservations", epilog="Example: onhand reservations SHOE --due-within 5m")
@click.argument("sku", required=False)
@click.option("--holder", help="Only of this holder: an order, a cart.")
@click.option("--location", help="Only with units at this location.")
@click.option("--due-within", metavar="TIME", help="Only what expires within this time, such as 5m, or is due already.")
@common_options
def command(
    context: Context, sku: str | None, holder: str | None, location: str | None, due_within: str | None
) -> None:
    """Show the open claims on a SKU, or all of them: who holds how much, where, and until when.

    They are read from the ledger's changelog, committed ones only. With --json one object a line.
    """
    due_before_ms = None if due_within is None else _now_ms() + _duration_ms(due_within)
    found = [
        each
        for each in _claims(context, sku)
        if (holder is None or each.holder == holder)
        and (location is None or any(leg.location == location for leg in each.claim.legs))
        and (due_before_ms is None or (each.claim.due_ms is not None and each.claim.due_ms <= due_before_ms))
    ]
    if context.as_json:
        for each in found:
            context.print_json(_plain(each))
    elif found:
        _show(context, found)
    else:
        click.echo("No open claims.")


def _claims(context: Context, sku: str | None) -> list[OpenClaim]:
    from tools.brokers.keyed_reading import TopicMissing
    from tools.brokers.reporting import broker_or_fail
    from tools.ledger_view import claims

    topology = context.topology
    with broker_or_fail(topology.kafka["bootstrap.servers"]), context.progress_console.status("reading") as status:
        try:
            return claims(topology, sku, lambda count: status.update(f"reading: {count:,} rows"))
        except TopicMissing as missing:
            fail(f"There is no topic {missing} on this cluster.", "Create it with `onhand topics create`.")


def _plain(each: OpenClaim) -> dict[str, Any]:
    claim = each.claim
    return {
        "sku": each.sku,
        "holder": each.holder,
        "line": each.line,
        "reserved": sum(leg.reserved for leg in claim.legs),
        "allocated": sum(leg.allocated for leg in claim.legs),
        "backordered": claim.backordered,
        "due_ms": claim.due_ms,
        "priority": claim.priority,
        "channel": claim.channel,
        "order_id": claim.order_id,
        "legs": [
            {"location": leg.location, "reserved": leg.reserved, "allocated": leg.allocated} for leg in claim.legs
        ],
    }


def _show(context: Context, found: list[OpenClaim]) -> None:
    from rich.table import Table

    table = Table()
    for name in ("sku", "holder", "line", "where"):
        table.add_column(name, overflow="fold")
    for name in ("reserved", "allocated", "backordered", "expires in"):
        table.add_column(name, justify="right")
    now = _now_ms()
    for each in found:
        plain = _plain(each)
        where = ", ".join(leg["location"] for leg in plain["legs"])
        expires = "" if plain["due_ms"] is None else time_left(plain["due_ms"] - now)
        numbers = (str(plain["reserved"]), str(plain["allocated"]), str(plain["backordered"] or ""), expires)
        table.add_row(each.sku, each.holder, str(each.line), where, *numbers)
    context.console.print(table, markup=False)  # names and reasons may hold [brackets]
    context.console.print("1 open claim" if len(found) == 1 else f"{len(found):,} open claims")


def time_left(left_ms: int) -> str:
    """`45s`, `14m 05s`, `3h 20m`, `2d 4h`; `due` where nothing is left."""
    if left_ms <= 0:
        return "due"
    minutes, seconds = divmod(-(-left_ms // 1000), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours}h"
    if hours:
        return f"{hours}h {minutes:02}m"
    return f"{minutes}m {seconds:02}s" if minutes else f"{seconds}s"


def _duration_ms(text: str) -> int:
    from agents.runtime.notation import duration_ms

    try:
        return duration_ms(text)
    except ValueError as wrong:
        raise click.UsageError(f"--due-within: {wrong}") from None


def _now_ms() -> int:
    return time.time_ns() // 1_000_000

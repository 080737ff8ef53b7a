"""`onhand what-if`: what a file of transactions or orders would do now, without doing it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tools.context import WRONG_USAGE, Context, common_options, fail

if TYPE_CHECKING:
    from agents.inventory.campaigns.rows import Campaign
    from agents.inventory.orders.rows import Order
    from tools.scenario.memory_rows import MemoryRows
    from tools.what_if.hypothesis import Change, Said, Script

    Standing = tuple[MemoryRows, dict[str, Order], dict[str, Campaign] | None]

FIGURES = ("unpromised", "reserved", "allocated", "quarantined", "in_transit")


@click.command(
    "what-if", epilog="Examples: onhand what-if recall.txt; onhand what-if orders.json --at 2026-11-21T14:00Z"
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--at", "moment", metavar="TIME", help="As it was then: an age such as 1h, or 2026-11-21T14:00Z.")
@common_options
def command(context: Context, file: Path, moment: str | None) -> None:
    """Show what a file of transactions or orders would do now, without doing it.

    FILE is scenario text as for `onhand play` (without times of day: it begins now; without demand and KPIs), or JSON, one transaction or order
    record a line. The rows of the SKUs and orders it names are read from the changelog, the rules are applied to them in
    memory, and each line is shown with what the ledger would answer; then the positions that would change. Nothing is
    published. Transaction ids of the file count as new.

    With --at the same for a past moment: the input log is folded again up to the last record of that time.
    """
    from tools.brokers.encoding import codec_of
    from tools.scenario.words import Unreadable
    from tools.what_if.hypothesis import Hypothesis, Script, as_object
    from tools.what_if.standing import campaign_policy

    topology = context.topology
    at_ms = int(time.time() * 1000) if moment is None else _moment_ms(moment)
    try:
        script = Script(file.read_text(encoding="utf-8"), topology, codec_of(topology))
    except Unreadable as unreadable:
        fail(f"{file}, {unreadable}", "docs/reference/scenarios.md describes the language.", WRONG_USAGE)
    except UnicodeDecodeError:
        fail(f"{file} is no text in UTF-8.", exit_code=WRONG_USAGE)
    if not (script.skus or script.orders or script.campaigns):
        fail(f"{file} names no SKU, no order and no campaign.", exit_code=WRONG_USAGE)
    if script.campaigns and moment is not None:
        fail("--at tells how stock and orders stood, not how campaigns did.", "Leave it out.", WRONG_USAGE)
    rows, orders, campaigns = _standing(context, script, None if moment is None else at_ms)
    hypothesis = Hypothesis(rows, at_ms, topology.orders, orders, campaigns, campaign_policy(topology))
    try:
        for said in hypothesis.play(script):
            _show(context, said)
    except Unreadable as unreadable:
        fail(f"{file}, {unreadable}", "docs/reference/scenarios.md describes the language.", WRONG_USAGE)
    changes = hypothesis.changes()
    if context.as_json:
        context.print_json({"changes": [as_object(change) for change in changes]})
    else:
        _show_changes(context, changes)


def _moment_ms(text: str) -> int:
    from tools.moments import NoMoment, moment_ms

    try:
        return moment_ms(text)
    except NoMoment as error:
        raise click.UsageError(f"--at must be {error}") from None


def _standing(context: Context, script: Script, at_ms: int | None) -> Standing:
    """The rows of the SKUs that it names, and the orders; of an order that is known also the SKUs of its lines.

    And the campaigns that it names, with the rows of what they watch: None where it names none.
    """
    from tools.brokers.encoding import codec_of
    from tools.brokers.keyed_reading import TopicMissing
    from tools.brokers.reporting import broker_or_fail
    from tools.what_if.standing import campaigns_now, orders_now, orders_then, rows_now, rows_then, with_days

    topology = context.topology
    with broker_or_fail(topology.kafka["bootstrap.servers"]), context.progress_console.status("reading") as status:

        def seen(count: int) -> None:
            status.update(f"reading: {count:,} records")

        try:
            if at_ms is None:
                orders = orders_now(topology, script.orders, seen)
                campaigns = campaigns_now(topology, script.campaigns, seen) if script.campaigns else None
                watched = [heard.sku for campaign in (campaigns or {}).values() for heard in campaign.heard]
                now_ms, skus = int(time.time() * 1000), list(dict.fromkeys([*_skus(script, orders), *watched]))
                return with_days(skus, now_ms, lambda wanted: rows_now(topology, wanted, seen)), orders, campaigns
            codec = codec_of(topology)
            orders = orders_then(topology, codec, script.orders, at_ms, seen)
            skus = _skus(script, orders)
            return with_days(skus, at_ms, lambda wanted: rows_then(topology, codec, wanted, at_ms, seen)), orders, None
        except TopicMissing as missing:
            fail(f"There is no topic {missing} on this cluster.", "Create it with `onhand topics create`.")


def _skus(script: Script, orders: dict[str, Order]) -> list[str]:
    return list(dict.fromkeys([*script.skus, *(line.sku for order in orders.values() for line in order.lines)]))


def _show(context: Context, said: Said) -> None:
    if context.as_json:
        context.print_json(
            {
                "line": said.line,
                "text": said.text,
                "said": said.said,
                "routings": [
                    {
                        "type": routing.type,
                        "line": routing.line,
                        "sku": routing.sku,
                        "quantity": routing.quantity,
                        "from_location": routing.from_location,
                        "to_location": routing.to_location,
                        "reason": routing.reason,
                    }
                    for routing in said.routings
                ],
            }
        )
        return
    context.console.print(f"{said.line:5}  {said.text}", markup=False, soft_wrap=True)
    context.console.print(f"         {said.said}", style="dim", markup=False, soft_wrap=True)
    for routing in said.routings:
        places = ", ".join(f"{place.quantity} at {place.location}" for place in routing.places)
        words = f"line {routing.line}: {routing.type.value.lower()} {routing.quantity} {routing.sku}"
        reason = f" ({routing.reason})" if routing.reason else ""
        context.console.print(f"         {words}{reason}{': ' if places else ''}{places}", markup=False, soft_wrap=True)


def _show_changes(context: Context, changes: list[Change]) -> None:
    from rich.table import Table

    if not changes:
        context.console.print("No position would change.")
        return
    table = Table(title="What would be other than now", title_justify="left")
    for name in ("sku", "location", *FIGURES):
        table.add_column(name, justify="left" if name in {"sku", "location"} else "right")
    for change in changes:
        pairs = [(getattr(change.before, name, 0), getattr(change.after, name, 0)) for name in FIGURES]
        cells = [str(after) if before == after else f"{before} -> {after}" for before, after in pairs]
        table.add_row(change.sku, change.location, *cells)
    context.console.print(table)

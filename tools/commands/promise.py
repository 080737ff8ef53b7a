"""`onhand promise`: when an order would come and from where, without holding anything."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from tools.context import WRONG_USAGE, Context, common_options, fail

if TYPE_CHECKING:
    from agents.inventory.orders.promises import Ask, Promise
    from tools.scenario.memory_rows import MemoryRows


@click.command("promise", epilog="Example: onhand promise SHOE:2 HAT:1 --to GB:LS:538:-15 --channel web")
@click.argument("lines", nargs=-1, required=True, metavar="SKU:QUANTITY...")
@click.option("--to", "destination", metavar="COUNTRY:AREA[:LAT:LON]", help="Where it goes; degrees times ten.")
@click.option("--pickup", metavar="LOCATION", help="It is to be collected there.")
@click.option("--channel", help="The sales channel: its places, buffers and handling time.")
@click.option("--by", metavar="DURATION", help="It should be there in so long, such as 48h: lateness is a cost.")
@click.option("--max-splits", type=click.IntRange(min=0), help="Places more than one that a line may come from.")
@common_options
def command(
    context: Context,
    lines: tuple[str, ...],
    destination: str | None,
    pickup: str | None,
    channel: str | None,
    by: str | None,
    max_splits: int | None,
) -> None:
    """Say when an order would come and from where, without placing it and without holding anything.

    The rows of its SKUs are read as they are, and the ledger is asked what it would answer: the places of each line with
    the costs that chose them, what leaves when (handling, cut-off, working days, holidays, days that are full), and when it
    is there. What is not there now is promised from announced goods. Times are UTC; `day` is the local day of the place.
    docs/concepts/promises.md says how it is reckoned.

    Exit code 1: not all of it can be promised, now or later.
    """
    from agents.inventory.orders.promises import promise
    from tools.promising import plain

    ask = _ask(context, lines, {"to": destination, "pickup": pickup, "channel": channel, "promise": by}, max_splits)
    found = promise(_rows(context, ask), ask)
    if context.as_json:
        context.print_json(plain(found))
    else:
        _show(context, found)
    if found.arrives_ms is None:
        context.differs()


def _ask(context: Context, lines: tuple[str, ...], said: dict[str, str | None], max_splits: int | None) -> Ask:
    from agents.inventory.orders.promises import Ask
    from agents.inventory.orders.validation import problem_of
    from agents.inventory.orders.words import OrderKind
    from tools.scenario.order_text import has_scenario_times, read_order
    from tools.scenario.words import Unreadable, Words

    strange = next((each for each in lines if "=" in each or ":" not in each), None)
    if strange is not None:
        fail(f"{strange!r} is no SKU:QUANTITY.", "`onhand promise --help` has an example.", WRONG_USAGE)
    words = ["promise", *lines, *[f"{name}={value}" for name, value in said.items() if value is not None]]
    now_ms = int(time.time() * 1000)
    try:
        text = read_order(OrderKind.PLACED, Words(" ".join(words), 1))
        if has_scenario_times(text):
            fail("--by is a duration from now, such as 48h.", exit_code=WRONG_USAGE)
        record = text.record(now_ms, record_id="promise", source="onhand-cli")
    except Unreadable as unreadable:
        fail(f"It cannot be read: {unreadable.reason}.", "`onhand promise --help` has an example.", WRONG_USAGE)
    problem = problem_of(record)
    if problem is not None:
        fail(f"It cannot be promised: {problem}.", exit_code=WRONG_USAGE)
    return Ask(
        lines=record.lines,
        at_ms=now_ms,
        channel=record.channel,
        method=record.method,
        pickup_location=record.pickup_location,
        destination=record.destination,
        max_splits=max_splits,
        promise_by_ms=record.promise_by_ms,
        split_must_save=context.topology.orders.split_must_save,
    )


def _rows(context: Context, ask: Ask) -> MemoryRows:
    from tools.brokers.keyed_reading import TopicMissing
    from tools.brokers.reporting import broker_or_fail
    from tools.promising import rows_for

    topology = context.topology
    with broker_or_fail(topology.kafka["bootstrap.servers"]), context.progress_console.status("reading") as status:
        try:
            return rows_for(topology, ask, lambda count: status.update(f"reading: {count:,} records"))
        except TopicMissing as missing:
            fail(f"There is no topic {missing} on this cluster.", "Create it with `onhand topics create`.")


def _show(context: Context, found: Promise) -> None:
    from rich.table import Table

    from tools.promising import cost_words, headline, line_words, minute, why_words

    def say(text: str) -> None:
        context.console.print(text, markup=False, soft_wrap=True)

    say(headline(found))
    for line in found.lines:
        say(f"  {line_words(line)}")
    if found.shipments:
        table = Table()
        for name in ("from", "day", "lines", "leaves (UTC)", "there (UTC)", "a shipment costs"):
            table.add_column(name, overflow="fold")
        for each in found.shipments:
            units = [
                f"{each_line.line}: {part.quantity} {each_line.sku}"
                for each_line in found.lines
                for part in each_line.parts
                if (part.location, part.leaves_ms) == (each.location, each.leaves_ms)
            ]
            day = each.date if each.put_off_from is None else f"{each.date} ({each.put_off_from} is full)"
            there = minute(each.arrives_ms) + ("" if each.days_known else ", days on the way not known")
            leaves, cost = minute(each.leaves_ms), cost_words(each) if each.terms else ""
            table.add_row(each.location, day, ", ".join(units), leaves, there, cost)
        context.console.print(table, markup=False)
        say("Why:")
        for each_why in why_words(found):
            say(f"  {each_why}")
